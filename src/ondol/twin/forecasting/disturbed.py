"""The truth as forecast: as it comes, or disturbed by errors of first order that grow with the lead."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.compiled import compiled
from ondol.twin.forecasting.expected import Expected, normal_quantiles_w
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series, draw_row
from ondol.twin.stores import Stores

_TEMP, _CARBON, _DEMAND = 0, 1, 2


class Disturbed:
    """Forecasts of kinds perfect and real.

    Errors are AR(1) in hours from the issue on, none at lead 0 and growing to their stationary size (`ForecastSpec`);
    each issue draws anew from the seed and its number, so that a run is the same each time. Draws are expected as the
    mean of all households' weeks, not as they will be; networks with an error of their own.
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores) -> None:
        self._scenario, self._series, self._stores = scenario, series, stores
        self._backup_g, self._backup_eur = backup_rates(scenario, series)
        self._real = scenario.forecast.kind == "real"
        self._networks = np.unique(stores.kind[stores.network])
        mean_row = series.draws[draw_row(0, 8)]
        self._expected_draws = np.broadcast_to(mean_row, series.draws.shape)

    def expect(self, step: int, first: Ints, ends: Ints) -> Expected:
        """Forecast spans that follow each other, issued at the beginning of a step.

        Parameters
        ----------
        first, ends : steps of each span, the last one excluded; the first is `step` or later
        """
        series, spec = self._series, self._scenario.forecast
        begin, last = int(first[0]), int(ends[-1])
        cuts, ahead = first - begin, begin - step
        window = slice(begin, last)
        outdoor, grid = series.outdoor_c[:, window], series.grid_g_per_kwh[window]
        share = np.zeros(len(first))
        draws = series.draws[:, window]
        backup_g, backup_eur = self._backup_g[window], self._backup_eur[window]
        if self._real:
            outdoor = outdoor + spec.temp_sigma_k * self._errors(step, last - step, _TEMP)[ahead:]
            factor = carbon_factor(self._scenario, series, step, last - step)[ahead:]
            grid = grid * factor
            draws = self._expected_draws[:, window]
            if self._scenario.backup.kind == "heat_pump":
                backup_g = backup_g * factor
        demand = self._stores.demand_of_kinds_w(first, ends, outdoor, series.solar_w_m2[:, window], draws)
        if self._real:
            hours = (0.5 * (first + ends) - step) * series.step_s / 3600.0
            share = spec.demand_sigma * np.sqrt(1.0 - spec.phi ** (2.0 * hours))

        def mean(values: Floats) -> Floats:
            return np.asarray(np.add.reduceat(values, cuts, axis=-1) / (ends - first))

        if self._real and len(self._networks):
            error = spec.demand_sigma * mean(self._errors(step, last - step, _DEMAND)[ahead:])
            demand[self._networks] *= np.maximum(1.0 + error, 0.1)
        return Expected(
            demand_w=demand,
            quantiles_w=normal_quantiles_w(demand, share),
            outdoor_c=mean(outdoor),
            grid_g_per_kwh=mean(grid),
            backup_g_per_kwh=mean(backup_g),
            backup_eur_per_kwh=mean(backup_eur),
        )

    def _errors(self, step: int, count: int, kind: int) -> Floats:
        return _errors(self._scenario, self._series, step, count, kind)


def carbon_factor(scenario: Scenario, series: Series, step: int, count: int) -> Floats:
    """By what the grid's carbon is over- or underestimated in the coming steps, (count,)."""
    error = scenario.forecast.carbon_sigma * _errors(scenario, series, step, count, _CARBON)
    return np.maximum(1.0 + error, 0.1)


def _errors(scenario: Scenario, series: Series, step: int, count: int, kind: int) -> Floats:
    """AR(1) of unit stationary size over the coming steps, linear between its hours."""
    phi = scenario.forecast.phi
    hours = int(np.ceil(count * series.step_s / 3600.0)) + 1
    lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([scenario.seed, step, kind])))
    noise = lots.standard_normal(hours) * np.sqrt(1.0 - phi * phi)
    return np.asarray(_autoregressive(phi, noise, count, series.step_s))


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
