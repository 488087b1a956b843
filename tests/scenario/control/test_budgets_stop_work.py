"""Given budgets that stop all, when they are used up, then work stands still, says why, and goes on."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.budget_hold import CODE
from ondol.model.account import Bucket
from ondol.model.budget import Act, Every, Overrun
from ondol.model.compute import AttemptState, Task, TaskState
from ondol.model.errors import BudgetExceededError
from scenario.control.budget_said import Said
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT, BEGIN

HOUR_S = 3600.0


def stopping(energy_kwh: float, **fields: object) -> BudgetStage:
    stage = BudgetStage(Said(energy_kwh=energy_kwh / 2))
    stage.store.add_bucket(Bucket(account_id=ACCOUNT, name="made", backend_name="b-made", created_at=BEGIN))
    stage.budget(energy_kwh=energy_kwh, overrun=Overrun.STOP_AND_BLOCK_ALL, **fields)
    return stage


def states(stage: BudgetStage, task: Task) -> list[AttemptState]:
    return [attempt.state for attempt in stage.attempts(task)]


def test_used_up_work_is_paused_kept_and_stopped_and_says_why() -> None:
    """Given a day that is long, when its budget is used up, then the task is back in the queue with a snapshot."""
    stage = stopping(0.02)
    task = stage.submit(cpu_s=1e6, resumable=True, result_bucket="made")
    stage.until(lambda: bool(stage.held(task)))
    assert "waits until it begins anew at 2026-01-12 23:00 UTC" in stage.held(task)
    stage.run(180)
    found = stage.stored(task)
    assert found.state is TaskState.SUBMITTED
    assert [error.code for error in found.errors] == [CODE]
    assert found.snapshots
    assert found.held is not None
    assert found.held.snapshot_id == found.snapshots[-1].id
    assert states(stage, task) == [AttemptState.STOPPED]
    spent = stage.balance().spent
    stage.run(HOUR_S / 2)
    assert states(stage, task) == [AttemptState.STOPPED], "no policy starts it again"
    assert stage.balance().spent == spent
    with pytest.raises(BudgetExceededError):
        stage.submit()
    assert stage.rows(act=Act.STOP)[0].task_id == task.id
    assert [fact.cause for fact in stage.store.attempt_facts()] == ["limit"], "its budget ended it, not the heat"


def test_a_budget_that_renews_soon_keeps_work_paused_and_it_goes_on_by_itself() -> None:
    """Given midnight in Denver within the hour, when a budget is used up, then the attempt stays and loses nothing."""
    stage = stopping(0.02, timezone="America/Denver")
    task = stage.submit(cpu_s=1e6, result_bucket="made")
    stage.until(lambda: bool(stage.held(task)))
    stage.run(300)
    assert states(stage, task) == [AttemptState.PAUSED]
    stage.until(lambda: not stage.held(task), 2 * HOUR_S)
    stage.run(120)
    assert states(stage, task) == [AttemptState.RUNNING]
    assert not stage.stored(task).errors
    assert stage.rows(act=Act.RESUME)


def test_a_budget_given_once_ends_its_work_with_the_reason() -> None:
    stage = stopping(0.02, every=Every.ONCE, end=BEGIN + dt.timedelta(days=30))
    task = stage.submit(cpu_s=1e6, result_bucket="made")
    waits = stage.submit(cpu_s=1e6, instances=500)
    stage.until(lambda: stage.stored(task).state.final and stage.stored(waits).state.final)
    stage.run(120)
    found = stage.stored(task)
    assert found.state is TaskState.CANCELLED
    assert [error.code for error in found.errors] == [CODE]
    assert "does not begin anew" in found.errors[0].message
    assert found.snapshots
    assert stage.stored(waits).state is TaskState.CANCELLED
    assert stage.settled()


def test_only_who_took_more_than_was_promised_stops_while_others_may_take_theirs() -> None:
    """Given two tasks, when one needs more than was thought and nothing is left beside, then the other goes on."""
    stage = BudgetStage(Said(energy_kwh=0.01))
    stage.budget(energy_kwh=0.06, overrun=Overrun.STOP_AND_BLOCK_ALL)
    runaway = stage.submit(cpu_s=1e6)
    stage.said.energy_kwh = 0.045
    other = stage.submit(cpu_s=1e6)
    stage.until(lambda: bool(stage.held(runaway)))
    stage.run(60)
    assert not stage.held(other)
    assert AttemptState.RUNNING in states(stage, other)
    assert stage.balance().left.energy_uwh < 0


def test_slots_of_a_pool_stop_with_what_runs_in_them() -> None:
    stage = stopping(0.02)
    pool = stage.pool(slots=1)
    stage.run(300)
    task = stage.submit(cpu_s=1e6, pool_id=pool.id)
    stage.until(lambda: not any(not state.final for state in states(stage, task)) and bool(states(stage, task)))
    stage.run(120)
    spent = stage.balance().spent
    stage.run(900)
    assert stage.balance().spent == spent


def test_what_is_held_stays_held_after_a_kill_and_goes_on_when_the_operator_gives_more() -> None:
    stage = stopping(0.02)
    task = stage.submit(cpu_s=1e6, resumable=True)
    stage.until(lambda: bool(stage.held(task)))
    stage.run(60)
    stage.restart()
    stage.run(120)
    assert stage.held(task)
    stage.store.put_budget(dataclasses.replace(stage.store.use_budgets()[0], energy_kwh=50.0))
    stage.guard.forget()
    stage.until(lambda: AttemptState.RUNNING in states(stage, task))
    assert not stage.held(task)


def test_nothing_is_held_by_a_budget_that_only_blocks_what_is_new() -> None:
    stage = BudgetStage(Said(energy_kwh=0.01))
    stage.budget(energy_kwh=0.01, overrun=Overrun.BLOCK_NEW)
    task = stage.submit(cpu_s=1e6)
    stage.run(HOUR_S / 2)
    assert stage.balance().unspent.energy_uwh < 0
    assert states(stage, task) == [AttemptState.RUNNING]
    with pytest.raises(BudgetExceededError):
        stage.submit()
