"""Place under a plan: which work starts, stops or moves where, so that each sink draws what the plan gives it.

Sinks are ranked by what a kWh of electricity is worth there (see `field`). In this order:

1. What cannot wait, and flex whose deadlines come in a crowd (`crowd`), takes the free slot of the highest gain, racks
   after sinks of equal gain, and runs at full speed. Before its heat is wasted, filler makes way where heat is wanted.
2. Patient flex, the most urgent first, then harvest, take free slots of sinks that draw less than planned. Where filler
   runs they take its slot over, which is warm, before a node is switched on for them.
3. Work that goes on from a checkpoint leaves a sink that draws more than planned and wants no heat for one that does.
4. Filler has what is left of the planned power where heat is worth more than its electricity; it makes way at once.

A sink's units are filled one after the other, those that run already first. Where heat is worth less than its
electricity, work that can wait runs at the speed that needs least energy for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ondol.model.decision import Action, Decision, Resume
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.plan.crowd import with_crowd
from ondol.policy.plan.field import Field, field_of, free_slots_in_order
from ondol.policy.plan.free import Free
from ondol.policy.plan.outline import Outline
from ondol.policy.plan.powers import powers
from ondol.policy.plan.pressing import Pressing, give_pressing
from ondol.policy.plan.slow import give_slow
from ondol.policy.plan.yielding import coming, ended, excess_filler, held, make_way, move, useless_filler
from ondol.policy.standing import queue, standing
from ondol.policy.starts import starts
from ondol.policy.urgency import Urgency, urgency
from ondol.policy.waiting import clock, no_fit, wait


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Patient:
    """What becomes of patient work that does not start now.

    Parameters
    ----------
    served, left : rows that get a slot which is being freed; rows that get none
    filler : rows of filler that makes way
    taken_w : per sink, what those served will draw [W]
    """

    served: Ints
    left: Ints
    filler: Ints
    taken_w: Floats


def place(view: View, outline: Outline, lag_s: float = 0.0) -> Decision:
    """Answer a view under a plan.

    Parameters
    ----------
    lag_s : time until the next decision, as far as it is known, 0 or more [s]
    """
    now = standing(view)
    was_held = held(view, now)
    going = was_held.copy()
    urgent = with_crowd(view, urgency(view, now, lag_s), going)
    ground = field_of(view, now, outline)
    nodes = free_slots_in_order(view, now, ground)
    free = Free(nodes, np.ones(len(nodes), dtype=np.bool_))

    pressing = give_pressing(view, ground, free, going, urgent.pressing)
    stops = [*pressing.stops, *ended(going, useless_filler(view, ground, going))]
    line = np.concatenate([urgent.patient, queue(view, ServiceClass.HARVEST)])
    patient = _give_patient(view, ground, free, going, line, pressing)
    patient = replace(patient, left=give_slow(view, ground, urgent, going, free, patient.left))
    cause = f"one of {len(patient.served)} that wait: its sink has planned power for useful work"
    stops += ended(going, make_way(view, patient.filler, cause))
    useful_w = ground.useful_w + free.given_w(ground) + pressing.taken_w + patient.taken_w
    stops += ended(going, excess_filler(view, ground, going, ground.planned_w - useful_w))
    at = np.flatnonzero(free.left)
    moved, moved_rows, kept = move(view, urgent, ground, going, useful_w=useful_w, slots=nodes[at])
    stops += ended(going, (moved, moved_rows))
    free.left[at[kept]] = False
    open_to_filler = _open_to_filler(view, ground, free, useful_w, was_held & ~going)
    filled = free.give(view, ground, queue(view, ServiceClass.FILLER), open_to_filler)

    rows, chosen = np.concatenate(free.rows), np.concatenate(free.got)
    burnt = f"the planned power is drawn, or heat is worth less than its electricity: {_drawn(ground)}"
    actions: list[Action] = [
        *stops,
        *(
            Resume(view.instances.ids[row], "the plan slows work down where heat is not wanted; nothing stands frozen")
            for row in np.flatnonzero(going & (view.instances.phase == Phase.PAUSED)).tolist()
        ),
        *starts(
            view, urgent, rows, chosen, lambda unit: _state(view, ground, outline, unit), np.concatenate(free.near)
        ),
        *powers(view, urgent, ground, going, rows, chosen),
        *wait(view, pressing.left, _no_slot(view, int(free.left.sum()))),
        *wait(view, pressing.served, f"a slot is being freed for it where its heat is wanted: {_drawn(ground)}"),
        *wait(view, patient.served, f"a slot is being freed for it: {_drawn(ground)}"),
        *_waits(view, urgent, ground, outline, patient.left),
        *wait(view, filled.rows_left, burnt),
    ]
    return tuple(actions)


def _give_patient(view: View, ground: Field, free: Free, going: Bools, line: Ints, pressing: Pressing) -> _Patient:
    """Give patient work slots of sinks that draw less than planned, so that few nodes are switched on and off for it.

    First free slots, but for cold nodes of sinks with filler; then slots that are being freed and those of filler,
    which are warm; and at last those cold nodes, for who may not have the others.
    """
    promised_w = ground.useful_w + pressing.taken_w
    room_w = ground.planned_w - promised_w - free.given_w(ground)
    planned = _planned(ground, free, free.left, room_w)
    kept = np.zeros(len(free.nodes), dtype=np.bool_)
    sink = ground.sink[free.nodes]
    kept[planned] = (ground.cold[free.nodes] & ground.some_filler[np.maximum(sink, 0)])[planned]
    first = free.give(view, ground, line, planned & ~kept)

    rows = coming(view, ground, going)
    rows = rows[~pressing.promised[rows]]
    nodes = view.instances.node[rows]
    room_w = ground.planned_w - promised_w - free.given_w(ground)
    inside = ground.within(nodes, room_w)
    second = fit(view, first.rows_left, nodes[inside])
    rows = rows[inside][second.slots]
    taken_w = ground.per_sink_w(view.instances.node[rows])
    third = free.give(view, ground, second.rows_left, kept & _planned(ground, free, kept, room_w - taken_w))
    return _Patient(served=second.rows, left=third.rows_left, filler=np.sort(rows[going[rows]]), taken_w=taken_w)


def _planned(ground: Field, free: Free, among: Bools, budget_w: Floats) -> Bools:
    """Tell which of some free slots lie within what their sinks may still draw."""
    planned = np.zeros(len(free.nodes), dtype=np.bool_)
    at = np.flatnonzero(free.left & among)
    planned[at] = ground.within(free.nodes[at], budget_w)
    return planned


def _open_to_filler(view: View, ground: Field, free: Free, useful_w: Floats, stopped: Bools) -> Bools:
    """Tell which slots filler may have: the heat is wanted there, and none of it makes way there now."""
    instances = view.instances
    yields = stopped & (instances.service == ServiceClass.FILLER)
    yielding_w = ground.per_sink_w(instances.node[yields])
    # Where another kWh is worth no more than its electricity, power that was planned for work is not for filler, nor
    # is what is left of an earlier plan; what the heat alone asks for is.
    planned_w = np.where(ground.gains, ground.planned_w, np.minimum(ground.planned_w, ground.heat_w))
    budget_w = np.where(yielding_w > 0.0, -1.0, planned_w - useful_w - ground.filler_w)
    return _planned(ground, free, free.left, budget_w)


def _state(view: View, ground: Field, outline: Outline, unit: int) -> str:
    """Say how a unit stands."""
    units, sink = view.units, view.units.sink[unit]
    if not units.heats[unit] or sink < 0:
        node = int(np.argmax(view.nodes.unit == unit))
        return f"{units.ids[unit]} heats nobody; a kWh costs {-ground.gain_g_per_kwh[node]:.0f} g there"
    key = view.sinks.ids[sink]
    return (
        f"{key}: {ground.planned_w[sink]:.0f} W planned, {ground.useful_w[sink]:.0f} W drawn by work, a kWh of heat "
        f"there saves {outline.value_g_per_kwh.get(key, 0.0):.0f} g"
    )


def _no_slot(view: View, free: int) -> str:
    leaving = int((view.instances.phase == Phase.LEAVING).sum())
    taken = f"all {int(view.nodes.slots.sum())} slots are taken or closed"
    return f"{no_fit(free) if free else taken}; {leaving} are being freed"


def _waits(view: View, urgent: Urgency, ground: Field, outline: Outline, rows: Ints) -> list[Action]:
    """Say why patient work waits, and flex by when its first must start."""
    price = outline.price_g_per_node_h
    asks = (
        f"an hour of a node may cost {price:.1f} g beyond what its heat saves"
        if price >= 0.0
        else f"an hour of a node has to save {-price:.1f} g by its heat"
    )
    cause = f"{_drawn(ground)}; {asks}"
    flex = rows[view.instances.service[rows] == ServiceClass.FLEX]
    actions: list[Action] = []
    if len(flex):
        first_s = float(urgent.latest_start_s[flex].min())
        actions += wait(view, flex, f"{cause}; the first must start by {clock(first_s)}")
    actions += wait(view, rows[view.instances.service[rows] != ServiceClass.FLEX], cause)
    return actions


def _drawn(ground: Field) -> str:
    return f"{ground.useful_w.sum():.0f} of {ground.planned_w.sum():.0f} W planned are drawn by useful work"
