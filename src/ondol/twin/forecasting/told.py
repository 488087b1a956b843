"""What is known beforehand without learning: clocks, set-points that hosts have asked for, prices."""

from __future__ import annotations

import numpy as np

from ondol.accounting.backup_heat import backup_heat_rates
from ondol.model.view import Floats, Ints
from ondol.twin.forecasting.disturbed import carbon_factor
from ondol.twin.forecasting.expected import Expected
from ondol.twin.forecasting.hours import HOUR_S, hours_of_week, means_over
from ondol.twin.forecasting.pooling import Pooled
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.scenario.sinks import TankSpec
from ondol.twin.stores import Stores


class Told:
    """Makes forecasts of spans from hourly forecasts of groups, which are in the unit that each group is read in.

    Parameters
    ----------
    before_h : hours that were read before the scenario's begin; hours count from the first of them
    """

    def __init__(self, scenario: Scenario, series: Series, stores: Stores, groups: Pooled, before_h: int) -> None:
        self._before_h = before_h
        self._scenario, self._series, self._stores, self._groups = scenario, series, stores, groups
        self._backup_g, self._backup_eur = backup_rates(scenario, series)
        hours = before_h + int(np.ceil(series.length * series.step_s / HOUR_S)) + 2
        zones = sorted(set(groups.timezone))
        clocks = {zone: hours_of_week(series.begin_s - before_h * HOUR_S, hours, zone) for zone in zones}
        self._clock = [clocks[zone] for zone in groups.timezone]
        self._tanks = np.flatnonzero(groups.tanks)
        self._l_per_day = np.array(
            [max(spec.draw_l_per_day, 1e-9) for spec in groups.spec if isinstance(spec, TankSpec)], dtype=np.float64
        )
        kinds = np.arange(len(groups.of_kind), dtype=np.int64)
        self._tank_kind = np.zeros(len(groups.first), dtype=np.int64)
        self._tank_kind[groups.of_kind] = kinds
        self._of_water_hour, self._of_water = -1, (np.zeros(0), np.zeros(0))

    def hour_of(self, step: int) -> int:
        """Whole hours since the first reading that are over at the beginning of a step."""
        return self._before_h + int((step * self._series.step_s + 1e-6) // HOUR_S)

    def hours_of_week(self, group: int, first: int, count: int) -> Ints:
        """Hours of the week of hours since the first reading, by the clock of a group's site."""
        clock = self._clock[group]
        return clock[np.minimum(np.arange(first, first + count), len(clock) - 1)]

    def over_spans(self, hourly: Floats, from_hour: int, first: Ints, ends: Ints) -> Floats:
        """Means of hourly rows, of which the first begins with `from_hour`, over spans of steps."""
        edges = np.concatenate([first, ends[-1:]]) * self._series.step_s - (from_hour - self._before_h) * HOUR_S
        return means_over(hourly, HOUR_S, edges)

    def disturbed_carbon(self, step: int, first: Ints, ends: Ints) -> Floats:
        """The grid's carbon with the errors of `ForecastSpec`, over spans [gCO2e/kWh]."""
        last = int(ends[-1])
        said = self._series.grid_g_per_kwh[step:last] * carbon_factor(self._scenario, self._series, step, last - step)
        return np.asarray(np.add.reduceat(said, first - step) / (ends - first))

    def expected(
        self,
        step: int,
        first: Ints,
        ends: Ints,
        *,
        mean: Floats,
        quantiles: Floats,
        from_hour: int,
        outdoor_c: Floats,
        carbon: Floats,
    ) -> Expected:
        """Put hourly forecasts of groups as demand of kinds over spans.

        Litres become heat by the cold water's temperature of now; rooms get the heat of rises of their lower limit.

        Parameters
        ----------
        mean, quantiles : (groups, hours), (3, groups, hours) from `from_hour` on
        outdoor_c, carbon : over the spans
        """
        heat = self._heat_w(step, mean, from_hour, first, ends)
        bands = np.stack([self._heat_w(step, one, from_hour, first, ends) for one in quantiles])
        rise_w = self._stores.rise_of_kinds_w(first, ends)
        backup_g = np.add.reduceat(self._backup_g[first[0] : ends[-1]], first - first[0]) / (ends - first)
        if self._scenario.backup.kind == "heat_pump":
            backup_g, _ = backup_heat_rates("heat_pump", self._scenario.grid.method, carbon, carbon)
        eur = np.add.reduceat(self._backup_eur[first[0] : ends[-1]], first - first[0]) / (ends - first)
        of_kind = self._groups.of_kind
        return Expected(
            demand_w=heat[of_kind] + rise_w,
            quantiles_w=bands[:, of_kind] + rise_w,
            outdoor_c=outdoor_c,
            grid_g_per_kwh=carbon,
            backup_g_per_kwh=np.asarray(backup_g),
            backup_eur_per_kwh=np.asarray(eur),
        )

    def _heat_w(self, step: int, hourly: Floats, from_hour: int, first: Ints, ends: Ints) -> Floats:
        heat = self.over_spans(hourly, from_hour, first, ends)
        tanks = self._tanks
        if len(tanks):
            standing_w, w_per_l_per_h = self._heat_of_water(step)
            heat[tanks] = standing_w[:, None] + w_per_l_per_h[:, None] * heat[tanks]
        return heat

    def _heat_of_water(self, step: int) -> tuple[Floats, Floats]:
        """Of each tank what it needs with no draw [W] and for a litre an hour, by the cold water of now [W/(L/h)].

        By the stores' own equation, which is straight in the draw: asked with none, and with one for each L/day.
        """
        hour = self.hour_of(step)
        if hour != self._of_water_hour:
            series, step = self._series, min(step, self._series.length - 1)
            window = slice(step, step + 1)
            first, ends = np.array([step]), np.array([step + 1])
            outdoor, solar, draws = series.outdoor_c[:, window], series.solar_w_m2[:, window], series.draws[:, window]
            none, one = (
                self._stores.demand_of_kinds_w(first, ends, outdoor, solar, np.full_like(draws, drawn))[:, 0]
                for drawn in (0.0, 1.0 / HOUR_S)
            )
            of_tank = self._tank_kind[self._tanks]
            self._of_water = none[of_tank], (one - none)[of_tank] / self._l_per_day
            self._of_water_hour = hour
        return self._of_water
