"""What policies are told of the hours ahead: weather, carbon, heat demand and work, as right as forecasts are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ondol.model.view import Floats, Ints, ServiceClass
from ondol.policy.plan.expected_work import expected_work_s
from ondol.thermal.forecast.spans import SPANS_S
from ondol.twin.forecasting.disturbed import Disturbed
from ondol.twin.forecasting.expected import Expected
from ondol.twin.forecasting.learned import Learned
from ondol.twin.forecasting.readings import Readings
from ondol.twin.forecasting.yesterday import Yesterday
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.stores import Stores
from ondol.twin.workload.jobs import Jobs

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


class Forecasts(Protocol):
    """Where forecasts of sinks and signals come from."""

    def expect(self, step: int, first: Ints, ends: Ints) -> Expected:
        """Forecast spans of steps that follow each other, issued at the beginning of a step."""
        ...


class Outlook:
    """Issues forecasts: sinks and signals by the scenario's kind, work as it came at the same hours of the days before.

    Perfect forecasts are what comes. An issue is a function of its step and of the `readings` before it, so that a run
    is the same each time, however often it was cut short.

    Parameters
    ----------
    readings : what sensors have shown; kinds learned and persistence look at nothing else but weather forecasts
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores, jobs: Jobs, readings: Readings) -> None:
        self._series, self._stores = series, stores
        spans = np.maximum(1, np.round(np.array(SPANS_S) / series.step_s)).astype(np.int64)
        self._cuts = np.concatenate(([0], np.cumsum(spans)))
        kind = scenario.forecast.kind
        self._real = kind != "perfect"
        self.forecasts: Forecasts
        if kind == "learned":
            self.forecasts = Learned(scenario, series, stores, readings)
        elif kind == "persistence":
            self.forecasts = Yesterday(scenario, series, stores, readings)
        else:
            self.forecasts = Disturbed(scenario, series, stores)
        self._work = _work_by_hour(jobs, series)

    def issue(self, step: int) -> Ahead:
        """Forecasts at the beginning of a step."""
        series = self._series
        last = min(series.length, step + int(self._cuts[-1]))
        cuts = self._cuts[self._cuts < last - step]
        first = step + cuts
        ends = np.concatenate([first[1:], [last]])
        said = self.forecasts.expect(step, first, ends)
        stores = self._stores
        sinks = len(stores.kind)
        return Ahead(
            issued_s=step * series.step_s,
            ahead_s=(ends - first) * series.step_s,
            demand_w=said.demand_w.take(stores.kind, axis=0),
            demand_high_w=said.high_w.take(stores.kind, axis=0),
            grid_g_per_kwh=said.grid_g_per_kwh,
            backup_g_per_kwh=np.broadcast_to(said.backup_g_per_kwh, (sinks, len(first))),
            backup_eur_per_kwh=np.broadcast_to(said.backup_eur_per_kwh, (sinks, len(first))),
            work_s=self._expected_work(first, ends),
        )

    def _expected_work(self, first: Ints, ends: Ints) -> Floats:
        """Slot-seconds that will come in each span: as they do, or as they did at these hours of the days before."""
        step_s = self._series.step_s
        if not self._real:
            sums = self._work
            return np.asarray(
                sums[:, np.minimum(ends, sums.shape[1] - 1)] - sums[:, np.minimum(first, sums.shape[1] - 1)]
            )
        return expected_work_s(self._work, first, ends, max(1, round(_DAY_S / step_s)))


def _work_by_hour(jobs: Jobs, series: Series) -> Floats:
    """Cumulative slot-seconds submitted before each step, (4, steps + 1)."""
    step = np.minimum((jobs.submitted_s // series.step_s).astype(np.int64), series.steps - 1)
    sums = np.zeros((len(ServiceClass), series.steps + 1))
    for kind in ServiceClass:
        mine = jobs.service == kind
        sums[kind, 1:] = np.bincount(step[mine], (jobs.run_s * jobs.slots)[mine], series.steps)
    return np.cumsum(sums, axis=1)
