"""A line with several devices on it: all connections that name it use one, and ask one after the other."""

from __future__ import annotations

import abc
import threading
from typing import ClassVar, Self

from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError

_CLOSE_WAIT_S = 1.0


class SharedLine(abc.ABC):
    """A serial line, or a TCP peer that passes requests on to one; made with `of`, given back with `release`.

    Two masters on one RS-485 or M-Bus line garble each other, and many gateways take one TCP connection only.

    Parameters
    ----------
    connection : the first that uses it
    """

    usual_port: ClassVar[int]
    _lines: ClassVar[dict[str, SharedLine]]
    _lines_lock: ClassVar[threading.Lock]

    def __init_subclass__(cls) -> None:
        cls._lines = {}
        cls._lines_lock = threading.Lock()

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._users = 0
        self.where = self._name(connection)
        self.lock = threading.RLock()
        """Held for one request and its answer, or for as many as must not be parted."""

    @classmethod
    def _name(cls, connection: Connection) -> str:
        return connection.serial or f"{connection.host}:{connection.port or cls.usual_port}"

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Give the line of a connection.

        Raises
        ------
        UnavailableError : another connection uses it with another speed or parity
        """
        name = cls._name(connection)
        with cls._lines_lock:
            line = cls._lines.get(name)
            if not isinstance(line, cls):
                line = cls(connection)
            first = line._connection
            if connection.serial and (first.baud, first.parity) != (connection.baud, connection.parity):
                raise UnavailableError(
                    f"{name} is used by {first.id} with {first.baud} baud, parity {first.parity}: all devices of a "
                    "line need the same"
                )
            line._users += 1
            cls._lines[name] = line
            return line

    def release(self) -> None:
        """End one use; the last one lets go of the line. Waits at most a second for a request under way."""
        with self._lines_lock:
            self._users -= 1
            if self._users > 0:
                return
            self._lines.pop(self.where, None)
        if self.lock.acquire(timeout=_CLOSE_WAIT_S):
            try:
                self.disconnect()
            finally:
                self.lock.release()

    @abc.abstractmethod
    def disconnect(self) -> None:
        """Let go of the line for now; the next request takes it again."""
