"""One object that a task wants as an input, and whether a file is that object."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ondol.storage.objects.port import PART_SIZE

_MD5 = re.compile(r'"?([0-9a-f]{32})(?:-(\d+))?"?')


@dataclass(frozen=True)
class InputObject:
    """An object as a listing showed it.

    Parameters
    ----------
    bucket : its name behind the front
    etag : as `ObjectInfo.etag`
    size : length [bytes], ≥ 0
    """

    bucket: str
    key: str
    etag: str
    size: int

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what tells it from every other object and from its own earlier content, in hex."""
        said = "\0".join((self.bucket, self.key, self.etag, str(self.size)))
        return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()


def content_matches(path: Path, etag: str) -> bool | None:
    """Whether a file's content is what an ETag says; None where the ETag cannot tell.

    An ETag is the content's MD5, or, of an object sent in parts, the MD5 of the parts' MD5s and their number
    (S3 API reference, "Checking object integrity"). The size of the parts is not told: only our own can be checked.
    """
    found = _MD5.fullmatch(etag)
    if found is None:
        return None
    whole, parts = hashlib.md5(usedforsecurity=False), []
    with path.open("rb") as file:
        while part := file.read(PART_SIZE):
            if found[2] is None:
                whole.update(part)
            else:
                parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    if found[2] is None:
        return whole.hexdigest() == found[1]
    joined = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()
    return True if (joined, str(len(parts))) == (found[1], found[2]) else None
