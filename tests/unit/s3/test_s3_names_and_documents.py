"""Names that could be paths, operations that are not served, XML of callers, bodies that are held back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote
from xml.etree import ElementTree

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.server.s3 import bulk, names, operations, xml_out
from ondol.server.s3.errors import S3Error
from ondol.server.s3.payload import BodyCheck, checked


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_no_stored_name_is_a_path(key: str) -> None:
    try:
        name = names.stored_name(key)
    except S3Error:
        assert "\0" in key
        return
    assert not set(name) & set("/\\.")
    assert names.copy_source(quote(f"bucket/{key}")) == ("bucket", key)
    assert names.copy_source(quote(f"/bucket/{key}", safe="")) == ("bucket", key)


@pytest.mark.parametrize("value", ["", "..", "../x", "a/b", "x" * 257, "é", "a\\b"])
def test_upload_ids_that_could_be_paths_are_refused(value: str) -> None:
    with pytest.raises(S3Error) as refused:
        names.check_opaque("uploadId", value)
    assert refused.value.code == "NoSuchUpload"


@pytest.mark.parametrize("source", ["", "bucket", "/bucket/", "bucket/k?versionId=3", "%ff/k"])
def test_copy_sources_that_name_nothing_are_refused(source: str) -> None:
    with pytest.raises(S3Error):
        names.copy_source(source)


KEYS = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(KEYS, st.booleans())
def test_delete_lists_keep_their_keys(keys: list[str], quiet: bool) -> None:
    root = ElementTree.Element("Delete")
    ElementTree.SubElement(root, "Quiet").text = str(quiet).lower()
    for key in keys:
        ElementTree.SubElement(ElementTree.SubElement(root, "Object"), "Key").text = key
    read = bulk.read_list(ElementTree.tostring(root))
    assert list(read.keys.values()) == keys
    assert read.quiet is quiet
    assert read.refused == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Other/>",
        b"\xff",
        b"<Delete><Object/></Delete>",
        b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><Delete><Object><Key>&b;</Key></Object></Delete>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><Delete/>",
        b"<a>" * 100_000,
    ],
)
def test_broken_delete_lists_are_refused(body: bytes) -> None:
    with pytest.raises(S3Error) as refused:
        bulk.read_list(body)
    assert refused.value.code == "MalformedXML"


def test_xml_carries_every_key_that_xml_can() -> None:
    text = "a<b>&\"'\r\n\t\u0085\x07é🎉"
    read = ElementTree.fromstring(xml_out.element("Key", text)).text  # noqa: S314
    assert read == text.replace("\x07", "\ufffd")


def test_operations_that_are_not_served_are_said() -> None:
    assert operations.operation_of("GET", on_object=False, query=[("list-type", "2")]).name == "ListObjects"
    assert operations.operation_of("PUT", on_object=True, query=[("x-id", "PutObject")]).name == "PutObject"
    for method, query in (("GET", [("policy", "")]), ("POST", []), ("GET", [("versions", ""), ("uploads", "")])):
        with pytest.raises(S3Error) as refused:
            operations.operation_of(method, on_object=False, query=query)
        assert refused.value.status == 501
    with pytest.raises(S3Error) as refused:
        operations.operation_of("BREW", on_object=True, query=[])
    assert refused.value.status == 405


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
