"""The platform's own writes, told to the usage book: results reach a bucket past the S3 front."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ondol.storage.objects.port import ObjectInfo, ObjectStore, Tell, unheard
from ondol.storage.objects.usage import UsageBook


class CountedObjectStore:
    """An `ObjectStore` whose writes put their bucket's figures in doubt, so that they are counted again when asked.

    Parameters
    ----------
    store : does the work
    book : keeps the figures

    It refuses nothing: who writes for an account asks `UsageBook.begin` first.
    """

    def __init__(self, store: ObjectStore, book: UsageBook) -> None:
        self._store, self._book = store, book

    def create_bucket(self, backend_name: str) -> None:
        self._store.create_bucket(backend_name)

    def delete_bucket(self, backend_name: str) -> None:
        self._store.delete_bucket(backend_name)
        self._book.forget(backend_name)

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._store.list(bucket, prefix)

    def download(self, bucket: str, key: str, path: Path, tell: Tell = unheard) -> None:
        self._store.download(bucket, key, path, tell)

    def upload(self, path: Path, bucket: str, key: str, tell: Tell = unheard) -> None:
        try:
            self._store.upload(path, bucket, key, tell)
        finally:
            self._book.doubt(bucket)

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        try:
            self._store.put_bytes(bucket, key, data)
        finally:
            self._book.doubt(bucket)

    def get_bytes(self, bucket: str, key: str) -> bytes:
        return self._store.get_bytes(bucket, key)

    def delete(self, bucket: str, key: str) -> None:
        try:
            self._store.delete(bucket, key)
        finally:
            self._book.doubt(bucket)


class Room:
    """Holds the platform's own writes for accounts to their quotas.

    Parameters
    ----------
    book : keeps the figures and knows the limits
    store : tells the size of what is to be replaced
    """

    def __init__(self, book: UsageBook, store: ObjectStore) -> None:
        self._book, self._store = book, store

    @contextmanager
    def __call__(self, account: str, bucket: str, key: str, size: int) -> Iterator[None]:
        """Keep room for an object of `size` bytes while it is written; raises QuotaError where there is none."""
        limits = self._book.limits_of(account)
        if limits.quota_bytes is None and limits.quota_bytes_bucket is None:
            yield
            return
        first = next(self._store.list(bucket, key), None)  # of all keys that begin so, this one comes first
        present = first.size if first is not None and first.key == key else None
        write = self._book.begin(account, bucket, key, size - (present or 0))
        try:
            yield
            write.replaced(present, size)
        finally:
            write.close()
