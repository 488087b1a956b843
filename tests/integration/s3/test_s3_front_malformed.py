"""Requests that no client makes: each gets an S3 error in XML, none a fault of ours, and the front goes on."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ondol.server.s3 import sigv4

ALICE = "alice@example.org"
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80)
FUZZ = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def exchange(front: str, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Send bytes, and give status and body of the answer."""
    parts = urlsplit(front)
    with contextlib.closing(socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)) as line:
        line.sendall(head + body)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    status, _, rest = answer.partition(b"\r\n")
    return int(status.split()[1]) if status else 0, rest.partition(b"\r\n\r\n")[2]


def check(status: int, body: bytes) -> str:
    """The answer is an S3 error or a success, and no fault; gives the error's code."""
    assert status < 500 or status == 501, (status, body)
    if status < 300 or not body:
        return ""
    if status == 400 and not body.startswith(b"<?xml"):
        assert body == b"Invalid HTTP request received."  # the HTTP parser's, before the front hears of it
        return ""
    return ElementTree.fromstring(body).findtext("Code") or ""  # noqa: S314


@pytest.fixture
def signed(front: str, directory: Any) -> Callable[..., tuple[int, bytes]]:
    """Send a well-signed request with any headers and body."""

    def go(method: str, path: str, query: str = "", *, body: bytes = b"", **more: str) -> tuple[int, bytes]:
        timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        payload = more.pop("payload", "") or hashlib.sha256(body).hexdigest()
        headers = {"host": urlsplit(front).netloc, "x-amz-date": timestamp, "x-amz-content-sha256": payload}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        headers.setdefault("content-length", str(len(body)))
        scope = sigv4.Scope(timestamp[:8], "anywhere")
        names = sorted(headers)
        pairs = [tuple(each.partition("=")[::2]) for each in query.split("&") if each]
        text = sigv4.canonical_request(
            method,
            sigv4.canonical_path(path),
            sigv4.canonical_query(pairs),
            headers={name: [value] for name, value in headers.items()},
            signed=names,
            payload=payload,
        )
        key = sigv4.signing_key(directory.secrets[ALICE], scope)
        made = sigv4.signature(key, sigv4.string_to_sign(text, timestamp, scope))
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={ALICE}/{scope}, SignedHeaders={';'.join(names)}, Signature={made}"
        )
        target = path + (f"?{sigv4.canonical_query(pairs)}" if query else "")
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return exchange(front, ("\r\n".join(lines) + "\r\nconnection: close\r\n\r\n").encode(), body)

    return go


@FUZZ
@given(authorization=TEXT, date=TEXT, sha=TEXT)
def test_any_authorization_header_is_refused_in_words(
    front: str, bucket: str, authorization: str, date: str, sha: str
) -> None:
    for start in ("", "AWS ", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a/20260101/x/s3/aws4_request, "):
        head = (
            f"PUT /{bucket}/k HTTP/1.1\r\nhost: x\r\nauthorization: {start}{authorization}\r\nx-amz-date: {date}\r\n"
            f"x-amz-content-sha256: {sha}\r\ncontent-length: 1\r\nconnection: close\r\n\r\n"
        )
        status, body = exchange(front, head.encode("latin-1"), b"x")
        check(status, body)
        assert status in {400, 403}


PARAMETERS = (
    "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders X-Amz-Signature AWSAccessKeyId "
    "Signature Expires uploadId versionId"
)


@FUZZ
@given(values=st.fixed_dictionaries({}, optional=dict.fromkeys(PARAMETERS.split(), TEXT)))
def test_any_presigned_query_is_refused_in_words(front: str, values: dict[str, str]) -> None:
    query = sigv4.canonical_query(values.items())
    status, body = exchange(front, f"GET /b/k?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    check(status, body)
    assert status in {400, 403}


@pytest.mark.parametrize(
    ("headers", "codes"),
    [
        ({"content_length": "-1"}, {""}),
        ({"content_length": "1e3"}, {""}),
        ({"content_length": "9" * 17}, {"EntityTooLarge"}),
        ({"content_length": "9" * 19}, {"MissingContentLength", "EntityTooLarge"}),
        ({"content_length": str(6 * 1024**3)}, {"EntityTooLarge"}),
        ({"payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, {"MissingContentLength"}),
        (
            {"payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": "-5"},
            {"MissingContentLength"},
        ),
        (
            {"payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": "9" * 5000},
            {"MissingContentLength"},
        ),
        ({"payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_decoded_content_length": "4"}, {"InvalidArgument"}),
        ({"payload": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, {"NotImplemented"}),
        ({"content_md5": "no"}, {"InvalidDigest"}),
        ({"x_amz_copy_source": "%ff%fe/k"}, {"InvalidURI"}),
        ({"x_amz_copy_source": "justabucket"}, {"InvalidArgument"}),
        ({"x_amz_metadata_directive": "MOVE", "x_amz_copy_source": "/b/k"}, {"InvalidArgument"}),
        ({"x_amz_acl": "public-read-write"}, {"AccessControlListNotSupported"}),
        ({"x_amz_grant_read": "everybody"}, {"AccessControlListNotSupported"}),
    ],
)
def test_absurd_headers_of_an_upload(
    signed: Callable[..., tuple[int, bytes]], alice: Any, bucket: str, headers: dict[str, str], codes: set[str]
) -> None:
    status, body = signed("PUT", f"/{bucket}/k", body=b"zz;\r\n", **headers)
    assert check(status, body) in codes
    assert status >= 400
    assert "Contents" not in alice.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("PATCH", "/B/k", "", "MethodNotAllowed"),
        ("BREW", "/B/k", "", "MethodNotAllowed"),
        ("OPTIONS", "/B/k", "", "AccessForbidden"),
        ("POST", "/B", "", "NotImplemented"),
        ("POST", "/", "", "MethodNotAllowed"),
        ("DELETE", "/", "", "MethodNotAllowed"),
        ("GET", "/B", "max-keys=-1", "InvalidArgument"),
        ("GET", "/B", "max-keys=1e9", "InvalidArgument"),
        ("GET", "/B", f"max-keys={'9' * 5000}", "InvalidArgument"),
        ("GET", "/B", "encoding-type=base64", "InvalidArgument"),
        ("GET", "/B", "list-type=3", "InvalidArgument"),
        ("GET", "/B", "versions=&uploads=", "NotImplemented"),
        ("GET", "/B/%ff%fe", "", "InvalidURI"),
        ("GET", "/B/%00", "", "InvalidArgument"),
        ("PUT", "/B/k", "partNumber=0&uploadId=x", "InvalidArgument"),
        ("PUT", "/B/k", "partNumber=10001&uploadId=x", "InvalidArgument"),
        ("PUT", "/B/k", "partNumber=1&uploadId=no_such", "NoSuchUpload"),
        ("POST", "/B/k", "uploadId=no_such", "MalformedXML"),
        ("GET", "/%00", "", "NoSuchBucket"),
        ("GET", "/B/k", "select=&select-type=2", "NotImplemented"),
    ],
)
def test_absurd_requests(
    signed: Callable[..., tuple[int, bytes]], bucket: str, method: str, path: str, query: str, code: str
) -> None:
    status, body = signed(method, path.replace("B", bucket), query)
    assert check(status, body) == code, (status, body)


@FUZZ
@given(
    body=st.binary(max_size=200),
    wrap=st.sampled_from([b"%b", b"<Delete>%b</Delete>", b"<Delete><Object><Key>%b</Key></Object></Delete>"]),
)
def test_any_document_is_parsed_without_trust(
    signed: Callable[..., tuple[int, bytes]], bucket: str, body: bytes, wrap: bytes
) -> None:
    check(*signed("POST", f"/{bucket}", "delete=", body=wrap % body))
    check(*signed("POST", f"/{bucket}/k", "uploadId=a_b", body=wrap % body))
    check(*signed("PUT", f"/{bucket}", body=wrap % body))


def test_xml_that_would_grow_is_refused_unread(signed: Callable[..., tuple[int, bytes]], bucket: str) -> None:
    bomb = (
        b'<!DOCTYPE a [<!ENTITY b "'
        + b"x" * 1000
        + b'">]><Delete><Object><Key>'
        + b"&b;" * 1000
        + b"</Key></Object></Delete>"
    )
    assert check(*signed("POST", f"/{bucket}", "delete=", body=bomb)) == "MalformedXML"
    deep = b"<a>" * 300_000
    assert check(*signed("POST", f"/{bucket}", "delete=", body=deep)) == "MalformedXML"


def test_the_front_still_works(alice: Any, bucket: str) -> None:
    alice.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert alice.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
