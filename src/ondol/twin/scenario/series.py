"""All that comes to a scenario from outside, step by step, with two days beyond its end for forecasts."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.signals.carbon import GridCarbon
from ondol.signals.water import CYCLE_STEPS, MONDAY, SHIFT_WEEKS, STEP_S
from ondol.signals.year import HOURS_OF_YEAR, STANDARD_TIME, Floats, hour_of_year, read_packed
from ondol.twin.scenario.nouns import Scenario, SiteSpec
from ondol.twin.scenario.sinks import NetworkSpec
from ondol.twin.scenario.sky import Sky, read_sky
from ondol.twin.scenario.stamped import by_hour_of_year, read_prices, read_stamped

BEYOND_S = 2 * 86_400.0
_LOW_PASS_H = 12.0  # a network's demand follows the outdoor temperature of the last half day (heat.md §6)
# Hourly shape of a network's demand around its mean; a morning and an evening peak, BDEW/VDI profiles as in demandlib.
_NETWORK_SHAPE = np.array(
    [
        *(0.80, 0.78, 0.77, 0.78, 0.84, 1.00, 1.22, 1.28, 1.20, 1.10, 1.04, 1.00),  # night and morning
        *(0.98, 0.96, 0.95, 0.96, 1.02, 1.10, 1.16, 1.15, 1.08, 1.02, 0.94, 0.87),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Means over each step, (rows, steps + beyond).

    Parameters
    ----------
    steps : of the scenario; the arrays go on for `BEYOND_S`
    hours : local standard hour of the day in the middle of each step (UTC+1), [0, 24)
    outdoor_c, solar_w_m2, mains_c : one row a sky; `sky_of_site` gives a site's
    grid_g_per_kwh, price_eur_per_kwh : (steps + beyond,)
    draws : hot water of a household of 1 L/day [kg/s per L/day]; one row for each first week and number of households
    """

    begin_s: float
    step_s: float
    steps: int
    hours: Floats
    outdoor_c: Floats
    solar_w_m2: Floats
    mains_c: Floats
    sky_of_site: dict[str, int]
    grid_g_per_kwh: Floats
    price_eur_per_kwh: Floats
    draws: Floats

    @property
    def length(self) -> int:
        """Steps of the arrays."""
        return len(self.grid_g_per_kwh)

    def network_w(self, spec: NetworkSpec, sky: int) -> Floats:
        """Heat that a network asks for in each step [W]."""
        steps_h = self.step_s / 3600.0
        keep = math.exp(-steps_h / _LOW_PASS_H)
        smooth = np.empty(self.length)
        level = float(self.outdoor_c[sky, : max(1, round(24 / steps_h))].mean())
        for step, temp_c in enumerate(self.outdoor_c[sky].tolist()):
            level = keep * level + (1.0 - keep) * temp_c
            smooth[step] = level
        heat_w = spec.base_w + spec.slope_w_per_k * np.maximum(0.0, spec.limit_c - smooth)
        return np.asarray(spec.share * heat_w * _NETWORK_SHAPE[self.hours.astype(np.int64) % 24])


def make_series(scenario: Scenario, base: Path) -> Series:
    """Read and lay out all series of a scenario.

    Parameters
    ----------
    base : folder that relative paths count from

    Raises
    ------
    NotFoundError, InvalidFieldError : as of `read_sky` and `read_stamped`
    """
    step_s = float(scenario.step_s)
    length = scenario.steps + math.ceil(BEYOND_S / step_s)
    middle_h: Floats = (np.arange(length, dtype=np.float64) + 0.5) * (step_s / 3600.0)
    first_h = hour_of_year(scenario.begin, STANDARD_TIME)
    skies: list[Sky] = []
    known: dict[tuple[str, str, float, float], int] = {}
    sky_of_site: dict[str, int] = {}
    for site in scenario.site:
        key = (site.climate, site.mains, site.latitude_deg, site.longitude_deg)
        if key not in known:
            known[key] = len(skies)
            skies.append(read_sky(*key, base))
        sky_of_site[site.id] = known[key]
    return Series(
        begin_s=scenario.begin.timestamp(),
        step_s=step_s,
        steps=scenario.steps,
        hours=np.asarray((first_h + middle_h) % 24.0),
        outdoor_c=np.stack([_between(sky.temp_c, first_h + middle_h) for sky in skies]),
        solar_w_m2=np.stack([_between(sky.solar_w_m2, first_h + middle_h) for sky in skies]),
        mains_c=np.stack([_between(sky.mains_c, first_h + middle_h) for sky in skies]),
        sky_of_site=sky_of_site,
        grid_g_per_kwh=_grid(scenario, base, length),
        price_eur_per_kwh=_prices(scenario, base, length),
        draws=_draws(scenario.begin, length, step_s),
    )


def draw_row(first_week: int, households: int) -> int:
    """Row of `Series.draws` for a sink whose households begin with a week of the file."""
    return (first_week % SHIFT_WEEKS) * SHIFT_WEEKS + min(max(households, 1), SHIFT_WEEKS) - 1


def local_hours(series: Series, site: SiteSpec) -> Floats:
    """Hour of the day of each step's middle by the site's own clock, [0, 24)."""
    zone = ZoneInfo(site.timezone)
    first = dt.datetime.fromtimestamp(series.begin_s, dt.UTC)
    days = math.ceil(series.length * series.step_s / 86_400.0) + 1
    offset = [(first + dt.timedelta(days=day)).astimezone(zone).utcoffset() for day in range(days)]
    offset_s = np.array([0.0 if one is None else one.total_seconds() for one in offset])
    at_s = (np.arange(series.length) + 0.5) * series.step_s
    return np.asarray(((series.begin_s + at_s + offset_s[(at_s // 86_400.0).astype(np.int64)]) / 3600.0) % 24.0)


def _between(hourly: Floats, at_h: Floats) -> Floats:
    """Linear between the middles of the hours, round the year."""
    place = at_h - 0.5
    before = np.floor(place).astype(np.int64)
    share = place - before
    return np.asarray(hourly[before % HOURS_OF_YEAR] * (1 - share) + hourly[(before + 1) % HOURS_OF_YEAR] * share)


def _grid(scenario: Scenario, base: Path, length: int) -> Floats:
    grid = scenario.grid
    if not grid.path:
        carbon = GridCarbon.load(grid.country)
        return np.concatenate(
            [
                carbon.horizon(
                    scenario.begin + dt.timedelta(seconds=row * float(scenario.step_s)),
                    min(50_000, length - row),
                    float(scenario.step_s),
                )
                for row in range(0, length, 50_000)
            ]
        )
    hourly = by_hour_of_year(*read_stamped(base / grid.path))
    _possible("grid.path", hourly, 0.0, 3000.0, "gCO2e/kWh")
    return _at(hourly, scenario, length)


def _prices(scenario: Scenario, base: Path, length: int) -> Floats:
    if not scenario.grid.price_path:
        return np.full(length, scenario.grid.price_eur_per_kwh)
    hourly = by_hour_of_year(*read_prices(base / scenario.grid.price_path))
    _possible("grid.price_path", hourly, -15.0, 15.0, "€/kWh")
    return _at(hourly, scenario, length)


def _possible(field: str, hourly: Floats, low: float, high: float, unit: str) -> None:
    """Refuse values that no grid has: most often another unit."""
    wrong = np.flatnonzero((hourly < low) | (hourly > high))
    if len(wrong):
        raise InvalidFieldError(
            f"{field}, hour {int(wrong[0])} of the year", float(hourly[wrong[0]]), f"{low:g} to {high:g} {unit}"
        )


def _at(hourly: Floats, scenario: Scenario, length: int) -> Floats:
    first_h = hour_of_year(scenario.begin, dt.UTC)
    at_h = first_h + (np.arange(length) + 0.5) * (float(scenario.step_s) / 3600.0)
    return np.asarray(hourly[np.floor(at_h).astype(np.int64) % HOURS_OF_YEAR])


def _draws(begin: dt.datetime, length: int, step_s: float) -> Floats:
    """Rows of `draw_row`: mean of so many households, each a week on, scaled to 1 L/day in the mean [kg/s]."""
    litres = read_packed("hot_water_200l_10min.csv.gz").ravel()[:CYCLE_STEPS] * (STEP_S / 3600.0)
    sums = np.concatenate(([0.0], np.cumsum(litres)))
    edges = (begin - MONDAY).total_seconds() / STEP_S + np.arange(length + 1) * (step_s / STEP_S)
    scale = (CYCLE_STEPS / 144) / sums[-1] / step_s
    weeks = []
    for week in range(SHIFT_WEEKS):
        cycles, place = np.divmod(edges + week * 7 * 144, CYCLE_STEPS)
        weeks.append(np.diff(cycles * sums[-1] + np.interp(place, np.arange(len(sums)), sums)) * scale)
    rows = []
    for first in range(SHIFT_WEEKS):
        total = np.zeros(length)
        for households in range(1, SHIFT_WEEKS + 1):
            total = total + weeks[(first + households - 1) % SHIFT_WEEKS]
            rows.append(total / households)
    return np.stack(rows)
