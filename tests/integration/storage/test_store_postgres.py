"""Given PostgreSQL, when it restarts or two platforms want it, then nothing is lost and one of them is refused."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from integration.storage import postgres
from integration.storage.samples import ALICE, energy, make_task
from ondol.model.errors import ConflictError, InvalidFieldError, UnavailableError
from ondol.storage.ports import Changes
from ondol.storage.sql import tenure
from ondol.storage.sql.dialects import connect
from ondol.storage.sql.store import SqlStore


def end_sessions(server: postgres.PostgresServer, database: str) -> None:
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608  # ours


def database_of(url: str) -> str:
    return sa.make_url(url).database or ""


def test_two_platforms_cannot_have_one_database(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenure, "_START_S", 0.2)
    first = SqlStore(postgres_url, alone=True)
    with pytest.raises(ConflictError, match="Another platform uses this database"):
        SqlStore(postgres_url, alone=True)
    looking = SqlStore(postgres_url)  # a command that only looks something up
    first.commit(Changes(tasks=(make_task(1),)))
    assert looking.counts(ALICE).tasks == 1
    looking.close()
    first.close()
    SqlStore(postgres_url, alone=True).close()


def test_one_that_lost_its_place_writes_nothing_any_more(
    postgres_server: postgres.PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = SqlStore(postgres_url, alone=True)
    end_sessions(postgres_server, database_of(postgres_url))
    second = SqlStore(postgres_url, alone=True)
    with pytest.raises(UnavailableError, match="Another platform uses this database"):
        first.commit(Changes(tasks=(make_task(1),)))
    second.commit(Changes(tasks=(make_task(2),)))
    assert [task.id for task in second.open_tasks()] == [make_task(2).id]
    second.close()
    for _ in range(2):  # the other is gone, and what this one remembers is not what it left
        with pytest.raises(UnavailableError, match="Restart it"):
            first.commit(Changes(tasks=(make_task(3),)))
    assert first.counts(ALICE).tasks == 1
    first.close()
    SqlStore(postgres_url, alone=True).close()


def test_ended_sessions_cost_nobody_an_error(postgres_server: postgres.PostgresServer, postgres_url: str) -> None:
    store = SqlStore(postgres_url, alone=True)
    for number in range(3):
        store.commit(Changes(tasks=(make_task(number),)))
        end_sessions(postgres_server, database_of(postgres_url))
        assert store.counts(ALICE).tasks == number + 1
    store.close()


def test_a_server_that_is_down_is_unavailable_and_loses_nothing(tmp_path: Path) -> None:
    """Given commits, when the server crashes and is started again, then all of them are there and the next succeed."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.running() as server:
        server.execute("CREATE DATABASE ondol")
        store = SqlStore(server.url("ondol"), alone=True)
        store.commit(Changes(tasks=(make_task(1),), ledger=(energy(0, make_task(1)),)))
        server.stop(signal.SIGQUIT)
        with pytest.raises(UnavailableError, match="could not be written"):
            store.commit(Changes(tasks=(make_task(2),)))
        with pytest.raises(UnavailableError, match="could not be read"):
            store.task(make_task(1).id)
        server.start()
        assert store.task(make_task(1).id) == make_task(1)
        store.commit(Changes(tasks=(make_task(2),)))
        assert [task.id for task in store.open_tasks()] == [make_task(1).id, make_task(2).id]
        assert len(list(store.energy())) == 1
        store.close()


def test_a_commit_whose_answer_is_lost_is_asked_after(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a connection that breaks when the server has committed, then the caller is told of success, once."""
    store = SqlStore(postgres_url, alone=True)
    commit = psycopg.Connection.commit

    def commit_and_break(connection: psycopg.Connection[object]) -> None:
        commit(connection)
        monkeypatch.setattr(psycopg.Connection, "commit", commit)
        connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "commit", commit_and_break)
    store.commit(Changes(tasks=(make_task(1),), ledger=(energy(0, make_task(1)),)))
    assert store.counts(ALICE).tasks == 1
    assert len(list(store.energy())) == 1
    store.close()


def test_a_commit_that_did_not_take_place_is_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqlStore(postgres_url, alone=True)
    commit = psycopg.Connection.commit

    def break_first(connection: psycopg.Connection[object]) -> None:
        monkeypatch.setattr(psycopg.Connection, "commit", commit)
        connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.Connection, "commit", break_first)
    with pytest.raises(UnavailableError, match="could not be written"):
        store.commit(Changes(tasks=(make_task(1),)))
    assert store.counts(ALICE).tasks == 0
    store.close()


@pytest.mark.parametrize("url", ["", "mysql://root:secret@x/y", "nonsense", "oracle+what://a:secret@b"])
def test_an_address_of_no_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidFieldError, match="postgresql://") as caught:
        connect(url)
    assert "secret" not in str(caught.value)
