"""Moments at which something may be due: the earliest first, looked at without looking at all others."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator

LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


def later(since: dt.datetime, seconds: float) -> dt.datetime:
    """Moment so many seconds after another; the last one there is where that would lie beyond it."""
    try:
        return since + dt.timedelta(seconds=seconds)
    except OverflowError:
        return LAST


class Alarms:
    """Keys by the moment at which they want to be looked at; one that no longer matters is for its reader to see."""

    def __init__(self) -> None:
        self._heap: list[tuple[dt.datetime, str, str]] = []

    def set(self, at: dt.datetime, kind: str, key: str) -> None:
        """Have a key given back at a moment."""
        heapq.heappush(self._heap, (at, kind, key))

    def due(self, now: dt.datetime) -> Iterator[tuple[str, str]]:
        """Take out (kind, key) of all that is due, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            _, kind, key = heapq.heappop(self._heap)
            yield kind, key
