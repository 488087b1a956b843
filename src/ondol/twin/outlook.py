"""What policies are told of the hours ahead: weather, carbon, heat demand and work, as right as forecasts are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Floats, Ints, ServiceClass
from ondol.twin.compiled import compiled
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series, draw_row
from ondol.twin.stores import Stores
from ondol.twin.workload.jobs import Jobs

SPANS_S = (900.0,) * 4 + (3600.0,) * 11 + (7200.0,) * 6 + (10_800.0,) * 8
"""Lengths of the forecasts' steps: quarters of an hour at first, 48 hours in all."""

_HIGH = 1.2816  # 90 % quantile of a normal distribution
_TEMP, _CARBON, _DEMAND = 0, 1, 2
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ahead:
    """One issue of forecasts; fields as in `View` and `SinkColumns`, first span from `issued_s` on."""

    issued_s: float
    ahead_s: Floats
    demand_w: Floats
    demand_high_w: Floats
    grid_g_per_kwh: Floats
    backup_g_per_kwh: Floats
    backup_eur_per_kwh: Floats
    work_s: Floats


class Outlook:
    """Issues forecasts.

    Errors are AR(1) in hours from the issue on, none at lead 0 and growing to their stationary size (`ForecastSpec`);
    each issue draws anew from the seed and its number, so that a run is the same each time. Draws are expected as the
    mean of all households' weeks, not as they will be; networks with an error of their own; work as it came at the same
    hours of the days before.
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores, jobs: Jobs) -> None:
        self._scenario, self._series, self._stores = scenario, series, stores
        self._backup_g, self._backup_eur = backup_rates(scenario, series)
        spans = np.maximum(1, np.round(np.array(SPANS_S) / series.step_s)).astype(np.int64)
        self._cuts = np.concatenate(([0], np.cumsum(spans)))
        self._real = scenario.forecast.kind == "real"
        self._networks = np.unique(stores.kind[stores.network])
        mean_row = series.draws[draw_row(0, 8)]
        self._expected_draws = np.broadcast_to(mean_row, series.draws.shape)
        self._work = _work_by_hour(jobs, series)

    def issue(self, step: int) -> Ahead:
        """Forecasts at the beginning of a step."""
        series, spec = self._series, self._scenario.forecast
        last = min(series.length, step + int(self._cuts[-1]))
        cuts = self._cuts[self._cuts < last - step]
        first = step + cuts
        ends = np.concatenate([first[1:], [last]])
        window = slice(step, last)
        outdoor, grid = series.outdoor_c[:, window], series.grid_g_per_kwh[window]
        spread = np.zeros(len(first))
        draws = series.draws[:, window]
        backup_g, backup_eur = self._backup_g[window], self._backup_eur[window]
        if self._real:
            outdoor = outdoor + spec.temp_sigma_k * self._errors(step, last - step, _TEMP)
            factor = np.maximum(1.0 + spec.carbon_sigma * self._errors(step, last - step, _CARBON), 0.1)
            grid = grid * factor
            draws = self._expected_draws[:, window]
            if self._scenario.backup.kind == "heat_pump":
                backup_g = backup_g * factor
        stores = self._stores
        demand = stores.demand_of_kinds_w(first, ends, outdoor, series.solar_w_m2[:, window], draws)
        if self._real:
            hours = (0.5 * (first + ends) - step) * series.step_s / 3600.0
            spread = spec.demand_sigma * np.sqrt(1.0 - spec.phi ** (2.0 * hours))

        def mean(values: Floats) -> Floats:
            return np.asarray(np.add.reduceat(values, cuts) / (ends - first))

        if self._real and len(self._networks):
            error = spec.demand_sigma * mean(self._errors(step, last - step, _DEMAND))
            demand[self._networks] *= np.maximum(1.0 + error, 0.1)
        sinks = len(stores.kind)
        high = demand + _HIGH * spread * np.maximum(demand, 0.0)
        return Ahead(
            issued_s=step * series.step_s,
            ahead_s=(ends - first) * series.step_s,
            demand_w=demand.take(stores.kind, axis=0),
            demand_high_w=high.take(stores.kind, axis=0),
            grid_g_per_kwh=mean(grid),
            backup_g_per_kwh=np.broadcast_to(mean(backup_g), (sinks, len(first))),
            backup_eur_per_kwh=np.broadcast_to(mean(backup_eur), (sinks, len(first))),
            work_s=self._expected_work(first, ends),
        )

    def _errors(self, step: int, count: int, kind: int) -> Floats:
        """AR(1) of unit stationary size over the coming steps, linear between its hours."""
        phi = self._scenario.forecast.phi
        hours = int(np.ceil(count * self._series.step_s / 3600.0)) + 1
        lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self._scenario.seed, step, kind])))
        noise = lots.standard_normal(hours) * np.sqrt(1.0 - phi * phi)
        return np.asarray(_autoregressive(phi, noise, count, self._series.step_s))

    def _expected_work(self, first: Ints, ends: Ints) -> Floats:
        """Slot-seconds that will come in each span: as they do, or as they did at these hours of the days before."""
        step_s = self._series.step_s
        if not self._real:
            sums = self._work
            return np.asarray(
                sums[:, np.minimum(ends, sums.shape[1] - 1)] - sums[:, np.minimum(first, sums.shape[1] - 1)]
            )
        now, day = int(first[0]), max(1, round(_DAY_S / step_s))
        if now == 0:
            return np.zeros((len(ServiceClass), len(first)))
        sums = self._work
        days = min(7, now // day)
        if days == 0:  # on the first day: the mean so far
            return np.asarray(sums[:, now : now + 1] / now * (ends - first))
        return np.asarray(_as_before(sums, first, ends, day, days))


@compiled
def _as_before(sums: Floats, first: Ints, ends: Ints, day: int, days: int) -> Floats:
    """Mean over some days of what came in spans at the same hours, from cumulative sums."""
    result = np.zeros((len(sums), len(first)))
    for kind in range(len(sums)):
        for span in range(len(first)):
            total, ahead = 0.0, (ends[span] - 1 - first[0]) // day
            for back in range(1, days + 1):
                shift = day * (back + ahead)
                total += sums[kind, ends[span] - shift] - sums[kind, max(first[span] - shift, 0)]
            result[kind, span] = total / days
    return result


@compiled
def _autoregressive(phi: float, noise: Floats, count: int, step_s: float) -> Floats:
    """Path that begins at 0 and goes on by the hour, linear between its hours, at `count` steps."""
    path = np.zeros(len(noise))
    for hour in range(1, len(noise)):
        path[hour] = phi * path[hour - 1] + noise[hour]
    result = np.empty(count)
    for step in range(count):
        at = step * step_s / 3600.0
        hour = min(int(at), len(noise) - 2)
        result[step] = (path[hour + 1] - path[hour]) * (at - hour) + path[hour]
    return result


def _work_by_hour(jobs: Jobs, series: Series) -> Floats:
    """Cumulative slot-seconds submitted before each step, (4, steps + 1)."""
    step = np.minimum((jobs.submitted_s // series.step_s).astype(np.int64), series.steps - 1)
    sums = np.zeros((len(ServiceClass), series.steps + 1))
    for kind in ServiceClass:
        mine = jobs.service == kind
        sums[kind, 1:] = np.bincount(step[mine], (jobs.run_s * jobs.slots)[mine], series.steps)
    return np.cumsum(sums, axis=1)
