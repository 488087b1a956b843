"""AWS Signature Version 4 for service ``s3``: the arithmetic, both for checking and for signing.

Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"; the tests hold its examples.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signing key is good for.

    Parameters
    ----------
    date : day of the key, ``yyyymmdd``
    region : any; SDKs send ``us-east-1``, ``default`` or the user's own
    service : ``s3``
    """

    date: str
    region: str
    service: str = "s3"

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def signing_key(secret: str, scope: Scope) -> bytes:
    """Derive the key of a scope from the secret."""
    key = ("AWS4" + secret).encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac_sha256(key, part)
    return key


def hmac_sha256(key: bytes, text: str) -> bytes:
    """Give HMAC-SHA256 of a text."""
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(key: bytes, text: str) -> str:
    """Give the signature (lower-case hex) of a string to sign."""
    return hmac_sha256(key, text).hex()


def canonical_path(raw_path: str) -> str:
    """Give a request path in its one canonical spelling; S3 encodes once and keeps dot segments and slashes."""
    return quote(unquote_to_bytes(raw_path), safe="/-_.~") or "/"


def canonical_query(parameters: Iterable[tuple[str, str]]) -> str:
    """Give query parameters (decoded) encoded and sorted."""
    encoded = ((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parameters)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def canonical_request(
    method: str,
    path: str,
    query: str,
    *,
    headers: Mapping[str, Sequence[str]],
    signed: Sequence[str],
    payload: str,
) -> str:
    """Give the canonical request.

    Parameters
    ----------
    method : HTTP method
    path, query : as `canonical_path` and `canonical_query` give them
    headers : by lower-case name, every value that was sent
    signed : lower-case names of the headers that are signed, sorted
    payload : hex SHA-256 of the body, or one of S3's words for not saying
    """
    lines = [f"{name}:{','.join(' '.join(value.split()) for value in headers.get(name, ()))}" for name in signed]
    return "\n".join((method, path, query, *lines, "", ";".join(signed), payload))


def string_to_sign(request: str, timestamp: str, scope: Scope) -> str:
    """Give the string to sign of a canonical request made at `timestamp` (``yyyymmddThhmmssZ``)."""
    return "\n".join((ALGORITHM, timestamp, str(scope), hashlib.sha256(request.encode()).hexdigest()))


def sign(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    *,
    access_key: str,
    secret_key: str,
    now: datetime,
    region: str = "us-east-1",
) -> dict[str, str]:
    """Give the headers that make a request to a backend valid, its body left unsigned.

    Parameters
    ----------
    method, path, query : as in `canonical_request`
    headers : lower-case; must hold ``host``; all of them are signed
    access_key, secret_key, region : the backend's
    now : aware UTC
    """
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    extra = {"x-amz-date": timestamp, "x-amz-content-sha256": UNSIGNED_PAYLOAD}
    every = {name: [value] for name, value in (*headers.items(), *extra.items())}
    signed = sorted(every)
    scope = Scope(timestamp[:8], region)
    request = canonical_request(method, path, query, headers=every, signed=signed, payload=UNSIGNED_PAYLOAD)
    made = signature(signing_key(secret_key, scope), string_to_sign(request, timestamp, scope))
    credential = f"{access_key}/{scope}"
    authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(signed)}, Signature={made}"
    return {**extra, "authorization": authorization}
