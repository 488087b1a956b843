"""Embodied carbon of a window's rows: of a node's rate per hour, the share of its slots' time that an attempt held."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from ondol.accounting.embodied import share_of_life
from ondol.control.works import Works
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, NodeId, TaskId
from ondol.model.ledger import EnergyRow

_KEPT = dt.timedelta(hours=6)  # no row of the ledger is longer


class EmbodiedUse:
    """Gives embodied carbon row by row; nothing for nodes whose hardware is not known. It observes the works.

    A window is written after what ended in it has left memory, so that ends are remembered here; without them the last
    window of every attempt would be charged whole, beyond what statements say that it held.

    Parameters
    ----------
    g_per_h : of the whole node [gCO2e/h]
    written_off : when the life of a node is over, and its making counted; none where that is not known
    stored : attempts of a task in the store, for what ended before this life of the platform
    """

    def __init__(
        self,
        fleet: Fleet,
        works: Works,
        g_per_h: Mapping[NodeId, float],
        written_off: Mapping[NodeId, dt.datetime] | None = None,
        stored: Callable[[TaskId], Sequence[Attempt]] = lambda _task_id: (),
    ) -> None:
        self._works, self._g_per_h, self._written_off = works, g_per_h, written_off or {}
        self._stored = stored
        self._slots = {node.id: node.slots for node in fleet.nodes}
        self._ended: dict[AttemptId, Attempt] = {}
        works.observers.append(self._see)

    def of(self, rows: Sequence[EnergyRow]) -> list[float]:
        """Of the attempts that rows are about, 0 for all other rows; each gram of a machine once [gCO2e].

        rate / slots · time for which an attempt held its slot in the window. In a slot of a compute pool the holder has
        it all. Of an attempt of which nothing is known any more, as when its task was deleted meanwhile, the whole
        window counts, as far as the others leave it.

        Over a node and a window the times are at most slots · length: where a slot changes hands both may say of a
        moment that they held it, and clocks are set. Then all are shortened in proportion, as the ledger does where it
        shares idle energy (`control.metering`). What nobody held is nobody's.

        Parameters
        ----------
        rows : all rows of whole windows
        """
        held_s = [0.0] * len(rows)
        known: dict[tuple[NodeId, dt.datetime, dt.datetime], list[int]] = defaultdict(list)
        unknown: dict[tuple[NodeId, dt.datetime, dt.datetime], list[int]] = defaultdict(list)
        stored = cache(lambda task_id: {one.id: one for one in self._stored(task_id)})  # a task may have many rows
        for number, row in enumerate(rows):
            if row.node_id is None or row.attempt_id is None or not self._g_per_h.get(row.node_id, 0.0):
                continue
            attempt = self._attempt(row.attempt_id)
            if attempt is None and row.task_id is not None:
                attempt = stored(row.task_id).get(row.attempt_id)
            window = row.node_id, row.start, row.end
            (unknown if attempt is None else known)[window].append(number)
            if attempt is not None:
                held_s[number] = _held_s(attempt, row)
        for window in sorted({*known, *unknown}):
            node_id, start, end = window
            length_s = (end - start).total_seconds()
            capacity_s = self._slots[node_id] * length_s
            taken_s = math.fsum(held_s[number] for number in known[window])
            part = min(1.0, capacity_s / taken_s) if taken_s > 0 else 1.0
            for number in known[window]:
                held_s[number] *= part
            for number in unknown[window]:
                held_s[number] = min(length_s, max(0.0, capacity_s - taken_s) / len(unknown[window]))
        return [
            0.0 if row.node_id is None or not seconds else self._g_per_slot_h(row) * seconds / 3600.0
            for row, seconds in zip(rows, held_s, strict=True)
        ]

    def _g_per_slot_h(self, row: EnergyRow) -> float:
        """Mean over a row's window: nothing after the node's life was over."""
        if row.node_id is None:
            return 0.0
        living = share_of_life(self._written_off.get(row.node_id), row.start, row.end)
        return self._g_per_h[row.node_id] / self._slots[row.node_id] * living

    def _attempt(self, attempt_id: AttemptId) -> Attempt | None:
        found = self._works.find(attempt_id)
        return self._ended.get(attempt_id) if found is None else found[1]

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


def _held_s(attempt: Attempt, row: EnergyRow) -> float:
    """For how much of a row's window an attempt held a slot of its own [s]."""
    if attempt.held_by:
        return 0.0
    until = row.end if attempt.held_until is None else min(row.end, attempt.held_until)
    return max(0.0, (until - max(row.start, attempt.created_at)).total_seconds())
