"""Fits a tank from which hot water is drawn at hours that nobody told: steps that lack heat are left out, step by step.

What a step lacks is ``D = Q − UA (T − T_amb) − C dT/dt``. A draw is never below 0 and mostly far above what sensors
scatter, so its steps stand out on one side of the others. Leaving them out changes UA and C, and these what stands out:
it is repeated until nothing changes. Water that runs all the time, e.g. a circulation, cannot be told from a loss.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.sink import Tank
from ondol.model.view import Bools
from ondol.thermal.arrays import Floats
from ondol.thermal.fit.tank_fit import LEAST_DAYS, TankFit, TankReadings, fit_tank
from ondol.thermal.tank_parameters import standing_loss_w_per_k
from ondol.thermal.water import WATER_CP_J_PER_KG_K, WATER_DENSITY_KG_PER_M3

_SIGMAS = 3.0
_ROUNDS = 6
_LEAST_STEPS = 12
_SIGMA_OF_MAD = 1.4826  # standard deviation over median absolute deviation, of a normal distribution


def fit_tank_with_draws(readings: TankReadings, prior: Tank) -> tuple[TankFit, float]:
    """Fit a tank where some steps had draws that nobody measured; also the share of known steps that were left out.

    Parameters
    ----------
    readings : `draw_w` is 0 where nothing should be drawn, nan where it is not known
    prior : as of `fit_tank`

    Raises
    ------
    InvalidFieldError : between the draws there is not a day of stretches of 2 h
    """
    known = np.isfinite(readings.draw_w) & np.isfinite(_lacking_w(readings, 0.0, 1.0))
    ua = prior.ua_w_per_k if prior.ua_w_per_k > 0.0 else float(standing_loss_w_per_k(prior.volume_l).item())
    capacity = prior.volume_l / 1000.0 * WATER_DENSITY_KG_PER_M3 * WATER_CP_J_PER_KG_K
    fit: TankFit | None = None
    kept = known
    for _ in range(_ROUNDS):
        before, kept = kept, undrawn(_lacking_w(readings, ua, capacity), known)
        if fit is not None and np.array_equal(before, kept):
            break
        try:
            fit = fit_tank(replace(readings, draw_w=np.where(kept, readings.draw_w, np.nan)), prior)
        except InvalidFieldError as error:
            drawn = 100.0 * (1.0 - kept.sum() / max(known.sum(), 1))
            allowed = f"{error.allowed} without draws; {drawn:.0f} % of the steps that were looked at had one"
            raise InvalidFieldError("readings", error.value, allowed) from error
        ua, capacity = fit.ua_w_per_k, fit.capacity_j_per_k
    if fit is None:  # `_ROUNDS` is at least 1
        raise InvalidFieldError("readings", 0, f"at least {LEAST_DAYS:g} days")
    return fit, 1.0 - float(kept.sum()) / max(float(known.sum()), 1.0)


def undrawn(lacking_w: Floats, known: Bools) -> Bools:
    """Steps that do not lack more heat than the others scatter.

    Parameters
    ----------
    lacking_w : what each step lacks, nan where unknown [W]
    known : steps to look at
    """
    kept = known & np.isfinite(lacking_w)
    for _ in range(_ROUNDS):
        if kept.sum() < _LEAST_STEPS:
            return kept
        usual = float(np.median(lacking_w[kept]))
        below = usual - lacking_w[kept & (lacking_w <= usual)]  # draws are on the other side
        most = usual + _SIGMAS * _SIGMA_OF_MAD * float(np.median(below))
        after = kept & (lacking_w <= most)
        if np.array_equal(after, kept):
            return kept
        kept = after
    return kept


def _lacking_w(readings: TankReadings, ua_w_per_k: float, capacity_j_per_k: float) -> Floats:
    """What each step lacks, nan in the last one [W]."""
    rise_k_s = np.append(np.diff(readings.temp_c), np.nan) / readings.step_s
    loss_w = ua_w_per_k * (readings.temp_c - readings.ambient_c)
    return np.asarray(readings.charge_w - loss_w - capacity_j_per_k * rise_k_s)
