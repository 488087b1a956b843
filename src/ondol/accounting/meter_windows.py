"""What a meter counted, cut into windows of a quarter of an hour, out of readings that come at any time."""

from __future__ import annotations

import math
from dataclasses import dataclass

WINDOW_S = 900.0  # the settlement period of electricity; windows begin at its multiples since the epoch [s]
GAP_S = 1800.0
"""Between readings further apart nothing is known of the times between: they make one window of their own [s]."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted from `start_s` to `end_s` [s since the epoch], in the meter's unit."""

    start_s: float
    end_s: float
    amount: float


@dataclass(frozen=True, slots=True)
class OpenWindow:
    """A window that has begun: what the meter had counted in all at its start, and at the last reading."""

    start_s: float
    start_total: float
    last_s: float
    last_total: float


def opened(at_s: float, total: float) -> OpenWindow:
    """Begin with a reading; of the time before it nothing is known."""
    return OpenWindow(at_s, total, at_s, total)


def closed(window: OpenWindow) -> tuple[Counted, ...]:
    """End a window at its last reading."""
    if window.last_s <= window.start_s:
        return ()
    return (Counted(window.start_s, window.last_s, window.last_total - window.start_total),)


def count_window(window: OpenWindow, at_s: float, total: float) -> tuple[tuple[Counted, ...], OpenWindow]:
    """Take a reading: the windows that it ends, and the one that is open then.

    Between two readings the meter is taken to have run evenly, so that windows begin and end at whole quarters. Amounts
    sum to the rise of the total: nothing is lost at an edge.

    Parameters
    ----------
    at_s : of the reading, after the last one [s since the epoch]
    total : counted in all, not below the last one
    """
    if at_s - window.last_s > GAP_S:
        gap = Counted(window.last_s, at_s, total - window.last_total)
        return (*closed(window), gap), opened(at_s, total)
    done: list[Counted] = []
    start_s, start_total = window.start_s, window.start_total
    edge_s = WINDOW_S * (math.floor(start_s / WINDOW_S) + 1.0)
    while edge_s <= at_s:
        part = (edge_s - window.last_s) / (at_s - window.last_s)
        edge_total = window.last_total + part * (total - window.last_total)
        done.append(Counted(start_s, edge_s, max(0.0, edge_total - start_total)))
        start_s, start_total = edge_s, edge_total
        edge_s += WINDOW_S
    return tuple(done), OpenWindow(start_s, start_total, at_s, total)
