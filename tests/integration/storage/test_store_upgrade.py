"""Given a database of an earlier version with rows in it, when it is opened, then all of it is there as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from integration.storage.postgres import PostgresServer
from integration.storage.samples import ALICE, BOB, NOON
from ondol.model.account import AccountLimits, Bucket
from ondol.model.compute import InstanceState, TaskState
from ondol.model.conditions import Scheduling
from ondol.model.ids import InstanceId, TaskId
from ondol.storage.pages import Counts, Query
from ondol.storage.sql.columns import metadata
from ondol.storage.sql.migrate import upgrade
from ondol.storage.sql.store import SqlStore
from ondol.storage.times import to_us

# As version 0.1.0 wrote it (`storage.rows.encode` of a Task), shortened by what does not matter here.
BODY = {
    "account_id": "alice",
    "constants": {"COMMAND": "true"},
    "created_at": "2026-01-14T12:00:00.123456Z",
    "delete_wanted": False,
    "id": "t1",
    "instance_numbers": [0, 5],
    "modified_at": "2026-01-14T12:00:00.123456Z",
    "name": "old ☀",
    "profile": "process",
    "resources": [{"bucket": "in", "prefix": "", "strip_prefix": ""}],
    "service": 1,
    "snapshot_interval_s": 60,
    "state": "FullyExecuting",
    "state_since": "2026-01-14T12:00:00.123456Z",
    "tags": ["x", "y"],
    "wire": '{"schedulingType":"OnDemand","autoDeleteOnCompletion":true}',
}
INSTANCE = {"id": "t1/000005", "task_id": "t1", "number": 5, "state": "active", "since": BODY["created_at"]}
ATTEMPT = {
    "id": "t1.000005.001", "instance_id": "t1/000005", "task_id": "t1", "node_id": "n", "number": 1,
    "state": "running", "created_at": BODY["created_at"], "since": BODY["created_at"],
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ondol.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
    server.execute("CREATE DATABASE empty")
    return server.url("empty")


def fill_first_version(url: str, tasks: list[dict[str, object]]) -> None:
    engine = sa.create_engine(url)
    upgrade(engine, "0001")
    old = sa.MetaData()
    old.reflect(engine)
    us = to_us(NOON)
    with engine.begin() as connection:

        def add(table: str, **row: object) -> None:
            connection.execute(old.tables[table].insert().values(**row))

        add("account", id="alice", email="a@b.c", token_hash="h", token_sealed=b"s", created_us=us)
        add("bucket", account_id="alice", name="in", backend_name="b1", created_us=us)
        add("document", key="clock", body=b"\x00v")
        add("instance", id="t1/000005", task_id="t1", body=json.dumps(INSTANCE).encode())
        add("attempt", id="t1.000005.001", task_id="t1", body=json.dumps(ATTEMPT).encode())
        add(
            "ledger_energy", site_id="s", share="job", start_us=us, end_us=us + 60, energy_j=0.1, grid_g_per_kwh=1.0,
            tier="T4", cpu_s=0.5, task_id="t1",
        )  # fmt: skip
        for number, task in enumerate(tasks):
            body = json.dumps(task, sort_keys=True).encode()
            final = task["state"] in ("Success", "Failure", "Cancelled")
            add(
                "task", id=task["id"], account_id=task["account_id"], shortname=task["id"], created_us=us + number,
                open=not final or task["delete_wanted"], body=body,
            )  # fmt: skip
    engine.dispose()


def test_everything_of_the_first_version_is_there(empty_url: str) -> None:
    others = [
        BODY | {"id": f"o{n}", "account_id": who, "state": state, "delete_wanted": going}
        for n, (who, state, going) in enumerate(
            [("alice", "Success", False), ("alice", "PendingDelete", True), ("bob", "Submitted", False)]
        )
    ]
    fill_first_version(empty_url, [BODY, *others])
    store = SqlStore(empty_url)
    task = store.task(TaskId("t1"))
    assert task is not None
    assert (task.name, task.state, task.created_at, task.tags) == ("old ☀", TaskState.FULLY_EXECUTING, NOON, ("x", "y"))
    assert (task.scheduling, task.auto_delete, task.snapshot.interval_s) == (Scheduling.ON_DEMAND, True, 60)
    assert [(i.id, i.state) for i in store.instances(task.id)] == [
        ("t1/000000", InstanceState.QUEUED),
        ("t1/000005", InstanceState.ACTIVE),
    ]
    assert [a.instance_id for a in store.attempts(task.id)] == [InstanceId("t1/000005")]
    assert [row.energy_j for row in store.energy(task_id=task.id)] == [0.1]
    assert store.document("clock") == b"\x00v"
    assert store.buckets(ALICE) == (Bucket(account_id=ALICE, name="in", backend_name="b1", created_at=NOON),)
    account = store.account(ALICE)
    assert account is not None
    assert (account.email, account.organization, account.limits) == ("a@b.c", "", AccountLimits())
    assert store.counts(ALICE) == Counts(tasks=2, open_tasks=1, buckets=1)
    assert store.counts(BOB) == Counts(tasks=1, open_tasks=1)
    assert [t.id for t in store.tasks(ALICE, Query(tags=("y",))).rows] == ["o1", "o0", "t1"]
    assert [t.id for t in store.tasks(ALICE, Query(states=("Success",))).rows] == ["o0"]
    assert [t.id for t in store.open_tasks()] == ["o1", "o2", "t1"]
    store.close()


def test_more_tasks_than_one_batch_are_moved(empty_url: str) -> None:
    fill_first_version(empty_url, [BODY | {"id": f"n{n:05d}"} for n in range(1201)])
    store = SqlStore(empty_url)
    assert store.counts(ALICE).tasks == 1201
    assert len(store.tasks(ALICE, limit=5000).rows) == 1201
    store.close()


def test_migrations_make_what_the_tables_say(empty_url: str) -> None:
    store = SqlStore(empty_url)
    with store._database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
        if connection.dialect.name == "postgresql":
            texts = "data_type IN ('text', 'character varying') AND table_name != 'alembic_version'"
            query = f"SELECT DISTINCT collation_name FROM information_schema.columns WHERE {texts} AND table_schema = 'public'"  # noqa: E501, S608
            assert connection.exec_driver_sql(query).scalars().all() == ["C"]
    store.close()
    SqlStore(empty_url).close()  # opened again, nothing is left to do
