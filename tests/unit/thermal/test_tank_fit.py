"""A tank's loss and capacity from a few days of charging, drawing and standing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank
from ondol.signals import HotWaterDraws
from ondol.thermal.fit.tank_fit import TankReadings, draw_heat_w, fit_tank
from ondol.thermal.forecast.ar1 import shocks
from ondol.thermal.tank import TankInputs, step_tank
from ondol.thermal.tank_parameters import TankParameters

STEP_S = 600.0
UA_W_PER_K = 2.4
PARAMS = TankParameters(300.0, 1.6, UA_W_PER_K)
CAPACITY_J_PER_K = 12.0 * float(PARAMS.node_capacity_j_per_k[0])
GUESS = Tank(id=SinkId("tank"), site_id=SiteId("site"), name="Tank", volume_l=400.0, ua_w_per_k=3.5)
MONDAY = dt.datetime(2022, 2, 7, tzinfo=dt.UTC)


def read(
    *, days: int = 7, sensors: list[int] | None = None, charged: bool = True, drawn: bool = True, meter: bool = False
) -> TankReadings:
    """Readings of a layered tank with showers, charged between 45 and 60 °C; thermometer noise 0.05 K."""
    source = HotWaterDraws.load()
    temps = np.full((1, 12), 50.0)
    count = round(86_400 / STEP_S) * days
    noise = 0.05 * shocks(0, count, 3)
    rows, on = [], False
    for k in range(count):
        at = MONDAY + dt.timedelta(seconds=STEP_S * k)
        flow = source.litres(at, at + dt.timedelta(seconds=STEP_S), 200.0) / STEP_S if drawn else 0.0
        mean = float(temps[0].mean())
        on = charged and (mean < 45.0 or (on and mean < 60.0))
        top_c = temps[0, :1].copy()
        seen = mean if sensors is None else float(temps[0][sensors].mean())
        temps, flux = step_tank(
            PARAMS, temps, TankInputs(18.0, 11.0, flow, 0.08 if on else 0.0, 2000.0 if on else 0.0), STEP_S
        )
        heat = float(draw_heat_w(np.array(flow), top_c, np.array(11.0))[0])
        rows.append((seen + noise[k], 2000.0 * on, heat if meter else float(flux.drawn_j[0]) / STEP_S, 18.0))
    temp, charge, draw, ambient = np.array(rows).T
    return TankReadings(step_s=STEP_S, temp_c=temp, charge_w=charge, draw_w=draw, ambient_c=ambient)


@pytest.fixture(scope="module")
def week() -> TankReadings:
    return read()


def test_a_week_of_showers_gives_loss_and_capacity_back(week: TankReadings) -> None:
    found = fit_tank(week, GUESS)
    assert found.ua_w_per_k == pytest.approx(UA_W_PER_K, rel=0.04)
    assert found.capacity_j_per_k == pytest.approx(CAPACITY_J_PER_K, rel=0.02)
    assert found.tank == replace(GUESS, ua_w_per_k=found.ua_w_per_k)
    assert found.rmse_k < 0.10
    assert found.identifiable
    assert found.ua_error_w_per_k < 0.1


def test_a_flow_meter_that_reads_the_outlet_before_each_draw_overstates_it_and_is_better_not_heard() -> None:
    # given draws by flow and by the top's temperature as each step began: showers cool it while they run
    metered = read(meter=True)
    found = fit_tank(metered, GUESS)
    assert found.capacity_j_per_k == pytest.approx(CAPACITY_J_PER_K, rel=0.02)
    assert 0.7 * UA_W_PER_K < found.ua_w_per_k < 0.9 * UA_W_PER_K
    # when the drawing steps are left out
    unheard = fit_tank(replace(metered, draw_w=np.where(metered.draw_w > 0.0, np.nan, 0.0)), GUESS)
    # then the loss is right
    assert unheard.ua_w_per_k == pytest.approx(UA_W_PER_K, rel=0.05)


def test_draws_that_no_meter_saw_are_left_out_and_standing_and_charging_suffice(week: TankReadings) -> None:
    unseen = np.where(week.draw_w > 0.0, np.nan, week.draw_w)
    found = fit_tank(replace(week, draw_w=unseen), GUESS)
    assert found.days < 0.8 * fit_tank(week, GUESS).days
    assert found.ua_w_per_k == pytest.approx(UA_W_PER_K, rel=0.08)
    assert found.capacity_j_per_k == pytest.approx(CAPACITY_J_PER_K, rel=0.03)


def test_four_thermometers_give_an_effective_capacity() -> None:
    found = fit_tank(read(sensors=[1, 4, 7, 10]), GUESS)
    assert found.ua_w_per_k == pytest.approx(UA_W_PER_K, rel=0.15)
    assert found.capacity_j_per_k == pytest.approx(CAPACITY_J_PER_K, rel=0.10)
    assert found.rmse_k > 0.10


def test_a_tank_that_only_stands_tells_neither() -> None:
    # only the ratio of loss and capacity shows in its cooling
    found = fit_tank(read(charged=False, drawn=False), GUESS)
    assert not found.identifiable
    assert "charged" in found.reason
    ratio = found.ua_w_per_k / found.capacity_j_per_k
    assert ratio == pytest.approx(UA_W_PER_K / CAPACITY_J_PER_K, rel=0.04)


def test_a_survey_without_a_loss_takes_that_of_its_volume(week: TankReadings) -> None:
    found = fit_tank(week, replace(GUESS, ua_w_per_k=0.0))
    assert found.ua_w_per_k == pytest.approx(UA_W_PER_K, rel=0.05)


def test_readings_that_no_tank_could_make_stay_within_the_bounds() -> None:
    rng = np.random.default_rng(1)
    n = 144 * 3
    readings = TankReadings(
        step_s=STEP_S,
        temp_c=rng.uniform(10.0, 90.0, n),
        charge_w=rng.uniform(0.0, 1e6, n),
        draw_w=np.zeros(n),
        ambient_c=np.full(n, 20.0),
    )
    found = fit_tank(readings, GUESS)
    assert 0.35 <= found.ua_w_per_k <= 35.0 * 1.001
    assert found.capacity_j_per_k <= 3.01 * 400.0 / 300.0 * CAPACITY_J_PER_K


def test_too_little_and_impossible_readings_are_refused(week: TankReadings) -> None:
    silent = replace(week, charge_w=np.full(week.charge_w.size, np.nan))
    with pytest.raises(InvalidFieldError, match=r"0\.0 days"):
        fit_tank(silent, GUESS)
    temp = week.temp_c.copy()
    temp[2] = 150.0
    with pytest.raises(InvalidFieldError, match=r"readings\.temp_c\[2\]"):
        replace(week, temp_c=temp)
