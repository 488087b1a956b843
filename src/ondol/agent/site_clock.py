"""Platform time at a site: it follows the server's, goes on without it, and never runs backwards."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable

import msgspec

ASTRAY_S = 3600.0
"""Where the site's time is ahead of the server's by more, it was wrong, and begins afresh at the server's [s, wall]."""
_SLOW = 0.1  # share of its rate at which the clock goes while it is ahead of the server's
_SLACK_S = 0.5  # difference that is taken for the way of a message [s, wall]


class ClockNote(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock starts from where no server answers.

    Parameters
    ----------
    platform_s : platform time at `wall_s` [s since the epoch]
    wall_s : this machine's clock at that moment [s since the epoch]
    rate : platform seconds per wall second
    """

    platform_s: float
    wall_s: float
    rate: float


class SiteClock:
    """Goes by this machine's monotonic clock, so that an NTP step moves nothing, and is set by the server's answers.

    Where the server's clock is ahead, this one jumps; where it is behind, this one goes slowly until they agree: the
    loops of heat need time that never runs backwards. The wall's own time is read once, at a start without a server.

    Parameters
    ----------
    note : of the last contact
    not_before_s : platform time that was reached in an earlier life [s since the epoch]
    monotonic, wall : clocks of this machine [s]; tests give their own
    """

    def __init__(
        self,
        note: ClockNote,
        *,
        not_before_s: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._lock = threading.Lock()
        self._monotonic, self._wall = monotonic, wall
        self._rate = note.rate
        since_s = max(wall() - note.wall_s, 0.0)
        self._true_s = note.platform_s + note.rate * since_s
        self._shown_s = max(self._true_s, not_before_s)
        self._at_s = monotonic()

    @property
    def rate(self) -> float:
        """Platform seconds per wall second."""
        return self._rate

    def follow(self, platform_s: float, rate: float, *, way_s: float = 0.0) -> ClockNote:
        """Take the server's time; gives what is to be kept for a start without it.

        Parameters
        ----------
        platform_s : as the server wrote its answer [s since the epoch]
        way_s : from asking to answer [s, wall]; the middle of it is taken for the server's moment
        """
        with self._lock:
            self._advance()
            true_s = platform_s + rate * way_s / 2
            if abs(true_s - self._true_s) > _SLACK_S * rate or rate != self._rate:
                self._true_s = true_s
            self._rate = rate
            return ClockNote(platform_s=self._true_s, wall_s=self._wall(), rate=rate)

    def now_s(self) -> float:
        """Platform time [s since the epoch]; never less than before."""
        with self._lock:
            self._advance()
            return self._shown_s

    def now(self) -> dt.datetime:
        """Platform time, aware UTC."""
        return dt.datetime.fromtimestamp(self.now_s(), dt.UTC)

    @property
    def ahead_s(self) -> float:
        """By how much this clock is ahead of the server's [s, platform]."""
        with self._lock:
            self._advance()
            return self._shown_s - self._true_s

    def _advance(self) -> None:
        at_s = self._monotonic()
        span_s = max(at_s - self._at_s, 0.0) * self._rate
        self._at_s = at_s
        self._true_s += span_s
        self._shown_s = max(self._true_s, self._shown_s + _SLOW * span_s)
