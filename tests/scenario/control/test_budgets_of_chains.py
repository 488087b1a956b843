"""Given tasks that wait for others, are retried or held, then each has its own promise, and gains nothing by it."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient

from ondol.model.budget import NOTHING, Act, Overrun
from ondol.model.compute import AttemptState, Task, TaskState
from ondol.model.conditions import Dependency
from ondol.model.errors import BudgetExceededError
from ondol.model.view import ServiceClass
from ondol.server.app import create_api
from ondol.storage.ports import Changes
from scenario.control.budget_said import Said
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT

HOUR_S = 3600.0
FLEX = ServiceClass.FLEX


def after(parent: Task) -> dict[str, object]:
    return {"job_id": parent.job_id, "dependencies": (Dependency(task_id=parent.id),)}


def test_a_dependent_is_promised_its_own_and_gives_it_back_when_what_it_waits_for_fails() -> None:
    stage = BudgetStage()
    stage.budget()
    job = stage.job(use_dependencies=True)
    parent = stage.submit(cpu_s=1e6, job_id=job.id)
    child = stage.submit(cpu_s=1.0, **after(parent))
    grandchild = stage.submit(cpu_s=1.0, **after(child))
    assert stage.balance().reserved.energy_kwh == 3.0
    stage.run(300)
    stage.desk.abort(ACCOUNT, parent.id)
    stage.run(180)
    assert stage.stored(child).state is stage.stored(grandchild).state is TaskState.CANCELLED
    assert stage.balance().reserved == NOTHING
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(parent), rel=1e-6)
    assert stage.settled()


def test_a_chain_that_does_not_fit_whole_is_refused_where_it_does_not() -> None:
    stage = BudgetStage(Said(energy_kwh=4.0))
    stage.budget(energy_kwh=10.0)
    job = stage.job(use_dependencies=True)
    parent = stage.submit(cpu_s=1.0, job_id=job.id)
    child = stage.submit(cpu_s=1.0, **after(parent))
    with pytest.raises(BudgetExceededError, match="2 of 10 kWh left, 4 asked"):
        stage.submit(cpu_s=1.0, **after(child))
    stage.until(lambda: stage.stored(child).state is TaskState.SUCCESS)
    stage.run(180)
    assert stage.balance().reserved == NOTHING


def test_a_job_that_is_ended_gives_back_all_that_its_tasks_were_promised() -> None:
    stage = BudgetStage()
    stage.budget()
    job = stage.job()
    tasks = [stage.submit(cpu_s=1e6, job_id=job.id) for _ in range(4)]
    stage.run(120)
    stage.desk.jobs.terminate(ACCOUNT, job.id)
    stage.run(180)
    assert stage.balance().reserved == NOTHING
    assert stage.balance().spent.energy_kwh == pytest.approx(stage.drawn_kwh(*tasks), rel=1e-6)


def test_a_retry_is_a_task_of_its_own_and_needs_its_own_promise() -> None:
    """Given a failed task, when it is retried while others hold the rest, then 402; once there is room, it is taken."""
    stage = BudgetStage(Said(energy_kwh=1.0))
    alice = stage.store.account_by_email("alice@example.org")
    assert alice is not None
    boss, user = (
        TestClient(create_api(stage.desk, storage_url=None), headers={"Authorization": token})
        for token in (stage.boss, stage.alice)
    )
    boss.put("/budgets/v1/b", json={"account": "alice@example.org", "energy_kwh": 2.0, "every": "day"})
    failed = stage.submit(account_id=alice.id, max_queue_s=60.0, instances=500)
    stage.until(lambda: stage.stored(failed).state is TaskState.FAILURE)
    stage.run(180)
    holds = [stage.submit(cpu_s=1e6, account_id=alice.id)]
    retry = f"/tasks/{failed.id}/retry"
    assert user.post(retry, json={"name": "again"}).status_code == 200
    answer = user.post(retry, json={"name": "once more"})
    assert answer.status_code == 402
    assert "kWh left, 1 asked" in answer.text
    stage.desk.abort(alice.id, holds[0].id)
    stage.run(180)
    assert user.post(retry, json={"name": "once more"}).status_code == 200


def bonus_g(stage: BudgetStage) -> float:
    return -sum(row.spent.co2e_g for row in stage.rows(act=Act.BONUS))


def test_neither_cancelled_nor_failed_work_gains_by_having_waited() -> None:
    """Given a grid that was dirty at the submission, when flex work is cancelled, then nothing comes back."""
    stage = BudgetStage(at_once_g_per_kwh=500.0)
    stage.budget(co2e_g=1000.0)
    tasks = [stage.submit(cpu_s=1e6, service=FLEX, waited_s=7200.0) for _ in range(3)]
    done = stage.submit(cpu_s=1.0, service=FLEX, waited_s=7200.0)
    stage.until(lambda: stage.stored(done).state is TaskState.SUCCESS)
    stage.desk.abort(ACCOUNT, tasks[0].id)
    stage.desk.delete(ACCOUNT, tasks[1].id)
    stage.run(180)
    assert stage.drawn_kwh(tasks[0]) > 0
    assert {row.task_id for row in stage.rows(act=Act.BONUS)} == {done.id}
    (row,) = stage.rows(act=Act.BONUS)
    assert "50% of" in row.note
    assert "begun at 2026-01-12 04:00 UTC it would have been" in row.note, "what it is measured against is kept"


def test_a_task_that_is_deleted_after_its_end_keeps_what_it_gained() -> None:
    stage = BudgetStage(at_once_g_per_kwh=500.0)
    stage.budget(co2e_g=1000.0)
    task = stage.submit(cpu_s=1.0, service=FLEX, waited_s=7200.0)
    stage.until(lambda: stage.works.get(task.id) is None or stage.works.get(task.id).task.state is TaskState.SUCCESS)
    stage.desk.delete(ACCOUNT, task.id)
    stage.run(180)
    assert stage.settled()
    assert len(stage.rows(act=Act.BONUS)) == 1


def test_waiting_for_another_task_or_for_the_budget_is_no_patience() -> None:
    """Given a grid that gets cleaner by the hour, when work could not run before, then it counts from then."""
    stage = BudgetStage()
    stage.budget(co2e_g=1000.0)
    begin_s = stage.clock.now().timestamp()
    stage.guard._charges._grid = lambda _country, at_s: 900.0 - (at_s - begin_s) / 10.0  # as dirty as it was at once
    job = stage.job(use_dependencies=True)
    parent = stage.submit(cpu_s=1.5, job_id=job.id, service=ServiceClass.ON_DEMAND)
    child = stage.submit(cpu_s=1.0, service=FLEX, **after(parent))
    stage.until(lambda: stage.stored(parent).state is TaskState.SUCCESS)
    waited_s = stage.clock.now().timestamp() - begin_s
    assert waited_s > 300
    stage.until(lambda: stage.stored(child).state is TaskState.SUCCESS)
    tab = stage.guard.book.tabs.get(child.id)
    stage.run(180)
    assert stage.settled()
    assert not stage.rows(act=Act.BONUS), "it began as soon as it could"
    assert tab is None or tab.idle_s == pytest.approx(waited_s, abs=61.0)


@pytest.mark.parametrize("written", [False, True])
def test_a_bonus_is_credited_once_though_the_platform_dies_at_its_commit(
    monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Given a kill before or after the commit that settles a task, when it starts again, then it is settled once."""
    stage = BudgetStage(at_once_g_per_kwh=500.0)
    stage.budget(co2e_g=1000.0)
    task = stage.submit(cpu_s=1.0, service=FLEX, waited_s=7200.0)
    commit = stage.store.commit

    def dies(changes: Changes) -> None:
        if any(row.act is Act.BONUS for row in changes.budgets.rows):
            if written:
                commit(changes)
            raise KeyboardInterrupt
        commit(changes)

    with monkeypatch.context() as broken:
        broken.setattr(stage.store, "commit", dies)
        with pytest.raises(KeyboardInterrupt):
            stage.until(lambda: False)
    assert len(stage.rows(act=Act.BONUS)) == int(written)
    stage.restart()
    stage.run(300)
    assert stage.settled()
    assert len(stage.rows(act=Act.BONUS)) == 1
    charged_g = sum(row.spent.co2e_g for row in stage.rows(act=Act.CHARGE))
    saved_g = stage.drawn_kwh(task) * 510.0 - charged_g  # the basis adds 10 g/kWh
    assert bonus_g(stage) == pytest.approx(min(0.5 * saved_g, charged_g), rel=1e-4)
    assert stage.balance().spent.co2e_g == pytest.approx(charged_g - bonus_g(stage), rel=1e-9)


def test_what_was_stopped_starts_again_by_itself_when_the_budget_begins_anew() -> None:
    """Given midnight in Los Angeles after more than an hour, when stopped work and a pool wait, then all go on."""
    stage = BudgetStage(Said(energy_kwh=0.01), begin=dt.datetime(2026, 1, 12, 6, 45, tzinfo=dt.UTC))
    stage.budget(energy_kwh=0.04, overrun=Overrun.STOP_AND_BLOCK_ALL, timezone="America/Los_Angeles")
    job = stage.job(use_dependencies=True)
    resumable = stage.submit(cpu_s=1e6, resumable=True)
    parent = stage.submit(cpu_s=3.0, job_id=job.id)
    child = stage.submit(cpu_s=2.0, **after(parent))
    pool = stage.pool(slots=1)
    stage.until(lambda: bool(stage.held(resumable)))
    stage.run(300)
    for task in (resumable, parent):
        assert all(attempt.state.final for attempt in stage.attempts(task)), "stopped, as midnight is far"
        assert "waits until it begins anew at 2026-01-12 08:00 UTC" in stage.held(task)
    stage.until(lambda: stage.clock.now().hour == 8, 3 * HOUR_S)
    stage.budget(energy_kwh=5.0, overrun=Overrun.STOP_AND_BLOCK_ALL, timezone="America/Los_Angeles")
    stage.run(180)
    assert not stage.held(resumable)
    assert stage.attempts(resumable)[-1].state is AttemptState.RUNNING
    assert len(stage.attempts(resumable)) == 2, "a new attempt, from the checkpoint of the first"
    assert stage.groups.pools.line(pool).ready(stage.works), "the pool has its slot again"
    stage.until(lambda: stage.stored(child).state is TaskState.SUCCESS)
    assert stage.rows(act=Act.RESUME)
    stage.desk.abort(ACCOUNT, resumable.id)
    stage.run(180)
    first, second = [one for one in stage.store.budget_balances() if one.spent]
    assert first.reserved == NOTHING
    assert second.spent.energy_kwh > 0
