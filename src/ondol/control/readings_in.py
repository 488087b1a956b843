"""Readings that hosts push in: each row is judged by itself, and what is right is kept in one commit."""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ondol.model.binding import Binding
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.points import POINTS, PointKey, PointReading, Quality
from ondol.storage.heat_ports import HeatStore

_log = logging.getLogger(__name__)
AHEAD = dt.timedelta(minutes=5)
"""How far a device's clock may be ahead of the platform's."""

KEPT_DAYS = 400
"""Readings are kept so long unless told otherwise: a heating season and the same month of the year before."""

_SWEEP = dt.timedelta(hours=6)
Pushed = Callable[[SiteId, Sequence[PointReading]], None]


@dataclass(frozen=True, slots=True)
class PushedRow:
    """A row as it came: `entity`, `point` and `value`, perhaps `index` and `time`."""

    entity: Any
    point: Any
    value: Any
    index: Any = 0
    time: Any = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row: why it was refused, "" where it was not; the field at fault; why its value is doubted."""

    reason: str = ""
    field: str = ""
    doubt: str = ""


class ReadingsIn:
    """Takes readings of points whose connection is `push`.

    Parameters
    ----------
    now : platform time
    kept_days : older readings are removed, 0 for never

    `listeners` are told what was taken, after it is durable: agents whose drivers wait for it.
    """

    def __init__(
        self, fleet: Fleet, store: HeatStore, now: Callable[[], dt.datetime], *, kept_days: float = KEPT_DAYS
    ) -> None:
        self._store, self._now, self._kept_days = store, now, kept_days
        push = {connection.id: connection.site_id for connection in fleet.connections if connection.driver == "push"}
        self._bound: dict[PointKey, tuple[SiteId, Binding]] = {
            binding.key: (push[binding.connection_id], binding)
            for binding in fleet.bindings
            if binding.connection_id in push
        }
        self._entities = {key.entity_id for key in self._bound}
        self._sweeping = threading.Lock()
        self._swept_at: dt.datetime | None = None
        self.listeners: list[Pushed] = []

    def take(self, rows: Sequence[PushedRow | Verdict], sites: Collection[SiteId]) -> list[Verdict]:
        """Judge rows and keep those that are right; of each site all or, where storage does not answer, none.

        Whoever got no answer sends all again: what is there already changes nothing.

        Parameters
        ----------
        rows : as they came; a verdict in the place of one that could not even be read
        sites : whose points the caller may write
        """
        now = self._now()
        verdicts: list[Verdict] = []
        taken: dict[SiteId, list[PointReading]] = {}
        first: dict[tuple[PointKey, dt.datetime], float] = {}
        for row in rows:
            if isinstance(row, Verdict):
                verdicts.append(row)
                continue
            try:
                site_id, reading = self._read(row, sites, now)
                self._check_once(first, reading, row)
            except InvalidFieldError as error:
                verdicts.append(Verdict(str(error), error.field))
                continue
            taken.setdefault(site_id, []).append(reading)
            doubt = _doubt(reading)
            verdicts.append(Verdict(field="value" if doubt else "", doubt=doubt))
        for site_id, readings in taken.items():
            self._store.add_readings(site_id, readings)
            for listener in self.listeners:
                listener(site_id, readings)
        return verdicts

    def _read(self, row: PushedRow, sites: Collection[SiteId], now: dt.datetime) -> tuple[SiteId, PointReading]:
        if not isinstance(row.point, str) or row.point not in POINTS:
            raise InvalidFieldError("point", row.point, "one of " + ", ".join(POINTS))
        if isinstance(row.index, bool) or not isinstance(row.index, int) or not 0 <= row.index <= 99:
            raise InvalidFieldError("index", row.index, "a whole number from 0 to 99")
        known = None
        if isinstance(row.entity, str) and row.entity in self._entities:
            known = self._bound.get(PointKey(row.entity, row.point, row.index))
        if known is None or known[0] not in sites:
            raise InvalidFieldError(
                "entity", row.entity, "one whose point is bound to a connection with driver push, at a site of yours"
            )
        site_id, binding = known
        if isinstance(row.value, bool) or not isinstance(row.value, (int, float)):
            raise InvalidFieldError("value", row.value, "a number")
        try:
            value = float(row.value) * binding.scale + binding.offset
        except OverflowError:  # JSON has whole numbers that no float can hold
            value = math.inf
        kind = POINTS[row.point]
        if not math.isfinite(value):
            raise InvalidFieldError("value", row.value, "a finite number")
        at = now if row.time is None else _time(row.time)
        if at > now + AHEAD:
            raise InvalidFieldError("time", row.time, f"at most 5 minutes after platform time, {now.isoformat()}")
        quality = Quality.GOOD if kind.low <= value <= kind.high else Quality.SUSPECT
        return site_id, PointReading(
            key=binding.key, value=value, measured_at=at, quality=quality, source=binding.connection_id
        )

    def _check_once(
        self, first: dict[tuple[PointKey, dt.datetime], float], reading: PointReading, row: PushedRow
    ) -> None:
        """Refuse a second value of a point at the same time: which of them is true, nobody here can tell."""
        before = first.setdefault((reading.key, reading.measured_at), reading.value)
        if before != reading.value:
            raise InvalidFieldError(
                "value", row.value, f"the same as in the row before for {reading.measured_at.isoformat()}, {before:g}"
            )

    def sweep(self) -> None:
        """Remove what is too old at the first call and every six hours of platform time, whoever wrote it."""
        now = self._now()
        if self._kept_days <= 0 or not self._sweeping.acquire(blocking=False):
            return
        try:
            if self._swept_at is None or abs(now - self._swept_at) >= _SWEEP:
                self._swept_at = now
                gone = self._store.forget_readings(now - dt.timedelta(days=self._kept_days))
                if gone:
                    _log.info("%d readings older than %g days were removed", gone, self._kept_days)
        except UnavailableError as error:
            _log.warning("old readings stay for another six hours: %s", error)
        finally:
            self._sweeping.release()


def _doubt(reading: PointReading) -> str:
    """Why a value is kept and not believed, "" where it may be."""
    if reading.quality is Quality.GOOD:
        return ""
    kind = POINTS[reading.key.point]
    return (
        f"{reading.value:g} {kind.unit} is none of {kind.low:g} to {kind.high:g} {kind.unit}: "
        "kept as suspect, and counted nowhere"
    )


def _time(given: object) -> dt.datetime:
    try:
        when = dt.datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        when = None
    if when is None or not 1970 <= when.year < 9000:
        raise InvalidFieldError("time", given, "a time like 2026-01-15T08:00:00Z, or left out for now")
    return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
