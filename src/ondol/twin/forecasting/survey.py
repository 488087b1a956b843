"""What hosts say of their sinks before there are readings: the year's heat, the volume of their draws; never exact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats
from ondol.signals.water import CYCLE_STEPS, STEP_S
from ondol.signals.year import read_packed
from ondol.thermal.forecast.profile import HOURS_OF_YEAR, DegreeHourProfile
from ondol.thermal.forecast.series import HOURS_OF_WEEK
from ondol.twin.forecasting.hours import HOUR_S
from ondol.twin.forecasting.pooling import Pooled
from ondol.twin.plant.pools import Pools
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.sinks import NetworkSpec, PoolSpec, RoomSpec, TankSpec

DEGREE_HOURS_KH = 50_000.0
"""Of a normal French year at base 15 to 16 °C: 39,000 to 53,000 in the packaged H1a and H2b. It only says how much of
the year's heat falls on a kelvin, and both are scaled by it here."""

_SURVEY = 13  # of the draws of lots, beside those of the outlook and the fleet
_MAINS_C = 12.0  # cold water in the mean of a French year
_LITRES_A_HOUSEHOLD = 200.0  # a day; as `Plant` counts households


def survey_factors(scenario: Scenario, groups: Pooled) -> Floats:
    """By what each host is wrong, (groups,): log-normal of size `demand_sigma`, drawn once from the seed."""
    lots = np.random.Generator(np.random.PCG64(np.random.SeedSequence([scenario.seed, _SURVEY])))
    return np.exp(scenario.forecast.demand_sigma * lots.standard_normal(len(groups.first)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is believed of a sink that is no tank: heat that it always needs, and per kelvin below a base.

    Parameters
    ----------
    constant_w, per_kelvin_w, base_c : heat [W], [W/K], outdoor temperature [°C]
    """

    constant_w: float
    per_kelvin_w: float
    base_c: float

    def raised(self, by_w: float = 0.0) -> DegreeHourProfile:
        """As the profile of a forecaster, with so much added to all demand."""
        always_wh = (self.constant_w + by_w) * HOURS_OF_YEAR
        annual_wh = max(always_wh + self.per_kelvin_w * DEGREE_HOURS_KH, 1.0)
        return DegreeHourProfile(
            annual_kwh=annual_wh / 1000.0,
            annual_degree_hours_kh=DEGREE_HOURS_KH,
            base_temp_c=self.base_c,
            constant_share=min(always_wh / annual_wh, 1.0),
        )


def surveyed(groups: Pooled, group: int, factor: float) -> Survey:
    """Give what a host said.

    Of a room its loss below the outdoor temperature at which people suffice, of a network its contract's base and
    slope, of a pool what its basin loses by day and by night in the mean.

    Parameters
    ----------
    factor : of `survey_factors`

    Raises
    ------
    InvalidFieldError : a tank, of which litres are read
    """
    spec = groups.spec[group]
    if isinstance(spec, RoomSpec):
        walls = spec.mass_ua_w_per_k + spec.mass_outside_ua_w_per_k
        loss_w_per_k = spec.ua_w_per_k + spec.mass_ua_w_per_k * spec.mass_outside_ua_w_per_k / walls
        base_c = spec.setpoint_c - spec.band_k - spec.gains_w / max(loss_w_per_k, 1e-6)
        return Survey(constant_w=0.0, per_kelvin_w=factor * loss_w_per_k, base_c=min(max(base_c, 5.0), 30.0))
    if isinstance(spec, NetworkSpec):
        base_w, slope_w_per_k = spec.share * spec.base_w, spec.share * spec.slope_w_per_k
        return Survey(
            constant_w=factor * base_w, per_kelvin_w=factor * slope_w_per_k, base_c=min(max(spec.limit_c, 5.0), 30.0)
        )
    if isinstance(spec, PoolSpec):
        basin = Pools((spec,), np.zeros(1, dtype=np.int64), step_s=HOUR_S)
        mains = np.array([_MAINS_C])
        held_w = 0.5 * (basin.loss_w(basin.lower_c, 12.0, mains) + basin.loss_w(basin.lower_c, 0.0, mains))
        return Survey(constant_w=factor * max(float(held_w[0]), 0.0), per_kelvin_w=0.0, base_c=15.0)
    raise InvalidFieldError("sink", type(spec).__name__, "a room, a network or a pool")


def draw_profile_l(spec: TankSpec) -> Floats:
    """Weeks of hourly draws of like households on another calendar, (weeks, 168), Monday first; scale without meaning.

    The packaged household's weeks, as many in the mean as the tank has households.
    """
    households = min(max(round(spec.draw_l_per_day / _LITRES_A_HOUSEHOLD), 1), 8)
    weeks = _household_weeks()
    blocks = len(weeks) // households
    return np.asarray(weeks[: blocks * households].reshape(blocks, households, HOURS_OF_WEEK).mean(axis=1))


@lru_cache(maxsize=1)
def _household_weeks() -> Floats:
    """A household's year by the hour, (weeks, 168)."""
    litres = read_packed("hot_water_200l_10min.csv.gz").ravel()[:CYCLE_STEPS] * (STEP_S / HOUR_S)
    hours = litres.reshape(-1, round(HOUR_S / STEP_S)).sum(axis=1)
    whole = len(hours) // HOURS_OF_WEEK
    return np.asarray(hours[: whole * HOURS_OF_WEEK].reshape(whole, HOURS_OF_WEEK))
