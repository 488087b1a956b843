"""One HTTP exchange at the front: the ASGI request taken apart, its body, its addresses."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from urllib.parse import unquote, unquote_to_bytes

from starlette.types import Message, Receive, Scope

from ondol.server.s3.errors import S3Error
from ondol.server.s3.request import HttpRequest

_DRAIN_BYTES = 16 * 1024 * 1024
_DRAIN_S = 2.0
_LENGTH_DIGITS = 18
_SILENCE_S = 60.0
"""How long a caller may send nothing of its body [s]; then the connection it holds is given to others."""


class ClientGoneError(Exception):
    """The caller hung up before its body was whole."""


class Exchange:
    """A request as it came.

    Parameters
    ----------
    scope, receive : as ASGI gives them

    ``request`` is what signatures cover; ``path`` is the path as it was sent, without the slash it begins with.
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
        self.path = path.removeprefix(mounted).removeprefix("/")
        self.host = self.headers.get("host", "localhost")
        self.base_url = f"{scope.get('scheme', 'http')}://{self.host}{mounted}"

    def parameter(self, name: str) -> str | None:
        """Give a query parameter's value, None where it was not sent."""
        return next((value for known, value in self.query if known == name), None)

    def content_length(self) -> int | None:
        """Give the announced length of the body [bytes], None when it was not announced."""
        given = self.headers.get("content-length", "")
        return length_in(given)

    async def body(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; asking for it is what lets a caller with Expect: 100-continue send it."""
        self._begun = True
        while not self._done:
            try:
                async with asyncio.timeout(_SILENCE_S):
                    message: Message = await self._receive()
            except TimeoutError:
                self._done = True
                raise S3Error(
                    "RequestTimeout", f"Nothing of the body came for {_SILENCE_S:g} s: send it again"
                ) from None
            if message["type"] == "http.disconnect":
                self._done = True
                raise ClientGoneError
            self._done = not message.get("more_body", False)
            yield message.get("body", b"")

    @property
    def unread(self) -> bool:
        """Whether some of a body may still come: what follows on the connection is not the next request then."""
        announced = (
            self.content_length() != 0 if "content-length" in self.headers else "transfer-encoding" in self.headers
        )
        return announced and not self._done

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


def decoded(text: str) -> str:
    """Decode percent-encoded UTF-8; S3Error InvalidURI for what is none."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "Bucket and key must be UTF-8, percent-encoded") from None


def length_in(text: str) -> int | None:
    """Read a length [bytes]; None for what is none, or is beyond all bounds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS else None


def _split_query(raw: str) -> list[tuple[str, str]]:
    """Decode a query; unlike a form's, its plus signs are plus signs."""
    pairs = (each.partition("=") for each in raw.split("&") if each)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
