"""Plans every heat store on its own at a given price of work: watts, levels, backup and what heat is worth now."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, Ints
from ondol.policy.plan.hull import Hull, hull_of
from ondol.policy.plan.problem import J_PER_KWH, StoreProblem
from ondol.policy.plan.water import Between, Stores, WaterValue, between, count, multipliers, water_value

# So many numbers per array stay in the caches of a core through the whole recursion.
_BLOCK = 24_576

MULTIPLIERS = 64
"""Values of heat that a plan tells apart per store, unless told otherwise. On 600 random stores over 36 steps a plan
costs 0.4 % more than the best at the worst; with 48 it is 5 %, with fewer leaky stores are planned badly late on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StorePlan:
    """What each store does over the horizon.

    Parameters
    ----------
    power_w : (n, H) mean electric power [W]
    heat_w : (n, H) heat that the store gets from it, mean [W]
    work_node_s : (n, H) work done in the step; 0 where power is used for heat alone [node-s]
    level_j : (n, H + 1) level at the begin of each step, and at the end [J]
    backup_j, dumped_j : (n, H) heat from the backup, and heat that nobody can use [J]
    emitted_g : (n,) carbon of electricity and backup over the horizon, less what the store left will save [gCO2e]
    value_g_per_j : (n,) carbon that one more joule in the store now would save [gCO2e/J]
    worth_g_per_node_s : (n,) carbon that running a node for a second now saves, its electricity paid: below 0 where it
        costs; -inf for a store whose machines do no work
    """

    power_w: Floats
    heat_w: Floats
    work_node_s: Floats
    level_j: Floats
    backup_j: Floats
    dumped_j: Floats
    emitted_g: Floats
    value_g_per_j: Floats
    worth_g_per_node_s: Floats


def plan_stores(
    problem: StoreProblem, price_g_per_node_s: float | Floats, *, most_multipliers: int | None = MULTIPLIERS
) -> StorePlan:
    """Minimise per store ``Σ_t Δ_t·(g_t·P_t + b_t·B_t − λ_t·r_t) − w·e_H``, g of electricity and b of backup heat.

    Parameters
    ----------
    price_g_per_node_s : λ, the carbon that a node-second of work is worth: one for all steps, or (H,); below 0 where
        work is scarcer than heat is wanted [gCO2e/node-s]
    most_multipliers : values of heat to tell apart per store, 4 or more; None for all that can matter, which is exact
        where the backup's carbon, loss counted, does not rise over the horizon

    Raises
    ------
    InvalidFieldError : a price that is not finite, or too few multipliers
    """
    price = np.asarray(price_g_per_node_s, dtype=np.float64)
    if price.shape not in ((), (problem.steps,)) or not np.isfinite(price).all():
        raise InvalidFieldError("price_g_per_node_s", price_g_per_node_s, "a finite number, or one per step")
    return plans_at(problem, np.broadcast_to(price, (1, problem.steps)), most_multipliers=most_multipliers)[0]


def plans_at(problem: StoreProblem, prices: Floats, *, most_multipliers: int | None = MULTIPLIERS) -> list[StorePlan]:
    """Plan at several prices at once, (P, H): for few stores that costs little more than one.

    Raises
    ------
    InvalidFieldError : too few multipliers
    """
    if most_multipliers is not None and most_multipliers < 4:
        raise InvalidFieldError("most_multipliers", most_multipliers, "4 or more, or None for all")
    most = most_multipliers or np.iinfo(np.int32).max
    stores, tries = problem.stores, len(prices)
    block = max(1, _BLOCK // (min(most, 2 * problem.steps) + 2))
    room = np.empty(0)
    parts = list[StorePlan]()
    for first in range(0, max(stores * tries, 1), block):
        part, room = _plan_block(problem, np.arange(first, min(first + block, stores * tries)), prices, most, room)
        parts.append(part)
    whole = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(StorePlan)}
    return [
        StorePlan(**{name: value[i * stores : (i + 1) * stores] for name, value in whole.items()}) for i in range(tries)
    ]


def run_stores(problem: StoreProblem, heat_w: Floats) -> tuple[Floats, Floats, Floats]:
    """Let stores go through the horizon with given heat, (n, H): levels (n, H + 1), backup and dumped heat (n, H)."""
    level, backup, dumped = (
        np.empty((problem.stores, problem.steps + 1)),
        np.empty(heat_w.shape),
        np.empty(heat_w.shape),
    )
    level[:, 0] = problem.store_j
    for t, step in enumerate(problem.step_s):
        after = level[:, t] * (1.0 - problem.loss_per_s * step) + (heat_w[:, t] - problem.demand_w[:, t]) * step
        level[:, t + 1] = np.clip(after, 0.0, problem.capacity_j)
        backup[:, t] = np.maximum(-after, 0.0)
        dumped[:, t] = np.maximum(after - problem.capacity_j, 0.0)
    return level, backup, dumped


def emitted(problem: StoreProblem, power_w: Floats, backup_j: Floats, left_j: Floats) -> Floats:
    """Carbon of electricity and backup over the horizon, less what the heat left will save, (n,) [gCO2e]."""
    electricity_g = (problem.electricity_g_per_kwh * power_w) @ problem.step_s / J_PER_KWH
    backup_g = (problem.backup_g_per_kwh * backup_j).sum(axis=1) / J_PER_KWH
    total: Floats = electricity_g + backup_g - problem.end_value_g_per_j * left_j
    return total


def _plan_block(problem: StoreProblem, rows: Ints, prices: Floats, most: int, room: Floats) -> tuple[StorePlan, Floats]:
    """Plan rows of the table (price × store) that are worked on together, in the given room or a larger one."""
    which, store = np.divmod(rows, max(problem.stores, 1))
    part = problem.take(store)
    keep = 1.0 - part.loss_per_s * part.step_s[:, None]
    stores = Stores(
        step_s=part.step_s,
        kept=np.concatenate([np.ones((1, len(rows))), np.cumprod(keep, axis=0)]),
        demand_w=np.ascontiguousarray(part.demand_w.T),
        backup_g_per_j=part.backup_g_per_kwh.T / J_PER_KWH,
        store_j=part.store_j,
        capacity_j=part.capacity_j,
        end_value_g_per_j=part.end_value_g_per_j,
    )
    electricity = part.electricity_g_per_kwh.T / J_PER_KWH
    power_levels, heat_levels, rate_levels = (
        np.ascontiguousarray(levels.T) for levels in (part.power_levels_w, part.heat_levels_w, part.rate_levels)
    )
    price = np.ascontiguousarray(prices[which].T)
    hull = hull_of(power_levels, heat_levels, rate_levels, electricity, price, part.burn)
    multiplier = multipliers(stores, hull, most)
    if len(room) < 2 * problem.steps * multiplier.size:
        room = np.empty(2 * problem.steps * multiplier.size)
    value = water_value(stores, hull, multiplier, room)
    heat, now_g_per_j = _follow(stores, hull, value)
    power, rate = hull.at(heat)
    level, backup, dumped = run_stores(part, heat.T)
    plan = StorePlan(
        power_w=power.T,
        heat_w=heat.T,
        work_node_s=rate.T * part.step_s,
        level_j=level,
        backup_j=backup,
        dumped_j=dumped,
        emitted_g=emitted(part, power.T, backup, level[:, -1]),
        value_g_per_j=now_g_per_j,
        worth_g_per_node_s=_worth(part, now_g_per_j / keep[0]),
    )
    return plan, room


def _follow(stores: Stores, hull: Hull, value: WaterValue) -> tuple[Floats, Floats]:
    """Go from the level of now to the end, doing the best at each level; heat (H, rows), and value of a joule now."""
    steps, rows = stores.demand_w.shape
    heat, now = np.empty((steps, rows)), np.zeros(rows)
    width = value.multiplier_g_per_j.shape[1]
    multiplier, row = value.multiplier_g_per_j.reshape(-1), np.arange(0, rows * width, width)
    keep, slope = stores.kept[1:] / stores.kept[:-1], hull.slope_g_per_j * stores.kept[1:]
    level = stores.store_j
    for t in range(steps):
        at = level / stores.kept[t]
        found = between(value.level_j[t], value.cost_g[t], at, count(value.level_j[t] > at[:, None]))
        helped = value.backup_costs(t, at) < found.cost_g
        index = found.above + row
        high, low = multiplier[index], multiplier[index + 1]
        if t == 0:
            now = np.where(helped, value.backup_g_per_j[0], _slope(value, found, at, high, low))
        above, below = hull.heat_w[0, t].copy(), hull.heat_w[0, t].copy()
        for k in range(len(slope)):
            np.copyto(above, hull.heat_w[k + 1, t], where=high > slope[k, t])
            np.copyto(below, hull.heat_w[k + 1, t], where=low > slope[k, t])
        mixed = found.share * above + (1.0 - found.share) * below
        heat[t] = np.where(helped, value.backup_heat_w[t], mixed)
        after = level * keep[t] + (heat[t] - stores.demand_w[t]) * stores.step_s[t]
        level = np.minimum(np.maximum(after, 0.0), stores.capacity_j)
    return heat, now


def _slope(value: WaterValue, found: Between, level: Floats, high: Floats, low: Floats) -> Floats:
    """Cost that a joule more in the store now saves: the slope between two neighbours, whose multipliers bound it."""
    row, above = np.arange(len(level)), found.above
    levels, costs = value.level_j[0], value.cost_g[0]
    span = levels[row, above] - levels[row, above + 1]
    apart = span > 0.0
    slope = high.copy()
    np.divide(costs[row, above + 1] - costs[row, above], span, out=slope, where=apart)
    slope = np.minimum(np.maximum(slope, high), low)
    slope[level > levels[:, 0]] = 0.0
    return slope


def _worth(problem: StoreProblem, heat_g_per_j: Floats) -> Floats:
    """Carbon that the best level saves per node-second now, where a joule of heat saves `heat_g_per_j`, (n,)."""
    electricity = problem.electricity_g_per_kwh[:, :1] / J_PER_KWH
    saved = heat_g_per_j[:, None] * problem.heat_levels_w - electricity * problem.power_levels_w
    per_node_s = np.full(saved.shape, -np.inf)
    np.divide(saved, problem.rate_levels, out=per_node_s, where=problem.rate_levels > 0.0)
    best: Floats = per_node_s.max(axis=1)
    return best
