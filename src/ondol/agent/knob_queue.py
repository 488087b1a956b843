"""Work that must not hold up the 1 s loop: per node only the last order counts, one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

_log = logging.getLogger(__name__)

_CLOSE_WAIT_S = 5.0


class LastWins:
    """Runs orders by key in worker threads; an order that waits is replaced by the next one for the same key.

    Parameters
    ----------
    run : carries out the last order for a key; what it raises is logged
    workers : orders for different keys at once, so that a device that does not answer delays no other
    lane_of : lane of a key, e.g. its connection; every key has its own where left out
    lane_workers : orders of one lane at once
    """

    def __init__(
        self,
        run: Callable[[str, float], None],
        *,
        workers: int,
        lane_of: Callable[[str], str] = lambda key: key,
        lane_workers: int = 1,
    ) -> None:
        self._run = run
        self._workers = max(workers, 1)
        self._lane_of, self._lane_workers = lane_of, max(lane_workers, 1)
        self._waiting: dict[str, float] = {}
        self._busy: set[str] = set()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def put(self, key: str, value: float) -> None:
        """Order a value; returns at once. After `close` nothing happens."""
        with self._changed:
            if self._ended:
                return
            self._waiting[key] = value
            if len(self._threads) < min(self._workers, len(self._waiting) + len(self._busy)):
                thread = threading.Thread(target=self._work, name=f"knobs {len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()  # one alone might be somebody who waits for the end

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing waits or runs; False where that took too long."""
        until_s = time.monotonic() + timeout_s
        with self._changed:
            while self._waiting or self._busy:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(left_s)
            return True

    def close(self) -> None:
        """End; what waits is forgotten, what runs may end within seconds."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()
        until_s = time.monotonic() + _CLOSE_WAIT_S  # for all together: nobody watches the heat meanwhile
        for thread in self._threads:
            thread.join(max(until_s - time.monotonic(), 0.0))

    def _work(self) -> None:
        while True:
            with self._changed:
                key = self._next()
                while key is None:
                    if self._ended:
                        return
                    self._changed.wait()
                    key = self._next()
                value = self._waiting.pop(key)
                self._busy.add(key)
            try:
                self._run(key, value)
            except Exception as error:  # noqa: BLE001 - what a device makes us do wrong must not stop the other nodes
                _log.exception("limiting %s failed in a way that nobody foresaw: %s", key, error)
            with self._changed:
                self._busy.discard(key)
                self._changed.notify_all()

    def _next(self) -> str | None:
        if self._ended:
            return None
        lanes = Counter(self._lane_of(key) for key in self._busy)
        free = (key for key in self._waiting if key not in self._busy)
        return next((key for key in free if lanes[self._lane_of(key)] < self._lane_workers), None)
