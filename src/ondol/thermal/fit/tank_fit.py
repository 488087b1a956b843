"""Fits a tank's standing loss and effective capacity to readings of its mean temperature, charge and draws.

``C dT/dt = Q − D − UA (T − T_amb)``: a balance, so layers do not matter as long as the thermometers stand for the whole
tank; where they do not, C is what their mean answers to (hence effective). Charging shows C, standing shows UA/C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.sink import Tank
from ondol.thermal.arrays import Floats
from ondol.thermal.fit.estimate import Prior, estimate
from ondol.thermal.fit.windows import TOGETHER, Windows, checked_readings, covered_days, windows
from ondol.thermal.linear import phi1
from ondol.thermal.tank_parameters import standing_loss_w_per_k
from ondol.thermal.water import WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3

LEAST_DAYS = 1.0
MOST_DOUBT = 0.5

_LOG_SD = np.array([0.5, 0.3])  # UA within a factor of 1.6, volume within a third, two times of three
_SPAN = np.array([np.log(10.0), np.log(3.0)])  # and never beyond these either way


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TankReadings:
    """Readings of one tank at even steps, shape (n,), nan where unknown.

    Parameters
    ----------
    step_s : 60 to 3600 s
    temp_c : mean of the thermometers at the beginning of each step [°C]
    charge_w : heat from the boiler into the tank, mean over each step [W]
    draw_w : heat drawn above mains temperature, mean over each step [W]; from a heat meter, or `draw_heat_w`
    ambient_c : around the tank [°C]

    Raises
    ------
    InvalidFieldError : impossible values, lengths that differ
    """

    step_s: float
    temp_c: Floats
    charge_w: Floats
    draw_w: Floats
    ambient_c: Floats

    def __post_init__(self) -> None:
        read = checked_readings(
            "readings",
            self.step_s,
            {
                "temp_c": (self.temp_c, -5.0, 110.0, "°C"),
                "charge_w": (self.charge_w, -1e5, 1e8, "W"),
                "draw_w": (self.draw_w, -1e5, 1e8, "W"),
                "ambient_c": (self.ambient_c, -40.0, 60.0, "°C"),
            },
        )
        for field, series in read.items():
            object.__setattr__(self, field, series)


@dataclass(frozen=True, slots=True, kw_only=True)
class TankFit:
    """A fitted tank.

    Parameters
    ----------
    tank : the prior tank with the fitted `ua_w_per_k`
    ua_w_per_k, capacity_j_per_k : standing loss and effective capacity
    ua_error_w_per_k, capacity_error_j_per_k : their standard errors, readings and prior together
    rmse_k : root mean square error of open-loop predictions over up to 24 h [K]
    ua_doubt, capacity_doubt : standard error over the prior's, 0 to 1
    identifiable, reason : whether the readings at least halved the doubt about both, and why
    days : of readings that were used
    """

    tank: Tank
    ua_w_per_k: float
    capacity_j_per_k: float
    ua_error_w_per_k: float
    capacity_error_j_per_k: float
    rmse_k: float
    ua_doubt: float
    capacity_doubt: float
    identifiable: bool
    reason: str
    days: float


def draw_heat_w(draw_kg_s: Floats, outlet_c: Floats, mains_c: Floats) -> Floats:
    """Heat in the water that a flow meter saw, above mains temperature [W]; nan where any of the three is."""
    return np.asarray(draw_kg_s * WATER_CP_J_PER_KG_K * (np.asarray(outlet_c) - mains_c))


def fit_tank(readings: TankReadings, prior: Tank) -> TankFit:
    """Fit standing loss and effective capacity.

    Steps whose draw is unknown are left out: standing and charging between them is enough.

    Parameters
    ----------
    readings : some days with charging and with standing at temperature
    prior : its volume and loss, or the usual loss of its volume (EN 15316-5 annex B) where its own is 0

    Raises
    ------
    InvalidFieldError : less than a day of known stretches of 2 h or more
    """
    seen = ~np.isnan(readings.temp_c)
    known = ~(np.isnan(readings.charge_w) | np.isnan(readings.draw_w) | np.isnan(readings.ambient_c))
    laid = windows(known, seen, seen, readings.step_s)
    days = covered_days(laid, readings.step_s)
    if days < LEAST_DAYS:
        raise InvalidFieldError("readings", f"{days:.1f} days", f"at least {LEAST_DAYS:g} days in stretches of 2 h")
    ua = prior.ua_w_per_k if prior.ua_w_per_k > 0.0 else float(standing_loss_w_per_k(prior.volume_l).item())
    typical = np.array([ua, prior.volume_l / 1000.0 * WATER_DENSITY_KG_PER_M3 * WATER_CP_J_PER_KG_K])
    belief = Prior(mean=np.zeros(2), sd=_LOG_SD, low=-_SPAN, high=_SPAN)

    def residuals(theta: Floats) -> Floats:
        return _errors(readings, laid, *(typical * np.exp(theta)).tolist())

    found = estimate(residuals, belief, together=TOGETHER)
    ua_found, capacity = (typical * np.exp(found.value)).tolist()
    sd = np.sqrt(np.diag(found.covariance))
    ua_doubt, capacity_doubt = (sd / _LOG_SD).tolist()
    return TankFit(
        tank=replace(prior, ua_w_per_k=ua_found),
        ua_w_per_k=ua_found,
        capacity_j_per_k=capacity,
        ua_error_w_per_k=ua_found * float(sd[0]),
        capacity_error_j_per_k=capacity * float(sd[1]),
        rmse_k=found.rmse,
        ua_doubt=ua_doubt,
        capacity_doubt=capacity_doubt,
        identifiable=ua_doubt <= MOST_DOUBT and capacity_doubt <= MOST_DOUBT,
        reason=_reason(ua_doubt, capacity_doubt),
        days=days,
    )


def _errors(readings: TankReadings, laid: Windows, ua_w_per_k: float, capacity_j_per_k: float) -> Floats:
    """Predicted less measured temperature at every compared moment of every window [K]; exact steps."""
    z = np.array(-ua_w_per_k * readings.step_s / capacity_j_per_k)
    keep, held = float(np.exp(z)), float(phi1(z)) * readings.step_s / capacity_j_per_k
    push = held * np.nan_to_num(readings.charge_w - readings.draw_w + ua_w_per_k * readings.ambient_c)
    longest = int(laid.length.max())
    temps = np.empty((laid.start.size, longest + 1))
    temps[:, 0] = readings.temp_c[laid.start]
    for k in range(longest):
        temps[:, k + 1] = keep * temps[:, k] + push[np.minimum(laid.start + k, push.size - 1)]
    return np.asarray(temps[laid.window, laid.step] - readings.temp_c[laid.start[laid.window] + laid.step])


def _reason(ua_doubt: float, capacity_doubt: float) -> str:
    said = (
        f"readings leave {100 * ua_doubt:.0f} % of the doubt about the standing loss and {100 * capacity_doubt:.0f} % "
        "of that about the capacity"
    )
    wants = [
        want
        for want, doubt in (("stand hot for a night", ua_doubt), ("be charged by 5 K or more", capacity_doubt))
        if doubt > MOST_DOUBT
    ]
    return f"excitation too low: {said}; let the tank {' and '.join(wants)}" if wants else said
