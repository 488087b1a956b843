"""Engines of the two databases, each with what it needs to be durable and to come back after a fault."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ondol.model.errors import InvalidFieldError, UnavailableError

# The HTTP side answers with up to 40 threads (AnyIO's default), beside the loop and the S3 front.
_KEPT, _MORE = 8, 48
_BUSY_S = 30  # how long a writer waits for another process that writes
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


@contextlib.contextmanager
def longer(connection: sa.Connection, silence_s: float) -> Iterator[None]:
    """Bear more silence of a server than usual, in a transaction of this connection [s]."""
    if connection.dialect.name == "sqlite":
        yield
        return
    from ondol.storage.sql.answering import patient  # the driver is optional

    with patient(connection, silence_s):
        yield


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
        from ondol.storage.sql.answering import CONNECT_ARGS, open_connection  # the driver is optional

        # Asked whether it is alive before each use: a restart of the server then costs nobody an error.
        engine = sa.create_engine(
            url,
            connect_args=CONNECT_ARGS,
            pool_size=_KEPT,
            max_overflow=_MORE,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError as error:
        raise UnavailableError("The driver for PostgreSQL is not installed: pip install 'ondol[postgres]'") from error
    sa.event.listen(engine, "do_connect", lambda _dialect, _record, args, more: open_connection(*args, **more))
    return engine


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
