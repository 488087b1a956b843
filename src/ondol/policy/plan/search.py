"""Narrows a bracket of prices and deals out the work between its two plans."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ondol.model.view import Floats
from ondol.policy.plan.curves import Guess
from ondol.policy.plan.problem import StoreProblem
from ondol.policy.plan.stores import StorePlan, emitted, run_stores

# Bound of what the plan may emit beyond the best, as a share; it comes out at a tenth of that (see the tests).
_GAP = 3e-3


@dataclass(slots=True, eq=False)
class Tried:
    """A plan at prices shifted by some amount, and the work in it."""

    shift: float
    plan: StorePlan
    work_node_s: float = field(init=False)

    def __post_init__(self) -> None:
        # Sorted first, so that the sum does not depend on the order of the stores.
        self.work_node_s = float(np.sort(self.plan.work_node_s.sum(axis=1)).sum())


@dataclass(slots=True)
class Search:
    """Which shifts of the prices to try next, from what those before have shown.

    Parameters
    ----------
    guess : where to begin
    widest : no shift need be larger
    wanted_node_s : work that the right shift leads to
    several : try four at a time, which costs little more than one where stores are few
    low, high : nearest tries that do no more, and no less, than the wanted work
    """

    guess: Guess
    widest: float
    wanted_node_s: float
    several: bool
    low: Tried | None = None
    high: Tried | None = None
    step: float = 0.0

    def first(self) -> list[float]:
        """Give the first shifts."""
        self.step = min(max(self.guess.doubt_g_per_node_s, 1e-6 * self.widest), self.widest)
        return [-self.step, -0.2 * self.step, 0.2 * self.step, self.step] if self.several else [0.0]

    def learn(self, tried: Tried) -> None:
        """Take in what came out of a shift."""
        if tried.work_node_s <= self.wanted_node_s and (self.low is None or tried.shift > self.low.shift):
            self.low = tried
        if tried.work_node_s >= self.wanted_node_s and (self.high is None or tried.shift < self.high.shift):
            self.high = tried

    def following(self) -> list[float]:
        """Give the next shifts; none where the bracket is narrow enough, or where there is nothing beyond."""
        low, high = self.low, self.high
        if low is not None and high is not None:
            return [] if _close(low, high) else self._inside(low, high)
        edge = low or high
        if edge is None or abs(edge.shift) >= self.widest:
            return []
        if edge.shift == 0.0 and self.guess.slope > 0.0:
            # A little further than it should be, so that both sides are known.
            newton = 1.3 * abs(self.wanted_node_s - edge.work_node_s) / self.guess.slope
            self.step = min(max(newton, 0.1 * self.step), self.widest)
        elif edge.shift != 0.0:
            self.step = min(3.0 * abs(edge.shift), self.widest)
        return [self.step if edge is low else -self.step]

    def nearest(self) -> Tried:
        """Give the nearest try, where all lie on one side.

        Raises
        ------
        LookupError : nothing has been tried
        """
        edge = self.low or self.high
        if edge is None:
            raise LookupError("nothing has been tried")
        return edge

    def _inside(self, low: Tried, high: Tried) -> list[float]:
        width = high.shift - low.shift
        at = crossing(low, high, self.wanted_node_s)
        share = (at - low.shift) / width
        # Both sides of where it should be; one alone on the side of the farther end, which then comes near.
        aims = [share - 0.2, share - 0.03, share + 0.03, share + 0.2]
        if not self.several:
            aims = [share + 0.1 if share < 0.5 else share - 0.1]
        inside = [low.shift + aim * width for aim in aims if 0.0 < aim < 1.0]
        return inside or [low.shift + 0.5 * width]


def crossing(low: Tried, high: Tried, wanted_node_s: float) -> float:
    """Give the shift at which the work would be the wanted, were it linear between two."""
    more = high.work_node_s - low.work_node_s
    share = 0.0 if more <= 0.0 else (wanted_node_s - low.work_node_s) / more
    return low.shift + share * (high.shift - low.shift)


def deal(problem: StoreProblem, low: Tried, high: Tried, wanted_node_s: float) -> StorePlan:
    """Let stores go over from the low to the high plan, by worth then id, until the work is done; the last in part."""
    more = high.plan.work_node_s.sum(axis=1) - low.plan.work_node_s.sum(axis=1)
    order = np.lexsort((np.arange(problem.stores), -high.plan.worth_g_per_node_s))
    order = order[more[order] > 0.0]
    missing = wanted_node_s - low.work_node_s
    filled = np.cumsum(more[order])
    count = int(np.searchsorted(filled, missing, side="right"))
    over = np.zeros(problem.stores)
    over[order[:count]] = 1.0
    last = order[count : count + 1]
    over[last] = (missing - (filled[count - 1] if count else 0.0)) / more[last]
    heat = _mix(low.plan.heat_w, high.plan.heat_w, over)
    power = _mix(low.plan.power_w, high.plan.power_w, over)
    level, backup, dumped = run_stores(problem, heat)
    return replace(
        low.plan,
        power_w=power,
        heat_w=heat,
        work_node_s=_mix(low.plan.work_node_s, high.plan.work_node_s, over),
        level_j=level,
        backup_j=backup,
        dumped_j=dumped,
        emitted_g=emitted(problem, power, backup, level[:, -1]),
        value_g_per_j=_mix(low.plan.value_g_per_j, high.plan.value_g_per_j, over),
        worth_g_per_node_s=_mix(low.plan.worth_g_per_node_s, high.plan.worth_g_per_node_s, over),
    )


def _mix(low: Floats, high: Floats, share: Floats) -> Floats:
    """Take rows of one, of the other, or in between."""
    mixed = np.where((share == 1.0).reshape(-1, *[1] * (low.ndim - 1)), high, low)
    part = (share > 0.0) & (share < 1.0)
    weight = share[part].reshape(-1, *[1] * (low.ndim - 1))
    mixed[part] = (1.0 - weight) * low[part] + weight * high[part]
    return mixed


def _close(low: Tried, high: Tried) -> bool:
    """Tell whether what is dealt out between both is near enough to the best plan."""
    loss_g = (high.shift - low.shift) * (high.work_node_s - low.work_node_s)
    emitted_g = max(abs(float(tried.plan.emitted_g.sum())) for tried in (low, high))
    return loss_g <= _GAP * emitted_g
