"""Periods of a budget: they end at local midnights, whatever the clocks do there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ondol.model.budget import Amount, Every, Period, UseBudget

_TICK = dt.timedelta(microseconds=1)


def period_at(budget: UseBudget, at: dt.datetime) -> Period | None:
    """Period of a budget in which a moment lies.

    A period begins at the first moment of a local day: where the clocks skip midnight, at the first moment after it;
    where midnight comes twice, at the first. So a day has 23 or 25 hours where the clocks change. The first and last
    period are cut off at the budget's own start and end.

    Parameters
    ----------
    at : aware

    Returns
    -------
    None before the budget starts and once it is over
    """
    if at < budget.start or (budget.end is not None and at >= budget.end):
        return None
    if budget.every is Every.ONCE:
        assert budget.end is not None  # noqa: S101  # what being given once means
        return Period(_utc(budget.start), _utc(budget.end))
    zone = ZoneInfo(budget.timezone)
    first = _first_day(at.astimezone(zone).date(), budget.every)
    start, end = _midnight(first, zone), _midnight(_next(first, budget.every), zone)
    return Period(max(start, _utc(budget.start)), end if budget.end is None else min(end, _utc(budget.end)))


def period_before(budget: UseBudget, period: Period) -> Period | None:
    """The period that ends where one begins; None for the first."""
    return period_at(budget, period.start - _TICK)


def periods_of(budget: UseBudget, start: dt.datetime, end: dt.datetime) -> Iterator[tuple[Period, float]]:
    """Periods that a window lies in, each with the share of the window's time that is in it.

    What lies outside of the budget is in none: the shares sum to one or less.
    """
    at, whole = max(start, budget.start), (end - start) / _TICK
    while at < end:
        period = period_at(budget, at)
        if period is None:
            return
        until = min(end, period.end)
        yield period, (until - at) / _TICK / whole
        at = until


def split(amount: Amount, shares: list[float]) -> list[Amount]:
    """Split an amount by shares of at most one together; whole amounts that sum to that of the sum of shares."""
    done, total, parts = Amount(), 0.0, []
    for share in shares:
        total = 1.0 if abs(total + share - 1.0) < 1e-12 else total + share  # the shares of a whole window, added up
        parts.append(amount.part(total) - done)
        done += parts[-1]
    return parts


def _first_day(day: dt.date, every: Every) -> dt.date:
    match every:
        case Every.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case Every.MONTH:
            return day.replace(day=1)
        case Every.YEAR:
            return day.replace(month=1, day=1)
        case _:
            return day


def _next(first: dt.date, every: Every) -> dt.date:
    match every:
        case Every.WEEK:
            return first + dt.timedelta(days=7)
        case Every.MONTH:
            return (first + dt.timedelta(days=31)).replace(day=1)
        case Every.YEAR:
            return first.replace(year=first.year + 1)
        case _:
            return first + dt.timedelta(days=1)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    # A time that the clocks skip is read with the offset before the change (PEP 495): the moment of the change itself.
    return _utc(dt.datetime(day.year, day.month, day.day, tzinfo=zone))


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC)
