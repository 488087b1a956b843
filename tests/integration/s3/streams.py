"""A large object through a front without a file: made while it is sent, thrown away while it comes."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psutil

PIECE = bytes(range(256)) * 4096  # 1 MiB


@dataclass(frozen=True)
class Streamed:
    """What a stream took [s] and the most that the server's resident memory rose above where it was [bytes]."""

    duration_s: float
    grown_bytes: int


def put(client: Any, pid: int, bucket: str, key: str, pieces: int) -> Streamed:
    """Send an object of so many pieces; gives what it took of the process `pid`."""
    url = urlsplit(client.generate_presigned_url("put_object", {"Bucket": bucket, "Key": key}))
    server = psutil.Process(pid)
    before = most = server.memory_info().rss
    begun = time.perf_counter()
    with contextlib.closing(http.client.HTTPConnection(url.netloc, timeout=60)) as line:
        line.putrequest("PUT", f"{url.path}?{url.query}")
        line.putheader("Content-Length", str(pieces * len(PIECE)))
        line.endheaders()
        for number in range(pieces):
            line.send(PIECE)
            if number % 8 == 0:
                most = max(most, server.memory_info().rss)
        answer = line.getresponse()
        assert answer.status == 200, answer.read()
    return Streamed(time.perf_counter() - begun, most - before)


def get(client: Any, pid: int, bucket: str, key: str, pieces: int) -> Streamed:
    """Read it back and hold it to what was sent."""
    server = psutil.Process(pid)
    before = most = server.memory_info().rss
    begun = time.perf_counter()
    expected, found, count = hashlib.sha256(), hashlib.sha256(), 0
    for _ in range(pieces):
        expected.update(PIECE)
    body = client.get_object(Bucket=bucket, Key=key)["Body"]
    while piece := body.read(len(PIECE)):
        found.update(piece)
        count += 1
        if count % 8 == 0:
            most = max(most, server.memory_info().rss)
    assert found.digest() == expected.digest()
    return Streamed(time.perf_counter() - begun, most - before)
