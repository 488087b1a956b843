"""Loops against the boiler of `ondol.thermal`, pools and networks by what flows, and all of them together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.virtual.loops import PLANT_ROOM_TEMP_C
from ondol.thermal.boiler import BoilerInputs, BoilerParameters, step_boiler
from ondol.thermal.swimming_pool import step_swimming_pool
from ondol.thermal.water import WATER_CP_J_PER_KG_K
from ondol.twin.layout import SinkKind, lay_out
from ondol.twin.plant.loops import heat_to_water_w, link_w_per_k
from ondol.twin.plant.networks import Networks
from ondol.twin.plant.plant import Plant
from ondol.twin.plant.pools import Pools
from ondol.twin.scenario.sinks import PoolSpec
from unit.twin.small_fleets import fleet, network, pool, series_of


@pytest.mark.parametrize("power_w", [400.0, 1500.0, 4000.0])
@pytest.mark.parametrize("load_c", [25.0, 45.0, 60.0])
def test_a_loop_at_rest_gives_what_the_boiler_gives(power_w: float, load_c: float) -> None:
    # given a boiler of 5 W/K with equal flows on both sides of its exchanger, after a day at one power
    params = BoilerParameters(capture_fraction=0.95, case_ua_w_per_k=5.0, exchanger_ua_w_per_k=800.0)
    inputs = BoilerInputs(
        power_w=power_w, room_temp_c=PLANT_ROOM_TEMP_C, loop_flow_kg_s=0.2, load_flow_kg_s=0.2, load_temp_c=load_c
    )
    _, flux = step_boiler(params, step_boiler(params, np.array([load_c]), inputs, 86_400.0)[0], inputs, 60.0)
    # when the twin takes it as steady
    link = link_w_per_k(np.array([800.0]), np.array([0.2]))
    heat_w = heat_to_water_w(np.array([0.95 * power_w]), np.array([5.0]), np.array([load_c]), link)
    # then it gives the same heat
    assert heat_w[0] == pytest.approx(max(flux.mean_delivered_w[0], 0.0), rel=1e-9)


def test_a_loop_that_cannot_reach_its_load_gives_nothing() -> None:
    link = link_w_per_k(np.array([800.0]), np.array([0.2]))
    assert heat_to_water_w(np.array([50.0]), np.array([5.0]), np.array([60.0]), link).tolist() == [0.0]
    assert heat_to_water_w(np.array([0.0]), np.array([0.0]), np.array([10.0]), link).tolist() == [0.0]


SPECS = st.builds(
    pool,
    initial_temp_c=st.floats(26.0, 30.0),
    hall_temp_c=st.floats(24.0, 32.0),
    hall_humidity=st.floats(0.4, 0.9),
    backup_max_w=st.floats(0.0, 1e5),
    covered_at_night=st.booleans(),
)


@given(SPECS, st.floats(0.0, 60_000.0), st.sampled_from([3.0, 12.0]), st.floats(5.0, 20.0))
def test_a_pool_stores_what_comes_less_what_it_loses(
    spec: PoolSpec, heat_w: float, hour: float, mains_c: float
) -> None:
    # given a pool in any state
    pools = Pools((spec,), np.zeros(1, dtype=np.int64), step_s=900.0)
    before = pools.state.copy()
    possible_w = np.minimum(heat_w, np.maximum(pools.link * (pools.loop_max_c - before), 0.0))
    inputs = pools.inputs(possible_w, hour, np.array([mains_c]))
    _, flux = step_swimming_pool(pools.params, before, inputs, 900.0)
    lost_j = flux.evaporation_j + flux.convection_j + flux.radiation_j + flux.refill_j + flux.shell_j
    # when it lives through a step
    outcome = pools.step(np.array([heat_w]), hour, np.array([mains_c]))
    # then given = taken + let out, and taken + backup − losses = stored
    assert 0.0 <= outcome.dumped_w[0] <= heat_w
    net_j = (heat_w - outcome.dumped_w[0] + outcome.backup_w[0]) * 900.0 - lost_j[0]
    stored_j = float((pools.capacity_j_per_k * (pools.state - before))[0])
    turned_over_j = heat_w * 900.0 + abs(lost_j[0]) + float(pools.capacity_j_per_k[0]) * 30.0
    assert stored_j == pytest.approx(net_j, abs=1e-9 * turned_over_j)
    # and limits hold as far as backup and venting reach
    if outcome.backup_w[0] < spec.backup_max_w:
        assert pools.state[0] >= 27.5 - 1e-9
    if outcome.dumped_w[0] < heat_w:
        assert pools.state[0] <= 28.5 + 1e-9


def test_a_pool_loses_more_by_day_and_when_it_is_warm() -> None:
    pools = Pools((pool(),), np.zeros(1, dtype=np.int64), step_s=900.0)
    mains = np.array([10.0])
    day, night = pools.loss_w(np.array([28.0]), 12.0, mains)[0], pools.loss_w(np.array([28.0]), 2.0, mains)[0]
    assert day > 2.0 * night > 0.0
    assert pools.loss_w(np.array([28.5]), 12.0, mains)[0] > day


@given(st.floats(0.0, 50_000.0), st.floats(0.0, 50_000.0), st.floats(0.0, 20_000.0))
def test_a_network_takes_what_it_needs_and_no_more(heat_w: float, demand_w: float, backup_max_w: float) -> None:
    networks = Networks((network(backup_max_w=backup_max_w),), np.array([[demand_w]]))
    outcome = networks.step(0, np.array([heat_w]))
    taken_w = heat_w - outcome.dumped_w[0]
    assert taken_w == pytest.approx(min(heat_w, demand_w), abs=1e-9)  # a difference of large numbers
    assert outcome.backup_w[0] == pytest.approx(min(demand_w - taken_w, backup_max_w), abs=1e-9)
    assert (outcome.short_k[0] > 0) == (demand_w - taken_w - outcome.backup_w[0] > 1e-9)


def test_a_network_takes_no_more_than_its_exchanger_passes() -> None:
    networks = Networks((network(exchanger_ua_w_per_k=10.0, loop_max_c=60.0, return_c=40.0),), np.array([[5e4]]))
    flow_w_per_k = 5.0 * WATER_CP_J_PER_KG_K
    most_w = 20.0 * 10.0 * flow_w_per_k / (10.0 + flow_w_per_k)
    assert networks.step(0, np.array([9000.0])).dumped_w[0] == pytest.approx(9000.0 - most_w)


def test_heat_of_all_units_goes_to_sinks_or_to_the_plant_room() -> None:
    # given one sink of each kind under half of its units' power
    scenario = fleet()
    layout, series = lay_out(scenario), series_of(scenario)
    plant = Plant(layout, series)
    power_w = 0.5 * layout.unit_max_w
    for step in range(40):
        plant.step(step, power_w, np.ones(len(power_w)))
        # then what is captured is given or lost on the way; nobody takes more than is given
        captured_w = np.bincount(layout.unit_sink[layout.heats], (power_w * layout.unit_capture)[layout.heats])
        assert plant.heat_w + plant.lost_w == pytest.approx(captured_w, rel=1e-12)
        assert (plant.dumped_w <= plant.heat_w + 1e-9).all()
        assert (plant.lost_w[layout.sink_kind == SinkKind.ROOM] == 0.0).all()
    # and what is warmer than the plant room loses heat on the way
    warm = np.isin(layout.sink_kind, (SinkKind.POOL, SinkKind.NETWORK))
    assert (plant.lost_w[warm] > 0.0).all()


def test_a_plant_goes_on_from_what_was_kept() -> None:
    scenario = fleet()
    layout, series = lay_out(scenario), series_of(scenario)
    straight, broken = Plant(layout, series), Plant(layout, series)
    on = np.ones(len(layout.unit_ids))
    for step in range(20):
        straight.step(step, 0.4 * layout.unit_max_w, on)
    for step in range(10):
        broken.step(step, 0.4 * layout.unit_max_w, on)
    resumed = Plant(layout, series)
    resumed.restore(broken.state())
    for step in range(10, 20):
        resumed.step(step, 0.4 * layout.unit_max_w, on)
    for name, value in straight.state().items():
        assert np.array_equal(resumed.state()[name], value, equal_nan=True), name


def test_a_network_asks_by_the_cold_of_the_last_half_day() -> None:
    # given a mean of one, base 300 W and 40 W/K below 16 °C
    scenario = fleet(days=7.0)
    series = series_of(scenario)
    demand_w = series.network_w(network(), 0)
    # then over a week it is what the mean outdoor temperature asks for
    cold_k = np.maximum(16.0 - series.outdoor_c[0], 0.0).mean()
    assert demand_w.mean() == pytest.approx(300.0 + 40.0 * cold_k, rel=0.05)
    half = series.network_w(network(share=0.5), 0)
    assert half == pytest.approx(0.5 * demand_w)
