"""Path style and virtual-host style told apart by host name, and by what the caller owns where the name is unknown."""

from __future__ import annotations

import pytest

from ondol.server.s3.addressing import Addressing
from ondol.server.s3.errors import S3Error

OWN = {"data", "my.dotted.bucket", "s3"}


def split(host: str, path: str, method: str = "GET", query: str = "") -> tuple[str, str]:
    addressing = Addressing(["s3.example.org", "127.0.0.1"])
    return addressing.split(host, path, method, frozenset(query.split()), OWN.__contains__)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:9000", "127.0.0.1", "[::1]:9000", "10.1.2.3", "localhost:80", "LOCALHOST", "s3.example.org:8333", ""],
)
def test_addresses_and_base_hosts_are_path_style(host: str) -> None:
    assert split(host, "data/a/b") == ("data", "a/b")
    assert split(host, "new", "PUT") == ("new", "")
    assert split(host, "") == ("", "")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("data.localhost:9000", "data"),
        ("anything.s3.example.org", "anything"),
        ("Data.S3.Example.org:8333", "data"),
        ("my.dotted.bucket.s3.example.org.", "my.dotted.bucket"),
    ],
)
def test_names_below_a_base_host_are_buckets(host: str, bucket: str) -> None:
    assert split(host, "data/a//b") == (bucket, "data/a//b")
    assert split(host, "") == (bucket, "")
    assert split(host, "", "PUT") == (bucket, "")


def test_under_an_unknown_name_what_the_caller_owns_decides() -> None:
    assert split("store.campus.example", "data/k") == ("data", "k"), "path style: a bucket of theirs"
    assert split("data.store.campus.example", "k/l") == ("data", "k/l"), "virtual-host style"
    assert split("my.dotted.bucket.store.example", "k") == ("my.dotted.bucket", "k")
    with pytest.raises(S3Error, match="may mean your bucket 's3' or your bucket 'data'"):
        split("s3.campus.example", "data/k")
    assert split("store.campus.example", "not-there/k") == ("not-there", "k")
    assert split("store.campus.example", "") == ("", ""), "a list of buckets"
    assert split("store.campus.example", "new", "PUT") == ("new", "")
    assert split("fresh.store.campus.example", "", "PUT") == ("fresh", ""), "PUT of nothing makes a bucket only so"
    assert split("data.store.campus.example", "", "GET", "max-buckets") == ("", "")
    assert split("store", "data/k") == ("data", "k")
