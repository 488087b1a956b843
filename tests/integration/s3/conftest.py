"""One SeaweedFS, one front and one small API a session; each test makes buckets of its own."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ondol.server.s3.app import create_s3_app
from ondol.server.s3.ports import Backend
from ondol.storage.objects.seaweed import SeaweedSupervisor

ALICE, BOB = "alice@example.org", "bob@example.org"


@dataclass
class MemoryDirectory:
    """BucketDirectory in a dictionary."""

    secrets: dict[str, str]
    names: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)

    def secret_of(self, email: str) -> str | None:
        return self.secrets.get(email)

    def account_of(self, email: str) -> str | None:
        return email.partition("@")[0] if email in self.secrets else None

    def buckets(self, account: str) -> list[tuple[str, datetime]]:
        return [(bucket, made) for (owner, bucket), (_, made) in self.names.items() if owner == account]

    def backend_name(self, account: str, bucket: str) -> str | None:
        found = self.names.get((account, bucket))
        return found[0] if found else None

    def register(self, account: str, bucket: str) -> str:
        digest = hashlib.sha256(f"{account}/{bucket}".encode()).hexdigest()[:24]
        return self.names.setdefault((account, bucket), (f"b-{digest}", datetime.now(UTC)))[0]

    def forget(self, account: str, bucket: str) -> None:
        self.names.pop((account, bucket), None)


@contextlib.contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """Run an application on a free loopback port and give its address."""
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it small answers take 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
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


@pytest.fixture(scope="session")
def served() -> Callable[[ASGIApp], contextlib.AbstractContextManager[str]]:
    return serve


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedSupervisor]:
    supervisor = SeaweedSupervisor(tmp_path_factory.mktemp("weed"))
    supervisor.start()
    yield supervisor
    supervisor.stop(grace=0.2)


@pytest.fixture(scope="session")
def directory() -> MemoryDirectory:
    return MemoryDirectory({ALICE: secrets.token_hex(16), BOB: secrets.token_hex(16)})


@pytest.fixture(scope="session")
def front(weed: SeaweedSupervisor, directory: MemoryDirectory) -> Iterator[str]:
    with serve(create_s3_app(directory, Backend(weed.url, weed.access_key, weed.secret_key))) as url:
        yield url


@pytest.fixture(scope="session")
def api(front: str, directory: MemoryDirectory) -> Iterator[str]:
    """The two endpoints that the SDK's Connection asks for."""
    emails = {token: email for email, token in directory.secrets.items()}

    async def settings(_: Request) -> JSONResponse:
        return JSONResponse({"storage": front})

    async def info(request: Request) -> JSONResponse:
        return JSONResponse({"email": emails[request.headers["authorization"]]})

    with serve(Starlette(routes=[Route("/settings", settings), Route("/info", info)])) as url:
        yield url


@pytest.fixture(scope="session")
def s3_of(front: str, directory: MemoryDirectory) -> Callable[..., Any]:
    """Give a boto3 client of somebody; keyword arguments go to its Config."""

    def make(email: str, *, secret: str | None = None, url: str = front, **options: Any) -> Any:
        config = {
            "retries": {"total_max_attempts": 1},
            "s3": {"addressing_style": "path"},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            **options,
        }
        return boto3.session.Session(
            aws_access_key_id=email,
            aws_secret_access_key=secret or directory.secrets.get(email, "x"),
            region_name="default",
        ).client("s3", endpoint_url=url, config=Config(proxies={}, **config))

    return make


@pytest.fixture
def alice(s3_of: Callable[..., Any]) -> Any:
    return s3_of(ALICE)


@pytest.fixture
def bob(s3_of: Callable[..., Any]) -> Any:
    return s3_of(BOB)


@pytest.fixture
def bucket(alice: Any) -> str:
    """A bucket of Alice's."""
    name = f"work-{secrets.token_hex(4)}"
    alice.create_bucket(Bucket=name)
    return name
