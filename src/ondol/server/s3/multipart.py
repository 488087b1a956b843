"""Uploads in parts: begin, send or copy a part, finish, give up, and the lists of parts and uploads."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from starlette.responses import Response

from ondol.server.s3 import bodies
from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Behind, refusal
from ondol.server.s3.buckets import check_private
from ondol.server.s3.errors import S3Error
from ondol.server.s3.forward import passed_headers
from ondol.server.s3.names import check_opaque
from ondol.server.s3.numbers import number_in, part_number
from ondol.server.s3.objects import copy_result, is_conditional, object_headers, result_headers, source_of
from ondol.server.s3.xml_out import document, element, owner, url_encoded

_MOST_PARTS = 10_000  # as S3
_PAGE = 1000
_ETAG = re.compile(r'"?([0-9A-Za-z+/=-]{1,128})"?')
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})")
_CHECKSUMS = ("ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256")


async def create(asked: Asked, _: Services, behind: Behind) -> Response:
    """CreateMultipartUpload."""
    check_private(asked)
    headers = object_headers(asked)
    headers.setdefault("content-type", "binary/octet-stream")
    answer = await behind.ask("POST", asked.path, query=[("uploads", "")], headers=headers)
    if not answer.well:
        raise refusal(answer, bucket=asked.bucket, key=asked.key)
    upload_id = answer.document().findtext("{*}UploadId") or ""
    content = element("Bucket", asked.bucket) + element("Key", asked.key) + element("UploadId", upload_id)
    return asked.xml(document("InitiateMultipartUploadResult", content))


async def put_part(asked: Asked, services: Services, behind: Behind) -> Response:
    """UploadPart, or with ``x-amz-copy-source`` UploadPartCopy."""
    upload_id, number = _upload(asked), part_number(asked.exchange)
    query = [("partNumber", str(number)), ("uploadId", upload_id)]
    headers = passed_headers(asked.exchange.headers)
    old = services.quota.book.part_sizes(asked.backend, upload_id).get(number, 0)
    slot = f"{upload_id} {number}"
    if "x-amz-copy-source" not in asked.exchange.headers:
        pieces, length = bodies.data(asked)
        async with services.quota.room(asked.account, asked.backend, slot, length - old) as write:
            content = await bodies.begun(pieces)
            known = None if content is None else length
            answer = await behind.ask("PUT", asked.path, query=query, headers=headers, content=content, length=known)
            if not answer.well:
                raise refusal(answer, bucket=asked.bucket, key=asked.key)
            write.done, write.part = True, (upload_id, number, length)
        return asked.nothing(200, result_headers(answer))
    source, source_key = await source_of(asked, services)
    whole = await behind.size_of(source)
    if whole is None:
        raise S3Error("NoSuchKey", f"There is no object {source_key!r} to copy from", key=source_key)
    length = _copied_bytes(headers.get("x-amz-copy-source-range"), whole)
    headers["x-amz-copy-source"] = url_encoded(source)
    async with services.quota.room(asked.account, asked.backend, slot, length - old) as write:
        answer = await behind.ask("PUT", asked.path, query=query, headers=headers)
        if not answer.well:
            raise refusal(answer, bucket=asked.bucket, key=source_key)
        write.done, write.part = True, (upload_id, number, length)
    return asked.xml(copy_result(answer, "CopyPartResult"))


async def complete(asked: Asked, services: Services, behind: Behind) -> Response:
    """CompleteMultipartUpload; done twice it says the same twice, for clients repeat it when an answer was lost."""
    upload_id = _upload(asked)
    body = _parts(await bodies.small(asked, with_checksums=False))
    async with services.quota.turn(asked.path, conditional=is_conditional(asked)):
        old = await behind.size_of(asked.path)
        async with services.quota.room(asked.account, asked.backend, asked.key, 0) as write:
            answer = await behind.ask(
                "POST",
                asked.path,
                query=[("uploadId", upload_id)],
                headers=passed_headers(asked.exchange.headers),
                content=body,
                length=len(body),
            )
            if not answer.well or answer.code:
                raise refusal(answer, bucket=asked.bucket, key=asked.key)
            write.replaced(old, await behind.size_of(asked.path))
            write.ended_upload = upload_id
    etag = (answer.document().findtext("{*}ETag") or "").strip('"')
    place = f"{asked.exchange.base_url}/{asked.exchange.path}"
    content = element("Location", place) + element("Bucket", asked.bucket) + element("Key", asked.key)
    checksums = "".join(
        element(name, value) for name in _CHECKSUMS if (value := answer.document().findtext(f"{{*}}{name}"))
    )
    return asked.xml(document("CompleteMultipartUploadResult", content + element("ETag", f'"{etag}"') + checksums))


async def abort(asked: Asked, services: Services, behind: Behind) -> Response:
    """AbortMultipartUpload; SeaweedFS would say yes to an upload that is not there."""
    upload_id = _upload(asked)
    known = await behind.ask("GET", asked.path, query=[("max-parts", "1"), ("uploadId", upload_id)])
    if not known.well:
        raise refusal(known, bucket=asked.bucket, key=asked.key)
    async with services.quota.room(asked.account, asked.backend, asked.key, 0) as write:
        answer = await behind.ask("DELETE", asked.path, query=[("uploadId", upload_id)])
        if not answer.well:
            raise refusal(answer, bucket=asked.bucket, key=asked.key)
        write.done, write.ended_upload = True, upload_id
    return asked.nothing()


async def list_parts(asked: Asked, services: Services, behind: Behind) -> Response:
    """ListParts."""
    upload_id = _upload(asked)
    most = number_in(asked.exchange, "max-parts", _PAGE, 1, _PAGE)
    after = number_in(asked.exchange, "part-number-marker", 0, 0, _MOST_PARTS)
    query = [("max-parts", str(most)), ("part-number-marker", str(after)), ("uploadId", upload_id)]
    answer = await behind.ask("GET", asked.path, query=query)
    if not answer.well:
        raise refusal(answer, bucket=asked.bucket, key=asked.key)
    found = answer.document()
    who = asked.caller.email
    content = element("Bucket", asked.bucket) + element("Key", asked.key) + element("UploadId", upload_id)
    content += owner(who, "Initiator") + owner(who) + element("StorageClass", "STANDARD")
    content += element("PartNumberMarker", after)
    content += element("NextPartNumberMarker", found.findtext("{*}NextPartNumberMarker") or "0")
    content += element("MaxParts", most) + element("IsTruncated", found.findtext("{*}IsTruncated") or "false")
    for each in _newest(found, services.quota.book.part_sizes(asked.backend, upload_id)):
        etag = (each.findtext("{*}ETag") or "").strip('"')
        content += "<Part>" + "".join(
            element(name, each.findtext(f"{{*}}{name}") or "") for name in ("PartNumber", "LastModified", "Size")
        )
        content += element("ETag", f'"{etag}"') + "</Part>"
    return asked.xml(document("ListPartsResult", content))


def _newest(found: ElementTree.Element, known: dict[int, int]) -> list[ElementTree.Element]:
    """Choose the last sending of each part: SeaweedFS lists them all, in no order, with times in whole seconds."""
    chosen: dict[int, tuple[tuple[str, bool], ElementTree.Element]] = {}
    for each in found.iterfind("{*}Part"):
        number, size = (int(each.findtext(f"{{*}}{name}") or 0) for name in ("PartNumber", "Size"))
        rank = (each.findtext("{*}LastModified") or "", known.get(number) == size)
        if number not in chosen or rank > chosen[number][0]:
            chosen[number] = (rank, each)
    return [each for _, (_, each) in sorted(chosen.items())]


def _upload(asked: Asked) -> str:
    upload_id = asked.parameter("uploadId")
    check_opaque("uploadId", upload_id)
    return upload_id


def _copied_bytes(given: str | None, whole: int) -> int:
    if given is None:
        return whole
    found = _RANGE.fullmatch(given)
    if found is None or not int(found[1]) <= int(found[2]) < whole:
        raise S3Error(
            "InvalidRange", f"x-amz-copy-source-range must lie in the {whole} bytes of the source", status=416
        )
    return int(found[2]) - int(found[1]) + 1


def _parts(body: bytes) -> bytes:
    """Read the caller's list of parts and write it anew from what was understood; S3Error MalformedXML and others."""
    root = bodies.parsed(body, "list of parts")
    parts = root.findall("{*}Part")
    if not 1 <= len(parts) <= _MOST_PARTS:
        raise S3Error("MalformedXML", f"Give from 1 to {_MOST_PARTS} parts")
    content, last = "", 0
    for each in parts:
        text, etag = each.findtext("{*}PartNumber") or "", _ETAG.fullmatch((each.findtext("{*}ETag") or "").strip())
        if not re.fullmatch(r"\s*[0-9]{1,5}\s*", text) or etag is None:
            raise S3Error("MalformedXML", "Each part needs its PartNumber and its ETag")
        if int(text) <= last:
            raise S3Error("InvalidPartOrder", "Give the parts in ascending order of their numbers")
        last = int(text)
        content += f"<Part>{element('PartNumber', last)}{element('ETag', chr(34) + etag[1] + chr(34))}"
        content += _given_checksums(each) + "</Part>"
    return document("CompleteMultipartUpload", content)


def _given_checksums(part: ElementTree.Element) -> str:
    return "".join(element(name, value) for name in _CHECKSUMS if (value := part.findtext(f"{{*}}{name}")))
