"""The object store over S3 (boto3), against the backend that the platform runs, with keys as `keycode` writes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError, OndolError, UnavailableError
from ondol.storage.objects.keycode import decode_key, encode_key, encode_prefix
from ondol.storage.objects.port import PART_SIZE, ObjectInfo, Tell, unheard
from ondol.storage.objects.usage import Tally

_MISSING = frozenset({"NoSuchBucket", "NoSuchKey", "404", "NotFound"})
_OURS_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


class S3ObjectStore:
    """`ObjectStore` over an S3 endpoint; safe to share between threads.

    Parameters
    ----------
    url : endpoint, e.g. ``http://127.0.0.1:8333``
    access_key, secret_key : its credentials; no environment variable or file is read
    tries : how often a request is tried before UnavailableError, ≥ 1
    """

    def __init__(self, url: str, access_key: str, secret_key: str, *, tries: int = 6) -> None:
        self._url = url
        self._client = boto3.session.Session(
            aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name="us-east-1"
        ).client(
            "s3",
            endpoint_url=url,
            config=Config(
                retries={"total_max_attempts": tries, "mode": "standard"},
                connect_timeout=5,
                read_timeout=60,
                proxies={},
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        self._transfer = TransferConfig(multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE, max_concurrency=4)

    def create_bucket(self, backend_name: str) -> None:
        try:
            self._client.create_bucket(Bucket=backend_name)
        except ClientError as refused:
            if _code(refused) not in _OURS_ALREADY:
                raise self._translated(refused, backend_name) from refused
        except BotoCoreError as failed:
            raise self._translated(failed, backend_name) from failed

    def delete_bucket(self, backend_name: str) -> None:
        with self._errors(backend_name):
            self._client.delete_bucket(Bucket=backend_name)

    def list(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        with self._errors(bucket):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=encode_prefix(prefix))
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield ObjectInfo(key=decode_key(entry["Key"]), size=entry["Size"], etag=entry["ETag"])

    def download(self, bucket: str, key: str, path: Path, tell: Tell = unheard) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._errors(bucket, key):
            # It writes beside the file and renames when whole.
            self._client.download_file(bucket, encode_key(key), str(path), Config=self._transfer, Callback=tell)

    def upload(self, path: Path, bucket: str, key: str, tell: Tell = unheard) -> None:
        if not path.is_file():
            raise NotFoundError("file", str(path))
        with self._errors(bucket, key), path.open("rb") as source:
            self._client.upload_fileobj(source, bucket, encode_key(key), Config=self._transfer, Callback=tell)

    def put_bytes(self, bucket: str, key: str, data: bytes) -> None:
        with self._errors(bucket, key):
            self._client.put_object(Bucket=bucket, Key=encode_key(key), Body=data)

    def get_bytes(self, bucket: str, key: str) -> bytes:
        with self._errors(bucket, key):
            return bytes(self._client.get_object(Bucket=bucket, Key=encode_key(key))["Body"].read())

    def size_of(self, bucket: str, key: str) -> int | None:
        """Give an object's length [bytes], None where there is none."""
        try:
            with self._errors(bucket, key):
                return int(self._client.head_object(Bucket=bucket, Key=encode_key(key))["ContentLength"])
        except NotFoundError:
            return None

    def tally(self, bucket: str) -> Tally:
        """Count what a bucket holds, with the parts of unfinished uploads."""
        size, objects = 0, 0
        for each in self.list(bucket):
            size, objects = size + each.size, objects + 1
        parts: dict[str, dict[int, int]] = {}
        with self._errors(bucket):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
                for upload in page.get("Uploads", ()):
                    parts[upload["UploadId"]] = self._part_sizes(bucket, upload["Key"], upload["UploadId"])
        return Tally(size, objects, parts)

    def _part_sizes(self, bucket: str, name: str, upload_id: str) -> dict[int, int]:
        """Give the sizes of an upload's parts; SeaweedFS lists each sending of a part, of which the last counts."""
        newest: dict[int, tuple[Any, int]] = {}
        pages = self._client.get_paginator("list_parts").paginate(Bucket=bucket, Key=name, UploadId=upload_id)
        try:
            for page in pages:
                for part in page.get("Parts", ()):
                    sent = (part["LastModified"], part["Size"])  # whole seconds: the larger of two in one
                    newest[part["PartNumber"]] = max(sent, newest.get(part["PartNumber"], sent))
        except ClientError as gone:  # finished or given up since the listing
            if _code(gone) != "NoSuchUpload":
                raise
        return {number: size for number, (_, size) in newest.items()}

    def delete(self, bucket: str, key: str) -> None:
        with self._errors(bucket, key):
            self._client.delete_object(Bucket=bucket, Key=encode_key(key))

    @contextlib.contextmanager
    def _errors(self, bucket: str, key: str | None = None) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error) as foreign:
            raise self._translated(foreign, bucket, key) from foreign

    def _translated(self, foreign: Exception, bucket: str, key: str | None = None) -> OndolError:
        """Say a foreign error in our words."""
        where = bucket if key is None else f"{bucket}/{key}"
        code = _code(foreign)
        if code in _MISSING:
            return NotFoundError("bucket" if key is None or code == "NoSuchBucket" else "object", where)
        if code == "KeyTooLongError":
            return InvalidFieldError("object key", key, "a name of at most 1024 bytes")
        if code == "BucketNotEmpty":
            return ConflictError(f"Bucket {bucket} still holds objects: delete them first")
        return UnavailableError(f"The object store at {self._url} could not serve {where} ({foreign}); try again")


def _code(foreign: Exception) -> str:
    return str(foreign.response.get("Error", {}).get("Code", "")) if isinstance(foreign, ClientError) else ""
