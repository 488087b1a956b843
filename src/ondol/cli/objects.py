"""Buckets from the client's side: S3 with our e-mail as access key and our token as secret."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ondol.cli.api import Api
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError, OndolError, UnavailableError

PART = 8 << 20  # bytes of a part: files from this size on are sent in parts, and their ETag tells so
_PIECE = 1 << 20  # bytes that are held when content is handed on
Moved = Callable[[int], None]  # told how many more bytes were moved


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket; `etag` without quotes."""

    key: str
    size: int
    etag: str
    modified: str


class Objects:
    """The buckets of one account.

    Methods raise NotFoundError for what is not there, ConflictError where the store refuses, UnavailableError where it
    does not answer.

    Parameters
    ----------
    client : of boto3
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def names(self) -> list[tuple[str, str]]:
        """(name, creation time) of every bucket."""
        with _told("buckets"):
            buckets = self._client.list_buckets().get("Buckets", [])
        return [(one["Name"], one["CreationDate"].isoformat()) for one in buckets]

    def create(self, bucket: str) -> None:
        """Make a bucket; nothing happens where we have it."""
        with _told(bucket):
            self._client.create_bucket(Bucket=bucket)

    def listing(self, bucket: str, prefix: str = "") -> list[StoredObject]:
        """Every object whose key begins with `prefix`, by key."""
        found = []
        with _told(bucket):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                found += [
                    StoredObject(one["Key"], one["Size"], one["ETag"].strip('"'), one["LastModified"].isoformat())
                    for one in page.get("Contents", [])
                ]
        return sorted(found, key=lambda one: one.key)

    def put(self, bucket: str, key: str, path: Path, moved: Moved) -> None:
        """Send a file."""
        with _told(bucket):
            self._client.upload_file(str(path), bucket, key, Callback=moved, Config=_transfer())

    def get(self, bucket: str, key: str, path: Path, moved: Moved) -> None:
        """Fetch an object into a file, whole or not at all; folders are made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with _told(f"{bucket}/{key}"):
            self._client.download_file(bucket, key, str(path), Callback=moved, Config=_transfer())

    def pour(self, bucket: str, key: str, write: Callable[[bytes], object]) -> None:
        """Hand on the content of an object piece by piece."""
        with _told(f"{bucket}/{key}"):
            for piece in self._client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_PIECE):
                write(piece)

    def put_text(self, bucket: str, key: str, text: str) -> None:
        """Store a text (UTF-8)."""
        with _told(bucket):
            self._client.put_object(Bucket=bucket, Key=key, Body=text.encode())

    def size_of(self, bucket: str, key: str) -> int:
        """Bytes of one object."""
        with _told(f"{bucket}/{key}"):
            return int(self._client.head_object(Bucket=bucket, Key=key)["ContentLength"])

    def remove(self, bucket: str, keys: list[str]) -> None:
        """Remove objects."""
        with _told(bucket):
            for first in range(0, len(keys), 1000):
                named = [{"Key": key} for key in keys[first : first + 1000]]
                self._client.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})

    def remove_bucket(self, bucket: str) -> None:
        """Remove an empty bucket."""
        with _told(bucket):
            self._client.delete_bucket(Bucket=bucket)


def open_objects(api: Api) -> Objects:
    """Open the object store of a platform, whose address and our e-mail the platform tells."""
    access = api.access
    storage = access.storage or (api.get("/settings") or {}).get("storage")
    if not storage:
        raise UnavailableError(f"{access.url} has no object store: 'ondol up' starts one")
    email = access.email or str(api.get("/info")["email"])
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(aws_access_key_id=email, aws_secret_access_key=access.token)
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"max_attempts": 3},
        proxies={},
    )
    client = session.client(
        "s3", endpoint_url=str(storage), region_name="us-east-1", config=config, verify=access.verify
    )
    return Objects(client)


def file_etag(path: Path) -> str:
    """ETag that a file has once it was sent by `put`: MD5, or MD5 of the parts' MD5s with their number."""
    parts = []
    with path.open("rb") as file:
        while part := file.read(PART):
            parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    if path.stat().st_size < PART:
        return (parts[0] if parts else hashlib.md5(b"", usedforsecurity=False).digest()).hex()
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """(relative name with slashes, path) of every file below a folder, by name; links to files count as files."""
    if not folder.is_dir():
        raise NotFoundError("folder", str(folder))
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def place_of(folder: Path, name: str) -> Path:
    """Give the path of an object below a folder.

    Raises InvalidFieldError for a key that would lead out of the folder, or that no file can have.
    """
    pure = PurePosixPath(name)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise InvalidFieldError("key", name, "a relative path without '..': it would lie outside of the folder")
    path = folder.joinpath(*pure.parts)
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise InvalidFieldError("key", name, f"a place inside of {folder}; a link there leads out of it")
    return path


class _told:  # noqa: N801 - reads as a phrase: with told(name)
    """Turns what boto3 raises into errors of ours."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        if isinstance(error, S3UploadFailedError) and isinstance(error.__context__, ClientError):
            error = error.__context__
        if isinstance(error, ClientError):
            raise _refusal(self._what, error) from error
        if isinstance(error, ParamValidationError):
            raise InvalidFieldError("bucket", self._what, "3 to 63 lower-case letters, digits and hyphens") from error
        if isinstance(error, (BotoCoreError, S3UploadFailedError)):
            raise UnavailableError(f"The object store does not answer: {error}") from error


def _refusal(what: str, error: Any) -> OndolError:
    said = error.response.get("Error", {})
    code, message = str(said.get("Code", "")), str(said.get("Message", "") or error)
    if code in ("NoSuchBucket", "NoSuchKey", "404"):
        return NotFoundError("object" if "/" in what else "bucket", what)
    if code in ("SlowDown", "InternalError", "ServiceUnavailable", "503", "500"):
        return UnavailableError(f"The object store cannot answer now: {message}")
    return ConflictError(f"{what}: {message} ({code})")


def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
