"""The platform's clock: the only place where wall time becomes platform time."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

from ondol.model.checks import check_range


@dataclass(frozen=True, slots=True)
class PlatformClock:
    """Platform time runs `rate` times as fast as the wall; it goes on while the platform is down.

    Parameters
    ----------
    rate : platform seconds per wall second, 0.01 to 10,000
    wall_epoch_s : wall time at which it was set [s since the epoch]
    platform_epoch_s : platform time at that moment [s since the epoch]
    """

    rate: float
    wall_epoch_s: float
    platform_epoch_s: float

    def __post_init__(self) -> None:
        check_range("clock.rate", self.rate, 0.01, 10_000.0, "platform seconds per second")

    def now_s(self) -> float:
        """Platform time [s since the epoch]."""
        return self.platform_s(time.time())

    def now(self) -> dt.datetime:
        """Platform time, aware UTC."""
        return dt.datetime.fromtimestamp(self.now_s(), dt.UTC)

    def platform_s(self, wall_s: float) -> float:
        """Platform time at a wall time, both [s since the epoch]."""
        return self.platform_epoch_s + self.rate * (wall_s - self.wall_epoch_s)

    def wall_s(self, platform_s: float) -> float:
        """Wall time at a platform time, both [s since the epoch]."""
        return self.wall_epoch_s + (platform_s - self.platform_epoch_s) / self.rate


def start_clock(rate: float, begin: dt.datetime | None = None) -> PlatformClock:
    """Set a clock that reads `begin` now (the wall's own time where None)."""
    wall_s = time.time()
    return PlatformClock(rate, wall_s, wall_s if begin is None else begin.timestamp())


@dataclass(slots=True)
class LeapingClock:
    """A clock for tests and simulation that moves only when told."""

    platform_s: float
    rate: float = 1.0

    def now_s(self) -> float:
        """Platform time [s since the epoch]."""
        return self.platform_s

    def now(self) -> dt.datetime:
        """Platform time, aware UTC."""
        return dt.datetime.fromtimestamp(self.platform_s, dt.UTC)

    def leap(self, duration_s: float) -> None:
        """Let `duration_s` ≥ 0 pass."""
        check_range("duration_s", duration_s, 0.0, 1e10, "s")
        self.platform_s += duration_s
