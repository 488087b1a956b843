"""Stores of every kind for the contract: in memory, SQLite, and a PostgreSQL server of the session's own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.storage import postgres
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Store
from ondol.storage.sql.store import SqlStore

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A server with a database `made` that has the schema already."""
    if reason := postgres.missing():
        pytest.skip(reason)
    # What a crash of the server keeps is PostgreSQL's affair; the benchmark measures with fsync.
    with postgres.running(fsync="off", max_connections="50") as server:
        server.execute("CREATE DATABASE made")
        SqlStore(server.url("made")).close()
        yield server


@pytest.fixture
def postgres_url(postgres_server: postgres.PostgresServer) -> Iterator[str]:
    """A fresh database."""
    name = f"t{next(_NUMBERS)}"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE made")
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store of each kind."""
    made: Store
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "sqlite":
        made = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    else:
        made = SqlStore(request.getfixturevalue("postgres_url"))
    yield made
    made.close()
