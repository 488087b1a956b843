"""The fleet's carbon curve, and which run within a deadline is cleanest: Let's Wait Awhile's two strategies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, View

GRAIN_S = 300.0  # run times are rounded up to it, so that one table serves all of them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CarbonCurve:
    """Carbon intensity from now on, constant within steps.

    Parameters
    ----------
    edge_s : (n + 1,) seconds from now at which steps begin, and the last one ends
    g_per_kwh : (n,) mean over the fleet's slots [gCO2e/kWh]
    """

    edge_s: Floats
    g_per_kwh: Floats

    @property
    def mean_g_per_kwh(self) -> float:
        """Mean over the horizon [gCO2e/kWh]."""
        return float(np.average(self.g_per_kwh, weights=np.diff(self.edge_s)))


def carbon_curve(view: View) -> CarbonCurve:
    """Take the forecast (`ahead_grid_g_per_kwh`, else the sites' steps), each site weighted by its slots.

    Steps that nobody knows count as the mean of the others, a fleet without any forecast as one step of zero: then no
    time is better than now.
    """
    sites = len(view.sites.ids)
    grid, length_s = view.ahead_grid_g_per_kwh, view.ahead_s
    if not len(length_s) or grid.shape != (sites, len(length_s)):
        grid = view.sites.grid_g_per_kwh
        length_s = np.full(grid.shape[1], view.step_s)
    grid, length_s = grid[:, length_s > 0.0], length_s[length_s > 0.0]
    slots = np.bincount(view.units.site[view.nodes.unit], weights=view.nodes.slots, minlength=sites)
    weight = np.where(np.isfinite(grid), np.maximum(slots, 1e-9)[:, None], 0.0)
    total = weight.sum(axis=0)
    known = total > 0.0
    if not known.any():
        return CarbonCurve(edge_s=np.array([0.0, view.step_s]), g_per_kwh=np.zeros(1))
    mean = np.divide((np.nan_to_num(grid) * weight).sum(axis=0), total, out=np.zeros(len(total)), where=known)
    mean[~known] = mean[known].mean()
    return CarbonCurve(edge_s=np.concatenate([np.zeros(1), np.cumsum(length_s)]), g_per_kwh=mean)


def best_window_is_now(curve: CarbonCurve, run_s: Floats, latest_s: Floats) -> Bools:
    """Tell whether an unbroken run that starts now is as clean as one that starts at any later step.

    With C(t) = ∫ g dt the mean over a run of d from s on is (C(s + d) - C(s)) / d; the smallest of all s from now to
    the latest start wins, the earlier of equals. Beyond the horizon the last step goes on.

    Parameters
    ----------
    run_s : expected run times, > 0 [s]
    latest_s : latest starts, seconds from now; below 0 where it has passed: then now is best
    """
    grain, which = np.unique(np.ceil(np.minimum(run_s, curve.edge_s[-1]) / GRAIN_S), return_inverse=True)
    length_s = grain * GRAIN_S
    longest_s = float(length_s.max(initial=GRAIN_S))
    at_s = np.append(curve.edge_s, curve.edge_s[-1] + longest_s)
    total = np.append(0.0, np.cumsum(np.append(curve.g_per_kwh, curve.g_per_kwh[-1]) * np.diff(at_s)))
    start_s = curve.edge_s[:-1]
    ends = np.interp((start_s[None, :] + length_s[:, None]).ravel(), at_s, total).reshape(len(length_s), len(start_s))
    mean = (ends - total[None, : len(start_s)]) / np.maximum(length_s, GRAIN_S)[:, None]
    least = np.minimum.accumulate(mean, axis=1)
    last = np.clip(np.searchsorted(start_s, latest_s, side="right") - 1, 0, None)
    best: Bools = mean[which, 0] <= least[which, last] + _tie(curve)
    return best


def now_is_among_lowest(curve: CarbonCurve, needed_s: Floats, until_s: Floats) -> Bools:
    """Tell whether the present step is one of the cleanest that together hold the work, the earlier of equals first.

    It is, where all steps before the end that are cleaner than it have together less time than is needed.

    Parameters
    ----------
    needed_s : run time that is left [s]
    until_s : by when it must be done, seconds from now
    """
    cleaner = curve.g_per_kwh < curve.g_per_kwh[0] - _tie(curve)
    sum_s = np.append(0.0, np.cumsum(np.where(cleaner, np.diff(curve.edge_s), 0.0)))
    among: Bools = np.interp(until_s, curve.edge_s, sum_s) < needed_s
    return among


def _tie(curve: CarbonCurve) -> float:
    """Differences that only rounding makes [gCO2e/kWh]."""
    return 1e-9 * float(np.abs(curve.g_per_kwh).max(initial=1.0))
