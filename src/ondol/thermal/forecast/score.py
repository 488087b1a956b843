"""How good a forecast was: error against the mean, error of a day's energy, pinball loss, coverage, bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats

DAY_H = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Figures of merit of hourly forecasts.

    Parameters
    ----------
    hours : compared
    nmae : mean absolute error over the mean of the truth
    bias : mean of forecast less truth, over the mean of the truth
    daily_mape : mean over days of the absolute error of the day's energy over the day's energy
    """

    hours: int
    nmae: float
    bias: float
    daily_mape: float


def score(truth: Floats, forecast: Floats) -> Score:
    """Compare whole days of hourly forecasts with what came.

    Parameters
    ----------
    truth, forecast : shape (days, 24), same unit; hours whose truth is nan are left out, and their days' energies too

    Raises
    ------
    InvalidFieldError : shapes that do not fit, nothing to compare, a truth whose mean (or a day's energy) is 0
    """
    real, said = _pair(truth, forecast)
    if real.ndim != 2 or real.shape[1] != DAY_H:
        raise InvalidFieldError("truth", real.shape, "shape (days, 24)")
    whole = ~np.isnan(real).any(axis=1)
    energy = real[whole].sum(axis=1)
    if not whole.any() or not np.all(energy > 0.0):
        raise InvalidFieldError("truth", energy, "at least one whole day, and no day without any heat")
    daily = np.abs(said[whole].sum(axis=1) - energy) / energy
    return Score(
        hours=int((~np.isnan(real)).sum()),
        nmae=nmae(real, said),
        bias=bias(real, said),
        daily_mape=float(daily.mean()),
    )


def nmae(truth: Floats, forecast: Floats) -> float:
    """Mean absolute error over the mean of the truth.

    Raises
    ------
    InvalidFieldError : shapes that do not fit, nothing to compare, a truth whose mean is 0
    """
    real, said = _known(truth, forecast)
    return float(np.abs(said - real).mean() / _mean_of(real))


def bias(truth: Floats, forecast: Floats) -> float:
    """Mean of forecast less truth over the mean of the truth; above 0 the forecast says too much.

    Raises
    ------
    InvalidFieldError : as for `nmae`
    """
    real, said = _known(truth, forecast)
    return float((said - real).mean() / _mean_of(real))


def pinball(truth: Floats, quantile: Floats, level: float) -> float:
    """Mean pinball loss of a quantile, in the unit of the truth: ``max(q (y − ŷ), (q − 1)(y − ŷ))``.

    Koenker & Bassett, Econometrica 46, 1978. Half of the mean absolute error at level 0.5.

    Parameters
    ----------
    level : above 0, below 1

    Raises
    ------
    InvalidFieldError : shapes that do not fit, nothing to compare, a level out of range
    """
    check_range("level", float(level), 1e-6, 1.0 - 1e-6)
    real, said = _known(truth, quantile)
    over = real - said
    return float(np.maximum(level * over, (level - 1.0) * over).mean())


def coverage(truth: Floats, low: Floats, high: Floats) -> float:
    """Share of the hours whose truth lay from `low` to `high`, both included.

    Raises
    ------
    InvalidFieldError : shapes that do not fit, nothing to compare, a low above its high
    """
    real, lower = _pair(truth, low)
    _, upper = _pair(truth, high)
    if np.any(lower > upper):
        raise InvalidFieldError("low", float(np.max(lower - upper)), "at most `high` in every hour")
    known = ~np.isnan(real)
    if not known.any():
        raise InvalidFieldError("truth", real.size, "at least one known hour")
    inside = (real >= lower) & (real <= upper)
    return float(inside[known].mean())


def _pair(truth: Floats, forecast: Floats) -> tuple[Floats, Floats]:
    real, said = np.asarray(truth, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
    if real.shape != said.shape:
        raise InvalidFieldError("forecast", said.shape, f"the shape of the truth, {real.shape}")
    if np.isinf(real).any() or not np.isfinite(said).all():
        raise InvalidFieldError("forecast", float("nan"), "finite numbers; in the truth nan for unknown hours")
    return real, said


def _known(truth: Floats, forecast: Floats) -> tuple[Floats, Floats]:
    real, said = _pair(truth, forecast)
    known = ~np.isnan(real)
    if not known.any():
        raise InvalidFieldError("truth", real.size, "at least one known hour")
    return real[known], said[known]


def _mean_of(real: Floats) -> float:
    mean = float(real.mean())
    if not mean > 0.0:
        raise InvalidFieldError("truth", mean, "a mean above 0")
    return mean
