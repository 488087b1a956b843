"""What tasks used in windows of the ledger: their rows, with overhead and making of the servers shared out."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ondol.model.ids import NO_ATTEMPT, AttemptId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, Share


@dataclass(frozen=True, slots=True)
class Part:
    """A row of the ledger, with its part of the overhead [kWh] and of making the server [gCO2e]."""

    row: EnergyRow
    energy_kwh: float
    making_g: float


@dataclass(frozen=True, slots=True)
class Use:
    """What a task used in a window."""

    task_id: TaskId
    start: dt.datetime
    end: dt.datetime
    parts: tuple[Part, ...]

    @property
    def attempt_id(self) -> AttemptId:
        """Where only one was at work."""
        attempts = {part.row.attempt_id for part in self.parts if part.row.attempt_id is not None}
        return attempts.pop() if len(attempts) == 1 else NO_ATTEMPT


def uses_of(energy: Sequence[EnergyRow], making_g: Sequence[float]) -> list[Use]:
    """Gather what tasks used, by task and window; what is nobody's work is in none.

    Parameters
    ----------
    energy : all rows of one or more windows
    making_g : embodied carbon of each of them [gCO2e]
    """
    whole = _with_overhead(energy)
    by_task: dict[tuple[TaskId, dt.datetime, dt.datetime], list[Part]] = defaultdict(list)
    for row, grams in zip(energy, making_g, strict=True):
        if row.task_id is not None and row.share is Share.JOB:
            part = Part(row, row.energy_j * whole[row.site_id] / 3.6e6, grams)
            by_task[row.task_id, row.start, row.end].append(part)
    return [Use(*key, tuple(parts)) for key, parts in sorted(by_task.items())]


def _with_overhead(energy: Iterable[EnergyRow]) -> dict[SiteId, float]:
    """By how much each site's electricity in a window is more than that of its nodes."""
    it_j: dict[SiteId, float] = defaultdict(float)
    overhead_j: dict[SiteId, float] = defaultdict(float)
    for row in energy:
        (overhead_j if row.share is Share.OVERHEAD else it_j)[row.site_id] += row.energy_j
    return {site: 1.0 + (overhead_j[site] / joules if joules > 0 else 0.0) for site, joules in it_j.items()}
