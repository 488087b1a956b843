"""The stratified tank against a published trajectory and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.thermal.tank import TankInputs, mix, step_tank
from ondol.thermal.tank_parameters import TankParameters, standing_loss_w_per_k


def closed_form_tank(nodes: int = 1) -> TankParameters:
    """300 L with 1254.9 kJ/K."""
    return TankParameters(300.0, 1.6, 2.0, nodes=nodes, density_kg_per_m3=1000.0, cp_j_per_kg_k=4183.0)


# IBPSA Modelica library (BSD-3-Clause, bad7edb), Fluid.Storage.Examples.StratifiedNonUniformInitial, `cool`
IBPSA_COOL = {
    360: [38.21, 37.12, 35.82, 33.96, 31.04, 26.83, 22.42],
    720: [35.66, 33.71, 31.13, 27.95, 24.62, 21.91, 20.42],
    1080: [31.43, 28.72, 25.89, 23.35, 21.49, 20.46, 20.07],
    1800: [23.40, 21.91, 20.91, 20.36, 20.11, 20.02, 20.00],
}


@pytest.mark.parametrize("step_s", [1.0, 60.0, 360.0])
def test_cooling_tank_follows_the_reference_trajectory(step_s: float) -> None:
    # given 100 L in 7 layers from 40 °C at the top to 34 °C, without loss
    params = TankParameters(100.0, 3.0, 0.0, nodes=7, density_kg_per_m3=995.586, cp_j_per_kg_k=4184.0)
    temps = np.array([[40.0, 39.0, 38.0, 37.0, 36.0, 35.0, 34.0]])
    inputs = TankInputs(mains_c=20.0, draw_kg_s=0.069444)
    # when 20 °C water enters at the bottom for half an hour
    seen = {}
    for k in range(1, round(1800 / step_s) + 1):
        temps, _ = step_tank(params, temps, inputs, step_s)
        seen[round(k * step_s)] = temps[0]
    # then every layer follows the reference, printed to 0.01 K
    for second, reference in IBPSA_COOL.items():
        np.testing.assert_allclose(seen[second], reference, atol=0.01, err_msg=f"{second} s")


def test_standing_tank_cools_by_its_closed_form() -> None:
    # given 300 L at 55 °C in a cellar of 20 °C
    temps = np.array([[55.0]])
    # when it stands for 48 h
    for _ in range(192):
        temps, _ = step_tank(closed_form_tank(), temps, TankInputs(ambient_c=20.0), 900.0)
    # then it is where the exponential says
    assert temps[0, 0] == pytest.approx(46.574, abs=5e-4)
    assert temps[0, 0] == pytest.approx(20 + 35 * np.exp(-2 * 48 * 3600 / 1254.9e3), abs=1e-9)


def test_layered_tank_without_loss_is_heated_evenly_from_below() -> None:
    # given 12 layers at 20 °C without loss
    params = TankParameters(300.0, 1.6, 0.0, density_kg_per_m3=1000.0, cp_j_per_kg_k=4183.0)
    heat_w = np.zeros((1, 12))
    heat_w[0, -1] = 3000.0
    temps = np.full((1, 12), 20.0)
    # when 3 kW heat the lowest layer for 2 h
    for _ in range(8):
        temps, _ = step_tank(params, temps, TankInputs(node_heat_w=heat_w), 900.0)
    # then the mean is the closed form and mixing has kept the layers together
    assert temps.mean() == pytest.approx(37.213, abs=5e-4)
    assert np.ptp(temps) < 1e-9


def test_charge_circuit_heats_from_the_top_and_draw_takes_the_same_heat_out() -> None:
    # given a cold tank charged through its circuit
    params = TankParameters(300.0, 1.6, 0.0)
    temps = np.full((1, 12), 20.0)
    charged = 0.0
    for _ in range(30):
        temps, fluxes = step_tank(params, temps, TankInputs(charge_flow_kg_s=0.03, charge_heat_w=4000.0), 60.0)
        charged += fluxes.heat_j[0]
    # then it is warm above and cold below, and holds what it was given
    assert temps[0, 0] > 45.0
    assert temps[0, -1] == pytest.approx(20.0, abs=0.05)
    assert ((temps - 20.0) * params.node_capacity_j_per_k[:, None]).sum() == pytest.approx(charged, rel=1e-9)
    # when far more than its volume is drawn with 20 °C coming in, then all of that heat comes out
    drawn = 0.0
    for _ in range(40):
        temps, fluxes = step_tank(params, temps, TankInputs(mains_c=20.0, draw_kg_s=0.8), 60.0)
        drawn += fluxes.drawn_j[0]
    assert drawn == pytest.approx(charged, rel=1e-6)


def test_mixing_pools_only_what_lies_upside_down() -> None:
    mixed = mix(np.array([[50.0, 40.0, 44.0, 45.0, 20.0], [3.0, 2.0, 1.0, 0.0, -1.0]]))
    np.testing.assert_allclose(mixed, [[50.0, 43.0, 43.0, 43.0, 20.0], [3.0, 2.0, 1.0, 0.0, -1.0]])


def test_usual_standing_loss_is_that_of_the_standard() -> None:
    np.testing.assert_allclose(standing_loss_w_per_k(np.array([150.0, 300.0, 3000.0])), [1.94, 2.96, 12.98], atol=0.02)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("TankParameters.volume_l", {"volume_l": -1.0}),
        ("TankParameters.nodes", {"nodes": 0}),
        ("TankParameters.charge_inlet_node", {"charge_inlet_node": 9, "charge_outlet_node": 3}),
        ("TankParameters.height_m", {"height_m": [1.0, 2.0, 3.0], "volume_l": [1.0, 2.0]}),
    ],
)
def test_impossible_tank_is_refused_by_name(field: str, change: dict[str, object]) -> None:
    with pytest.raises(InvalidFieldError) as refusal:
        TankParameters(**{"volume_l": 300.0, "height_m": 1.6, "ua_w_per_k": 2.0, **change})
    assert refusal.value.field.startswith("TankParameters")
    assert refusal.value.field == field or field.endswith("height_m")


def test_negative_draw_and_wrong_shape_are_refused() -> None:
    params = closed_form_tank(nodes=3)
    with pytest.raises(InvalidFieldError, match="draw_kg_s"):
        step_tank(params, np.full((1, 3), 20.0), TankInputs(draw_kg_s=-0.1), 60.0)
    with pytest.raises(InvalidFieldError, match="layers"):
        step_tank(params, np.full((1, 4), 20.0), TankInputs(), 60.0)
