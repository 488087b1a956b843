"""Heat-blind: first come, first served, on the first node with a free slot that will do, always at full power.

What a plain batch system would do with the same machines: the line that every other policy is measured against. It
runs hot where nobody wants the heat; the site's safety layer alone limits it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Action, Decision, Resume, Start, Wait
from ondol.model.view import Ints, Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.floors import FullPower
from ondol.policy.standing import free_slots, placed, queue
from ondol.policy.waiting import no_fit, wait


@dataclass(frozen=True, slots=True)
class FcfsMemory:
    """It needs none."""


class Fcfs:
    """First come, first served; filler only on what the rest leaves free. See the module."""

    name = "fcfs"
    fills = False  # a plain batch system has no work that is run for heat alone

    def __init__(self) -> None:
        self._full_power = FullPower("fcfs is blind to heat")

    def fresh(self) -> FcfsMemory:
        """Give the memory of a policy that has seen nothing."""
        return FcfsMemory()

    def decide(self, view: View, memory: FcfsMemory) -> tuple[Decision, FcfsMemory]:
        """Answer a view: frozen work goes on, free slots are filled in order, units with work run at full power."""
        unit, active = placed(view)
        instances = view.instances
        frozen = (instances.phase == int(Phase.PAUSED)).nonzero()[0]
        started, used, waits = _place(view)
        busy_in = np.concatenate([unit[active], unit[frozen], view.nodes.unit[used]])
        actions: list[Action] = [
            *(Resume(instances.ids[row], "fcfs lets nothing wait that holds a slot") for row in frozen.tolist()),
            *started,
            *self._full_power(view, np.bincount(busy_in, minlength=len(view.units.ids))),
            *waits,
        ]
        return tuple(actions), memory


def _place(view: View) -> tuple[list[Start], Ints, tuple[Wait, ...]]:
    """Fill free slots in order: who starts, on which node rows, and who waits."""
    instances, nodes = view.instances, view.nodes
    line = np.concatenate(
        [
            queue(view, ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST),
            queue(view, ServiceClass.FILLER),
        ]
    )
    if not len(line):
        return [], line, ()
    slots = np.repeat(np.arange(len(nodes.ids)), free_slots(view))
    fitted = fit(view, line, slots)
    used = slots[fitted.slots]
    waited_s = (view.now_s - instances.submitted_s[fitted.rows]).tolist()
    started = [
        Start(
            instances.ids[row],
            nodes.ids[node],
            f"next in line after {since:.0f} s; {nodes.ids[node]} is the first node with a free slot",
        )
        for row, node, since in zip(fitted.rows.tolist(), used.tolist(), waited_s, strict=True)
    ]
    cause = (
        no_fit(len(fitted.slots_left))
        if len(fitted.slots_left)
        else f"all {int(nodes.slots.sum())} slots are taken or closed; first come, first served"
    )
    return started, used, wait(view, fitted.rows_left, cause)
