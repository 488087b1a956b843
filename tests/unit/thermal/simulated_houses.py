"""Heat demand of simulated houses in real weather, and forecasts of it as they would have been made day by day.

Run as a program it prints the figures of docs/reference/forecast.md: ``PYTHONPATH=tests python -m
unit.thermal.simulated_houses``.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.signal import lfilter

from ondol.signals import Weather
from ondol.thermal.arrays import Floats
from ondol.thermal.forecast.ar1 import SUN_PHI, SUN_SIGMA, TEMP_PHI, TEMP_SIGMA_K, disturbed, shocks
from ondol.thermal.forecast.day_ahead import HeatForecaster
from ondol.thermal.forecast.features import PERFECT_WEATHER, SLOW_H, low_pass
from ondol.thermal.forecast.profile import DegreeHourProfile, degree_hours_kh
from ondol.thermal.forecast.score import coverage, nmae, pinball, score
from ondol.thermal.forecast.series import HeatHistory, Ints, WeatherAhead
from ondol.thermal.ideal_load import ideal_power_w
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters

CET = dt.timezone(dt.timedelta(hours=1))
LATITUDE_DEG, LONGITUDE_DEG = 48.77, 2.01  # Trappes
OCTOBER = dt.datetime(2022, 10, 1, tzinfo=CET)


@dataclass(frozen=True, eq=False)
class Weeks:
    """Hourly weather, and the demand of each house (columns) and of their mean (last column)."""

    outdoor_c: Floats
    sun_w_per_m2: Floats
    hour_of_week: Ints
    demand_w: Floats

    def history(self, start: int, stop: int, house: int) -> HeatHistory:
        return HeatHistory(
            demand_w=self.demand_w[start:stop, house],
            outdoor_c=self.outdoor_c[start:stop],
            sun_w_per_m2=self.sun_w_per_m2[start:stop],
            hour_of_week=self.hour_of_week[start:stop],
        )

    def ahead(self, issue: int, hours: int = 48, *, perfect: bool = False) -> WeatherAhead:
        """Weather forecast issued at the end of hour `issue` − 1."""
        rows = slice(issue, issue + hours)
        outdoor, sun = self.outdoor_c[rows], self.sun_w_per_m2[rows]
        if not perfect:
            outdoor = disturbed(self.outdoor_c, issue - 1, hours, TEMP_SIGMA_K, TEMP_PHI, 991)
            sun = disturbed(self.sun_w_per_m2, issue - 1, hours, SUN_SIGMA, SUN_PHI, 992, relative=True, least=0.0)
        return WeatherAhead(outdoor_c=outdoor, sun_w_per_m2=sun, hour_of_week=self.hour_of_week[rows])


@lru_cache(maxsize=2)
def simulated_weeks(houses: int, days: int, zone: str = "H1a") -> Weeks:
    """Let houses of many kinds be heated to their schedules, with people whose habits and moods differ.

    Two-element rooms of VDI 6007-1 held by an ideal heater within its limit: set-backs at night and for the working,
    later mornings at weekends, gains that follow people with noise of their own (AR(1), 35 %).
    """
    weather = Weather.load(zone)
    middles = [OCTOBER + dt.timedelta(hours=k + 0.5) for k in range(24 * days)]
    outdoor = np.array([weather.at(when).temp_c for when in middles])
    sun = np.array([weather.global_horizontal_w_m2(when, LATITUDE_DEG, LONGITUDE_DEG) for when in middles])
    rng = np.random.default_rng(3)
    params = RoomParameters.apartment(
        ua_w_per_k=rng.uniform(90.0, 220.0, houses),
        air_capacity_j_per_k=rng.uniform(2e6, 6e6, houses),
        mass_capacity_j_per_k=rng.uniform(2e7, 8e7, houses),
        mass_ua_w_per_k=rng.uniform(500.0, 1500.0, houses),
        solar_aperture_m2=rng.uniform(2.0, 6.0, houses),
    )
    night_c, day_c = rng.uniform(16.0, 18.5, houses), rng.uniform(19.0, 21.0, houses)
    wake, bed, home = rng.integers(5, 8, houses), rng.integers(21, 24, houses), rng.integers(0, 2, houses)
    usual_w = rng.uniform(150.0, 500.0, houses)
    moods = np.stack([lfilter([1.0], [1.0, -0.8], shocks(0, len(middles), 50 + i)) for i in range(houses)], axis=1)
    state = RoomState.uniform(19.0, houses)
    demand = np.empty((len(middles), houses))
    for k, when in enumerate(middles):
        weekend = when.weekday() >= 5
        set_c = np.where((when.hour >= wake + weekend) & (when.hour < bed), day_c, night_c)
        if not weekend and 9 <= when.hour < 16:
            set_c = np.where(home == 0, np.minimum(set_c, day_c - 2.0), set_c)
        people = 0.6 + 0.8 * (17 <= when.hour < 23) + 0.4 * (when.hour in (7, 8))
        gains_w = usual_w * people * np.maximum(0.2, 1.0 + 0.35 * moods[k])
        free = RoomInputs(outdoor[k], convective_w=gains_w, irradiance_w_per_m2=sun[k])
        power = ideal_power_w(params, state, free, set_c, 3600.0, heating_max_w=9000.0)
        heated = RoomInputs(outdoor[k], convective_w=gains_w + power, irradiance_w_per_m2=sun[k])
        state, _ = step_room(params, state, heated, 3600.0)
        demand[k] = np.maximum(power, 0.0)
    hours = np.array([when.weekday() * 24 + when.hour for when in middles], dtype=np.int64)
    return Weeks(outdoor, sun, hours, np.column_stack([demand, demand.mean(axis=1)]))


@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts issued at noon for the next whole day, and what came; shape (days, 24)."""

    truth: Floats
    naive: Floats
    mean: Floats
    p10: Floats
    p50: Floats
    p90: Floats
    fit_s: float
    predict_s: float


def backtest(weeks: Weeks, house: int, days: range, *, perfect: bool = False, history_days: int = 60) -> Backtest:
    """Refit on each day's history and forecast hours 13 to 36; the naive forecast is the same hour two days before."""
    said: list[tuple[Floats, ...]] = []
    fit_s = predict_s = 0.0
    for day in days:
        issue = 24 * day + 12
        begun = time.process_time()
        forecaster = HeatForecaster.fit(
            weeks.history(issue - 24 * history_days, issue, house), weather_errors=PERFECT_WEATHER if perfect else None
        )
        fitted = time.process_time()
        forecast = forecaster.predict(weeks.ahead(issue, perfect=perfect))
        predict_s += time.process_time() - fitted
        fit_s += fitted - begun
        rows = slice(issue + 12, issue + 36)
        naive = weeks.demand_w[issue - 36 : issue - 12, house]
        parts = (forecast.mean_w, forecast.p10_w, forecast.p50_w, forecast.p90_w)
        said.append((weeks.demand_w[rows, house], naive, *(part[12:36] for part in parts)))
    return Backtest(*(np.array(column) for column in zip(*said, strict=True)), fit_s / len(days), predict_s / len(days))


def _print_figures() -> None:
    weeks = simulated_weeks(8, 160)
    print(
        "                          ours: nMAE  MAPE  bias | naive: nMAE  MAPE | covers  pinball | fit, predict CPU ms"
    )
    for perfect in (False, True):
        rows = []
        for house in range(weeks.demand_w.shape[1]):
            test = backtest(weeks, house, range(62, 150, 2), perfect=perfect)
            own, naive = score(test.truth, test.mean), score(test.truth, test.naive)
            losses = [pinball(test.truth, q, a) for q, a in ((test.p10, 0.1), (test.p50, 0.5), (test.p90, 0.9))]
            bands = (coverage(test.truth, test.p10, test.p90), np.mean(losses) / test.truth.mean())
            errors = (own.nmae, own.daily_mape, own.bias, naive.nmae, naive.daily_mape)
            rows.append((*errors, *bands, 1e3 * test.fit_s, 1e3 * test.predict_s))
        table = np.array(rows)
        for name, row in (("one house", table[:-1].mean(axis=0)), ("sum of eight", table[-1])):
            shares = " ".join(f"{100 * value:7.1f}" for value in row[:7])
            print(f"{'perfect' if perfect else 'erring'} weather, {name:12} {shares} {row[7]:7.0f} {row[8]:7.1f}")


def _print_cold_start() -> None:
    """Errors while the history grows, with the season's true heat as the host's word; mean of the eight houses."""
    weeks = simulated_weeks(8, 160)
    slow = low_pass(weeks.outdoor_c, SLOW_H)
    print("days measured, learned share, nMAE of 48 h, p10–p90 covers [%]")
    for days in (0, 3, 7, 10, 14, 21, 60):
        truth, said, low, high, share = [], [], [], [], 0.0
        for issue in range(24 * 64 + 12, 24 * 150, 24 * 6):
            for house in range(8):
                season_kwh = float(weeks.demand_w[:, house].sum()) / 1000.0
                profile = DegreeHourProfile(annual_kwh=season_kwh, annual_degree_hours_kh=degree_hours_kh(slow))
                history = weeks.history(issue - 24 * max(days, 10), issue, house)
                unknown = np.arange(len(history)) < len(history) - 24 * days
                history = replace(history, demand_w=np.where(unknown, np.nan, history.demand_w))
                forecaster = HeatForecaster.fit(history, profile=profile)
                forecast = forecaster.predict(weeks.ahead(issue))
                share = forecast.learned_share
                truth.append(weeks.demand_w[issue : issue + 48, house])
                said.append(forecast.mean_w)
                low.append(forecast.p10_w)
                high.append(forecast.p90_w)
        real = np.array(truth)
        inside = coverage(real, np.array(low), np.array(high))
        print(f"{days:4} {share:6.2f} {100 * nmae(real, np.array(said)):6.1f} {100 * inside:6.1f}")


if __name__ == "__main__":
    _print_figures()
    _print_cold_start()
