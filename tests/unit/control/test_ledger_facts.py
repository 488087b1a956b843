"""Given a fleet at work, when attempts end, then the ledger says whose they were, how they ended and what they used."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.ledger_facts import LedgerFacts, work_fact
from ondol.control.works import Works
from ondol.engine.ports import EndCause
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task, TaskError
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, ProjectId, SiteId, TaskId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.model.view import ServiceClass
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
RATE = 60.0  # platform seconds a wall second
NODE = Node(
    id=NodeId("n"),
    unit_id=UnitId("u"),
    curve=PowerCurve(idle_w=50.0, max_w=250.0),
    slots=2,
    host_cores=0.4,
    cores_per_slot=8,
)
FLEET = Fleet(
    name="one",
    sites=(Site(id=SiteId("s"), name="S"),),
    units=(Unit(id=UnitId("u"), site_id=SiteId("s"), kind=UnitKind.SERVER_RACK),),
    nodes=(NODE,),
)
TASK = Task(
    id=TaskId("t"),
    account_id=AccountId("alice"),
    name="render",
    profile="process",
    service=ServiceClass.HARVEST,
    project_id=ProjectId("p"),
    created_at=NOON,
    modified_at=NOON,
    state_since=NOON,
)
RUNNING = Attempt(
    id=AttemptId("t.000000.001"),
    instance_id=InstanceId("t/000000"),
    task_id=TASK.id,
    node_id=NODE.id,
    number=1,
    state=AttemptState.RUNNING,
    created_at=NOON,
    since=NOON,
    started_at=NOON,
    cpu_s=10.0,
)


def work_of(attempt: Attempt, task: Task = TASK) -> Work:
    state = InstanceState.QUEUED if attempt.state.final else InstanceState.ACTIVE
    instance = Instance(id=attempt.instance_id, task_id=task.id, number=0, state=state, since=NOON, attempts=1)
    return Work.of(task, [instance], [attempt])


def ended(state: AttemptState, **changes: object) -> Attempt:
    return dataclasses.replace(RUNNING, state=state, ended_at=NOON + dt.timedelta(hours=1), **changes)


def book(attempt: Attempt, task: Task = TASK, end: EndCause | None = None) -> Changes:
    facts = LedgerFacts(FLEET, RATE, lambda _: end)
    facts.observe(work_of(RUNNING), work_of(attempt, task), Change(attempts=(attempt,)))
    return facts.book(Changes())


def test_a_task_is_written_down_with_all_it_belongs_to() -> None:
    fact = work_fact(TASK)
    assert (fact.account_id, fact.project_id, fact.service, fact.name) == ("alice", "p", "harvest", "render")
    assert fact.submitted_at == NOON


def test_it_is_written_with_the_acceptance_and_with_nothing_less() -> None:
    # Given a store that fails, when a task is to be accepted, then neither the task nor whose it is was written.
    store = MemoryStore()
    works = Works(store)
    commit = store.commit
    store.commit = fail  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        works.admit([TASK], NOON)
    assert (store.task(TASK.id), store.work_facts()) == (None, ())
    # When it works again, then both are there; and both of a task that the platform itself begins.
    store.commit = commit  # type: ignore[method-assign]
    works.admit([TASK], NOON)
    assert (store.task(TASK.id), store.work_facts()) == (TASK, (work_fact(TASK),))
    holder = dataclasses.replace(TASK, id=TaskId("holder"))
    works.begin([holder], NOON)
    changes, _ = works.take_changes()
    assert changes.facts == (work_fact(holder),)


def fail(_: Changes) -> None:
    raise UnavailableError("The database does not answer")


def test_cpu_time_counts_in_cores_of_the_node_over_platform_time() -> None:
    # Given a virtual node of 16 cores on 0.4 cores of this machine, on a clock 60 times as fast, when an attempt used
    # all of its slot for an hour of platform time (60 s at 0.2 cores), then it used 8 cores for an hour.
    (fact,) = book(ended(AttemptState.SUCCEEDED, cpu_s=12.0, exit_code=0)).facts
    assert fact.cpu_s == pytest.approx(8 * 3600.0)
    assert (fact.slots, fact.cores, fact.held_s) == (1, 8.0, 3600.0)
    assert (fact.outcome, fact.cause, fact.exit_code) == ("succeeded", "", 0)


@pytest.mark.parametrize(
    ("attempt", "end", "cause"),
    [
        (ended(AttemptState.FAILED, exit_code=3), EndCause.EXITED, ""),
        (ended(AttemptState.FAILED), EndCause.MEMORY_LIMIT, "limit"),
        (ended(AttemptState.FAILED), EndCause.LAUNCH_FAILED, ""),
        (ended(AttemptState.STOPPED, stop_wanted="requeue", message="no heat wanted"), EndCause.STOPPED, "heat"),
        (ended(AttemptState.STOPPED, stop_wanted="cancel", message="The task was cancelled."), None, "user"),
        (ended(AttemptState.STOPPED, stop_wanted="cancel", message="The budget is used up."), None, "limit"),
        (ended(AttemptState.LOST), EndCause.LOST, "node"),
    ],
)
def test_who_ended_it_is_told_apart(attempt: Attempt, end: EndCause | None, cause: str) -> None:
    errors = (TaskError(code="BUDGET", message="The budget is used up."), TaskError(code="X", message="exit 3"))
    (fact,) = book(attempt, dataclasses.replace(TASK, errors=errors), end).facts
    assert fact.cause == cause


def test_an_attempt_in_a_slot_of_its_pool_holds_nothing_of_its_own() -> None:
    (fact,) = book(ended(AttemptState.SUCCEEDED, held_by=AttemptId("h.000000.001"))).facts
    assert (fact.slots, fact.cores, fact.held_by) == (0, 0.0, "h.000000.001")
    assert fact.cpu_s > 0


def test_an_end_is_written_once() -> None:
    facts = LedgerFacts(FLEET, RATE)
    over = ended(AttemptState.SUCCEEDED)
    facts.observe(work_of(RUNNING), work_of(over), Change(attempts=(over,)))
    assert len(facts.book(Changes()).facts) == 1
    # When it is reported again after its end, and when nothing happened at all, then nothing is to be written.
    facts.observe(work_of(over), work_of(over), Change(attempts=(over,)))
    assert facts.book(Changes()).facts == ()
