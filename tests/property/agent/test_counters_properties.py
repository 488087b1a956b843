"""Whatever a meter shows, its heat never falls; and what it truly counted is what is counted."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.counters import REGISTERS_J, CounterMemory, CounterRules, count_on
from ondol.model.points import PointKey, PointReading

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
KEY = PointKey("boiler", "heat_meter")
HEAT_MAX_W = 10_000.0


def reading(value: float, at_s: float) -> PointReading:
    return PointReading(key=KEY, value=value, measured_at=START + dt.timedelta(seconds=at_s))


@given(
    raws=st.lists(
        st.tuples(st.floats(-1e12, 1e15, allow_nan=False), st.floats(-7200.0, 7200.0)), min_size=2, max_size=60
    ),
    count_j=st.sampled_from([0.0, 1.0, 3.6e6]),
)
def test_heat_never_falls_and_never_rises_beyond_what_the_units_can(raws, count_j):
    rules = CounterRules(heat_max_w=HEAT_MAX_W, count_j=count_j)
    memory: CounterMemory | None = None
    total_j, at_s, latest_s = -math.inf, 0.0, 0.0
    for raw, after_s in raws:
        before_j, at_s = total_j, at_s + after_s
        total_j, memory = count_on(memory, reading(raw, at_s), rules)
        assert total_j >= before_j
        if math.isfinite(before_j):
            span_s = max(abs(at_s - latest_s), sum(abs(span) for _, span in raws))
            assert total_j - before_j <= rules.most_j(span_s) * len(raws)
        latest_s = at_s


@settings(max_examples=200)
@given(
    register=st.sampled_from([end for end in REGISTERS_J if 1e10 <= end <= 1e17]),
    begin=st.floats(0.0, 1.0),
    shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=80),
    stated=st.booleans(),
    restart=st.integers(0, 80),
)
def test_all_that_was_given_is_counted_over_roll_overs(register, begin, shares, stated, restart):
    count_j = 3600.0
    rules = CounterRules(heat_max_w=HEAT_MAX_W, count_j=count_j, modulus_j=register if stated else None)
    true_j = register - begin * 2e7  # near its end, so that it rolls over in most examples
    first, memory = count_on(None, reading(true_j % register, 0.0), rules)
    given_j, total_j = 0.0, first
    for k, share in enumerate(shares):
        given_j += share * HEAT_MAX_W * 60.0
        total_j, memory = count_on(memory, reading((true_j + given_j) % register, 60.0 * (k + 1)), rules)
        if k == restart:
            memory = CounterMemory(**{name: getattr(memory, name) for name in CounterMemory.__dataclass_fields__})
    assert total_j - first == pytest.approx(given_j, abs=2 * count_j + 4e-7 * register)


@given(
    old=st.floats(1e10, 1e13),
    new=st.floats(0.0, 1e9),
    shares=st.lists(st.floats(0.2, 1.0), min_size=4, max_size=40),
)
def test_of_an_exchange_all_that_the_new_meter_saw_is_counted_once(old, new, shares):
    rules = CounterRules(heat_max_w=HEAT_MAX_W, count_j=1000.0)
    first, memory = count_on(None, reading(old, 0.0), rules)
    total_j, shown = first, new
    total_j, memory = count_on(memory, reading(shown, 60.0), rules)
    for k, share in enumerate(shares):
        shown += share * HEAT_MAX_W * 60.0
        total_j, memory = count_on(memory, reading(shown, 120.0 + 60.0 * k), rules)
    rolled = memory.modulus_j is not None  # a register that could have ended just there: then the old one went on
    if not rolled:
        assert total_j - first == pytest.approx(shown - new, abs=2e3 + 4e-7 * old)
