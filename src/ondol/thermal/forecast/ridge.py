"""Weighted ridge regression of heat demand: straight lines, so a cold snap beyond all experience costs more heat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.thermal.forecast.features import DAY_H, FAST, HOUR, LEVEL, LEVEL_TEMP, OUTDOOR, SLOW, SUN, SUN_FAST, WEEKEND

PENALTY = 3e-3
"""Share of its own variance that each scaled column is shrunk by; settles columns that say nearly the same."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ridge:
    """A fitted straight-line model.

    Parameters
    ----------
    mean, scale : of the columns of `design`
    slope, level : of the scaled columns; watts
    """

    mean: Floats
    scale: Floats
    slope: Floats
    level: float

    def predict(self, design_rows: Floats) -> Floats:
        """Demand of rows of `design` [W], below 0 where the lines say so."""
        return np.asarray((design_rows - self.mean) / self.scale @ self.slope + self.level)


def design(table: Floats) -> Floats:
    """Columns of the straight lines from a feature table.

    Weather, last day, each hour of the day and of the weekend's day (people rise later: a fifth of the error), and the
    slope over the outdoor temperature by time of day (set-backs make the nights flatter) in two harmonics.
    """
    hour = table[:, HOUR]
    angle = 2.0 * np.pi / DAY_H * hour[:, None] * np.array([1.0, 2.0])
    waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    weather = table[:, [OUTDOOR, FAST, SLOW, SUN, SUN_FAST, LEVEL, LEVEL_TEMP]]
    clock = hour[:, None] == np.arange(DAY_H)
    weekend = clock * table[:, WEEKEND, None]
    return np.concatenate([weather, clock, weekend, waves * table[:, FAST, None]], axis=1)


def fit_ridge(rows: Floats, demand_w: Floats, weight: Floats) -> Ridge:
    """Solve ``min Σ w (y − ȳ − Xβ)² + λ Σw |β|²`` on scaled columns (Hoerl & Kennard, Technometrics 12, 1970).

    Parameters
    ----------
    rows : of `design`, shape (hours, columns)
    demand_w, weight : shape (hours,), weights above 0
    """
    share = weight / weight.sum()
    mean = share @ rows
    centred = rows - mean
    scale = np.sqrt(share @ centred**2)
    scale = np.where(scale > 1e-9, scale, 1.0)  # a column that never moved says nothing
    level = float(share @ demand_w)
    scaled = centred / scale
    normal = scaled.T @ (share[:, None] * scaled)
    normal[np.diag_indices_from(normal)] += PENALTY
    slope = np.linalg.solve(normal, scaled.T @ (share * (demand_w - level)))
    return Ridge(mean=mean, scale=scale, slope=slope, level=level)
