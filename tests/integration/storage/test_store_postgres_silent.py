"""Given a PostgreSQL that hangs or loses its answer, when it is used, then waiting ends and nothing is twice."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from integration.storage import postgres
from integration.storage.samples import ALICE, energy, make_task
from ondol.control.works import Works
from ondol.model.errors import OutcomeUnknownError, UnavailableError
from ondol.storage.ports import Changes
from ondol.storage.sql import tenure
from ondol.storage.sql.answering import CONNECT_S, SILENCE_S
from ondol.storage.sql.store import SqlStore

MOST_S = SILENCE_S + CONNECT_S + 4.0  # for a busy machine


@contextmanager
def hung(server: postgres.PostgresServer) -> Iterator[None]:
    """Stop the server and all of its sessions, and let them go on afterwards."""
    assert server._process is not None
    main = server._process.pid
    said = subprocess.run(["pgrep", "-P", str(main)], capture_output=True, text=True, check=True, timeout=10).stdout
    signalled(signal.SIGSTOP, main, said)
    try:
        yield
    finally:
        signalled(signal.SIGCONT, main, said)


def signalled(name: signal.Signals, main: int, children: str) -> None:
    subprocess.run(["kill", f"-{name.name.removeprefix('SIG')}", str(main), *children.split()], check=False, timeout=10)


def test_a_server_that_hangs_is_unavailable_in_bounded_time() -> None:
    """Given a stopped server, when it is written to and read from, then both are told so, and all is well after."""
    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.running(fsync="off") as server:
        server.execute("CREATE DATABASE ondol")
        store = SqlStore(server.url("ondol"), alone=True)
        store.commit(Changes(tasks=(make_task(1),)))
        again = Changes(tasks=(make_task(2),), ledger=(energy(0, make_task(2)),))
        with hung(server):
            begin_s = time.monotonic()
            with pytest.raises(UnavailableError):
                store.commit(again)
            assert time.monotonic() - begin_s < MOST_S
            begin_s = time.monotonic()
            with pytest.raises(UnavailableError):
                store.commit(again)  # at once, or a connection is tried
            assert time.monotonic() - begin_s < CONNECT_S + 2.0
            begin_s = time.monotonic()
            with pytest.raises(UnavailableError, match="could not be read"):
                store.counts(ALICE)
            assert time.monotonic() - begin_s < MOST_S
        commit_in_time(store, again)
        assert store.counts(ALICE).tasks == 2
        assert len(list(store.energy())) == 1
        store.close()


def commit_in_time(store: SqlStore, changes: Changes) -> None:
    end = time.monotonic() + 30.0
    while True:
        try:
            return store.commit(changes)
        except UnavailableError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def lose_the_answer(monkeypatch: pytest.MonkeyPatch, *, commits: bool) -> None:
    """Let the next commit lose its connection, after or before it took place, and nobody know which."""
    commit = psycopg.Connection.commit

    def breaking(connection: psycopg.Connection[object]) -> None:
        monkeypatch.setattr(psycopg.Connection, "commit", commit)
        if commits:
            commit(connection)
        connection.close()
        raise psycopg.OperationalError("the server was silent")

    monkeypatch.setattr(psycopg.Connection, "commit", breaking)
    monkeypatch.setattr(tenure.Tenure, "_took_place", lambda *_: None)


@pytest.mark.parametrize("commits", [True, False])
def test_a_repeated_commit_of_unknown_outcome_is_stored_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, *, commits: bool
) -> None:
    store = SqlStore(postgres_url, alone=True)
    changes = Changes(tasks=(make_task(1),), ledger=(energy(0, make_task(1)),))
    lose_the_answer(monkeypatch, commits=commits)
    with pytest.raises(OutcomeUnknownError):
        store.commit(changes)
    store.commit(changes)
    assert store.counts(ALICE).tasks == 1
    assert len(list(store.energy())) == 1
    store.close()


@pytest.mark.parametrize("commits", [True, False])
def test_a_task_whose_storing_was_in_doubt_is_taken_in_where_it_is_there(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, *, commits: bool
) -> None:
    store = SqlStore(postgres_url, alone=True)
    works, task = Works(store), make_task(1)
    lose_the_answer(monkeypatch, commits=commits)
    with pytest.raises(OutcomeUnknownError):
        works.admit((task,), task.created_at)
    assert works.get(task.id) is None
    works.take_changes()
    assert (works.get(task.id) is not None) == commits
    assert (store.task(task.id) is not None) == commits
    store.close()


def test_only_the_last_marks_are_kept(postgres_url: str) -> None:
    store = SqlStore(postgres_url, alone=True)
    with store._database.writing() as connection:
        assert all(store._database.mark(connection, f"b{number}") for number in range(2100))
        assert not store._database.mark(connection, "b2099")
        count = connection.exec_driver_sql("SELECT count(*) FROM commit_mark").scalar_one()
    assert 1000 <= count < 2100
    store.close()


def test_the_ledger_counts_beyond_two_thousand_million(postgres_url: str) -> None:
    store = SqlStore(postgres_url, alone=True)
    with store._database.writing() as connection:
        connection.exec_driver_sql("SELECT setval('ledger_energy_seq_seq', 3000000000)")
    store.commit(Changes(ledger=(energy(0, make_task(1)),)))
    assert len(list(store.energy())) == 1
    store.close()
