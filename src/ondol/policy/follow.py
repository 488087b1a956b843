"""Ours: work follows the heat that is wanted, now and soon; what cannot wait never waits for it.

In this order, each on what those before left over:

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
electricity (grid intensity × PUE), then to the lower id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ondol.model.decision import Action, Decision, SetPower, Start, Stop
from ondol.model.view import Ints, Phase, ServiceClass, View
from ondol.policy.demand import LEAST_SHARE, Demand, demand, state_of
from ondol.policy.displace import make_room, replace_filler
from ondol.policy.freeze import freeze, moves, thaw
from ondol.policy.standing import Standing, deal, queue, standing
from ondol.policy.urgency import Urgency, urgency
from ondol.policy.waiting import clock, wait

_WHOLE = 1.0 - 1e-9  # a slot is given only where all its watts fit


@dataclass(frozen=True, slots=True)
class FollowMemory:
    """What one decision hands to the next.

    Parameters
    ----------
    unwanted_since_s : since when a unit with flex, harvest or filler work wants no heat, by unit id [s since the epoch]
    """

    unwanted_since_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slots:
    """Free slots in the order of use.

    Parameters
    ----------
    wanting : node rows of slots whose heat is wanted
    other : node rows of the rest, only for what cannot wait
    """

    wanting: Ints
    other: Ints


class Follow:
    """Work follows heat. See the module."""

    name = "follow"

    def fresh(self) -> FollowMemory:
        """Give the memory of a policy that has seen nothing."""
        return FollowMemory()

    def decide(self, view: View, memory: FollowMemory) -> tuple[Decision, FollowMemory]:
        """Answer a view: freeze and thaw, place by urgency, make room, hold power where work cannot wait."""
        now = standing(view)
        urgent = urgency(view, now)
        resumes, resumed_w, frozen = thaw(view, now)
        wants = demand(view, now, resumed_w)
        pauses, since_s = freeze(view, now, wants, memory.unwanted_since_s)
        slots = _slots(view, now, wants)

        pressing = urgent.pressing
        anywhere = np.concatenate([slots.wanting, slots.other])
        used = anywhere[: len(pressing)]
        left = slots.wanting[len(used) :]
        harvest, filler = queue(view, ServiceClass.HARVEST), queue(view, ServiceClass.FILLER)
        bound = np.concatenate([urgent.patient, harvest])
        placed, left = bound[: len(left)], left[len(bound) :]
        moved = moves(view, now, frozen=frozen, pressing=urgent.pressing_held, since_s=since_s, slots=left)
        spare = left[len(moved) :]
        rows = np.concatenate([pressing[: len(used)], placed, filler[: len(spare)]])
        nodes = np.concatenate([used, slots.wanting[len(used) :][: len(placed)], spare[: len(filler)]])

        stops: list[Stop] = [*moved]
        stops += make_room(view, now, len(pressing) - len(used), frozenset(stop.instance_id for stop in moved))
        if len(used) == len(pressing) and len(bound) > len(placed):
            coming = int((view.instances.phase == Phase.LEAVING).sum()) + len(stops)
            stops += replace_filler(view, now, wants, len(bound) - len(placed), coming)
        stopped = {stop.instance_id for stop in stops}
        starts = _starts(view, now, urgent, rows, nodes)
        actions: list[Action] = [
            *stops,
            *(pause for pause in pauses if pause.instance_id not in stopped),
            *(resume for resume in resumes if resume.instance_id not in stopped),
            *starts,
            *_powers(view, now, urgent, rows, nodes),
            *wait(view, pressing[len(used) :], _no_slot(view)),
            *_waits(view, wants, urgent, bound[len(placed) :], filler[len(spare) :]),
        ]
        return tuple(actions), FollowMemory(since_s)


def _slots(view: View, now: Standing, wants: Demand) -> _Slots:
    """Put free slots in order: wanted heat first, then room in sinks, then racks, then what is left."""
    units = view.units
    wanting, free = deal(view, wants.rank, now.free, wants.open_w, now.slot_w, least=LEAST_SHARE)
    roomy, free = deal(view, wants.room_rank, free, wants.room_w, now.slot_w, least=_WHOLE)
    plenty = np.full(len(view.units.ids), np.inf)
    racks, free = deal(view, wants.rack_rank, free, plenty, now.slot_w, least=0.0)
    rest, _ = deal(view, wants.room_rank, free, plenty, now.slot_w, least=0.0)
    other = np.concatenate([roomy, racks])
    # Where a sink can take no more, its site's safety holds work down to a crawl. That is better than nothing for what
    # was to run at once; a pressed flex does better to wait for a rack, where there is one.
    if not units.heats.all():
        at_once = len(queue(view, ServiceClass.ON_DEMAND))
        rest = rest[: max(0, at_once - len(wanting) - len(other))]
    return _Slots(wanting=wanting, other=np.concatenate([other, rest]))


def _starts(view: View, now: Standing, urgent: Urgency, rows: Ints, nodes: Ints) -> list[Start]:
    instances, unit_of = view.instances, view.nodes.unit
    said = {unit: state_of(view, now, unit) for unit in np.unique(unit_of[nodes]).tolist()}
    starts: list[Start] = []
    for row, node in zip(rows.tolist(), nodes.tolist(), strict=True):
        kind = instances.service[row]
        where = said[int(unit_of[node])]
        if kind == ServiceClass.ON_DEMAND:
            where = f"cannot wait; {where}"
        elif kind == ServiceClass.FLEX and urgent.latest_start_s[row] <= view.now_s:
            where = f"had to start by {clock(urgent.latest_start_s[row])} to be in time; {where}"
        starts.append(Start(instances.ids[row], view.nodes.ids[node], where))
    return starts


def _powers(view: View, now: Standing, urgent: Urgency, rows: Ints, nodes: Ints) -> list[SetPower]:
    """Hold power for nodes with work that cannot wait, and for all work on racks, which no thermostat drives."""
    units, instances, unit_of = view.units, view.instances, view.nodes.unit
    count = len(view.nodes.ids)
    active = now.active | (urgent.pressing_held & (instances.phase == Phase.PAUSED))
    on_node = np.bincount(instances.node[active], minlength=count) + np.bincount(nodes, minlength=count)
    must = np.zeros(len(instances.ids), dtype=bool)
    must[urgent.pressing] = True
    pressed = np.bincount(instances.node[urgent.pressing_held], minlength=count)
    pressed += np.bincount(nodes[must[rows]], minlength=count)
    held = (on_node > 0) & ((pressed > 0) | ~units.heats[unit_of])
    held_w = np.bincount(unit_of, weights=np.where(held, on_node * now.slot_w, 0.0), minlength=len(units.ids))
    floor_w = np.minimum(now.idle_w + held_w, units.power_max_w)
    pressed_in = np.bincount(unit_of, weights=pressed, minlength=len(units.ids)).astype(np.int64)
    named = np.flatnonzero((held_w > 0) & (~units.heats | (floor_w > np.nan_to_num(units.wanted_w))))
    return [
        SetPower(
            units.ids[unit],
            float(floor_w[unit]),
            f"{floor_w[unit]:.0f} W for {pressed_in[unit]} that cannot wait, although only "
            f"{units.wanted_w[unit]:.0f} W are wanted"
            if units.heats[unit]
            else f"{floor_w[unit]:.0f} W for the work on a rack; nobody uses its heat",
        )
        for unit in named.tolist()
    ]


def _no_slot(view: View) -> str:
    leaving = int((view.instances.phase == Phase.LEAVING).sum())
    return f"all {int(view.nodes.slots.sum())} slots are taken or closed; {leaving} are being freed"


def _waits(view: View, wants: Demand, urgent: Urgency, bound: Ints, filler: Ints) -> list[Action]:
    open_w = float(wants.open_w[np.isfinite(wants.rank)].sum())
    cause = (
        f"{open_w:.0f} W more are wanted, but no slot there is free"
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
