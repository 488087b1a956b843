"""Conditions, checksums, overrides, access lists and refusals, as boto3 sees them."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import httpx2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ALICE = "alice@example.org"


def code(ask: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        ask()
    answer = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_conditions_on_reads(alice: Any, bucket: str) -> None:
    etag = alice.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    made = alice.head_object(Bucket=bucket, Key="k")["LastModified"]
    day = dt.timedelta(days=1)
    for ask in (alice.get_object, alice.head_object):
        target: dict[str, Any] = {"Bucket": bucket, "Key": "k"}
        assert ask(**target, IfMatch=etag, IfUnmodifiedSince=made)["ETag"] == etag
        assert ask(**target, IfNoneMatch='"other"', IfModifiedSince=made - day)["ETag"] == etag
        assert code(lambda: ask(**target, IfNoneMatch=etag))[1] == 304  # noqa: B023
        assert code(lambda: ask(**target, IfModifiedSince=made))[1] == 304  # noqa: B023
        assert code(lambda: ask(**target, IfMatch='"other"'))[1] == 412  # noqa: B023
        assert code(lambda: ask(**target, IfUnmodifiedSince=made - day))[1] == 412  # noqa: B023
    assert code(lambda: alice.get_object(Bucket=bucket, Key="k", Range="bytes=5-")) == ("InvalidRange", 416)


def test_of_many_that_write_if_none_is_there_one_does(alice: Any, bucket: str) -> None:
    gate = threading.Barrier(6)

    def put(number: int) -> str:
        gate.wait(10)
        try:
            alice.put_object(Bucket=bucket, Key="once", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as refused:
            return str(refused.response["Error"]["Code"])
        return "written"

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(put, range(6)))
    assert sorted(won) == ["PreconditionFailed"] * 5 + ["written"]
    assert alice.get_object(Bucket=bucket, Key="once")["Body"].read() == str(won.index("written")).encode()
    etag = alice.head_object(Bucket=bucket, Key="once")["ETag"]
    alice.put_object(Bucket=bucket, Key="once", Body=b"next", IfMatch=etag)
    assert code(lambda: alice.put_object(Bucket=bucket, Key="once", Body=b"", IfMatch=etag))[1] == 412
    assert code(lambda: alice.delete_object(Bucket=bucket, Key="once", IfMatch=etag))[1] == 412


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_held_to_what_comes(alice: Any, bucket: str, algorithm: str) -> None:
    field = f"Checksum{algorithm}"
    alice.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm=algorithm)
    sent = alice.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[field]
    alice.put_object(Bucket=bucket, Key="k", Body=b"hello", **{field: sent})
    assert code(lambda: alice.put_object(Bucket=bucket, Key="k", Body=b"hallo", **{field: sent})) == ("BadDigest", 400)
    assert code(lambda: alice.put_object(Bucket=bucket, Key="k", Body=b"x", **{field: "AAAA"})) == (
        "InvalidRequest",
        400,
    )
    assert alice.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
    deleted = alice.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}, ChecksumAlgorithm=algorithm)
    assert [each["Key"] for each in deleted["Deleted"]] == ["k"]


def test_headers_of_objects_come_back_and_may_be_overridden(alice: Any, bucket: str) -> None:
    headers = {
        "ContentType": "text/csv",
        "ContentDisposition": 'attachment; filename="a b.csv"',
        "ContentLanguage": "de",
        "ContentEncoding": "gzip",
        "CacheControl": "no-cache",
    }
    alice.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"who": "me", "other": "a  b"}, **headers)
    head = alice.head_object(Bucket=bucket, Key="k")
    assert {name: head[name] for name in headers} == headers
    assert head["Metadata"] == {"who": "me", "other": "a  b"}
    got = alice.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/plain", ResponseContentDisposition="inline"
    )
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/plain", "inline")
    alice.put_object(Bucket=bucket, Key="plain", Body=b"<html>")
    assert alice.head_object(Bucket=bucket, Key="plain")["ContentType"] == "binary/octet-stream"
    too_much = {"big": "x" * 2100}
    assert code(lambda: alice.put_object(Bucket=bucket, Key="m", Metadata=too_much)) == ("MetadataTooLarge", 400)
    source = {"Bucket": bucket, "Key": "k"}
    copied = alice.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]["ETag"]
    assert copied == head["ETag"]
    assert alice.head_object(Bucket=bucket, Key="copy")["Metadata"] == head["Metadata"]
    assert code(lambda: alice.copy_object(Bucket=bucket, Key="k", CopySource=source)) == ("InvalidRequest", 400)
    alice.copy_object(
        Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "1"}, ContentType="a/b"
    )
    assert alice.head_object(Bucket=bucket, Key="k")["Metadata"] == {"n": "1"}
    assert code(lambda: alice.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": "not-mine", "Key": "k"})) == (
        "NoSuchBucket",
        404,
    )
    assert code(lambda: alice.copy_object(Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch='"other"')) == (
        "PreconditionFailed",
        412,
    )


def test_questions_about_access_and_settings(alice: Any, bucket: str) -> None:
    alice.put_object(Bucket=bucket, Key="k", Body=b"x")
    for acl in (alice.get_bucket_acl(Bucket=bucket), alice.get_object_acl(Bucket=bucket, Key="k")):
        assert acl["Owner"]["ID"] == ALICE
        assert [(each["Grantee"]["ID"], each["Permission"]) for each in acl["Grants"]] == [(ALICE, "FULL_CONTROL")]
    assert "Status" not in alice.get_bucket_versioning(Bucket=bucket)
    assert alice.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    alice.put_object(Bucket=bucket, Key="p", Body=b"", ACL="private")
    alice.put_object_acl(Bucket=bucket, Key="p", ACL="private")
    assert (
        code(lambda: alice.put_object(Bucket=bucket, Key="p", ACL="public-read"))[0] == "AccessControlListNotSupported"
    )
    assert code(lambda: alice.put_bucket_acl(Bucket=bucket, ACL="public-read"))[0] == "AccessControlListNotSupported"
    for ask in (
        alice.get_bucket_policy,
        alice.get_bucket_cors,
        alice.get_bucket_lifecycle_configuration,
        alice.get_bucket_tagging,
        alice.get_bucket_encryption,
    ):
        assert code(lambda: ask(Bucket=bucket)) == ("NotImplemented", 501)  # noqa: B023
    versioning = {"Status": "Enabled"}
    assert code(lambda: alice.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning))[1] == 501
    alice.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert alice.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    versions = alice.list_object_versions(Bucket=bucket)["Versions"]
    assert {(each["VersionId"], each["IsLatest"]) for each in versions} == {("null", True)}
    assert alice.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    assert code(lambda: alice.get_object(Bucket=bucket, Key="k", VersionId="7")) == ("NoSuchVersion", 404)


def test_bulk_deletes_quiet_empty_and_too_many(alice: Any, bucket: str) -> None:
    for number in range(5):
        alice.put_object(Bucket=bucket, Key=str(number), Body=b"x")
    objects = [{"Key": str(number), "VersionId": "null"} for number in range(3)]
    assert "Deleted" not in alice.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    assert [each["Key"] for each in alice.list_objects_v2(Bucket=bucket)["Contents"]] == ["3", "4"]
    assert "Errors" not in alice.delete_objects(Bucket=bucket, Delete={"Objects": []}), "older C# SDKs send this"
    many = [{"Key": f"k{number}"} for number in range(1001)]
    assert code(lambda: alice.delete_objects(Bucket=bucket, Delete={"Objects": many})) == ("MalformedXML", 400)
    assert len(alice.delete_objects(Bucket=bucket, Delete={"Objects": many[:1000]})["Deleted"]) == 1000


def test_presigned_urls_of_the_older_signature(front: str, directory: Any, bucket: str, alice: Any) -> None:
    """Given a client with no region and no signature version, as the public SDK makes it, its URLs work too."""
    client = boto3.session.Session(
        aws_access_key_id=ALICE, aws_secret_access_key=directory.secrets[ALICE], region_name="us-east-1"
    ).client("s3", endpoint_url=front, config=Config(proxies={}, signature_version="s3"))
    target = {"Bucket": bucket, "Key": "a b/é+"}
    put = client.generate_presigned_url("put_object", target, ExpiresIn=60)
    override = client.generate_presigned_url(
        "get_object", {**target, "ResponseContentDisposition": 'attachment; filename="x"'}, ExpiresIn=60
    )
    late = client.generate_presigned_url("get_object", target, ExpiresIn=-5)
    assert "AWSAccessKeyId=" in put
    with httpx2.Client(trust_env=False) as plain:
        assert plain.put(put, content=b"hello", headers={"content-type": ""}).status_code == 200
        got = plain.get(override)
        assert (got.content, got.headers["content-disposition"]) == (b"hello", 'attachment; filename="x"')
        assert plain.put(override, content=b"").status_code == 403
        assert plain.get(put).status_code == 403
        assert "expired" in plain.get(late).text
        assert plain.get(override.replace("Signature=", "Signature=x")).status_code == 403
        assert plain.get(override.replace("%22x%22", "%22y%22")).status_code == 403
    assert alice.get_object(**target)["Body"].read() == b"hello"
