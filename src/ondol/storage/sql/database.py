"""One database: its connections, its one writer at a time, and what differs between SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ondol.storage.rows import decode
from ondol.storage.sql.faults import translated
from ondol.storage.sql.migrate import upgrade

Noun = TypeVar("Noun")


class Database:
    """Connections to one SQL database, brought to this version's schema.

    Parameters
    ----------
    url : SQLAlchemy URL, e.g. ``sqlite:///var/ondol.db`` or ``postgresql+psycopg://…``
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, connect_args=_connect_args(url))
        self._sqlite = self._engine.dialect.name == "sqlite"
        if self._sqlite:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        self._write = threading.RLock()
        self._upserts: dict[str, sa.Insert] = {}
        where = self._engine.url.render_as_string(hide_password=True)
        with translated(f"opened or brought to this version's schema ({where})"):
            upgrade(self._engine)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read from."""
        with translated("read"), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, taken: str = "") -> Iterator[sa.Connection]:
        """One transaction at a time; `taken` is said where something is to be there only once."""
        with translated("written", taken), self._write, self._engine.begin() as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile; `writing` may be used inside."""
        with self._write:
            yield

    def upsert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, or put them in the place of those with the same key."""
        if not rows:
            return
        statement = self._upserts.get(table.name)
        if statement is None:
            statement = self._upserts[table.name] = self._upsert_of(table)
        connection.execute(statement, list(rows))

    def add(self, connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]], *sums: str) -> None:
        """Add rows; where a key is there already, its columns `sums` grow by what the row says."""
        if rows:
            insert = self._insert(table)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[column.name for column in table.primary_key],
                    set_={name: table.c[name] + insert.excluded[name] for name in sums},
                ),
                list(rows),
            )

    def among(self, column: sa.ColumnElement[str], keys: Sequence[str]) -> sa.ColumnElement[bool]:
        """Whether a column holds one of any number of keys, given as one parameter."""
        if self._sqlite:
            listed = sa.func.json_each(json.dumps(list(keys))).table_valued("value")
            return column.in_(sa.select(listed.c.value))
        return column == sa.any_(sa.literal(list(keys), postgresql.ARRAY(sa.Text(collation="C"))))

    def scalar(self, query: sa.Select[Any]) -> bytes | None:
        """First column of the first row, which holds bytes; None where there is no row."""
        with self.reading() as connection:
            value = connection.execute(query).scalar()
        return None if value is None else bytes(value)

    def decoded(self, query: sa.Select[Any], kind: type[Noun]) -> tuple[Noun, ...]:
        """Nouns of the bodies that a query gives."""
        with self.reading() as connection:
            bodies = connection.execute(query).scalars().all()
        return tuple(decode(bytes(body), kind) for body in bodies)

    def found(self, query: sa.Select[Any], kind: type[Noun]) -> Noun | None:
        """Noun of the first body, None where there is no row."""
        body = self.scalar(query)
        return None if body is None else decode(body, kind)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _insert(self, table: sa.Table) -> Any:  # the two dialects' inserts have no common type with `on_conflict`
        return sqlite.insert(table) if self._sqlite else postgresql.insert(table)

    def _upsert_of(self, table: sa.Table) -> sa.Insert:
        insert = self._insert(table)
        keys = [column.name for column in table.primary_key]
        statement: sa.Insert = insert.on_conflict_do_update(
            index_elements=keys,
            set_={column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys},
        )
        return statement


def _connect_args(url: str) -> dict[str, Any]:
    return {"timeout": 30, "check_same_thread": False} if url.startswith("sqlite") else {}


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # the DB-API connection has no type here
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
