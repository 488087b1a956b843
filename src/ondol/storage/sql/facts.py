"""The ledger's facts in SQL: meters, works, ends of attempts; inserted where their key is new, and read."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from ondol.model.ids import AccountId, JobId, PoolId, ProjectId, SiteId, TaskId
from ondol.model.ledger import AttemptFact, Metered, MeterRow, Tier, WorkFact
from ondol.storage.ledger_ports import PAGE
from ondol.storage.ports import Changes
from ondol.storage.sql import fact_tables as tables
from ondol.storage.sql.database import Database
from ondol.storage.times import from_us, to_us

_TABLES: dict[type, sa.Table] = {WorkFact: tables.work, AttemptFact: tables.attempt, MeterRow: tables.meter}


class SqlFacts:
    """The facts' part of the store."""

    _database: Database

    def work_facts(
        self,
        *,
        task_ids: Collection[TaskId] | None = None,
        account_id: AccountId | None = None,
        project_id: ProjectId | None = None,
        job_id: JobId | None = None,
        pool_id: PoolId | None = None,
        after: str = "",
        limit: int = PAGE,
    ) -> tuple[WorkFact, ...]:
        t = tables.work.c
        query = sa.select(tables.work).where(t.task_id > after)
        if task_ids is not None:
            query = query.where(self._database.among(t.task_id, sorted(task_ids)))
        for column, value in ((t.account_id, account_id), (t.project_id, project_id), (t.job_id, job_id)):
            if value is not None:
                query = query.where(column == value)
        if pool_id is not None:
            query = query.where(sa.or_(t.pool_id == pool_id, t.holds_pool == pool_id))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(t.task_id).limit(limit)).all()
        found = (_fields(row, WorkFact) for row in rows)
        return tuple(WorkFact(**fields | {"resumable": bool(fields["resumable"])}) for fields in found)

    def attempt_facts(
        self,
        task_ids: Collection[TaskId] | None = None,
        *,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        after: str = "",
        limit: int = PAGE,
    ) -> tuple[AttemptFact, ...]:
        t = tables.attempt.c
        query = sa.select(tables.attempt).where(t.attempt_id > after)
        if task_ids is not None:
            query = query.where(self._database.among(t.task_id, sorted(task_ids)))
        if start is not None:
            query = query.where(t.ended_us >= to_us(start))
        if end is not None:
            query = query.where(t.ended_us < to_us(end))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(t.attempt_id).limit(limit)).all()
        return tuple(AttemptFact(**_fields(row, AttemptFact)) for row in rows)

    def meters(
        self,
        *,
        site_id: SiteId | None = None,
        kind: Metered | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[MeterRow]:
        t = tables.meter.c
        query = sa.select(tables.meter)
        if site_id is not None:
            query = query.where(t.site_id == site_id)
        if kind is not None:
            query = query.where(t.kind == kind.value)
        if start is not None:
            query = query.where(t.start_us >= to_us(start))
        if end is not None:
            query = query.where(t.start_us < to_us(end))
        query = query.order_by(t.site_id, t.meter_id, t.kind, t.start_us)
        if limit is not None:
            query = query.limit(limit)
        if offset:
            query = query.offset(offset)
        with self._database.streaming() as connection:
            for row in connection.execute(query):
                fields = _fields(row, MeterRow)
                yield MeterRow(**fields | {"kind": Metered(fields["kind"]), "tier": Tier(fields["tier"])})


def append_facts(database: Database, connection: sa.Connection, changes: Changes) -> None:
    """Write the facts whose key is new."""
    for kind, table in _TABLES.items():
        rows = [_values(fact, table) for fact in changes.facts if isinstance(fact, kind)]
        database.insert_new(connection, table, rows)


def _values(fact: Any, table: sa.Table) -> tuple[Any, ...]:
    values = []
    for name in table.columns.keys():  # noqa: SIM118  # names, not columns
        value = getattr(fact, _FIELDS.get(name, name))
        if isinstance(value, dt.datetime):
            value = to_us(value)
        elif isinstance(value, (Metered, Tier)):
            value = value.value
        values.append(value)
    return tuple(values)


_FIELDS = {"start_us": "start", "end_us": "end", "submitted_us": "submitted_at", "ended_us": "ended_at"}
_COLUMNS = {field: column for column, field in _FIELDS.items()}


def _fields(row: Any, kind: type) -> dict[str, Any]:
    mapping = row._mapping  # noqa: SLF001  # SQLAlchemy's public way to a row by name
    found = {}
    for field in dataclasses.fields(kind):
        column = _COLUMNS.get(field.name, field.name)
        value = mapping[column]
        found[field.name] = from_us(value) if column.endswith("_us") else value
    return found
