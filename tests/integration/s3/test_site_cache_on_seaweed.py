"""Given objects that came in every way that S3 has, when a site fetches them from SeaweedFS, then their ETags hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from ondol.control.input_object import InputObject, content_matches
from ondol.control.site_cache import SiteCache
from ondol.model.ids import SiteId
from ondol.storage.objects.port import PART_SIZE
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.seaweed import SeaweedSupervisor

HERE = SiteId("here")
MIB = 2**20


def whole(client: Any, bucket: str, data: bytes, file: Path) -> None:
    client.put_object(Bucket=bucket, Key="object", Body=data)


def in_parts(size: int) -> Callable[[Any, str, bytes, Path], None]:
    def upload(client: Any, bucket: str, data: bytes, file: Path) -> None:
        file.write_bytes(data)
        config = TransferConfig(multipart_threshold=size, multipart_chunksize=size)
        client.upload_file(str(file), bucket, "object", Config=config)

    return upload


def copied(client: Any, bucket: str, data: bytes, file: Path) -> None:
    client.put_object(Bucket=bucket, Key="original", Body=data)
    client.copy_object(Bucket=bucket, Key="object", CopySource={"Bucket": bucket, "Key": "original"})


def copied_from_parts(client: Any, bucket: str, data: bytes, file: Path) -> None:
    in_parts(PART_SIZE)(client, bucket, data, file)
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "object"})
    client.copy_object(Bucket=bucket, Key="object", CopySource={"Bucket": bucket, "Key": "copy"})


@pytest.mark.parametrize(
    ("upload", "size", "provable"),
    [
        (whole, 0, True),
        (whole, 5, True),
        (whole, 10 * MIB + 7, True),
        (in_parts(PART_SIZE), 20 * MIB + 7, True),
        (in_parts(5 * MIB), 12 * MIB, None),
        (copied, 10 * MIB + 7, True),
        (copied_from_parts, 20 * MIB, True),
    ],
)
def test_what_came_any_way_is_fetched_once_and_checked(
    weed: SeaweedSupervisor, directory: Any, alice: Any, bucket: str, tmp_path: Path,
    upload: Callable[[Any, str, bytes, Path], None], size: int, provable: bool | None,
) -> None:  # fmt: skip
    data = os.urandom(size)
    upload(alice, bucket, data, tmp_path / "file")
    objects = S3ObjectStore(weed.url, weed.access_key, weed.secret_key)
    found = next(one for one in objects.list(directory.backend_name("alice", bucket)) if one.key == "object")
    wanted = InputObject(directory.backend_name("alice", bucket), found.key, found.etag, found.size)
    cache, told = SiteCache(tmp_path / "cache", objects, (HERE,)), []
    for _ in range(2):
        with cache.lend(HERE, wanted, keep_s=60.0, tell=told.append) as lent:
            assert lent.path.read_bytes() == data
            assert content_matches(lent.path, found.etag) is provable
    assert sum(told) == size, "it was fetched once"
