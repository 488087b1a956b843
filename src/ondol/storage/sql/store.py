"""The SQL store: one connection pool, one write lock, one transaction per commit."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ondol.model.account import Account, Bucket
from ondol.model.compute import Attempt, Instance, Task
from ondol.model.errors import NotFoundError
from ondol.model.ids import AccountId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow
from ondol.storage.pages import Page
from ondol.storage.ports import Changes
from ondol.storage.rows import decode, encode
from ondol.storage.sql import tables
from ondol.storage.sql.faults import translated
from ondol.storage.sql.ledger_rows import (
    energy_columns,
    energy_row,
    from_us,
    heat_columns,
    heat_row,
    to_us,
)
from ondol.storage.sql.migrate import upgrade

_CREATED = re.compile(r"-?[0-9]{1,18}")  # microseconds since the epoch; what fits into 64 bits


class SqlStore:
    """All durable state in one SQL database.

    Parameters
    ----------
    url : SQLAlchemy URL, e.g. ``sqlite:///var/ondol.db`` or ``postgresql+psycopg://…``
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, connect_args=_connect_args(url))
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        self._write = threading.RLock()
        where = self._engine.url.render_as_string(hide_password=True)
        with translated(f"opened or brought to this version's schema ({where})"):
            upgrade(self._engine)

    def commit(self, changes: Changes) -> None:
        if not changes:
            return
        energy = [energy_columns(row) for row in changes.ledger if isinstance(row, EnergyRow)]
        heat = [heat_columns(row) for row in changes.ledger if isinstance(row, HeatRow)]
        with self._writing() as connection:
            self._upsert(connection, tables.task, [_task_columns(t) for t in changes.tasks])
            self._upsert(connection, tables.instance, [_part_columns(i) for i in changes.instances])
            self._upsert(connection, tables.attempt, [_part_columns(a) for a in changes.attempts])
            self._upsert(
                connection,
                tables.document,
                [{"key": key, "body": body} for key, body in sorted(changes.documents.items())],
            )
            if energy:
                connection.execute(tables.energy.insert(), energy)
            if heat:
                connection.execute(tables.heat.insert(), heat)
            for task_id in changes.deleted_tasks:
                connection.execute(tables.instance.delete().where(tables.instance.c.task_id == task_id))
                connection.execute(tables.attempt.delete().where(tables.attempt.c.task_id == task_id))
                connection.execute(tables.task.delete().where(tables.task.c.id == task_id))

    def _upsert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        if self._engine.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        keys = [column.name for column in table.primary_key]
        statement = insert(table)
        statement = statement.on_conflict_do_update(
            index_elements=keys,
            set_={column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys},
        )
        connection.execute(statement, list(rows))

    def task(self, task_id: TaskId) -> Task | None:
        body = self._scalar(sa.select(tables.task.c.body).where(tables.task.c.id == task_id))
        return None if body is None else decode(body, Task)

    def task_by_shortname(self, account_id: AccountId, shortname: str) -> Task | None:
        body = self._scalar(
            sa.select(tables.task.c.body).where(
                tables.task.c.account_id == account_id, tables.task.c.shortname == shortname
            )
        )
        return None if body is None else decode(body, Task)

    def tasks(self, account_id: AccountId, *, token: str = "", limit: int = 100) -> Page[Task]:
        t = tables.task.c
        query = sa.select(t.id, t.created_us, t.body).where(t.account_id == account_id)
        if token:
            created, _, last = token.partition(".")
            if not _CREATED.fullmatch(created):
                raise NotFoundError("page", token)
            query = query.where(sa.or_(t.created_us < int(created), sa.and_(t.created_us == int(created), t.id < last)))
        query = query.order_by(t.created_us.desc(), t.id.desc()).limit(limit + 1)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        page = rows[:limit]
        following = f"{page[-1].created_us}.{page[-1].id}" if len(rows) > limit else ""
        return Page(tuple(decode(row.body, Task) for row in page), following)

    def open_tasks(self) -> tuple[Task, ...]:
        return tuple(
            self._decoded(
                sa.select(tables.task.c.body).where(tables.task.c.open.is_(True)).order_by(tables.task.c.id), Task
            )
        )

    def instances(self, task_id: TaskId) -> tuple[Instance, ...]:
        t = tables.instance.c
        return tuple(self._decoded(sa.select(t.body).where(t.task_id == task_id).order_by(t.id), Instance))

    def attempts(self, task_id: TaskId) -> tuple[Attempt, ...]:
        t = tables.attempt.c
        return tuple(self._decoded(sa.select(t.body).where(t.task_id == task_id).order_by(t.id), Attempt))

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Iterator[EnergyRow]:
        query = _windowed(sa.select(tables.energy), tables.energy, site_id, start, end)
        if task_id is not None:
            query = query.where(tables.energy.c.task_id == task_id)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield energy_row(row)

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterator[HeatRow]:
        query = _windowed(sa.select(tables.heat), tables.heat, site_id, start, end)
        with self._reading() as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield heat_row(row)

    def document(self, key: str) -> bytes | None:
        return self._scalar(sa.select(tables.document.c.body).where(tables.document.c.key == key))

    def add_account(self, account: Account) -> None:
        with self._writing(f"There is already an account {account.email}; choose another e-mail") as connection:
            connection.execute(
                tables.account.insert().values(
                    id=account.id,
                    email=account.email,
                    token_hash=account.token_hash,
                    token_sealed=account.token_sealed,
                    created_us=to_us(account.created_at),
                )
            )

    def account(self, account_id: AccountId) -> Account | None:
        return self._account(tables.account.c.id == account_id)

    def account_by_email(self, email: str) -> Account | None:
        return self._account(tables.account.c.email == email)

    def account_by_token_hash(self, token_hash: str) -> Account | None:
        return self._account(tables.account.c.token_hash == token_hash)

    def replace_token(self, account_id: AccountId, token_hash: str, token_sealed: bytes) -> None:
        with self._writing() as connection:
            done = connection.execute(
                tables.account.update()
                .where(tables.account.c.id == account_id)
                .values(token_hash=token_hash, token_sealed=token_sealed)
            )
        if done.rowcount == 0:
            raise NotFoundError("account", account_id)

    def accounts(self) -> tuple[Account, ...]:
        with self._reading() as connection:
            rows = connection.execute(sa.select(tables.account).order_by(tables.account.c.email)).all()
        return tuple(_account(row) for row in rows)

    def _account(self, condition: sa.ColumnElement[bool]) -> Account | None:
        with self._reading() as connection:
            row = connection.execute(sa.select(tables.account).where(condition)).first()
        return None if row is None else _account(row)

    def buckets(self, account_id: AccountId) -> tuple[Bucket, ...]:
        t = tables.bucket.c
        with self._reading() as connection:
            rows = connection.execute(sa.select(tables.bucket).where(t.account_id == account_id).order_by(t.name)).all()
        return tuple(_bucket(row) for row in rows)

    def bucket(self, account_id: AccountId, name: str) -> Bucket | None:
        t = tables.bucket.c
        with self._reading() as connection:
            row = connection.execute(sa.select(tables.bucket).where(t.account_id == account_id, t.name == name)).first()
        return None if row is None else _bucket(row)

    def add_bucket(self, bucket: Bucket) -> Bucket:
        with self._write:
            known = self.bucket(bucket.account_id, bucket.name)
            if known is not None:
                return known
            with self._writing() as connection:
                connection.execute(
                    tables.bucket.insert().values(
                        account_id=bucket.account_id,
                        name=bucket.name,
                        backend_name=bucket.backend_name,
                        created_us=to_us(bucket.created_at),
                    )
                )
        return bucket

    def delete_bucket(self, account_id: AccountId, name: str) -> None:
        t = tables.bucket.c
        with self._writing() as connection:
            connection.execute(tables.bucket.delete().where(t.account_id == account_id, t.name == name))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self, taken: str = "") -> Iterator[sa.Connection]:
        """One transaction at a time; `taken` is said where something is to be there only once."""
        with translated("written", taken), self._write, self._engine.begin() as connection:
            yield connection

    def _scalar(self, query: sa.Select[Any]) -> bytes | None:
        with self._reading() as connection:
            value = connection.execute(query).scalar()
        return None if value is None else bytes(value)

    def _decoded(self, query: sa.Select[Any], kind: type[Any]) -> Iterator[Any]:
        with self._reading() as connection:
            for (body,) in connection.execute(query).all():
                yield decode(body, kind)


def _connect_args(url: str) -> dict[str, Any]:
    return {"timeout": 30, "check_same_thread": False} if url.startswith("sqlite") else {}


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # the DB-API connection has no type here
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _task_columns(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "account_id": task.account_id,
        "shortname": task.shortname or task.id,
        "created_us": to_us(task.created_at),
        "open": not task.state.final or task.delete_wanted,
        "body": encode(task),
    }


def _part_columns(part: Instance | Attempt) -> dict[str, Any]:
    return {"id": part.id, "task_id": part.task_id, "body": encode(part)}


def _account(row: Any) -> Account:  # a row of `tables.account`
    return Account(
        id=row.id,
        email=row.email,
        token_hash=row.token_hash,
        token_sealed=bytes(row.token_sealed),
        created_at=from_us(row.created_us),
    )


def _bucket(row: Any) -> Bucket:  # a row of `tables.bucket`
    return Bucket(
        account_id=row.account_id,
        name=row.name,
        backend_name=row.backend_name,
        created_at=from_us(row.created_us),
    )


def _windowed(
    query: sa.Select[Any],
    table: sa.Table,
    site_id: SiteId | None,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> sa.Select[Any]:
    if site_id is not None:
        query = query.where(table.c.site_id == site_id)
    if start is not None:
        query = query.where(table.c.start_us >= to_us(start))
    if end is not None:
        query = query.where(table.c.start_us < to_us(end))
    return query.order_by(table.c.seq)
