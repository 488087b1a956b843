"""A real API over HTTP in front of a desk that keeps everything in a MemoryStore; tests play the engine's part."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import qarnot
import uvicorn
from fastapi import FastAPI

from integration.api.memory_desk import ALICE, BOB, MemoryDesk
from ondol.server.app import create_api


@contextlib.contextmanager
def serve(desk: MemoryDesk, answers: Path | None = None, **parts: Any) -> Iterator[str]:
    """Run the API of a desk on a free loopback port and give its address."""
    with serve_app(create_api(desk, storage_url=None, answers=answers, **parts)) as address:
        yield address


@contextlib.contextmanager
def serve_app(app: FastAPI) -> Iterator[str]:
    """Run an API on a free loopback port and give its address."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "uvicorn did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(5)
    listening.close()


@pytest.fixture
def desk(tmp_path: Path) -> MemoryDesk:
    return MemoryDesk(tmp_path)


@pytest.fixture
def url(desk: MemoryDesk) -> Iterator[str]:
    with serve(desk) as address:
        yield address


@pytest.fixture
def connect(url: str) -> Callable[..., qarnot.Connection]:
    """A Connection of the SDK that does not wait between tries."""

    def make(token: str = ALICE, **options: object) -> qarnot.Connection:
        return qarnot.Connection(cluster_url=url, client_token=token, retry_count=0, **options)

    return make


@pytest.fixture
def alice(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, headers={"Authorization": ALICE}, timeout=10) as client:
        yield client


@pytest.fixture
def bob(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, headers={"Authorization": BOB}, timeout=10) as client:
        yield client
