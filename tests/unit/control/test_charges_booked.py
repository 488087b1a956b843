"""Given attempts that end, when their changes are written, then accounts and projects are charged once each."""

from __future__ import annotations

import dataclasses
import datetime as dt

import msgspec
import pytest

from ondol.accounting.price import Tariff
from ondol.control.charges import KEY, Charges, Spent, set_tariff, tariff_in
from ondol.model.compute import Attempt, AttemptState, Task
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


def charges(tariff: Tariff, *tasks: Task, spent: Spent | None = None) -> Charges:
    by_id = {task.id: task for task in tasks}
    return Charges(lambda: tariff, lambda _node: 2.0, by_id.get, spent)


def test_an_ended_attempt_is_booked_in_the_write_of_its_end() -> None:
    book = charges(Tariff(flex=0.5), TASK)
    written = book.book(Changes(attempts=(ENDED,)))
    assert book.of_account(TASK.account_id) == pytest.approx(1.0)
    kept = msgspec.json.decode(written.documents[KEY], type=Spent)
    again = charges(Tariff(flex=0.5), TASK, spent=kept)
    assert again.of_account(TASK.account_id) == pytest.approx(1.0)
    day = dt.date(2026, 1, 13)
    assert again.of_project(ProjectId("p"), day, day) == pytest.approx(1.0)
    assert again.of_project(ProjectId("p"), dt.date(2026, 1, 1), dt.date(2026, 1, 12)) == 0.0


def test_what_has_not_ended_what_is_free_and_what_a_pool_paid_for_costs_nothing() -> None:
    running = dataclasses.replace(ENDED, state=AttemptState.RUNNING, ended_at=None)
    pooled = dataclasses.replace(TASK, pool_id=PoolId("pool"))
    for book, attempt in (
        (charges(Tariff(flex=0.5), TASK), running),
        (charges(Tariff(), TASK), ENDED),
        (charges(Tariff(flex=0.5), pooled), ENDED),
        (charges(Tariff(flex=0.5)), ENDED),
    ):
        book.book(Changes(attempts=(attempt,)))
        assert book.of_account(TASK.account_id) == 0.0


def test_a_tariff_is_kept() -> None:
    store = MemoryStore()
    assert tariff_in(store) == Tariff()
    set_tariff(store, Tariff(on_demand=0.1))
    assert tariff_in(store) == Tariff(on_demand=0.1)
