"""How slow a gentler run should be, and whether it saves or costs electricity, by the nodes' power curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.accounting.quote import GENTLE_SPEED
from ondol.control.foretelling import Terms
from ondol.model.view import Bools, View

SPEEDS = tuple(round(0.05 * step, 2) for step in range(6, 20))
"""That are looked at: 0.3 to 0.95 of full speed. Below, nodes have no such frequency (`ondol.twin.speed`)."""

_WORTH = 0.98  # a speed is thriftier where its work takes less than this of what it takes at full speed


@dataclass(frozen=True, slots=True, kw_only=True)
class Gentler:
    """A slower pace against full speed.

    Parameters
    ----------
    speed : share of full speed
    power : of a slot, its part of idle power included, against full speed
    energy : for the same work, likewise
    """

    speed: float
    power: float
    energy: float

    @property
    def words(self) -> str:
        """What it means, for who reads a quote."""
        change = 100.0 * (self.energy - 1.0)
        more = f"{abs(change):.0f} % {'more' if change > 0.0 else 'less'}"
        return (
            f"at {self.speed:g} of full speed a slot draws {100.0 * (1.0 - self.power):.0f} % less power for "
            f"{1.0 / self.speed:.2g} times as long: {more} electricity, by the nodes' power curves"
        )


def gentler(
    view: View, terms: Terms, nodes: Bools | None = None, most: float = 1.0, speed: float | None = None
) -> Gentler:
    """Give the thriftiest speed of a fleet's slots; half of the full one where none is thriftier than that.

    The energy of a slot for a second's work at speed s is ``(idle + dynamic · share(s)) / s``: idle power is held
    longer, dynamic power falls as the curve says. `policy.plan.thrift` has the same for nodes that clock down.

    Parameters
    ----------
    nodes : (nodes,) where the work may run; None for everywhere
    most : speed that power and energy are compared with, its task's own cap; above 0 to 1
    speed : of which the figures are wanted; None for the thriftiest
    """
    known = view.nodes.slots > 0
    if nodes is not None:
        known = known & nodes
    if not known.any():
        speed = speed or GENTLE_SPEED
        return Gentler(speed=speed, power=1.0, energy=1.0 / speed)
    slots = float(view.nodes.slots[known].sum())
    idle_w = float(view.nodes.idle_w[known].sum()) / slots
    range_w = float((view.nodes.max_w - view.nodes.idle_w)[known].sum()) / slots

    def power_w(speed: float) -> float:
        return idle_w + range_w * terms.share_at(speed)

    full_w = power_w(most)
    speeds = np.array(SPEEDS)
    energy = np.array([power_w(one) / one for one in SPEEDS]) / (full_w / most)
    best = int(np.argmin(np.where(speeds < most, energy, np.inf)))
    if speed is None:
        speed = SPEEDS[best] if energy[best] < _WORTH and speeds[best] < most else GENTLE_SPEED
    return Gentler(speed=speed, power=power_w(speed) / full_w, energy=power_w(speed) / speed / (full_w / most))
