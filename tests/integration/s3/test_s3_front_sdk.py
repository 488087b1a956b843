"""The public SDK's Bucket class, unchanged, against the front with the real SeaweedFS behind."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from qarnot.connection import Connection
from qarnot.exceptions import MissingBucketException


def connect(api: str, directory: Any, email: str) -> Connection:
    return Connection(cluster_url=api, client_token=directory.secrets[email])


@pytest.fixture
def alice(api: str, directory: Any) -> Connection:
    return connect(api, directory, "alice@example.org")


@pytest.fixture
def bob(api: str, directory: Any) -> Connection:
    return connect(api, directory, "bob@example.org")


@pytest.fixture
def name() -> str:
    return f"sdk-{secrets.token_hex(4)}"


def test_the_life_of_a_bucket(alice: Connection, name: str, tmp_path: Path) -> None:
    bucket = alice.create_bucket(name)
    bucket = alice.create_bucket(name)  # every second run of a script does this
    assert name in [each.uuid for each in alice.buckets()]
    assert alice.retrieve_bucket(name).uuid == name

    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(20 * 1024 * 1024))
    bucket.add_string("hello", "in/greeting.txt")
    bucket.add_file(str(big), "in/big.bin")
    bucket.copy_file("in/greeting.txt", "copy of é+&.txt")
    bucket.copy_file("in/big.bin", "big again")

    assert {each.key for each in bucket.list_files()} == {
        "in/greeting.txt",
        "in/big.bin",
        "copy of é+&.txt",
        "big again",
    }
    assert {each.key for each in bucket.directory("in/")} == {"in/greeting.txt", "in/big.bin"}
    etags = {each.key: each.e_tag for each in bucket.list_files()}
    assert etags["in/big.bin"] == etags["big again"]
    assert etags["in/big.bin"].endswith('-3"')
    bucket.get_file("in/big.bin", local=str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == big.read_bytes()
    bucket.get_file("copy of é+&.txt", local=str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_text() == "hello"

    bucket.delete_file("big again")
    assert "big again" not in {each.key for each in bucket.list_files()}
    bucket.delete()
    assert name not in [each.uuid for each in alice.buckets()]
    with pytest.raises(MissingBucketException, match=name):
        bucket.list_files()
    with pytest.raises(ClientError, match="404"):  # the SDK lets this one through
        alice.retrieve_bucket(name)


def test_syncing_twice_uploads_nothing_the_second_time(
    alice: Connection, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    (local / "sub").mkdir(parents=True)
    (local / "a.txt").write_text("a")
    (local / "same.txt").write_text("a")
    (local / "sub" / "b.bin").write_bytes(os.urandom(9 * 1024 * 1024))
    bucket = alice.create_bucket(name)
    bucket.sync_directory(str(local))
    assert {each.key for each in bucket.list_files()} == {"a.txt", "same.txt", "sub/b.bin"}

    sent: list[str] = []
    upload, copy = alice.s3client.upload_fileobj, alice.s3client.copy_object
    monkeypatch.setattr(alice.s3client, "upload_fileobj", lambda *a, **k: sent.append("upload") or upload(*a, **k))
    monkeypatch.setattr(alice.s3client, "copy_object", lambda *a, **k: sent.append("copy") or copy(*a, **k))
    bucket.sync_directory(str(local))
    assert sent == []

    (local / "a.txt").rename(local / "renamed.txt")
    bucket.sync_directory(str(local))
    assert set(sent) == {"copy"}, "a renamed file is copied where it lies"
    assert {each.key for each in bucket.list_files()} == {"renamed.txt", "same.txt", "sub/b.bin"}

    for _ in range(2):
        bucket.sync_remote_to_local(str(tmp_path / "back"))
        assert (tmp_path / "back" / "sub" / "b.bin").read_bytes() == (local / "sub" / "b.bin").read_bytes()
        assert (tmp_path / "back" / "renamed.txt").read_text() == "a"
    bucket.delete()


def test_1100_objects_are_listed_and_deleted(alice: Connection, front: str, name: str, s3_of: Any) -> None:
    bucket = alice.create_bucket(name)
    for number in range(1100):
        alice.s3client.put_object(Bucket=name, Key=f"many/{number:04d}", Body=b"")
    assert len(bucket.list_files()) == 1100
    v2 = s3_of("alice@example.org").get_paginator("list_objects_v2")
    assert sum(page["KeyCount"] for page in v2.paginate(Bucket=name, Prefix="many/")) == 1100
    bucket.delete()
    assert name not in [each.uuid for each in alice.buckets()]


def test_two_accounts_may_use_one_name_and_see_only_their_own(alice: Connection, bob: Connection) -> None:
    ours, theirs = alice.create_bucket("input"), bob.create_bucket("input")
    ours.add_string("of alice", "k")
    theirs.add_string("of bob", "k")
    assert alice.s3client.get_object(Bucket="input", Key="k")["Body"].read() == b"of alice"
    assert bob.s3client.get_object(Bucket="input", Key="k")["Body"].read() == b"of bob"
    theirs.delete()
    assert [each.key for each in ours.list_files()] == ["k"]
    ours.delete()
