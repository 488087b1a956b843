"""Virtual-host style with boto3 itself, every name being this machine."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Any

import boto3
import httpx2
import pytest
from botocore.config import Config

from ondol.server.s3.app import create_s3_app
from ondol.server.s3.ports import Backend

ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture
def everywhere_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name service that sends all names to loopback."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: real("127.0.0.1", *more, **named))


@pytest.fixture
def hosted(front: str, directory: Any, everywhere_here: None) -> Callable[..., Any]:
    port = front.rpartition(":")[2]

    def make(host: str, email: str = ALICE, **config: Any) -> Any:
        options = {"signature_version": "s3v4", "s3": {"addressing_style": "virtual"}, **config}
        return boto3.session.Session(
            aws_access_key_id=email, aws_secret_access_key=directory.secrets[email], region_name="eu-any-1"
        ).client("s3", endpoint_url=f"http://{host}:{port}", config=Config(proxies={}, **options))

    return make


def conversation(client: Any, name: str, who: str) -> None:
    key = "in/a b+é//k"
    client.create_bucket(Bucket=name)
    client.create_bucket(Bucket=name)
    client.head_bucket(Bucket=name)
    client.put_object(Bucket=name, Key=key, Body=who.encode())
    assert client.get_object(Bucket=name, Key=key)["Body"].read() == who.encode()
    assert [each["Key"] for each in client.list_objects_v2(Bucket=name)["Contents"]] == [key]
    assert [each["Key"] for each in client.list_objects(Bucket=name)["Contents"]] == [key]
    client.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": key})
    target = {"Bucket": name, "Key": "parts"}
    upload = client.create_multipart_upload(**target)["UploadId"]
    etag = client.upload_part(**target, UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
    done = client.complete_multipart_upload(
        **target, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert f"//{name}." in done["Location"]
    with httpx2.Client(trust_env=False) as plain:
        got = plain.get(client.generate_presigned_url("get_object", {"Bucket": name, "Key": key}))
        assert got.text == who
        assert plain.head(client.generate_presigned_url("head_bucket", {"Bucket": name})).status_code == 200
    keys = [{"Key": each["Key"]} for each in client.list_objects_v2(Bucket=name)["Contents"]]
    client.delete_objects(Bucket=name, Delete={"Objects": keys})
    assert name in [each["Name"] for each in client.list_buckets()["Buckets"]]
    client.delete_bucket(Bucket=name)
    assert name not in [each["Name"] for each in client.list_buckets()["Buckets"]]


@pytest.mark.parametrize("host", ["localhost", "objects.campus.example"])
def test_a_whole_conversation_with_the_bucket_in_the_host_name(hosted: Callable[..., Any], host: str) -> None:
    """Given no host was configured, when a client puts buckets into the host name, then they are found there."""
    name = f"host-{secrets.token_hex(4)}"
    conversation(hosted(host), name, "alice")
    conversation(hosted(host, BOB), name, "bob")


@pytest.mark.parametrize("host", ["localhost", "objects.campus.example"])
def test_presigned_urls_of_the_older_signature_in_host_style(hosted: Callable[..., Any], host: str) -> None:
    name = f"host-{secrets.token_hex(4)}"
    client = hosted(host)
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="k l", Body=b"x")
    url = hosted(host, signature_version="s3").generate_presigned_url("get_object", {"Bucket": name, "Key": "k l"})
    assert f"//{name}.{host}" in url
    with httpx2.Client(trust_env=False) as plain:
        assert plain.get(url).content == b"x"


def test_a_configured_host_takes_dotted_names_and_its_own(
    hosted: Callable[..., Any], directory: Any, weed: Any, served: Callable[..., Any], everywhere_here: None
) -> None:
    """Given a base host whose first label is a bucket of the caller's, when it is configured, then it is the base."""
    app = create_s3_app(
        directory, Backend(weed.url, weed.access_key, weed.secret_key), base_hosts=["data.campus.example"]
    )
    with served(app) as url:
        port = url.rpartition(":")[2]
        for style in ("virtual", "path"):
            client = boto3.session.Session(
                aws_access_key_id=ALICE, aws_secret_access_key=directory.secrets[ALICE], region_name="x"
            ).client(
                "s3",
                endpoint_url=f"http://data.campus.example:{port}",
                config=Config(proxies={}, s3={"addressing_style": style}),
            )
            for name in ("data", "dotted.name"):
                client.create_bucket(Bucket=name)
                client.put_object(Bucket=name, Key="k", Body=style.encode())
                assert client.get_object(Bucket=name, Key="k")["Body"].read() == style.encode()
            assert {"data", "dotted.name"} <= {each["Name"] for each in client.list_buckets()["Buckets"]}
    for name in ("data", "dotted.name"):
        directory.forget("alice", name)


def test_the_signed_host_is_the_one_that_counts(front: str, hosted: Callable[..., Any], bucket: str) -> None:
    """Given a request signed for one host, when it is sent to another bucket's host, then the signature fails."""
    client = hosted("localhost")
    url = client.generate_presigned_url("list_objects_v2", {"Bucket": bucket})
    other = url.replace(f"//{bucket}.", "//other-bucket.")
    with httpx2.Client(trust_env=False) as plain:
        assert plain.get(url).status_code == 200
        answer = plain.get(other)
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)
