"""The S3 front as an ASGI application: who is it, what do they ask, which backend bucket is that, pass it on."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import httpx2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from ondol.model.errors import UnavailableError
from ondol.server.s3 import chunked, documents, operations
from ondol.server.s3.credentials import Caller, identify
from ondol.server.s3.errors import XML_TYPE, S3Error, error_response, no_such_bucket
from ondol.server.s3.exchange import ClientGoneError, Exchange
from ondol.server.s3.forward import Forwarder, answer_headers, passed_headers, unavailable
from ondol.server.s3.names import check_key, check_new_bucket, check_parameter, copy_source
from ondol.server.s3.operations import Body, Operation, operation_of
from ondol.server.s3.payload import BodyCheck, checked, read_whole
from ondol.server.s3.ports import Backend, BucketDirectory

_log = logging.getLogger(__name__)
_SMALL_BODY_BYTES = 4 * 1024 * 1024  # 1,000 keys of 1,024 bytes, escaped, fit
_LARGEST_OBJECT_BYTES = 5 * 1024**3  # of one PUT, as S3


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_s3_app(
    directory: BucketDirectory, backend: Backend, *, clock: Callable[[], datetime] = _utc_now, patience_s: float = 10.0
) -> Starlette:
    """Make the S3 front.

    Parameters
    ----------
    directory : accounts, their secrets and their buckets
    backend : the S3 server behind; it need not answer yet
    clock : gives the time, aware UTC; wall time, for signatures carry it
    patience_s : how long a request waits for a backend that is down [s], ≥ 0, before it is answered 503

    Path-style addresses only (``/bucket/key``), the form that the Python SDK uses for any custom endpoint.
    """
    front = _Front(directory, Forwarder(backend, clock, patience_s), clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await front.forwarder.close()

    app = Starlette(lifespan=lifespan)
    app.router.default = front
    return app


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose caller, operation and buckets are known.

    ``names`` maps the backend's bucket names in it to the account's own.
    """

    exchange: Exchange
    caller: Caller
    account: str
    operation: Operation
    bucket: str
    key: str
    names: dict[str, str]


class _Front:
    """The ASGI application proper."""

    def __init__(self, directory: BucketDirectory, forwarder: Forwarder, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self.forwarder = forwarder
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003, "reason": "S3 is spoken here"})
            return
        exchange = Exchange(scope, receive)
        try:
            response = await self._answer(exchange)
        except ClientGoneError:
            return
        except S3Error as refused:
            await exchange.drain()
            response = self._refusal(refused, exchange)
        except UnavailableError as down:
            await exchange.drain()
            response = self._refusal(S3Error("ServiceUnavailable", str(down)), exchange)
        except Exception:  # noqa: BLE001  the last wall: a caller gets S3's words, the log gets the trace
            _log.exception("S3 request %s failed", exchange.id)
            await exchange.drain()
            response = self._refusal(S3Error("InternalError", "Something went wrong here: try again"), exchange)
        await response(scope, receive, send)

    @staticmethod
    def _refusal(error: S3Error, exchange: Exchange) -> Response:
        head = exchange.method == "HEAD"
        return error_response(error, resource=exchange.resource, request_id=exchange.id, head=head)

    async def _answer(self, exchange: Exchange) -> Response:
        caller, account = await run_in_threadpool(self._admit, exchange)
        bucket, key = exchange.place()
        if not bucket:
            return await self._service(exchange, caller, account)
        check_key(key)
        operation = operation_of(exchange.method, on_object=bool(key), query=exchange.query)
        asked = _Asked(exchange, caller, account, operation, bucket, key, {})
        if operation is operations.CREATE_BUCKET:
            return await self._create_bucket(asked)
        backend_name = await self._backend_name(account, bucket)
        asked.names[backend_name] = bucket
        if operation is operations.GET_BUCKET_LOCATION:
            return Response(documents.bucket_location(), media_type=XML_TYPE)
        if operation is operations.DELETE_BUCKET:
            return await self._delete_bucket(asked, backend_name)
        return await self._pass_on(asked, backend_name)

    def _admit(self, exchange: Exchange) -> tuple[Caller, str]:
        """Check the signature and find the account; runs in a worker thread, for the directory may block."""
        caller = identify(exchange.request, self._directory.secret_of, self._clock())
        account = self._directory.account_of(caller.email)
        if account is None:
            raise S3Error("InvalidAccessKeyId", f"No account has the access key {caller.email!r}")
        return caller, account

    async def _service(self, exchange: Exchange, caller: Caller, account: str) -> Response:
        if exchange.method != "GET":
            raise S3Error("MethodNotAllowed", "Only GET (ListBuckets) is served without a bucket in the path")
        buckets = await run_in_threadpool(self._directory.buckets, account)
        return Response(documents.list_buckets(caller.email, buckets), media_type=XML_TYPE)

    async def _backend_name(self, account: str, bucket: str) -> str:
        found = await run_in_threadpool(self._directory.backend_name, account, bucket)
        if found is None:
            raise no_such_bucket(bucket)
        return found

    async def _create_bucket(self, asked: _Asked) -> Response:
        """Make the bucket, or find it made: both are 200 for its owner, for scripts create theirs on every run."""
        check_new_bucket(asked.bucket)
        await self._small_body(asked)
        known = await run_in_threadpool(self._directory.backend_name, asked.account, asked.bucket)
        backend_name = await run_in_threadpool(self._directory.register, asked.account, asked.bucket)
        asked.names[backend_name] = asked.bucket
        try:
            response = await self.forwarder.send("PUT", f"/{backend_name}")
            body = await _read(response)
            made = response.is_success or documents.error_code(body) == "BucketAlreadyOwnedByYou"
            if not made:
                raise unavailable()
        except S3Error:
            if known is None:
                await run_in_threadpool(self._directory.forget, asked.account, asked.bucket)
            raise
        return Response(b"", headers={"Location": f"/{asked.bucket}", "x-amz-request-id": asked.exchange.id})

    async def _delete_bucket(self, asked: _Asked, backend_name: str) -> Response:
        response = await self.forwarder.send("DELETE", f"/{backend_name}")
        body = await _read(response)
        if response.is_success or documents.error_code(body) == "NoSuchBucket":
            await run_in_threadpool(self._directory.forget, asked.account, asked.bucket)
            return Response(status_code=204, headers={"x-amz-request-id": asked.exchange.id})
        return self._from_xml(asked, response, body)

    async def _pass_on(self, asked: _Asked, backend_name: str) -> Response:
        """Send the request to the backend under its own names and give the answer under the account's."""
        exchange = asked.exchange
        query = [(name, value) for name, value in exchange.query if name in asked.operation.query]
        for name, value in query:
            check_parameter(name, value)
        headers = passed_headers(exchange.headers)
        if asked.operation.body is Body.DATA and "x-amz-copy-source" in exchange.headers:
            headers["x-amz-copy-source"] = await self._copy_source(asked)
        content, length = await self._body(asked, headers)
        path = f"/{backend_name}/{asked.key}" if asked.key else f"/{backend_name}"
        response = await self.forwarder.send(
            exchange.method, path, query=query, headers=headers, content=content, length=length
        )
        if exchange.method == "HEAD":
            await response.aclose()
            if response.status_code == 403:
                raise unavailable()
            return _with_headers(Response(status_code=response.status_code), answer_headers(response))
        if asked.operation.gives_data and response.status_code < 400:
            return _with_headers(
                StreamingResponse(_stream(response), status_code=response.status_code), answer_headers(response)
            )
        return self._from_xml(asked, response, await _read(response))

    async def _copy_source(self, asked: _Asked) -> str:
        bucket, key, version = copy_source(asked.exchange.headers["x-amz-copy-source"])
        backend_name = await self._backend_name(asked.account, bucket)
        asked.names[backend_name] = bucket
        return f"/{backend_name}/{quote(key, safe='/-_.~')}" + (f"?versionId={version}" if version else "")

    async def _body(
        self, asked: _Asked, headers: dict[str, str]
    ) -> tuple[AsyncIterator[bytes] | bytes | None, int | None]:
        """Give the body for the backend and its length; what must be whole to be judged is read here."""
        if asked.operation.body is Body.NONE:
            return None, None
        if asked.operation.body is Body.SMALL:
            small = await self._small_body(asked)
            if asked.operation is operations.DELETE_OBJECTS:
                small = documents.delete_request(small)
                for name in [each for each in headers if each.startswith("x-amz-checksum-")]:
                    del headers[name]  # that of the caller's document, which has been checked
            return small, len(small)
        pieces, length = self._data(asked)
        if length > _LARGEST_OBJECT_BYTES:
            raise S3Error("EntityTooLarge", "One PUT takes 5 GiB at most: upload in parts")
        # The first piece before the backend hears of it: SeaweedFS 4.48 keeps an upload that breaks off before its
        # first byte as an empty object (one that breaks off later leaves nothing); a body in one piece is judged here.
        first = await anext(pieces, None)
        return (None, None) if first is None else (_chained(first, pieces), length)

    async def _small_body(self, asked: _Asked) -> bytes:
        pieces, _ = self._data(asked)
        return await read_whole(pieces, _SMALL_BODY_BYTES)

    def _data(self, asked: _Asked) -> tuple[AsyncIterator[bytes], int]:
        """Give the body, decoded and held to its digests, and its length [bytes]."""
        exchange, caller = asked.exchange, asked.caller
        if not caller.payload.startswith("STREAMING-"):
            announced = exchange.content_length()
            if announced is None and "transfer-encoding" in exchange.headers:
                raise S3Error("MissingContentLength", "Send the length of the body (Content-Length)")
            length = announced or 0
            return checked(exchange.body(), length, BodyCheck(exchange.headers, caller.payload)), length
        if caller.payload not in chunked.KNOWN:
            raise S3Error("NotImplemented", f"{caller.payload} is not offered: sign with AWS4-HMAC-SHA256")
        decoded_length = exchange.headers.get("x-amz-decoded-content-length", "")
        if not (decoded_length.isascii() and decoded_length.isdigit()):
            raise S3Error("MissingContentLength", "Send x-amz-decoded-content-length with an aws-chunked body")
        trailers = frozenset(each.strip().lower() for each in exchange.headers.get("x-amz-trailer", "").split(","))
        check = BodyCheck(exchange.headers, caller.payload, trailers)
        length = int(decoded_length)
        return checked(chunked.decoded(exchange.body(), caller, check), length, check), length

    @staticmethod
    def _from_xml(asked: _Asked, response: httpx2.Response, body: bytes) -> Response:
        """Give an XML (or empty) answer of the backend under the account's names."""
        if response.status_code == 403:  # the caller's right was checked here; the backend refused *us*
            _log.error("The S3 backend refuses our credential: %s", documents.error_code(body))
            raise unavailable()
        if response.headers.get("content-type", "").startswith(("application/xml", "text/xml")):
            body = documents.with_own_names(body, asked.names, asked.exchange.base_url)
        kept = [pair for pair in answer_headers(response) if pair[0] != b"content-length"]
        if response.status_code not in {204, 304}:
            kept.append((b"content-length", str(len(body)).encode()))
        return _with_headers(Response(body, status_code=response.status_code), kept)


def _with_headers(response: Response, headers: list[tuple[bytes, bytes]]) -> Response:
    response.raw_headers = headers
    return response


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _read(response: httpx2.Response) -> bytes:
    try:
        return await response.aread()
    except httpx2.TransportError as failed:
        raise unavailable() from failed
    finally:
        await response.aclose()


async def _stream(response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_raw():
            yield piece
    finally:
        await response.aclose()
