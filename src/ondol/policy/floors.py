"""Power floors under thermostats: full power where there is work, or just what work that cannot wait needs."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import SetPower
from ondol.model.view import Ints, Phase, View
from ondol.policy.standing import Standing
from ondol.policy.urgency import Urgency


def full_power(view: View, busy: Ints, cause: str) -> list[SetPower]:
    """Ask for full power in every unit with work.

    Parameters
    ----------
    busy : per unit, instances that run there after this decision
    cause : why heat does not count, for people to read
    """
    units = view.units
    return [
        SetPower(
            units.ids[row],
            float(units.power_max_w[row]),
            f"full power, {units.power_max_w[row]:.0f} W, for {busy[row]} running; {cause}",
        )
        for row in np.flatnonzero(busy).tolist()
    ]


def held_power(view: View, now: Standing, urgent: Urgency, rows: Ints, nodes: Ints) -> list[SetPower]:
    """Hold power for nodes with work that cannot wait, and for all work on racks, which no thermostat drives.

    Parameters
    ----------
    rows, nodes : instances that start now, and the node row of each
    """
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
