"""Given a budget of a place, when its start and end are dates, then they are midnights there."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.accounting.budget_periods import period_at
from ondol.control.budget_setting import budget_of
from ondol.model.budget import Holder, Level, UseBudget
from ondol.model.errors import InvalidFieldError

LAB = Holder(level=Level.ORGANIZATION, organization="lab")


def _year(timezone: str, **times: dt.datetime) -> UseBudget:
    span = {"start": dt.datetime(2026, 1, 1), "end": dt.datetime(2027, 1, 1), **times}  # noqa: DTZ001  # as people say it
    return budget_of("b", LAB, co2e_g=1.0, every="once", timezone=timezone, **span)


@pytest.mark.parametrize(
    ("timezone", "hours"), [("UTC", 0), ("Europe/Paris", -1), ("America/Denver", 7), ("Asia/Kolkata", -5.5)]
)
def test_a_year_begins_and_ends_at_local_midnight(timezone: str, hours: float) -> None:
    budget, off = _year(timezone), dt.timedelta(hours=hours)
    assert budget.start == dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + off
    assert budget.end == dt.datetime(2027, 1, 1, tzinfo=dt.UTC) + off
    assert period_at(budget, budget.start) is not None
    assert period_at(budget, budget.end) is None


def test_a_time_that_names_its_offset_is_that_time() -> None:
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert _year("Europe/Paris", start=begin).start == begin


def test_a_first_month_from_a_date_is_a_whole_month() -> None:
    """Given a month's budget in Paris from 1 January on, then January has its 31 days."""
    start = dt.datetime(2026, 1, 1)  # noqa: DTZ001
    budget = budget_of("b", LAB, co2e_g=1.0, every="month", timezone="Europe/Paris", start=start)
    period = period_at(budget, dt.datetime(2026, 1, 15, tzinfo=dt.UTC))
    assert period is not None
    assert period.end - period.start == dt.timedelta(days=31)


def test_a_zone_that_is_none_is_refused_before_its_clocks_are_read() -> None:
    with pytest.raises(InvalidFieldError, match="timezone"):
        _year("Mars/Olympus")


def test_a_date_at_the_end_of_all_time_is_refused_in_words() -> None:
    with pytest.raises(InvalidFieldError, match="start"):
        _year("Europe/Paris", start=dt.datetime(1, 1, 1))  # noqa: DTZ001
