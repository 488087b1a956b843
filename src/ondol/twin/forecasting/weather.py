"""Weather forecasts of the twin: issued every six hours, wrong by errors that grow with the lead."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats
from ondol.thermal.forecast.ar1 import SUN_PHI, SUN_SIGMA, ar1_errors
from ondol.twin.forecasting.hours import hourly
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series

ISSUE_H = 6
"""Global models run at 00, 06, 12 and 18 UTC (ECMWF and GFS alike)."""

_TEMP_RANGE_C, _SUN_MAX_W_M2 = (-70.0, 60.0), 1500.0


class WeatherForecasts:
    """What the last issue before an hour says of the hours from it on.

    Errors as in `thermal.forecast.ar1`: AR(1) by the hour, shocks shared by successive issues; the temperature's size
    and φ are those of `ForecastSpec`, the sun's those of BOPTEST's level "low". Each sky errs by itself.

    Parameters
    ----------
    before_h : hours that were read before the scenario's begin; hours count from the first of them
    """

    def __init__(self, scenario: Scenario, series: Series, before_h: int = 0) -> None:
        self._before_h = before_h
        self._spec, self._seed = scenario.forecast, scenario.seed
        self._outdoor_c = hourly(series.outdoor_c, series.step_s)
        self._sun_w_m2 = hourly(series.solar_w_m2, series.step_s)

    def ahead(self, hour: int, count: int) -> tuple[Floats, Floats]:
        """Give outdoor temperature [°C] and sun [W/m²] of `count` hours from `hour` on, as last issued, (skies, count).

        Hours after the last that the scenario has are as that one.
        """
        issue = hour - hour % ISSUE_H
        skies, hours = self._outdoor_c.shape
        at = np.minimum(hour - self._before_h + np.arange(count), hours - 1)
        outdoor, sun = self._outdoor_c[:, at], self._sun_w_m2[:, at]
        leads, skip = hour - issue + count, hour - issue
        spec = self._spec
        for sky in range(skies):
            seed = (self._seed * 4096 + sky) * 2
            error_k = ar1_errors(leads, spec.temp_sigma_k, spec.phi, seed, first_step=issue)[skip:]
            outdoor[sky] += error_k
            sun[sky] *= 1.0 + ar1_errors(leads, SUN_SIGMA, SUN_PHI, seed + 1, first_step=issue)[skip:]
        return np.clip(outdoor, *_TEMP_RANGE_C), np.clip(sun, 0.0, _SUN_MAX_W_M2)
