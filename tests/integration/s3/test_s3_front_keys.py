"""Every legal key, through boto3 and the real SeaweedFS: put, listed in byte order, copied, read, deleted."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ODD = st.sampled_from("/\\.. -+,!\"#$%&'()*[]_~az09<>;?=\x01\x1f\x7f\u0085é\ue000\ufffe\U0010ffff🎉")
KEYS = st.text(
    st.one_of(ODD, st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=30
)

AWKWARD = [
    "a",
    "a/",
    "a/b",
    "a//b",
    "a\\b",
    "/leading",
    "//",
    "..",
    "../up",
    "a/../b",
    "./here",
    ".",
    ".uploads/x",
    "x.versions/y",
    "z-1",
    "z/1",
    "with space",
    "plus+plus",
    "%2e%2e%2f",
    "per%cent",
    "emoji 🎉/été",
    "k" * 1024,
    "p/" * 512,
    "trailing /",
    "semi;colon?query#frag&amp=1",
    "\u2028line",
    "tab\tnew\nline",
]


def every(client: Any, operation: str, bucket: str, field: str = "Contents", **more: Any) -> list[str]:
    pages = client.get_paginator(operation).paginate(Bucket=bucket, **more)
    return [each["Key"] for page in pages for each in page.get(field, ())]


def test_awkward_keys_live_side_by_side(alice: Any, bucket: str) -> None:
    """Given keys that a file system would confuse, when all are stored, then each is itself, whatever is asked."""
    for key in AWKWARD:
        alice.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"n": str(len(key))})
    in_order = sorted(AWKWARD, key=str.encode)
    assert every(alice, "list_objects_v2", bucket) == in_order
    assert every(alice, "list_objects", bucket, PaginationConfig={"PageSize": 4}) == in_order
    assert every(alice, "list_object_versions", bucket, "Versions", PaginationConfig={"PageSize": 5}) == in_order
    for key in AWKWARD:
        got = alice.get_object(Bucket=bucket, Key=key)
        assert (got["Body"].read(), got["Metadata"]) == (key.encode(), {"n": str(len(key))})
        assert alice.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode())
    split = alice.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="a")
    assert [each["Prefix"] for each in split["CommonPrefixes"]] == ["a/"]
    assert [each["Key"] for each in split["Contents"]] == ["a", "a\\b"]
    below = alice.list_objects(Bucket=bucket, Delimiter="/", Prefix="a/")
    assert [each["Prefix"] for each in below["CommonPrefixes"]] == ["a/../", "a//"]
    assert [each["Key"] for each in below["Contents"]] == ["a/", "a/b"]

    for key in AWKWARD[:8]:
        alice.copy_object(Bucket=bucket, Key=f"copies/{key}", CopySource={"Bucket": bucket, "Key": key})
    assert every(alice, "list_objects_v2", bucket, Prefix="copies/") == sorted(f"copies/{key}" for key in AWKWARD[:8])
    gone = alice.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in AWKWARD[:20]]})
    assert [each["Key"] for each in gone["Deleted"]] == AWKWARD[:20]
    for key in AWKWARD[20:]:
        alice.delete_object(Bucket=bucket, Key=key)
    assert len(every(alice, "list_objects_v2", bucket)) == 8


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(KEYS, min_size=1, max_size=6), data=st.data())
def test_any_keys_round_trip(alice: Any, keys: set[str], data: st.DataObject) -> None:
    bucket = f"any-{secrets.token_hex(4)}"
    alice.create_bucket(Bucket=bucket)
    for key in keys:
        alice.put_object(Bucket=bucket, Key=key, Body=key.encode())
    in_order = sorted(keys, key=str.encode)
    assert every(alice, "list_objects_v2", bucket) == in_order
    mark = data.draw(st.sampled_from(in_order))
    assert every(alice, "list_objects_v2", bucket, StartAfter=mark) == in_order[in_order.index(mark) + 1 :]
    assert every(alice, "list_objects", bucket, Prefix=mark[:1]) == [
        key for key in in_order if key.startswith(mark[:1])
    ]
    assert alice.get_object(Bucket=bucket, Key=mark)["Body"].read() == mark.encode()
    for key in keys:
        alice.delete_object(Bucket=bucket, Key=key)
    alice.delete_bucket(Bucket=bucket)


def test_keys_beyond_the_limit_are_refused_with_the_rule(alice: Any, bucket: str) -> None:
    for key in ("k" * 1025, "%" * 600):
        for ask in (alice.put_object, alice.get_object, alice.create_multipart_upload):
            with pytest.raises(ClientError) as refused:
                ask(Bucket=bucket, Key=key)
            assert refused.value.response["Error"]["Code"] == "KeyTooLongError"
    with pytest.raises(ClientError) as refused:
        alice.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k" * 1025})
    assert refused.value.response["Error"]["Code"] == "KeyTooLongError"
    told = alice.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k" * 1025}, {"Key": "fine"}]})
    assert [each["Code"] for each in told["Errors"]] == ["KeyTooLongError"]
    assert [each["Key"] for each in told["Deleted"]] == ["fine"]


def test_parts_of_awkward_keys(alice: Any, bucket: str) -> None:
    """Given uploads in parts of awkward keys, when they are listed, copied into and finished, then keys are whole."""
    source = "src/../é"
    alice.put_object(Bucket=bucket, Key=source, Body=b"0123456789")
    keys = ["m/../x", "m\\y z", "m//🎉"]
    uploads = {key: alice.create_multipart_upload(Bucket=bucket, Key=key, Metadata={"k": "v"}) for key in keys}
    listed = alice.list_multipart_uploads(Bucket=bucket, MaxUploads=2)
    assert [each["Key"] for each in listed["Uploads"]] == sorted(keys, key=str.encode)[:2]
    assert listed["IsTruncated"]
    rest = alice.list_multipart_uploads(
        Bucket=bucket, KeyMarker=listed["NextKeyMarker"], UploadIdMarker=listed["NextUploadIdMarker"]
    )
    assert [each["Key"] for each in rest["Uploads"]] == sorted(keys, key=str.encode)[2:]
    assert [each["Key"] for each in alice.list_multipart_uploads(Bucket=bucket, Prefix="m/.")["Uploads"]] == [keys[0]]
    grouped = alice.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [each["Prefix"] for each in grouped["CommonPrefixes"]] == ["m/"]
    for key, upload in uploads.items():
        target = {"Bucket": bucket, "Key": key, "UploadId": upload["UploadId"]}
        assert upload["Key"] == key
        first = alice.upload_part(**target, PartNumber=1, Body=b"x" * (5 << 20))["ETag"]
        second = alice.upload_part_copy(
            **target, PartNumber=2, CopySource={"Bucket": bucket, "Key": source}, CopySourceRange="bytes=2-4"
        )["CopyPartResult"]["ETag"]
        parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
        told = alice.list_parts(**target)
        assert [(each["PartNumber"], each["ETag"], each["Size"]) for each in told["Parts"]] == [
            (1, first, 5 << 20),
            (2, second, 3),
        ]
        for _ in range(2):  # a client that lost the answer asks again
            done = alice.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
            assert (done["Key"], done["ETag"][-3:]) == (key, '-2"')
        head = alice.head_object(Bucket=bucket, Key=key, PartNumber=2)
        assert (head["ContentLength"], head["PartsCount"], head["Metadata"]) == (3, 2, {"k": "v"})
        assert alice.get_object(Bucket=bucket, Key=key, Range="bytes=-3")["Body"].read() == b"234"


@pytest.mark.parametrize("version", ["first", "second"])
def test_small_pages_and_groups_of_a_large_bucket(
    s3_of: Callable[..., Any], bucket: str, version: str, alice: Any
) -> None:
    keys = [f"{group}/{number:02}" for group in "abc" for number in range(12)] + ["d", "b-", "b.x"]
    for key in keys:
        alice.put_object(Bucket=bucket, Key=key, Body=b"")
    operation = "list_objects" if version == "first" else "list_objects_v2"
    found: list[str] = []
    for page in alice.get_paginator(operation).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}):
        assert len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])) <= 2
        found += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        found += [each["Key"] for each in page.get("Contents", [])]
    assert sorted(found, key=str.encode) == ["a/", "b-", "b.x", "b/", "c/", "d"]
    assert len(found) == 6
    assert getattr(alice, operation)(Bucket=bucket, MaxKeys=0)["IsTruncated"] is False
    with pytest.raises(ClientError) as refused:
        alice.list_objects_v2(Bucket=bucket, ContinuationToken="not ours!")
    assert refused.value.response["Error"]["Code"] == "InvalidArgument"
