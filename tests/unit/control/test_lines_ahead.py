"""Given lines and what will join them, when days are looked ahead, then starts follow slots, heat and precedence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.arrivals import HOUR_S, Arrivals
from ondol.control.lines_ahead import HOURS, LinesAhead, Waiting, look_ahead
from ondol.model.view import ServiceClass

NOW_S = 480_000 * HOUR_S
FLEX, ON_DEMAND = ServiceClass.FLEX, ServiceClass.ON_DEMAND


def lines(
    flex: list[tuple[float, float]] | None = None,
    *,
    slots: float = 10.0,
    heat: float = 0.0,
    on_demand_h: float = 0.0,
    held_h: list[float] | None = None,
    arrivals: Arrivals | None = None,
) -> LinesAhead:
    """Lines of a fleet; flex by (slot-hours, hours until it must start)."""
    flex = flex or []
    held_s = np.array(held_h or []) * HOUR_S
    waiting = Waiting(
        slots=slots,
        held_s=held_s,
        held_heated_s=held_s,
        heat_slots=np.full(HOURS, heat),
        on_demand_s=on_demand_h * HOUR_S,
        flex_s=np.array([work for work, _ in flex]) * HOUR_S,
        due_h=np.array([due for _, due in flex]),
    )
    return look_ahead(waiting, Arrivals() if arrivals is None else arrivals, NOW_S)


def steady(service: ServiceClass, slots: float, wait_h: float) -> Arrivals:
    arrivals = Arrivals()
    for hour in range(-24, 0):
        arrivals.come(NOW_S + hour * HOUR_S, service, slots * HOUR_S, wait_h * HOUR_S)
    return arrivals


def test_flex_waits_for_its_time_where_no_heat_is_wanted() -> None:
    found = lines()
    assert found.flex_start_s(10.5 * HOUR_S) == pytest.approx(10.5 * HOUR_S)
    assert found.harvest_start_s(0.0) == math.inf


def test_flex_starts_at_once_where_heat_is_wanted() -> None:
    assert lines(heat=3.0).flex_start_s(10.5 * HOUR_S) == 0.0
    assert lines(heat=3.0).harvest_start_s(0.0) < 2.0


def test_those_that_must_start_before_go_first() -> None:
    """Given 60 slot-hours that are due in two hours on ten slots, when more is due then, then six hours pass first."""
    found = lines([(60.0, 2.0)])
    assert found.flex_start_s(2.5 * HOUR_S) == pytest.approx(8.0 * HOUR_S)
    assert found.flex_start_s(1.5 * HOUR_S) == pytest.approx(1.5 * HOUR_S)


def test_on_demand_and_what_runs_take_their_slots_first() -> None:
    found = lines([(10.0, 0.0)], on_demand_h=20.0, held_h=[2.0] * 10)
    assert found.flex_start_s(0.0) == pytest.approx(5.0 * HOUR_S)


def test_harvest_has_the_heat_that_flex_leaves() -> None:
    assert lines([(6.0, 40.0)], heat=3.0).harvest_start_s(3.0 * HOUR_S) == pytest.approx(3.0 * HOUR_S, abs=2.0)


def test_who_comes_later_and_goes_first_is_in_the_way() -> None:
    """Given flex that comes as fast as heat is used, when harvest joins, then it never has its turn."""
    assert lines([(6.0, 40.0)], heat=3.0, arrivals=steady(FLEX, 3.0, 30.0)).harvest_start_s(0.0) == math.inf
    late = lines([(100.0, 2.0)], arrivals=steady(ON_DEMAND, 5.0, 0.0)).flex_start_s(2.5 * HOUR_S)
    assert late == pytest.approx(22.0 * HOUR_S, rel=0.02)


def test_what_a_fleet_cannot_do_is_never_served() -> None:
    assert lines([(10.0, 0.0)], arrivals=steady(ON_DEMAND, 11.0, 0.0)).flex_start_s(5.0 * HOUR_S) == math.inf


@given(
    st.lists(st.tuples(st.floats(0.0, 300.0), st.floats(0.0, 200.0)), max_size=12),
    st.floats(0.0, 12.0),
    st.floats(0.0, 12.0),
)
def test_whoever_may_wait_longer_starts_no_earlier(flex: list[tuple[float, float]], heat: float, came: float) -> None:
    found = lines(flex, heat=heat, arrivals=steady(FLEX, came, 12.0))
    starts = [found.flex_start_s(hour * HOUR_S) for hour in range(HOURS + 1)]
    assert starts == sorted(starts)
    assert (np.diff(found.harvest_s) >= 0.0).all()
    assert found.harvest_s[-1] <= heat * HOURS * HOUR_S * (1.0 + 1e-9)
