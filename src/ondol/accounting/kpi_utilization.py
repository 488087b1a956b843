"""How busy the servers of a site were, hour by hour: what ITEUsv is the mean of (ISO/IEC 30134-5).

ITEUsv(t) = Σ CUS_i(t) / N(t), CUS_i the CPU utilization of server i, N the servers in use at t; ITEUsv is its mean over
time (as the criteria of the German ecolabel for data centres quote it, be-rechenzentren.de 3.3.3). An hour in which few
servers are on weighs as much as one in which all are: a mean over the servers' own times would say another thing. The
standard asks for a reading each hour at least (University of Stuttgart, nachhaltige-rechenzentren.de).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ondol.accounting.bins import pieces
from ondol.model.ids import NodeId
from ondol.model.ledger import EnergyRow

HOUR_S = 3600.0
_PATIENCE = 50_000  # hours of servers that are kept open: more than a month of sixty of them


@dataclass(frozen=True, slots=True)
class Busy:
    """Servers by hour, arrays of one length.

    Parameters
    ----------
    hour : number since the epoch
    used_s : Σ CPU time / cores [s]
    on_s : Σ time on [s]
    span_s : for how much of the hour any was on [s]
    """

    hour: npt.NDArray[np.int64]
    used_s: npt.NDArray[np.float64]
    on_s: npt.NDArray[np.float64]
    span_s: npt.NDArray[np.float64]


NOT_BUSY = Busy(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), np.zeros(0))


def utilization(sites: Iterable[Busy]) -> float | None:
    """Give ITEUsv of some sites together, 0 to 1; None where no server was on."""
    found = list(sites)
    if not any(len(one.hour) for one in found):
        return None
    hours, key = np.unique(np.concatenate([one.hour for one in found]), return_inverse=True)
    key, count = key.reshape(-1), len(hours)
    used_s = np.bincount(key, np.concatenate([one.used_s for one in found]), minlength=count)
    on_s = np.bincount(key, np.concatenate([one.on_s for one in found]), minlength=count)
    span_s = np.zeros(count)
    np.maximum.at(span_s, key, np.concatenate([one.span_s for one in found]))
    return float(np.average(used_s / on_s, weights=span_s)) if span_s.any() else None


@dataclass(slots=True)
class _Part:
    """One server in one hour: rows of one window are one time on, windows follow each other."""

    used_s: float = 0.0
    on_s: float = 0.0
    first_s: float = math.inf
    last_s: float = -math.inf

    def add(self, begin_s: float, end_s: float, used_s: float) -> None:
        self.used_s += used_s
        if self.on_s == 0.0:
            self.on_s, self.first_s, self.last_s = end_s - begin_s, begin_s, end_s
            return
        self.on_s += max(0.0, end_s - max(begin_s, self.last_s)) + max(0.0, min(end_s, self.first_s) - begin_s)
        self.first_s, self.last_s = min(self.first_s, begin_s), max(self.last_s, end_s)


@dataclass(slots=True)
class Hours:
    """Takes rows of servers and gives their hours; a year of them takes little room.

    Rows may come in any order, but none later than the hours that fit into `_PATIENCE` parts behind it.

    Parameters
    ----------
    cores : by server, CPU seconds in a second; those without are left out
    """

    cores: Mapping[NodeId, float]
    _open: dict[int, dict[NodeId, _Part]] = field(default_factory=dict)
    _parts: int = 0
    _done: list[tuple[int, float, float, float]] = field(default_factory=list)

    def add(self, row: EnergyRow, begin_s: float, end_s: float) -> None:
        """Take a row with its window [s since the epoch]; of overhead, and of servers that do not count, none."""
        cores = None if row.node_id is None else self.cores.get(row.node_id)
        if cores is None or row.node_id is None:
            return
        for hour, fraction in pieces(begin_s, end_s, HOUR_S):
            of_hour = self._open.get(hour)
            if of_hour is None:
                of_hour = self._open[hour] = {}
            part = of_hour.get(row.node_id)
            if part is None:
                part = of_hour[row.node_id] = _Part()
                self._parts += 1
                while self._parts > _PATIENCE and len(self._open) > 1:
                    self._close(min(one for one in self._open if one != hour))
            first_s, last_s = max(begin_s, hour * HOUR_S), min(end_s, (hour + 1) * HOUR_S)
            part.add(first_s, last_s, row.cpu_s * fraction / cores)

    def busy(self) -> Busy:
        """Give what was taken."""
        for hour in sorted(self._open):
            self._close(hour)
        if not self._done:
            return NOT_BUSY
        number, used_s, on_s, span_s = zip(*sorted(self._done), strict=True)
        return Busy(np.array(number, dtype=np.int64), np.array(used_s), np.array(on_s), np.array(span_s))

    def _close(self, hour: int) -> None:
        parts = self._open.pop(hour).values()
        self._parts -= len(parts)
        span_s = min(HOUR_S, max(one.last_s for one in parts) - min(one.first_s for one in parts))
        self._done.append((hour, math.fsum(p.used_s for p in parts), math.fsum(p.on_s for p in parts), span_s))
