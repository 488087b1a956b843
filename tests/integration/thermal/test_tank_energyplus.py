"""The stratified tank against EnergyPlus' WaterHeater:Stratified, three days with draws."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondol.thermal.arrays import Floats
from ondol.thermal.tank import TankInputs, step_tank
from ondol.thermal.tank_parameters import TankParameters

NODES = 12
VOLUME_L, HEIGHT_M, UA_W_PER_K = 300.0, 1.6, 2.0
AMBIENT_C, MAINS_C, DRAW_L_S = 20.0, 12.0, 0.1
DAYS = 3
MINUTES = DAYS * 1440
RUN_LIMIT_S = 90.0

RUN = """
import sys
from pyenergyplus.api import EnergyPlusAPI
from pyenergyplus.dataset import weather_files
api = EnergyPlusAPI()
state = api.state_manager.new_state()
code = api.runtime.run_energyplus(state, ["-w", weather_files["usa_co_golden"], "-d", sys.argv[2], sys.argv[1]])
sys.exit(code)
"""


def model() -> dict[str, Any]:
    """One stand-alone water heater: 3 kW at 0.4 m, 55 °C ± 2, 120 L at 07:00 and 19:00."""
    radius = np.sqrt(VOLUME_L / 1000.0 / HEIGHT_M / np.pi)
    area = 2 * np.pi * radius * HEIGHT_M + 2 * np.pi * radius**2

    def constant(value: float) -> dict[str, Any]:
        return {"schedule_type_limits_name": "Any", "hourly_value": value}

    draws = [("07:00", 0), ("07:20", 1), ("19:00", 0), ("19:20", 1), ("24:00", 0)]
    fields = ["Through: 12/31", "For: AllDays"]
    for until, value in draws:
        fields += [f"Until: {until}", str(value)]
    outputs = [f"Water Heater Temperature Node {i + 1}" for i in range(NODES)]
    outputs += ["Water Heater Heating Rate", "Water Heater Use Side Mass Flow Rate"]
    outputs += ["Water Heater Use Side Heat Transfer Rate", "Water Heater Heat Loss Rate"]
    return {
        "Version": {"Version 1": {"version_identifier": "25.2"}},
        "Building": {"Cellar": {"terrain": "City"}},
        "Timestep": {"Timestep 1": {"number_of_timesteps_per_hour": 60}},
        "GlobalGeometryRules": {
            "GlobalGeometryRules 1": {
                "coordinate_system": "Relative",
                "starting_vertex_position": "UpperLeftCorner",
                "vertex_entry_direction": "Counterclockwise",
            }
        },
        "SimulationControl": {
            "SimulationControl 1": {
                "run_simulation_for_sizing_periods": "No",
                "run_simulation_for_weather_file_run_periods": "Yes",
            }
        },
        "RunPeriod": {
            "Days": {"begin_month": 1, "begin_day_of_month": 1, "end_month": 1, "end_day_of_month": DAYS},
        },
        "ScheduleTypeLimits": {"Any": {}},
        "Schedule:Constant": {
            "Ambient": constant(AMBIENT_C),
            "Mains": constant(MAINS_C),
            # the heater is on below set point − dead band and off above set point
            "Set": constant(57.0),
            "Never": constant(0.0),
        },
        "Schedule:Compact": {
            "Draw": {"schedule_type_limits_name": "Any", "data": [{"field": field} for field in fields]}
        },
        "WaterHeater:Stratified": {
            "Tank": {
                "tank_volume": VOLUME_L / 1000.0,
                "tank_height": HEIGHT_M,
                "tank_shape": "VerticalCylinder",
                "maximum_temperature_limit": 95.0,
                "heater_priority_control": "MasterSlave",
                "heater_1_setpoint_temperature_schedule_name": "Set",
                "heater_1_deadband_temperature_difference": 4.0,
                "heater_1_capacity": 3000.0,
                "heater_1_height": 0.4,
                "heater_2_setpoint_temperature_schedule_name": "Never",
                "heater_2_deadband_temperature_difference": 4.0,
                "heater_2_capacity": 0.0,
                "heater_2_height": 1.2,
                "heater_fuel_type": "Electricity",
                "heater_thermal_efficiency": 1.0,
                "ambient_temperature_indicator": "Schedule",
                "ambient_temperature_schedule_name": "Ambient",
                "uniform_skin_loss_coefficient_per_unit_area_to_ambient_temperature": UA_W_PER_K / area,
                "peak_use_flow_rate": DRAW_L_S / 1000.0,
                "use_flow_rate_fraction_schedule_name": "Draw",
                "cold_water_supply_temperature_schedule_name": "Mains",
                "number_of_nodes": NODES,
            }
        },
        "Output:SQLite": {"Output:SQLite 1": {"option_type": "Simple"}},
        "Output:Variable": {
            f"Output:Variable {i}": {"key_value": "*", "variable_name": name, "reporting_frequency": "Timestep"}
            for i, name in enumerate(outputs)
        },
    }


def series(database: Path, name: str) -> Floats:
    """Read one variable, minute by minute."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT d.Value FROM ReportData d JOIN ReportDataDictionary k USING (ReportDataDictionaryIndex) "
            "JOIN Time t USING (TimeIndex) WHERE k.Name = ? AND COALESCE(t.WarmupFlag, 0) = 0 ORDER BY t.TimeIndex",
            (name,),
        ).fetchall()
    connection.close()
    return np.array([row[0] for row in rows])


@pytest.fixture(scope="module")
def energyplus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run EnergyPlus once; its SQLite output."""
    if importlib.util.find_spec("pyenergyplus") is None:
        words = "pyenergyplus is missing: install the test extra, `pip install 'ondol[test]'`"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    folder = tmp_path_factory.mktemp("energyplus")
    (folder / "tank.epJSON").write_text(json.dumps(model()), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder / "tank.epJSON"), str(folder / "out")],
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    errors = folder / "out" / "eplusout.err"
    report = errors.read_text(encoding="utf-8") if errors.exists() else ""
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + report
    return folder / "out" / "eplusout.sql"


def test_tank_follows_energyplus_through_three_days_of_draws(energyplus: Path) -> None:
    # given EnergyPlus' own tank, and ours fed with its heat and its draws
    theirs = np.stack([series(energyplus, f"Water Heater Temperature Node {i + 1}") for i in range(NODES)], axis=1)
    heat_w = series(energyplus, "Water Heater Heating Rate")
    flow = series(energyplus, "Water Heater Use Side Mass Flow Rate")
    assert theirs.shape == (MINUTES, NODES)
    params = TankParameters(VOLUME_L, HEIGHT_M, UA_W_PER_K, nodes=NODES)
    element = NODES - 3  # 0.4 m is the upper edge of the third layer from below, and EnergyPlus counts it in
    node_heat = np.zeros((1, NODES))
    temps = np.full((1, NODES), 57.0)
    ours = np.zeros_like(theirs)
    drawn = lost = 0.0
    # when both go through the three days minute by minute
    for minute in range(MINUTES):
        node_heat[0, element] = heat_w[minute]
        inputs = TankInputs(AMBIENT_C, MAINS_C, draw_kg_s=flow[minute], node_heat_w=node_heat)
        temps, fluxes = step_tank(params, temps, inputs, 60.0)
        ours[minute] = temps[0]
        drawn += fluxes.drawn_j[0]
        lost += fluxes.loss_j[0]
    # then all layers agree within 0.4 K, and the energies within 2 %
    rmse = float(np.sqrt(np.mean((ours - theirs) ** 2)))
    their_drawn = series(energyplus, "Water Heater Use Side Heat Transfer Rate").sum() * -60.0
    their_loss = series(energyplus, "Water Heater Heat Loss Rate").sum() * -60.0
    figures = (
        f"RMSE {rmse:.3f} K; in {heat_w.sum() * 60 / 3.6e6:.2f}, drawn {drawn / 3.6e6:.2f} against "
        f"{their_drawn / 3.6e6:.2f}, lost {lost / 3.6e6:.2f} against {their_loss / 3.6e6:.2f} kWh"
    )
    print(figures)
    assert flow.sum() * 60.0 == pytest.approx(DAYS * 2 * 120.0, rel=0.02), figures
    assert rmse < 0.4, figures
    assert drawn == pytest.approx(their_drawn, rel=0.02), figures
    assert lost == pytest.approx(their_loss, rel=0.02), figures
