"""Requests on single objects: put, get, look at, copy, remove, tags."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx2
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ondol.server.s3 import bodies
from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Answer, Behind, refusal, whole
from ondol.server.s3.buckets import check_private
from ondol.server.s3.documents import copied
from ondol.server.s3.errors import S3Error, no_such_bucket
from ondol.server.s3.forward import answer_headers, passed_headers
from ondol.server.s3.names import check_version, copy_source, stored_name

_MOST_METADATA_BYTES = 2048  # of user metadata, names and values, as S3
_META = "x-amz-meta-"
_CONDITIONS = ("if-match", "if-none-match")


async def put(asked: Asked, services: Services, behind: Behind) -> Response:
    """PutObject, or with ``x-amz-copy-source`` CopyObject."""
    check_private(asked)
    headers = object_headers(asked)
    if "x-amz-copy-source" in asked.exchange.headers:
        return await _copy(asked, services, behind, headers)
    headers.setdefault("content-type", "binary/octet-stream")  # as S3; SeaweedFS would guess from the bytes
    pieces, length = bodies.data(asked)
    async with services.quota.turn(asked.path, conditional=is_conditional(asked)):
        old = await behind.size_of(asked.path)
        async with services.quota.room(asked.account, asked.backend, asked.key, length - (old or 0)) as write:
            content = await bodies.begun(pieces)
            answer = await behind.ask(
                "PUT", asked.path, headers=headers, content=content, length=None if content is None else length
            )
            if not answer.well:
                raise refusal(answer, bucket=asked.bucket, key=asked.key)
            write.replaced(old, length)
    return asked.nothing(200, result_headers(answer))


async def get(asked: Asked, _: Services, behind: Behind) -> Response:
    """GetObject: whole or a range, streamed."""
    response = await _read(asked, behind)
    if response.status_code >= 300:
        answer = await whole(response)
        if answer.status == 304:
            return _unchanged(asked, response)
        raise refusal(answer, bucket=asked.bucket, key=asked.key)
    return _with_headers(asked, StreamingResponse(_stream(response), response.status_code), response)


async def head(asked: Asked, _: Services, behind: Behind) -> Response:
    """HeadObject."""
    response = await _read(asked, behind)
    await response.aclose()
    if response.status_code == 304:
        return _unchanged(asked, response)
    if response.status_code >= 300:
        raise refusal(Answer(response.status_code, response.headers, b""), bucket=asked.bucket, key=asked.key)
    return _with_headers(asked, Response(status_code=response.status_code), response)


async def delete(asked: Asked, services: Services, behind: Behind) -> Response:
    """DeleteObject; one that is not there counts as deleted."""
    check_version(asked.parameter("versionId"))
    async with services.quota.turn(asked.path, conditional=is_conditional(asked)):
        old = await behind.size_of(asked.path)
        async with services.quota.room(asked.account, asked.backend, asked.key, 0) as write:
            answer = await behind.ask("DELETE", asked.path, headers=_conditions(asked))
            if not answer.well and answer.status != 404:
                raise refusal(answer, bucket=asked.bucket, key=asked.key)
            write.replaced(old, None)
    return asked.nothing()


async def tagging(asked: Asked, _: Services, behind: Behind) -> Response:
    """GetObjectTagging, PutObjectTagging and DeleteObjectTagging."""
    check_version(asked.parameter("versionId"))
    content = await bodies.small(asked) if asked.exchange.method == "PUT" else None
    if content is not None:
        bodies.parsed(content, "list of tags")
    answer = await behind.ask(
        asked.exchange.method,
        asked.path,
        query=[("tagging", "")],
        content=content,
        length=None if content is None else len(content),
    )
    if not answer.well:
        raise refusal(answer, bucket=asked.bucket, key=asked.key)
    return asked.xml(answer.body) if answer.body else asked.nothing(answer.status)


async def source_of(asked: Asked, services: Services) -> tuple[str, str]:
    """Give the path behind of what is to be copied, and its key; only buckets of the caller's own are found."""
    bucket, key = copy_source(asked.exchange.headers["x-amz-copy-source"])
    backend = await run_in_threadpool(services.directory.backend_name, asked.account, bucket)
    if backend is None:
        raise no_such_bucket(bucket)
    return f"/{backend}/{stored_name(key)}", key


async def _copy(asked: Asked, services: Services, behind: Behind, headers: dict[str, str]) -> Response:
    for name in ("x-amz-metadata-directive", "x-amz-tagging-directive"):
        if headers.get(name, "COPY") not in {"COPY", "REPLACE"}:
            raise S3Error("InvalidArgument", f"{name} must be COPY or REPLACE", more={"ArgumentName": name})
    if headers.get("x-amz-metadata-directive") == "REPLACE":
        headers.setdefault("content-type", "binary/octet-stream")
    source, source_key = await source_of(asked, services)
    headers["x-amz-copy-source"] = quote(source, safe="/-_.~")
    async with services.quota.turn(asked.path, conditional=is_conditional(asked)):
        size = await behind.size_of(source)
        if size is None:
            raise S3Error("NoSuchKey", f"There is no object {source_key!r} to copy", key=source_key)
        old = await behind.size_of(asked.path)
        async with services.quota.room(asked.account, asked.backend, asked.key, size - (old or 0)) as write:
            answer = await behind.ask("PUT", asked.path, headers=headers)
            if not answer.well:
                raise refusal(answer, bucket=asked.bucket, key=source_key)
            write.replaced(old, size)
    return asked.xml(copy_result(answer, "CopyObjectResult"))


def copy_result(answer: Answer, root: str) -> bytes:
    """Write the result of a copy from the backend's, whose ETag lacks its quotes."""
    result = answer.document()
    etag, modified = result.findtext("{*}ETag") or "", result.findtext("{*}LastModified") or ""
    return copied(root, etag.strip('"'), modified)


def object_headers(asked: Asked) -> dict[str, str]:
    """Choose the headers that go with an object; S3Error MetadataTooLarge."""
    headers = passed_headers(asked.exchange.headers)
    size = sum(len(name) - len(_META) + len(value) for name, value in headers.items() if name.startswith(_META))
    if size > _MOST_METADATA_BYTES:
        raise S3Error("MetadataTooLarge", f"The metadata have {size} bytes, {_MOST_METADATA_BYTES} are allowed")
    return headers


def is_conditional(asked: Asked) -> bool:
    """Tell whether a write depends on what is there."""
    return any(name in asked.exchange.headers for name in _CONDITIONS)


def result_headers(answer: Answer) -> dict[str, str]:
    """Choose the headers of a write's answer that tell of the object."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name.lower() == "etag" or name.lower().startswith("x-amz-checksum-")
    }


def _conditions(asked: Asked) -> dict[str, str]:
    return {name: asked.exchange.headers[name] for name in _CONDITIONS if name in asked.exchange.headers}


async def _read(asked: Asked, behind: Behind) -> httpx2.Response:
    check_version(asked.parameter("versionId"))
    chosen = {each for each in asked.operation.query if each != "versionId"}
    query = [(name, value) for name, value in asked.exchange.query if name in chosen]
    return await behind.forwarder.send(
        asked.exchange.method, asked.path, query=query, headers=passed_headers(asked.exchange.headers)
    )


def _unchanged(asked: Asked, response: httpx2.Response) -> Response:
    answer = _with_headers(asked, Response(status_code=304), response)
    answer.raw_headers = [pair for pair in answer.raw_headers if pair[0] not in {b"content-length", b"content-type"}]
    return answer


def _with_headers(asked: Asked, made: Response, response: httpx2.Response) -> Response:
    made.raw_headers = [*answer_headers(response), (b"x-amz-request-id", asked.exchange.id.encode())]
    return made


async def _stream(response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_raw():
            yield piece
    finally:
        await response.aclose()
