"""The one platform that may use a PostgreSQL database: it holds an advisory lock on the connection that it writes with.

The lock ends with the connection. A platform that lost it (the server restarted) takes it again with its next write,
or, where another platform was there meanwhile, writes nothing any more: what it remembers is not what is stored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ondol.model.errors import ConflictError, OutcomeUnknownError, UnavailableError

_log = logging.getLogger(__name__)
_LOCK = 0x6F6E646F6C  # "ondol" in ASCII; advisory locks are of one database each
_START_S = 5.0  # how long a start waits for the end of a platform that was just killed
_UNSURE_S = 2.0  # how long a commit whose connection broke is asked after
_AGAIN_S = 0.1
_SLOW_S = 2.0  # a failure that took so long is not repeated at once: callers hold locks that others want
_REST_S = 3.0
_RAISE = (
    "INSERT INTO tenure (name, generation) VALUES ('platform', 1) "
    "ON CONFLICT (name) DO UPDATE SET generation = tenure.generation + 1 RETURNING generation"
)
_GENERATION = "SELECT generation FROM tenure WHERE name = 'platform'"
_NUMBER = "SELECT pg_current_xact_id()::text::bigint"
_TAKEN = "Another platform uses this database: end it first, or give each platform a database of its own"
_OUSTED = (
    "Another platform used this database meanwhile: what this one remembers is no longer what is stored, and it writes "
    "nothing any more. Restart it"
)
_REST = "The database did not answer a moment ago. Look whether its server runs; this is tried again by itself"
_DOUBT = "The connection to the database broke during a commit; whether that took place shows when it answers again"


class Tenure:
    """Holds the lock and the one connection for writing."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._generation: int | None = None
        self._ousted = False
        self._rest_until_s = 0.0

    def begin(self) -> None:
        """Take the lock; raises ConflictError where another platform has it."""
        end = time.monotonic() + _START_S
        while self._take() is None:
            if time.monotonic() > end:
                raise ConflictError(_TAKEN)
            time.sleep(_AGAIN_S)

    def raise_generation(self) -> None:
        """Say that a platform has begun; to be called under the lock, once the tables are there."""
        with self.transaction() as connection:
            self._generation = connection.exec_driver_sql(_RAISE).scalar_one()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction under the lock.

        Where the connection breaks in the very moment of the commit, the server is asked whether it took place: told
        otherwise, the caller would write it once more. Raises OutcomeUnknownError where it does not say.
        """
        connection, number = self._begun()
        committing = False
        try:
            yield connection
            committing = True
            connection.commit()
        except BaseException as error:
            if not connection.invalidated:
                with suppress(SQLAlchemyError):
                    connection.rollback()
                raise
            self.end()
            if not committing or not isinstance(error, DBAPIError):
                raise
            took_place = self._took_place(number)
            if took_place is None:
                raise OutcomeUnknownError(_DOUBT) from error
            if not took_place:
                raise

    def _begun(self) -> tuple[sa.Connection, int]:
        """A transaction with its number; asking for that shows a connection that the server has closed meanwhile."""
        begin_s = time.monotonic()
        if self._ousted:
            raise UnavailableError(_OUSTED)
        if begin_s < self._rest_until_s:
            raise UnavailableError(_REST)
        if self._connection is not None:
            try:
                return self._connection, self._connection.exec_driver_sql(_NUMBER).scalar_one()
            except DBAPIError:
                self.end()
        try:
            return self._again()
        except DBAPIError:
            self.end()
            if time.monotonic() - begin_s > _SLOW_S:
                self._rest_until_s = time.monotonic() + _REST_S
            raise

    def _again(self) -> tuple[sa.Connection, int]:
        connection = self._take()
        if connection is None:
            raise UnavailableError(_TAKEN)
        known = self._generation  # None while this platform begins
        if known is not None and connection.exec_driver_sql(_GENERATION).scalar() != known:
            self._ousted = True
            self.end()
            raise UnavailableError(_OUSTED)
        return connection, connection.exec_driver_sql(_NUMBER).scalar_one()

    def end(self) -> None:
        """Let go of the lock, with its connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.invalidate()  # the pool must not hand out a connection that holds the lock
                connection.close()

    def _take(self) -> sa.Connection | None:
        connection = self._engine.connect()
        try:
            taken = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).scalar()
            connection.commit()
        except BaseException:
            connection.close()
            raise
        if not taken:
            connection.close()
            return None
        self._connection = connection
        return connection

    def _took_place(self, number: int) -> bool | None:
        """Whether a transaction was committed, None where the server does not say."""
        end = time.monotonic() + _UNSURE_S
        while time.monotonic() < end:
            try:
                with self._engine.connect() as connection:
                    status = connection.exec_driver_sql("SELECT pg_xact_status(%s::text::xid8)", (number,)).scalar()
            except DBAPIError:
                time.sleep(_AGAIN_S)
                continue
            if status != "in progress":
                _log.warning("the connection to the database broke during a commit, which was %s", status)
                return None if status is None else bool(status == "committed")
            time.sleep(_AGAIN_S)
        _log.error("the connection to the database broke during a commit; whether it took place is not known")
        return None
