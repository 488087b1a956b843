"""Checking who made a request: header and presigned forms of Signature V4, presigned V2, against the secrets."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ondol.server.s3 import presigned_v2, sigv4
from ondol.server.s3.errors import S3Error
from ondol.server.s3.request import HttpRequest

MAX_SKEW = timedelta(minutes=15)  # as S3: RequestTimeTooSkewed
MAX_EXPIRY_S = 7 * 24 * 3600  # as S3: longest life of a presigned URL

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+)\s*,\s*"
    r"SignedHeaders=(?P<signed>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_QUERY_ONLY = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from, and what its body is held to.

    Parameters
    ----------
    email : the access key
    payload : hex SHA-256 of the body, UNSIGNED-PAYLOAD, or a STREAMING- word
    key, scope, timestamp, signature : of the request's own signature; chunk signatures go on from it
    """

    email: str
    payload: str
    key: bytes
    scope: sigv4.Scope
    timestamp: str
    signature: str


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says of itself, not yet believed."""

    email: str
    scope: sigv4.Scope
    signed: tuple[str, ...]
    timestamp: str
    signature: str
    payload: str
    query: tuple[tuple[str, str], ...]
    expires_s: int | None = None


def identify(
    request: HttpRequest,
    secret_of: Callable[[str], str | None],
    now: datetime,
    hosted_bucket: Callable[[str], str] = lambda _: "",
) -> Caller:
    """Check a request's signature and say who made it.

    Parameters
    ----------
    request : what came
    secret_of : gives an e-mail's secret, None when it is unknown
    now : the time, aware UTC
    hosted_bucket : gives, for the caller's e-mail, the bucket that the Host header names; empty in path style

    Raises S3Error: AccessDenied (no or expired credentials), InvalidAccessKeyId, SignatureDoesNotMatch,
    RequestTimeTooSkewed, AuthorizationHeaderMalformed.
    """
    if presigned_v2.is_presigned(request):
        return _of_version_2(request, secret_of, now, hosted_bucket)
    claim = (
        _from_query(request) if any(name == "X-Amz-Signature" for name, _ in request.query) else _from_header(request)
    )
    _check_time(claim, now)
    _check_coverage(request, claim)
    secret = _secret(claim.email, secret_of)
    key = sigv4.signing_key(secret, claim.scope)
    query = sigv4.canonical_query(claim.query)
    paths = dict.fromkeys((sigv4.canonical_path(request.path), request.path))  # clients differ in what they encode
    # A list, not a generator: every candidate is compared, so that time says nothing.
    matches = [
        hmac.compare_digest(
            sigv4.signature(
                key,
                sigv4.string_to_sign(
                    sigv4.canonical_request(
                        request.method,
                        path,
                        query,
                        headers=request.headers,
                        signed=claim.signed,
                        payload=claim.payload,
                    ),
                    claim.timestamp,
                    claim.scope,
                ),
            ),
            claim.signature,
        )
        for path in paths
    ]
    if not any(matches):
        raise _mismatch()
    return Caller(claim.email, claim.payload, key, claim.scope, claim.timestamp, claim.signature)


def _of_version_2(
    request: HttpRequest, secret_of: Callable[[str], str | None], now: datetime, hosted_bucket: Callable[[str], str]
) -> Caller:
    email = dict(request.query)["AWSAccessKeyId"]
    end = presigned_v2.expires_at(request)
    if end is None or len({name for name, _ in request.query}) != len(request.query):
        raise S3Error("AuthorizationQueryParametersError", "The presigned URL is not whole: make it again")
    if now > end:
        raise S3Error("AccessDenied", "The presigned URL has expired: make a new one")
    if end - now > timedelta(seconds=MAX_EXPIRY_S) + MAX_SKEW:
        raise S3Error("AuthorizationQueryParametersError", f"A presigned URL lives {MAX_EXPIRY_S} seconds at most")
    if not presigned_v2.fits(request, _secret(email, secret_of), hosted_bucket(email)):
        raise _mismatch()
    return Caller(email, sigv4.UNSIGNED_PAYLOAD, b"", sigv4.Scope("", ""), "", "")


def _secret(email: str, secret_of: Callable[[str], str | None]) -> str:
    secret = secret_of(email)
    if secret is None:
        raise S3Error(
            "InvalidAccessKeyId",
            f"No account has the access key {email!r}: use the account's e-mail address as access key",
        )
    return secret


def _mismatch() -> S3Error:
    return S3Error(
        "SignatureDoesNotMatch",
        "The signature does not fit this request: use your API token as secret key, and send what was signed",
    )


def _from_header(request: HttpRequest) -> _Claim:
    given = request.header("authorization")
    if given is None:
        raise S3Error("AccessDenied", "Sign the request (AWS Signature V4) with your e-mail and your API token")
    parsed = _HEADER.fullmatch(given.strip())
    if parsed is None:
        raise S3Error("AuthorizationHeaderMalformed", "Only AWS4-HMAC-SHA256 is understood: use Signature Version 4")
    payload = request.header("x-amz-content-sha256")
    if payload is None:
        raise S3Error("AccessDenied", "The header x-amz-content-sha256 is missing: S3 requires it")
    email, scope = _credential(parsed["credential"])
    return _Claim(
        email=email,
        scope=scope,
        signed=tuple(parsed["signed"].lower().split(";")),
        timestamp=request.header("x-amz-date") or "",
        signature=parsed["signature"],
        payload=payload,
        query=tuple(request.query),
    )


def _from_query(request: HttpRequest) -> _Claim:
    given = dict(request.query)
    missing = [name for name in _QUERY_ONLY if name not in given]
    if missing or given.get("X-Amz-Algorithm") != sigv4.ALGORITHM or len(given) != len(request.query):
        raise S3Error("AuthorizationQueryParametersError", "The presigned URL is not whole: make it again")
    expires = given["X-Amz-Expires"]
    if not re.fullmatch(r"[0-9]{1,6}", expires) or not 1 <= int(expires) <= MAX_EXPIRY_S:
        raise S3Error("AuthorizationQueryParametersError", f"X-Amz-Expires must be from 1 to {MAX_EXPIRY_S} seconds")
    email, scope = _credential(given["X-Amz-Credential"])
    signed = tuple(given["X-Amz-SignedHeaders"].lower().split(";"))
    said = request.header("x-amz-content-sha256") if "x-amz-content-sha256" in signed else None
    return _Claim(
        email=email,
        scope=scope,
        signed=signed,
        timestamp=given["X-Amz-Date"],
        signature=given["X-Amz-Signature"],
        payload=said or sigv4.UNSIGNED_PAYLOAD,
        query=tuple((name, value) for name, value in request.query if name != "X-Amz-Signature"),
        expires_s=int(expires),
    )


def _credential(text: str) -> tuple[str, sigv4.Scope]:
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or parts[3] != "s3" or parts[4] != "aws4_request":
        raise S3Error("AuthorizationHeaderMalformed", "The credential must read E-MAIL/yyyymmdd/REGION/s3/aws4_request")
    return parts[0], sigv4.Scope(parts[1], parts[2], parts[3])


def _check_time(claim: _Claim, now: datetime) -> None:
    try:
        made = datetime.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise S3Error("AccessDenied", "x-amz-date must be given as yyyymmddThhmmssZ") from None
    if claim.timestamp[:8] != claim.scope.date:
        raise S3Error("AuthorizationHeaderMalformed", "The credential's date is not that of x-amz-date")
    if claim.expires_s is not None and now > made + timedelta(seconds=claim.expires_s):
        raise S3Error("AccessDenied", "The presigned URL has expired: make a new one")
    late = now - made
    if late < -MAX_SKEW or (claim.expires_s is None and late > MAX_SKEW):
        raise S3Error(
            "RequestTimeTooSkewed", f"Your clock is off by {abs(late)}: set it right (15 minutes are allowed)"
        )


def _check_coverage(request: HttpRequest, claim: _Claim) -> None:
    """Refuse headers that change the meaning of a request and are not signed: anyone on the way could add them."""
    signed = frozenset(claim.signed)
    presigned = claim.expires_s is not None
    loose = {name for name in request.headers if name.startswith("x-amz-") and name not in signed}
    if presigned:
        loose.discard("x-amz-content-sha256")  # not believed unless signed
    if "host" not in signed or loose:
        unsigned = ", ".join(sorted(loose)) or "host"
        raise S3Error("AccessDenied", f"Headers were present that are not signed: {unsigned}")
    if list(claim.signed) != sorted(signed):
        raise S3Error("AuthorizationHeaderMalformed", "SignedHeaders must be sorted, each named once")
