"""Power floors under thermostats: full power where there is work, or just what work that cannot wait needs."""

from __future__ import annotations

import numpy as np

from ondol.model.decision import SetPower
from ondol.model.ids import UnitId
from ondol.model.view import Ints, Phase, View
from ondol.policy.standing import Standing
from ondol.policy.urgency import Urgency


class FullPower:
    """Asks for full power in every unit with work. What it said is kept, and not put into words anew.

    Parameters
    ----------
    cause : why heat does not count, for people to read
    """

    def __init__(self, cause: str) -> None:
        self._cause = cause
        self._of: tuple[UnitId, ...] = ()
        self._said = np.empty(0, dtype=object)
        self._running, self._power_w = np.zeros(0, dtype=np.int64), np.zeros(0)

    def __call__(self, view: View, busy: Ints) -> list[SetPower]:
        """Give the actions.

        Parameters
        ----------
        busy : per unit, instances that run there after this decision
        """
        return self.of(view, busy, busy.nonzero()[0])

    def of(self, view: View, busy: Ints, rows: Ints) -> list[SetPower]:
        """Give the actions of some units with work, by their rows."""
        units = view.units
        if units.ids is not self._of:
            count = len(units.ids)
            self._of, self._said = units.ids, np.full(count, None)
            self._running, self._power_w = np.zeros(count, dtype=np.int64), np.zeros(count)
        running, most_w = busy[rows], units.power_max_w[rows]
        other = (self._running[rows] != running) | (self._power_w[rows] != most_w)
        if other.any():
            new = rows[other]
            for row, power_w, count in zip(new.tolist(), most_w[other].tolist(), running[other].tolist(), strict=True):
                words = f"full power, {power_w:.0f} W, for {count} running; {self._cause}"
                self._said[row] = SetPower(units.ids[row], power_w, words)
            self._running[new], self._power_w[new] = busy[new], units.power_max_w[new]
        said: list[SetPower] = self._said[rows].tolist()
        return said


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
