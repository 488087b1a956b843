"""Whatever flows in less what flows out is what is stored, and no step, short or long, makes a temperature run away."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.thermal.arrays import Floats
from ondol.thermal.boiler import BoilerInputs, BoilerParameters, step_boiler
from ondol.thermal.exchanger import effectiveness
from ondol.thermal.heater import HeaterParameters, step_heater
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters
from ondol.thermal.swimming_pool import SwimmingPoolInputs, SwimmingPoolParameters, step_swimming_pool
from ondol.thermal.tank import TankInputs, mix, step_tank
from ondol.thermal.tank_parameters import TankParameters

STEPS = st.floats(1.0, 900.0)
TEMPS = st.floats(-10.0, 80.0)
FLOWS = st.sampled_from([0.0, 0.01, 0.1, 1.0])
COUNT = 3
EPSILON = 1e-9


def assert_closed(residual: Floats, *terms: Floats, content_j: Floats) -> None:
    """Residual within 1e-9 of the largest flow, plus the rounding of a stored heat as large as ``content_j``."""
    largest = np.max(np.abs(np.stack(terms)), axis=0)
    rounding = 64 * np.finfo(np.float64).eps * np.abs(content_j)
    assert np.all(np.abs(residual) <= EPSILON * largest + rounding), (residual, largest)


def spread(low: float, high: float) -> st.SearchStrategy[Floats]:
    """Three values, evenly likely on a logarithmic scale."""
    return st.lists(st.floats(np.log(low), np.log(high)), min_size=COUNT, max_size=COUNT).map(
        lambda logs: np.clip(np.exp(np.array(logs)), low, high)
    )


def some(values: st.SearchStrategy[float]) -> st.SearchStrategy[Floats]:
    return st.lists(values, min_size=COUNT, max_size=COUNT).map(np.array)


@st.composite
def rooms(draw: st.DrawFn) -> RoomParameters:
    return RoomParameters(
        exterior_area_m2=draw(spread(1.0, 500.0)),
        interior_area_m2=draw(spread(1.0, 500.0)),
        r_ext_k_per_w=draw(spread(1e-4, 1.0)),
        c_ext_j_per_k=draw(spread(1e3, 1e9)),
        r_ext_rem_k_per_w=draw(spread(1e-3, 1.0)),
        r_int_k_per_w=draw(spread(1e-4, 1.0)),
        c_int_j_per_k=draw(spread(1e3, 1e9)),
        air_capacity_j_per_k=draw(some(st.sampled_from([0.0, 100.0, 5e4, 1e6]))),
        ventilation_w_per_k=draw(some(st.sampled_from([0.0, 30.0]))),
        window_w_per_k=draw(some(st.sampled_from([0.0, 30.0]))),
        solar_aperture_m2=5.0,
    )


@settings(max_examples=60, deadline=None)
@given(rooms(), some(TEMPS), some(TEMPS), some(TEMPS), some(st.floats(-5e3, 5e3)), STEPS)
def test_room_balance(
    params: RoomParameters, air: Floats, exterior: Floats, interior: Floats, power: Floats, dt_s: float
) -> None:
    inputs = RoomInputs(5.0, convective_w=power, radiant_w=300.0, irradiance_w_per_m2=100.0, interior_surface_w=50.0)
    state = RoomState(air, exterior, interior)
    after, flux = step_room(params, state, inputs, dt_s)
    masses = (params.air_capacity_j_per_k, params.c_ext_j_per_k, params.c_int_j_per_k)
    starts, ends = (air, exterior, interior), (after.air_temp_c, after.exterior_temp_c, after.interior_temp_c)
    content = sum(c * (np.abs(t) + 100.0) for c, t in zip(masses, starts, strict=True))
    losses = flux.wall_loss_j + flux.window_loss_j + flux.ventilation_loss_j
    terms = (flux.gain_j, flux.wall_loss_j, flux.window_loss_j, flux.ventilation_loss_j, flux.stored_j)
    assert_closed(flux.gain_j - losses - flux.stored_j, *terms, content_j=content * 1e-3)
    change = sum(c * (e - s) for c, s, e in zip(masses, starts, ends, strict=True))
    assert_closed(change - flux.stored_j, *terms, content_j=content)


@settings(max_examples=25, deadline=None)
@given(rooms(), some(TEMPS), STEPS)
def test_room_without_gain_stays_between_its_own_and_the_outdoor_temperature(
    params: RoomParameters, start: Floats, dt_s: float
) -> None:
    outdoor = 5.0
    state = RoomState(start, start, start)
    for _ in range(20):
        state, _ = step_room(params, state, RoomInputs(outdoor), dt_s)
        for temps in (state.air_temp_c, state.exterior_temp_c, state.interior_temp_c):
            assert np.all(temps <= np.maximum(start, outdoor) + 1e-6)
            assert np.all(temps >= np.minimum(start, outdoor) - 1e-6)


@settings(max_examples=25, deadline=None)
@given(rooms(), some(TEMPS), some(TEMPS), st.floats(2.0, 900.0))
def test_room_step_is_exact_so_that_two_halves_make_a_whole(
    params: RoomParameters, masses: Floats, air: Floats, dt_s: float
) -> None:
    inputs = RoomInputs(0.0, convective_w=800.0)
    start = RoomState(air, masses, masses + 1.0)
    whole, _ = step_room(params, start, inputs, dt_s)
    half, _ = step_room(params, start, inputs, dt_s / 2)
    halves, _ = step_room(params, half, inputs, dt_s / 2)
    np.testing.assert_allclose(whole.air_temp_c, halves.air_temp_c, atol=1e-7)
    np.testing.assert_allclose(whole.interior_temp_c, halves.interior_temp_c, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(spread(100.0, 1e7), spread(0.1, 1e4), some(TEMPS), some(st.floats(0.0, 5e3)), STEPS)
def test_heater_balance_and_bounds(capacity: Floats, ua: Floats, start: Floats, power: Floats, dt_s: float) -> None:
    after, flux = step_heater(HeaterParameters(capacity, ua), start, power, 20.0, dt_s)
    terms = (flux.electric_j, flux.heat_to_room_j, flux.stored_j)
    assert_closed(flux.electric_j - flux.heat_to_room_j - flux.stored_j, *terms, content_j=capacity * 100.0)
    assert_closed(capacity * (after - start) - flux.stored_j, *terms, content_j=capacity * 100.0)
    target = 20.0 + power / ua
    assert np.all(after <= np.maximum(start, target) + 1e-6 + 1e-9 * np.abs(target))
    assert np.all(after >= np.minimum(start, target) - 1e-6)


@settings(max_examples=60, deadline=None)
@given(spread(1e3, 1e7), spread(1.0, 1e5), some(TEMPS), some(TEMPS), some(FLOWS), some(FLOWS), STEPS)
def test_boiler_balance_and_bounds(
    capacity: Floats, ua: Floats, start: Floats, load: Floats, loop_flow: Floats, load_flow: Floats, dt_s: float
) -> None:
    params = BoilerParameters(0.95, 5.0, capacity, ua)
    after, flux = step_boiler(params, start, BoilerInputs(0.0, 20.0, loop_flow, load_flow, load), dt_s)
    lowest, highest = np.minimum(np.minimum(start, load), 20.0), np.maximum(np.maximum(start, load), 20.0)
    assert np.all((after >= lowest - 1e-6) & (after <= highest + 1e-6))
    after, flux = step_boiler(params, start, BoilerInputs(4000.0, 20.0, loop_flow, load_flow, load), dt_s)
    terms = (flux.electric_j, flux.delivered_j, flux.case_loss_j, flux.stored_j)
    losses = flux.delivered_j + flux.case_loss_j + flux.uncaptured_j
    assert_closed(flux.electric_j - losses - flux.stored_j, *terms, content_j=capacity * 100.0)
    assert_closed(capacity * (after - start) - flux.stored_j, *terms, content_j=capacity * 100.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(TEMPS, min_size=12, max_size=12),
    some(FLOWS),
    some(FLOWS),
    some(st.floats(0.0, 1e4)),
    spread(20.0, 3000.0),
    STEPS,
)
def test_tank_balance_and_order(
    temps: list[float], draw: Floats, charge: Floats, heat: Floats, volume: Floats, dt_s: float
) -> None:
    params = TankParameters(volume, 1.6, 3.0, nodes=4)
    start = np.array(temps).reshape(COUNT, 4)
    after, flux = step_tank(params, start, TankInputs(20.0, 12.0, draw, charge, heat, node_heat_w=100.0), dt_s)
    content = params.node_capacity_j_per_k * 400.0
    terms = (flux.heat_j, flux.drawn_j, flux.loss_j, flux.stored_j)
    assert_closed(flux.heat_j - flux.drawn_j - flux.loss_j - flux.stored_j, *terms, content_j=content)
    assert np.all(np.diff(after, axis=1) <= 1e-9)
    unheated, _ = step_tank(params, start, TankInputs(20.0, 12.0, draw, charge), dt_s)
    assert np.all(unheated <= np.maximum(start.max(axis=1, keepdims=True), 20.0) + 1e-6)
    assert np.all(unheated >= np.minimum(start.min(axis=1, keepdims=True), 12.0) - 1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEMPS, min_size=12, max_size=12))
def test_mixing_keeps_heat_and_is_done_once(temps: list[float]) -> None:
    start = np.array(temps).reshape(1, 12)
    mixed = mix(start)
    np.testing.assert_allclose(mixed.sum(), start.sum(), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(mix(mixed), mixed, rtol=0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    spread(1.0, 1000.0),
    spread(0.5, 1e4),
    some(st.floats(5.0, 40.0)),
    some(st.floats(0.0, 1.0)),
    some(st.floats(0.0, 1e5)),
    STEPS,
)
def test_pool_balance(area: Floats, volume: Floats, start: Floats, humidity: Floats, heat: Floats, dt_s: float) -> None:
    params = SwimmingPoolParameters(area, volume, shell_ua_w_per_k=50.0)
    inputs = SwimmingPoolInputs(
        relative_humidity=humidity, heat_w=heat, refill_kg_s=0.05, irradiance_w_per_m2=100.0, covered=0.3
    )
    after, flux = step_swimming_pool(params, start, inputs, dt_s)
    losses = flux.evaporation_j + flux.convection_j + flux.radiation_j + flux.refill_j + flux.shell_j
    terms = (flux.heat_j, flux.solar_j, flux.evaporation_j, flux.radiation_j, flux.stored_j)
    content = params.capacity_j_per_k * 40.0
    assert_closed(flux.heat_j + flux.solar_j - losses - flux.stored_j, *terms, content_j=content)
    assert_closed(params.capacity_j_per_k * (after - start) - flux.stored_j, *terms, content_j=content)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.0, 50.0), st.floats(0.0, 1.0))
def test_effectiveness_is_a_share_and_falls_with_the_capacity_ratio(ntu: float, ratio: float) -> None:
    share = float(effectiveness(ntu, ratio))
    assert 0.0 <= share <= 1.0
    assert share <= float(effectiveness(ntu, 0.0)) + 1e-12
    assert share >= float(effectiveness(ntu, 1.0)) - 1e-9
