"""Given work that came in the last day, when the next days are looked at, then it comes again, half at its hour."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.arrivals import DAY_H, HOUR_S, MOST_WAIT_H, Arrivals
from ondol.model.view import ServiceClass

FLEX, ON_DEMAND = ServiceClass.FLEX, ServiceClass.ON_DEMAND
BEGIN_S = 480_000 * HOUR_S


def test_nothing_is_expected_of_nothing() -> None:
    assert not Arrivals().coming(BEGIN_S, FLEX, 48).any()
    assert Arrivals().rate(BEGIN_S, FLEX) == 0.0


def test_a_steady_day_goes_on() -> None:
    arrivals = Arrivals()
    for hour in range(2 * DAY_H):
        arrivals.come(BEGIN_S + hour * HOUR_S, FLEX, 7200.0, 6.5 * HOUR_S)
    now_s = BEGIN_S + 2 * DAY_H * HOUR_S
    coming = arrivals.coming(now_s, FLEX, 48)
    assert coming.sum(axis=1) == pytest.approx(np.full(48, 7200.0))
    assert coming[:, 6].sum() == pytest.approx(coming.sum())
    assert arrivals.rate(now_s, FLEX) == pytest.approx(2.0)
    assert arrivals.rate(now_s, ON_DEMAND) == 0.0


def test_what_came_at_noon_comes_at_noon() -> None:
    arrivals = Arrivals()
    arrivals.come(BEGIN_S, FLEX, 0.0, 0.0)
    arrivals.come(BEGIN_S + 12 * HOUR_S, FLEX, 48_000.0, 0.0)
    hourly = arrivals.coming(BEGIN_S + DAY_H * HOUR_S, FLEX, 2 * DAY_H).sum(axis=1)
    assert list(np.flatnonzero(hourly > hourly.min())) == [12, 36]
    assert hourly[:DAY_H].sum() == pytest.approx(48_000.0)


def test_what_is_older_than_a_day_is_forgotten() -> None:
    arrivals = Arrivals()
    arrivals.come(BEGIN_S, FLEX, 1e6, 0.0)
    for hour in range(1, 4 * DAY_H):
        arrivals.come(BEGIN_S + hour * HOUR_S, FLEX, 3600.0, 0.0)
    assert arrivals.rate(BEGIN_S + 4 * DAY_H * HOUR_S, FLEX) == pytest.approx(1.0)
    assert len(arrivals.pack()) <= 2 * DAY_H + 1


def test_first_minutes_are_no_flood() -> None:
    """Given one task in the first minute, when the day is looked at, then nobody expects one a minute."""
    arrivals = Arrivals()
    arrivals.come(BEGIN_S, FLEX, 3600.0, math.inf)
    assert arrivals.rate(BEGIN_S + 60.0, FLEX) == pytest.approx(0.25)
    assert arrivals.coming(BEGIN_S, FLEX, 4)[:, MOST_WAIT_H].sum() == pytest.approx(3600.0)


@given(st.lists(st.tuples(st.floats(0, 2e5), st.floats(0, 1e5), st.floats(0, 1e7)), max_size=40))
def test_what_is_kept_is_taken_back(came: list[tuple[float, float, float]]) -> None:
    arrivals = Arrivals()
    for at_s, work_s, wait_s in sorted(came):
        arrivals.come(BEGIN_S + at_s, FLEX, work_s, wait_s)
    again = Arrivals(json.loads(json.dumps(arrivals.pack())))
    assert again.pack() == arrivals.pack()
    assert (arrivals.coming(BEGIN_S + 2e5, FLEX, 30) >= 0.0).all()
