"""The contract of ObjectStore, run against every implementation."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.model.errors import ConflictError, NotFoundError, UnavailableError
from ondol.storage.objects.folder import FolderObjectStore
from ondol.storage.objects.port import PART_SIZE, ObjectStore
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.seaweed import SeaweedSupervisor


def md5(data: bytes) -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)


@pytest.fixture(params=["folder", "seaweed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return FolderObjectStore(tmp_path / "objects")
    weed: SeaweedSupervisor = request.getfixturevalue("weed")
    return S3ObjectStore(weed.url, weed.access_key, weed.secret_key)


@pytest.fixture
def bucket(store: ObjectStore) -> Iterator[str]:
    name = f"contract-{secrets.token_hex(4)}"
    store.create_bucket(name)
    yield name
    for each in list(store.list(name)):
        store.delete(name, each.key)
    store.delete_bucket(name)


def test_what_is_put_is_listed_and_read_back(store: ObjectStore, bucket: str) -> None:
    store.put_bytes(bucket, "in/a b.txt", b"hello")
    store.put_bytes(bucket, "in/é", b"")
    store.put_bytes(bucket, "out/c", b"x")

    listed = {each.key: each for each in store.list(bucket, "in/")}
    assert set(listed) == {"in/a b.txt", "in/é"}
    assert listed["in/a b.txt"].size == 5
    assert listed["in/a b.txt"].etag == f'"{md5(b"hello").hexdigest()}"'
    assert len(list(store.list(bucket))) == 3
    assert store.get_bytes(bucket, "in/a b.txt") == b"hello"
    assert store.get_bytes(bucket, "in/é") == b""


def test_files_go_up_and_down_whole_with_the_etag_that_sdks_compute(
    store: ObjectStore, bucket: str, tmp_path: Path
) -> None:
    source = tmp_path / "big.bin"
    content = os.urandom(PART_SIZE) + os.urandom(1000)
    source.write_bytes(content)
    store.upload(source, bucket, "big")
    store.download(bucket, "big", tmp_path / "new" / "folder" / "copy.bin")

    assert (tmp_path / "new" / "folder" / "copy.bin").read_bytes() == content
    parts = (content[:PART_SIZE], content[PART_SIZE:])
    joined = md5(b"".join(md5(part).digest() for part in parts)).hexdigest()
    (info,) = store.list(bucket)
    assert (info.size, info.etag) == (len(content), f'"{joined}-2"')


def test_creating_twice_and_deleting_what_is_not_there_are_fine(store: ObjectStore, bucket: str) -> None:
    store.create_bucket(bucket)
    store.delete(bucket, "never")


def test_overwriting_replaces(store: ObjectStore, bucket: str) -> None:
    store.put_bytes(bucket, "k", b"one")
    store.put_bytes(bucket, "k", b"two")
    assert store.get_bytes(bucket, "k") == b"two"
    assert len(list(store.list(bucket))) == 1


def test_a_full_bucket_is_not_deleted(store: ObjectStore, bucket: str) -> None:
    store.put_bytes(bucket, "k", b"one")
    with pytest.raises(ConflictError, match="delete them first"):
        store.delete_bucket(bucket)


def test_missing_things_are_named(store: ObjectStore, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no/key"):
        store.get_bytes(bucket, "no/key")
    with pytest.raises(NotFoundError, match="no/key"):
        store.download(bucket, "no/key", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    with pytest.raises(NotFoundError, match="never-made"):
        list(store.list("never-made"))
    with pytest.raises(NotFoundError, match="never-made"):
        store.put_bytes("never-made", "k", b"")
    with pytest.raises(NotFoundError):
        store.delete_bucket("never-made")
    with pytest.raises(NotFoundError, match="not-here"):
        store.upload(tmp_path / "not-here", bucket, "k")


def test_a_store_that_is_down_is_said_to_be_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnavailableError, match="try again"):
        S3ObjectStore(url, "key", "secret", tries=1).get_bytes("bucket", "key")
