"""Given attempts that end, when their changes are written, then accounts and projects are charged once each."""

from __future__ import annotations

import dataclasses
import datetime as dt

import msgspec
import pytest

from ondol.accounting.price import Tariff
from ondol.control.charges import KEY, Charges, Spent, now_and_then, set_tariff, tariff_in
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task
from ondol.model.errors import UnavailableError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, PoolId, ProjectId, TaskId
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

T0 = dt.datetime(2026, 1, 12, 23, 30, tzinfo=dt.UTC)
TASK = Task(
    id=TaskId("t"),
    account_id=AccountId("a"),
    name="work",
    profile="process",
    project_id=ProjectId("p"),
    created_at=T0,
    modified_at=T0,
    state_since=T0,
)
ENDED = Attempt(
    id=AttemptId("t.000000.001"),
    instance_id=InstanceId("t/000000"),
    task_id=TASK.id,
    node_id=NodeId("n"),
    number=1,
    state=AttemptState.FAILED,
    created_at=T0,
    since=T0,
    started_at=T0,
    ended_at=T0 + dt.timedelta(hours=1),
)
RUNNING = dataclasses.replace(ENDED, state=AttemptState.RUNNING, ended_at=None)


def charges(tariff: Tariff, spent: Spent | None = None) -> Charges:
    return Charges(lambda: tariff, lambda _node: 2.0, spent)


def work(task: Task, attempt: Attempt) -> Work:
    state = InstanceState.FAILED if attempt.state.final else InstanceState.ACTIVE
    instance = Instance(id=attempt.instance_id, task_id=task.id, number=0, state=state, since=T0, attempts=1)
    return Work.of(task, [instance], [attempt])


def seen(book: Charges, task: Task, before: Attempt, after: Attempt) -> None:
    """What the works tell an observer of a step."""
    book.observe(work(task, before), work(task, after), Change(attempts=(after,)))


def test_an_ended_attempt_is_booked_in_the_write_of_its_end() -> None:
    book = charges(Tariff(flex=0.5))
    seen(book, TASK, RUNNING, ENDED)
    assert book.of_account(TASK.account_id) == pytest.approx(1.0)
    kept = msgspec.json.decode(book.book(Changes()).documents[KEY], type=Spent)
    assert book.book(Changes()) == Changes(), "written once"
    again = charges(Tariff(flex=0.5), kept)
    assert again.of_account(TASK.account_id) == pytest.approx(1.0)
    day = dt.date(2026, 1, 13)
    assert again.of_project(ProjectId("p"), day, day) == pytest.approx(1.0)
    assert again.of_project(ProjectId("p"), dt.date(2026, 1, 1), dt.date(2026, 1, 12)) == 0.0


def test_the_end_of_the_job_counts_not_when_it_was_heard_of() -> None:
    book = charges(Tariff(flex=0.5))
    late = dataclasses.replace(ENDED, exited_at=T0 + dt.timedelta(minutes=30), ended_at=T0 + dt.timedelta(days=1))
    seen(book, TASK, RUNNING, late)
    assert book.of_account(TASK.account_id) == pytest.approx(0.5)


def test_what_costs_nothing_is_not_booked() -> None:
    lost = dataclasses.replace(ENDED, state=AttemptState.LOST)
    pooled = dataclasses.replace(ENDED, held_by=AttemptId("h.000000.001"))
    for tariff, before, after in (
        (Tariff(flex=0.5), RUNNING, dataclasses.replace(RUNNING, cpu_s=9.0)),
        (Tariff(), RUNNING, ENDED),
        (Tariff(flex=0.5), RUNNING, lost),
        (Tariff(flex=0.5), RUNNING, pooled),
        (Tariff(flex=0.5), ENDED, dataclasses.replace(ENDED, cpu_s=9.0)),
    ):
        book = charges(tariff)
        seen(book, TASK, before, after)
        assert book.of_account(TASK.account_id) == 0.0


def test_a_slot_of_a_pool_is_booked_on_the_pool() -> None:
    book = charges(Tariff(flex=0.5))
    seen(book, dataclasses.replace(TASK, holds_pool=PoolId("pool")), RUNNING, ENDED)
    assert book.of_pool(PoolId("pool")) == pytest.approx(1.0)
    assert book.of_account(TASK.account_id) == pytest.approx(1.0)


def test_prices_that_cannot_be_read_stay_as_they_were() -> None:
    told = [Tariff(flex=0.5)]

    def read() -> Tariff:
        if not told:
            raise UnavailableError("The database could not be read")
        return told.pop()

    prices = now_and_then(read, fresh_s=0.0)
    assert prices() == prices() == Tariff(flex=0.5)


def test_a_tariff_is_kept() -> None:
    store = MemoryStore()
    assert tariff_in(store) == Tariff()
    set_tariff(store, Tariff(on_demand=0.1))
    assert tariff_in(store) == Tariff(on_demand=0.1)
