"""Decoding ``aws-chunked`` bodies (STREAMING-… payloads), with their chunk signatures and trailers.

Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in
Multiple Chunks" and "… Including Trailing Headers"; the tests hold its example.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator

from ondol.server.s3 import sigv4
from ondol.server.s3.credentials import Caller
from ondol.server.s3.errors import S3Error
from ondol.server.s3.payload import BodyCheck

UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
KNOWN = frozenset({UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER})

_LINE_LIMIT = 8192
_TRAILER_LIMIT = 16
_SIZE = re.compile(r"[0-9a-fA-F]{1,16}")


class _Reader:
    """Lines and counted bytes out of a stream of pieces, holding one piece at most."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._pieces)
        except StopAsyncIteration:
            raise S3Error("IncompleteBody", "The chunked body ends too early: send it again") from None

    async def line(self) -> str:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _LINE_LIMIT:
                raise _malformed()
            await self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode("latin-1")

    async def counted(self, count: int) -> AsyncIterator[bytes]:
        while count:
            if not self._buffer:
                await self._more()
            piece, self._buffer = self._buffer[:count], self._buffer[count:]
            count -= len(piece)
            yield piece


class _Signatures:
    """The chain of chunk signatures that starts at the request's own."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._last = caller.signature

    def check(self, kind: str, given: str, *hashes: str) -> None:
        text = "\n".join((kind, self._caller.timestamp, str(self._caller.scope), self._last, *hashes))
        made = sigv4.signature(self._caller.key, text)
        if not hmac.compare_digest(made.encode(), given.encode("latin-1")):
            raise S3Error("SignatureDoesNotMatch", "A chunk's signature does not fit it: send the body again")
        self._last = made


async def decoded(pieces: AsyncIterator[bytes], caller: Caller, check: BodyCheck) -> AsyncIterator[bytes]:
    """Give the object's bytes out of an aws-chunked body.

    Parameters
    ----------
    pieces : the body as it comes
    caller : who signed it; its `payload` is one of `KNOWN`
    check : is told the checksums that come as trailers

    Raises S3Error IncompleteBody, SignatureDoesNotMatch, InvalidArgument. A chunk is given before its signature has
    been checked; the last piece must therefore be held back until the end, as `payload.checked` does.
    """
    reader = _Reader(pieces)
    chain = _Signatures(caller) if caller.payload != UNSIGNED_TRAILER else None
    size = -1
    while size != 0:
        head, _, extension = (await reader.line()).partition(";")
        size = _chunk_size(head)
        digest = hashlib.sha256()
        async for piece in reader.counted(size):
            digest.update(piece)
            yield piece
        if chain is not None:
            given = extension.strip().removeprefix("chunk-signature=")
            chain.check("AWS4-HMAC-SHA256-PAYLOAD", given, sigv4.EMPTY_SHA256, digest.hexdigest())
        if size and await reader.line():
            raise _malformed()
    await _trailers(reader, chain if caller.payload == SIGNED_TRAILER else None, check)


async def _trailers(reader: _Reader, chain: _Signatures | None, check: BodyCheck) -> None:
    signed, given = "", ""
    for _ in range(_TRAILER_LIMIT):
        line = await reader.line()
        if not line:
            break
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "x-amz-trailer-signature":
            given = value
        else:
            signed += f"{name}:{value}\n"
            check.expect(name, value)
    else:
        raise _malformed()
    if chain is not None:
        chain.check("AWS4-HMAC-SHA256-TRAILER", given, hashlib.sha256(signed.encode("latin-1")).hexdigest())


def _chunk_size(text: str) -> int:
    if not _SIZE.fullmatch(text.strip()):
        raise _malformed()
    return int(text.strip(), 16)


def _malformed() -> S3Error:
    return S3Error("InvalidArgument", "The aws-chunked body is not well formed")
