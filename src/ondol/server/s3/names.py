"""Names that callers give: buckets, keys and copy sources, refused where they could mean another's data."""

from __future__ import annotations

import ipaddress
import re

from ondol.model.errors import InvalidFieldError
from ondol.server.s3.errors import S3Error
from ondol.server.s3.exchange import decoded
from ondol.storage.objects.keycode import encode_key

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{1,256}")  # SeaweedFS 4.48: two hexadecimal words and an underscore


def check_new_bucket(name: str) -> None:
    """Refuse what S3 would not take as a bucket name (S3 User Guide, "General purpose bucket naming rules")."""
    if _BUCKET.fullmatch(name) and ".." not in name and not _is_address(name):
        return
    raise S3Error(
        "InvalidBucketName",
        f"{name!r} cannot be a bucket name: use 3 to 63 of a-z, 0-9, - and single dots, beginning and ending with a "
        "letter or digit, not an IP address (no capitals, no underscore)",
        bucket=name,
    )


def stored_name(key: str) -> str:
    """Give the name that a key has behind; refuse keys that S3 would not take."""
    if "\0" in key:
        raise S3Error("InvalidArgument", "A key holds no null character: name the object without")
    try:
        return encode_key(key)
    except InvalidFieldError as refused:
        raise S3Error("KeyTooLongError", str(refused)) from None


def check_opaque(name: str, value: str) -> None:
    """Refuse upload ids that this store never gave out: the backend takes them for parts of a path."""
    if not _OPAQUE.fullmatch(value):
        raise S3Error("NoSuchUpload", f"{name} is not one that this store gave out: begin the upload again")


def check_version(value: str) -> None:
    """Refuse versions: without versioning an object has one, named ``null``."""
    if value not in {"", "null"}:
        raise S3Error("NoSuchVersion", "Buckets here keep no versions: leave versionId out, or give null")


def copy_source(value: str) -> tuple[str, str]:
    """Split ``x-amz-copy-source`` into bucket and key.

    Parameters
    ----------
    value : ``bucket/key`` or ``/bucket/key``, percent-encoded, with ``?versionId=null`` or without
    """
    path, _, version = value.partition("?versionId=")
    bucket, _, key = decoded(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error("InvalidArgument", "x-amz-copy-source must read BUCKET/KEY, percent-encoded")
    check_version(version)
    return bucket, key


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
