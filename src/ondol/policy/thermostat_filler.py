"""Burn to fill: every thermostat gets its watts at once, from whatever work waits and from filler for the rest.

Heat never waits for work, nor work for better heat:

1. What thermostats want and work does not give yet is filled by the queue, first come, first served, whatever its
   class; the largest want first, each unit to full load before the next.
2. What is left of it goes to filler. Filler that loses nothing by it is stopped in units that want heat where work that
   somebody waits for has found no slot.
3. on_demand, and flex whose latest start has come, go anywhere: where no heat is wanted, to racks first, since these
   upset no thermostat, then where the sink has most room. They run at full speed whatever the thermostat says, and
   filler that loses nothing makes room for them in any unit.

Nothing is frozen and nothing that would lose work is stopped: where the thermostat wants less, it slows work down.
No forecast, no carbon; electricity breaks no ties between wants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Action, Decision, Resume, Stop
from ondol.model.view import Ints, Phase, ServiceClass, View
from ondol.policy.demand import LEAST_SHARE, Demand, demand, state_of
from ondol.policy.displace import give_way, replace_filler
from ondol.policy.fit import fit
from ondol.policy.floors import held_power
from ondol.policy.standing import Standing, deal, queue, standing, watts_by_unit
from ondol.policy.starts import starts
from ondol.policy.urgency import urgency
from ondol.policy.waiting import no_fit, wait


@dataclass(frozen=True, slots=True)
class ThermostatFillerMemory:
    """It needs none."""


class ThermostatFiller:
    """Thermostats first, filled by whatever waits. See the module."""

    name = "thermostat-filler"

    def fresh(self) -> ThermostatFillerMemory:
        """Give the memory of a policy that has seen nothing."""
        return ThermostatFillerMemory()

    def decide(self, view: View, memory: ThermostatFillerMemory) -> tuple[Decision, ThermostatFillerMemory]:
        """Answer a view: thaw, fill what is wanted, then place what cannot wait."""
        now = standing(view)
        urgent = urgency(view, now)
        instances = view.instances
        frozen = (instances.phase == Phase.PAUSED) & (now.unit >= 0)
        wants = demand(view, now, watts_by_unit(view, frozen, now.slot_w))
        wanted, elsewhere = _slots(view, now, wants)

        line = queue(view, ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST)
        first = fit(view, line, wanted)
        pressing = urgent.pressing[np.isin(urgent.pressing, first.rows_left)]
        second = fit(view, pressing, elsewhere)
        patient = first.rows_left[np.isin(first.rows_left, pressing, invert=True)]
        spare = wanted[first.slots_left]
        filled = fit(view, queue(view, ServiceClass.FILLER), spare)
        rows = np.concatenate([first.rows, second.rows, filled.rows])
        nodes = np.concatenate([wanted[first.slots], elsewhere[second.slots], spare[filled.slots]])

        stops = _yields(view, now, wants, second.rows_left, patient)
        stopped = {stop.instance_id for stop in stops}
        free = len(filled.slots_left) + len(second.slots_left)
        actions: list[Action] = [
            *stops,
            *(
                Resume(instances.ids[row], "thermostats slow work down; nothing stands frozen")
                for row in np.flatnonzero(frozen).tolist()
                if instances.ids[row] not in stopped
            ),
            *starts(view, urgent, rows, nodes, lambda unit: state_of(view, now, unit)),
            *held_power(view, now, urgent, rows, nodes),
            *wait(view, second.rows_left, no_fit(free) if free else "all slots are taken or closed"),
            *wait(view, np.concatenate([patient, filled.rows_left]), _cause(wants, len(filled.slots_left))),
        ]
        return tuple(actions), memory


def _slots(view: View, now: Standing, wants: Demand) -> tuple[Ints, Ints]:
    """Free slots that thermostats want filled, the largest want first; and all others, racks first."""
    units = view.units
    plenty = np.full(len(units.ids), np.inf)
    served = np.isfinite(wants.rank.place)
    rank = np.full(len(units.ids), np.inf)
    order = np.flatnonzero(served)
    order = order[np.argsort(-wants.open_w[order], kind="stable")]
    rank[order] = np.arange(len(order))
    wanted, free = deal(view, rank, now.free, wants.open_w, now.slot_w, least=LEAST_SHARE)
    racks, free = deal(view, wants.rack_rank.place, free, plenty, now.slot_w, least=0.0)
    roomy, _ = deal(view, wants.room_rank.place, free, plenty, now.slot_w, least=0.0)
    return wanted, np.concatenate([racks, roomy])


def _yields(view: View, now: Standing, wants: Demand, pressing: Ints, patient: Ints) -> list[Stop]:
    """Stop filler that loses nothing: anywhere for work that cannot wait, where heat is wanted for the rest."""
    instances = view.instances
    frozen = instances.phase == Phase.PAUSED
    filler = (now.active | frozen) & (instances.service == ServiceClass.FILLER) & instances.resumable
    rows = np.flatnonzero(filler & (now.unit >= 0))
    urgent, stopped = give_way(view, rows, pressing, "filler makes room: others cannot wait")
    return urgent + replace_filler(view, now, wants, patient, stopped)


def _cause(wants: Demand, free: int) -> str:
    open_w = float(wants.open_w[np.isfinite(wants.rank.place)].sum())
    if open_w <= 0.0:
        return "thermostats have all the heat that they want"
    return f"{open_w:.0f} W more are wanted, but {no_fit(free) if free else 'no slot there is free'}"
