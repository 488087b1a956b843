"""The heat side in memory: wishes, requests, alarms, readings, the hygiene log, terms of sites."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Mapping, Sequence

from ondol.model.alarm import NO_SITE, Alarm
from ondol.model.heat_request import HostWish
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.points import PointKey, PointReading
from ondol.storage.heat_ports import CHAIN_BEGIN, HygieneRow, MadeRequest, SiteTerms, follow


class MemoryHeat:
    """The heat side's part of a store in memory."""

    _lock: threading.RLock
    _documents: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__()
        self._wishes: dict[str, tuple[int, HostWish]] = {}
        self._requests: dict[RequestId, MadeRequest] = {}
        self._alarms: dict[str, Alarm] = {}
        self._readings: dict[tuple[SiteId, PointKey], dict[dt.datetime, PointReading]] = {}
        self._hygiene: dict[SinkId, list[HygieneRow]] = {}
        self._terms: dict[SiteId, SiteTerms] = {}

    def add_wishes(self, wishes: Iterable[HostWish]) -> int:
        with self._lock:
            before = len(self._wishes)
            for wish in wishes:
                self._wishes.setdefault(wish.id, (len(self._wishes) + 1, wish))
            return len(self._wishes) - before

    def wishes(self, site_id: SiteId, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, HostWish], ...]:
        with self._lock:
            own = [(n, wish) for n, wish in self._wishes.values() if wish.site_id == site_id and n > after]
        return tuple(own[:limit])

    def wishes_in_force(self, now: dt.datetime) -> tuple[tuple[int, HostWish], ...]:
        with self._lock:
            rows = list(self._wishes.values())
        last: dict[SinkId, tuple[dt.datetime, str]] = {}
        for _, wish in rows:
            if wish.set_at <= now:
                rank = (wish.set_at, wish.id)
                last[wish.sink_id] = max(rank, last.get(wish.sink_id, rank))
        return tuple((n, wish) for n, wish in rows if wish.set_at > now or last[wish.sink_id] == (wish.set_at, wish.id))

    def put_heat_request(self, made: MadeRequest) -> None:
        with self._lock:
            self._requests[made.request.id] = made

    def heat_requests(self) -> tuple[MadeRequest, ...]:
        with self._lock:
            return tuple(made for _, made in sorted(self._requests.items()))

    def put_alarms(self, alarms: Iterable[Alarm]) -> None:
        with self._lock:
            self._alarms.update({one.id: one for one in alarms})

    def alarm(self, alarm_id: str) -> Alarm | None:
        return self._alarms.get(alarm_id)

    def alarms(
        self, site_id: SiteId | None = None, *, active: bool | None = None, limit: int = 1000
    ) -> tuple[Alarm, ...]:
        with self._lock:
            rows = [
                one
                for one in self._alarms.values()
                if (one.site_id != NO_SITE if site_id is None else one.site_id == site_id)
                and active in (None, one.active)
            ]
        return tuple(sorted(rows, key=lambda one: (-one.raised_at.timestamp(), one.id))[:limit])

    def add_readings(
        self, site_id: SiteId, readings: Sequence[PointReading], *, documents: Mapping[str, bytes] | None = None
    ) -> int:
        added = 0
        with self._lock:
            for one in readings:
                rows = self._readings.setdefault((site_id, one.key), {})
                added += one.measured_at not in rows
                rows.setdefault(
                    one.measured_at,
                    PointReading(key=one.key, value=one.value, measured_at=one.measured_at, quality=one.quality),
                )
            self._documents.update(documents or {})
        return added

    def point_readings(
        self,
        site_id: SiteId,
        key: PointKey,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        limit: int = 10_000,
    ) -> tuple[PointReading, ...]:
        with self._lock:
            rows = sorted(self._readings.get((site_id, key), {}).items())
        within = [row for at, row in rows if (start is None or at >= start) and (end is None or at < end)]
        return tuple(within[:limit])

    def latest_readings(self, site_id: SiteId) -> tuple[PointReading, ...]:
        with self._lock:
            last = [rows[max(rows)] for (site, _), rows in self._readings.items() if site == site_id and rows]
        return tuple(sorted(last, key=lambda row: row.key))

    def forget_readings(self, before: dt.datetime) -> int:
        gone = 0
        with self._lock:
            for rows in self._readings.values():
                for at in [at for at in rows if at < before]:
                    del rows[at]
                    gone += 1
        return gone

    def append_hygiene(self, rows: Iterable[HygieneRow]) -> None:
        fresh: dict[SinkId, list[HygieneRow]] = {}
        for row in rows:
            fresh.setdefault(row.sink_id, []).append(row)
        with self._lock:
            for sink_id, own in fresh.items():
                last = self.last_hygiene(sink_id)
                follow(own, *((0, CHAIN_BEGIN) if last is None else (last.number, last.hash)))
            for sink_id, own in fresh.items():
                self._hygiene.setdefault(sink_id, []).extend(own)

    def hygiene(
        self, sink_id: SinkId, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> tuple[HygieneRow, ...]:
        with self._lock:
            rows = list(self._hygiene.get(sink_id, ()))
        return tuple(row for row in rows if (start is None or row.at >= start) and (end is None or row.at < end))

    def last_hygiene(self, sink_id: SinkId) -> HygieneRow | None:
        with self._lock:
            return next(reversed(self._hygiene.get(sink_id, [])), None)

    def hygiene_seal(self, sink_id: SinkId, before: dt.datetime | None = None) -> tuple[int, str] | None:
        with self._lock:
            rows = [row for row in self._hygiene.get(sink_id, ()) if before is None or row.at < before]
        return (rows[-1].number, rows[-1].hash) if rows else None

    def site_terms(self) -> tuple[SiteTerms, ...]:
        with self._lock:
            return tuple(terms for _, terms in sorted(self._terms.items()))

    def put_site_terms(self, terms: SiteTerms) -> None:
        with self._lock:
            self._terms[terms.site_id] = terms
