"""Heat-blind: first come, first served, on the first node with a free slot that will do, always at full power.

What a plain batch system would do with the same machines: the line that every other policy is measured against. It
runs hot where nobody wants the heat; the site's safety layer alone limits it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.model.decision import Action, Decision, Resume, Start
from ondol.model.view import Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.floors import full_power
from ondol.policy.standing import queue, standing
from ondol.policy.waiting import no_fit, wait


@dataclass(frozen=True, slots=True)
class FcfsMemory:
    """It needs none."""


class Fcfs:
    """First come, first served; filler only on what the rest leaves free. See the module."""

    name = "fcfs"
    fills = False  # a plain batch system has no work that is run for heat alone

    def fresh(self) -> FcfsMemory:
        """Give the memory of a policy that has seen nothing."""
        return FcfsMemory()

    def decide(self, view: View, memory: FcfsMemory) -> tuple[Decision, FcfsMemory]:
        """Answer a view: frozen work goes on, free slots are filled in order, units with work run at full power."""
        now = standing(view)
        instances, nodes, units = view.instances, view.nodes, view.units
        frozen = np.flatnonzero(instances.phase == Phase.PAUSED)
        actions: list[Action] = [
            Resume(instances.ids[row], "fcfs lets nothing wait that holds a slot") for row in frozen.tolist()
        ]
        line = np.concatenate(
            [
                queue(view, ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST),
                queue(view, ServiceClass.FILLER),
            ]
        )
        slots = np.repeat(np.arange(len(nodes.ids)), now.free)
        fitted = fit(view, line, slots)
        used = slots[fitted.slots]
        waited_s = (view.now_s - instances.submitted_s[fitted.rows]).tolist()
        actions += [
            Start(
                instances.ids[row],
                nodes.ids[node],
                f"next in line after {since:.0f} s; {nodes.ids[node]} is the first node with a free slot",
            )
            for row, node, since in zip(fitted.rows.tolist(), used.tolist(), waited_s, strict=True)
        ]
        busy = np.bincount(now.unit[now.active], minlength=len(units.ids))
        busy += np.bincount(now.unit[frozen], minlength=len(units.ids))
        busy += np.bincount(nodes.unit[used], minlength=len(units.ids))
        actions += full_power(view, busy, "fcfs is blind to heat")
        total = int(nodes.slots.sum())
        cause = (
            no_fit(len(fitted.slots_left))
            if len(fitted.slots_left)
            else f"all {total} slots are taken or closed; first come, first served"
        )
        actions += wait(view, fitted.rows_left, cause)
        return tuple(actions), memory
