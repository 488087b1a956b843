"""What the platform itself asks of an object store: staging inputs in, results out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PART_SIZE = 8 * 1024 * 1024
"""From this size on [bytes] objects are sent in parts of this size, as the public SDKs do, so that ETags agree."""

Tell = Callable[[int], None]


def unheard(_size: int) -> None:
    """Nobody listens to the progress of a transfer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object in a listing.

    Parameters
    ----------
    key : its name in the bucket
    size : length [bytes], ≥ 0
    etag : with its quotes: the MD5, or MD5-of-part-MD5s and the number of parts, as S3 shows it
    """

    key: str
    size: int
    etag: str


class ObjectStore(Protocol):
    """Buckets of objects, by their backend names.

    Every method raises NotFoundError for a missing bucket or object and UnavailableError when the store cannot
    answer now. All of them block; call them from a thread where an event loop runs.
    """

    def create_bucket(self, backend_name: str) -> None:
        """Make a bucket; one that exists already is fine."""

    def delete_bucket(self, backend_name: str) -> None:
        """Remove an empty bucket; ConflictError when objects are left in it."""

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """List the objects whose key begins with `prefix`, each once, in the store's own order."""

    def download(self, bucket: str, key: str, path: Path, tell: Tell = unheard) -> None:
        """Copy an object to a file, making its folders; the file appears whole or not at all.

        Parameters
        ----------
        tell : called with the bytes that came since the last call, from any thread; fewer than 0 where some come again
        """

    def upload(self, path: Path, bucket: str, key: str, tell: Tell = unheard) -> None:
        """Copy a file to an object; NotFoundError when there is no such file. `tell` as with `download`."""

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        """Write a small object."""

    def get_bytes(self, bucket: str, key: str) -> bytes:
        """Read a small object whole."""

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is fine."""
