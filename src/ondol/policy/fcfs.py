"""Heat-blind: first come, first served, on the first node with a free slot that will do, always at full power.

What a plain batch system would do with the same machines: the line that every other policy is measured against. It
runs hot where nobody wants the heat; the site's safety layer alone limits it.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import is_

import numpy as np

from ondol.model.decision import DecidedRows, Decision, Resume, RowedDecision, Start, Wait
from ondol.model.view import Ints, Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.floors import FullPower
from ondol.policy.standing import free_slots
from ondol.policy.waiting import no_fit, wait

_QUEUED, _PAUSED = int(Phase.QUEUED), int(Phase.PAUSED)
_WORKS = np.isin(list(Phase), (Phase.PLACED, Phase.RUNNING, Phase.PAUSED))
"""By phase, whether an instance draws power now or is about to, once this policy has let it go on."""


@dataclass(frozen=True, slots=True)
class FcfsMemory:
    """It needs none."""


class Fcfs:
    """First come, first served; filler only on what the rest leaves free. See the module."""

    name = "fcfs"
    fills = False  # a plain batch system has no work that is run for heat alone

    def __init__(self) -> None:
        self._full_power = FullPower("fcfs is blind to heat")
        self._asked: tuple[object, ...] = (None,) * 6
        self._answer: Decision = ()

    def fresh(self) -> FcfsMemory:
        """Give the memory of a policy that has seen nothing."""
        return FcfsMemory()

    def decide(self, view: View, memory: FcfsMemory) -> tuple[Decision, FcfsMemory]:
        """Answer a view: frozen work goes on, free slots are filled in order, units with work run at full power.

        While nothing is queued, where work stands and what units may draw is all that counts. A view that shows these
        by the very columns of the one before is answered as that one.
        """
        instances, units = view.instances, view.units
        asked = (instances.ids, instances.phase, instances.node, view.nodes.unit, units.ids, units.power_max_w)
        if all(map(is_, asked, self._asked)):
            return self._answer, memory
        decision, waiting = self._answer_to(view)
        self._asked, self._answer = ((None,) * 6, ()) if waiting else (asked, decision)
        return decision, memory

    def _answer_to(self, view: View) -> tuple[Decision, bool]:
        """Decide; and tell whether anything is queued."""
        instances, unit_of = view.instances, view.nodes.unit
        phase, node = instances.phase, instances.node
        frozen = (phase == _PAUSED).nonzero()[0]
        working = unit_of[node[_WORKS[phase] & (node >= 0)]]
        line = _line(view)
        busy = np.bincount(working, minlength=len(view.units.ids))
        started, rows, used, waits = _place(view, line)
        if len(used):
            busy += np.bincount(unit_of[used], minlength=len(busy))
        in_use = busy.nonzero()[0]
        powers = self._full_power.of(view, busy, in_use)
        if len(frozen):
            resumes = (
                Resume(instances.ids[row], "fcfs lets nothing wait that holds a slot") for row in frozen.tolist()
            )
            return (*resumes, *started, *powers, *waits), bool(len(line))
        decided = DecidedRows(started=rows, node=used, unit=in_use, power_w=view.units.power_max_w[in_use])
        return RowedDecision((*started, *powers, *waits), decided), bool(len(line))


def _line(view: View) -> Ints:
    """Rows of all that is queued, filler behind the rest, first come first."""
    instances = view.instances
    rows: Ints = (instances.phase == _QUEUED).nonzero()[0]
    if not len(rows):
        return rows
    rows = rows[np.argsort(instances.submitted_s[rows], kind="stable")]
    filler = instances.service[rows] == ServiceClass.FILLER
    return np.concatenate([rows[~filler], rows[filler]]) if filler.any() else rows


def _place(view: View, line: Ints) -> tuple[list[Start], Ints, Ints, tuple[Wait, ...]]:
    """Fill free slots in order: who starts, their rows, on which node rows, and who waits."""
    instances, nodes = view.instances, view.nodes
    if not len(line):
        return [], line, line, ()
    slots = np.repeat(np.arange(len(nodes.ids)), free_slots(view))
    fitted = fit(view, line, slots)
    used = slots[fitted.slots]
    waited_s = view.now_s - instances.submitted_s[fitted.rows]
    ids, node_ids = instances.ids, nodes.ids
    started = [
        Start(ids[row], name, f"next in line after {since:.0f} s; {name} is the first node with a free slot")
        for row, name, since in zip(
            fitted.rows.tolist(), map(node_ids.__getitem__, used.tolist()), waited_s.tolist(), strict=True
        )
    ]
    if not len(fitted.rows_left):
        return started, fitted.rows, used, ()
    cause = (
        no_fit(len(fitted.slots_left))
        if len(fitted.slots_left)
        else f"all {int(nodes.slots.sum())} slots are taken or closed; first come, first served"
    )
    return started, fitted.rows, used, wait(view, fitted.rows_left, cause)
