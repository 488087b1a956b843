"""Moments at which something may be due: the earliest first, looked at without looking at all others."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator


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
