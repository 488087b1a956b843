"""Quotas and usage through boto3: refused before the data, counted after every kind of write, right after a restart."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from botocore.exceptions import ClientError

from ondol.server.s3.app import create_s3_app
from ondol.server.s3.metering import usage_book
from ondol.server.s3.ports import Backend, StorageMeter
from ondol.storage.objects.counted import CountedObjectStore
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.usage import BucketUsage, NoLimits

EMAIL = "carol@example.org"
MB = 1_000_000


@pytest.fixture(scope="module")
def backend(weed: Any) -> Backend:
    return Backend(weed.url, weed.access_key, weed.secret_key)


@pytest.fixture
def meter(directory: Any, backend: Backend) -> Any:
    directory.secrets[EMAIL] = secrets.token_hex(16)
    for account, name in list(directory.names):
        if account == "carol":
            directory.forget(account, name)
    return usage_book(
        directory, backend, lambda _: NoLimits(max_buckets=3, quota_bytes=20 * MB, quota_bytes_bucket=14 * MB)
    )


@pytest.fixture
def carol(
    meter: Any, directory: Any, backend: Backend, served: Callable[..., Any], s3_of: Callable[..., Any]
) -> Iterator[Any]:
    with served(create_s3_app(directory, backend, book=meter)) as url:
        yield s3_of(EMAIL, url=url)


def refusal(ask: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        ask()
    return {**refused.value.response["Error"], "status": refused.value.response["ResponseMetadata"]["HTTPStatusCode"]}


def fresh(client: Any) -> str:
    name = f"q-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    return name


def test_what_does_not_fit_is_refused_with_what_is_left(carol: Any, meter: StorageMeter) -> None:
    one, two = fresh(carol), fresh(carol)
    carol.put_object(Bucket=one, Key="a", Body=bytes(10 * MB))
    told = refusal(lambda: carol.put_object(Bucket=one, Key="b", Body=bytes(5 * MB)))
    assert (told["Code"], told["status"], told["RemainingBytes"]) == ("QuotaExceeded", 403, str(4 * MB))
    assert "this bucket may hold 14000000 bytes, 4000000 are left" in told["Message"]
    carol.put_object(Bucket=one, Key="a", Body=bytes(12 * MB))  # in the place of the 10
    told = refusal(lambda: carol.put_object(Bucket=two, Key="b", Body=bytes(9 * MB)))
    assert "your buckets together" in told["Message"]
    assert (
        refusal(lambda: carol.copy_object(Bucket=two, Key="c", CopySource={"Bucket": one, "Key": "a"}))["status"] == 403
    )
    carol.delete_object(Bucket=one, Key="a")
    carol.put_object(Bucket=two, Key="b", Body=bytes(9 * MB))
    fresh(carol)
    assert refusal(lambda: fresh(carol))["Code"] == "TooManyBuckets"
    carol.create_bucket(Bucket=one)  # one's own again is no new one
    usage = meter.usage("carol")
    assert (usage.bytes, usage.objects, usage.buckets) == (9 * MB, 1, 3)


def test_uploads_at_once_cannot_overrun_together(carol: Any, meter: StorageMeter) -> None:
    bucket = fresh(carol)

    def put(number: int) -> bool:
        try:
            carol.put_object(Bucket=bucket, Key=f"k{number}", Body=bytes(4 * MB))
        except ClientError as refused:
            return refused.response["Error"]["Code"] != "QuotaExceeded"
        return True

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(put, range(6))).count(True) == 3
    assert meter.usage("carol").bytes == 12 * MB


def test_a_refused_upload_need_not_be_sent(carol: Any) -> None:
    """Given more than fits, when a client waits for 100 Continue, then it reads the refusal instead."""
    bucket = fresh(carol)
    parts = urlsplit(carol.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}))
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    connection.putheader("Content-Length", str(15 * MB))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (403, "close")
    assert b"<Code>QuotaExceeded</Code>" in answer.read()
    connection.close()


def test_every_kind_of_write_is_counted_and_a_restart_counts_the_same(
    carol: Any, meter: StorageMeter, directory: Any, backend: Backend
) -> None:
    bucket = fresh(carol)
    part = bytes(5 << 20)
    target = {"Bucket": bucket, "Key": "m"}
    for key, size in (("a", 100), ("b", 0), ("c", 3000), ("a", 50)):
        carol.put_object(Bucket=bucket, Key=key, Body=bytes(size))
    carol.copy_object(Bucket=bucket, Key="d", CopySource={"Bucket": bucket, "Key": "c"})
    assert meter.usage("carol").by_bucket == {bucket: BucketUsage(6050, 4)}
    upload = carol.create_multipart_upload(**target)["UploadId"]
    for body in (bytes(1 << 20), part):  # a part sent again replaces the one before
        etag = carol.upload_part(**target, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    copied = carol.upload_part_copy(**target, UploadId=upload, PartNumber=2, CopySource={"Bucket": bucket, "Key": "c"})[
        "CopyPartResult"
    ]["ETag"]
    told = refusal(lambda: carol.upload_part(**target, UploadId=upload, PartNumber=3, Body=bytes(9 * MB)))
    assert told["Code"] == "QuotaExceeded"
    under_way = BucketUsage(6050 + len(part) + 3000, 4)
    assert meter.usage("carol").by_bucket == {bucket: under_way}
    assert usage_book(directory, backend).usage("carol").by_bucket == {bucket: under_way}, "as after kill -9"
    parts = [{"PartNumber": 1, "ETag": etag}, {"PartNumber": 2, "ETag": copied}]
    for _ in range(2):
        carol.complete_multipart_upload(**target, UploadId=upload, MultipartUpload={"Parts": parts})
    given_up = carol.create_multipart_upload(**target)["UploadId"]
    carol.upload_part(**target, UploadId=given_up, PartNumber=1, Body=part)
    carol.abort_multipart_upload(**target, UploadId=given_up)
    carol.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "d"}, {"Key": "never"}]})
    carol.delete_object(Bucket=bucket, Key="b")
    carol.delete_object(Bucket=bucket, Key="b")
    with pytest.raises(ClientError, match="BadDigest"):
        carol.put_object(Bucket=bucket, Key="x", Body=b"abc", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")
    expected = {bucket: BucketUsage(3000 + len(part) + 3000, 2)}
    assert meter.usage("carol").by_bucket == expected
    assert usage_book(directory, backend).usage("carol").by_bucket == expected
    with httpx2.Client(trust_env=False) as plain:
        answer = plain.head(carol.generate_presigned_url("head_bucket", {"Bucket": bucket}))
    assert (answer.headers["x-rgw-object-count"], answer.headers["x-rgw-bytes-used"]) == ("2", str(6000 + len(part)))


def test_what_the_platform_writes_itself_is_counted_too(
    carol: Any, meter: Any, directory: Any, backend: Backend
) -> None:
    """Given a counted bucket, when results are written past the front, then the figures follow once they are asked."""
    bucket = fresh(carol)
    carol.put_object(Bucket=bucket, Key="a", Body=b"abc")
    store = CountedObjectStore(S3ObjectStore(backend.url, backend.access_key, backend.secret_key), meter)
    behind = directory.backend_name("carol", bucket)
    store.put_bytes(behind, "out/../b\\c", bytes(1000))
    deadline = time.monotonic() + 15
    while meter.usage("carol").by_bucket != {bucket: BucketUsage(1003, 2)}:
        assert time.monotonic() < deadline, meter.usage("carol")
        time.sleep(0.02)
    assert carol.get_object(Bucket=bucket, Key="out/../b\\c")["ContentLength"] == 1000
    assert sorted(each.key for each in store.list(behind)) == ["a", "out/../b\\c"]
