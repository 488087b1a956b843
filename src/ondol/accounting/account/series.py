"""The course of a statement over its window: electricity by share, carbon and useful heat, by hour or by day."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np

from ondol.accounting.account.case import Case
from ondol.accounting.account.columns import SHARES, Floats
from ondol.accounting.account.shared import pieces
from ondol.accounting.account.statement import Point
from ondol.accounting.account.sums import J_PER_KWH
from ondol.model.ledger import Share

HOUR_S, DAY_S = 3600.0, 86_400.0
_HOURLY_S = 3.0 * DAY_S  # up to here, bars are hours
_FINE_S = 3.0 * HOUR_S  # up to here, they are five minutes
_MOST = 400  # bars, so that a drawing stays legible and a file small
_OVERHEAD = SHARES.index(Share.OVERHEAD)


def series(case: Case, timezone: str) -> tuple[tuple[Point, ...], float]:
    """Give the bars and their length [s], days local; a row is shared out evenly over the bars that it reaches into.

    Overhead is each row's part of it, so that the bars sum to the statement.
    """
    shared, rows = case.shared, case.shared.rows
    mine = case.mine & (shared.it | shared.loose_overhead)
    if not mine.any():
        return (), HOUR_S
    start_s = rows.start_s[mine]
    span_s = float(rows.end_s[mine].max() - start_s.min())
    step_s = 300.0 if span_s <= _FINE_S else HOUR_S if span_s <= _HOURLY_S else DAY_S
    while span_s / step_s > _MOST:
        step_s *= 7.0
    shift_s = _shift_s(float(start_s.min()), timezone) if step_s >= DAY_S else 0.0
    piece, number, fraction = pieces(start_s + shift_s, rows.end_s[mine] + shift_s, step_s)
    first = int(number.min())
    count = int(number.max()) - first + 1

    def total(amount: Floats) -> Floats:
        return np.bincount(number - first, weights=amount[piece] * fraction, minlength=count).astype(np.float64)

    share = rows.share[mine]
    by_share = {
        one.value: total(np.where(share == rank, rows.energy_j[mine], 0.0)) / J_PER_KWH
        for rank, one in enumerate(SHARES)
    }
    by_share[Share.OVERHEAD.value] += total(np.where(share == _OVERHEAD, 0.0, shared.overhead_j[mine])) / J_PER_KWH
    grams = total(shared.counted_g[mine])
    useful_j = shared.useful_j[mine]
    known = total(np.isfinite(useful_j).astype(np.float64)) > 0.0
    useful = total(np.where(np.isfinite(useful_j), useful_j, 0.0)) / J_PER_KWH
    return (
        tuple(
            Point(
                start=dt.datetime.fromtimestamp((first + place) * step_s - shift_s, dt.UTC),
                kwh={name: float(kwh[place]) for name, kwh in by_share.items()},
                counted_g=float(grams[place]),
                useful_kwh=float(useful[place]) if known[place] else None,
            )
            for place in range(count)
        ),
        step_s,
    )


def _shift_s(when_s: float, timezone: str) -> float:
    """How far the place is ahead of UTC at a time [s]; one shift for the window, so days around a change are 24 h."""
    offset = dt.datetime.fromtimestamp(when_s, ZoneInfo(timezone)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()
