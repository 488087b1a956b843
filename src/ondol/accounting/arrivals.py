"""What work came in the last day, hour by hour: what comes next is thought to be half of that, half of its mean.

The same hour of the day before is the plain forecast of a series with a daily round (seasonal naive method; Hyndman &
Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., §5.2). Single large tasks do not come again at their
hour, therefore the mean weighs as much.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ondol.model.view import Floats, ServiceClass

HOUR_S = 3600.0
DAY_H = 24
MOST_WAIT_H = 96  # longer waits are counted as this
LEAST_H = 4  # a mean of fewer hours is none
_SEASON = 0.5


class Arrivals:
    """Work that was submitted, by hour, class and how long it may wait. Forgets what is older than a day."""

    def __init__(self, kept: Iterable[Iterable[Any]] = ()) -> None:
        self._work_s: dict[tuple[int, int, int], float] = {}
        self._first_h: int | None = None
        for hour, service, wait_h, work_s in kept:
            self._add(int(hour), int(service), int(wait_h), float(work_s))

    def come(self, at_s: float, service: ServiceClass, work_s: float, wait_s: float) -> None:
        """Take in a task.

        Parameters
        ----------
        at_s : of its submission [s since the epoch]
        work_s : slot-seconds that it will probably take, ≥ 0
        wait_s : how long it may wait before it must start, ≥ 0; inf for ever
        """
        hour = int(at_s // HOUR_S)
        self._add(hour, int(service), int(min(max(wait_s, 0.0) / HOUR_S, MOST_WAIT_H)), work_s)
        if len(self._work_s) > 2 * DAY_H:
            for key in [key for key in self._work_s if key[0] < hour - DAY_H]:
                del self._work_s[key]

    def coming(self, now_s: float, service: ServiceClass, hours: int) -> Floats:
        """Give the work that is expected of a class, (hours, MOST_WAIT_H + 1) by hour from now and wait [slot-s]."""
        found = np.zeros((hours, MOST_WAIT_H + 1))
        if self._first_h is None:
            return found
        now = int(now_s // HOUR_S)
        known = self._known_h(now_s)
        whole = now - self._first_h >= DAY_H
        for (hour, kind, wait_h), work_s in self._work_s.items():
            if kind != service or not now - DAY_H <= hour <= now:
                continue
            found[:, wait_h] += (1.0 - _SEASON if whole else 1.0) * work_s / known
            if whole and hour < now:
                found[(hour - now) % DAY_H :: DAY_H, wait_h] += _SEASON * work_s
        return found

    def rate(self, now_s: float, service: ServiceClass) -> float:
        """Mean work that came of a class, of the last day or what of it is known [slots]."""
        if self._first_h is None:
            return 0.0
        now = int(now_s // HOUR_S)
        came = sum(s for (hour, kind, _), s in self._work_s.items() if kind == service and now - DAY_H <= hour <= now)
        return came / (self._known_h(now_s) * HOUR_S)

    def pack(self) -> list[list[float]]:
        """All that is known, as plain values."""
        return [[*key, work_s] for key, work_s in sorted(self._work_s.items())]

    def _known_h(self, now_s: float) -> float:
        """Hours that what is known spans."""
        first = now_s / HOUR_S if self._first_h is None else self._first_h
        return min(max(now_s / HOUR_S - first, LEAST_H), DAY_H)

    def _add(self, hour: int, service: int, wait_h: int, work_s: float) -> None:
        key = hour, service, wait_h
        self._work_s[key] = self._work_s.get(key, 0.0) + work_s
        self._first_h = hour if self._first_h is None else min(self._first_h, hour)
