"""How far transfers are: bytes done and wanted, by attempt or snapshot, while the platform runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

IN, OUT = "in", "out"


class TransferProgress(NamedTuple):
    """One transfer.

    Parameters
    ----------
    way : "in" (inputs are fetched) or "out" (results are uploaded)
    done_bytes, total_bytes : of the latest try; 0 ≤ done ≤ total
    """

    way: str
    done_bytes: int
    total_bytes: int

    @property
    def share(self) -> float:
        """Share that is done, 0 to 1; a transfer of nothing is done."""
        return self.done_bytes / self.total_bytes if self.total_bytes else 1.0


@dataclass(slots=True)
class _Row:
    done_bytes: int = 0
    total_bytes: int = 0
    begun_s: float = 0.0
    ended_s: float | None = None


class ProgressBook:
    """Counts bytes of transfers by a key (an attempt's or a snapshot's id); every method is thread-safe and quick.

    Parameters
    ----------
    now_s : a clock for durations, wall [s]
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._rows: dict[tuple[str, str], _Row] = {}
        self._latest: dict[str, str] = {}

    def begin(self, key: str, way: str) -> None:
        """A transfer begins, or begins anew."""
        with self._lock:
            self._rows[way, key] = _Row(begun_s=self._now_s())
            self._latest[key] = way

    def expect(self, key: str, way: str, size_bytes: int) -> None:
        """So many bytes more are to be transferred."""
        with self._lock:
            row = self._rows.get((way, key))
            if row is not None:
                row.total_bytes += size_bytes

    def add(self, key: str, way: str, size_bytes: int) -> None:
        """So many bytes more are done; fewer than 0 where a part is sent again."""
        with self._lock:
            row = self._rows.get((way, key))
            if row is not None:
                row.done_bytes += size_bytes

    def end(self, key: str, way: str) -> None:
        """The transfer is whole."""
        with self._lock:
            row = self._rows.get((way, key))
            if row is not None:
                self._rows[way, key] = replace(row, done_bytes=row.total_bytes, ended_s=self._now_s())

    def of(self, key: str, way: str | None = None) -> TransferProgress | None:
        """Progress of the latest transfer (of one way); None where none began in this life of the platform."""
        with self._lock:
            way = way or self._latest.get(key, "")
            row = self._rows.get((way, key))
            if row is None:
                return None
            return TransferProgress(way, min(max(row.done_bytes, 0), row.total_bytes), row.total_bytes)

    def duration_s(self, key: str, way: str) -> float | None:
        """Wall seconds that the latest try took, or takes so far; None as above [s]."""
        with self._lock:
            row = self._rows.get((way, key))
            return None if row is None else (row.ended_s or self._now_s()) - row.begun_s

    def forget(self, key: str) -> None:
        """Nobody will ask for it any more."""
        with self._lock:
            self._latest.pop(key, None)
            for way in (IN, OUT):
                self._rows.pop((way, key), None)
