"""Trials of prices on a sample of the stores, roughly: where the price lies before all stores are asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Floats
from ondol.policy.plan.problem import J_PER_KWH, StoreProblem
from ondol.policy.plan.stores import plans_at

SAMPLE = 256
_MULTIPLIERS = 24


@dataclass(frozen=True, slots=True)
class Range:
    """Prices that matter [gCO2e/node-s]: at `low` no work is done, at `high` all that machines can or that may be."""

    low: float
    high: float


def range_of(problem: StoreProblem, cap_g_per_node_s: float | None) -> Range:
    """Bound the price by what heat can save at the best, and by what the dearest electricity costs."""
    if not problem.stores:
        return Range(0.0, 0.0)
    heat = np.maximum(problem.backup_g_per_kwh.max(axis=1) / J_PER_KWH, problem.end_value_g_per_j)
    works = problem.rate_levels > 0.0
    heat_per_node_s = np.zeros(works.shape)
    np.divide(problem.heat_levels_w, problem.rate_levels, out=heat_per_node_s, where=works)
    lowest = -float((heat[:, None] * heat_per_node_s).max())
    more = problem.rate_levels[:, -1:] - problem.rate_levels
    dearer = np.zeros(works.shape)
    np.divide(problem.power_levels_w[:, -1:] - problem.power_levels_w, more, out=dearer, where=more > 0.0)
    highest = float((problem.electricity_g_per_kwh.max(axis=1)[:, None] * dearer).max()) / J_PER_KWH
    # A little beyond, since at the bound itself doing and leaving it are alike.
    beyond = 1e-3 * max(highest - lowest, 1e-9)
    return Range(lowest - beyond, highest + beyond if cap_g_per_node_s is None else cap_g_per_node_s)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A sample of stores, each standing for `weight` of them."""

    problem: StoreProblem
    weight: float
    span: Range

    @property
    def whole(self) -> bool:
        """Whether it is no sample, but all stores."""
        return self.weight == 1.0

    @classmethod
    def of(cls, problem: StoreProblem, span: Range) -> Trial:
        """Take every store, or so many of them evenly by their ids."""
        if problem.stores <= SAMPLE:
            return cls(problem=problem, weight=1.0, span=span)
        rows = (np.arange(SAMPLE) * problem.stores) // SAMPLE
        return cls(problem=problem.take(rows), weight=problem.stores / SAMPLE, span=span)

    def work_node_s(self, prices: Floats) -> Floats:
        """Work of all stores per step, (P, H), at each of the prices (P, H)."""
        plans = plans_at(self.problem, prices, most_multipliers=_MULTIPLIERS)
        # Sorted first, so that the sum does not depend on the order of the stores.
        return self.weight * np.stack([np.sort(plan.work_node_s, axis=0).sum(axis=0) for plan in plans])
