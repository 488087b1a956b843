"""How wrong the forecasts of a run are: day-ahead heat demand by sink and in all, weather, carbon."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.forecasting.expected import HIGH, LEVELS, LOW, Expected
from ondol.twin.forecasting.hours import DAY_H, HOUR_S
from ondol.twin.forecasting.readings import Readings
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.stores import Stores

ISSUE_H = 12.0
"""Day-ahead forecasts are those of noon for the 24 hours from the midnight after, hour by hour."""

_LEAST_SHARE = 0.02
"""A day with less of the run's mean demand is left out of the daily error: over nothing, any error is infinite."""


class Forecasts(Protocol):
    """Where forecasts come from."""

    def expect(self, step: int, first: Ints, ends: Ints) -> Expected:
        """Forecast spans of steps that follow each other, issued at the beginning of a step."""
        ...


@runtime_checkable
class FromReadings(Protocol):
    """Forecasts in the unit that each group of sinks is read in."""

    def hourly(self, step: int, first: int, count: int) -> Floats:
        """What each group will show in `count` hours from hour `first` since the begin on, (groups, count)."""
        ...


class ForecastErrors:
    """Sums of errors over the noons of a run; as a part of the twin it is kept by its snapshot.

    The truth is what perfect forecasts say: the heat that a sink needs to stay at its lower limit in the weather and
    with the draws that come, 0 where the sun gives more than it needs. nMAE: mean absolute error of the hours over the
    mean of the truth. Daily error: mean over the days of the absolute error of a day's heat over that heat. Pinball
    loss: mean over the levels 0.1, 0.5 and 0.9 and the hours, over the mean of the truth.

    That truth is a model's: it lets a building's mass follow its air at once. Forecasts that are made from readings
    are also compared with what the sensors then show, noise and masses included (`forecast_metered_…`).
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores, readings: Readings) -> None:
        self._series, self._stores, self._readings = series, stores, readings
        self._measured = scenario.forecast.kind != "perfect"
        kinds = len(stores.first)
        self._count = np.bincount(stores.kind, minlength=kinds).astype(np.float64)
        self.noons = 0
        self.abs_w, self.truth_w, self.over_w = np.zeros(kinds), np.zeros(kinds), np.zeros(kinds)
        self.daily_sum, self.days = np.zeros(kinds), np.zeros(kinds)
        self.pinball_w, self.inside = np.zeros(kinds), np.zeros(kinds)
        self.sum_abs_w = self.sum_truth_w = self.sum_daily = self.sum_days = 0.0
        groups = len(readings.shown)
        self.pending, self.pending_from = np.zeros((2, groups, DAY_H)), np.full(2, -1, dtype=np.int64)
        self.metered_abs, self.metered = np.zeros(groups), np.zeros(groups)
        self.temp_abs_k = self.carbon_abs_g = self.carbon_g = 0.0

    def add(self, step: int, forecasts: Forecasts) -> None:
        """Measure the forecasts of a step where it is the first of a noon, by the standard clock."""
        if not self._measured or not self._is_noon(step):
            return
        series = self._series
        edges_s = (ISSUE_H + np.arange(DAY_H + 1)) * HOUR_S
        edges = step + np.round(edges_s / series.step_s).astype(np.int64)
        if isinstance(forecasts, FromReadings):
            self._meter(step, forecasts)
        if edges[-1] > series.length:
            return
        first, ends = edges[:-1], edges[1:]
        said = forecasts.expect(step, first, ends)
        window = slice(int(first[0]), int(ends[-1]))
        outdoor, grid = series.outdoor_c[:, window], series.grid_g_per_kwh[window]
        truth = self._stores.demand_of_kinds_w(
            first, ends, outdoor, series.solar_w_m2[:, window], series.draws[:, window]
        )
        self._add_demand(np.maximum(truth, 0.0), np.maximum(said.demand_w, 0.0), np.maximum(said.quantiles_w, 0.0))
        cuts, lengths = first - first[0], ends - first
        self.temp_abs_k += float(np.abs(np.add.reduceat(outdoor, cuts, axis=1) / lengths - said.outdoor_c).mean())
        carbon = np.add.reduceat(grid, cuts) / lengths
        self.carbon_abs_g += float(np.abs(carbon - said.grid_g_per_kwh).mean())
        self.carbon_g += float(carbon.mean())
        self.noons += 1

    def figures(self) -> dict[str, float]:
        """Errors of the run's day-ahead forecasts, shares but for names with units; none where none was measured."""
        if not self.noons:
            return {}
        figures = {"forecast_temp_mae_k": self.temp_abs_k / self.noons}
        if self.carbon_g > 0.0:
            figures["forecast_carbon_nmae"] = self.carbon_abs_g / self.carbon_g
        known = self.truth_w > 0.0
        if not known.any():
            return figures
        count = self._count[known]
        truth_w, nmae = self.truth_w[known], self.abs_w[known] / self.truth_w[known]
        figures |= {
            "forecast_nmae_sum": self.sum_abs_w / self.sum_truth_w,
            "forecast_nmae_mean": float(count @ nmae / count.sum()),
            "forecast_nmae_worst": float(nmae.max()),
            "forecast_bias": float(count @ self.over_w[known] / (count @ truth_w)),
            "forecast_pinball": float(count @ self.pinball_w[known] / (count @ truth_w)),
            "forecast_covered": float(count @ self.inside[known] / (count.sum() * self.noons * DAY_H)),
        }
        if self.sum_days > 0.0:
            figures["forecast_daily_mape_sum"] = self.sum_daily / self.sum_days
        days = self._count @ self.days
        shown = self.metered > 0.0
        if shown.any():
            sinks = self._readings.groups.count[shown]
            metered = self.metered_abs[shown] / self.metered[shown]
            figures["forecast_metered_nmae_mean"] = float(sinks @ metered / sinks.sum())
        if days > 0.0:
            figures["forecast_daily_mape_mean"] = float(self._count @ self.daily_sum / days)
        return figures

    def by_sink(self) -> dict[int, dict[str, float]]:
        """Errors of the first sink of each kind, by its row; of sinks that needed heat."""
        found: dict[int, dict[str, float]] = {}
        for kind, row in enumerate(self._stores.first.tolist()):
            if self.truth_w[kind] <= 0.0:
                continue
            found[row] = {
                "nmae": float(self.abs_w[kind] / self.truth_w[kind]),
                "pinball": float(self.pinball_w[kind] / self.truth_w[kind]),
                "covered": float(self.inside[kind] / (self.noons * DAY_H)),
                "sinks": float(self._count[kind]),
            }
            group = int(self._readings.groups.of_kind[kind])
            if len(self.metered) and self.metered[group] > 0.0:
                found[row]["metered_nmae"] = float(self.metered_abs[group] / self.metered[group])
            if self.days[kind] > 0.0:
                found[row]["daily_mape"] = float(self.daily_sum[kind] / self.days[kind])
        return found

    def _meter(self, step: int, forecasts: FromReadings) -> None:
        """Compare what was said two noons ago with what was read since, and keep what is said now."""
        read, first = self._readings, int(self.pending_from[0])
        if first >= 0 and first + DAY_H <= read.hours:
            truth = np.maximum(read.shown[:, read.last(DAY_H, first + DAY_H)], 0.0)
            self.metered_abs += np.abs(self.pending[0] - truth).sum(axis=1)
            self.metered += truth.sum(axis=1)
        self.pending[0], self.pending_from[0] = self.pending[1], self.pending_from[1]
        midnight = read.hours + round(ISSUE_H)
        self.pending[1], self.pending_from[1] = forecasts.hourly(step, midnight, DAY_H), midnight

    def _is_noon(self, step: int) -> bool:
        hours = self._series.hours
        return bool(hours[step] >= ISSUE_H and (step == 0 or hours[step - 1] < ISSUE_H) and hours[step] < ISSUE_H + 1.0)

    def _add_demand(self, truth: Floats, said: Floats, quantiles: Floats) -> None:
        over = said - truth
        self.abs_w += np.abs(over).sum(axis=1)
        self.over_w += over.sum(axis=1)
        self.truth_w += truth.sum(axis=1)
        for level, quantile in zip(LEVELS, quantiles, strict=True):
            short = truth - quantile
            self.pinball_w += np.maximum(level * short, (level - 1.0) * short).sum(axis=1) / len(LEVELS)
        self.inside += ((truth >= quantiles[LOW]) & (truth <= quantiles[HIGH])).sum(axis=1)
        day, mean_so_far = truth.mean(axis=1), self.truth_w / ((self.noons + 1) * DAY_H)
        counts = day > _LEAST_SHARE * np.maximum(mean_so_far, 1e-9)
        self.daily_sum[counts] += np.abs(over.mean(axis=1))[counts] / day[counts]
        self.days[counts] += 1.0
        all_truth, all_said = self._count @ truth, self._count @ said
        self.sum_abs_w += float(np.abs(all_said - all_truth).sum())
        self.sum_truth_w += float(all_truth.sum())
        if all_truth.sum() > 0.0:
            self.sum_daily += abs(float((all_said - all_truth).sum())) / float(all_truth.sum())
            self.sum_days += 1.0
