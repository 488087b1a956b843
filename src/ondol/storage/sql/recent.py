"""Rows that every request asks for, remembered for a moment: a few hundred requests a second read them once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")
FRESH_S = 0.2  # how long another process's change (`ondol user …`) may go unseen [s, wall]
_MOST = 4096


class Recent(Generic[Value]):
    """What was read lately, by key. What this process changes is forgotten at once; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], tuple[float, Value]] = {}
        self._changes = 0

    def get(self, key: tuple[str, ...], read: Callable[[], Value]) -> Value:
        """Give what was read within `FRESH_S`, else read it."""
        now_s = time.monotonic()
        known = self._known.get(key)
        if known is not None and now_s - known[0] < FRESH_S:
            return known[1]
        changes = self._changes
        value = read()
        with self._lock:
            if changes == self._changes:  # else what was read may be from before the change
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[key] = (now_s, value)
        return value

    def forget(self) -> None:
        """Something was changed, and is committed."""
        with self._lock:
            self._changes += 1
            self._known.clear()
