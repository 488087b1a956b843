"""Names that callers give: buckets, keys and copy sources, refused where they could mean another's data."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from urllib.parse import unquote

from ondol.server.s3.errors import S3Error

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPAQUE = re.compile(r"[A-Za-z0-9_.+=~-]{1,256}")
_LONGEST_KEY_BYTES = 1024  # as S3


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


def check_key(key: str) -> None:
    """Refuse keys that the backend, which keeps them as paths, would resolve to something else.

    Dot segments could climb out of the bucket into another account's, so they are refused although S3 takes some.
    """
    if len(key.encode()) > _LONGEST_KEY_BYTES:
        raise S3Error("InvalidArgument", f"A key has at most {_LONGEST_KEY_BYTES} bytes")
    if "\0" in key or any(segment in {".", ".."} for segment in key.split("/")):
        raise S3Error("InvalidArgument", f"The key {key!r} has a part '.' or '..' or a null byte: name it without")


def check_parameter(name: str, value: str) -> None:
    """Refuse query values that the backend could resolve to a path outside the bucket."""
    if name in {"uploadId", "versionId", "version-id-marker", "upload-id-marker"}:
        if value and (not _OPAQUE.fullmatch(value) or value.strip(".") == ""):
            raise S3Error("InvalidArgument", f"{name} is not one that this store gave out")
        return
    check_key(value)
    if name == "continuation-token":
        try:
            check_key(base64.b64decode(value, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return


def copy_source(value: str) -> tuple[str, str, str]:
    """Split ``x-amz-copy-source`` into bucket, key and version (empty for the newest).

    Parameters
    ----------
    value : ``bucket/key`` or ``/bucket/key``, percent-encoded, with ``?versionId=`` or without
    """
    path, _, version = value.partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise S3Error("InvalidArgument", "x-amz-copy-source must read BUCKET/KEY, percent-encoded")
    check_key(key)
    check_parameter("versionId", version)
    return bucket, key, version


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
