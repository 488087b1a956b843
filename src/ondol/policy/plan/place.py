"""Place under a plan: which work starts, stops or moves where, so that each sink draws what the plan gives it.

Sinks are ranked by what a joule of electricity is worth there: ``gain = capture·value − grid·PUE``. In this order:

1. What cannot wait takes the free slot of the highest gain, racks included, and runs at full speed.
2. Patient flex, the most urgent first, then harvest, take free slots of sinks that draw less than planned.
3. Filler has what is left of the planned power where heat is worth more than its electricity; it makes way at once.
4. Work that goes on from a checkpoint leaves a sink that draws more than planned for one that draws less.

A sink's units are filled one after the other, those that run already first. Where heat is worth less than its electricity,
work that can wait runs at the speed that needs least energy for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Action, Decision, Resume, SetPower, Start, Stop
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.plan.outline import Outline
from ondol.policy.plan.problem import J_PER_KWH
from ondol.policy.standing import Standing, queue, standing
from ondol.policy.urgency import Urgency, left_s, urgency
from ondol.policy.waiting import clock, wait

EQUAL_G_PER_KWH = 5.0  # gains that differ by less are equal: then inputs at hand decide
THRIFTY_SHARE = 0.3  # of dynamic power: two thirds of the speed, where a node needs least energy for its work
MOVE_LEFT_S = 1800.0  # work that ends sooner stays where it is
_NAMES = ("on-demand", "flex", "harvest", "filler")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Field:
    """Where power is worth what, and what runs where. Per sink unless said otherwise; racks have no sink.

    Parameters
    ----------
    gain : per node, worth of a joule of its electricity [gCO2e/kWh]
    sink : per node, row of its sink, -1 for racks
    slot_w : per node, power of one more slot at full load, its idle share included [W]
    planned_w : electric power [W]
    useful_w, filler_w : what runs [W]
    """

    gain: Floats
    sink: Ints
    slot_w: Floats
    planned_w: Floats
    useful_w: Floats
    filler_w: Floats
    busy: Ints


def place(view: View, outline: Outline) -> Decision:
    """Answer a view under a plan."""
    now = standing(view)
    urgent = urgency(view, now)
    field = _field(view, now, outline)
    instances = view.instances
    free = np.repeat(np.arange(len(view.nodes.ids)), now.free)
    cold = ~view.nodes.up if len(view.nodes.up) else np.zeros(len(view.nodes.ids), dtype=np.bool_)
    order = (free, view.nodes.unit[free], -_warm(view, now)[free], cold[free], -_level(field.gain[free]))
    free = free[np.lexsort(order)]

    pressing = fit(view, urgent.pressing, free, _groups(field, free))
    left = free[pressing.slots_left]
    started_w = _per_sink(field, free[pressing.slots])
    wanted = _within(field, left, field.planned_w - field.useful_w - started_w)
    # Where filler runs, work takes over its slot in the next decision, which is warm already.
    takes_over = (field.sink[left] >= 0) & (field.filler_w > 0.0)[np.maximum(field.sink[left], 0)] & cold[left]
    wanted = wanted[~takes_over[wanted]]
    line = np.concatenate([urgent.patient, queue(view, ServiceClass.HARVEST)])
    bound = fit(view, line, left[wanted], _groups(field, left[wanted]))
    useful_w = field.useful_w + started_w + _per_sink(field, left[wanted][bound.slots])

    rest = np.delete(left, wanted[bound.slots])
    burns = field.gain[rest] > 0.0
    spare = rest[burns]
    spare = spare[_within(field, spare, field.planned_w - useful_w - field.filler_w)]
    filled = fit(view, queue(view, ServiceClass.FILLER), spare)

    rows = np.concatenate([pressing.rows, bound.rows, filled.rows])
    nodes = np.concatenate([free[pressing.slots], left[wanted][bound.slots], spare[filled.slots]])
    stops = _stops(view, now, urgent, field, useful_w, pressing.rows_left, bound.rows_left)
    stopped = {stop.instance_id for stop in stops}
    frozen = np.flatnonzero(instances.phase == Phase.PAUSED)
    actions: list[Action] = [
        *stops,
        *(
            Resume(instances.ids[row], "the plan slows work down where heat is not wanted; nothing stands frozen")
            for row in frozen.tolist()
            if instances.ids[row] not in stopped
        ),
        *_starts(view, urgent, field, outline, rows, nodes),
        *_powers(view, now, urgent, field, rows, nodes),
        *wait(view, pressing.rows_left, f"all {int(view.nodes.slots.sum())} slots are taken or closed"),
        *wait(view, bound.rows_left, _cause(field, outline)),
    ]
    return tuple(actions)


def _field(view: View, now: Standing, outline: Outline) -> _Field:
    units, nodes, sinks = view.units, view.nodes, view.sinks
    count = len(sinks.ids)
    sink = np.where(units.heats, units.sink, -1)[nodes.unit]
    site = units.site[nodes.unit]
    electricity = (view.ahead_grid_g_per_kwh[:, 0] * view.sites.pue)[site]
    value = np.array([outline.value_g_per_kwh.get(key, 0.0) for key in sinks.ids])
    heat = np.where(sink >= 0, (sinks.capture * value)[np.maximum(sink, 0)], 0.0) if count else np.zeros(len(sink))
    slot_w = nodes.max_w / np.maximum(nodes.slots, 1)
    rows = np.flatnonzero((now.unit >= 0) & (view.instances.phase != Phase.LEAVING))
    at = view.instances.node[rows]
    mine = sink[at] >= 0
    filler = view.instances.service[rows] == ServiceClass.FILLER
    running_w = np.where(view.instances.phase[rows] == Phase.PAUSED, 0.0, slot_w[at])

    def summed(chosen: Bools) -> Floats:
        chosen = chosen & mine
        return np.asarray(np.bincount(sink[at[chosen]], running_w[chosen], count), dtype=np.float64)

    return _Field(
        gain=heat - electricity,
        sink=sink,
        slot_w=slot_w,
        planned_w=np.array([outline.soon_w.get(key, 0.0) for key in sinks.ids]),
        useful_w=summed(~filler),
        filler_w=summed(filler),
        busy=np.bincount(nodes.unit[at], minlength=len(units.ids)),
    )


def _warm(view: View, now: Standing) -> Floats:
    """Per node, how full its unit is: those that run already are filled before others are begun."""
    held = np.flatnonzero(now.unit >= 0)
    busy = np.bincount(now.unit[held], minlength=len(view.units.ids))
    slots = np.bincount(view.nodes.unit, view.nodes.slots, len(view.units.ids))
    return np.asarray((busy / np.maximum(slots, 1))[view.nodes.unit])


def _level(gain: Floats) -> Floats:
    return np.asarray(np.round(gain / EQUAL_G_PER_KWH))


def _groups(field: _Field, slots: Ints) -> Ints:
    """Slots that only their inputs tell apart: neighbours of equal gain."""
    level = _level(field.gain[slots])
    return np.concatenate(([0], np.cumsum(np.diff(level) != 0))) if len(slots) else np.zeros(0, dtype=np.int64)


def _per_sink(field: _Field, nodes: Ints) -> Floats:
    mine = nodes[field.sink[nodes] >= 0]
    return np.asarray(np.bincount(field.sink[mine], field.slot_w[mine], len(field.planned_w)), dtype=np.float64)


def _within(field: _Field, slots: Ints, budget_w: Floats) -> Ints:
    """Positions of slots, in order, that fit half or more into what their sinks may still draw."""
    sink = field.sink[slots]
    inside = np.flatnonzero(sink >= 0)
    order = inside[np.argsort(sink[inside], kind="stable")]
    if not len(order):
        return order
    owner, watts = sink[order], field.slot_w[slots[order]]
    total = np.cumsum(watts)
    first = np.concatenate(([True], owner[1:] != owner[:-1]))
    before = total - watts - np.repeat((total - watts)[first], np.diff(np.append(np.flatnonzero(first), len(order))))
    return np.sort(order[before + 0.5 * watts <= budget_w[owner]])


def _stops(
    view: View, now: Standing, urgent: Urgency, field: _Field, useful_w: Floats, pressing: Ints, bound: Ints
) -> list[Stop]:
    """Filler that is too much or in the way; work that does better elsewhere."""
    instances = view.instances
    held = (now.unit >= 0) & (instances.phase != Phase.LEAVING)
    sink = np.where(held, field.sink[np.maximum(instances.node, 0)], -1)
    filler = np.flatnonzero(held & (instances.service == ServiceClass.FILLER))
    # What the plan leaves to filler; work that waits for a slot in a sink with room for it comes before that.
    room_w = np.maximum(field.planned_w - useful_w, 0.0)
    waiting_w = float(len(bound)) * float(field.slot_w.mean()) if len(bound) else 0.0
    yields_w = np.minimum(room_w, field.filler_w)
    order = np.argsort(-_sink_gain(field), kind="stable")
    given = np.zeros(len(room_w))
    given[order] = np.clip(waiting_w - (np.cumsum(yields_w[order]) - yields_w[order]), 0.0, yields_w[order])
    excess_w = np.maximum(field.filler_w - np.maximum(room_w - given, 0.0), 0.0)
    stops = _of_sinks(
        view, field, filler, sink, excess_w, "filler makes way: its sink has its planned power, or work waits for it"
    )
    if len(pressing):
        more = filler[np.isin(filler, [row for row, _ in stops], invert=True)][: len(pressing)]
        stops += [(row, f"filler makes room: {len(pressing)} that cannot wait have no slot") for row in more.tolist()]
    over_w = np.maximum(useful_w - field.planned_w, 0.0)
    free_w = float(np.maximum(field.planned_w - useful_w, 0.0).sum())
    movable = (
        held
        & (instances.phase == Phase.RUNNING)
        & instances.resumable
        & ((instances.service == ServiceClass.HARVEST) | (instances.service == ServiceClass.FLEX))
        & ~urgent.pressing_held
        & (left_s(view) > MOVE_LEFT_S)
        & (field.gain[np.maximum(instances.node, 0)] < -EQUAL_G_PER_KWH)
    )
    if free_w > 0.0 and movable.any():
        rows = np.flatnonzero(movable)
        share = np.minimum(over_w, free_w * over_w / max(float(over_w.sum()), 1e-9))
        stops += _of_sinks(
            view, field, rows, sink, share, "goes on from its checkpoint where heat is worth more than its electricity"
        )
    return [Stop(instances.ids[row], cause) for row, cause in stops]


def _sink_gain(field: _Field) -> Floats:
    gain = np.full(len(field.planned_w), -np.inf)
    mine = field.sink >= 0
    np.maximum.at(gain, field.sink[mine], field.gain[mine])
    return gain


def _of_sinks(view: View, field: _Field, rows: Ints, sink: Ints, most_w: Floats, cause: str) -> list[tuple[int, str]]:
    """Of some rows, per sink those that come last, up to so many watts."""
    if not len(rows) or not len(most_w):
        return []
    rows = rows[sink[rows] >= 0]
    order = rows[np.lexsort((-rows, sink[rows]))]
    watts = field.slot_w[view.instances.node[order]]
    owner = sink[order]
    total = np.cumsum(watts)
    first = np.concatenate(([True], owner[1:] != owner[:-1])) if len(order) else np.zeros(0, dtype=np.bool_)
    base = np.repeat((total - watts)[first], np.diff(np.append(np.flatnonzero(first), len(order))))
    chosen = order[total - base <= most_w[owner] + 0.5 * watts]
    return [(row, cause) for row in np.sort(chosen).tolist()]


def _starts(view: View, urgent: Urgency, field: _Field, outline: Outline, rows: Ints, nodes: Ints) -> list[Start]:
    instances, units = view.instances, view.units
    unit = view.nodes.unit[nodes]
    said: dict[int, str] = {}
    for node, row in zip(nodes.tolist(), unit.tolist(), strict=True):
        if row not in said:
            said[row] = _state(view, field, outline, row, node)
    latest_s, kind = urgent.latest_start_s[rows].tolist(), instances.service[rows].tolist()
    starts: list[Start] = []
    for row, node, one, service, by_s in zip(rows.tolist(), nodes.tolist(), unit.tolist(), kind, latest_s, strict=True):
        reason = said[one]
        if service == ServiceClass.ON_DEMAND:
            reason = f"cannot wait; {reason}"
        elif service == ServiceClass.FLEX and by_s <= view.now_s:
            reason = f"had to start by {clock(by_s)} to be in time; {reason}"
        starts.append(Start(instances.ids[row], view.nodes.ids[node], reason))
    return starts


def _state(view: View, field: _Field, outline: Outline, unit: int, node: int) -> str:
    sink, name = int(field.sink[node]), view.units.ids[unit]
    if sink < 0:
        return f"{name} heats nobody; {-field.gain[node]:.0f} g/kWh"
    key = view.sinks.ids[sink]
    return (
        f"{key}: {outline.power_w.get(key, 0.0):.0f} W planned, a kWh of heat there saves "
        f"{outline.value_g_per_kwh.get(key, 0.0):.0f} g"
    )


def _powers(view: View, now: Standing, urgent: Urgency, field: _Field, rows: Ints, nodes: Ints) -> list[SetPower]:
    """Full power where work cannot wait or heat is worth its electricity; thrift elsewhere."""
    instances, units, unit_of = view.instances, view.units, view.nodes.unit
    count = len(units.ids)
    on = np.concatenate([instances.node[now.active], nodes])
    must = np.zeros(len(instances.ids), dtype=np.bool_)
    must[urgent.pressing] = True
    pressed = np.concatenate([instances.node[urgent.pressing_held], nodes[must[rows]]])
    hurried = np.bincount(unit_of[pressed], minlength=count) > 0
    idle_w = view.nodes.idle_w / np.maximum(view.nodes.slots, 1)
    full = hurried[unit_of[on]] | (field.gain[on] >= 0.0)
    share = np.where(full, 1.0, THRIFTY_SHARE)
    needed_w = np.bincount(unit_of[on], idle_w[on] + share * (field.slot_w[on] - idle_w[on]), count)
    runs = np.bincount(unit_of[on], minlength=count)
    whole = np.bincount(unit_of[on], full, count) >= runs
    return [
        SetPower(
            units.ids[row],
            float(units.power_max_w[row]) if whole[row] else float(needed_w[row]),
            f"full speed for {runs[row]} running" if whole[row] else f"thrift for {runs[row]}: heat is not wanted now",
        )
        for row in np.flatnonzero(runs).tolist()
    ]


def _cause(field: _Field, outline: Outline) -> str:
    planned, runs = float(field.planned_w.sum()), float(field.useful_w.sum())
    return (
        f"{runs:.0f} of {planned:.0f} W planned run; work waits for heat worth more than "
        f"{-outline.price_g_per_node_h:.1f} g an hour, or for its deadline"
    )
