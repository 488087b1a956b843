"""Given an attempt that ended within a window, when that is charged, then making the server counts while it held."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.embodied_use import EmbodiedUse
from ondol.control.works import Works
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task, TaskState
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SiteId, TaskId, UnitId
from ondol.model.ledger import EnergyRow, Share, Tier
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.storage.memory.store import MemoryStore

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
NODE = Node(
    id=NodeId("n"), unit_id=UnitId("u"), curve=PowerCurve(idle_w=50.0, max_w=250.0), slots=2, host_cores=0.4,
    cores_per_slot=8,
)  # fmt: skip
FLEET = Fleet(
    name="one",
    sites=(Site(id=SiteId("s"), name="S"),),
    units=(Unit(id=UnitId("u"), site_id=SiteId("s"), kind=UnitKind.SERVER_RACK),),
    nodes=(NODE,),
)
TASK = Task(
    id=TaskId("t"), account_id=AccountId("alice"), name="render", profile="process", created_at=NOON,
    modified_at=NOON, state_since=NOON,
)  # fmt: skip


def minutes(count: float) -> dt.timedelta:
    return dt.timedelta(minutes=count)


def attempt(number: int = 1, *, ended_at: dt.datetime | None = None, held_by: str = "") -> Attempt:
    return Attempt(
        id=AttemptId(f"t.000000.{number:03d}"),
        instance_id=InstanceId("t/000000"),
        task_id=TASK.id,
        node_id=NODE.id,
        number=number,
        state=AttemptState.RUNNING if ended_at is None else AttemptState.SUCCEEDED,
        created_at=NOON,
        since=NOON,
        ended_at=ended_at,
        held_by=AttemptId(held_by),
    )


def row(start: dt.datetime, end: dt.datetime, number: int = 1) -> EnergyRow:
    return EnergyRow(
        site_id=SiteId("s"), unit_id=UnitId("u"), node_id=NODE.id, share=Share.JOB, start=start, end=end,
        energy_j=1.0, grid_g_per_kwh=50.0, tier=Tier.T4_CURVE, attempt_id=AttemptId(f"t.000000.{number:03d}"),
    )  # fmt: skip


def after_end(works: Works, *ended: Attempt) -> None:
    """The task is over and has left memory: only its observers ever heard of the end."""
    instance = Instance(
        id=InstanceId("t/000000"), task_id=TASK.id, number=0, state=InstanceState.SUCCEEDED, since=NOON, attempts=1
    )
    over = Work.of(dataclasses.replace(TASK, state=TaskState.SUCCESS), [instance], list(ended))
    for one in works.observers:
        one(None, over, Change(attempts=ended))


def test_a_node_whose_life_is_over_charges_nothing_more() -> None:
    works = Works(MemoryStore())
    written_off = {NODE.id: NOON + minutes(3)}
    use = EmbodiedUse(FLEET, works, {NODE.id: 24.0}, written_off)
    window = row(NOON, NOON + minutes(6))
    after = row(NOON + minutes(6), NOON + minutes(12))
    assert use.of([window]) == pytest.approx([0.6])  # 12 g an hour a slot, of 6 minutes 3 in its life
    assert use.of([after]) == [0.0]


def test_the_last_window_counts_to_the_end_of_the_attempt_though_it_left_memory():
    works = Works(MemoryStore())
    use = EmbodiedUse(FLEET, works, {NODE.id: 24.0})  # 12 g an hour a slot
    after_end(works, attempt(ended_at=NOON + minutes(10.5)))
    windows = [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    charged = use.of([row(NOON + minutes(start), NOON + minutes(end)) for start, end in windows])
    assert charged == pytest.approx([2.0, 0.1, 0.0])


def test_what_nothing_is_known_of_counts_whole_and_what_a_holder_pays_for_not_at_all():
    works = Works(MemoryStore())
    use = EmbodiedUse(FLEET, works, {NODE.id: 24.0})
    window = NOON, NOON + minutes(10)
    assert use.of([row(*window)]) == pytest.approx([2.0])
    after_end(works, attempt(ended_at=NOON + minutes(1), held_by="p.000000.001"))
    assert use.of([row(*window)]) == [0.0]


def test_ends_are_forgotten_once_no_window_can_be_about_them():
    works = Works(MemoryStore())
    use = EmbodiedUse(FLEET, works, {NODE.id: 24.0})
    for number in range(1, 200):
        after_end(works, attempt(number, ended_at=NOON + minutes(10 * number)))
    assert len(use._ended) <= 37
