"""Wishes, requests, alarms, the hygiene log and terms of sites in SQL."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.model.alarm import NO_SITE, Alarm
from ondol.model.errors import UnavailableError
from ondol.model.heat_request import HostWish
from ondol.model.ids import SinkId, SiteId
from ondol.storage.heat_ports import CHAIN_BEGIN, HygieneRow, MadeRequest, SiteTerms, follow
from ondol.storage.rows import decode, encode
from ondol.storage.sql import heat_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.times import to_us

_WISHES = ("id", "site_id", "sink_id", "set_us", "body")


class SqlHeat:
    """The heat side's part of the store, without readings."""

    _database: Database

    def add_wishes(self, wishes: Iterable[HostWish]) -> int:
        rows = {wish.id: dict(zip(_WISHES, _wish_values(wish), strict=True)) for wish in wishes}
        if not rows:
            return 0
        known = sa.select(tables.wish.c.id).where(self._database.among(tables.wish.c.id, list(rows)))
        with self._database.writing() as connection:
            there = set(connection.execute(known).scalars())
            fresh = [row for key, row in rows.items() if key not in there]
            if fresh:
                connection.execute(tables.wish.insert(), fresh)
        return len(fresh)

    def wishes(self, site_id: SiteId, *, after: int = 0, limit: int = 1000) -> tuple[tuple[int, HostWish], ...]:
        t = tables.wish.c
        query = sa.select(t.number, t.body).where(t.site_id == site_id, t.number > after)
        return self._wishes(query.order_by(t.number).limit(limit))

    def wishes_in_force(self, now: dt.datetime) -> tuple[tuple[int, HostWish], ...]:
        t, now_us = tables.wish.c, to_us(now)
        rank = sa.func.row_number().over(partition_by=t.sink_id, order_by=(t.set_us.desc(), t.id.desc()))
        ranked = sa.select(t.number, rank.label("rank")).where(t.set_us <= now_us).subquery()
        last = sa.select(ranked.c.number).where(ranked.c.rank == 1)
        query = sa.select(t.number, t.body).where(sa.or_(t.number.in_(last), t.set_us > now_us)).order_by(t.number)
        return self._wishes(query)

    def _wishes(self, query: sa.Select[Any]) -> tuple[tuple[int, HostWish], ...]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple((number, decode(bytes(body), HostWish)) for number, body in rows)

    def put_heat_request(self, made: MadeRequest) -> None:
        with self._database.writing() as connection:
            self._database.upsert(connection, tables.request, [(made.request.id, encode(made))])

    def heat_requests(self) -> tuple[MadeRequest, ...]:
        return self._database.decoded(sa.select(tables.request.c.body).order_by(tables.request.c.id), MadeRequest)

    def put_alarms(self, alarms: Iterable[Alarm]) -> None:
        rows = [(one.id, one.site_id, to_us(one.raised_at), one.active, encode(one)) for one in alarms]
        if rows:
            with self._database.writing() as connection:
                self._database.upsert(connection, tables.alarm, rows)

    def alarm(self, alarm_id: str) -> Alarm | None:
        return self._database.noun(tables.alarm, Alarm, id=alarm_id)

    def alarms(
        self, site_id: SiteId | None = None, *, active: bool | None = None, limit: int = 1000
    ) -> tuple[Alarm, ...]:
        t = tables.alarm.c
        query = sa.select(t.body).where(t.site_id != NO_SITE if site_id is None else t.site_id == site_id)
        if active is not None:
            query = query.where(t.active if active else sa.not_(t.active))
        return self._database.decoded(query.order_by(t.raised_us.desc(), t.id).limit(limit), Alarm)

    def append_hygiene(self, rows: Iterable[HygieneRow]) -> None:
        ordered = sorted(rows, key=lambda row: (row.sink_id, row.number))
        by_sink = [(key, list(own)) for key, own in itertools.groupby(ordered, key=lambda row: row.sink_id)]
        if not by_sink:
            return
        t = tables.hygiene.c
        with self._database.writing() as connection:
            for sink_id, own in by_sink:
                query = sa.select(t.number, t.hash).where(t.sink_id == sink_id).order_by(t.number.desc()).limit(1)
                found = connection.execute(query).first()
                follow(own, *((0, CHAIN_BEGIN) if found is None else (int(found[0]), str(found[1]))))
                lines = [(row.sink_id, row.number, to_us(row.at), encode(row), row.hash) for row in own]
                self._database.insert(connection, tables.hygiene, lines)

    def hygiene(
        self, sink_id: SinkId, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> tuple[HygieneRow, ...]:
        t = tables.hygiene.c
        query = sa.select(t.body).where(t.sink_id == sink_id)
        if start is not None:
            query = query.where(t.at_us >= to_us(start))
        if end is not None:
            query = query.where(t.at_us < to_us(end))
        return self._log(query.order_by(t.number))

    def last_hygiene(self, sink_id: SinkId) -> HygieneRow | None:
        t = tables.hygiene.c
        query = sa.select(t.body).where(t.sink_id == sink_id).order_by(t.number.desc()).limit(1)
        return next(iter(self._log(query)), None)

    def _log(self, query: sa.Select[Any]) -> tuple[HygieneRow, ...]:
        try:
            return self._database.decoded(query, HygieneRow)
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
            text = f"A row of the hygiene log cannot be read, somebody or something has changed the database: {error}"
            raise UnavailableError(text) from error

    def hygiene_seal(self, sink_id: SinkId, before: dt.datetime | None = None) -> tuple[int, str] | None:
        t = tables.hygiene.c
        query = sa.select(t.number, t.hash).where(t.sink_id == sink_id)
        if before is not None:  # by time, as the index has them: a log of years is not to be walked through backwards
            query = query.where(t.at_us < to_us(before)).order_by(t.at_us.desc())
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(t.number.desc()).limit(1)).first()
        return None if found is None else (int(found[0]), str(found[1]))

    def site_terms(self) -> tuple[SiteTerms, ...]:
        return self._database.decoded(sa.select(tables.terms.c.body).order_by(tables.terms.c.site_id), SiteTerms)

    def put_site_terms(self, terms: SiteTerms) -> None:
        with self._database.writing() as connection:
            self._database.upsert(connection, tables.terms, [(terms.site_id, encode(terms))])


def _wish_values(wish: HostWish) -> tuple[str, str, str, int, bytes]:
    return wish.id, wish.site_id, wish.sink_id, to_us(wish.set_at), encode(wish)
