"""Request bodies of the front: decoded, held to their digests, small ones read whole and parsed without trust."""

from __future__ import annotations

from collections.abc import AsyncIterator
from xml.etree import ElementTree

from ondol.server.s3 import chunked
from ondol.server.s3.asked import Asked
from ondol.server.s3.errors import S3Error
from ondol.server.s3.exchange import length_in
from ondol.server.s3.payload import BodyCheck, checked, read_whole

_SMALL_BODY_BYTES = 4 * 1024 * 1024  # 1,000 keys of 1,024 bytes, escaped, fit
LARGEST_OBJECT_BYTES = 5 * 1024**3
"""Of one PUT, as S3 [bytes]."""


def data(asked: Asked, *, with_checksums: bool = True) -> tuple[AsyncIterator[bytes], int]:
    """Give the body, decoded and held to its digests, and its length [bytes].

    Parameters
    ----------
    with_checksums : whether x-amz-checksum-* headers are of this body, and not of an object it speaks of

    Raises S3Error MissingContentLength, EntityTooLarge, NotImplemented; reading raises what `checked` raises.
    """
    exchange, caller = asked.exchange, asked.caller
    headers = {
        name: value
        for name, value in exchange.headers.items()
        if with_checksums or not name.startswith("x-amz-checksum-")
    }
    if not caller.payload.startswith("STREAMING-"):
        announced = exchange.content_length()
        if announced is None and ("transfer-encoding" in exchange.headers or "content-length" in exchange.headers):
            raise S3Error("MissingContentLength", "Send the length of the body (Content-Length)")
        length = announced or 0
        _check_length(length)
        return checked(exchange.body(), length, BodyCheck(headers, caller.payload)), length
    if caller.payload not in chunked.KNOWN:
        raise S3Error("NotImplemented", f"{caller.payload} is not offered: sign with AWS4-HMAC-SHA256")
    length_given = length_in(exchange.headers.get("x-amz-decoded-content-length", ""))
    if length_given is None:
        raise S3Error("MissingContentLength", "Send x-amz-decoded-content-length with an aws-chunked body")
    _check_length(length_given)
    named = exchange.headers.get("x-amz-trailer", "").split(",")
    check = BodyCheck(headers, caller.payload, frozenset(each.strip().lower() for each in named if each.strip()))
    return checked(chunked.decoded(exchange.body(), caller, check), length_given, check), length_given


def _check_length(length: int) -> None:
    if length > LARGEST_OBJECT_BYTES:
        raise S3Error("EntityTooLarge", "One PUT takes 5 GiB at most: upload in parts")


async def begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes] | None:
    """Wait for the first piece of a body and give the whole of it; None for an empty one.

    Before the backend hears of it: SeaweedFS 4.48 keeps an upload that breaks off before its first byte as an empty
    object (one that breaks off later leaves nothing), and a body in one piece is judged here.
    """
    first = await anext(pieces, None)
    return None if first is None else _chained(first, pieces)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def small(asked: Asked, *, with_checksums: bool = True) -> bytes:
    """Read a body that must be small."""
    pieces, length = data(asked, with_checksums=with_checksums)
    if length > _SMALL_BODY_BYTES:
        raise S3Error("EntityTooLarge", f"This kind of request may have at most {_SMALL_BODY_BYTES} bytes")
    return await read_whole(pieces, _SMALL_BODY_BYTES)


def parsed(body: bytes, what: str) -> ElementTree.Element:
    """Parse a caller's document.

    Parameters
    ----------
    what : it is, for the error, e.g. "list of keys"

    Raises S3Error MalformedXML; declarations, with which entities could be made to grow, are refused unread.
    """
    try:
        text = body.decode("utf-8-sig")
        if "<!" in text:
            raise S3Error("MalformedXML", f"The {what} must not declare a document type")
        return ElementTree.fromstring(text)  # noqa: S314  no declarations, see above
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError, RecursionError):
        raise S3Error("MalformedXML", f"The {what} is not well-formed XML in UTF-8") from None
