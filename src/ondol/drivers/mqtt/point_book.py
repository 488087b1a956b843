"""What bound topics have said: the latest value of every point, with the time at which it was measured."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ondol.drivers.mqtt.payloads import Address, PayloadRefusedError, Said, parse_address, read_payload
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKey, PointReading, Quality

AHEAD = dt.timedelta(minutes=5)
"""A device's clock may be so far ahead of ours; a value from further in the future is refused."""

_LEAST_STALE_S, _STALE_INTERVALS = 60.0, 3.0  # as `Binding.stale_after_s` says
_PAST_S = 1.0


@dataclass(slots=True)
class _Point:
    """One bound point.

    Parameters
    ----------
    stale_s : a value older than this is stale [s]
    heard : live values since the start, for those who wait for one
    refusal : why the last payload was refused, "" where it was not
    """

    binding: Binding
    key: PointKey
    address: Address
    stale_s: float
    reading: PointReading | None = None
    said: Said | None = None
    heard: int = 0
    refusal: str = ""


@dataclass(slots=True)
class _Counts:
    messages: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Book:
    points: dict[PointKey, _Point] = field(default_factory=dict)
    by_topic: dict[str, list[_Point]] = field(default_factory=dict)


class PointBook:
    """Reads payloads for bound points; may be used from several threads.

    Parameters
    ----------
    bindings : those of one connection; one that has no address is only written

    Raises
    ------
    InvalidFieldError : an address that is none, or the binding of another connection
    """

    def __init__(self, connection: Connection, bindings: Sequence[Binding]) -> None:
        self._source = connection.id
        self._book = _Book()
        self._counts = _Counts()
        self._changed = threading.Condition()
        usual_s = max(_LEAST_STALE_S, _STALE_INTERVALS * connection.interval_s)
        for binding in sorted(bindings, key=lambda one: one.key):
            if binding.connection_id != connection.id:
                raise InvalidFieldError(f"binding[{binding.key}].connection", binding.connection_id, connection.id)
            if not binding.address:
                continue
            address = parse_address(f"binding[{binding.key}].address", binding.address)
            point = _Point(binding, binding.key, address, binding.stale_after_s or usual_s)
            self._book.points[binding.key] = point
            self._book.by_topic.setdefault(address.topic, []).append(point)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics that are listened to, sorted."""
        return tuple(sorted(self._book.by_topic))

    @property
    def messages(self) -> int:
        """Payloads that came for bound points."""
        return self._counts.messages

    @property
    def refused(self) -> int:
        """Values that were refused."""
        return self._counts.refused

    def take(self, topic: str, payload: bytes, at: dt.datetime, *, retained: bool) -> tuple[str, ...]:
        """Take in a payload.

        What the broker had kept (`retained`) has an unknown age: unless it carries its own time it is stale, and told
        as just too old, so that nobody who looks at the time alone takes it for fresh.

        Returns
        -------
        why values were refused; a reason that stays the same is given once
        """
        told = []
        with self._changed:
            for point in self._book.by_topic.get(topic, ()):
                self._counts.messages += 1
                try:
                    self._note(point, payload, at, retained=retained)
                except PayloadRefusedError as error:
                    self._counts.refused += 1
                    reason = f"{point.key} from {topic}: {error}"
                    if reason != point.refusal:
                        told.append(reason)
                    point.refusal = reason
                else:
                    point.refusal = ""
            self._changed.notify_all()
        return tuple(told)

    def _note(self, point: _Point, payload: bytes, at: dt.datetime, *, retained: bool) -> None:
        kind, binding, last = point.key.kind, point.binding, point.reading
        said = read_payload(payload, point.address, kind, binding.scale, binding.offset)
        measured_at, quality = said.measured_at or at, Quality.GOOD
        if measured_at > at + AHEAD:
            ahead_s = (measured_at - at).total_seconds()
            raise PayloadRefusedError(
                f"its time is {ahead_s:.0f} s ahead of ours: set the device's clock, or leave out @…"
            )
        measured_at = min(measured_at, at)  # it cannot be younger than its arrival
        if last is not None and said.measured_at is not None and measured_at < last.measured_at:
            return  # older than what is known
        if retained and said.measured_at is None:
            if last is not None and last.value == said.value:
                return
            measured_at, quality = at - dt.timedelta(seconds=point.stale_s + _PAST_S), Quality.STALE
            if last is not None:
                measured_at = max(measured_at, last.measured_at)
        elif not kind.low <= said.value <= kind.high:
            quality = Quality.SUSPECT
        point.said = said
        point.heard += not retained
        point.reading = PointReading(
            key=point.key, value=said.value, measured_at=measured_at, quality=quality, source=self._source
        )

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every point that ever spoke, by key."""
        with self._changed:
            return tuple(point.reading for point in self._book.points.values() if point.reading is not None)

    def said(self, key: PointKey) -> Said | None:
        """What a point said last; None where it never spoke, or is not read."""
        with self._changed:
            point = self._book.points.get(key)
            return None if point is None else point.said

    def heard(self, key: PointKey) -> int:
        """How many live values a point has given."""
        with self._changed:
            point = self._book.points.get(key)
            return 0 if point is None else point.heard

    def wait_for(
        self, key: PointKey, wanted: float, tolerance: float, *, heard: int, until_s: float, ended: Callable[[], bool]
    ) -> float | None:
        """Wait until a point says `wanted`; give what it said last, None where it said nothing since.

        Parameters
        ----------
        heard : values that do not count: they came before
        until_s : longest wait, monotonic wall time [s]
        ended : tells whether waiting has become useless
        """
        with self._changed:
            point = self._book.points[key]
            while True:
                value = point.said.value if point.said is not None and point.heard > heard else None
                if value is not None and abs(value - wanted) <= tolerance:
                    return value
                left_s = until_s - time.monotonic()
                if left_s <= 0.0 or ended():
                    return value
                self._changed.wait(min(left_s, 0.25))

    def complaints(self) -> tuple[str, ...]:
        """Points that never spoke and those whose last payload was refused, by key."""
        with self._changed:
            return tuple(
                point.refusal or f"{point.key}: nothing heard from {point.address.topic} yet"
                for point in self._book.points.values()
                if point.refusal or point.reading is None
            )
