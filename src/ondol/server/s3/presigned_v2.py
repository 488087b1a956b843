"""Presigned URLs of Signature Version 2, which boto3 still makes where no region is set, as for the public SDK.

Only URLs: requests that are signed in a header of this version are refused. Source: Amazon S3 Developer Guide,
"Signing and authenticating REST requests"; its worked example is in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from ondol.server.s3.request import HttpRequest

# The parameters that the signature covers, from the guide's list and what boto3 signs.
_COVERED_NAMES = (
    "accelerate acl cors delete lifecycle location logging notification partNumber policy replication requestPayment "
    "response-cache-control response-content-disposition response-content-encoding response-content-language "
    "response-content-type response-expires restore tagging torrent uploadId uploads versionId versioning versions "
    "website"
)
_COVERED = frozenset(_COVERED_NAMES.split())


def is_presigned(request: HttpRequest) -> bool:
    """Tell whether a request carries a signature of version 2 in its query."""
    names = {name for name, _ in request.query}
    return "Signature" in names and "AWSAccessKeyId" in names


def expires_at(request: HttpRequest) -> datetime | None:
    """Give the end of the URL's life, None where it is not a time."""
    text = dict(request.query).get("Expires", "")
    return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdigit() and len(text) <= 11 else None


def fits(request: HttpRequest, secret: str, bucket: str) -> bool:
    """Tell whether the signature is that of the request.

    Parameters
    ----------
    request : with its query whole
    secret : of the access key
    bucket : in virtual-host style the bucket that the host names, which the path then lacks; else empty
    """
    given = dict(request.query)
    resource = (f"/{bucket}" if bucket else "") + request.path
    covered = sorted((name, value) for name, value in request.query if name in _COVERED)
    if covered:
        resource += "?" + "&".join(f"{name}={value}" if value else name for name, value in covered)
    amazon = sorted((name, values) for name, values in request.headers.items() if name.startswith("x-amz-"))
    text = "\n".join(
        (
            request.method,
            request.header("content-md5") or "",
            request.header("content-type") or "",
            given.get("Expires", ""),
            *(f"{name}:{','.join(each.strip() for each in values)}" for name, values in amazon),
            resource,
        )
    )
    made = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest())
    return hmac.compare_digest(made, given["Signature"].encode("utf-8", "replace"))
