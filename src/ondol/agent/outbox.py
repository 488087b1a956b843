"""What a site keeps until its server has it, and what must outlive the agent: one SQLite file.

Every commit is on the disk before it counts (WAL, `synchronous=FULL`). With NORMAL a power cut could take back the last
commits, and their numbers would be given again to other items, which the server would take for those that it has: they
would be lost. What is told is gathered for some seconds first, so that it costs one write every ten.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ondol.agent.wire import Item, pack, read_item
from ondol.model.errors import UnavailableError

_log = logging.getLogger(__name__)
MOST_DAYS = 30.0
"""Readings older than this are dropped if nobody came for them [days, platform]."""
MOST_BYTES = 256 << 20
"""From this size on the oldest readings are thinned out: every other one goes [bytes]."""
_BATCH_BYTES = 1 << 20
_LOOK_EVERY = 200  # commits between two looks at the size
_READINGS, _EVENT = 0, 1
_TABLES = (
    "CREATE TABLE IF NOT EXISTS item (number INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, "
    "at_s REAL NOT NULL, body BLOB NOT NULL)"
)
# Every other one of the older readings; counted among readings, so that no pattern of numbers decides what stays.
_THIN = (
    "DELETE FROM item WHERE number IN (SELECT number FROM (SELECT number, row_number() OVER (ORDER BY number) AS place "
    "FROM item WHERE kind = 0 AND number < ?) WHERE place % 2 = 0)"
)


class Outbox:
    """Items in order, each with a number that is never used twice, and documents beside them; thread-safe.

    Parameters
    ----------
    path : the file; made where there is none
    most_bytes, most_days : bounds of what waits; only readings are ever thinned, never alarms, hygiene or wishes

    Raises
    ------
    UnavailableError : the file cannot be used
    """

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, most_days: float = MOST_DAYS) -> None:
        self._lock = threading.RLock()
        self._most_bytes, self._most_days = most_bytes, most_days
        self._commits = 0
        try:
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10.0)
            for line in (
                "PRAGMA journal_mode=WAL",
                "PRAGMA synchronous=FULL",
                _TABLES,
                "CREATE TABLE IF NOT EXISTS document (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
            ):
                self._file.execute(line)
            path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise UnavailableError(f"The agent's store {path} cannot be used: {error}") from error
        known = self.document("outbox")
        self.id = secrets.token_hex(8) if known is None else known.decode()
        if known is None:
            self.commit((), {"outbox": self.id.encode()})

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._file.close()

    def commit(
        self, items: Sequence[Item], documents: Mapping[str, bytes] | None = None, *, now: dt.datetime | None = None
    ) -> None:
        """Add items and replace documents, all or none; durable when it returns.

        Parameters
        ----------
        items : their numbers are given here, whatever they say
        now : platform time, by which the age of readings is told

        Raises
        ------
        UnavailableError : the disk does not take it; nothing was changed
        """
        at_s = 0.0 if now is None else now.timestamp()
        rows = [(_READINGS if item.readings else _EVENT, at_s, pack(item)) for item in items]
        with self._lock:
            self._write(
                [
                    ("INSERT INTO item (kind, at_s, body) VALUES (?, ?, ?)", rows),
                    ("INSERT OR REPLACE INTO document VALUES (?, ?)", list((documents or {}).items())),
                ]
            )
            if now is not None and rows:
                if self._commits % _LOOK_EVERY == 0:
                    self.thin(now)
                self._commits += 1

    def batch(self, most_bytes: int = _BATCH_BYTES) -> tuple[Item, ...]:
        """Give the oldest items that wait, in order, up to a size; at least one where any waits.

        One that cannot be read, e.g. of another release, is given without content: it must not hold up all others.
        """
        found: list[Item] = []
        size = 0
        with self._lock:
            for number, body in self._read("SELECT number, body FROM item ORDER BY number LIMIT 500"):
                size += len(body)
                if found and size > most_bytes:
                    break
                try:
                    item = read_item(body)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    _log.error("item %d cannot be read and is lost: %s", number, error)
                    item = Item(number=number)
                found.append(msgspec.structs.replace(item, number=number))
        return tuple(found)

    def acknowledge(self, number: int) -> None:
        """Drop what the server has. Where it has more than was ever here, numbers go on from there.

        That is so after the file was put back from a backup: numbers must not be given twice.
        """
        with self._lock:
            last = next(iter(self._read("SELECT seq FROM sqlite_sequence WHERE name = 'item'")), (0,))[0]
            work: list[tuple[str, list[tuple[object, ...]]]] = [("DELETE FROM item WHERE number <= ?", [(number,)])]
            if number > last:
                work += [
                    ("DELETE FROM sqlite_sequence WHERE name = 'item'", [()]),
                    ("INSERT INTO sqlite_sequence (name, seq) VALUES ('item', ?)", [(number,)]),
                ]
            elif not next(iter(self._read("SELECT 1 FROM item WHERE number <= ? LIMIT 1", number)), None):
                return
            self._write(work)

    def waiting(self) -> int:
        """How many items wait."""
        return int(next(iter(self._read("SELECT count(*) FROM item")))[0])

    def document(self, key: str) -> bytes | None:
        """Give a document, None where there is none."""
        found = next(iter(self._read("SELECT body FROM document WHERE key = ?", key)), None)
        return None if found is None else bytes(found[0])

    def thin(self, now: dt.datetime) -> int:
        """Bring readings back within the bounds; gives how many items went."""
        with self._lock:
            before = self.waiting()
            oldest_s = now.timestamp() - 86_400.0 * self._most_days
            self._write([("DELETE FROM item WHERE kind = ? AND at_s < ?", [(_READINGS, oldest_s)])])
            size = next(iter(self._read("SELECT coalesce(sum(length(body)), 0) FROM item")))[0]
            if size > self._most_bytes:
                readings = self._read("SELECT count(*) FROM item WHERE kind = 0")[0][0]
                found = self._read(
                    "SELECT number FROM item WHERE kind = 0 ORDER BY number LIMIT 1 OFFSET ?", readings // 2
                )
                self._write([(_THIN, [(found[0][0] if found else 1 << 62,)])])
            gone = before - self.waiting()
            if gone:
                _log.warning("%d items of readings were thinned out: the link has been down for too long", gone)
            return gone

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._file.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise UnavailableError(f"The agent's store cannot be read: {error}") from error

    def _write(self, work: Sequence[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        try:
            self._file.execute("BEGIN IMMEDIATE")
            for statement, rows in work:
                self._file.executemany(statement, rows)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise UnavailableError(f"The agent's store cannot be written: {error}") from error
