"""Given a store of every kind, when facts of the ledger are written, then they are read as they were, and stay."""

from __future__ import annotations

import dataclasses
import datetime as dt

import sqlalchemy as sa

from integration.storage.samples import ALICE, BOB, NOON, make_task
from integration.storage.test_store_upgrade import BODY, empty_url, fill_first_version
from ondol.model.ids import AttemptId, JobId, NodeId, PoolId, ProjectId, SinkId, SiteId, TaskId, UnitId
from ondol.model.ledger import AttemptFact, HeatRow, Metered, MeterRow, Tier, WorkFact
from ondol.storage.ports import Changes, Store
from ondol.storage.sql.store import SqlStore
from ondol.storage.times import to_us

__all__ = ["empty_url"]


def work(number: int, **changes: object) -> WorkFact:
    base = WorkFact(
        task_id=TaskId(f"t{number}"),
        account_id=ALICE,
        name=f"work {number} ☀",
        service="flex",
        submitted_at=NOON + dt.timedelta(seconds=number),
    )
    return dataclasses.replace(base, **changes)


def end(number: int, task_id: str = "t0", **changes: object) -> AttemptFact:
    base = AttemptFact(
        attempt_id=AttemptId(f"{task_id}.000000.{number:03d}"),
        task_id=TaskId(task_id),
        node_id=NodeId("n"),
        outcome="failed",
        cause="limit",
        slots=1,
        cores=4.0,
        held_s=1 / 3,
        cpu_s=0.1,
        ended_at=NOON + dt.timedelta(minutes=number),
        exit_code=137,
    )
    return dataclasses.replace(base, **changes)


def meter(number: int, **changes: object) -> MeterRow:
    base = MeterRow(
        site_id=SiteId("s"),
        meter_id="s.electric_meter",
        kind=Metered.ELECTRICITY_J,
        start=NOON + dt.timedelta(minutes=15 * number),
        end=NOON + dt.timedelta(minutes=15 * number + 15),
        amount=0.1 + number,
    )
    return dataclasses.replace(base, **changes)


def test_works_are_found_by_what_they_belong_to(store: Store) -> None:
    works = (
        work(0, project_id=ProjectId("p"), job_id=JobId("j")),
        work(1, account_id=BOB, project_id=ProjectId("p")),
        work(2, pool_id=PoolId("q"), resumable=True),
        work(3, holds_pool=PoolId("q"), service="filler"),
    )
    store.commit(Changes(facts=works))
    assert store.work_facts() == works
    assert store.work_facts(account_id=ALICE) == (works[0], works[2], works[3])
    assert store.work_facts(project_id=ProjectId("p")) == works[:2]
    assert store.work_facts(project_id=ProjectId("p"), account_id=BOB) == (works[1],)
    assert store.work_facts(job_id=JobId("j")) == (works[0],)
    assert store.work_facts(pool_id=PoolId("q")) == works[2:]
    assert store.work_facts(task_ids=[TaskId("t3"), TaskId("t1"), TaskId("gone")]) == (works[1], works[3])
    assert store.work_facts(task_ids=[]) == ()
    # Page by page.
    assert store.work_facts(limit=2) == works[:2]
    assert store.work_facts(after="t1", limit=2) == works[2:]


def test_ends_of_attempts_are_found_by_task_and_time(store: Store) -> None:
    ends = (end(1), end(2, exit_code=None, cause="user", held_by="h.000000.001"), end(3, task_id="t1"))
    store.commit(Changes(facts=ends))
    assert store.attempt_facts() == ends
    assert store.attempt_facts([TaskId("t0")]) == ends[:2]
    assert store.attempt_facts(start=ends[1].ended_at, end=ends[2].ended_at) == (ends[1],)
    assert store.attempt_facts(after=ends[0].attempt_id, limit=1) == (ends[1],)


def test_meters_are_read_in_their_order_by_site_kind_and_window(store: Store) -> None:
    rows = [meter(0), meter(1, uncertainty=0.01), meter(2, tier=Tier.T2_BMC)]
    water = meter(0, meter_id="s.water_meter", kind=Metered.WATER_L)
    other = meter(0, site_id=SiteId("r"))
    store.commit(Changes(facts=(rows[2], water, rows[0], other, rows[1])))
    assert list(store.meters()) == [other, *rows, water]
    assert list(store.meters(site_id=SiteId("s"), kind=Metered.ELECTRICITY_J)) == rows
    assert list(store.meters(site_id=SiteId("s"), start=rows[1].start, end=rows[2].start)) == [rows[1]]
    assert list(store.meters(offset=1, limit=2)) == rows[:2]


def test_what_is_written_again_counts_once(store: Store) -> None:
    store.commit(Changes(facts=(work(0), end(1), meter(0))))
    # When the same comes again, perhaps with other numbers, then what was there first stays.
    store.commit(Changes(facts=(work(0, name="other"), end(1, cpu_s=9.0), meter(0, amount=9.0), meter(1))))
    assert store.work_facts() == (work(0),)
    assert store.attempt_facts() == (end(1),)
    assert list(store.meters()) == [meter(0), meter(1)]


def test_facts_stay_when_their_task_goes(store: Store) -> None:
    task = make_task(1)
    store.commit(Changes(tasks=(task,), facts=(work(0, task_id=task.id), end(1, task_id=task.id))))
    store.commit(Changes(deleted_tasks=(task.id,)))
    assert store.task(task.id) is None
    assert [fact.task_id for fact in store.work_facts()] == [task.id]
    assert [fact.task_id for fact in store.attempt_facts()] == [task.id]


def test_heat_rows_say_how_they_were_got(store: Store) -> None:
    row = HeatRow(
        site_id=SiteId("s"), unit_id=UnitId("u"), sink_id=SinkId("z"), start=NOON, end=NOON + dt.timedelta(minutes=1),
        electric_j=3.3, delivered_j=2.2, demanded_j=1.1, temp_c=19.9, setpoint_c=20.0, lower_c=19.5, upper_c=20.5,
        discomfort_kh=0.001, tier=Tier.T4_CURVE,
    )  # fmt: skip
    rows = [row, dataclasses.replace(row, tier=Tier.T1_METER, virtual=True)]
    store.commit(Changes(ledger=tuple(rows)))
    assert list(store.heat()) == rows
    assert [one.metered for one in store.heat()] == [False, True]


def test_works_of_an_earlier_release_are_noted_and_its_heat_is_kept(empty_url: str) -> None:
    # Given a database of the first release with a task, and heat rows that do not say how they were got.
    tasks = [BODY, BODY | {"id": "t2", "service": 3, "project_id": "p", "state": "Success", "name": "spare"}]
    fill_first_version(empty_url, tasks)
    engine = sa.create_engine(empty_url)
    old = sa.MetaData()
    old.reflect(engine)
    us = to_us(NOON)
    with engine.begin() as connection:
        row = {"site_id": "s", "unit_id": "u", "sink_id": "z", "start_us": us, "end_us": us + 60_000_000}
        joules = {"electric_j": 3.0, "delivered_j": 2.0, "demanded_j": 1.0, "discomfort_kh": 0.0}
        connection.execute(old.tables["ledger_heat"].insert().values(**row, **joules))
    engine.dispose()
    # When it is opened, then works are noted with what they belong to, and the heat is of a meter of unknown kind.
    store = SqlStore(empty_url)
    facts = {fact.task_id: fact for fact in store.work_facts()}
    assert [(f.account_id, f.service, f.project_id, f.name) for f in facts.values()] == [
        ("alice", "flex", "", "old ☀"),
        ("alice", "filler", "p", "spare"),
    ]
    assert facts[TaskId("t1")].submitted_at == NOON
    (heat,) = store.heat()
    assert (heat.delivered_j, heat.tier, heat.virtual) == (2.0, Tier.T1_METER, None)
    store.close()


def test_many_works_are_noted_batch_by_batch(empty_url: str) -> None:
    fill_first_version(empty_url, [BODY | {"id": f"n{n:05d}"} for n in range(1201)])
    store = SqlStore(empty_url)
    assert len(store.work_facts(limit=5000)) == 1201
    assert len(store.work_facts()) == 1000
    store.close()
