"""Given budgets in any time zone, when time passes, then periods tile it and end at local midnights."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.budget_periods import period_at, period_before, periods_of, split
from ondol.model.budget import Amount, Every, Holder, Level, UseBudget
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AccountId

BEGIN = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
# Paris and New York change at night, Cairo and Beirut at midnight itself, Lord Howe by half an hour, Apia never.
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
moments = st.integers(0, 30 * 30 * 86_400).map(lambda s: dt.datetime(2025, 6, 1, tzinfo=dt.UTC) + s * HOUR / 3600)
renewing = st.sampled_from([every for every in Every if every is not Every.ONCE])


def budget(every: Every = Every.DAY, timezone: str = "UTC", **fields: object) -> UseBudget:
    wanted = {"start": BEGIN, "co2e_g": 1000.0, "energy_kwh": None, **fields}
    holder = Holder(level=Level.ACCOUNT, account_id=AccountId("a"))
    return UseBudget(id="b", holder=holder, alias="b", every=every, timezone=timezone, **wanted)  # type: ignore[arg-type]


@given(every=renewing, zone=st.sampled_from(ZONES), at=moments)
def test_a_moment_lies_in_one_period_and_the_next_begins_where_it_ends(
    every: Every, zone: str, at: dt.datetime
) -> None:
    one = budget(every, zone)
    period = period_at(one, at)
    assert period is not None
    assert period.start <= at < period.end
    after = period_at(one, period.end)
    assert after is not None
    assert after.start == period.end
    assert period_before(one, after) == period
    assert period_at(one, period.start) == period


@given(every=renewing, zone=st.sampled_from(ZONES), at=moments)
def test_a_period_begins_with_a_local_day(every: Every, zone: str, at: dt.datetime) -> None:
    period = period_at(budget(every, zone, start=BEGIN - 24 * 1000 * HOUR), at)
    assert period is not None
    local = period.start.astimezone(ZoneInfo(zone))
    before = (period.start - dt.timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    assert before.date() < local.date(), "the moment before belongs to the day before"
    assert every is not Every.WEEK or local.weekday() == 0
    assert every not in (Every.MONTH, Every.YEAR) or local.day == 1
    assert every is not Every.YEAR or local.month == 1


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", dt.datetime(2026, 3, 29, 12, tzinfo=dt.UTC), 23),
        ("Europe/Paris", dt.datetime(2026, 10, 25, 12, tzinfo=dt.UTC), 25),
        ("Europe/Paris", dt.datetime(2026, 10, 26, 12, tzinfo=dt.UTC), 24),
        ("Africa/Cairo", dt.datetime(2026, 4, 24, 12, tzinfo=dt.UTC), 23),
        ("Australia/Lord_Howe", dt.datetime(2026, 4, 5, 0, tzinfo=dt.UTC), 24.5),
        ("America/New_York", dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC), 25),
    ],
)
def test_days_on_which_clocks_change_are_shorter_or_longer(zone: str, day: dt.datetime, hours: float) -> None:
    period = period_at(budget(Every.DAY, zone), day)
    assert period is not None
    assert (period.end - period.start) / HOUR == hours


def test_where_midnight_is_skipped_the_day_begins_at_the_first_moment_after_it() -> None:
    period = period_at(budget(Every.DAY, "Africa/Cairo"), dt.datetime(2026, 4, 24, 12, tzinfo=dt.UTC))
    assert period is not None
    assert period.start.astimezone(ZoneInfo("Africa/Cairo")).isoformat() == "2026-04-24T01:00:00+03:00"


def test_months_and_years_have_their_own_lengths() -> None:
    paris = ZoneInfo("Europe/Paris")
    february = period_at(budget(Every.MONTH, "Europe/Paris"), dt.datetime(2028, 2, 29, 23, 30, tzinfo=paris))
    assert february is not None
    assert february.end == dt.datetime(2028, 3, 1, tzinfo=paris)
    assert (february.end - february.start) / HOUR == 29 * 24
    year = period_at(budget(Every.YEAR, "Europe/Paris"), dt.datetime(2026, 12, 31, 23, tzinfo=dt.UTC))
    assert year is not None
    assert year.start == dt.datetime(2027, 1, 1, tzinfo=paris)


def test_start_and_end_of_the_budget_cut_its_periods_off() -> None:
    one = budget(Every.MONTH, start=BEGIN + 36 * HOUR, end=BEGIN + 24 * 40 * HOUR)
    assert period_at(one, BEGIN + 35 * HOUR) is None
    first = period_at(one, BEGIN + 36 * HOUR)
    assert first is not None
    assert first.start == BEGIN + 36 * HOUR
    last = period_at(one, BEGIN + 24 * 39 * HOUR)
    assert last is not None
    assert last.end == BEGIN + 24 * 40 * HOUR
    assert period_at(one, last.end) is None
    assert period_before(one, first) is None


def test_once_is_one_period() -> None:
    one = budget(Every.ONCE, end=BEGIN + 100 * HOUR)
    assert period_at(one, BEGIN + 99 * HOUR) == period_at(one, BEGIN)
    with pytest.raises(InvalidFieldError, match=r"budget\.end"):
        budget(Every.ONCE)


@given(
    every=renewing,
    zone=st.sampled_from(ZONES),
    at=moments,
    hours=st.floats(1 / 3600, 24 * 45),
    amount=st.integers(0, 10**12),
)
def test_what_is_used_in_a_window_is_split_over_its_periods_without_a_rest(
    every: Every, zone: str, at: dt.datetime, hours: float, amount: int
) -> None:
    shares = list(periods_of(budget(every, zone), at, at + hours * HOUR))
    parts = split(Amount(amount, 7 * amount), [share for _, share in shares])
    assert sum(parts, Amount()) == Amount(amount, 7 * amount)
    assert all(part.co2e_ug >= 0 and part.energy_uwh >= 0 for part in parts)


def test_what_was_used_outside_of_the_budget_is_in_none_of_its_periods() -> None:
    one = budget(Every.DAY, start=BEGIN, end=BEGIN + 48 * HOUR)
    shares = list(periods_of(one, BEGIN - 24 * HOUR, BEGIN + 72 * HOUR))
    assert [share for _, share in shares] == [0.25, 0.25]
