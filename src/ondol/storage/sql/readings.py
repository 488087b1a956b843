"""Readings of points in SQL: whatever threads bring at the same time is written in one commit.

A commit costs a wait for the disk, however much is in it. Whoever comes while one is under way leaves its readings
with those of others; one of them writes all of it, and each returns when its own are durable.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from ondol.model.ids import SiteId
from ondol.model.points import PointKey, PointReading, Quality
from ondol.storage.sql import heat_tables, tables
from ondol.storage.sql.database import Database
from ondol.storage.times import from_us, to_us

_QUALITIES = (Quality.GOOD, Quality.STALE, Quality.SUSPECT, Quality.ESTIMATED)  # a row holds the place in this
_CODES = {quality: code for code, quality in enumerate(_QUALITIES)}
_MOST = 20_000  # readings in one commit, so that nobody waits long for others'
_FORGOTTEN_AT_ONCE = 200  # points whose old readings are removed in one commit

_Name = tuple[str, str, str, int]  # site, entity, point, index


@dataclass(slots=True, eq=False)
class _Batch:
    site_id: SiteId
    readings: Sequence[PointReading]
    documents: Mapping[str, bytes]
    added: int = 0
    done: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class ReadingsGate:
    """Who waits to write readings, and the numbers of the points that are known."""

    writing: threading.Lock = field(default_factory=threading.Lock)
    waiting: list[_Batch] = field(default_factory=list)
    adding: threading.Lock = field(default_factory=threading.Lock)
    numbers: dict[_Name, int] = field(default_factory=dict)


class SqlReadings:
    """The readings' part of the store."""

    _database: Database
    _gate: ReadingsGate

    def add_readings(
        self, site_id: SiteId, readings: Sequence[PointReading], *, documents: Mapping[str, bytes] | None = None
    ) -> int:
        batch = _Batch(site_id, readings, documents or {})
        if not readings and not batch.documents:
            return 0
        gate = self._gate
        with gate.adding:
            gate.waiting.append(batch)
        with gate.writing:
            if not batch.done:
                self._write(self._taken())
        if batch.error is not None:
            raise batch.error
        return batch.added

    def _taken(self) -> list[_Batch]:
        """The oldest of those that wait; all of them unless they are very many."""
        gate = self._gate
        with gate.adding:
            count, size = 0, 0
            while count < len(gate.waiting) and (count == 0 or size + len(gate.waiting[count].readings) <= _MOST):
                size += len(gate.waiting[count].readings)
                count += 1
            taken, gate.waiting = gate.waiting[:count], gate.waiting[count:]
        return taken

    def _write(self, batches: list[_Batch]) -> None:
        """Write batches together; where that fails, each alone, so that nobody's fault is another's."""
        try:
            self._commit(batches)
        except Exception as error:  # noqa: BLE001  # given to whom it belongs
            if len(batches) == 1:
                batches[0].error = error
                batches[0].done = True
                return
            for batch in batches:
                self._write([batch])

    def _commit(self, batches: list[_Batch]) -> None:
        names = {_name(batch.site_id, one.key): None for batch in batches for one in batch.readings}
        added: list[int] = []
        with self._database.writing() as connection:
            numbers = self._numbers(connection, names)
            for batch in batches:
                rows = [
                    (numbers[_name(batch.site_id, one.key)], to_us(one.measured_at), one.value, _CODES[one.quality])
                    for one in batch.readings
                ]
                added.append(self._database.insert_new(connection, heat_tables.reading, rows))
                self._database.upsert(connection, tables.document, sorted(batch.documents.items()))
        self._gate.numbers.update(numbers)  # only now are they sure to be there
        for batch, count in zip(batches, added, strict=True):
            batch.added, batch.done = count, True

    def _numbers(self, connection: sa.Connection, names: Iterable[_Name]) -> dict[_Name, int]:
        """Numbers of points; those that have none yet get one."""
        known = self._gate.numbers
        found = {name: known[name] for name in names if name in known}
        missing = [name for name in names if name not in found]
        if not missing:
            return found
        t = heat_tables.point.c
        columns = (t.site_id, t.entity_id, t.point, t.place)
        self._database.insert_new(connection, heat_tables.point, missing, tuple(c.name for c in columns))
        query = sa.select(*columns, t.number).where(
            self._database.among(t.site_id, sorted({site_id for site_id, *_ in missing}))
        )
        there = {
            (site, entity, point, place): number for site, entity, point, place, number in connection.execute(query)
        }
        return found | {name: there[name] for name in missing}

    def point_readings(
        self,
        site_id: SiteId,
        key: PointKey,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        limit: int = 10_000,
    ) -> tuple[PointReading, ...]:
        r, p = heat_tables.reading.c, heat_tables.point.c
        named = sa.select(p.number).where(
            p.site_id == site_id, p.entity_id == key.entity_id, p.point == key.point, p.place == key.index
        )
        query = sa.select(r.at_us, r.value, r.quality).where(r.point == named.scalar_subquery())
        if start is not None:
            query = query.where(r.at_us >= to_us(start))
        if end is not None:
            query = query.where(r.at_us < to_us(end))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(r.at_us).limit(limit)).all()
        return tuple(_reading(key, *row) for row in rows)

    def latest_readings(self, site_id: SiteId) -> tuple[PointReading, ...]:
        r, p = heat_tables.reading.c, heat_tables.point.c
        own = heat_tables.reading.alias("own")
        last = sa.select(sa.func.max(own.c.at_us)).where(own.c.point == p.number).scalar_subquery()
        query = (
            sa.select(p.entity_id, p.point, p.place, r.at_us, r.value, r.quality)
            .where(p.site_id == site_id, r.point == p.number, r.at_us == last)
            .order_by(p.entity_id, p.point, p.place)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(_reading(PointKey(entity, point, place), *rest) for entity, point, place, *rest in rows)

    def forget_readings(self, before: dt.datetime) -> int:
        r, limit_us = heat_tables.reading, to_us(before)
        with self._database.reading() as connection:
            numbers = list(connection.execute(sa.select(heat_tables.point.c.number)).scalars())
        gone = 0
        for first in range(0, len(numbers), _FORGOTTEN_AT_ONCE):
            some = numbers[first : first + _FORGOTTEN_AT_ONCE]
            with self._database.writing() as connection:
                old = r.delete().where(r.c.point.in_(some), r.c.at_us < limit_us)
                gone += connection.execute(old).rowcount
        return gone


def _name(site_id: SiteId, key: PointKey) -> _Name:
    return site_id, key.entity_id, key.point, key.index


def _reading(key: PointKey, at_us: int, value: float, quality: int) -> PointReading:
    return PointReading(key=key, value=value, measured_at=from_us(at_us), quality=_QUALITIES[quality])
