"""Keeps what hosts without a bus of ours push over HTTP."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from ondol.drivers.bound import FARTHEST_AHEAD_S, READS, Latest, bound_by_key, quality_of, time_told
from ondol.drivers.ports import LinkStatus
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointKey, PointReading, Quality

_MISSED = 3
"""Intervals without a push after which the link counts as down."""


class PushDriver:
    """Waits for values. It counts as connected while something came within three of the connection's intervals.

    Parameters
    ----------
    bindings : the points that may be pushed; the address is not used, scale and offset are
    """

    abilities: ClassVar[frozenset[Ability]] = READS

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,  # noqa: ARG002 - every driver is made with the same arguments
        now: Callable[[], dt.datetime],
    ) -> None:
        self._connection = connection
        self._now = now
        self._bound = bound_by_key(connection, bindings, self.abilities)
        self._latest = Latest()
        self._lock = threading.Lock()
        self._first_at: dt.datetime | None = None
        self._last_at = now()
        self._pushes = 0
        self._refused = 0

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    @property
    def keys(self) -> tuple[PointKey, ...]:
        """The points that may be pushed, in order."""
        return tuple(self._bound)

    def open(self) -> None:
        """Begin; there is nothing to do."""

    def close(self) -> None:
        """End; what was kept stays, with its times."""

    def push(self, readings: Iterable[PointReading]) -> int:
        """Take values; all of them or, where one is refused, none.

        Parameters
        ----------
        readings : values before the binding's scale and offset; a time up to a minute ahead of ours is taken for now

        Returns
        -------
        int : how many were kept; one that is older than what is kept already is not

        Raises
        ------
        NotFoundError : a point that is not bound to this connection
        InvalidFieldError : a time that lies farther ahead
        """
        now = self._now()
        try:
            taken = [self._taken(one, now) for one in readings]
        except (NotFoundError, InvalidFieldError):
            with self._lock:
                self._refused += 1
            raise
        kept = self._latest.put(taken)
        with self._lock:
            if self._first_at is None or self._silent(now):
                self._first_at = now
            self._last_at = now
            self._pushes += 1
        return kept

    def _taken(self, one: PointReading, now: dt.datetime) -> PointReading:
        binding = self._bound.get(one.key)
        if binding is None:
            raise NotFoundError(f"point bound to connection {self._connection.id}", str(one.key))
        at = time_told(one.measured_at, now)
        if at is None:
            allowed = f"a time up to {FARTHEST_AHEAD_S:g} s ahead of {now.isoformat()}"
            raise InvalidFieldError(f"{one.key}.measured_at", one.measured_at.isoformat(), allowed)
        value = one.value * binding.scale + binding.offset
        # What a host itself calls doubtful stays so; what it calls good is still held against the point's range.
        quality = one.quality if one.quality is not Quality.GOOD else quality_of(one.key, value)
        return replace(one, value=value, measured_at=at, quality=quality, source=self._connection.id)

    def _silent(self, now: dt.datetime) -> bool:
        return (now - self._last_at).total_seconds() > _MISSED * self._connection.interval_s

    def status(self) -> LinkStatus:
        """Whether the host still pushes."""
        now = self._now()
        with self._lock:
            if self._first_at is None:
                connected, since, detail = False, self._last_at, "nothing was pushed yet"
            elif self._silent(now):
                silent_s, wanted_s = (now - self._last_at).total_seconds(), self._connection.interval_s
                connected, since = False, self._last_at
                detail = f"nothing was pushed for {silent_s:.0f} s; every {wanted_s:g} s is expected"
            else:
                connected, since, detail = True, self._first_at, ""
            polls = self._pushes + self._refused
            return LinkStatus(connected=connected, since=since, detail=detail, polls=polls, errors=self._refused)

    def readings(self) -> tuple[PointReading, ...]:
        """Newest value of every bound point that was ever pushed, by key."""
        return self._latest.all()
