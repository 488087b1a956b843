"""Heat demand of every sink as `thermal.forecast` learns it from what the twin's sensors have shown."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.thermal.forecast.ar1 import SUN_PHI, SUN_SIGMA
from ondol.thermal.forecast.day_ahead import RECENT_H, HeatForecaster
from ondol.thermal.forecast.features import WeatherErrors
from ondol.thermal.forecast.hour_of_week import DrawForecaster
from ondol.thermal.forecast.series import LONGEST_AHEAD_H, HeatHistory, WeatherAhead
from ondol.twin.forecasting.denoise import reach_h, smoothed
from ondol.twin.forecasting.expected import Expected
from ondol.twin.forecasting.hours import DAY_H
from ondol.twin.forecasting.readings import EDGE_S, Readings
from ondol.twin.forecasting.survey import Survey, draw_profile_l, survey_factors, surveyed
from ondol.twin.forecasting.told import Told
from ondol.twin.forecasting.weather import WeatherForecasts
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.scenario.sinks import TankSpec
from ondol.twin.stores import Stores

RENEW_H = 3
"""Hours between forecasts of demand; in between, the last one stands: half of the weather's interval."""

LEARN_H = 60 * DAY_H
FITS_A_DAY, MOST_TURNS = 64, 14
"""So many groups of sinks are fitted anew each day, by turns where there are more, but each once a fortnight: a fit
takes up to 0.2 s."""

_SUN_MAX_W_M2 = 1500.0


@dataclass(slots=True, eq=False)
class _Fits:
    """Forecasters by group with the hour up to which they have learned; made again from the readings at any time.

    Those of heat also with what is added to demand before it is learned, so that surpluses of the sun and noise around
    0 are learned as they are: a forecaster knows no demand below 0.
    """

    heat: dict[int, tuple[int, float, HeatForecaster]] = field(default_factory=dict)
    draws: dict[int, tuple[int, DrawForecaster]] = field(default_factory=dict)


class Learned:
    """Forecasts of kind learned.

    Every forecast is a function of the readings before its hour and of the weather forecast issued last: neither is
    anything of the hours to come looked at but the weather, with its errors, nor does it matter when the forecaster was
    made. Where a group has been read for less than a fortnight, what its host said stands in (`survey`).
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores, readings: Readings) -> None:
        self._readings, self._groups = readings, readings.groups
        self._told = Told(scenario, series, stores, readings.groups, readings.before_h)
        self._weather = WeatherForecasts(scenario, series, readings.before_h)
        spec = scenario.forecast
        self._weather_errors = WeatherErrors(
            temp_sigma_k=spec.temp_sigma_k,
            temp_phi=spec.phi,
            sun_sigma=SUN_SIGMA,
            sun_phi=SUN_PHI,
            seed=scenario.seed,
        )
        self._factors = survey_factors(scenario, self._groups)
        self._profiles: dict[int, Survey] = {}
        samples = max(1.0, EDGE_S // float(series.step_s))
        self._noise_k = scenario.fault.sensor_noise_k / np.sqrt(samples)
        self._fits = _Fits()
        self._hour, self._mean, self._quantiles = -1, np.zeros((0, 0)), np.zeros((3, 0, 0))

    def expect(self, step: int, first: Ints, ends: Ints) -> Expected:
        """Forecast spans that follow each other, issued at the beginning of a step; as of `Disturbed.expect`."""
        hour = self._told.hour_of(step)
        renewed = hour - hour % RENEW_H
        if renewed != self._hour:
            self._renew(renewed)
        told = self._told
        outdoor, _ = self._weather.ahead(hour, LONGEST_AHEAD_H + 1)
        return told.expected(
            step,
            first,
            ends,
            mean=self._mean,
            quantiles=self._quantiles,
            from_hour=renewed,
            outdoor_c=told.over_spans(outdoor, hour, first, ends),
            carbon=told.disturbed_carbon(step, first, ends),
        )

    def hourly(self, step: int, first: int, count: int) -> Floats:
        """What each group will show in hours since the begin, in the unit that it is read in, (groups, count)."""
        hour = self._told.hour_of(step)
        renewed = hour - hour % RENEW_H
        if renewed != self._hour:
            self._renew(renewed)
        return self._mean[:, first - renewed : first - renewed + count]

    def _renew(self, hour: int) -> None:
        """Forecast 48 hours from an hour on, in the unit that each group is read in, and what follows as a day before.

        The hours after are for issues that come later than `hour`.
        """
        count = len(self._groups.first)
        outdoor, sun = self._weather.ahead(hour, LONGEST_AHEAD_H)
        values = np.empty((4, count, LONGEST_AHEAD_H))
        for group in range(count):
            learn_to = self._learn_to(group, hour)
            spec = self._groups.spec[group]
            values[:, group] = (
                self._draws(group, spec, hour, learn_to)
                if isinstance(spec, TankSpec)
                else self._heat(group, hour, learn_to, outdoor, sun)
            )
        values = np.concatenate([values, values[:, :, -DAY_H:][:, :, : RENEW_H + 1]], axis=2)
        self._hour, self._mean, self._quantiles = hour, values[0], values[1:]

    def _learn_to(self, group: int, hour: int) -> int:
        """Up to which hour a group's forecaster has learned: a whole day, its own turn where there are many groups."""
        turns = min(-(-len(self._groups.first) // FITS_A_DAY), MOST_TURNS)
        day = hour // DAY_H
        return max(0, day - (day - group) % turns) * DAY_H

    def _heat(self, group: int, hour: int, learn_to: int, outdoor: Floats, sun: Floats) -> Floats:
        """Mean and quantiles of a group's demand, (4, 48) [W]."""
        known = self._fits.heat.get(group)
        if known is None or known[0] != learn_to:
            demand_w = self._demand_w(group, LEARN_H, learn_to)
            added_w = float(np.maximum(-demand_w, 0.0).max(initial=0.0))
            fitted = HeatForecaster.fit(
                self._history(group, demand_w + added_w, learn_to),
                profile=self._profile(group).raised(added_w),
                weather_errors=self._weather_errors,
            )
            known = self._fits.heat[group] = (learn_to, added_w, fitted)
        _, added_w, fitted = known
        sky = self._groups.sky[group]
        ahead = WeatherAhead(
            outdoor_c=outdoor[sky],
            sun_w_per_m2=sun[sky],
            hour_of_week=self._told.hours_of_week(group, hour, LONGEST_AHEAD_H),
        )
        recent = self._history(group, self._demand_w(group, RECENT_H, hour) + added_w, hour)
        said = fitted.predict(ahead, recent)
        values = np.stack([said.mean_w, said.p10_w, said.p50_w, said.p90_w])
        return np.asarray(np.maximum(values - added_w, 0.0))

    def _draws(self, group: int, spec: TankSpec, hour: int, learn_to: int) -> Floats:
        """Mean and quantiles of a tank's draws, (4, 48) [L/h]."""
        known = self._fits.draws.get(group)
        if known is None or known[0] != learn_to:
            at = self._readings.last(LEARN_H, learn_to)
            fitted = DrawForecaster.fit(
                self._readings.shown[group, at],
                self._told.hours_of_week(group, learn_to - len(at), len(at)),
                profile_l=draw_profile_l(spec),
                l_per_day=float(self._factors[group]) * spec.draw_l_per_day,
            )
            known = self._fits.draws[group] = (learn_to, fitted)
        hours = self._told.hours_of_week(group, hour, LONGEST_AHEAD_H)
        return np.concatenate([known[1].mean_l[hours][None], known[1].quantiles_l[hours].T])

    def _demand_w(self, group: int, count: int, before: int) -> Floats:
        """Demand as read up to an hour, smoothed where thermometers are noisy."""
        demand_w: Floats = self._readings.shown[group, self._readings.last(count, before)]
        if not self._noise_k or not len(demand_w):
            return demand_w
        j_per_k = float(self._readings.balance_j_per_k[group])
        return smoothed(demand_w, reach_h(self._noise_k, j_per_k, max(float(demand_w.mean()), 0.0)))

    def _history(self, group: int, demand_w: Floats, before: int) -> HeatHistory:
        """Readings up to an hour with the weather that was measured; one unknown hour where there are none yet."""
        count, sky = len(demand_w), self._groups.sky[group]
        hours = self._told.hours_of_week(group, before - count, max(count, 1))
        if not count:
            none = np.full(1, np.nan)
            return HeatHistory(demand_w=none, outdoor_c=none, sun_w_per_m2=none, hour_of_week=hours)
        at = self._readings.last(count, before)
        return HeatHistory(
            demand_w=np.maximum(demand_w, 0.0),
            outdoor_c=self._readings.outdoor_c[sky, at],
            sun_w_per_m2=np.minimum(self._readings.sun_w_m2[sky, at], _SUN_MAX_W_M2),
            hour_of_week=hours,
        )

    def _profile(self, group: int) -> Survey:
        if group not in self._profiles:
            self._profiles[group] = surveyed(self._groups, group, float(self._factors[group]))
        return self._profiles[group]
