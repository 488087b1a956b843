"""The lines of the next days as a fluid: what waits and what will come, served hour by hour as the policies serve it.

On-demand work takes any slot. Flex whose time has come takes any slot that is left, the earliest first; other flex, and
after it harvest, take slots where heat is wanted. What comes before a task, though it is submitted after it, is thereby
in its way: without that, a line that grows is always longer than it was said to be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.accounting.arrivals import HOUR_S, MOST_WAIT_H, Arrivals
from ondol.model.view import Floats, ServiceClass

HOURS = MOST_WAIT_H
"""So far is looked; nothing that comes later is told by the fluid."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """What a View shows.

    Parameters
    ----------
    slots : of all nodes that accept work
    held_s, held_heated_s : rest of each run under way, and of those where heat is used [s]
    heat_slots : (HOURS,) slots whose heat the sinks can use in each hour
    on_demand_s : work in its line [slot-s]
    flex_s, due_h : of flex in the line, work and hours until it must start [slot-s, h]
    """

    slots: float
    held_s: Floats
    held_heated_s: Floats
    heat_slots: Floats
    on_demand_s: float
    flex_s: Floats
    due_h: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinesAhead:
    """What comes of the lines.

    Parameters
    ----------
    flex_h : (HOURS + 1,) when all flex is served that must start by each hour from now [h]; inf for not within HOURS
    harvest_s : (HOURS,) harvest work that is served by the end of each hour [slot-s]
    """

    flex_h: Floats
    harvest_s: Floats

    def flex_start_s(self, wait_s: float) -> float:
        """When flex starts that must start after so long at the latest [s]; inf for not within HOURS."""
        due = int(min(wait_s / HOUR_S, HOURS))
        start_s = float(self.flex_h[due]) * HOUR_S
        return max(start_s, wait_s) if start_s // HOUR_S == due else start_s  # not before it must, in that hour

    def harvest_start_s(self, before_s: float) -> float:
        """When harvest starts before which so much harvest waits [s]; inf for not within HOURS."""
        done = int(np.searchsorted(self.harvest_s, before_s + 1.0))  # a second of its own
        if done >= len(self.harvest_s):
            return float("inf")
        earlier = float(self.harvest_s[done - 1]) if done else 0.0
        return (done + (before_s + 1.0 - earlier) / (float(self.harvest_s[done]) - earlier)) * HOUR_S


def look_ahead(waiting: Waiting, arrivals: Arrivals, now_s: float) -> LinesAhead:
    """Serve the lines for HOURS hours."""
    due = np.zeros(HOURS + 1)
    np.add.at(due, np.clip(waiting.due_h, 0.0, HOURS).astype(np.int64), waiting.flex_s)
    coming = arrivals.coming(now_s, ServiceClass.FLEX, HOURS)
    on_demand = arrivals.coming(now_s, ServiceClass.ON_DEMAND, HOURS).sum(axis=1)
    busy, busy_heat = _busy(waiting.held_s), _busy(waiting.held_heated_s)
    line, served = waiting.on_demand_s, 0.0
    flex_h, harvest = np.full(HOURS + 1, np.inf), np.zeros(HOURS)
    waits = np.arange(HOURS + 1)
    for hour in range(HOURS):
        room = max(waiting.slots * HOUR_S - busy[hour], 0.0)
        line += on_demand[hour]
        taken = min(line, room)
        line, room = line - taken, room - taken
        heat = min(max(waiting.heat_slots[hour] * HOUR_S - busy_heat[hour] - taken, 0.0), room)
        due += np.bincount(np.minimum(waits + hour, HOURS), coming[hour], HOURS + 1)
        by = np.cumsum(due)
        able = np.where(waits <= hour, room, heat)  # who must start takes any slot, the others where heat is wanted
        first = ~np.isfinite(flex_h) & (by < able)
        flex_h[first] = hour + by[first] / able[first]
        flex = max(min(float(by[hour]), room), min(float(by[-1]), heat))
        due = np.diff(np.maximum(by - flex, 0.0), prepend=0.0)
        served += max(heat - flex, 0.0)
        harvest[hour] = served
    return LinesAhead(flex_h=flex_h, harvest_s=harvest)


def _busy(left_s: Floats) -> Floats:
    """Slot-seconds of each hour that runs under way will take."""
    edges = np.arange(HOURS + 1) * HOUR_S
    if not len(left_s):
        return np.zeros(HOURS)
    return np.asarray(np.diff(np.minimum(left_s[:, None], edges).sum(axis=0)))
