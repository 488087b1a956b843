"""What heat costs at a price of work: the lower convex hull of the levels of power, per step and store.

A level a costs ``k_a = g·P_a − λ·r_a`` [gCO2e/s] and gives the heat h_a. Running some time at each of two levels gives
every point between them, so only corners of the lower hull of (h, k) are ever best, and for a value of heat m
[gCO2e/J] the best corner is the last one that a segment of slope below m leads to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondol.model.view import Bools, Floats

# Slopes closer than this are one segment: the levels of equal units lie on a line but for rounding.
_SAME_SLOPE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hull:
    """Corners of the hulls by rising heat; where a hull has fewer than K + 1 the last one is repeated.

    Parameters
    ----------
    heat_w, power_w, rate, cost_g_per_s : (K + 1, H, rows) of each corner; heat_w[0] is the cheapest level of all
    slope_g_per_j : (K, H, rows) cost of a joule on the way to corner k + 1, rising; inf where there is none
    """

    heat_w: Floats
    power_w: Floats
    rate: Floats
    cost_g_per_s: Floats
    slope_g_per_j: Floats

    def at(self, heat_w: Floats) -> tuple[Floats, Floats]:
        """Give the power [W] and the work [node-s/s] that go with heat, (H, rows), on the hull."""
        power, rate = self.power_w[0].copy(), self.rate[0].copy()
        for k in range(len(self.slope_g_per_j)):
            width = self.heat_w[k + 1] - self.heat_w[k]
            share = np.zeros_like(heat_w)
            np.divide(heat_w - self.heat_w[k], width, out=share, where=width > 0.0)
            np.clip(share, 0.0, 1.0, out=share)
            power += share * (self.power_w[k + 1] - self.power_w[k])
            rate += share * (self.rate[k + 1] - self.rate[k])
        return power, rate


def hull_of(
    power_w: Floats, heat_w: Floats, rate: Floats, electricity_g_per_j: Floats, price: Floats, burn: Bools
) -> Hull:
    """Find the hulls by gift wrapping: from the cheapest level on, always the flattest way to more heat.

    Parameters
    ----------
    power_w, heat_w, rate : (A, rows) levels, none falling
    electricity_g_per_j, price : (H, rows) carbon of electricity [gCO2e/J] and worth of work [gCO2e/node-s]
    burn : (rows,) where the price is below 0 these run without work, which then is the cheaper way to the same heat
    """
    rate_paid = np.where(burn & (price < 0.0), 0.0, price)
    cost = [electricity_g_per_j * power_w[a] - rate_paid * rate[a] for a in range(len(power_w))]
    corner = np.zeros(price.shape, dtype=np.int64)
    lowest = cost[0].copy()
    for a in range(1, len(cost)):
        better = cost[a] < lowest
        np.copyto(lowest, cost[a], where=better)
        np.copyto(corner, a, where=better)
    corners, slopes = [corner], list[Floats]()
    stacked = np.stack(cost)
    while (step := _next_corner(stacked, heat_w, corners[-1])) is not None:
        corners.append(step[0])
        slopes.append(step[1])
    column = np.arange(price.shape[1])
    rates = np.stack([rate[c, column] for c in corners])
    rates[:, burn & (price < 0.0)] = 0.0
    return Hull(
        heat_w=np.stack([heat_w[c, column] for c in corners]),
        power_w=np.stack([power_w[c, column] for c in corners]),
        rate=rates,
        cost_g_per_s=np.stack([_pick(stacked, c) for c in corners]),
        slope_g_per_j=np.stack(slopes) if slopes else np.zeros((0, *price.shape)),
    )


def _next_corner(
    cost: Floats, heat_w: Floats, corner: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Floats] | None:
    """Give the next corner of every hull and the slope of the way there; None if all are at their ends."""
    heat_here = heat_w[corner, np.arange(corner.shape[1])]
    cost_here = _pick(cost, corner)
    flattest = np.full(corner.shape, np.inf)
    following = corner.copy()
    slope, better = np.empty(corner.shape), np.empty(corner.shape, dtype=np.bool_)
    for a in range(1, len(cost)):
        width = heat_w[a] - heat_here
        more = width > 0.0
        slope.fill(0.0)
        np.divide(cost[a] - cost_here, width, out=slope, where=more)
        np.less_equal(slope - _SAME_SLOPE * np.abs(slope), flattest, out=better)
        better &= more
        np.copyto(flattest, slope, where=better)
        np.copyto(following, a, where=better)
    return (following, flattest) if np.isfinite(flattest).any() else None


def _pick(cost: Floats, corner: npt.NDArray[np.int64]) -> Floats:
    """Cost of each corner, (H, rows) of (A, H, rows)."""
    size = corner.size
    picked: Floats = cost.reshape(-1)[corner.reshape(-1) * size + np.arange(size)].reshape(corner.shape)
    return picked
