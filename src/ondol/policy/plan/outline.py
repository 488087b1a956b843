"""The plan of the quarter hour: watts of each sink, what heat is worth there, and the common price of work."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.view import Floats, Phase, ServiceClass, View
from ondol.policy.plan.forecasts import demand_w, electricity_g_per_kwh, steps
from ondol.policy.plan.levels import levels_of
from ondol.policy.plan.price import WorkPlan, overflow_g_per_node_s, price_of_work
from ondol.policy.plan.problem import J_PER_KWH, StoreProblem
from ondol.policy.plan.stores import plan_stores
from ondol.policy.plan.thrift import thrifty_g_per_node_s
from ondol.policy.urgency import UNKNOWN_RUN_S, work_left_s

PLAN_S = 900.0
PRUDENCE = 0.25
"""Share of the way from the mean to the 90 % quantile of demand that is planned for: a store that runs dry costs backup
heat, one that is too full only what it loses."""

END_SHARE = 0.5
"""Heat left in a store at the end of the horizon is worth this share of the backup that it can replace later."""

EASE = 0.15
EASED_FROM_S = 3600.0
"""Stores that their units fill in less time follow the plan at once; others are eased towards it."""

DRAWN_SHARE = 0.95
"""Of planned power so much is drawn in the mean, since slots stand empty between jobs and nodes boot: measured on the
benchmark, 0.95 to 0.97."""

SURE_SHARE = 0.25
"""Where a kWh is worth so much more, or less, than its electricity costs, no plan is eased: only equals jump."""

BUSY_SHARE = 0.8
"""Of what the nodes of heat sinks can do over the horizon: where more work than this has to be done, it has no time for
thrift, which needs half as long again."""

_MULTIPLIERS = 24
_USEFUL = (ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST)


@dataclass(frozen=True, slots=True)
class Outline:
    """What a plan leaves for the decisions until the next one; by sink id.

    Parameters
    ----------
    issued_s : when it was made, 0 for never [s since the epoch]
    power_w : electric power of the sink's units in the first step [W]
    soon_w : mean of the same over the first hour, eased over the last plans [W]
    heat_w : electric power of the sink's units in the first step if there were no work: for its heat alone [W]
    value_g_per_kwh : carbon that one more kWh of heat in the sink now would save [gCO2e/kWh]
    price_g_per_node_h : carbon that an hour of a node's work is worth now [gCO2e/h]
    """

    issued_s: float = 0.0
    power_w: dict[str, float] = field(default_factory=dict)
    soon_w: dict[str, float] = field(default_factory=dict)
    heat_w: dict[str, float] = field(default_factory=dict)
    value_g_per_kwh: dict[str, float] = field(default_factory=dict)
    price_g_per_node_h: float = 0.0


def due(view: View, outline: Outline) -> bool:
    """Tell whether a new plan is to be made."""
    # A plan from the future is one of an earlier life, under another clock.
    fresh = 0.0 <= view.now_s - outline.issued_s < PLAN_S
    return not fresh or outline.power_w.keys() != dict.fromkeys(view.sinks.ids).keys()


def draw_up(view: View, before: Outline) -> Outline:
    """Plan all sinks of a view over its horizon.

    Parameters
    ----------
    before : the plan so far: powers move from it in `EASE` steps, for stores are patient and starts are wear
    """
    sinks = view.sinks
    levels = levels_of(view)
    kept = steps(view)
    step_s = view.ahead_s[kept]
    grid = electricity_g_per_kwh(view)[:, kept]
    backup = np.maximum(sinks.backup_g_per_kwh[:, kept], 0.0)
    capacity_j = np.maximum(sinks.capacity_j, 0.0)
    demand = demand_w(view, PRUDENCE)[:, kept]
    fills = bool((view.instances.service == ServiceClass.FILLER).any())
    problem = StoreProblem(
        step_s=step_s,
        store_j=np.clip(sinks.store_j, 0.0, capacity_j),
        capacity_j=capacity_j,
        # What would lose all within a step keeps half of it: such a store is empty a step later either way.
        loss_per_s=np.clip(sinks.loss_per_s, 0.0, 0.5 / float(step_s.max())),
        demand_w=demand,
        electricity_g_per_kwh=grid[sinks.site],
        backup_g_per_kwh=backup,
        end_value_g_per_j=END_SHARE * _used_later(demand, step_s, capacity_j) * backup[:, -1] / J_PER_KWH,
        power_levels_w=levels.power_w,
        heat_levels_w=DRAWN_SHARE * levels.heat_w,
        rate_levels=levels.rate,
        burn=np.full(len(sinks.ids), fills),
    )
    rack = ~view.units.heats[view.nodes.unit] & view.nodes.accepts
    cap = None
    if rack.any():
        site = view.units.site[view.nodes.unit[rack]]
        cost = grid.mean(axis=1)[site]
        cap = overflow_g_per_node_s(float(cost.min()), float(view.nodes.max_w[rack].mean()))
    made = _at_its_price(view, problem, cap, thrifty_g_per_node_s(view, step_s, grid))
    # At a price of 0 or less power is planned for its heat alone, whoever may use it.
    worked = fills and bool(made.price_g_per_node_s[0] > 0.0)
    alone = plan_stores(problem, 0.0, most_multipliers=_MULTIPLIERS) if worked else made.plan
    hour_w = made.plan.power_w[:, : max(1, int(np.searchsorted(np.cumsum(step_s), 3600.0, side="right")))].mean(axis=1)
    now_w = made.plan.power_w[:, 0]
    most_w = np.maximum(levels.heat_w[:, -1], 1.0)
    patient = capacity_j / most_w >= EASED_FROM_S
    patient &= (
        np.abs(_surplus_g_per_kwh(problem, made, sinks.capture)) < SURE_SHARE * problem.electricity_g_per_kwh[:, 0]
    )
    known = before.soon_w if 0.0 <= view.now_s - before.issued_s < 2.0 * PLAN_S else {}  # an old plan eases nothing
    last_w = np.array([known.get(key, new_w) for key, new_w in zip(sinks.ids, hour_w.tolist(), strict=True)])
    return Outline(
        issued_s=view.now_s,
        power_w=_by_id(view, now_w),
        soon_w=_by_id(view, np.where(patient, last_w + EASE * (hour_w - last_w), now_w)),
        heat_w=_by_id(view, alone.power_w[:, 0]),
        value_g_per_kwh=_by_id(view, made.plan.value_g_per_j * J_PER_KWH),
        price_g_per_node_h=float(made.price_g_per_node_s[0]) * 3600.0,
    )


def _used_later(demand_w: Floats, step_s: Floats, capacity_j: Floats) -> Floats:
    """Share of a full store that a day of the horizon's mean demand would use up, 0 to 1: a summer room needs none."""
    day_j = 86_400.0 * np.average(demand_w, axis=1, weights=step_s)
    share = np.ones(len(capacity_j))
    np.divide(day_j, capacity_j, out=share, where=capacity_j > 0.0)
    return np.asarray(np.minimum(share, 1.0))


def _at_its_price(view: View, problem: StoreProblem, most_g: float | None, thrifty_g: float) -> WorkPlan:
    """Plan for all work, up to the price at which it can be done thriftily where it warms nobody (`slow`).

    Only where so much has to be done that there is no time for thrift, it is planned at any price up to the highest.

    Parameters
    ----------
    most_g : highest price of work that has to be done, None for any; thrifty_g : done thriftily [gCO2e/node-s]
    """
    low_g = thrifty_g if most_g is None else min(thrifty_g, most_g)
    made = price_of_work(
        problem,
        _wanted_node_s(view, _USEFUL),
        overflow_price_g_per_node_s=low_g if np.isfinite(low_g) else None,
        most_multipliers=_MULTIPLIERS,
    )
    if made.overflow_node_s <= 0.0 or (most_g is not None and most_g <= low_g):
        return made
    must_node_s = _wanted_node_s(view, (ServiceClass.ON_DEMAND, ServiceClass.FLEX))
    room_node_s = BUSY_SHARE * float(problem.rate_levels[:, -1].sum() * problem.step_s.sum())
    if must_node_s <= max(room_node_s, float(made.plan.work_node_s.sum())):
        return made
    return price_of_work(problem, must_node_s, overflow_price_g_per_node_s=most_g, most_multipliers=_MULTIPLIERS)


def _surplus_g_per_kwh(problem: StoreProblem, made: WorkPlan, capture: Floats) -> Floats:
    """What one more kWh of electricity now is worth beyond what it costs, its heat and its work counted, per store."""
    price = float(made.price_g_per_node_s[0])
    paid = np.where(problem.burn, max(price, 0.0), price)
    work_per_j = np.zeros(problem.stores)
    np.divide(
        problem.rate_levels[:, -1], problem.power_levels_w[:, -1], out=work_per_j, where=problem.rate_levels[:, -1] > 0
    )
    worth = capture * made.plan.value_g_per_j + paid * work_per_j
    return np.asarray(worth * J_PER_KWH - problem.electricity_g_per_kwh[:, 0])


def _by_id(view: View, values: Floats) -> dict[str, float]:
    return dict(zip(view.sinks.ids, values.tolist(), strict=True))


def _wanted_node_s(view: View, kinds: tuple[ServiceClass, ...]) -> float:
    """Work of these classes over the horizon: what is there, and what is expected to come [node-s].

    A second of a slot is the share of a node's second that a slot is of its node.
    """
    instances, nodes = view.instances, view.nodes
    work = work_left_s(view)
    useful = np.isin(instances.service, np.array([int(kind) for kind in kinds]))
    holds = useful & (instances.node >= 0)
    total = float((work[holds] / np.maximum(nodes.slots[instances.node[holds]], 1)).sum())
    queued = useful & (instances.phase == Phase.QUEUED)
    slots_s = float(work[queued].sum())
    for kind in kinds:
        mine = queued & (instances.service == kind)
        mean_s = float(work[mine].mean()) if mine.any() else UNKNOWN_RUN_S
        slots_s += float(view.beyond[kind]) * mean_s
        slots_s += float(np.maximum(np.nan_to_num(view.ahead_work_s[kind]), 0.0).sum())
    return total + slots_s * len(nodes.ids) / max(float(nodes.slots.sum()), 1.0)
