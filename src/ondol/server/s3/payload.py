"""Request bodies: held to the digests they were announced with, before the last of them is passed on."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

from ondol.server.s3.errors import S3Error

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_CHECKSUMS: dict[str, Callable[[], _Digest]] = {
    "content-md5": lambda: hashlib.md5(usedforsecurity=False),
    "x-amz-checksum-crc32": _Crc32,
    "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}
"""Checked here; CRC32C and CRC64NVME need compiled code that no dependency of ours brings and are passed over."""


class BodyCheck:
    """The digests a body is held to.

    Parameters
    ----------
    headers : lower-case request headers; Content-MD5 and x-amz-checksum-* are looked at
    sha256 : hex SHA-256 that was signed, or a word that says there is none
    trailers : names of the checksum trailers that will come after the body
    """

    def __init__(self, headers: Mapping[str, str], sha256: str, trailers: frozenset[str] = frozenset()) -> None:
        self._wanted = {name: headers[name].strip() for name in _CHECKSUMS if name in headers}
        self._digests = {name: make() for name, make in _CHECKSUMS.items() if name in headers or name in trailers}
        self._signed = sha256 if _HEX_SHA256.fullmatch(sha256) else None
        self._sha256 = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Take in the next piece."""
        if self._signed is not None:
            self._sha256.update(data)
        for each in self._digests.values():
            each.update(data)

    def expect(self, name: str, value: str) -> None:
        """Note a checksum that came as a trailer."""
        if name in self._digests:
            self._wanted[name] = value.strip()

    def finish(self) -> None:
        """Compare; raises S3Error XAmzContentSHA256Mismatch or BadDigest."""
        if self._signed is not None and self._sha256.hexdigest() != self._signed:
            raise S3Error("XAmzContentSHA256Mismatch", "The body is not the one that was signed: send it again")
        for name, value in self._wanted.items():
            if base64.b64encode(self._digests[name].digest()).decode() != value:
                raise S3Error("BadDigest", f"The body does not have the {name} that was sent: send it again")


async def checked(pieces: AsyncIterator[bytes], length: int, check: BodyCheck) -> AsyncIterator[bytes]:
    """Pass a body on, its last piece only when all of it has been checked, so that a wrong one is never whole.

    Parameters
    ----------
    pieces : the body as it comes; errors it raises pass through
    length : announced length [bytes]
    check : what it is held to

    Raises S3Error IncompleteBody, and what `check` raises.
    """
    held, seen = b"", 0
    async for piece in pieces:
        seen += len(piece)
        if seen > length:
            raise S3Error("IncompleteBody", f"More than the announced {length} bytes came")
        check.update(piece)
        if piece:
            if held:
                yield held
            held = piece
    if seen != length:
        raise S3Error("IncompleteBody", f"{seen} of the announced {length} bytes came: send it again")
    check.finish()
    if held:
        yield held


async def read_whole(pieces: AsyncIterator[bytes], limit: int) -> bytes:
    """Read a body that must be small; EntityTooLarge above `limit` [bytes]."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limit:
            raise S3Error("EntityTooLarge", f"This kind of request may have at most {limit} bytes")
    return bytes(body)
