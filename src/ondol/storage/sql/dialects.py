"""Engines of the two databases, each with what it needs to be durable and to come back after a fault."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ondol.model.errors import InvalidFieldError, UnavailableError

# The HTTP side answers with up to 40 threads (AnyIO's default), beside the loop and the S3 front.
_KEPT, _MORE = 8, 48
_BUSY_S = 30  # how long a writer waits for another process that writes
_CONNECT_S = 5
# Pages come straight from an index in its order. Before a new table was analysed, PostgreSQL would rather collect all
# rows by a bitmap and sort them (seen with 15.15 and 10,000 tasks).
_PLANNING = "-c enable_bitmapscan=off"
_FORMS = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


def is_sqlite(engine: sa.Engine) -> bool:
    """Whether this is SQLite; otherwise it is PostgreSQL."""
    return engine.dialect.name == "sqlite"


def connect(url: str) -> sa.Engine:
    """Make the engine of a URL; nothing is connected yet.

    Raises
    ------
    InvalidFieldError : no URL, or that of another kind of database
    UnavailableError : the driver is not installed
    """
    try:
        parsed = sa.make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise InvalidFieldError("database", "***", _FORMS) from error  # what stands there may be a password
    if kind == "sqlite":
        return _sqlite(parsed)
    if kind in ("postgresql", "postgres"):
        return _postgres(parsed.set(drivername="postgresql+psycopg"))
    raise InvalidFieldError("database", parsed.drivername, _FORMS)


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        with contextlib.suppress(OSError):  # said better where it is opened
            Path(url.database).touch(
                mode=0o600
            )  # its journals get the same mode; constants lie in it as they were given
    engine = sa.create_engine(
        url, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, pool_size=_KEPT, max_overflow=_MORE
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres(url: sa.URL) -> sa.Engine:
    try:
        # Asked whether it is alive before each use: a restart of the server then costs nobody an error.
        return sa.create_engine(
            url,
            connect_args={"connect_timeout": _CONNECT_S, "application_name": "ondol", "options": _PLANNING},
            pool_size=_KEPT,
            max_overflow=_MORE,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError as error:
        raise UnavailableError("The driver for PostgreSQL is not installed: pip install 'ondol[postgres]'") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:  # the DB-API connection has no type here
    connection.isolation_level = None  # transactions begin where we say so, tables that change are in them
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes the lock at once: one that reads first could find that another has written meanwhile."""
    if connection.get_execution_options().get("ondol_writes"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
