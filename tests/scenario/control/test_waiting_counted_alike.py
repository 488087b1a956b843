"""Given flex work that waited, when a budget gives back its part and the mirror tells the gain, then they agree."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control.carbon_ground import carbon_ground
from ondol.control.host_desk import PlatformHosts
from ondol.control.mirror_made import Mirror
from ondol.control.statement_desk import StatementDesk
from ondol.demo.fleet import demo_fleet
from ondol.model.budget import Act
from ondol.model.compute import Task, TaskState
from ondol.model.conditions import Dependency
from ondol.model.view import ServiceClass
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT

FLEX = ServiceClass.FLEX
HOUR_S = 3600.0


def _stage() -> BudgetStage:
    stage = BudgetStage(ground=carbon_ground(demo_fleet()))
    stage.budget(co2e_g=1000.0)
    return stage


def _mirror(stage: BudgetStage, since: dt.datetime | None = None) -> Mirror:
    assert stage.ground is not None
    account = stage.store.account(ACCOUNT)
    assert account is not None
    hosts = PlatformHosts(stage._fleet, stage.store, stage.clock.now)
    desk = StatementDesk(stage._fleet, stage.store, hosts, stage.ground, stage.clock.now, clock_rate=stage.clock.rate)
    return desk.mirror(account, "user", ACCOUNT, since)


def _done(stage: BudgetStage, task: Task) -> None:
    stage.until(lambda: stage.stored(task).state is TaskState.SUCCESS)


@pytest.mark.parametrize("waited_s", [2 * HOUR_S, 50 * HOUR_S])
def test_what_a_budget_saw_saved_is_what_the_mirror_says_was_gained(waited_s: float) -> None:
    stage = _stage()
    task = stage.submit(cpu_s=3.0, service=FLEX, waited_s=waited_s)
    _done(stage, task)
    saved_g = stage.guard.book.tabs[task.id].saved_ug / 1e6
    assert abs(saved_g) > 1e-3

    gained_g = _mirror(stage).gain.gained_g

    assert gained_g == pytest.approx(saved_g, rel=0.02), "a window may still be to come"
    stage.run(120)
    bonus_g = -sum(row.spent.co2e_g for row in stage.rows(act=Act.BONUS))
    assert bonus_g == pytest.approx(max(0.0, 0.5 * _mirror(stage).gain.gained_g), rel=1e-4)


def test_work_that_began_at_once_gained_nothing_in_either() -> None:
    stage = _stage()
    stage.run(50.0)
    task = stage.submit(cpu_s=8.0, service=FLEX)
    _done(stage, task)
    stage.run(120)

    gain = _mirror(stage).gain

    assert (gain.tasks, gain.gained_g) == (1, 0.0)
    assert not stage.rows(act=Act.BONUS)


def test_a_mirror_that_begins_in_the_midst_of_a_run_knows_what_ran_before() -> None:
    """Given work that began at once, when the mirror begins half an hour later, then nothing of it had waited."""
    stage = _stage()
    task = stage.submit(cpu_s=8.0, service=FLEX)
    stage.run(HOUR_S / 2)
    since = stage.clock.now()
    assert stage.stored(task).state is not TaskState.SUCCESS
    _done(stage, task)
    stage.run(120)

    gain = _mirror(stage, since).gain

    assert gain.energy_kwh > 0.0
    assert gain.gained_g == 0.0


def test_waiting_for_another_task_is_no_patience_in_the_mirror_either() -> None:
    stage = _stage()
    job = stage.job(use_dependencies=True)
    parent = stage.submit(cpu_s=8.0, job_id=job.id, service=ServiceClass.ON_DEMAND)
    child = stage.submit(cpu_s=1.0, job_id=job.id, service=FLEX, dependencies=(Dependency(task_id=parent.id),))
    _done(stage, child)
    stage.run(120)
    assert (stage.stored(parent).ended_at - child.created_at).total_seconds() > 1200.0

    gain = _mirror(stage).gain

    assert (gain.tasks, gain.gained_g) == (1, 0.0)
