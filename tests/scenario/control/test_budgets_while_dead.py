"""Given a platform that is dead for hours while its jobs end, when it is back, then nobody pays for its absence."""

from __future__ import annotations

import pytest

from ondol.control.clock import utc
from ondol.model.compute import AttemptState, TaskState
from scenario.control.budget_stage import BudgetStage


def test_while_the_platform_is_dead_nobody_pays_for_a_slot_whose_job_is_over() -> None:
    """Given a job that ends soon after `kill -9`, when the platform is back in hours, then it paid until its end."""
    here = BudgetStage(making_g_per_h=100.0)
    here.budget(co2e_g=1000.0)
    alone = BudgetStage(making_g_per_h=100.0)
    alone.budget(co2e_g=1000.0)
    tasks = [stage.submit(cpu_s=3.0) for stage in (here, alone)]
    for stage in (here, alone):
        stage.run(300.0)
        assert stage.attempts(tasks[0])[0].state is AttemptState.RUNNING

    here.clock.leap(4 * 3600.0)
    here._live()
    here.loop.watch._at = lambda host_s: utc(host_s * here.clock.rate)
    here.loop.begin()
    for stage, task in zip((here, alone), tasks, strict=True):
        stage.until(lambda stage=stage, task=task: stage.stored(task).state is TaskState.SUCCESS)  # type: ignore[misc]
        stage.run(180.0)
        assert stage.settled()

    # What it drew meanwhile is known by the power curve alone, at the mean load of the whole time: T4, half to double.
    assert here.balance().spent.energy_kwh < 2.0 * alone.balance().spent.energy_kwh
    assert here.balance().spent.co2e_g < 1.5 * alone.balance().spent.co2e_g
    held_s = [stage.store.attempt_facts([task.id])[0].held_s for stage, task in zip((here, alone), tasks, strict=True)]
    assert held_s[0] == pytest.approx(held_s[1], abs=120.0)
