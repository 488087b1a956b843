"""Statements that change many rows at once, made once for each table and run with plain tuples.

SQLAlchemy's own inserts cost more time in Python than the database needs for the rows; for what is written at every
change, these are used in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError


class Statements:
    """Texts of statements for one dialect."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._quote = dialect.identifier_preparer.quote
        self._sqlite = dialect.name == "sqlite"
        self._error: type[Exception] = dialect.loaded_dbapi.Error
        self._mark = "?" if self._sqlite else "%s"
        self._made: dict[tuple[str, str], str] = {}

    def run(self, connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Run a statement once for each row, nothing where there is none; gives how many rows changed."""
        if not rows:
            return 0
        given = list(rows) if self._sqlite else [_without_nul(row) for row in rows]
        return connection.exec_driver_sql(statement, given).rowcount

    def select(self, table: sa.Table, columns: tuple[str, ...], by: tuple[str, ...]) -> str:
        """Give some columns of the rows of which some columns have given values."""

        def make() -> str:
            given = ", ".join(self._quote(name) for name in columns)
            condition = " AND ".join(f"{self._quote(name)} = {self._mark}" for name in by)
            return f"SELECT {given} FROM {self._quote(table.name)} WHERE {condition}"  # noqa: S608  # our own names

        return self._once(" ".join(("select", *columns, "by", *by)), table, make)

    def first(self, connection: sa.Connection, statement: str, values: tuple[Any, ...]) -> Any:
        """First row that a statement gives, None where there is none.

        Asked of the driver itself: what SQLAlchemy makes of each result costs more than looking the row up.
        """
        cursor = connection.connection.cursor()
        try:
            cursor.execute(statement, values if self._sqlite else _without_nul(values))
            return cursor.fetchone()
        except self._error as error:
            raise DBAPIError.instance(statement, values, error, self._error) from error
        finally:
            cursor.close()

    def insert(self, table: sa.Table) -> str:
        """Add a row."""
        return self._once("insert", table, lambda: self._insert(table, table.columns.keys()))

    def insert_new(self, table: sa.Table, names: tuple[str, ...] = ()) -> str:
        """Add a row, or nothing where its key is there; of all columns, or of some."""
        columns = names or tuple(table.columns.keys())
        return self._once("insert new", table, lambda: f"{self._insert(table, columns)} ON CONFLICT DO NOTHING")

    def upsert(self, table: sa.Table) -> str:
        """Add a row or replace the one with its key."""

        def make() -> str:
            keys = {column.name for column in table.primary_key}
            names = [name for name in table.columns.keys() if name not in keys]  # noqa: SIM118
            changes = ", ".join(f"{self._quote(name)} = excluded.{self._quote(name)}" for name in names)
            return self._conflicting(table, changes)

        return self._once("upsert", table, make)

    def add(self, table: sa.Table, sums: tuple[str, ...]) -> str:
        """Add a row, or add its columns `sums` to those of the one with its key."""

        def make() -> str:
            own = self._quote(table.name)
            return self._conflicting(
                table,
                ", ".join(f"{self._quote(s)} = {own}.{self._quote(s)} + excluded.{self._quote(s)}" for s in sums),
            )

        return self._once("add", table, make)

    def delete(self, table: sa.Table) -> str:
        """Remove the row with a key."""

        def make() -> str:
            condition = " AND ".join(f"{self._quote(column.name)} = {self._mark}" for column in table.primary_key)
            return f"DELETE FROM {self._quote(table.name)} WHERE {condition}"  # noqa: S608  # names of our own tables

        return self._once("delete", table, make)

    def _once(self, kind: str, table: sa.Table, make: Callable[[], str]) -> str:
        made = self._made.get((kind, table.name))
        if made is None:
            made = self._made[kind, table.name] = make()
        return made

    def _conflicting(self, table: sa.Table, changes: str) -> str:
        keys = ", ".join(self._quote(column.name) for column in table.primary_key)
        return f"{self._insert(table, table.columns.keys())} ON CONFLICT ({keys}) DO UPDATE SET {changes}"

    def _insert(self, table: sa.Table, names: Sequence[str]) -> str:
        columns = ", ".join(self._quote(name) for name in names)
        marks = ", ".join(self._mark for _ in names)
        return f"INSERT INTO {self._quote(table.name)} ({columns}) VALUES ({marks})"  # noqa: S608  # as above


def _without_nul(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """As `columns.PostgresText` does it."""
    return tuple(value.replace("\x00", "\ufffd") if isinstance(value, str) else value for value in row)
