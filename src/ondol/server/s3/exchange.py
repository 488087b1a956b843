"""One HTTP exchange at the front: the ASGI request taken apart, its body, its addresses."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from urllib.parse import unquote, unquote_to_bytes

from starlette.types import Message, Receive, Scope

from ondol.server.s3.credentials import HttpRequest
from ondol.server.s3.errors import S3Error

_DRAIN_BYTES = 16 * 1024 * 1024
_DRAIN_S = 5.0


class ClientGoneError(Exception):
    """The caller hung up before its body was whole."""


class Exchange:
    """A request as it came.

    Parameters
    ----------
    scope, receive : as ASGI gives them

    ``bucket`` and ``key`` are decoded and empty where the path has none; ``request`` is what signatures cover.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._begun = False
        self._done = False
        self.id = secrets.token_hex(8).upper()
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw_path.decode("latin-1")
        self.method: str = scope["method"]
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        signed_headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            signed_headers.setdefault(name.decode("latin-1"), []).append(value.decode("utf-8", "replace"))
        self.query = _split_query(scope["query_string"].decode("latin-1"))
        self.request = HttpRequest(self.method, path, self.query, signed_headers)
        mounted: str = scope.get("root_path", "")
        self.resource = unquote(path.removeprefix(mounted))
        self._path = path.removeprefix(mounted).removeprefix("/")
        host = self.headers.get("host", "localhost")
        self.base_url = f"{scope.get('scheme', 'http')}://{host}{mounted}"

    def place(self) -> tuple[str, str]:
        """Give bucket and key, decoded; S3Error InvalidArgument when they are not UTF-8."""
        bucket, _, key = self._path.partition("/")
        try:
            return unquote_to_bytes(bucket).decode(), unquote_to_bytes(key).decode()
        except UnicodeDecodeError:
            raise S3Error("InvalidArgument", "Bucket and key must be UTF-8, percent-encoded") from None

    def content_length(self) -> int | None:
        """Give the announced length of the body [bytes], None when it was not announced."""
        given = self.headers.get("content-length", "")
        return int(given) if given.isascii() and given.isdigit() else None

    async def body(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; asking for it is what lets a caller with Expect: 100-continue send it."""
        self._begun = True
        while not self._done:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                self._done = True
                raise ClientGoneError
            self._done = not message.get("more_body", False)
            yield message.get("body", b"")

    async def drain(self) -> None:
        """Take in a refused body, so that a caller in the midst of sending gets to read the answer; within bounds."""
        if self._done or (not self._begun and self.headers.get("expect", "").lower() == "100-continue"):
            return
        with contextlib.suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(_DRAIN_S):
                taken = 0
                async for piece in self.body():
                    taken += len(piece)
                    if taken > _DRAIN_BYTES:
                        return


def _split_query(raw: str) -> list[tuple[str, str]]:
    """Decode a query; unlike a form's, its plus signs are plus signs."""
    pairs = (each.partition("=") for each in raw.split("&") if each)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
