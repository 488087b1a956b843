"""The object store in a plain folder: for tests, and for machines without SeaweedFS."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.storage.objects.port import PART_SIZE, ObjectInfo, Tell, unheard

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    size: int
    etag: str


class FolderObjectStore:
    """`ObjectStore` in a folder: one folder a bucket, two files an object (``<sha256 of key>`` and ``….json``).

    Keys are hashed into file names, because S3 allows both ``a`` and ``a/b``, ``..`` and 1,024 bytes.
    Concurrent writers of one key may leave the one's data with the other's ETag; S3 would keep one of them whole.

    Parameters
    ----------
    root : the folder; made when missing
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def create_bucket(self, backend_name: str) -> None:
        self._path(backend_name).mkdir(exist_ok=True)

    def delete_bucket(self, backend_name: str) -> None:
        folder = self._existing(backend_name)
        try:
            folder.rmdir()
        except OSError as refused:
            raise ConflictError(f"Bucket {backend_name} still holds objects: delete them first") from refused

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        notes = (each.read_bytes() for each in self._existing(bucket).glob("*.json"))
        entries = (msgspec.json.decode(each, type=_Entry) for each in notes)
        for entry in sorted(entries, key=lambda each: each.key.encode()):
            if entry.key.startswith(prefix):
                yield ObjectInfo(key=entry.key, size=entry.size, etag=entry.etag)

    def download(self, bucket: str, key: str, path: Path, tell: Tell = unheard) -> None:
        source = self._object(bucket, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _whole_or_nothing(path) as out, source.open("rb") as data:
            for part in iter(lambda: data.read(PART_SIZE), b""):
                out.write(part)
                tell(len(part))

    def upload(self, path: Path, bucket: str, key: str, tell: Tell = unheard) -> None:
        if not path.is_file():
            raise NotFoundError("file", str(path))
        with path.open("rb") as source:
            self._write(bucket, key, _told(iter(lambda: source.read(PART_SIZE), b""), tell))

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        self._write(bucket, key, iter((data,)), in_parts=False)

    def get_bytes(self, bucket: str, key: str) -> bytes:
        return self._object(bucket, key).read_bytes()

    def delete(self, bucket: str, key: str) -> None:
        data = self._data(bucket, key)
        _note(data).unlink(missing_ok=True)
        data.unlink(missing_ok=True)

    def _write(self, bucket: str, key: str, parts: Iterator[bytes], *, in_parts: bool = True) -> None:
        target = self._data(bucket, key)
        digests, size = [], 0
        with _whole_or_nothing(target) as out:
            for part in parts:
                out.write(part)
                digests.append(hashlib.md5(part, usedforsecurity=False))
                size += len(part)
        if in_parts and size >= PART_SIZE:
            joined = hashlib.md5(b"".join(each.digest() for each in digests), usedforsecurity=False)
            etag = f'"{joined.hexdigest()}-{len(digests)}"'
        else:
            whole = digests[0] if digests else hashlib.md5(usedforsecurity=False)
            etag = f'"{whole.hexdigest()}"'
        with _whole_or_nothing(_note(target)) as out:
            out.write(msgspec.json.encode(_Entry(key=key, size=size, etag=etag)))

    def _object(self, bucket: str, key: str) -> Path:
        path = self._data(bucket, key)
        if not _note(path).exists():
            raise NotFoundError("object", f"{bucket}/{key}")
        return path

    def _data(self, bucket: str, key: str) -> Path:
        return self._existing(bucket) / hashlib.sha256(key.encode()).hexdigest()

    def _existing(self, bucket: str) -> Path:
        path = self._path(bucket)
        if not path.is_dir():
            raise NotFoundError("bucket", bucket)
        return path

    def _path(self, bucket: str) -> Path:
        if not _BUCKET.fullmatch(bucket):
            raise InvalidFieldError(
                "bucket", bucket, "3 to 63 of a–z, 0–9, . and -, starting and ending with a-z or 0-9"
            )
        return self._root / bucket


def _told(parts: Iterator[bytes], tell: Tell) -> Iterator[bytes]:
    for part in parts:
        yield part
        tell(len(part))


def _note(data: Path) -> Path:
    return data.with_name(data.name + ".json")


class _whole_or_nothing:  # noqa: N801  reads as a verb where it is used
    """Write a file under a passing name beside it and rename it when all went well."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> BinaryIO:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".part-")
        self._passing = Path(name)
        self._file: BinaryIO = os.fdopen(handle, "wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._file.close()
        if kind is None:
            self._passing.replace(self._path)
        else:
            self._passing.unlink(missing_ok=True)
