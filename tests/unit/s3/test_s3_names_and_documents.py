"""Names that climb, operations that are not served, XML that is rewritten, bodies that are held back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote
from xml.etree import ElementTree

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.server.s3 import documents, names, operations
from ondol.server.s3.errors import S3Error
from ondol.server.s3.payload import BodyCheck, checked


@given(st.text(min_size=1, max_size=40))
def test_no_key_that_passes_resolves_out_of_its_bucket(key: str) -> None:
    try:
        names.check_key(key)
    except (S3Error, UnicodeEncodeError):
        return
    depth = 0
    for segment in key.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        assert depth >= 0
    assert names.copy_source(quote(f"bucket/{key}")) == ("bucket", key, "")


@pytest.mark.parametrize("value", ["..", "../x", "a/../b", ".", "a/."])
def test_climbing_is_refused_everywhere(value: str) -> None:
    for name in ("prefix", "marker", "start-after", "continuation-token", "uploadId", "versionId", "key-marker"):
        if name in {"uploadId", "versionId"} and value == "a/.":
            continue
        with pytest.raises(S3Error):
            names.check_parameter(name, value)
    with pytest.raises(S3Error):
        names.copy_source(quote(f"/bucket/{value}", safe=""))
    with pytest.raises(S3Error):
        documents.delete_request(f"<Delete><Object><Key>{value}</Key></Object></Delete>".encode())


def test_only_whole_names_are_rewritten() -> None:
    body = (
        b"<R><Name>b-1</Name><Key>&lt;Name&gt;b-1&lt;/Name&gt;</Key><Prefix>b-1</Prefix><BucketName>b-10</BucketName>"
        b"<Resource>/b-1/k</Resource><Location>http://127.0.0.1:9/b-1/a/k</Location></R>"
    )
    assert documents.with_own_names(body, {"b-1": "mine"}, "https://s3.example") == (
        b"<R><Name>mine</Name><Key>&lt;Name&gt;b-1&lt;/Name&gt;</Key><Prefix>b-1</Prefix><BucketName>b-10</BucketName>"
        b"<Resource>/mine/k</Resource><Location>https://s3.example/mine/a/k</Location></R>"
    )


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), min_size=1, max_size=5)
)
def test_delete_lists_keep_their_keys(keys: list[str]) -> None:
    root = ElementTree.Element("Delete")
    for key in keys:
        ElementTree.SubElement(ElementTree.SubElement(root, "Object"), "Key").text = key
    try:
        written = documents.delete_request(ElementTree.tostring(root))
    except S3Error:
        return
    found = ElementTree.fromstring(written).findall("{*}Object/{*}Key")  # noqa: S314
    assert [each.text for each in found] == keys


@pytest.mark.parametrize(
    "body",
    [b"", b"<Delete/>", b"\xff", b"<!DOCTYPE a [<!ENTITY b 'c'>]><Delete><Object><Key>&b;</Key></Object></Delete>"],
)
def test_broken_delete_lists_are_refused(body: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        documents.delete_request(body)
    assert refused.value.code == "MalformedXML"


def test_operations_that_are_not_served_are_said() -> None:
    assert operations.operation_of("GET", on_object=False, query=[("list-type", "2")]).name == "ListObjects"
    assert operations.operation_of("PUT", on_object=True, query=[("x-id", "PutObject")]).name == "PutObject"
    for method, query in (("GET", [("acl", "")]), ("POST", []), ("GET", [("versions", ""), ("uploads", "")])):
        with pytest.raises(S3Error) as refused:
            operations.operation_of(method, on_object=False, query=query)
        assert refused.value.status == 501


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_a_wrong_body_is_never_passed_on_whole(pieces: list[bytes]) -> None:
    async def source() -> AsyncIterator[bytes]:
        for each in pieces:
            yield each

    async def run() -> bytes:
        passed = b""
        try:
            async for each in checked(source(), len(b"".join(pieces)), BodyCheck({}, "0" * 64)):
                passed += each
        except S3Error:
            return passed
        pytest.fail("a wrong body was not refused")

    whole = b"".join(pieces)
    passed = anyio.run(run)
    assert whole.startswith(passed)
    assert not whole or len(passed) < len(whole)
