"""Given any store, when jobs, pools, answers, secrets and projects are kept, then they are found, counted and gone."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from integration.storage.samples import ALICE, BOB, NOON, energy, make_job, make_pool, make_task
from ondol.model.account import Account, AccountLimits, Bucket, Budget, Project, ReservedQuota, Secret
from ondol.model.compute import Attempt, Instance, InstanceState, TaskState
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import NodeId, PoolId, ProjectId, SinkId, SiteId, UnitId, attempt_id, instance_id
from ondol.model.job import JobState
from ondol.model.ledger import HeatRow
from ondol.model.pool import PoolState
from ondol.storage.pages import Counts
from ondol.storage.ports import Changes, Reply, Store
from ondol.storage.sql import tables
from ondol.storage.sql.store import SqlStore

HOUR = dt.timedelta(hours=1)


def test_jobs_and_pools_come_back_change_and_go(store: Store) -> None:
    job, pool = make_job(1, shortname="mine"), make_pool(1, constants={"A": "1"})
    store.commit(Changes(jobs=(job,), pools=(pool,)))
    assert (store.job(job.id), store.pool(pool.id)) == (job, pool)
    assert store.job_by_shortname(ALICE, "mine") == job
    assert store.job_by_shortname(BOB, "mine") is None
    assert store.pool_by_shortname(ALICE, pool.id) == pool
    closed = dataclasses.replace(pool, state=PoolState.CLOSED, errors=())
    store.commit(Changes(pools=(closed,), deleted_jobs=(job.id,)))
    assert store.pool(pool.id) == closed
    assert store.job(job.id) is None
    assert store.jobs(ALICE).rows == ()
    assert store.job_by_shortname(ALICE, "mine") is None


def test_open_groups_are_those_with_which_something_will_happen(store: Store) -> None:
    over = {"state": JobState.COMPLETED}
    jobs = (
        make_job(1),
        make_job(2, **over),
        make_job(3, **over, ttl_s=5.0),
        make_job(4, **over, delete_wanted=True),
        make_job(5, state=JobState.DELETING),
    )
    pools = (
        make_pool(1, state=PoolState.CLOSED),
        make_pool(2, state=PoolState.FAILURE, ttl_s=5.0),
        make_pool(3, state=PoolState.CLOSING),
    )
    store.commit(Changes(jobs=jobs, pools=pools))
    assert [job.id for job in store.open_jobs()] == [jobs[n].id for n in (0, 2, 3, 4)]
    assert [pool.id for pool in store.open_pools()] == [pools[n].id for n in (1, 2)]


def test_counts_follow_every_change(store: Store) -> None:
    assert store.counts(ALICE) == Counts()
    tasks = tuple(make_task(n) for n in range(4))
    holder = make_task(9, holds_pool=PoolId("p"))
    store.commit(Changes(tasks=(*tasks, holder), jobs=(make_job(1),), pools=(make_pool(1), make_pool(2))))
    store.commit(Changes(tasks=(make_task(50, BOB),)))
    store.add_bucket(Bucket(account_id=ALICE, name="in", backend_name="b1", created_at=NOON))
    assert store.counts(ALICE) == Counts(tasks=4, open_tasks=4, jobs=1, pools=2, open_pools=2, buckets=1)
    done = dataclasses.replace(tasks[0], state=TaskState.SUCCESS)
    going = dataclasses.replace(tasks[1], state=TaskState.PENDING_DELETE, delete_wanted=True)
    closed = make_pool(1, state=PoolState.CLOSED)
    store.commit(Changes(tasks=(done, going), pools=(closed,)))
    store.commit(Changes(tasks=(done,), pools=(closed,)))  # written again, counted once
    assert store.counts(ALICE) == Counts(tasks=3, open_tasks=2, jobs=1, pools=2, open_pools=1, buckets=1)
    store.commit(
        Changes(
            deleted_tasks=(done.id, going.id, tasks[2].id, holder.id),
            deleted_jobs=(make_job(1).id,),
            deleted_pools=(closed.id,),
        )
    )
    assert store.counts(ALICE) == Counts(tasks=1, open_tasks=1, jobs=0, pools=1, open_pools=1, buckets=1)
    assert store.counts(BOB) == Counts(tasks=1, open_tasks=1)


def test_mortal_tasks_come_in_the_order_of_their_ends(store: Store) -> None:
    over = {"state": TaskState.SUCCESS}
    late = make_task(1, **over, ended_at=NOON, ttl_s=7200.0)
    soon = make_task(2, **over, ended_at=NOON, ttl_s=60.0)
    never = make_task(3, **over, ended_at=NOON)
    not_over = make_task(4, ttl_s=1.0)
    for_ever = make_task(5, **over, ended_at=NOON, ttl_s=1e300)
    store.commit(Changes(tasks=(late, soon, never, not_over, for_ever)))
    assert store.mortal_tasks() == (soon, late, for_ever)
    assert store.mortal_tasks(NOON + HOUR) == (soon,)
    assert store.mortal_tasks(NOON + dt.timedelta(seconds=60)) == ()


def test_replies_are_kept_with_what_they_answer(store: Store) -> None:
    task = make_task(1)
    reply = Reply(account_id=ALICE, key="k", fingerprint="f" * 64, status=200, body=b'{"uuid":1}', created_at=NOON)
    store.commit(Changes(tasks=(task,), replies=(reply,)))
    assert store.reply(ALICE, "k") == reply
    assert store.reply(BOB, "k") is None
    again = dataclasses.replace(reply, body=b"2", created_at=NOON + HOUR)
    store.commit(Changes(replies=(again, dataclasses.replace(reply, key="old"))))
    assert store.reply(ALICE, "k") == again
    store.forget_replies(NOON + HOUR)
    assert store.reply(ALICE, "old") is None
    assert store.reply(ALICE, "k") == again


def test_secrets_are_found_by_whole_prefixes(store: Store) -> None:
    for key in ("a/b", "a/c", "a%", "a_x", "ab", "a\U0010ffff", "B"):
        store.put_secret(Secret(account_id=ALICE, key=key, sealed=key.encode()))
    store.put_secret(Secret(account_id=BOB, key="a/z", sealed=b"z"))
    assert store.secret_keys(ALICE, "a/") == ("a/b", "a/c")
    assert store.secret_keys(ALICE, "a%") == ("a%",)
    assert store.secret_keys(ALICE) == tuple(sorted(("a/b", "a/c", "a%", "a_x", "ab", "a\U0010ffff", "B")))
    store.put_secret(Secret(account_id=ALICE, key="B", sealed=b"\x00new"))
    assert store.secret(ALICE, "B") == Secret(account_id=ALICE, key="B", sealed=b"\x00new")
    assert store.secret(BOB, "B") is None
    assert store.delete_secret(ALICE, "B")
    assert not store.delete_secret(ALICE, "B")
    assert store.secret(ALICE, "B") is None


def test_projects_have_a_short_name_each(store: Store) -> None:
    budget = Budget(id="b", alias="x", total_cents=100, start=NOON, expires=NOON + HOUR)
    one = Project(id=ProjectId("1"), name="One", slug="z-one", members=(ALICE,), budgets=(budget,))
    two = Project(id=ProjectId("2"), name="Two", slug="a-two")
    store.put_project(one)
    store.put_project(two)
    assert store.projects() == (two, one)
    with pytest.raises(ConflictError, match="z-one"):
        store.put_project(dataclasses.replace(two, slug="z-one"))
    renamed = dataclasses.replace(one, name="Uno", members=(ALICE, BOB))
    store.put_project(renamed)
    assert store.project(one.id) == renamed
    assert store.delete_project(two.id)
    assert not store.delete_project(two.id)
    assert store.projects() == (renamed,)


def test_terms_of_an_account_change_and_stay(store: Store) -> None:
    account = Account(id=ALICE, email="a@b.c", token_hash="h", token_sealed=b"s", created_at=NOON, organization="o")
    store.add_account(account)
    assert store.account(ALICE) == account
    quota = ReservedQuota(reservation="r", machine_key="m", nodes=(NodeId("n"),), max_cores=4)
    limits = AccountLimits(max_tasks=5, credits_eur=1.5, reserved=(quota,))
    store.set_terms(ALICE, organization="p", limits=limits)
    changed = dataclasses.replace(account, organization="p", limits=limits)
    assert store.account(ALICE) == changed
    assert store.accounts() == (changed,)
    with pytest.raises(NotFoundError, match="account"):
        store.set_terms(BOB, organization="", limits=limits)


def test_the_ledger_is_given_in_parts(store: Store) -> None:
    task = make_task(1)
    rows = [energy(n, task) for n in range(10)]
    heat = HeatRow(
        site_id=SiteId("s"), unit_id=UnitId("u"), sink_id=SinkId("z"), start=NOON, end=NOON + HOUR,
        electric_j=3.3, delivered_j=2.2, demanded_j=1.1, temp_c=19.9, setpoint_c=20.0, lower_c=19.5, upper_c=20.5,
        discomfort_kh=0.001,
    )  # fmt: skip
    store.commit(Changes(ledger=(*rows, heat, heat, heat)))
    assert list(store.energy(offset=3, limit=4)) == rows[3:7]
    assert list(store.energy(offset=8)) == rows[8:]
    assert list(store.energy(task_id=task.id, start=rows[2].start, offset=1, limit=2)) == rows[3:5]
    assert list(store.energy(limit=0)) == []
    assert len(list(store.heat(offset=1, limit=5))) == 2


def test_what_a_database_cannot_hold_in_a_text_is_still_kept(store: Store) -> None:
    task = make_task(1, name="a\x00b", shortname="s\x00", tags=("t\x00",))
    store.commit(Changes(tasks=(task,)))
    assert store.task(task.id) == task
    assert store.tasks(ALICE).rows == (task,)
    assert store.task_by_shortname(ALICE, "s\x00") == task
    assert store.document("\x00") is None


def test_an_instance_costs_no_row_before_it_changes(tmp_path: Path) -> None:
    task = make_task(1, instance_numbers=tuple(range(100)))
    parts = [
        Instance(id=instance_id(task.id, n), task_id=task.id, number=n, since=task.created_at)
        for n in task.instance_numbers
    ]
    store = SqlStore(f"sqlite:///{tmp_path / 'ondol.db'}")
    store.commit(Changes(tasks=(task,), instances=tuple(parts)))
    assert _rows(store) == 0
    active = dataclasses.replace(parts[3], state=InstanceState.ACTIVE, attempts=1)
    store.commit(Changes(instances=(active,)))
    back = dataclasses.replace(active, state=InstanceState.QUEUED)
    store.commit(Changes(tasks=(task,), instances=(back,)))
    assert store.instances(task.id) == (*parts[:3], back, *parts[4:])
    assert _rows(store) == 1
    store.close()


def _rows(store: SqlStore) -> int:
    with store._database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(tables.instance)).scalar_one()


def test_parts_of_several_tasks_are_those_of_each(store: Store) -> None:
    tasks = [make_task(n, instance_numbers=(0, 3)) for n in range(3)]
    active = Instance(id=instance_id(tasks[1].id, 3), task_id=tasks[1].id, number=3, since=NOON, attempts=1)
    attempt = Attempt(
        id=attempt_id(active.id, 1), instance_id=active.id, task_id=tasks[1].id, node_id=NodeId("n"), number=1,
        created_at=NOON, since=NOON,
    )  # fmt: skip
    store.commit(Changes(tasks=tuple(tasks), instances=(active,), attempts=(attempt,)))
    parts = store.parts(tasks[:2])
    assert parts == {task.id: (store.instances(task.id), store.attempts(task.id)) for task in tasks[:2]}
    assert parts[tasks[1].id][1] == (attempt,)
    assert store.parts([]) == {}
