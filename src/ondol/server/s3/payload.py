"""Request bodies: held to the digests they were announced with, before the last of them is passed on."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

from awscrt import checksums

from ondol.server.s3.errors import S3Error

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A running cyclic redundancy check, given as S3 does: big-endian."""

    def __init__(self, function: Callable[[bytes, int], int], size_bytes: int) -> None:
        self._function, self._size_bytes, self._value = function, size_bytes, 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size_bytes, "big")


_CHECKSUMS: dict[str, Callable[[], _Digest]] = {
    "content-md5": lambda: hashlib.md5(usedforsecurity=False),
    "x-amz-checksum-crc32": lambda: _Crc(zlib.crc32, 4),
    "x-amz-checksum-crc32c": lambda: _Crc(checksums.crc32c, 4),
    "x-amz-checksum-crc64nvme": lambda: _Crc(checksums.crc64nvme, 8),
    "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "x-amz-checksum-sha256": hashlib.sha256,
}


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
        for name, value in self._wanted.items():
            self._check_form(name, value)
        self._signed = sha256 if _HEX_SHA256.fullmatch(sha256) else None
        self._sha256 = hashlib.sha256()
        self._owed = {name for name in trailers if name in _CHECKSUMS}

    def update(self, data: bytes) -> None:
        """Take in the next piece."""
        if self._signed is not None:
            self._sha256.update(data)
        for each in self._digests.values():
            each.update(data)

    def expect(self, name: str, value: str) -> None:
        """Note a checksum that came as a trailer."""
        self._owed.discard(name)
        if name in self._digests:
            self._check_form(name, value.strip())
            self._wanted[name] = value.strip()

    def _check_form(self, name: str, value: str) -> None:
        """Refuse what cannot be a digest of its kind, before anything of the body is taken in."""
        try:
            right = len(base64.b64decode(value, validate=True)) == len(_CHECKSUMS[name]().digest())
        except ValueError:
            right = False
        if not right:
            code = "InvalidDigest" if name == "content-md5" else "InvalidRequest"
            raise S3Error(code, f"{name} must be the Base64 of a digest of its kind")

    def finish(self) -> None:
        """Compare; raises S3Error XAmzContentSHA256Mismatch or BadDigest."""
        if self._signed is not None and self._sha256.hexdigest() != self._signed:
            raise S3Error("XAmzContentSHA256Mismatch", "The body is not the one that was signed: send it again")
        if self._owed:
            raise S3Error("IncompleteBody", f"The trailer {min(self._owed)} was announced and did not come")
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
