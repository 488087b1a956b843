"""The value of stored heat: a backward recursion over multipliers, exact for each of them on its own.

For a multiplier M [gCO2e per joule now] let E_t(M) be the level from which on a joule in the store at step t is worth
no more than M. As the store loses a fixed share per step, a joule kept from now to the end of step t has the value
``m_t = M/Γ_t``, ``Γ_t = Π_{s≤t}(1 − loss·Δ_s)``, and with q(m) the best heat at a value of heat m (see `hull`)

    E_t(M) = clip([E_{t+1}(M) − (q(m_t) − d_t)·Δ_t] / (1 − loss·Δ_t), 0, capacity):

no M needs its neighbours, so nothing is interpolated. E_t is a step function of M that only jumps at slopes of hulls,
backup factors and the end value; between two neighbouring jumps a mix of both sides is optimal. This is the water
value of reservoir planning (Massé 1946), written for the inverse function. Beside E_t runs its cost U_t, since the
backup makes the cost non-convex where heat is worth more later than the backup costs now: there the level 0 with the
backup competes against the level E_t, and the lower ``U + m·e`` is the convex envelope of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints
from ondol.policy.plan.hull import Hull

# Multipliers are taken as one that differ by less than this share: of the highest, where all count; of themselves,
# where they are thinned out (late in the horizon they are small, and matter no less to what is done then).
_SAME, _ALIKE = 1e-12, 1e-3
# Levels no further apart than this are one [J]: keeps the share between them from dividing by 0.
_NO_SPAN = 1e-100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stores:
    """A block of stores with the step first: all (H, rows), or (rows,) for what never changes.

    Parameters
    ----------
    step_s : (H,) lengths of the steps [s]
    kept : share of a joule of now that is left at the begin of each step, and at the end: (H + 1, rows)
    demand_w, backup_g_per_j : see `StoreProblem`, per J
    store_j, capacity_j, end_value_g_per_j : (rows,)
    """

    step_s: Floats
    kept: Floats
    demand_w: Floats
    backup_g_per_j: Floats
    store_j: Floats
    capacity_j: Floats
    end_value_g_per_j: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaterValue:
    """What to do at any level of any step. Levels count in joules of now: divided by what is left of a joule by then.

    Parameters
    ----------
    multiplier_g_per_j : (rows, M) rising, the first is 0
    level_j, cost_g : (H, rows, M) level at the begin of each step that belongs to a multiplier, and cost from it to the
        end, both before the level is held within the store
    backup_heat_w, backup_level_j, backup_cost_g, backup_g_per_j : (H, rows) where the backup runs in a step: best heat
        from the machines, highest level at which it does, cost from that level on, and cost of a joule less
    """

    multiplier_g_per_j: Floats
    level_j: Floats
    cost_g: Floats
    backup_heat_w: Floats
    backup_level_j: Floats
    backup_cost_g: Floats
    backup_g_per_j: Floats

    def backup_costs(self, t: int, at_j: Floats) -> Floats:
        """Give the cost to the end where the backup runs in the step; inf where the level is too high for that."""
        return _backup_costs(at_j, self.backup_level_j[t], self.backup_cost_g[t], self.backup_g_per_j[t])


@dataclass(frozen=True, slots=True, eq=False)
class Between:
    """Where levels lie among those of the multipliers, (rows,) or (some, rows).

    Parameters
    ----------
    above : number of the last multiplier whose level is higher, or the first one where none is
    share : weight of that one against the next, 0 to 1
    cost_g : cost to the end; inf where no multiplier reaches so low
    """

    above: Ints
    share: Floats
    cost_g: Floats


def between(level_j: Floats, cost_g: Floats, at_j: Floats, higher: Ints) -> Between:
    """Find levels among those of the multipliers, (rows, M), which fall from the first to the last.

    Parameters
    ----------
    at_j : (…, rows) levels to be found
    higher : as many, number of multipliers whose level is higher (see `count`)
    """
    rows, width = level_j.shape
    above = np.minimum(np.maximum(higher - 1, 0), width - 2)
    index = above + np.arange(0, rows * width, width)
    following = index + 1
    levels, costs = level_j.reshape(-1), cost_g.reshape(-1)
    low = levels[following]
    share = (at_j - low) / np.maximum(levels[index] - low, _NO_SPAN)
    np.minimum(np.maximum(share, 0.0, out=share), 1.0, out=share)
    cost = costs[following]
    cost += share * (costs[index] - cost)
    np.copyto(cost, np.inf, where=at_j < level_j[:, -1])
    return Between(above, share, cost)


def count(mask: Bools) -> Ints:
    """Count what is true in each row."""
    # A sum of bytes in bytes is many times faster; it must not pass 255.
    kind = np.uint8 if mask.shape[1] < 256 else np.int64
    counted: Ints = np.add.reduce(mask.view(np.uint8), axis=1, dtype=kind).astype(np.int64)
    return counted


def multipliers(stores: Stores, hull: Hull, most: int) -> Floats:
    """Choose multipliers: every value at which some action changes, or `most` of them, evenly among those that differ.

    Returns
    -------
    (rows, M), rising, from 0 to just above what heat can be worth
    """
    kept = stores.kept[1:]
    backup = stores.backup_g_per_j * kept
    end = stores.end_value_g_per_j * stores.kept[-1]
    top = np.maximum(backup.max(axis=0), end)
    jumps = np.concatenate(
        [np.concatenate(list(hull.slope_g_per_j * kept)) if len(hull.slope_g_per_j) else backup, backup, end[None]]
    ).T
    jumps = np.where((jumps > 0.0) & (jumps < top[:, None]), jumps, top[:, None])
    jumps.sort(axis=1)
    rank = np.zeros(jumps.shape, dtype=np.int64)
    np.cumsum(np.diff(jumps, axis=1) > _SAME * top[:, None], axis=1, out=rank[:, 1:])
    if rank[:, -1].max(initial=0) >= most:
        np.cumsum(np.diff(jumps, axis=1) > _ALIKE * jumps[:, 1:], axis=1, out=rank[:, 1:])
    last = rank[:, -1]
    number = min(int(last.max(initial=0)) + 1, most)
    wanted = np.arange(number) * last[:, None] // max(number - 1, 1)
    row = np.arange(len(last))[:, None] * (jumps.shape[1] + 1)
    chosen = jumps.reshape(-1)[np.searchsorted((rank + row).reshape(-1), (wanted + row).reshape(-1))]
    # So little above that no slope of a hull lies between: there the backup takes over.
    beyond = (1.0 + 1e-9) * top + np.finfo(np.float64).tiny
    return np.column_stack([np.zeros(len(last)), chosen.reshape(-1, number), beyond])


def water_value(stores: Stores, hull: Hull, multiplier_g_per_j: Floats, room: Floats) -> WaterValue:
    """Run the recursion from the end of the horizon to now.

    Parameters
    ----------
    room : space for 2·H·M·rows numbers at least; what is given back lies in it
    """
    steps, rows = stores.demand_w.shape
    shape = (steps, *multiplier_g_per_j.shape)
    levels, costs = room[: 2 * math.prod(shape)].reshape(2, *shape)
    kept = stores.kept[1:]
    drop = (hull.heat_w - stores.demand_w) * (stores.step_s[:, None] / kept)
    spent = hull.cost_g_per_s * stores.step_s[:, None]
    slope = hull.slope_g_per_j * kept
    backup_g_per_j = stores.backup_g_per_j * kept
    corner = (backup_g_per_j > slope).sum(axis=0)
    step, column = np.arange(steps)[:, None], np.arange(rows)
    backup_level = -drop[corner, step, column]
    backup_cost = spent[corner, step, column]

    end = stores.end_value_g_per_j * stores.kept[-1]
    level = np.where(multiplier_g_per_j <= end[:, None], (stores.capacity_j / stores.kept[-1])[:, None], 0.0)
    cost = -end[:, None] * level
    empty_cost = np.zeros(rows)
    ends = np.zeros((2, rows))
    doubt_g = _SAME * multiplier_g_per_j[:, -1] * stores.capacity_j / stores.kept
    worth = np.empty_like(level)
    # The rows' masks change once along a row: that, and not the other way round, is what a processor foresees well.
    dear, full = np.empty(level.shape, dtype=np.bool_), np.empty(level.shape, dtype=np.bool_)
    for t in range(steps - 1, -1, -1):
        here, paid = levels[t], costs[t]
        here[:] = drop[0, t, :, None]
        paid[:] = spent[0, t, :, None]
        for k in range(len(slope)):
            np.greater(multiplier_g_per_j, slope[k, t, :, None], out=dear)
            np.copyto(here, drop[k + 1, t, :, None], where=dear)
            np.copyto(paid, spent[k + 1, t, :, None], where=dear)
        np.subtract(level, here, out=here)
        paid += cost
        backup_cost[t] += empty_cost
        if t == 0:
            break
        ends[1] = stores.capacity_j / stores.kept[t]
        np.less_equal(here, 0.0, out=dear)
        np.greater(here, ends[1, :, None], out=full)
        higher = np.stack([here.shape[1] - count(dear), count(full)])
        least = np.minimum(
            between(here, paid, ends, higher).cost_g,
            _backup_costs(ends, backup_level[t], backup_cost[t], backup_g_per_j[t]),
        )
        empty_cost = least[0]
        np.copyto(cost, paid)
        np.copyto(cost, least[1, :, None], where=full)
        np.minimum(here, ends[1, :, None], out=level)
        # Level 0, from which the backup may run, against the level of the multiplier. Of equals the higher level
        # counts: it stands on the lower side of the jump at the multiplier.
        np.multiply(multiplier_g_per_j, level, out=worth)
        worth += cost
        limit = empty_cost + doubt_g[t] + _SAME * np.abs(empty_cost)
        np.greater(worth, limit[:, None], out=full)
        dear |= full
        dear[:, -1] = True
        np.copyto(level, 0.0, where=dear)
        np.copyto(cost, empty_cost[:, None], where=dear)
    return WaterValue(
        multiplier_g_per_j=multiplier_g_per_j,
        level_j=levels,
        cost_g=costs,
        backup_heat_w=hull.heat_w[corner, step, column],
        backup_level_j=backup_level,
        backup_cost_g=backup_cost,
        backup_g_per_j=backup_g_per_j,
    )


def _backup_costs(at_j: Floats, level_j: Floats, cost_g: Floats, g_per_j: Floats) -> Floats:
    below = level_j - at_j
    costs: Floats = np.where(below >= 0.0, cost_g + g_per_j * below, np.inf)
    return costs
