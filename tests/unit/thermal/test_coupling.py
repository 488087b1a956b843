"""Models handed on to one another as the plant does it: energy is kept and nothing rings."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.thermal.boiler import BoilerInputs, BoilerParameters, step_boiler
from ondol.thermal.heater import HeaterParameters, step_heater
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters
from ondol.thermal.tank import TankInputs, step_tank
from ondol.thermal.tank_parameters import TankParameters


def warm_up(dt_s: float) -> list[float]:
    """Air temperature of a flat at 10 °C within and without, a 500 W heater switched on for three hours."""
    room, shell = RoomParameters.apartment(), HeaterParameters()
    state, shell_temp = RoomState.uniform(10.0), np.array([10.0])
    seen = []
    for _ in range(round(10_800 / dt_s)):
        shell_temp, heater = step_heater(shell, shell_temp, 500.0, state.air_temp_c, dt_s)
        state, _ = step_room(room, state, RoomInputs(10.0, convective_w=heater.mean_heat_w), dt_s)
        seen.append(float(state.air_temp_c[0]))
    return seen


@pytest.mark.parametrize("dt_s", [1.0, 60.0, 900.0])
def test_heater_and_room_settle_without_ringing(dt_s: float) -> None:
    # when shell and room step in turn for three hours
    seen = warm_up(dt_s)
    # then the air warms steadily, and to the same place whatever the step
    assert np.all(np.diff(seen) > 0.0)
    assert seen[-1] == pytest.approx(warm_up(10.0)[-1], abs=0.01)


@pytest.mark.parametrize("dt_s", [10.0, 60.0, 900.0])
def test_boiler_charges_a_tank_and_every_joule_is_accounted_for(dt_s: float) -> None:
    # given a 4 kW boiler on a 1000 L preheat tank from which flats draw
    boiler, tank = BoilerParameters(), TankParameters(1000.0, 2.0, 5.0)
    loop, temps = np.array([20.0]), np.full((1, tank.nodes), 20.0)
    start_j = 20.0 * (boiler.loop_capacity_j_per_k[0] + tank.nodes * tank.node_capacity_j_per_k[0])
    electric = out = 0.0
    # when six hours pass with one draw in the third
    for k in range(round(21_600 / dt_s)):
        seconds = k * dt_s
        load_temp = temps[:, tank.charge_out]
        loop, b = step_boiler(boiler, loop, BoilerInputs(4000.0, 20.0, 0.1, 0.08, load_temp), dt_s)
        draw = 0.05 if 7200 <= seconds < 10_800 else 0.0
        inputs = TankInputs(20.0, 12.0, draw, charge_flow_kg_s=0.08, charge_heat_w=b.mean_delivered_w)
        temps, t = step_tank(tank, temps, inputs, dt_s)
        electric += b.electric_j[0]
        out += b.case_loss_j[0] + b.uncaptured_j[0] + t.drawn_j[0] + t.loss_j[0]
    # then electricity in, less all that left, is what loop and tank hold more
    end_j = loop[0] * boiler.loop_capacity_j_per_k[0] + temps.sum() * tank.node_capacity_j_per_k[0]
    assert end_j - start_j == pytest.approx(electric - out, rel=1e-9)
    # and the loop stays a few kelvin above the water that it heats, whatever the step
    assert temps[0, tank.charge_out] < loop[0] < 60.0
    # 24 kWh less draw and losses; 1.7 tank volumes passed the boiler, each 11.5 K warmer: 20 °C + two passes at the top
    assert temps[0, 0] == pytest.approx(41.3, abs=0.2)
