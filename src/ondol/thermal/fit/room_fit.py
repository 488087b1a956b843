"""Fits the two masses of a room to two or three weeks of its readings.

The model is that of `ondol.model.sink.Zone` (TiTe of Bacher & Madsen, Energy and Buildings 43, 2011):
``Ci dTi/dt = UAm (Tm − Ti) + UA (To − Ti) + s A I + gains + P``,
``Cm dTm/dt = UAm (Ti − Tm) + UAo (To − Tm) + (1 − s) A I``.
What is made small is the error of predictions a day ahead, as a planner uses them, not of single steps. Closed-loop
data alone say little (Lin et al., CDC 2012), and unbounded fits run away (`reference/heat.md` §1.2: 514 MJ/K): so
there are bounds by floor area, priors at what the host's survey says, and a verdict on what the readings themselves
told. The share s of the sun that the air gets at once is fitted along: where sun falls on the walls' inner skin, half
of it comes back to the air, and a wrong s bends aperture and loss (by 58 % and 10 % in a room of 25 m²).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.sink import Zone
from ondol.thermal.arrays import Floats
from ondol.thermal.fit.estimate import Estimate, Prior, estimate
from ondol.thermal.fit.room_open_loop import (
    RoomOpenLoop,
    RoomReadings,
    capacity_6h_j_per_k,
    loss_w_per_k,
    usable_windows,
)
from ondol.thermal.fit.windows import TOGETHER, covered_days

FIELDS = (
    "ua_w_per_k",
    "air_j_per_k",
    "mass_j_per_k",
    "mass_ua_w_per_k",
    "mass_outside_ua_w_per_k",
    "solar_aperture_m2",
    "gains_w",
)
BOUNDS_PER_M2 = {
    "ua_w_per_k": (0.05, 10.0),
    "air_j_per_k": (3e3, 2e5),
    "mass_j_per_k": (2e4, 1.5e6),
    "mass_ua_w_per_k": (1.0, 30.0),
    "mass_outside_ua_w_per_k": (0.01, 10.0),
    "solar_aperture_m2": (0.0, 0.6),
    "gains_w": (0.0, 50.0),
}
"""By m² of floor. TEASER's TABULA houses have 0.8 to 4.6 W/K of transmission and 480 to 850 kJ/K (`reference/heat.md`
§1.2); here a little more than twice that either way. Air alone has 3 kJ/K at 2.5 m; windows are rarely over 0.6 m²."""

LEAST_DAYS = 5.0
MOST_DOUBT = 0.5
"""A quantity is identified where the readings halve the prior's doubt about it."""

_LEAST = np.array([0.1, 1e3, 1e3, 0.1, 0.0, 0.0, 0.0])  # what `Zone` itself allows
_LOG_SD = (0.7, 0.5, 0.7, 0.7, 0.7)  # a survey's guess is right within a factor of two, two times of three
_LOGS = len(_LOG_SD)
_SOLAR_SD_PER_M2, _GAINS_SD_PER_M2 = 0.05, 3.0  # 5 % of the floor area; TABULA France has 3 to 4.2 W/m²
_SUN_ON_AIR, _SUN_ON_AIR_SD = 0.5, 0.25  # between all to the walls and all to the air
_START_SD_K = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomFit:
    """A fitted room.

    Parameters
    ----------
    zone : the prior zone with the fitted numbers
    sun_air_share : share of the sun that warms the air at once, 0 to 1
    standard_error : of each fitted field, in its unit; readings and prior together
    rmse_k : root mean square error of 24 h open-loop predictions of the same readings, every hour [K]
    loss_w_per_k : whole steady loss, `ua_w_per_k` with the walls in series
    capacity_6h_j_per_k : heat that lifts the air by 1 K if given evenly over six hours
    loss_doubt, capacity_doubt : standard error of these two over the prior's, 0 to 1
    identifiable : whether the readings at least halved the doubt about both
    reason : why, in words
    days : of readings that were used
    """

    zone: Zone
    sun_air_share: float
    standard_error: dict[str, float]
    rmse_k: float
    loss_w_per_k: float
    capacity_6h_j_per_k: float
    loss_doubt: float
    capacity_doubt: float
    identifiable: bool
    reason: str
    days: float


def fit_room(readings: RoomReadings, prior: Zone) -> RoomFit:
    """Fit a room's seven numbers.

    Parameters
    ----------
    readings : two or three weeks, best with set-backs: a room held at one temperature tells little
    prior : what is believed of it; its floor area sets the bounds

    Raises
    ------
    InvalidFieldError : less than five days that can be predicted from known inputs
    """
    laid = usable_windows(readings)
    days = covered_days(laid, readings.step_s)
    if days < LEAST_DAYS:
        raise InvalidFieldError("readings", f"{days:.1f} days", f"at least {LEAST_DAYS:g} days with all inputs known")
    run = RoomOpenLoop(readings, laid)
    belief = _prior(prior)
    found = estimate(
        lambda theta: run.errors(_zone(prior, theta), float(theta[-2]), float(theta[-1])), belief, together=TOGETHER
    )
    zone = _zone(prior, found.value)
    loss_doubt = found.doubt_left(_log_of(prior, loss_w_per_k))
    capacity_doubt = found.doubt_left(_log_of(prior, capacity_6h_j_per_k))
    spread_k = float(np.nanstd(readings.temp_c))
    return RoomFit(
        zone=zone,
        sun_air_share=float(found.value[-2]),
        standard_error=_standard_errors(prior, zone, found),
        rmse_k=found.rmse,
        loss_w_per_k=loss_w_per_k(zone),
        capacity_6h_j_per_k=capacity_6h_j_per_k(zone),
        loss_doubt=loss_doubt,
        capacity_doubt=capacity_doubt,
        identifiable=loss_doubt <= MOST_DOUBT and capacity_doubt <= MOST_DOUBT,
        reason=_reason(loss_doubt, capacity_doubt, spread_k),
        days=days,
    )


def _prior(zone: Zone) -> Prior:
    """Logarithms of conductances and capacities over the prior's; all others as they are."""
    bounds = np.array([BOUNDS_PER_M2[field] for field in FIELDS]) * zone.floor_area_m2
    values = _centre(zone)
    # who says more than the bounds knows better: those are widened to three times what he says
    low = np.maximum(np.minimum(bounds[:, 0], values / 3.0), _LEAST)
    high = np.maximum(bounds[:, 1], values * 3.0)
    linear_sd = _linear_scale(zone)
    return Prior(
        mean=np.concatenate([np.zeros(_LOGS), values[_LOGS:] / linear_sd, [_SUN_ON_AIR, 0.0]]),
        sd=np.concatenate([_LOG_SD, [1.0, 1.0], [_SUN_ON_AIR_SD, _START_SD_K]]),
        low=np.concatenate([np.log(low[:_LOGS] / values[:_LOGS]), [0.0, 0.0], [0.0, -10.0]]),
        high=np.concatenate([np.log(high[:_LOGS] / values[:_LOGS]), high[_LOGS:] / linear_sd, [1.0, 10.0]]),
    )


def _centre(zone: Zone) -> Floats:
    """The prior's numbers; none at 0 that is fitted by its logarithm."""
    least = np.array([BOUNDS_PER_M2[field][0] for field in FIELDS]) * zone.floor_area_m2
    values = np.array([float(getattr(zone, field)) for field in FIELDS])
    values[:_LOGS] = np.maximum(values[:_LOGS], np.where(values[:_LOGS] > 0.0, 0.0, least[:_LOGS]))
    return values


def _linear_scale(zone: Zone) -> Floats:
    area = zone.floor_area_m2
    values = np.array([zone.solar_aperture_m2, zone.gains_w])
    return np.maximum([_SOLAR_SD_PER_M2 * area, _GAINS_SD_PER_M2 * area], 0.5 * values)


def _zone(prior: Zone, theta: Floats) -> Zone:
    logs = _centre(prior)[:_LOGS] * np.exp(theta[:_LOGS])
    linear = theta[_LOGS : _LOGS + 2] * _linear_scale(prior)
    # a difference quotient may step an ulp over a bound, which the noun would refuse
    numbers = np.maximum(np.concatenate([logs, linear]), _LEAST)
    return replace(prior, **dict(zip(FIELDS, numbers.tolist(), strict=True)))


def _log_of(prior: Zone, quantity: Callable[[Zone], float]) -> Callable[[Floats], float]:
    return lambda theta: float(np.log(quantity(_zone(prior, theta))))


def _standard_errors(prior: Zone, zone: Zone, found: Estimate) -> dict[str, float]:
    sd = np.sqrt(np.diag(found.covariance))
    scale = np.concatenate([[float(getattr(zone, field)) for field in FIELDS[:_LOGS]], _linear_scale(prior)])
    return dict(zip(FIELDS, (sd[: len(FIELDS)] * scale).tolist(), strict=True))


def _reason(loss_doubt: float, capacity_doubt: float, spread_k: float) -> str:
    said = (
        f"readings leave {100 * loss_doubt:.0f} % of the doubt about the loss and {100 * capacity_doubt:.0f} % of that "
        f"about the capacity; the room moved by {spread_k:.2f} K (standard deviation)"
    )
    poor = [name for name, doubt in (("loss", loss_doubt), ("capacity", capacity_doubt)) if doubt > MOST_DOUBT]
    if not poor:
        return said
    return (
        f"excitation too low for the {' and the '.join(poor)}: {said}; "
        "let the set point fall by 2 to 3 K for two nights, or read on through a change of weather"
    )
