"""A surface that nobody sees any more stays below its limit, whatever is asked: the loop is kept below it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.agent.safety import SURFACE_MARGIN_K, SafetyMemory, guard_unit
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from unit.agent.desk import HEATER, HOME, ROOM, Desk, codes, fleet, request
from unit.agent.senses import senses


def seen_desk(*, bound: bool = True) -> Desk:
    of = fleet(unit={"surface_temp_max_c": 60.0, "shell_ua_w_per_k": 16.0})
    if bound:
        bus = Connection(id="bus", site_id=HOME, driver="push")
        of = replace(
            of,
            connections=(bus,),
            bindings=(Binding(entity_id=HEATER, point="surface_temperature", connection_id="bus"),),
        )
    desk = Desk(of)
    desk.room_c = 15.0
    return desk


def test_a_heater_whose_surface_is_no_longer_seen_is_held_where_its_shell_settles_below_the_limit() -> None:
    """Given a cold room that wants 880 W, and a shell of 16 W/K, then 15 °C + 592 W / 16 W/K are 52 °C, 8 below 60."""
    desk = seen_desk()
    desk.heater = {"loop_temp_c": 45.0, "surface_temp_c": 40.0}
    assert desk.step().unit(HEATER).target_w == pytest.approx(880.0)
    desk.heater = {"loop_temp_c": 45.0}
    held = desk.step().unit(HEATER)
    assert held.target_w == pytest.approx((60.0 - SURFACE_MARGIN_K - 3.0 - 15.0) * 16.0)
    assert "surface sensor lost" in held.reason
    assert held.limited_by == "safety"
    desk.heater = {"loop_temp_c": 45.0, "surface_temp_c": 40.0}
    assert desk.step().unit(HEATER).target_w == pytest.approx(880.0), "as before once it speaks again"


def test_a_shell_that_is_hot_already_gets_nothing_but_raises_no_trip() -> None:
    desk = seen_desk()
    desk.heater = {"loop_temp_c": 57.0}
    orders = desk.step()
    assert orders.unit(HEATER).target_w == 0.0
    assert (HEATER, "surface-hot") not in codes(orders)
    assert (HEATER, "loop-hot") not in codes(orders)


def test_a_unit_that_never_had_a_surface_sensor_is_not_held() -> None:
    desk = seen_desk(bound=False)
    desk.heater = {"loop_temp_c": 45.0}
    assert desk.step(requests={ROOM: request(ROOM)}).unit(HEATER).target_w == pytest.approx(880.0)


@given(
    loop_c=st.one_of(st.just(math.nan), st.floats(0.0, 95.0)),
    base_c=st.one_of(st.just(math.nan), st.floats(-5.0, 60.0)),
    limit_c=st.floats(40.0, 90.0),
)
def test_no_steady_state_lifts_the_loop_above_the_surfaces_limit(loop_c: float, base_c: float, limit_c: float) -> None:
    told = senses(
        water=False, loop_c=loop_c, loop_base_c=base_c, loop_max_c=95.0, surface_max_c=limit_c, surface_lost=True
    )
    verdict, _ = guard_unit(told, SafetyMemory(), 60.0)
    power_w = min(verdict.high_w, told.power_max_w)
    settles_c = (told.hard_c if math.isnan(base_c) else base_c) + power_w / told.loop_w_per_k
    assert power_w == 0.0 or settles_c <= limit_c
    if loop_c >= limit_c - SURFACE_MARGIN_K:
        assert power_w == 0.0
