"""The platform's clock: the only place where wall time becomes platform time."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

from ondol.model.checks import check_range


def utc(seconds: float) -> dt.datetime:
    """Aware UTC time of seconds since the epoch."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


@dataclass(frozen=True, slots=True)
class ClockSetting:
    """How platform time follows wall time; kept in the data folder, so that time goes on while the platform is down.

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

    def platform_s(self, wall_s: float) -> float:
        """Platform time at a wall time, both [s since the epoch]."""
        return self.platform_epoch_s + self.rate * (wall_s - self.wall_epoch_s)


def new_setting(rate: float, begin: dt.datetime | None = None) -> ClockSetting:
    """Set a clock that reads `begin` now (the wall's own time where None)."""
    wall_s = time.time()
    return ClockSetting(rate, wall_s, wall_s if begin is None else begin.timestamp())


class PlatformClock:
    """The running clock. It reads the wall once, at its start, and goes on by the monotonic clock.

    So a wall clock that is set back or forth moves nothing: power, heat and safety need time that never runs backwards.

    Parameters
    ----------
    not_before_s : platform time that was reached in an earlier life [s since the epoch]; the clock begins there where
        the wall says less
    """

    def __init__(self, setting: ClockSetting, not_before_s: float = 0.0) -> None:
        self.rate = setting.rate
        self._begin_s = max(setting.platform_s(time.time()), not_before_s)
        self._begun_s = time.monotonic()

    def now_s(self) -> float:
        """Platform time [s since the epoch]."""
        return self._begin_s + self.rate * (time.monotonic() - self._begun_s)

    def now(self) -> dt.datetime:
        """Platform time, aware UTC."""
        return utc(self.now_s())

    def at(self, wall_s: float) -> dt.datetime:
        """Platform time at a moment of the wall clock that is over [s since the epoch]; now, where it is to come."""
        return utc(self.now_s() - self.rate * max(0.0, time.time() - wall_s))


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
        return utc(self.platform_s)

    def leap(self, duration_s: float) -> None:
        """Let `duration_s` ≥ 0 pass."""
        check_range("duration_s", duration_s, 0.0, 1e10, "s")
        self.platform_s += duration_s
