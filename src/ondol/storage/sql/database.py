"""One database: its connections, its one writer at a time, and what differs between SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ondol.storage.rows import decode
from ondol.storage.sql.dialects import connect, is_sqlite, longer
from ondol.storage.sql.faults import translated
from ondol.storage.sql.migrate import upgrade
from ondol.storage.sql.statements import Statements
from ondol.storage.sql.tenure import Tenure

Noun = TypeVar("Noun")
_BATCH = 1000  # rows fetched at once where very many are read
_STREAM_S = 60.0  # they may have to be sorted first
_MARKS = 1000  # commits that can be told from new ones; only the last ones can be in doubt


class Database:
    """Connections to one SQL database, brought to this version's schema.

    Parameters
    ----------
    url : SQLAlchemy URL, e.g. ``sqlite:///var/ondol.db`` or ``postgresql+psycopg://…``
    alone : no other platform may use it as long as this one does (PostgreSQL; a SQLite file's folder is locked already)

    Raises ConflictError where another platform uses it, UnavailableError where it cannot be reached.
    """

    def __init__(self, url: str, *, alone: bool = False) -> None:
        self._engine = connect(url)
        self._sqlite = is_sqlite(self._engine)
        # Every read is one statement or bears that others come between: no transaction to begin and end around it.
        self._reader = self._engine if self._sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._write = threading.RLock()
        self._statements = Statements(self._engine.dialect)
        self._tenure = Tenure(self._engine) if alone and not self._sqlite else None
        where = self._engine.url.render_as_string(hide_password=True)
        try:
            with translated(f"opened or brought to this version's schema ({where})"):
                if self._tenure is not None:
                    self._tenure.begin()
                upgrade(self._engine)
                if self._tenure is not None:
                    self._tenure.raise_generation()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read from."""
        with translated("read"), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def streaming(self) -> Iterator[sa.Connection]:
        """A connection to read very many rows from, some at a time; PostgreSQL does that in a transaction only."""
        with translated("read"), self._engine.connect() as connection, longer(connection, _STREAM_S):
            yield connection.execution_options(yield_per=_BATCH)

    @contextmanager
    def writing(self, taken: str = "") -> Iterator[sa.Connection]:
        """One transaction at a time; `taken` is said where something is to be there only once."""
        with translated("written", taken), self._write:
            if self._tenure is not None:
                with self._tenure.transaction() as connection:
                    yield connection
                return
            with self._engine.connect().execution_options(ondol_writes=True) as connection, connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes meanwhile; `writing` may be used inside."""
        with self._write:
            yield

    def upsert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows, or put them in the place of those with the same key; values in the order of the table's columns."""
        self._statements.run(connection, self._statements.upsert(table), rows)

    def insert(self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows that are new; values in the order of the table's columns."""
        self._statements.run(connection, self._statements.insert(table), rows)

    def insert_new(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]], names: tuple[str, ...] = ()
    ) -> int:
        """Add rows whose key is not there yet, pass over the others; gives how many were added.

        Parameters
        ----------
        names : of the columns that the values are for; all where left out
        """
        return self._statements.run(connection, self._statements.insert_new(table, names), rows)

    def add(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]], sums: tuple[str, ...]
    ) -> None:
        """Add rows; where a key is there already, its columns `sums` grow by what the row says."""
        self._statements.run(connection, self._statements.add(table, sums), rows)

    def delete(self, connection: sa.Connection, table: sa.Table, keys: Sequence[tuple[Any, ...]]) -> None:
        """Remove rows by their primary keys."""
        self._statements.run(connection, self._statements.delete(table), keys)

    def among(self, column: sa.ColumnElement[str], keys: Sequence[str]) -> sa.ColumnElement[bool]:
        """Whether a column holds one of any number of keys, given as one parameter."""
        if self._sqlite:
            listed = sa.func.json_each(msgspec.json.encode(keys).decode()).table_valued("value")
            return column.in_(sa.select(listed.c.value))
        return column == sa.any_(sa.literal(list(keys), postgresql.ARRAY(sa.Text(collation="C"))))

    def mark(self, connection: sa.Connection, batch: str) -> bool:
        """Note a commit in its own transaction; whether it is new: False where it took place before."""
        if self._sqlite:  # a commit there has an outcome
            return True
        new = connection.exec_driver_sql(
            "INSERT INTO commit_mark (batch) VALUES (%s) ON CONFLICT (batch) DO NOTHING RETURNING number", (batch,)
        ).scalar()
        if new is not None and new % _MARKS == 0:
            connection.exec_driver_sql("DELETE FROM commit_mark WHERE number <= %s", (new - _MARKS,))
        return new is not None

    def marked(self, batch: str) -> bool:
        """Whether a commit took place; asked under the lock, so that none is still under way."""
        if self._sqlite:
            return False
        with self.writing() as connection:
            found = connection.exec_driver_sql("SELECT 1 FROM commit_mark WHERE batch = %s", (batch,)).scalar()
        return found is not None

    def row(self, table: sa.Table, **key: str) -> dict[str, Any] | None:
        """Columns of the first row in which some of them have these values, None where there is none."""
        names = tuple(column.name for column in table.columns)
        values = self._first(table, names, key)
        return None if values is None else dict(zip(names, values, strict=True))

    def noun(self, table: sa.Table, kind: type[Noun], **key: str) -> Noun | None:
        """Noun of the body of such a row."""
        found = self._first(table, ("body",), key)
        return None if found is None else decode(bytes(found[0]), kind)

    def _first(self, table: sa.Table, columns: tuple[str, ...], key: dict[str, str]) -> Any:
        statement = self._statements.select(table, columns, tuple(key))
        with self.reading() as connection:
            return self._statements.first(connection, statement, tuple(key.values()))

    def decoded(self, query: sa.Select[Any], kind: type[Noun]) -> tuple[Noun, ...]:
        """Nouns of the bodies that a query gives."""
        with self.reading() as connection:
            bodies = connection.execute(query).scalars().all()
        return tuple(decode(bytes(body), kind) for body in bodies)

    def close(self) -> None:
        """Close every connection."""
        if self._tenure is not None:
            self._tenure.end()
        self._engine.dispose()
