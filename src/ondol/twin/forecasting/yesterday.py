"""The naive reference: tomorrow is as yesterday was, hour by hour."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.thermal.forecast.series import LONGEST_AHEAD_H
from ondol.twin.forecasting.expected import HIGH_Z, LEVELS, Expected
from ondol.twin.forecasting.hours import DAY_H
from ondol.twin.forecasting.readings import Readings
from ondol.twin.forecasting.survey import draw_profile_l, survey_factors, surveyed
from ondol.twin.forecasting.told import Told
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.scenario.sinks import TankSpec
from ondol.twin.stores import Stores

DAYS = 7
"""Quantiles are those of the same hour of so many days; with fewer than three, of normal errors of `demand_sigma`."""

_LEAST_DAYS = 3
_HOURS = LONGEST_AHEAD_H + 1


class Yesterday:
    """Forecasts of kind persistence: heat, draws, carbon and weather of the same hour of the last day that is known.

    On the first day demand is what hosts said of the year (`survey`) at the outdoor temperature of now, the weather and
    the grid are those of now.
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores, readings: Readings) -> None:
        self._series, self._readings, self._groups = series, readings, readings.groups
        self._told = Told(scenario, series, stores, readings.groups, readings.before_h)
        self._sigma = scenario.forecast.demand_sigma
        self._factors = survey_factors(scenario, self._groups)
        self._hour, self._mean, self._quantiles = -1, np.zeros((0, 0)), np.zeros((3, 0, 0))

    def expect(self, step: int, first: Ints, ends: Ints) -> Expected:
        """Forecast spans that follow each other, issued at the beginning of a step; as of `Disturbed.expect`."""
        hour = self._told.hour_of(step)
        if hour != self._hour:
            self._renew(hour, step)
        read, told, series = self._readings, self._told, self._series
        carbon = _before(read.grid_g_per_kwh[None], hour, read, series.grid_g_per_kwh[step : step + 1])
        outdoor = _before(read.outdoor_c, hour, read, series.outdoor_c[:, step])
        return told.expected(
            step,
            first,
            ends,
            mean=self._mean,
            quantiles=self._quantiles,
            from_hour=hour,
            outdoor_c=told.over_spans(outdoor, hour, first, ends),
            carbon=told.over_spans(carbon, hour, first, ends)[0],
        )

    def hourly(self, step: int, first: int, count: int) -> Floats:
        """What each group will show in hours since the begin; as of `Learned.hourly`."""
        hour = self._told.hour_of(step)
        if hour != self._hour:
            self._renew(hour, step)
        return self._mean[:, first - hour : first - hour + count]

    def _renew(self, hour: int, step: int) -> None:
        shown = self._readings.shown
        mean = np.maximum(_before(shown, hour, self._readings, np.full(len(shown), np.nan)), 0.0)
        unknown = np.isnan(mean)
        if unknown.any():
            mean = np.where(unknown, self._surveyed(hour, step), mean)
        self._hour, self._mean, self._quantiles = hour, mean, self._bands(hour, mean)

    def _bands(self, hour: int, mean: Floats) -> Floats:
        days = min(DAYS, hour // DAY_H)
        if days < _LEAST_DAYS:
            half = HIGH_Z * self._sigma * mean
            return np.stack([np.maximum(mean - half, 0.0), mean, mean + half])
        ahead = np.arange(_HOURS) % DAY_H
        at = self._readings.last(days * DAY_H, hour).reshape(days, DAY_H)[:, ahead]
        quantiles = np.nanquantile(np.maximum(self._readings.shown[:, at], 0.0), LEVELS, axis=1)
        # yesterday itself is the middle that is believed in
        return np.stack([np.minimum(quantiles[0], mean), mean, np.maximum(quantiles[2], mean)])

    def _surveyed(self, hour: int, step: int) -> Floats:
        """What hosts said, in the unit that each group is read in, (groups, hours)."""
        groups = self._groups
        rows = []
        for group in range(len(groups.first)):
            factor = float(self._factors[group])
            spec = groups.spec[group]
            if isinstance(spec, TankSpec):
                week = draw_profile_l(spec).mean(axis=0)
                scale = factor * spec.draw_l_per_day / (week.mean() * DAY_H)
                rows.append(scale * week[self._told.hours_of_week(group, hour, _HOURS)])
            else:
                now_c = self._series.outdoor_c[groups.sky[group], step : step + 1]
                rows.append(np.repeat(surveyed(groups, group, factor).raised().demand_w(now_c), _HOURS))
        return np.array(rows).reshape(len(rows), _HOURS)


def _before(kept: Floats, hour: int, readings: Readings, now: Floats) -> Floats:
    """Of each hour from `hour` on what was read at the same hour of the last day that is over, (rows, hours)."""
    back = DAY_H * (1 + np.arange(_HOURS) // DAY_H)
    at = hour + np.arange(_HOURS) - back
    place = readings.last(DAY_H, hour)
    if not len(place):
        return np.repeat(now[:, None], _HOURS, axis=1)
    values = kept[:, place[np.clip(at - (hour - len(place)), 0, len(place) - 1)]]
    return np.where((at >= 0) & np.isfinite(values), values, now[:, None])
