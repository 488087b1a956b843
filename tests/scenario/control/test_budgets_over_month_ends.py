"""Given work that runs over the end of a period, when both are closed, then each has paid its own part, as stated."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pytest

from ondol.control.carbon_ground import CarbonGround, carbon_ground
from ondol.demo.fleet import demo_fleet
from ondol.model.budget import NOTHING, Act, Every
from ondol.model.ids import AccountId
from ondol.model.view import ServiceClass
from scenario.control.budget_said import Said
from scenario.control.budget_stage import BudgetStage
from scenario.control.groups_stage import ACCOUNT

HOUR = dt.timedelta(hours=1)


@cache
def ground() -> CarbonGround:
    return carbon_ground(demo_fleet())


def utc(year: int, month: int, day: int, hour: int) -> dt.datetime:
    return dt.datetime(year, month, day, hour, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("end", "every", "zone", "hours"),
    [
        (utc(2026, 3, 31, 22), Every.MONTH, "Europe/Paris", 31 * 24 - 1),
        (utc(2028, 3, 1, 5), Every.MONTH, "America/New_York", 29 * 24),
        (utc(2026, 3, 29, 22), Every.DAY, "Europe/Paris", 23),
        (utc(2026, 10, 25, 23), Every.DAY, "Europe/Paris", 25),
        (utc(2026, 12, 31, 15), Every.YEAR, "Asia/Seoul", 365 * 24),
    ],
)
def test_a_task_over_the_end_of_a_period_is_charged_as_the_statements_of_both_say(
    end: dt.datetime, every: Every, zone: str, hours: int
) -> None:
    """Given the clock leaps to the last hour, when a task runs over it, then grams before are of the old period."""
    stage = BudgetStage(Said(energy_kwh=5.0, co2e_g=500.0), ground=ground(), begin=end - HOUR / 4)
    stage.budget(co2e_g=20_000.0, energy_kwh=100.0, every=every, timezone=zone, start=utc(2025, 1, 1, 0))
    stage.run(60)
    task = stage.submit(cpu_s=1e6, instances=3, service=ServiceClass.FLEX)
    stage.run(1800)
    stage.desk.abort(ACCOUNT, task.id)
    stage.run(180)
    assert stage.settled()

    before, after = [one for one in stage.store.budget_balances() if one.spent]
    assert after.period_start == end
    assert before.period_start == end - hours * HOUR
    moved = [row for row in stage.rows() if row.act is Act.RESERVE]
    assert [row.period_start for row in moved] == [before.period_start, end]
    # The last windows of the old period are written after it ended: the new one gives back what they used.
    late = [row.reserved for row in stage.rows(act=Act.REFUND) if row.window_start is not None]
    assert sum(late, moved[1].reserved) == moved[0].reserved - before.spent, "the new period promises the rest"
    account = stage.store.account(AccountId(ACCOUNT))
    assert account is not None
    for balance, span in ((before, (end - HOUR, end)), (after, (end, end + 2 * HOUR))):
        assert balance == stage.store.budget_sum("b", balance.period_start)
        assert balance.reserved == NOTHING
        stated = stage.desk.statements.statement(account, "user", ACCOUNT, *span)
        assert balance.spent.energy_kwh == pytest.approx(stated.value("energy", "total_kwh"), rel=1e-9, abs=1e-9)
        whole_g = stated.value("inventory", "total_g")
        assert balance.spent.co2e_g == pytest.approx(whole_g, rel=1e-9, abs=1e-6)
