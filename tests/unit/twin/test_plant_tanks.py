"""Tanks of the twin against `ondol.thermal.tank`, closed forms, and the sum of what flows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.thermal.tank import TankInputs, mix, step_tank
from ondol.thermal.tank_parameters import TankParameters
from ondol.thermal.water import WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3
from ondol.twin.plant import tanks as tanks_room
from ondol.twin.plant.tanks import Tanks
from ondol.twin.scenario.sinks import TankSpec
from unit.twin.small_fleets import tank

J_PER_L_K = WATER_DENSITY_KG_PER_M3 / 1000.0 * WATER_CP_J_PER_KG_K
HEAT_MD_R4_L = 1254.9e3 / J_PER_L_K  # heat.md R4 has 1254.9 kJ/K for its 300 L


def twin_tank(step_s: float, *specs: TankSpec) -> Tanks:
    count = len(specs)
    return Tanks(
        specs,
        np.zeros(count, dtype=np.int64),
        draw_row=np.zeros(count, dtype=np.int64),
        draw_l_per_day=np.array([spec.draw_l_per_day for spec in specs]),
        step_s=step_s,
    )


def run(tanks: Tanks, steps: int, heat_w: float, draw_kg_s: float = 0.0, mains_c: float = 12.0) -> dict[str, float]:
    """Sums over so many steps [J]."""
    sums = {"taken": 0.0, "dumped": 0.0, "backup": 0.0, "wanted": 0.0}
    for _ in range(steps):
        one = tanks.step(np.array([heat_w]), np.array([draw_kg_s]), np.array([mains_c]))
        assert one.heat_w[0] == heat_w
        sums["taken"] += (heat_w - one.dumped_w[0]) * tanks.step_s
        sums["dumped"] += one.dumped_w[0] * tanks.step_s
        sums["backup"] += one.backup_w[0] * tanks.step_s
        sums["wanted"] += one.wanted_w[0] * tanks.step_s
    return sums


def test_standing_loss_is_the_closed_form() -> None:
    # given heat.md R4: 2 W/K, 55 °C in 20 °C
    tanks = twin_tank(900.0, tank(volume_l=HEAT_MD_R4_L, ua_w_per_k=2.0, ambient_c=20.0, initial_temp_c=55.0))
    # when 48 h pass
    run(tanks, 48 * 4, 0.0)
    # then the mean is 46.574 °C
    assert tanks.mean_c()[0] == pytest.approx(46.574, abs=0.001)


def test_heating_is_the_closed_form() -> None:
    # given heat.md R4: no loss, 20 °C
    spec = tank(volume_l=HEAT_MD_R4_L, ua_w_per_k=0.0, initial_temp_c=20.0, exchanger_ua_w_per_k=1e6)
    tanks = twin_tank(900.0, spec)
    # when 3 kW come for 2 h
    sums = run(tanks, 8, 3000.0)
    # then all is taken, and the mean is 37.213 °C
    assert sums["dumped"] == pytest.approx(0.0, abs=1e-6)
    assert tanks.mean_c()[0] == pytest.approx(37.213, abs=0.001)


@pytest.mark.parametrize(("heat_w", "draw_l_h"), [(0.0, 60.0), (2500.0, 0.0), (2500.0, 60.0), (1500.0, 400.0)])
def test_layers_go_as_those_of_the_thermal_room(heat_w: float, draw_l_h: float) -> None:
    # given 1,000 L, charged and drawn from through a mixing valve, for six hours
    spec = tank(initial_temp_c=40.0, exchanger_ua_w_per_k=1e6, flow_kg_s=0.1)
    tanks = twin_tank(900.0, spec)
    params = TankParameters(
        volume_l=1000.0,
        height_m=1.8,
        ua_w_per_k=spec.ua_w_per_k,
        nodes=10,
        conductivity_w_per_m_k=0.0,
        charge_inlet_node=3,
    )
    state = np.full((1, 10), 40.0)
    draw_kg_s, drawn_j, mains_c = draw_l_h / 3600.0, 0.0, 12.0
    backup_j = run(tanks, 24, heat_w, draw_kg_s, mains_c)["backup"]
    # when the reference takes exact steps of a minute
    for _ in range(6 * 60):
        mixed = min(1.0, (spec.target_c - mains_c) / (float(state[0, 0]) - mains_c))
        inputs = TankInputs(
            ambient_c=spec.ambient_c,
            mains_c=mains_c,
            draw_kg_s=draw_kg_s * mixed,
            charge_flow_kg_s=spec.flow_kg_s if heat_w else 0.0,
            charge_heat_w=heat_w,
        )
        state, flux = step_tank(params, state, inputs, 60.0)
        drawn_j += float(flux.drawn_j[0])
    # then the mean agrees as far as explicit steps of a minute let it (heat.md §1.5 has 0.12 K), and layers nearly so
    assert tanks.mean_c()[0] == pytest.approx(float(state.mean()), abs=0.12)
    assert tanks.state[0] == pytest.approx(state[0], abs=0.35)
    wanted_j = draw_kg_s * WATER_CP_J_PER_KG_K * (spec.target_c - mains_c) * 6 * 3600.0
    assert backup_j == pytest.approx(max(wanted_j - drawn_j, 0.0), rel=0.01, abs=1e4)


SPECS = st.builds(
    tank,
    volume_l=st.floats(100.0, 5000.0),
    layers=st.integers(2, 20),
    ua_w_per_k=st.just(0.0),
    target_c=st.floats(45.0, 65.0),
    flow_kg_s=st.floats(0.01, 1.0),
    exchanger_ua_w_per_k=st.floats(50.0, 1e4),
    loop_max_c=st.floats(50.0, 80.0),
    initial_temp_c=st.floats(15.0, 70.0),
)
STEPS = st.lists(st.tuples(st.floats(0.0, 8000.0), st.floats(0.0, 0.3)), min_size=1, max_size=8)


@settings(max_examples=60)
@given(SPECS, STEPS, st.floats(5.0, 15.0))
def test_what_comes_in_less_what_is_drawn_is_stored(
    spec: TankSpec, steps: list[tuple[float, float]], mains_c: float
) -> None:
    # given a tank that loses nothing
    tanks = twin_tank(900.0, spec)
    before_c = float(tanks.mean_c()[0])
    put_j = moved_j = 0.0
    for heat_w, draw_kg_s in steps:
        one = tanks.step(np.array([heat_w]), np.array([draw_kg_s]), np.array([mains_c]))
        taken_w = one.heat_w[0] - one.dumped_w[0]
        # then what the taps get is what the tank gave and what the backup added
        delivered_w = one.wanted_w[0] - one.backup_w[0]
        assert -1e-9 <= taken_w <= heat_w + 1e-9
        assert delivered_w >= -1e-9
        put_j += (taken_w - delivered_w) * 900.0
        moved_j += (taken_w + delivered_w) * 900.0
        # and no layer lies warm below a cold one
        assert (np.diff(tanks.state[0, : spec.layers]) <= 1e-9).all()
    capacity = float(tanks.capacity_j_per_k[0])
    stored_j = capacity * (float(tanks.mean_c()[0]) - before_c)
    assert stored_j == pytest.approx(put_j, abs=1e-9 * (moved_j + capacity * 70.0))


def test_a_loss_is_that_of_the_mean() -> None:
    # given one substep
    spec = tank(initial_temp_c=60.0, ua_w_per_k=30.0, ambient_c=10.0)
    tanks = twin_tank(60.0, spec)
    tanks.step(np.zeros(1), np.zeros(1), np.full(1, 10.0))
    assert float(tanks.capacity_j_per_k[0]) * (60.0 - tanks.mean_c()[0]) == pytest.approx(30.0 * 50.0 * 60.0, rel=1e-9)


def test_charging_ends_where_the_loop_or_the_tank_is_too_hot() -> None:
    for limits in ({"loop_max_c": 60.0}, {"temp_max_c": 60.0, "loop_max_c": 90.0}):
        tanks = twin_tank(900.0, tank(initial_temp_c=55.0, ua_w_per_k=0.0, target_c=60.0, **limits))
        sums = run(tanks, 96, 5000.0)
        assert np.nanmax(tanks.state) < 61.0
        assert sums["dumped"] > 0.5 * 96 * 900.0 * 5000.0


def test_a_weak_backup_leaves_taps_cold_and_says_by_how_much() -> None:
    # given cold water, and a backup that can lift it by 10 K where 43 K are missing
    draw_kg_s = 0.05
    lifts_w = draw_kg_s * WATER_CP_J_PER_KG_K * 10.0
    tanks = twin_tank(900.0, tank(initial_temp_c=12.0, ambient_c=12.0, target_c=55.0, backup_max_w=lifts_w))
    outcome = tanks.step(np.zeros(1), np.full(1, draw_kg_s), np.full(1, 12.0))
    assert outcome.short_k[0] == pytest.approx(33.0, abs=1e-6)


@settings(max_examples=200)
@given(st.lists(st.floats(0.0, 95.0), min_size=2, max_size=20))
def test_mixing_is_that_of_the_thermal_room(layers: list[float]) -> None:
    mine: Any = np.array(layers)
    tanks_room._mix(mine)
    assert mine == pytest.approx(mix(np.array([layers]))[0], abs=1e-9)
    assert mine.sum() == pytest.approx(sum(layers), rel=1e-12)


def test_tanks_of_unlike_layers_do_not_touch_each_other() -> None:
    few, many = tank(layers=4, initial_temp_c=50.0), tank(layers=12, initial_temp_c=30.0)
    both, one, other = twin_tank(900.0, few, many), twin_tank(900.0, few), twin_tank(900.0, many)
    for _ in range(10):
        both.step(np.array([2000.0, 500.0]), np.array([0.02, 0.05]), np.array([10.0, 11.0]))
        one.step(np.array([2000.0]), np.array([0.02]), np.array([10.0]))
        other.step(np.array([500.0]), np.array([0.05]), np.array([11.0]))
    assert both.state[0, :4].tolist() == one.state[0].tolist()
    assert both.state[1].tolist() == other.state[0].tolist()
    assert both.mean_c().tolist() == [one.mean_c()[0], other.mean_c()[0]]
