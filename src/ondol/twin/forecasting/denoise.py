"""Demand from balances of noisy thermometers: smoothed so far that the noise is small, sums kept."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats
from ondol.twin.forecasting.hours import HOUR_S

MOST_H = 3
"""Hours before and after that an hour is smoothed with at most: more would blur a day's shape."""

MOST_NOISE = 0.25
"""Noise over mean demand that is left where it can be had."""


def reach_h(noise_k: float, j_per_k: float, mean_w: float) -> int:
    """How far to smooth: hours before and after, 0 to `MOST_H`.

    A balance over an hour with errors ε of its two temperatures errs by ``C (ε₁ − ε₀)/3600 s``; smoothed by a triangle
    of n = reach + 1 hours either way, its standard deviation is ``C σ/3600 s · √(2/n³)``.

    Parameters
    ----------
    noise_k : standard deviation of a temperature at the end of an hour [K]
    j_per_k : capacity behind the thermometer [J/K]
    mean_w : mean demand [W]
    """
    for reach in range(MOST_H):
        if j_per_k * noise_k / HOUR_S * np.sqrt(2.0 / (reach + 1) ** 3) <= MOST_NOISE * mean_w:
            return reach
    return MOST_H


def smoothed(values: Floats, reach: int) -> Floats:
    """Mean of each hour with its neighbours, weighted by a triangle; at the ends of those that there are.

    Parameters
    ----------
    values : hourly, none unknown
    reach : of `reach_h`
    """
    if reach == 0 or len(values) < 2:
        return values
    weight = np.concatenate([np.arange(1, reach + 2), np.arange(reach, 0, -1)]).astype(np.float64)
    middle = slice(reach, reach + len(values))
    sums = np.convolve(values, weight)[middle]
    return np.asarray(sums / np.convolve(np.ones(len(values)), weight)[middle])
