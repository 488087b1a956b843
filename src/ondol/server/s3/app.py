"""The S3 front as an ASGI application: who is it, what do they ask, which backend bucket is that, who handles it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ondol.model.errors import UnavailableError
from ondol.server.s3 import buckets, bulk, list_answers, list_uploads, multipart, objects
from ondol.server.s3.addressing import Addressing
from ondol.server.s3.asked import Asked, Services
from ondol.server.s3.behind import Behind
from ondol.server.s3.credentials import Caller, identify
from ondol.server.s3.errors import S3Error, error_response, no_such_bucket
from ondol.server.s3.exchange import ClientGoneError, Exchange, decoded
from ondol.server.s3.forward import Forwarder
from ondol.server.s3.metering import usage_book
from ondol.server.s3.names import stored_name
from ondol.server.s3.operations import CREATE_BUCKET, LIST_BUCKETS, operation_of
from ondol.server.s3.ports import Backend, BucketDirectory
from ondol.server.s3.quota import Quota
from ondol.storage.objects.usage import UsageBook

_log = logging.getLogger(__name__)
_AT_ONCE = 64
"""Requests of one account at a time; SDKs send about ten. One account cannot take all connections to the backend."""
_SEND_S = 120.0
"""How long a caller may take nothing of an answer [s]; then the connection it holds is given to others."""

Handler = Callable[[Asked, Services, Behind], Awaitable[Response]]
_HANDLERS: dict[str, Handler] = {
    "ListBuckets": buckets.list_all,
    "CreateBucket": buckets.create,
    "DeleteBucket": buckets.delete,
    "HeadBucket": buckets.head,
    "GetBucketLocation": buckets.location,
    "GetBucketVersioning": buckets.get_versioning,
    "GetBucketAcl": buckets.get_access,
    "PutBucketAcl": buckets.put_access,
    "GetObjectAcl": buckets.get_access,
    "PutObjectAcl": buckets.put_access,
    "ListObjects": list_answers.list_objects,
    "ListObjectVersions": list_answers.list_versions,
    "ListMultipartUploads": list_uploads.list_uploads,
    "DeleteObjects": bulk.delete_objects,
    "PutObject": objects.put,
    "GetObject": objects.get,
    "HeadObject": objects.head,
    "DeleteObject": objects.delete,
    "GetObjectTagging": objects.tagging,
    "PutObjectTagging": objects.tagging,
    "DeleteObjectTagging": objects.tagging,
    "CreateMultipartUpload": multipart.create,
    "UploadPart": multipart.put_part,
    "CompleteMultipartUpload": multipart.complete,
    "AbortMultipartUpload": multipart.abort,
    "ListParts": multipart.list_parts,
}


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_s3_app(
    directory: BucketDirectory,
    backend: Backend,
    *,
    clock: Callable[[], datetime] = _utc_now,
    patience_s: float = 10.0,
    base_hosts: Sequence[str] = (),
    book: UsageBook | None = None,
) -> Starlette:
    """Make the S3 front.

    Parameters
    ----------
    directory : accounts, their secrets and their buckets
    backend : the S3 server behind; it need not answer yet
    clock : gives the time, aware UTC; wall time, for signatures carry it
    patience_s : how long a request waits for a backend that is down [s], ≥ 0, before it is answered 503
    base_hosts : names under which clients reach it, for virtual-host style; see `Addressing`
    book : keeps the usage and knows the limits; by default one of its own, without limits
    """
    forwarder = Forwarder(backend, clock, patience_s)
    services = Services(directory, Quota(book or usage_book(directory, backend)))
    front = _Front(services, Behind(forwarder), Addressing(base_hosts), clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await forwarder.close()

    app = Starlette(lifespan=lifespan)
    app.router.default = front
    return app


class _Front:
    """The ASGI application proper."""

    def __init__(
        self, services: Services, behind: Behind, addressing: Addressing, clock: Callable[[], datetime]
    ) -> None:
        self._services, self._behind, self._addressing, self._clock = services, behind, addressing, clock
        self._under_way: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003, "reason": "S3 is spoken here"})
            return
        exchange = Exchange(scope, receive)
        patient = _Patient(send, exchange)
        try:
            await self._serve(exchange, scope, receive, patient)
        except Exception:
            if not patient.gave_up:
                raise
            _log.info("S3 request %s: its caller took nothing for %g s", exchange.id, _SEND_S)

    async def _serve(self, exchange: Exchange, scope: Scope, receive: Receive, send: _Patient) -> None:
        refused: S3Error
        account = ""
        try:
            caller, account = await run_in_threadpool(self._admit, exchange)
            self._enter(account)
            response = await self._answer(exchange, caller, account)
            await response(scope, receive, send)
        except ClientGoneError:
            return
        except S3Error as error:
            refused = error
        except UnavailableError as down:
            refused = S3Error("ServiceUnavailable", str(down))
        except _GaveUpError:
            raise
        except Exception:  # the last wall: a caller gets S3's words, the log gets the trace
            if send.started:  # too late for words: a connection that ends early says that something is missing
                raise
            _log.exception("S3 request %s failed", exchange.id)
            refused = S3Error("InternalError", "Something went wrong here: try again")
        else:
            return
        finally:
            self._leave(account)
        await exchange.drain()
        head = exchange.method == "HEAD"
        answer = error_response(refused, resource=exchange.resource, request_id=exchange.id, head=head)
        await answer(scope, receive, send)

    async def _answer(self, exchange: Exchange, caller: Caller, account: str) -> Response:
        bucket, key = await run_in_threadpool(self._place, exchange, account)
        if not bucket:
            if exchange.method != "GET":
                raise S3Error("MethodNotAllowed", "Only GET (ListBuckets) is served without a bucket")
            asked = Asked(exchange, caller, account, LIST_BUCKETS, "", "", "")
        else:
            if key:
                stored_name(key)  # refuses what cannot be a key before anything else is looked at
            operation = operation_of(exchange.method, on_object=bool(key), query=exchange.query)
            backend = await run_in_threadpool(self._services.directory.backend_name, account, bucket)
            if backend is None and operation is not CREATE_BUCKET:
                raise no_such_bucket(bucket)
            asked = Asked(exchange, caller, account, operation, bucket, key, backend or "")
        return await _HANDLERS[asked.operation.name](asked, self._services, self._behind)

    def _admit(self, exchange: Exchange) -> tuple[Caller, str]:
        """Check the signature and find the account; runs in a worker thread, for the directory may block."""
        directory = self._services.directory

        def hosted(email: str) -> str:
            account = directory.account_of(email)
            bucket, key = self._place(exchange, account or "")
            return bucket if decoded(exchange.path) == key and bucket else ""

        if exchange.method == "OPTIONS":
            raise S3Error("AccessForbidden", "CORS is not offered: call from a program, not from a page")
        caller = identify(exchange.request, directory.secret_of, self._clock(), hosted)
        account = directory.account_of(caller.email)
        if account is None:
            raise S3Error("InvalidAccessKeyId", f"No account has the access key {caller.email!r}")
        return caller, account

    def _place(self, exchange: Exchange, account: str) -> tuple[str, str]:
        """Give bucket and key, decoded; in a worker thread, as `_admit`."""
        directory = self._services.directory
        names = frozenset(name for name, _ in exchange.query)
        bucket, key = self._addressing.split(
            exchange.host,
            exchange.path,
            exchange.method,
            names,
            lambda name: directory.backend_name(account, name) is not None,
        )
        return decoded(bucket), decoded(key)

    def _enter(self, account: str) -> None:
        count = self._under_way.get(account, 0)
        self._under_way[account] = count + 1
        if count >= _AT_ONCE:
            raise S3Error("SlowDown", f"{_AT_ONCE} requests of yours are under way: wait for one to end")

    def _leave(self, account: str) -> None:
        count = self._under_way.get(account, 0) - 1
        if count > 0:
            self._under_way[account] = count
        else:
            self._under_way.pop(account, None)


class _GaveUpError(Exception):
    """The caller takes nothing of its answer."""


class _Patient:
    """Sends, but not for ever, and ends a connection on which a body was left unread."""

    def __init__(self, send: Send, exchange: Exchange) -> None:
        self._send, self._exchange = send, exchange
        self.gave_up = False
        self.started = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        if message["type"] == "http.response.start" and self._exchange.unread:
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        try:
            async with asyncio.timeout(_SEND_S):
                await self._send(message)
        except TimeoutError:
            self.gave_up = True
            raise _GaveUpError from None
