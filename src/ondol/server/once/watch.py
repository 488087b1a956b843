"""Watches, for every request that creates, whether its client still stands there when the answer goes out."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ondol.server.once.book import AnswerBook, Record

CREATING = frozenset({"tasks", "force", "pools", "jobs", "clone", "retry", "recover", "resume"})
SCOPE_KEY = "ondol.delivery"
# Turns of the event loop after which a hang-up that the kernel knows of has reached us: reader, its loss, our waiter.
_TURNS = 5


class Delivery:
    """The fate of one answer; `record` is set by the route, from a thread of its own."""

    def __init__(self, book: AnswerBook) -> None:
        self._book = book
        self._record: Record | None = None
        self._gone = False
        self.arrived_s = book.now_s()

    @property
    def gone(self) -> bool:
        """Whether the client is known to have hung up."""
        return self._gone

    def follow(self, record: Record) -> None:
        """The answer is that of a record."""
        self._record = record
        if self._gone:  # it went before the route began
            self._book.lost(record)

    def lose(self) -> None:
        """The client is gone; only the first call counts."""
        if not self._gone:
            self._gone = True
            if self._record is not None:
                self._book.lost(self._record)

    def went_out(self, status: int) -> None:
        """The whole answer was handed to a connection that stood."""
        if self._record is None or self._gone:
            return
        if status < 500:
            self._book.heard(self._record)
        else:  # whatever was stored, the client was told that something went wrong, and will ask again
            self._book.lost(self._record)


class AnswerWatch:
    """ASGI middleware; passes on everything as it comes."""

    def __init__(self, app: ASGIApp, book: AnswerBook) -> None:
        self._app, self._book = app, book

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not _creates(scope["path"]):
            await self._app(scope, receive, send)
            return
        delivery = Delivery(self._book)
        watched = _Watched(receive, send, delivery)
        try:
            await self._app({**scope, SCOPE_KEY: delivery}, watched.receive, watched.send)
        finally:
            await watched.end()


def _creates(path: str) -> bool:
    return path.rstrip("/").rpartition("/")[2].lower() in CREATING


class _Watched:
    """The two ends of one exchange, with somebody who waits for the client to hang up."""

    def __init__(self, receive: Receive, send: Send, delivery: Delivery) -> None:
        self._receive, self._send, self._delivery = receive, send, delivery
        self._waiter: asyncio.Task[Message] | None = None
        self._status = 0
        self._over = False

    async def receive(self) -> Message:
        if self._waiter is not None:
            return await asyncio.shield(self._waiter)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._delivery.lose()
        elif not message.get("more_body", False):
            self._waiter = asyncio.create_task(self._hang_up())
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        await self._send(message)
        if last:
            self._over = True  # not before: an answer that could not be sent was not heard
            self._delivery.went_out(self._status)

    async def end(self) -> None:
        """The app is done with it, one way or the other."""
        if not self._over:
            self._delivery.lose()
        self._over = True
        if self._waiter is not None:
            self._waiter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._waiter

    async def _hang_up(self) -> Message:
        message = await self._receive()  # nothing else can come: the body is whole
        if not self._over:
            self._delivery.lose()
        return message
