"""Given use and savings, when they are charged and settled, then rows sum to them and nobody gains by it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.budget import (
    bonus_ug,
    carried,
    charge,
    due_alert,
    lacking,
    overdrawn,
    saving_ug,
    used_up,
    whole_amount,
)
from ondol.model.budget import (
    NOTHING,
    Act,
    Amount,
    Balance,
    Every,
    Holder,
    Level,
    Overrun,
    Tab,
    TabLine,
    UseBudget,
)
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId, ProjectId, TaskId

BEGIN = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
BUDGET = UseBudget(
    id="b", holder=Holder(level=Level.ACCOUNT, account_id=AccountId("a")), alias="b", co2e_g=1000.0, energy_kwh=10.0,
    every=Every.DAY, timezone="UTC", start=BEGIN - 24 * HOUR,
)  # fmt: skip
TAB = Tab(task_id=TaskId("t"), account_id=AccountId("a"), service="flex", submitted_at=BEGIN, outcome="Success")
amounts = st.builds(Amount, st.integers(0, 10**12), st.integers(0, 10**12))


@given(
    asked=amounts,
    uses=st.lists(st.tuples(amounts, st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=12),
)
def test_whatever_is_used_rows_sum_to_it_and_a_refund_leaves_nothing_promised(
    asked: Amount, uses: list[tuple[Amount, int, int]]
) -> None:
    """Given windows in any order over several days, then Σ spent is the use, Σ reserved what the task still has."""
    line = TabLine(budget_id="b", period_start=BEGIN, asked=asked, reserved=asked)
    spent, reserved = NOTHING, asked
    for used, hour, hours in uses:
        start = BEGIN + hour * HOUR
        rows, line = charge(BUDGET, TAB, line, used, start, start + hours * HOUR)
        spent, reserved = sum((r.spent for r in rows), spent), sum((r.reserved for r in rows), reserved)
        assert all(row.window_start == start and row.task_id == "t" for row in rows)
        assert all(row.spent.least(NOTHING) == NOTHING for row in rows)
    total = sum((used for used, _, _ in uses), NOTHING)
    assert spent == line.charged == total
    assert reserved == line.reserved
    assert line.reserved.least(NOTHING) == NOTHING, "never less than nothing is promised"
    if asked:
        assert (asked - total - line.reserved).most(NOTHING) == NOTHING, "what is not used is still there"


def test_use_within_what_was_reserved_extends_nothing() -> None:
    line = TabLine(budget_id="b", period_start=BEGIN, asked=Amount(100, 100), reserved=Amount(100, 100))
    rows, after = charge(BUDGET, TAB, line, Amount(40, 60), BEGIN, BEGIN + HOUR)
    assert [(row.act, row.spent, row.reserved) for row in rows] == [(Act.CHARGE, Amount(40, 60), Amount(-40, -60))]
    rows, after = charge(BUDGET, TAB, after, Amount(70, 10), BEGIN, BEGIN + HOUR)
    assert [row.act for row in rows] == [Act.EXTEND, Act.CHARGE]
    assert rows[0].reserved == Amount(10, 0), "a tenth of what was asked at least, of what was short only"
    assert after.charged == Amount(110, 70)


def test_a_window_over_midnight_is_charged_to_both_days() -> None:
    line = TabLine(budget_id="b", period_start=BEGIN, asked=Amount(90, 90), reserved=Amount(90, 90))
    start = BEGIN + 23 * HOUR
    rows, _ = charge(BUDGET, TAB, line, Amount(40, 40), start, start + 4 * HOUR)
    spent = {row.period_start: row.spent.co2e_ug for row in rows if row.act is Act.CHARGE}
    assert spent == {BEGIN: 10, BEGIN + 24 * HOUR: 30}


@pytest.mark.parametrize("left", [0, -5])
def test_nothing_fits_where_nothing_is_left(left: int) -> None:
    balance = Balance(budget_id="b", period_start=BEGIN, granted=Amount(10**9, 10), spent=Amount(0, 10 - left))
    (words,) = lacking(BUDGET, balance, NOTHING)
    assert "kWh left, 0 asked" in words


@given(granted=amounts, spent=amounts, reserved=amounts, asked=amounts)
def test_what_fits_leaves_nothing_below_zero(granted: Amount, spent: Amount, reserved: Amount, asked: Amount) -> None:
    balance = Balance(budget_id="b", period_start=BEGIN, granted=granted, spent=spent, reserved=reserved)
    if not lacking(BUDGET, balance, asked):
        after = dataclasses.replace(balance, reserved=reserved + asked)
        assert not overdrawn(BUDGET, after)
    if used_up(BUDGET, balance):
        assert lacking(BUDGET, balance, asked)


def test_an_axis_that_is_not_limited_limits_nothing() -> None:
    energy_only = dataclasses.replace(BUDGET, co2e_g=None)
    balance = Balance(budget_id="b", period_start=BEGIN, granted=energy_only.limit, spent=Amount(10**15, 0))
    assert energy_only.limit.co2e_ug == 0
    assert not lacking(energy_only, balance, Amount(10**12, 1))
    assert not used_up(energy_only, balance)
    assert due_alert(energy_only, balance) == 0


@pytest.mark.parametrize(("spent_kwh", "alert"), [(0.0, 0), (7.99, 0), (8.0, 80), (9.99, 80), (10.0, 100), (50.0, 100)])
def test_alerts_at_eighty_and_a_hundred_percent(spent_kwh: float, alert: int) -> None:
    balance = Balance(budget_id="b", period_start=BEGIN, granted=BUDGET.limit, spent=Amount.of(0.0, spent_kwh))
    assert due_alert(BUDGET, balance) == alert


@given(share=st.floats(0, 1), saved=st.integers(-(10**12), 10**12), charged=st.integers(0, 10**12))
def test_a_bonus_is_a_share_of_a_saving_and_never_more_than_was_paid(share: float, saved: int, charged: int) -> None:
    tab = dataclasses.replace(TAB, saved_ug=saved)
    line = TabLine(budget_id="b", period_start=BEGIN, charged=Amount(charged, 1))
    bonus = bonus_ug(share, tab, line)
    assert 0 <= bonus <= charged
    assert bonus <= max(0, share * saved) + 1
    if saved <= 0:
        assert bonus == 0
    for nothing in ({"service": "on_demand"}, {"outcome": "Cancelled"}, {"outcome": "Failure"}, {"outcome": ""}):
        assert bonus_ug(share, dataclasses.replace(tab, **nothing), line) == 0


def test_a_budget_that_was_charged_a_part_of_a_task_gives_back_that_part() -> None:
    """Given 100 g saved, when a budget was set for the last quarter of the run, then it gives half of 25 g."""
    whole, late = (
        TabLine(budget_id=key, period_start=BEGIN, charged=Amount(ug, 1)) for key, ug in (("a", 400), ("b", 100))
    )
    tab = dataclasses.replace(TAB, saved_ug=100, lines=(whole, late))
    assert bonus_ug(0.5, tab, whole) == 50
    assert bonus_ug(0.5, tab, late) == 12


@given(uses=st.lists(st.tuples(st.floats(0, 1e-5), st.floats(0, 1e-8)), min_size=1, max_size=200))
def test_what_rounding_left_is_charged_later(uses: list[tuple[float, float]]) -> None:
    """Given windows of fractions of a microgram, when they are charged one by one, then the sum is right to a half."""
    tab, charged = TAB, NOTHING
    for co2e_g, energy_kwh in uses:
        used, tab = whole_amount(tab, co2e_g, energy_kwh)
        assert used.least(NOTHING) == NOTHING
        charged += used
    assert abs(charged.co2e_ug - 1e6 * math.fsum(grams for grams, _ in uses)) <= 0.5 + 1e-6
    assert abs(charged.energy_uwh - 1e9 * math.fsum(kwh for _, kwh in uses)) <= 0.5 + 1e-6


def test_a_share_of_more_than_the_whole_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="bonus_share"):
        bonus_ug(1.5, TAB, TabLine(budget_id="b", period_start=BEGIN))


def test_a_saving_is_energy_times_the_difference_of_two_hours() -> None:
    """Given 2 kWh at 80 g/kWh that would have been at 300 g/kWh, then 440 g were saved; the other way round, lost."""
    assert saving_ug(2 * 10**9, 300.0, 80.0) == 440 * 10**6
    assert saving_ug(2 * 10**9, 80.0, 300.0) == -440 * 10**6


@given(granted=amounts, spent=amounts, share=st.floats(0, 1))
def test_carry_over_is_never_a_debt_nor_more_than_was_left(granted: Amount, spent: Amount, share: float) -> None:
    budget = dataclasses.replace(BUDGET, carry_over=share)
    over = carried(budget, Balance(budget_id="b", period_start=BEGIN, granted=granted, spent=spent))
    left = (granted - spent).most(NOTHING)
    assert over.least(NOTHING) == NOTHING
    assert (over - left).most(NOTHING) == NOTHING


@pytest.mark.parametrize(
    "fields",
    [
        {"co2e_g": -1.0},
        {"energy_kwh": float("nan")},
        {"energy_kwh": 1e12},
        {"co2e_g": None, "energy_kwh": None},
        {"carry_over": -0.1},
        {"timezone": "Mars/Olympus"},
        {"start": BEGIN.replace(tzinfo=None)},
        {"end": BEGIN - 48 * HOUR},
        {"id": "Not an id"},
        {"alias": " "},
        {"alerts_percent": (100, 80)},
        {"alerts_percent": (0,)},
        {"alerts_percent": (201,)},
        {"alerts_percent": (1, 2, 3, 4, 5, 6)},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidFieldError, match="budget"):
        dataclasses.replace(BUDGET, **fields)  # type: ignore[arg-type]


def test_a_holder_needs_what_its_level_says_and_nothing_else() -> None:
    with pytest.raises(InvalidFieldError, match="project and account"):
        Holder(level=Level.MEMBER, project_id=ProjectId("p"))
    with pytest.raises(InvalidFieldError, match="organization"):
        Holder(level=Level.ORGANIZATION, organization="o", account_id=AccountId("a"))
    assert Overrun("StopAndBlockAll") is Overrun.STOP_AND_BLOCK_ALL
