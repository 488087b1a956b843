"""Embodied carbon of a window's rows: of a node's rate per hour, the share of the slots that an attempt held."""

from __future__ import annotations

from collections.abc import Mapping

from ondol.control.works import Works
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId
from ondol.model.ledger import EnergyRow


class EmbodiedUse:
    """Gives embodied carbon row by row; nothing for nodes whose hardware is not known.

    Parameters
    ----------
    g_per_h : of the whole node [gCO2e/h]
    """

    def __init__(self, fleet: Fleet, works: Works, g_per_h: Mapping[NodeId, float]) -> None:
        self._works, self._g_per_h = works, g_per_h
        self._slots = {node.id: node.slots for node in fleet.nodes}

    def of(self, row: EnergyRow) -> float:
        """Of the attempt that a row is about [gCO2e].

        rate / slots · time for which it held its slot in the window. In a slot of a compute pool the holder has it
        all. Where the attempt has left memory the whole window counts: at most that much was held.
        """
        rate = 0.0 if row.node_id is None else self._g_per_h.get(row.node_id, 0.0)
        if not rate or row.node_id is None or row.attempt_id is None:
            return 0.0
        held_s = (row.end - row.start).total_seconds()
        found = self._works.find(row.attempt_id)
        if found is not None:
            attempt = found[1]
            if attempt.held_by:
                return 0.0
            until = row.end if attempt.ended_at is None else min(row.end, attempt.ended_at)
            held_s = max(0.0, (until - max(row.start, attempt.created_at)).total_seconds())
        return rate / self._slots[row.node_id] * held_s / 3600.0
