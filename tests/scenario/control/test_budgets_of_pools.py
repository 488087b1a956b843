"""Given a budget that blocks what is new, when it is used up, then pools keep their slots and get no more."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.model.budget import Every, Overrun
from ondol.model.errors import BudgetExceededError
from ondol.model.pool import ComputePool, Scaling
from scenario.control.budget_said import Said
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT

HOUR_S = 3600.0
MANY = Scaling(name="", queue_driven=True, least=1, most=4)


def held(stage: BudgetStage, pool: ComputePool) -> int:
    """Slots that a pool holds or will hold."""
    line = stage.groups.pools.line(pool)
    return len(line.uses(stage.works))


def stored(stage: BudgetStage, pool: ComputePool) -> ComputePool:
    """A pool as it is stored now."""
    found = stage.store.pool(pool.id)
    assert found is not None
    return found


def used_up(overrun: Overrun, **fields: object) -> tuple[BudgetStage, ComputePool]:
    """A pool of one slot whose tasks were accepted, under a budget that its slot has used up."""
    stage = BudgetStage(Said(energy_kwh=0.001, co2e_g=0.1))
    stage.budget(energy_kwh=0.02, overrun=overrun, **fields)
    pool = stage.pool(slots=1, elastic=MANY, elastic_period_s=60.0)
    stage.submit(cpu_s=1e6, pool_id=pool.id)
    stage.until(lambda: stage.balance().unspent.energy_uwh <= 0, 4 * HOUR_S)
    assert held(stage, pool) == 1
    return stage, pool


@pytest.mark.parametrize(("overrun", "slots"), [(Overrun.BLOCK_NEW, 1), (Overrun.ALERT_ONLY, 4)])
def test_an_elastic_pool_does_not_grow_past_a_budget_that_is_used_up(overrun: Overrun, slots: int) -> None:
    """Given an instance in the only slot and eight that wait, as they did before the budget, then none is added."""
    stage, pool = used_up(overrun)
    stage.task(instances=8, cpu_s=1e6, pool_id=pool.id)  # past the desk: nothing refuses it
    stage.run(HOUR_S / 2)
    assert held(stage, pool) == slots
    words = [error.message for error in stored(stage, pool).errors]
    if slots == 1:
        why = "Budget b (account) is used up: the pool keeps the slots that it has and gets no more before "
        assert words == [why + "2026-01-12 23:00 UTC."]
    else:
        assert not words


def test_it_grows_again_when_the_budget_begins_anew() -> None:
    stage, pool = used_up(Overrun.BLOCK_NEW)
    stage.task(instances=8, cpu_s=1e6, pool_id=pool.id)
    stage.run(HOUR_S / 4)
    assert held(stage, pool) == 1
    assert stage.alarms() == ["budget-refuses", "budget-used-100"]
    stage.budget(energy_kwh=50.0)  # the operator gives more
    stage.run(HOUR_S / 4)
    assert held(stage, pool) == 4
    assert not stored(stage, pool).errors
    assert not stage.alarms()


def test_a_pool_grows_for_work_that_was_promised_all_that_is_left() -> None:
    """Given four tasks that reserved all of a budget, when little is used, then they get their slots."""
    stage = BudgetStage(Said(energy_kwh=0.5))
    stage.budget(energy_kwh=2.5)
    pool = stage.pool(slots=0, elastic=Scaling(name="", queue_driven=True, least=0, most=4), elastic_period_s=60.0)
    for _ in range(5):
        stage.submit(cpu_s=1e6, pool_id=pool.id)
    assert stage.balance().left.energy_uwh == 0
    stage.run(HOUR_S / 4)
    assert held(stage, pool) == 4


def test_after_a_kill_a_pool_has_the_slots_that_it_had() -> None:
    stage, pool = used_up(Overrun.BLOCK_NEW, every=Every.WEEK)
    stage.restart()
    stage.task(instances=8, cpu_s=1e6, pool_id=pool.id)
    stage.run(HOUR_S / 4)
    assert held(stage, pool) == 1


def test_a_pool_is_not_made_larger_by_hand_either() -> None:
    stage = BudgetStage()
    stage.budget(energy_kwh=0.02)
    pool = stage.pool(slots=1)
    stage.run(120)
    stage.until(lambda: stage.balance().unspent.energy_uwh <= 0, 4 * HOUR_S)
    with pytest.raises(BudgetExceededError, match="Not enough credits: budget b"):
        stage.desk.pools.update(ACCOUNT, pool.id, slots=3)
    stage.desk.pools.update(ACCOUNT, pool.id, slots=0)
    stage.run(dt.timedelta(minutes=5).total_seconds())
    assert held(stage, pool) == 0
