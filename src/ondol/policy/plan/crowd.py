"""Deadlines that come in crowds: who must start early, because not all can start at their latest.

Work that can wait starts at its latest start at the latest. Where more is due within some time than the fleet can do in
it, that is too late for the last ones. The least number of slots which, kept busy from now on, is in time for all is

    R = max_i (work of all due up to i, and what runs meanwhile) / (time until i is due);

earliest deadline first is optimal (Liu & Layland, J. ACM 1973, doi:10.1145/321738.321743).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ondol.model.view import Bools, Floats, ServiceClass, View
from ondol.policy.urgency import Urgency, left_s

CROWD_SHARE = 0.25
"""Below this share of the slots that on-demand work and running flex leave there is no crowd: the rest takes what
becomes urgent, and bursts. Two weeks of the benchmark have floods of fourteen hours of the whole fleet among them."""

HURRY_SHARE = 0.5
"""From this share of the slots that on-demand work leaves on, flex that runs may not be slowed down."""


def with_crowd(view: View, urgent: Urgency, going: Bools) -> Urgency:
    """Count those who must start early among what presses, and in a crowd all flex that runs: it may not be slow.

    Parameters
    ----------
    going : per instance, whether it holds a slot that it is not leaving
    """
    service = view.instances.service
    flex = going & (service == ServiceClass.FLEX)
    at_once = int((going & (service == ServiceClass.ON_DEMAND)).sum())
    slots = float(view.nodes.slots[view.nodes.accepts].sum()) - at_once
    running, busy = int(flex.sum()), _busy(view, urgent, flex)
    more = busy - running
    if more <= 0.0:
        return urgent
    if busy >= HURRY_SHARE * slots:
        urgent = replace(urgent, pressing_held=urgent.pressing_held | flex)
    if more < CROWD_SHARE * (slots - running):
        return urgent
    count = min(math.ceil(more), len(urgent.patient))
    return replace(
        urgent,
        pressing=np.concatenate([urgent.pressing, urgent.patient[:count]]),
        patient=urgent.patient[count:],
    )


def _busy(view: View, urgent: Urgency, flex: Bools) -> float:
    """Slots that flex has to keep busy from now on; 0 where none waits."""
    rows = urgent.patient
    if not len(rows):
        return 0.0
    work_s = left_s(view)
    until_s = np.maximum(urgent.latest_start_s[rows] - view.now_s, 0.0) + work_s[rows]
    due_s = np.cumsum(work_s[rows]) + _held_until_s(np.sort(work_s[flex]), until_s)
    # Of those that the View leaves out nobody is more urgent than the first ones that it shows: all count at its last.
    due_s[-1] += float(view.beyond[ServiceClass.FLEX]) * float(work_s[rows].mean())
    return float((due_s / np.maximum(until_s, 1.0)).max())


def _held_until_s(left_s: Floats, until_s: Floats) -> Floats:
    """Slot time, ``Σ_j min(left_j, until)``, that running work takes until each moment; what is left of it, rising."""
    ended = np.searchsorted(left_s, until_s, side="right")
    sums = np.concatenate([[0.0], np.cumsum(left_s)])
    return np.asarray(sums[ended] + (len(left_s) - ended) * until_s)
