"""Embodied carbon of a window's rows: of a node's rate per hour, the share of the slots that an attempt held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from ondol.control.works import Works
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId
from ondol.model.ledger import EnergyRow

_KEPT = dt.timedelta(hours=6)  # no row of the ledger is longer


class EmbodiedUse:
    """Gives embodied carbon row by row; nothing for nodes whose hardware is not known. It observes the works.

    A window is written after what ended in it has left memory, so that ends are remembered here; without them the last
    window of every attempt would be charged whole, beyond what statements say that it held.

    Parameters
    ----------
    g_per_h : of the whole node [gCO2e/h]
    """

    def __init__(self, fleet: Fleet, works: Works, g_per_h: Mapping[NodeId, float]) -> None:
        self._works, self._g_per_h = works, g_per_h
        self._slots = {node.id: node.slots for node in fleet.nodes}
        self._ended: dict[AttemptId, Attempt] = {}
        works.observers.append(self._see)

    def of(self, row: EnergyRow) -> float:
        """Of the attempt that a row is about [gCO2e].

        rate / slots · time for which it held its slot in the window. In a slot of a compute pool the holder has it
        all. Where nothing is known of the attempt any more, as when the platform was dead meanwhile, the whole window
        counts: at most that much was held.
        """
        rate = 0.0 if row.node_id is None else self._g_per_h.get(row.node_id, 0.0)
        if not rate or row.node_id is None or row.attempt_id is None:
            return 0.0
        held_s = (row.end - row.start).total_seconds()
        found = self._works.find(row.attempt_id)
        attempt = self._ended.get(row.attempt_id) if found is None else found[1]
        if attempt is not None:
            if attempt.held_by:
                return 0.0
            until = row.end if attempt.ended_at is None else min(row.end, attempt.ended_at)
            held_s = max(0.0, (until - max(row.start, attempt.created_at)).total_seconds())
        return rate / self._slots[row.node_id] * held_s / 3600.0

    def _see(self, _before: Work | None, _after: Work, change: Change) -> None:
        """Remember what ended, for as long as a window about it may be written."""
        for attempt in change.attempts:
            if attempt.ended_at is None:
                continue
            self._ended.pop(attempt.id, None)  # the latest stand last
            self._ended[attempt.id] = attempt
            while (oldest := next(iter(self._ended.values()))).ended_at is not None:
                if oldest.ended_at > attempt.ended_at - _KEPT:
                    break
                del self._ended[oldest.id]
