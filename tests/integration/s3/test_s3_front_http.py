"""The front against boto3 and hand-made requests: rights, digests, ranges, names that climb, a backend that dies."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import secrets
import signal
import socket
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from botocore.exceptions import ClientError

from ondol.server.s3 import sigv4
from ondol.server.s3.app import create_s3_app
from ondol.server.s3.ports import Backend

ALICE = "alice@example.org"
Send = Callable[..., "Answer"]


class Answer(NamedTuple):
    status: int
    body: bytes


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def send(front: str, directory: Any) -> Send:
    """Send one signed request byte for byte, unlike an SDK, which tidies up."""

    def go(
        method: str,
        path: str,
        query: str = "",
        *,
        body: bytes = b"",
        payload: str = "",
        at: datetime | None = None,
        **more: str,
    ) -> Answer:
        host = urlsplit(front).netloc
        timestamp = (at or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
        payload = payload or hashlib.sha256(body).hexdigest()
        headers = {"host": host, "x-amz-date": timestamp, "x-amz-content-sha256": payload}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        scope = sigv4.Scope(timestamp[:8], "anywhere")
        signed = sorted(headers)
        text = sigv4.canonical_request(
            method,
            sigv4.canonical_path(path),
            query,
            headers={name: [value] for name, value in headers.items()},
            signed=signed,
            payload=payload,
        )
        made = sigv4.signature(
            sigv4.signing_key(directory.secrets[ALICE], scope), sigv4.string_to_sign(text, timestamp, scope)
        )
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={ALICE}/{scope}, SignedHeaders={';'.join(signed)}, Signature={made}"
        )
        with contextlib.closing(http.client.HTTPConnection(host, timeout=20)) as connection:
            connection.request(method, path + (f"?{query}" if query else ""), body=body or None, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())

    return go


def test_wrong_secret_unknown_key_and_no_signature_are_told_apart(
    s3_of: Callable[..., Any], front: str, bucket: str
) -> None:
    with pytest.raises(ClientError) as refused:
        s3_of(ALICE, secret="wrong").list_buckets()
    assert code_of(refused) == ("SignatureDoesNotMatch", 403)
    with pytest.raises(ClientError) as refused:
        s3_of("eve@example.org").list_buckets()
    assert code_of(refused) == ("InvalidAccessKeyId", 403)
    answer = httpx2.get(f"{front}/{bucket}/k", trust_env=False)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text
    with pytest.raises(ClientError) as refused:
        s3_of(ALICE, secret="wrong").put_object(Bucket=bucket, Key="k", Body=b"x" * 300_000)
    assert code_of(refused) == ("SignatureDoesNotMatch", 403)


def test_a_clock_that_is_off_is_refused(send: Send) -> None:
    assert send("GET", "/", at=datetime.now(UTC) - timedelta(minutes=14)).status == 200
    answer = send("GET", "/", at=datetime.now(UTC) - timedelta(minutes=16))
    assert answer.status == 403
    assert b"RequestTimeTooSkewed" in answer.body


@pytest.mark.parametrize("name", ["Capital", "under_score", "ab", "a" * 64, "1.2.3.4", "a..b"])
def test_bucket_names_outside_the_rules_are_refused_with_the_rule(send: Send, name: str) -> None:
    answer = send("PUT", f"/{name}")
    text = answer.body.decode()
    assert answer.status == 400
    assert "<Code>InvalidBucketName</Code>" in text
    assert "3 to 63" in text


def test_unknown_buckets_and_keys(alice: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as refused:
        alice.list_objects_v2(Bucket="never-made")
    assert code_of(refused) == ("NoSuchBucket", 404)
    assert refused.value.response["Error"]["BucketName"] == "never-made"
    with pytest.raises(ClientError) as refused:
        alice.head_bucket(Bucket="never-made")
    assert code_of(refused)[1] == 404
    with pytest.raises(ClientError) as refused:
        alice.get_object(Bucket=bucket, Key="no key")
    assert code_of(refused) == ("NoSuchKey", 404)
    assert refused.value.response["Error"].get("BucketName", bucket) == bucket
    with pytest.raises(ClientError) as refused:
        alice.get_bucket_policy(Bucket=bucket)
    assert code_of(refused) == ("NotImplemented", 501)


def test_a_bucket_with_objects_is_not_deleted(alice: Any, bucket: str) -> None:
    alice.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(ClientError) as refused:
        alice.delete_bucket(Bucket=bucket)
    assert code_of(refused) == ("BucketNotEmpty", 409)
    alice.head_bucket(Bucket=bucket)


def test_own_bucket_names_stand_in_every_answer_and_data_is_left_alone(alice: Any, bucket: str, directory: Any) -> None:
    hidden = directory.backend_name("alice", bucket)
    document = f"<Name>{hidden}</Name>".encode()
    alice.put_object(Bucket=bucket, Key="d.xml", Body=document, ContentType="application/xml")
    assert alice.get_object(Bucket=bucket, Key="d.xml")["Body"].read() == document
    assert alice.list_objects(Bucket=bucket)["Name"] == bucket
    assert alice.list_objects_v2(Bucket=bucket)["Name"] == bucket
    assert alice.list_object_versions(Bucket=bucket)["Name"] == bucket
    upload = alice.create_multipart_upload(Bucket=bucket, Key="m")
    assert upload["Bucket"] == bucket
    part = alice.upload_part(Bucket=bucket, Key="m", UploadId=upload["UploadId"], PartNumber=1, Body=b"x")
    assert alice.list_parts(Bucket=bucket, Key="m", UploadId=upload["UploadId"])["Bucket"] == bucket
    assert alice.list_multipart_uploads(Bucket=bucket)["Bucket"] == bucket
    done = alice.complete_multipart_upload(
        Bucket=bucket,
        Key="m",
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert done["Bucket"] == bucket
    assert urlsplit(done["Location"]).path == f"/{bucket}/m"
    assert done["ETag"].endswith('-1"')
    aborted = alice.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    alice.abort_multipart_upload(Bucket=bucket, Key="a", UploadId=aborted)


def test_ranges_conditions_metadata_and_odd_keys(alice: Any, bucket: str) -> None:
    key = "a b+c&d=é?#%41.txt~'()*!"
    etag = alice.put_object(Bucket=bucket, Key=key, Body=b"0123456789", Metadata={"who": "me"}, ContentType="text/x")[
        "ETag"
    ]
    assert [each["Key"] for each in alice.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    answer = alice.get_object(Bucket=bucket, Key=key, Range="bytes=2-4", IfMatch=etag)
    assert answer["Body"].read() == b"234"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    head = alice.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"], head["Metadata"], head["ContentType"]) == (
        10,
        etag,
        {"who": "me"},
        "text/x",
    )
    with pytest.raises(ClientError) as refused:
        alice.get_object(Bucket=bucket, Key=key, IfMatch='"other"')
    assert code_of(refused)[1] == 412
    with pytest.raises(ClientError) as refused:
        alice.get_object(Bucket=bucket, Key=key, IfNoneMatch=etag)
    assert code_of(refused)[1] == 304
    with pytest.raises(ClientError) as refused:
        alice.put_object(Bucket=bucket, Key=key, Body=b"", IfNoneMatch="*")
    assert code_of(refused)[1] == 412
    alice.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    assert alice.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"0123456789"
    alice.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": "copy"}]})
    assert "Contents" not in alice.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("size", [0, 5, 200_000, 6_000_000])
@pytest.mark.parametrize(
    ("payload", "extra", "code"),
    [
        ("0" * 64, {}, "XAmzContentSHA256Mismatch"),
        ("UNSIGNED-PAYLOAD", {"content_md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ("UNSIGNED-PAYLOAD", {"x_amz_checksum_crc32": "AAAAAQ=="}, "BadDigest"),
    ],
)
def test_a_body_that_is_not_what_was_signed_leaves_nothing(
    send: Send, alice: Any, bucket: str, payload: str, extra: dict[str, str], code: str, size: int
) -> None:
    answer = send("PUT", f"/{bucket}/k", body=b"x" * size, payload=payload, content_length=str(size), **extra)
    text = answer.body.decode()
    assert (answer.status, f"<Code>{code}</Code>" in text) == (400, True), text
    assert "Contents" not in alice.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("sent", [0, 1, 500_000])
def test_an_upload_that_breaks_off_leaves_what_was_there(alice: Any, bucket: str, sent: int) -> None:
    alice.put_object(Bucket=bucket, Key="half", Body=b"old")
    parts = urlsplit(alice.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "half"}))
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=10)) as connection:
        connection.putrequest("PUT", f"{parts.path}?{parts.query}")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders(b"x" * sent)
    for number in range(5):  # time for the front to hear of it, and proof that it goes on
        alice.put_object(Bucket=bucket, Key=f"after {number}", Body=b"x")
    assert alice.get_object(Bucket=bucket, Key="half")["Body"].read() == b"old"


def test_streamed_payloads_with_trailing_checksums(s3_of: Callable[..., Any], send: Send, bucket: str) -> None:
    body = os.urandom(300_000)
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    framed = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (body[:100_000], body[100_000:])) + b"0\r\n"
    announced = {
        "payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x_amz_trailer": "x-amz-checksum-crc32",
        "x_amz_decoded_content_length": str(len(body)),
        "content_encoding": "aws-chunked",
    }
    good = send("PUT", f"/{bucket}/good", body=framed + f"x-amz-checksum-crc32:{crc}\r\n\r\n".encode(), **announced)
    assert good.status == 200, good.body
    bad = send("PUT", f"/{bucket}/bad", body=framed + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n", **announced)
    assert bad.status == 400
    assert b"BadDigest" in bad.body

    client = s3_of(ALICE, request_checksum_calculation="when_supported", response_checksum_validation="when_supported")
    client.put_object(Bucket=bucket, Key="sdk", Body=body)
    assert [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["good", "sdk"]
    stored = client.get_object(Bucket=bucket, Key="good")
    assert stored["Body"].read() == body
    assert stored.get("ContentEncoding", "") == ""


def test_presigned_urls(alice: Any, bucket: str, front: str) -> None:
    put = alice.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    get = alice.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    with httpx2.Client(trust_env=False) as client:
        assert client.put(put, content=b"hello").status_code == 200
        assert client.get(get).content == b"hello"
        assert client.put(get, content=b"changed").status_code == 403, "a URL for reading does not write"
        tampered = client.get(get.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
        assert (tampered.status_code, "SignatureDoesNotMatch" in tampered.text) == (403, True)
        smuggled = client.put(put, content=b"", headers={"x-amz-copy-source": f"/{bucket}/a b"})
        assert (smuggled.status_code, "not signed" in smuggled.text) == (403, True)
        assert client.head(alice.generate_presigned_url("head_bucket", {"Bucket": bucket})).status_code == 200


def test_nothing_climbs_into_anothers_bucket(send: Send, alice: Any, bob: Any, bucket: str, directory: Any) -> None:
    name = f"bobs-{secrets.token_hex(4)}"
    bob.create_bucket(Bucket=name)
    bob.put_object(Bucket=name, Key="secret", Body=b"of bob")
    hidden = directory.backend_name("bob", name)
    up = quote(f"../{hidden}/secret", safe="")
    upload = bob.create_multipart_upload(Bucket=name, Key="begun")["UploadId"]
    elsewhere: list[tuple[str, str, str, dict[str, Any]]] = [
        ("GET", f"/{bucket}/../{hidden}/secret", "", {}),
        ("GET", f"/{bucket}/%2e%2e/{hidden}/secret", "", {}),
        ("GET", f"/{bucket}/{up}", "", {}),
        ("GET", f"/{bucket}//../../{hidden}/secret", "", {}),
        ("GET", f"/{hidden}/secret", "", {}),
        ("GET", f"/{name}/secret", "", {}),
        ("GET", f"/{bucket}%2f..%2f{hidden}/secret", "", {}),
        ("GET", f"/{bucket}/k", f"uploadId={up}", {}),
        ("GET", f"/{bucket}/begun", f"uploadId={upload}", {}),
        ("PUT", f"/{bucket}/begun", f"partNumber=1&uploadId={upload}", {"body": b"x"}),
        ("DELETE", f"/{bucket}/begun", f"uploadId={upload}", {}),
        ("DELETE", f"/{bucket}/k", f"uploadId={up}", {}),
        ("GET", f"/{bucket}/k", f"versionId={up}", {}),
        ("PUT", f"/{bucket}/k", "", {"x_amz_copy_source": f"/{name}/secret"}),
        ("PUT", f"/{bucket}/k", "", {"x_amz_copy_source": f"/{hidden}/secret"}),
        ("PUT", f"/{bucket}/k", "", {"x_amz_copy_source": f"/{bucket}/{up}"}),
        ("PUT", f"/{bucket}/k", "", {"x_amz_copy_source": f"/{bucket}/../{hidden}/secret"}),
        ("PUT", f"/{bucket}/begun", f"partNumber=1&uploadId={upload}", {"x_amz_copy_source": f"/{bucket}/k"}),
    ]
    within: list[tuple[str, str, str, dict[str, Any]]] = [  # odd keys of one's own, and no more than that
        ("PUT", f"/{bucket}/{up}", "", {"body": b"x"}),
        ("DELETE", f"/{bucket}/{up}", "", {}),
        ("GET", f"/{bucket}", f"prefix={up}", {}),
        ("GET", f"/{bucket}", f"list-type=2&start-after={up}", {}),
        (
            "POST",
            f"/{bucket}",
            "delete=",
            {"body": f"<Delete><Object><Key>../{hidden}/secret</Key></Object></Delete>".encode()},
        ),
    ]
    for expected, tries in (({400, 404}, elsewhere), ({200, 204}, within)):
        for method, path, query, options in tries:
            answer = send(method, path, query, **options)
            assert answer.status in expected, (method, path, query, options, answer)
            assert b"of bob" not in answer.body
            assert b"<Key>secret" not in answer.body
    assert len(bob.list_multipart_uploads(Bucket=name)["Uploads"]) == 1
    assert bob.get_object(Bucket=name, Key="secret")["Body"].read() == b"of bob"
    assert name not in [each["Name"] for each in alice.list_buckets()["Buckets"]]


def test_killed_and_recovered_a_request_waits_for_it(weed: Any, alice: Any, bucket: str) -> None:
    alice.put_object(Bucket=bucket, Key="k", Body=b"kept")
    os.kill(weed.pid, signal.SIGKILL)
    tick = threading.Event()
    while weed.alive():
        tick.wait(0.01)
    reviver = threading.Thread(target=weed.restart_if_dead)
    reviver.start()
    alice.put_object(Bucket=bucket, Key="again", Body=b"x" * 300_000)  # one try of the client's, see `alice`
    assert alice.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"
    reviver.join(20)


def test_a_backend_that_stays_down_is_said_so(
    s3_of: Callable[..., Any], directory: Any, bucket: str, served: Callable[..., Any]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = Backend(f"http://127.0.0.1:{free.getsockname()[1]}", "a", "s")
    with served(create_s3_app(directory, dead, patience_s=0.3)) as url:
        client = s3_of(ALICE, url=url)
        for ask in (
            lambda: client.get_object(Bucket=bucket, Key="k"),
            lambda: client.put_object(Bucket=bucket, Key="k", Body=b"x" * 300_000),
            lambda: client.create_bucket(Bucket="brand-new"),
        ):
            with pytest.raises(ClientError) as refused:
                ask()
            assert code_of(refused) == ("ServiceUnavailable", 503)
        assert "brand-new" not in [each["Name"] for each in client.list_buckets()["Buckets"]]


def test_memory_stays_bounded_while_a_large_object_streams(alice: Any, bucket: str, tmp_path: Path) -> None:
    import resource

    size = 96 * 1024 * 1024
    source = tmp_path / "large"
    with source.open("wb") as out:
        out.truncate(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with source.open("rb") as body:
        alice.put_object(Bucket=bucket, Key="large", Body=body)
    received = 0
    for piece in alice.get_object(Bucket=bucket, Key="large")["Body"].iter_chunks(1 << 20):
        received += len(piece)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert received == size
    assert grown_mb < 48, f"the front held {grown_mb:.0f} MiB of a {size >> 20} MiB object"
