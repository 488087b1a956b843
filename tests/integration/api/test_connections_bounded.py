"""Given a server with few connections, when clients say nothing, then they are hung up on and others are answered."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ondol.server.connections import bounded_protocol, more_open_files
from ondol.server.serve import bind

MOST = 4


@pytest.fixture
def port() -> Iterator[int]:
    listener = bind("127.0.0.1", 0)
    app = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("here"))])
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", http=bounded_protocol(MOST, 1.0), timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < end
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(5)
    listener.close()


def test_silent_clients_are_hung_up_on_and_make_room(port: int) -> None:
    # given as many connections as there may be, each with half a request
    silent = []
    for _ in range(MOST):
        one = socket.create_connection(("127.0.0.1", port), 5)
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        silent.append(one)
    # when one more comes, then it is hung up on
    with socket.create_connection(("127.0.0.1", port), 5) as more:
        more.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert more.recv(1) == b""
    # and those that stay silent are, too, after their time, so that others are answered again
    for one in silent:
        one.settimeout(5)
        assert one.recv(1) == b""
        one.close()
    assert httpx2.get(f"http://127.0.0.1:{port}/").text == "here"


def test_a_client_that_asks_may_stay_for_longer_than_the_first_request_may_take(port: int) -> None:
    with httpx2.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/").text == "here"
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert client.get(f"http://127.0.0.1:{port}/").text == "here"
            time.sleep(0.1)


def test_as_many_files_may_be_open_as_the_machine_lets(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, 524_288))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limits: raised.append(limits))
    assert more_open_files() == 65_536
    assert raised == [(65_536, 524_288)]
