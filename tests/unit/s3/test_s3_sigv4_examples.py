"""Signature V4 against the worked examples of the Amazon S3 API Reference (sections 'Authenticating Requests')."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from ondol.server.s3 import chunked, credentials, sigv4
from ondol.server.s3.credentials import HttpRequest, identify
from ondol.server.s3.errors import S3Error
from ondol.server.s3.payload import BodyCheck, checked

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW = datetime(2013, 5, 24, tzinfo=UTC)
SCOPE = "20130524/us-east-1/s3/aws4_request"


def secret_of(key: str) -> str | None:
    return SECRET if key == KEY else None


def header_request(signature: str) -> HttpRequest:
    signed = "host;range;x-amz-content-sha256;x-amz-date"
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": sigv4.EMPTY_SHA256,
        "x-amz-date": "20130524T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/{SCOPE},SignedHeaders={signed},Signature={signature}",
    }
    return HttpRequest("GET", "/test.txt", (), {name: [value] for name, value in headers.items()})


def presigned_request(expires: str = "86400") -> HttpRequest:
    query = (
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", f"{KEY}/{SCOPE}"),
        ("X-Amz-Date", "20130524T000000Z"),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", "host"),
        ("X-Amz-Signature", "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
    )
    return HttpRequest("GET", "/test.txt", query, {"host": ["examplebucket.s3.amazonaws.com"]})


GOOD = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_the_header_example() -> None:
    assert identify(header_request(GOOD), secret_of, NOW).email == KEY


def test_the_presigned_example_within_and_after_its_life() -> None:
    assert identify(presigned_request(), secret_of, NOW + timedelta(hours=23)).payload == sigv4.UNSIGNED_PAYLOAD
    with pytest.raises(S3Error, match="expired"):
        identify(presigned_request(), secret_of, NOW + timedelta(hours=25))
    with pytest.raises(S3Error) as refused:
        identify(presigned_request("86401"), secret_of, NOW)
    assert refused.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("request_", "now", "code"),
    [
        (header_request("0" * 64), NOW, "SignatureDoesNotMatch"),
        (header_request(GOOD), NOW + timedelta(minutes=16), "RequestTimeTooSkewed"),
        (header_request(GOOD), NOW - timedelta(minutes=16), "RequestTimeTooSkewed"),
        (header_request("short"), NOW, "AuthorizationHeaderMalformed"),
        (HttpRequest("GET", "/", (), {}), NOW, "AccessDenied"),
    ],
)
def test_refusals(request_: HttpRequest, now: datetime, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        identify(request_, secret_of, now)
    assert refused.value.code == code


def test_an_unknown_key_is_told() -> None:
    with pytest.raises(S3Error) as refused:
        identify(header_request(GOOD), lambda _: None, NOW)
    assert refused.value.code == "InvalidAccessKeyId"


def chunked_body(second: str) -> bytes:
    chunks = (
        (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (1024, second),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    )
    return b"".join(b"%x;chunk-signature=%b\r\n%b\r\n" % (size, made.encode(), b"a" * size) for size, made in chunks)


def decode(body: bytes, piece: int) -> bytes:
    seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    scope = sigv4.Scope("20130524", "us-east-1")
    key = sigv4.signing_key(SECRET, scope)
    caller = credentials.Caller(KEY, chunked.SIGNED, key, scope, "20130524T000000Z", seed)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), piece):
            yield body[start : start + piece]

    async def run() -> bytes:
        check = BodyCheck({}, caller.payload)
        return b"".join([each async for each in checked(chunked.decoded(pieces(), caller, check), 66560, check)])

    return anyio.run(run)


@pytest.mark.parametrize("piece", [7, 1000, 100_000])
def test_the_chunked_upload_example_however_it_is_cut(piece: int) -> None:
    good = chunked_body("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
    assert decode(good, piece) == b"a" * 66560


def test_a_chunk_with_a_wrong_signature_or_missing_end_is_refused() -> None:
    with pytest.raises(S3Error) as refused:
        decode(chunked_body("0" * 64), 1000)
    assert refused.value.code == "SignatureDoesNotMatch"
    with pytest.raises(S3Error) as refused:
        decode(chunked_body("0" * 64)[:5000], 1000)
    assert refused.value.code == "IncompleteBody"
