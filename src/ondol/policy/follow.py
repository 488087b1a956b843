"""Ours: work follows the heat that is wanted, now and soon; what cannot wait never waits for it.

Where sinks are known as stores with whole forecasts, it plans them a day or two ahead (`plan.outline`) and places work
under that plan (`plan.place`). Otherwise it goes by what thermostats want, in this order, each on what those before
left over:

1. on_demand, and flex whose latest start has come, take any free slot: where heat is wanted, else where the sink has
   most room, else a rack, else anything. They run at full speed whatever the thermostat says (SetPower).
2. flex takes slots where heat is wanted and waits otherwise; sinks below their band first, those that a kWh helps most
   before the others, then the largest want; each unit is filled to full load before the next (a boiler loses as much
   heat through its case at half load).
3. harvest takes what flex leaves; work that has been stuck for long moves to what is left then; filler has the rest.

A pause or waiting stands in for a kill wherever it can. Heat-bound work is stopped only if something that cannot wait
has no slot (filler first, then harvest that loses nothing, in the last resort harvest that begins anew), and resumable
work if it has been stuck for long and wanted heat has no other taker.
Thermostats are left alone otherwise: work in a unit that wants less is slowed down by it. Ties go to the cleaner
electricity (grid intensity × PUE), then to the site that lacks fewest of the work's inputs, then to the lower id.
Work goes only where it is allowed (`policy.fit`); who may go nowhere that is free lets the others pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.decision import Action, Decision
from ondol.model.view import Bools, Ints, Phase, ServiceClass, View
from ondol.policy.demand import LEAST_SHARE, Demand, demand, state_of
from ondol.policy.displace import make_room, replace_filler
from ondol.policy.fit import anywhere_at_once, fit
from ondol.policy.floors import held_power
from ondol.policy.freeze import freeze, moves, thaw
from ondol.policy.plan.forecasts import plannable
from ondol.policy.plan.outline import Outline, draw_up, due
from ondol.policy.plan.place import place
from ondol.policy.standing import Standing, deal, queue, standing
from ondol.policy.starts import starts
from ondol.policy.urgency import Urgency, urgency
from ondol.policy.waiting import clock, no_fit, wait

LONGEST_LAG_S = 1800.0  # decisions further apart are no rhythm, but a pause

_WHOLE = 1.0 - 1e-9  # a slot is given only where all its watts fit


@dataclass(frozen=True, slots=True)
class FollowMemory:
    """What one decision hands to the next.

    Parameters
    ----------
    unwanted_since_s : since when a unit with flex, harvest or filler work wants no heat, by unit id [s since the epoch]
    outline : the plan in force, where there are forecasts to plan with
    decided_s : when it was made, 0 for never [s since the epoch]
    """

    unwanted_since_s: dict[str, float] = field(default_factory=dict)
    outline: Outline = field(default_factory=Outline)
    decided_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slots:
    """Free slots in the order of use.

    Parameters
    ----------
    node : node row of each
    equal : number of its group of slots that only the id tells apart
    wanting : the first so many are where heat is wanted; the rest is only for what cannot wait
    last : from here on, sinks can take no more
    """

    node: Ints
    equal: Ints
    wanting: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Placed:
    """Who starts, and who and what is left.

    Parameters
    ----------
    rows, slots, near : instances that start, positions of their slots, whether these were chosen for their inputs
    spare : positions of slots where heat is wanted that nobody got
    pressing_left, bound_left : rows that got none: those that cannot wait; flex and harvest that can
    """

    rows: Ints
    slots: Ints
    near: Bools
    spare: Ints
    pressing_left: Ints
    bound_left: Ints


class Follow:
    """Work follows heat. See the module."""

    name = "follow"

    def fresh(self) -> FollowMemory:
        """Give the memory of a policy that has seen nothing."""
        return FollowMemory()

    def decide(self, view: View, memory: FollowMemory) -> tuple[Decision, FollowMemory]:
        """Answer a view: by the plan where the forecasts of sinks are whole, else by what thermostats want."""
        if plannable(view):
            outline = draw_up(view, memory.outline) if due(view, memory.outline) else memory.outline
            lag_s = view.now_s - memory.decided_s
            decision = place(view, outline, lag_s if 0.0 <= lag_s <= LONGEST_LAG_S else 0.0)
            return decision, FollowMemory(memory.unwanted_since_s, outline, view.now_s)
        return self._by_want(view, memory)

    def _by_want(self, view: View, memory: FollowMemory) -> tuple[Decision, FollowMemory]:
        """Freeze and thaw, place by urgency, make room, hold power where work cannot wait."""
        now = standing(view)
        urgent = urgency(view, now)
        resumes, resumed_w, frozen = thaw(view, now)
        wants = demand(view, now, resumed_w)
        pauses, since_s = freeze(view, now, wants, memory.unwanted_since_s)
        slots = _slots(view, now, wants)

        placed = _place(view, urgent, slots)
        moved, gone = moves(
            view,
            now,
            frozen=frozen,
            pressing=urgent.pressing_held,
            since_s=since_s,
            slots=slots.node[placed.spare],
        )
        spare = placed.spare[gone.slots_left]
        filled = fit(view, queue(view, ServiceClass.FILLER), slots.node[spare], slots.equal[spare])
        rows = np.concatenate([placed.rows, filled.rows])
        used = np.concatenate([placed.slots, spare[filled.slots]])
        nodes = slots.node[used]

        stops, stopped_rows = make_room(view, now, placed.pressing_left, gone.rows)
        stops = [*moved, *stops]
        # Who can go anywhere and still waits needs whatever slot comes free; who cannot does not hold up the others.
        choosy = ~_anywhere(view, placed.pressing_left)
        if choosy.all() and len(placed.bound_left):
            stops += replace_filler(view, now, wants, placed.bound_left, stopped_rows)
        stopped = {stop.instance_id for stop in stops}
        near = np.concatenate([placed.near, filled.near])
        actions: list[Action] = [
            *stops,
            *(pause for pause in pauses if pause.instance_id not in stopped),
            *(resume for resume in resumes if resume.instance_id not in stopped),
            *starts(view, urgent, rows, nodes, lambda unit: state_of(view, now, unit), near),
            *held_power(view, now, urgent, rows, nodes),
            *wait(view, placed.pressing_left[~choosy], _no_slot(view, 0)),
            *wait(view, placed.pressing_left[choosy], _no_slot(view, len(slots.node) - len(used))),
            *_waits(view, wants, urgent, placed.bound_left, filled.rows_left, len(filled.slots_left)),
        ]
        return tuple(actions), FollowMemory(since_s, memory.outline, view.now_s)


def _slots(view: View, now: Standing, wants: Demand) -> _Slots:
    """Put free slots in order: wanted heat first, then room in sinks, then racks, then what is left."""
    plenty = np.full(len(view.units.ids), np.inf)
    free, nodes, equals, groups = now.free, list[Ints](), list[Ints](), 0
    for order, budget_w, least in (
        (wants.rank, wants.open_w, LEAST_SHARE),
        (wants.room_rank, wants.room_w, _WHOLE),
        (wants.rack_rank, plenty, 0.0),
        (wants.room_rank, plenty, 0.0),
    ):
        node, free = deal(view, order.place, free, budget_w, now.slot_w, least=least)
        nodes.append(node)
        equals.append(groups + order.equal[view.nodes.unit[node]])
        groups += len(view.units.ids)
    return _Slots(
        node=np.concatenate(nodes),
        equal=np.concatenate(equals),
        wanting=len(nodes[0]),
        last=sum(map(len, nodes[:3])),
    )


def _place(view: View, urgent: Urgency, slots: _Slots) -> _Placed:
    """Place what cannot wait, then flex and harvest where heat is wanted."""
    first = fit(view, urgent.pressing, slots.node[: slots.last], slots.equal[: slots.last])
    bold = anywhere_at_once(view, first.rows_left)
    second = fit(view, first.rows_left[bold], slots.node[slots.last :], slots.equal[slots.last :])
    left = np.isin(first.rows_left, second.rows, invert=True)
    wanting = first.slots_left[first.slots_left < slots.wanting]
    bound = np.concatenate([urgent.patient, queue(view, ServiceClass.HARVEST)])
    third = fit(view, bound, slots.node[wanting], slots.equal[wanting])
    return _Placed(
        rows=np.concatenate([first.rows, second.rows, third.rows]),
        slots=np.concatenate([first.slots, slots.last + second.slots, wanting[third.slots]]),
        near=np.concatenate([first.near, second.near, third.near]),
        spare=wanting[third.slots_left],
        pressing_left=first.rows_left[left],
        bound_left=third.rows_left,
    )


def _anywhere(view: View, rows: Ints) -> Bools:
    """Tell per row whether it may run on every node."""
    everywhere = np.asarray(np.all(view.allowances, axis=1), dtype=np.bool_)
    return np.take(everywhere, view.instances.allowed[rows])


def _no_slot(view: View, free: int) -> str:
    leaving = int((view.instances.phase == Phase.LEAVING).sum())
    taken = f"all {int(view.nodes.slots.sum())} slots are taken or closed"
    return f"{no_fit(free) if free else taken}; {leaving} are being freed"


def _waits(view: View, wants: Demand, urgent: Urgency, bound: Ints, filler: Ints, free: int) -> list[Action]:
    open_w = float(wants.open_w[np.isfinite(wants.rank.place)].sum())
    cause = (
        f"{open_w:.0f} W more are wanted, but {no_fit(free) if free else 'no slot there is free'}"
        if open_w > 0.0
        else "all wanted heat is given already"
    )
    kind = view.instances.service[bound]
    flex = bound[kind == ServiceClass.FLEX]
    actions: list[Action] = []
    if len(flex):
        first = f"{cause}; the first must start by {clock(float(urgent.latest_start_s[flex].min()))}"
        actions += wait(view, flex, first)
    actions += wait(view, bound[kind != ServiceClass.FLEX], cause)
    actions += wait(view, filler, cause)
    return actions
