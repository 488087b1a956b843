"""Given any store, when nouns are committed, then they come back equal, whole and in order."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from integration.storage.samples import ALICE, NOON, energy, make_task
from ondol.model.account import Account, Bucket
from ondol.model.compute import (
    Attempt,
    AttemptState,
    Instance,
    InstanceState,
    Task,
    TaskState,
)
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import AccountId, NodeId, SinkId, SiteId, UnitId, attempt_id, instance_id
from ondol.model.ledger import HeatRow
from ondol.storage.ports import Changes, Store
from ondol.storage.sql.store import SqlStore


def test_nouns_come_back_equal(store: Store) -> None:
    task = make_task(1)
    instance = Instance(id=instance_id(task.id, 5), task_id=task.id, number=5, since=NOON)
    attempt = Attempt(
        id=attempt_id(instance.id, 1),
        instance_id=instance.id,
        task_id=task.id,
        node_id=NodeId("n"),
        number=1,
        state=AttemptState.PAUSED,
        created_at=NOON,
        since=NOON,
        cpu_s=1 / 7,
        results=("a", "b"),
    )
    heat = HeatRow(
        site_id=SiteId("s"), unit_id=UnitId("u"), sink_id=SinkId("z"), start=NOON, end=NOON + dt.timedelta(minutes=1),
        electric_j=3.3, delivered_j=2.2, demanded_j=1.1, temp_c=19.9, setpoint_c=20.0, lower_c=19.5, upper_c=20.5,
        discomfort_kh=0.001,
    )  # fmt: skip
    row = energy(0, task)
    store.commit(
        Changes(
            tasks=(task,), instances=(instance,), attempts=(attempt,), ledger=(row, heat), documents={"k": b"\x00v"}
        )
    )
    assert store.task(task.id) == task
    assert store.instances(task.id)[2] == instance
    assert [(one.number, one.state, one.since) for one in store.instances(task.id)[:2]] == [
        (number, InstanceState.QUEUED, task.created_at) for number in (0, 1)
    ]
    assert store.attempts(task.id) == (attempt,)
    assert list(store.energy()) == [row]
    assert list(store.heat(site_id=SiteId("s"))) == [heat]
    assert store.document("k") == b"\x00v"
    assert store.document("other") is None


def test_a_later_commit_replaces_and_final_tasks_are_no_longer_open(store: Store) -> None:
    one, two = make_task(1), make_task(2)
    store.commit(Changes(tasks=(two, one)))
    assert store.open_tasks() == (one, two)
    done = dataclasses.replace(one, state=TaskState.SUCCESS)
    store.commit(Changes(tasks=(done,)))
    assert store.open_tasks() == (two,)
    assert store.task(one.id) == done


def test_pages_are_newest_first_and_complete(store: Store) -> None:
    tasks = [make_task(n) for n in range(25)]
    store.commit(Changes(tasks=tuple(tasks)))
    store.commit(Changes(tasks=(make_task(99, AccountId("bob")),)))
    seen: list[Task] = []
    token = ""
    while True:
        page = store.tasks(ALICE, token=token, limit=10)
        seen += page.rows
        token = page.next_token
        if not token:
            break
    assert seen == tasks[::-1]


def test_shortname_finds_only_the_owners_task(store: Store) -> None:
    store.commit(Changes(tasks=(make_task(1, shortname="mine"),)))
    found = store.task_by_shortname(ALICE, "mine")
    assert found is not None
    assert store.task_by_shortname(AccountId("bob"), "mine") is None


def test_ledger_is_filtered_by_task_and_window(store: Store) -> None:
    task = make_task(1)
    rows = [energy(n, task if n % 2 else None) for n in range(10)]
    store.commit(Changes(ledger=tuple(rows)))
    assert list(store.energy(task_id=task.id)) == rows[1::2]
    window = list(store.energy(start=rows[3].start, end=rows[6].start))
    assert window == rows[3:6]


def test_deleting_a_task_keeps_its_ledger(store: Store) -> None:
    task = make_task(1)
    store.commit(Changes(tasks=(task,), ledger=(energy(0, task),)))
    store.commit(Changes(deleted_tasks=(task.id,)))
    assert store.task(task.id) is None
    assert len(list(store.energy(task_id=task.id))) == 1


def test_accounts_and_buckets(store: Store) -> None:
    account = Account(id=ALICE, email="a@b.c", token_hash="h" * 64, token_sealed=b"s", created_at=NOON)
    store.add_account(account)
    assert store.account_by_email("a@b.c") == account
    assert store.account_by_token_hash("h" * 64) == account
    with pytest.raises(ConflictError, match=r"a@b\.c"):
        store.add_account(dataclasses.replace(account, id=AccountId("again"), token_hash="g" * 64))
    store.replace_token(ALICE, "n" * 64, b"t")
    assert store.account_by_token_hash("h" * 64) is None
    with pytest.raises(NotFoundError):
        store.replace_token(AccountId("nobody"), "x", b"")
    first = store.add_bucket(Bucket(account_id=ALICE, name="in", backend_name="b1", created_at=NOON))
    again = store.add_bucket(Bucket(account_id=ALICE, name="in", backend_name="b2", created_at=NOON))
    assert again == first
    assert store.buckets(ALICE) == (first,)
    assert store.bucket(AccountId("bob"), "in") is None
    store.delete_bucket(ALICE, "in")
    assert store.bucket(ALICE, "in") is None


def test_kill_minus_nine_leaves_whole_commits_only(tmp_path: Path) -> None:
    """Given a process that commits a task with its ledger row for ever, when it is killed, then both agree."""
    script = textwrap.dedent("""
        import sys
        sys.path.insert(0, sys.argv[2])
        from integration.storage.samples import make_task, energy
        from ondol.storage.ports import Changes
        from ondol.storage.sql.store import SqlStore
        store = SqlStore(sys.argv[1])
        for n in range(1_000_000):
            task = make_task(n)
            store.commit(Changes(tasks=(task,), ledger=(energy(n % 1000, task),)))
            if n == 20:
                print("going", flush=True)
    """)
    url = f"sqlite:///{tmp_path / 'ondol.db'}"
    process = subprocess.Popen(
        [sys.executable, "-c", script, url, str(Path(__file__).parents[2])],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait(10)
    process.stdout.close()
    store = SqlStore(url)
    tasks = store.open_tasks()
    rows = list(store.energy())
    store.close()
    assert len(tasks) >= 20
    assert {task.id for task in tasks} == {row.task_id for row in rows}
    assert len(rows) == len(tasks)
