"""Own work on hand as a source of heat: what runs, what is queued, and where that may run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.standing import standing
from ondol.policy.urgency import UNKNOWN_RUN_S, left_s, urgency, work_left_s

LEVELS = (0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99)
"""Quantiles of demand at which stores are run; beyond the first and the last nothing is claimed."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnWork:
    """Machines that heat sinks, (sinks,) unless noted, and what runs on them, (running,).

    Parameters
    ----------
    sink_of_node, usable : (nodes,) -1 for a rack; whether a node heats a sink and takes work
    rack_slots : free slots of racks
    run_w, draw_cap : what each draws at full speed, and the share of that which its cap leaves; empty for no caps
    """

    sink_of_node: Ints
    usable: Bools
    slots: Floats
    slot_w: Floats
    heat_per_slot_w: Floats
    idle_w: Floats
    full_heat_w: Floats
    rack_slots: float
    run_sink: Ints
    run_w: Floats
    run_left_s: Floats
    draw_cap: Floats

    def at(self, begin_s: float, length_s: float) -> tuple[Floats, Floats]:
        """Power of what runs in a step [W], and slot-seconds left beside it, (levels, sinks)."""
        share = np.clip((self.run_left_s - begin_s) / length_s, 0.0, 1.0)
        full_w = runs_w = self._by_sink(self.run_w * share)
        if len(self.draw_cap):
            runs_w = self._by_sink(self.run_w * share * self.draw_cap)
        taken = np.divide(full_w, self.slot_w, out=np.zeros_like(full_w), where=self.slot_w > 0.0)
        free_s = np.maximum(self.slots - taken, 0.0) * length_s
        return runs_w, np.repeat(free_s[None, :], len(LEVELS), axis=0)

    def _by_sink(self, weights: Floats) -> Floats:
        return np.bincount(self.run_sink, weights=weights, minlength=len(self.slots)).astype(np.float64)


@dataclass(slots=True, eq=False)
class Line:
    """Queued work that may run on the same sinks.

    Parameters
    ----------
    sinks : (sinks,) share of each sink's slots on which it may run
    racks : whether it may run on a rack
    waits, must : (levels,) slot-seconds left that can wait, and that cannot
    """

    sinks: Floats
    racks: bool
    waits: Floats
    must: Floats


def own_work(view: View, of_unit: Ints, capture: Floats) -> OwnWork:
    """Sum up the machines of a view.

    Parameters
    ----------
    of_unit : row of the sink that each unit heats, -1 for none
    capture : (sinks,) heat per electric joule
    """
    nodes, sinks, now = view.nodes, len(capture), standing(view)
    sink_of_node = of_unit[nodes.unit]
    heated = sink_of_node >= 0
    usable = heated & nodes.accepts
    powered = nodes.up if len(nodes.up) else np.ones(len(nodes.ids), dtype=np.bool_)

    def by_sink(values: Floats, chosen: Bools) -> Floats:
        return np.bincount(sink_of_node[chosen], weights=values[chosen], minlength=sinks).astype(np.float64)

    slots = by_sink(nodes.slots.astype(np.float64), usable)
    range_w = by_sink(nodes.max_w - nodes.idle_w, usable)
    slot_w = np.divide(range_w, slots, out=np.zeros(sinks), where=slots > 0.0)
    rows = np.flatnonzero((view.instances.service != ServiceClass.FILLER) & now.active)
    rows = rows[sink_of_node[view.instances.node[rows]] >= 0]
    rack = ~view.units.heats[nodes.unit] & nodes.accepts
    draw_cap = view.instances.draw_cap
    return OwnWork(
        sink_of_node=sink_of_node,
        usable=usable,
        slots=slots,
        slot_w=slot_w,
        heat_per_slot_w=capture * slot_w,
        idle_w=by_sink(nodes.idle_w, heated & powered),
        full_heat_w=capture * by_sink(nodes.max_w, heated),
        rack_slots=float(now.free[rack].sum()),
        run_sink=sink_of_node[view.instances.node[rows]],
        run_w=now.slot_w[view.instances.node[rows]],
        run_left_s=left_s(view)[rows],
        draw_cap=draw_cap[rows] if len(draw_cap) else draw_cap,
    )


def lines_of(view: View, own: OwnWork) -> list[Line]:
    """Queued useful work by where it may run, the most particular first."""
    instances, slots = view.instances, own.slots
    urgent = urgency(view, standing(view))
    pressing = np.zeros(len(instances.ids), dtype=np.bool_)
    pressing[urgent.pressing] = True
    queued = (instances.phase == Phase.QUEUED) & (instances.service != ServiceClass.FILLER)
    work_s = np.where(queued, work_left_s(view), 0.0)
    kinds = max(len(view.allowances), 1)
    waits = np.bincount(instances.allowed, weights=work_s * ~pressing, minlength=kinds).astype(np.float64)
    must = np.bincount(instances.allowed, weights=work_s * pressing, minlength=kinds).astype(np.float64)
    # What the columns leave out may run anywhere, as far as anybody knows.
    beyond_s = UNKNOWN_RUN_S * view.beyond[: ServiceClass.FILLER].astype(np.float64)
    must[0] += beyond_s[ServiceClass.ON_DEMAND]
    waits[0] += beyond_s[ServiceClass.FLEX] + beyond_s[ServiceClass.HARVEST]
    found: list[Line] = []
    for row in np.flatnonzero(waits + must > 0.0).tolist():
        allowed = view.allowances[row]
        here = own.usable & allowed
        mine = np.bincount(own.sink_of_node[here], weights=view.nodes.slots[here], minlength=len(slots)).astype(
            np.float64
        )
        found.append(
            Line(
                sinks=np.divide(mine, slots, out=np.zeros(len(slots)), where=slots > 0.0),
                racks=bool((allowed & view.nodes.accepts & (own.sink_of_node < 0)).any()),
                waits=np.full(len(LEVELS), waits[row]),
                must=np.full(len(LEVELS), must[row]),
            )
        )
    return sorted(found, key=lambda line: float(line.sinks.sum()))  # stable: of equals the first set


def cover(lines: list[Line], x: Floats, free_s: Floats, heat_per_slot_w: Floats) -> Floats:
    """Let queued work give what is missing, what cannot wait first; changes x, free_s and lines [slot-s]."""
    took_s = np.zeros_like(x)
    warm = heat_per_slot_w > 0.0
    for line, left in [*((one, one.must) for one in lines), *((one, one.waits) for one in lines)]:
        if not (left > 0.0).any():
            continue
        need_s = np.zeros_like(x)
        need_s[:, warm] = np.maximum(-x[:, warm], 0.0) / heat_per_slot_w[warm]
        _spend(left, np.minimum(need_s, free_s * line.sinks), x, free_s, heat_per_slot_w, took_s)
    return took_s


def run_at_once(lines: list[Line], x: Floats, free_s: Floats, heat_per_slot_w: Floats, rack_s: float) -> Floats:
    """Run what cannot wait in racks, then in any sink that has a slot free; changes x, free_s and lines [slot-s]."""
    took_s = np.zeros_like(x)
    racks_s = np.full(len(x), rack_s)
    for line in lines:
        if line.racks:
            gone_s = np.minimum(line.must, racks_s)
            racks_s -= gone_s
            line.must -= gone_s
        if (line.must > 0.0).any():
            _spend(line.must, free_s * line.sinks, x, free_s, heat_per_slot_w, took_s)
    return took_s


def _spend(left_s: Floats, most_s: Floats, x: Floats, free_s: Floats, heat_per_slot_w: Floats, took_s: Floats) -> None:
    """Spread slot-seconds over sinks in proportion to what each may take."""
    total_s = most_s.sum(axis=1)
    share = np.minimum(np.divide(left_s, total_s, out=np.zeros_like(total_s), where=total_s > 0.0), 1.0)
    used_s = most_s * share[:, None]
    left_s -= used_s.sum(axis=1)
    np.maximum(left_s, 0.0, out=left_s)
    x += used_s * heat_per_slot_w
    free_s -= used_s
    took_s += used_s
