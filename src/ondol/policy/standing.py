"""What units and nodes give and have free at the moment of a view; shared by all policies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View

_QUEUED, _PLACED, _RUNNING = int(Phase.QUEUED), int(Phase.PLACED), int(Phase.RUNNING)  # numpy takes numbers far faster


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Sums over nodes and instances of a view.

    Work at full speed is taken to draw an equal share of its node's range: (max_w - idle_w) / slots for each slot.

    Parameters
    ----------
    unit : per instance, row of the unit that it holds a slot of, -1 while queued
    active : per instance, whether it draws power now or as soon as it is staged (placed or running)
    slot_w : per node, watts that one more instance at full speed adds [W]
    free : per node, slots that may be given now
    idle_w : per unit, power with nothing running [W]
    given_w : per unit, idle power and all active work at full speed, or at the cap of its task [W]
    typical_w : per unit, mean of `slot_w` over its nodes [W]
    """

    unit: Ints
    active: Bools
    slot_w: Floats
    free: Ints
    idle_w: Floats
    given_w: Floats
    typical_w: Floats


def standing(view: View) -> Standing:
    """Sum up a view; O(units + nodes + instances)."""
    nodes, units = view.nodes, len(view.units.ids)
    slot_w = np.maximum(nodes.max_w - nodes.idle_w, 1e-6) / np.maximum(nodes.slots, 1)
    unit, active = placed(view)
    idle_w = np.bincount(nodes.unit, weights=nodes.idle_w, minlength=units).astype(np.float64)
    count = np.maximum(np.bincount(nodes.unit, minlength=units), 1)
    return Standing(
        unit=unit,
        active=active,
        slot_w=slot_w,
        free=free_slots(view),
        idle_w=idle_w,
        given_w=idle_w + watts_by_unit(view, active, slot_w),
        typical_w=np.maximum(np.bincount(nodes.unit, weights=slot_w, minlength=units) / count, 1e-6),
    )


def placed(view: View) -> tuple[Ints, Bools]:
    """Give `Standing.unit` and `Standing.active` alone."""
    instances = view.instances
    held = (instances.node >= 0) & (instances.phase != _QUEUED)
    unit = np.full(len(instances.ids), -1, dtype=np.int64)
    unit[held] = view.nodes.unit[instances.node[held]]
    return unit, held & ((instances.phase == _PLACED) | (instances.phase == _RUNNING))


def free_slots(view: View) -> Ints:
    """Give `Standing.free` alone."""
    return np.where(view.nodes.accepts, np.maximum(view.nodes.slots_free, 0), 0)


def watts_by_unit(view: View, chosen: Bools, slot_w: Floats) -> Floats:
    """Sum the slot watts of the chosen instances, each of which holds a slot, per unit, as their caps let them [W]."""
    node, draw_cap = view.instances.node[chosen], view.instances.draw_cap
    watts = slot_w[node] * draw_cap[chosen] if len(draw_cap) else slot_w[node]
    return np.bincount(view.nodes.unit[node], weights=watts, minlength=len(view.units.ids)).astype(np.float64)


def queue(view: View, *classes: ServiceClass) -> Ints:
    """Rows of queued instances of some service classes, first come first, ties by id."""
    instances = view.instances
    rows: Ints = (instances.phase == _QUEUED).nonzero()[0]
    if not len(rows):
        return rows
    chosen = np.zeros(len(ServiceClass), dtype=np.bool_)
    chosen[list(classes)] = True
    rows = rows[chosen[instances.service[rows]]]
    return np.asarray(rows[np.argsort(instances.submitted_s[rows], kind="stable")])


def deal(view: View, rank: Floats, free: Ints, budget_w: Floats, slot_w: Floats, *, least: float) -> tuple[Ints, Ints]:
    """Deal out slots unit by unit, each filled up to its budget before the next: full load keeps case losses small.

    Parameters
    ----------
    rank : per unit, lower is served first; inf for never
    free : per node, slots to be given
    budget_w : per unit, watts to be reached [W]
    slot_w : per node [W]
    least : share of a slot's watts, 0 to 1, that must be open for one more slot to be given

    Returns
    -------
    node rows, one entry a slot, in the order in which they are to be used; and what stays free per node
    """
    nodes = view.nodes
    rank_of_node = rank[nodes.unit]
    order = np.lexsort((nodes.unit, rank_of_node))
    order = order[np.isfinite(rank_of_node[order]) & (free[order] > 0)]
    unit, watts, most = nodes.unit[order], slot_w[order], free[order]
    dealt = np.cumsum(watts * most) - watts * most
    first = np.ones(len(order), dtype=bool)
    first[1:] = unit[1:] != unit[:-1]
    before = dealt - dealt[first][np.cumsum(first) - 1] if len(order) else dealt
    wished = np.ceil((budget_w[unit] - before) / watts - least)
    take = np.clip(wished, 0, most).astype(np.int64)
    left = free.copy()
    left[order] -= take
    return np.repeat(order, take), left
