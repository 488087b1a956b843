"""A PostgreSQL connection that gives a silent server up: one that is stopped keeps its sockets open and says nothing.

The limits that the server itself keeps do not help then, and its kernel acknowledges what is sent, so that TCP's do not
either. Imported only where PostgreSQL is used: the driver is optional.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa

T = TypeVar("T")
SILENCE_S = 6.0  # not a limit of a statement: every byte that comes begins it anew
CONNECT_S = 3
_STATEMENT_MS = 60_000
_LOCK_MS = 5_000  # below the silence, so that the server can say what it waited for
# Pages come straight from an index in its order. Before a new table was analysed, PostgreSQL would rather collect all
# rows by a bitmap and sort them (seen with 15.15 and 10,000 tasks).
_OPTIONS = f"-c enable_bitmapscan=off -c statement_timeout={_STATEMENT_MS} -c lock_timeout={_LOCK_MS}"
CONNECT_ARGS: dict[str, Any] = {
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": int(SILENCE_S * 1000),
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "ondol",
    "options": _OPTIONS,
}


class AnsweringConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, where the server says nothing for `silence_s` seconds."""

    silence_s: float = SILENCE_S

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **more: Any) -> T:
        """Wait as the driver does, no longer than the server may be silent."""
        return super().wait(self._heard(gen), *arguments, **more)

    def _heard(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        heard_s = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now_s = time.monotonic()
                if ready:
                    heard_s = now_s
                elif now_s - heard_s > self.silence_s:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server was silent for {self.silence_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            value: T = end.value
            return value


def open_connection(*arguments: Any, **more: Any) -> AnsweringConnection:
    """Connect as `psycopg.connect` does."""
    return AnsweringConnection.connect(*arguments, **more)


@contextmanager
def patient(connection: sa.Connection, silence_s: float) -> Iterator[None]:
    """Let a PostgreSQL server take longer on this connection, in the transaction that has begun [s]."""
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(silence_s * 1000)}")
    raw = connection.connection.driver_connection
    if not isinstance(raw, AnsweringConnection):  # an engine that was not made by `dialects.connect` has no limits
        yield
        return
    raw.silence_s = silence_s
    try:
        yield
    finally:
        raw.silence_s = SILENCE_S
