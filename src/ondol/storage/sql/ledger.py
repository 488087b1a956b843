"""The ledger in SQL: rows are appended and read, never changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ondol.model.ids import SiteId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow
from ondol.storage.ports import Changes
from ondol.storage.sql import ledger_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.sql.ledger_rows import energy_columns, energy_row, heat_columns, heat_row
from ondol.storage.times import to_us


class SqlLedger:
    """The ledger's part of the store."""

    _database: Database

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[EnergyRow]:
        query = _windowed(tables.energy, site_id, start, end, offset, limit)
        if task_id is not None:
            query = query.where(tables.energy.c.task_id == task_id)
        with self._database.streaming() as connection:
            for row in connection.execute(query):
                yield energy_row(row)

    def heat(
        self,
        *,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[HeatRow]:
        query = _windowed(tables.heat, site_id, start, end, offset, limit)
        with self._database.streaming() as connection:
            for row in connection.execute(query):
                yield heat_row(row)


def append_rows(connection: sa.Connection, changes: Changes) -> None:
    """Write the ledger's new rows in their order."""
    energy = [energy_columns(row) for row in changes.ledger if isinstance(row, EnergyRow)]
    heat = [heat_columns(row) for row in changes.ledger if isinstance(row, HeatRow)]
    if energy:
        connection.execute(tables.energy.insert(), energy)
    if heat:
        connection.execute(tables.heat.insert(), heat)


def _windowed(
    table: sa.Table,
    site_id: SiteId | None,
    start: dt.datetime | None,
    end: dt.datetime | None,
    offset: int,
    limit: int | None,
) -> sa.Select[Any]:
    query = sa.select(table)
    if site_id is not None:
        query = query.where(table.c.site_id == site_id)
    if start is not None:
        query = query.where(table.c.start_us >= to_us(start))
    if end is not None:
        query = query.where(table.c.start_us < to_us(end))
    query = query.order_by(table.c.seq)
    if limit is not None:
        query = query.limit(limit)
    return query.offset(offset) if offset else query
