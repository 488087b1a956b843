"""Greedy: all waiting work goes to the emptiest heat store that has room for it, now; nothing is foreseen.

What a heat-aware operator without forecasts would do, and the line against which forecasts are measured:

1. on_demand, and flex whose latest start has come, take any free slot: in stores with room, the emptiest first, then
   racks, then what is left.
2. Other flex, by its latest start, and harvest, first come first served, start as soon as any store has room for the
   heat of one more slot for half an hour (`ROOM_S`), beyond what runs there. The emptiest store is filled first, unit
   by unit to full load, and units of one sink share its room.
3. Filler does the same, but only where the store is less than half full (below its set-point, where no store is known).

Units with work run at full power. Nothing is killed. Harvest and filler are frozen where less than `FULL` of the store
is left and thawed where `THAWED` is again; a sensor that is lost starts and changes nothing. `FULL` and `THAWED` are
choices of ours: of the 2.5 K band of a room they are 0.13 K and 0.38 K, so that the thermometer's noise wakes nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Action, Decision, Pause, Resume
from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.demand import ROOM_S
from ondol.policy.fit import fit
from ondol.policy.floors import FullPower
from ondol.policy.standing import Standing, deal, queue, standing, watts_by_unit
from ondol.policy.starts import starts
from ondol.policy.stores import below_half, emptiness, order_by_emptiness, room_by_unit_w
from ondol.policy.urgency import urgency
from ondol.policy.waiting import no_fit, wait

FULL = 0.05  # share of a store that is unfilled when it counts as full
THAWED = 0.15  # and when frozen work goes on
_WHOLE = 1.0 - 1e-9  # a slot is given only where all its watts fit


@dataclass(frozen=True, slots=True)
class GreedyMemory:
    """It needs none: what is frozen says itself whether its store was full."""


class Greedy:
    """The emptiest store first. See the module."""

    name = "greedy"

    def __init__(self) -> None:
        self._full_power = FullPower("greedy fills stores as fast as it can")

    def fresh(self) -> GreedyMemory:
        """Give the memory of a policy that has seen nothing."""
        return GreedyMemory()

    def decide(self, view: View, memory: GreedyMemory) -> tuple[Decision, GreedyMemory]:
        """Answer a view: freeze and thaw by the level of the stores, then fill the emptiest."""
        now = standing(view)
        urgent = urgency(view, now)
        empty = emptiness(view)
        pausing, resuming = _frozen(view, now, empty)
        runs = (now.active & ~pausing) | resuming
        nodes, roomy = _slots(view, now, empty, runs)

        first = fit(view, urgent.pressing, nodes)
        left = first.slots_left[first.slots_left < roomy]
        second = fit(view, np.concatenate([urgent.patient, queue(view, ServiceClass.HARVEST)]), nodes[left])
        left_low = left[second.slots_left]
        left_low = left_low[below_half(view, empty)[view.nodes.unit[nodes[left_low]]]]
        third = fit(view, queue(view, ServiceClass.FILLER), nodes[left_low])
        rows = np.concatenate([first.rows, second.rows, third.rows])
        used = nodes[np.concatenate([first.slots, left[second.slots], left_low[third.slots]])]

        busy = np.bincount(now.unit[runs], minlength=len(view.units.ids))
        busy += np.bincount(view.nodes.unit[used], minlength=len(view.units.ids))
        cause = f"has room for one more slot for {ROOM_S / 60.0:.0f} min"
        actions: list[Action] = [
            *_pauses(view, now, empty, pausing),
            *_resumes(view, now, empty, resuming),
            *starts(view, urgent, rows, used, lambda unit: _level(view, empty, unit)),
            *self._full_power(view, busy),
            *wait(view, first.rows_left, _no_slot(view, len(first.slots_left), "no slot is free")),
            *wait(view, second.rows_left, _no_slot(view, len(second.slots_left), f"no heat store {cause}")),
            *wait(view, third.rows_left, _no_slot(view, len(third.slots_left), f"no store below half {cause}")),
        ]
        return tuple(actions), memory


def _frozen(view: View, now: Standing, empty: Floats) -> tuple[Bools, Bools]:
    """Say which instances freeze and which thaw."""
    instances = view.instances
    held = now.unit >= 0
    own = np.full(len(held), np.nan)
    own[held] = empty[now.unit[held]]
    bound = np.zeros(len(held), dtype=np.bool_)
    bound[held] = (instances.service[held] >= ServiceClass.HARVEST) & view.units.heats[now.unit[held]]
    pausing = (instances.phase == Phase.RUNNING) & bound & (own <= FULL)
    resuming = (instances.phase == Phase.PAUSED) & held & (~bound | (own >= THAWED))
    return pausing, resuming


def _slots(view: View, now: Standing, empty: Floats, runs: Bools) -> tuple[Ints, int]:
    """Free slots in the order of use, and how many of them, the first ones, are in stores with room."""
    units = len(view.units.ids)
    order = order_by_emptiness(view, empty)
    place = np.full(units, np.inf)
    place[order] = np.arange(len(order))
    free_w = np.bincount(view.nodes.unit, weights=now.free * now.slot_w, minlength=units).astype(np.float64)
    room_w = room_by_unit_w(view, order[empty[order] > FULL], watts_by_unit(view, runs, now.slot_w), free_w)
    plenty = np.full(units, np.inf)
    roomy, free = deal(view, np.where(empty > FULL, place, np.inf), now.free, room_w, now.slot_w, least=_WHOLE)
    racks, free = deal(view, np.where(view.units.heats, np.inf, 0.0), free, plenty, now.slot_w, least=0.0)
    last = np.where(np.isfinite(place), place, float(units))  # where the sensor is lost, after all others
    rest, _ = deal(view, np.where(view.units.heats, last, np.inf), free, plenty, now.slot_w, least=0.0)
    return np.concatenate([roomy, racks, rest]), len(roomy)


def _level(view: View, empty: Floats, unit: int) -> str:
    name = view.units.ids[unit]
    if not view.units.heats[unit]:
        return f"{name} heats nobody"
    if np.isnan(empty[unit]):
        return f"the store of {name} is of unknown level"
    return f"the store of {name} is {100.0 * empty[unit]:.0f} % empty"


def _pauses(view: View, now: Standing, empty: Floats, pausing: Bools) -> list[Pause]:
    return [
        Pause(view.instances.ids[row], f"{_level(view, empty, now.unit[row])}, which counts as full")
        for row in np.flatnonzero(pausing).tolist()
    ]


def _resumes(view: View, now: Standing, empty: Floats, resuming: Bools) -> list[Resume]:
    return [
        Resume(view.instances.ids[row], f"nothing keeps it frozen: {_level(view, empty, now.unit[row])}")
        for row in np.flatnonzero(resuming).tolist()
    ]


def _no_slot(view: View, free: int, cause: str) -> str:
    return no_fit(free) if free else f"{cause}; {int(view.nodes.slots.sum())} slots in all"
