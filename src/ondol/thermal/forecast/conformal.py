"""Bands from what the forecaster got wrong on hours that it had not learned from."""

from __future__ import annotations

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.thermal.forecast.series import Ints

DAY_H = 24
LEVELS = (0.1, 0.5, 0.9)
REACH_H = 2
"""Hours before and after whose errors count for an hour of the day too: five hours give each enough of them."""


def weighted_quantile(values: Floats, weight: Floats, level: float) -> float:
    """Smallest value with at least a share `level` of the weight at or below it.

    Parameters
    ----------
    values, weight : shape (n,), n at least 1, weights above 0
    level : above 0, below 1
    """
    return _quantile(values, weight, level * float(weight.sum()))


def conformal_quantile(values: Floats, weight: Floats, level: float) -> float:
    """Weighted quantile in which the error to come counts as one more, of the greatest weight.

    For a level of 0.5 or more it stands at plus infinity, else at minus infinity, so that small samples give wide bands
    (Tibshirani, Foygel Barber, Candès & Ramdas, NeurIPS 2019, lemma 1); where it would be infinite, it is the outermost
    error. At 0.5 it is the plain weighted median.

    Parameters
    ----------
    values, weight : shape (n,), n at least 1, weights above 0
    level : above 0, below 1
    """
    extra = 0.0 if level == 0.5 else float(weight.max())
    return _quantile(values, weight, level * (float(weight.sum()) + extra) - (extra if level < 0.5 else 0.0))


def errors_by_hour(error_w: Floats, weight: Floats, hour: Ints) -> Floats:
    """Quantiles 0.1, 0.5 and 0.9 of the errors about each hour of the day, over all errors where there are none there.

    Additive and by hour of the day: a building errs by watts (a kelvin of wrong weather costs its heat-loss coefficient
    in watts whatever the demand), more in the morning than at night. Old errors count less, so the band follows the
    season. Only exchangeable errors would make the coverage a theorem; with series it is checked by test.

    Parameters
    ----------
    error_w : truth less forecast, out of sample, shape (n,)
    weight : shape (n,)
    hour : of the day, shape (n,)

    Returns
    -------
    shape (24, 3)
    """
    quantiles = np.empty((DAY_H, len(LEVELS)))
    for h in range(DAY_H):
        apart = np.abs((hour - h + DAY_H // 2) % DAY_H - DAY_H // 2)
        near = apart <= REACH_H
        rows = near if near.any() else np.ones(hour.size, dtype=np.bool_)
        quantiles[h] = [conformal_quantile(error_w[rows], weight[rows], level) for level in LEVELS]
    return quantiles


def _quantile(values: Floats, weight: Floats, wanted: float) -> float:
    """First value in order at which the running weight reaches `wanted`, else the last one."""
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weight[order])
    # a hair less, so that a share that is reached exactly is not missed by rounding
    place = int(np.searchsorted(mass, wanted - 1e-12 * mass[-1]))
    return float(values[order[min(place, values.size - 1)]])
