"""Where long computations are done that the loop must not wait for: at once on a leaping clock, else in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

_log = logging.getLogger(__name__)


class Study(Protocol):
    """Does long computations, one at a time."""

    @property
    def free(self) -> bool:
        """Whether it would take a job now."""

    @property
    def closing(self) -> bool:
        """Whether a job that is under way shall end soon: nobody waits for it any more."""

    def __call__(self, job: Callable[[], None]) -> bool:
        """Do a job now or soon; False where it is not taken."""


class AtOnce:
    """Does a job before going on: where nobody waits, and everything must come out the same each time."""

    free, closing = True, False

    def __call__(self, job: Callable[[], None]) -> bool:
        """Do it."""
        job()
        return True


at_once = AtOnce()


class Aside:
    """A thread for one job at a time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    @property
    def free(self) -> bool:
        """Whether no job is under way, and it is not closed."""
        return not self.closing and (self._thread is None or not self._thread.is_alive())

    @property
    def closing(self) -> bool:
        """Whether it was closed."""
        return self._closing.is_set()

    def __call__(self, job: Callable[[], None]) -> bool:
        """Begin a job, unless one is under way."""
        if not self.free:
            return False
        self._thread = threading.Thread(target=_logged, args=(job,), name="study", daemon=True)
        self._thread.start()
        return True

    def close(self) -> None:
        """Take no job any more, and wait for what is under way; jobs look at `closing`, so it is seconds at most."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(30)


def _logged(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:  # noqa: BLE001  # nobody waits for it: the log is the only place that hears of it
        _log.exception("forecasts could not be drawn up; those of before stay for a day")
