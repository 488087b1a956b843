"""The thread that asks a device again and again, and waits longer where nobody answers."""

from __future__ import annotations

import datetime as dt
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from ondol.drivers.ports import LinkStatus
from ondol.model.checks import check_range
from ondol.model.errors import UnavailableError

_log = logging.getLogger(__name__)

LONGEST_WAIT_S = 60.0
"""Longest wait between two tries at a peer that does not answer, or the interval where that is longer [s]."""

_FIRST_WAIT_S = 2.0
_CLOSE_WAIT_S = 5.0


class Poller:
    """Calls `poll` every interval in a thread of its own, and keeps the status of the link.

    Where `poll` raises UnavailableError or OSError the peer counts as gone: it is tried again soon, for one lost frame
    is no outage, and then after waits that double up to `LONGEST_WAIT_S`, ± 20 % by chance so that many agents do not
    come back in step. Anything else that it raises is a fault of ours: it is logged and counted, and the thread goes
    on. Each change of state is logged once.

    Parameters
    ----------
    name : of the connection, for logs and the thread
    interval_s : wall time between the beginnings of two polls [s]; a poll that takes longer is followed at once by one,
        not by all that were missed
    poll : asks the device; may return a text for `status.detail`, e.g. who answered or what is partly wrong
    now : platform time, for `status.since`
    first_wait_s : wait after the first failure [s]; 2 s, or the interval if that is shorter, where it is left out
    chance : for the spread of waits; tests give one with a seed

    Raises
    ------
    InvalidFieldError : an interval outside 0.01 to 86,400 s
    """

    def __init__(
        self,
        name: str,
        interval_s: float,
        poll: Callable[[], str | None],
        *,
        now: Callable[[], dt.datetime],
        first_wait_s: float | None = None,
        chance: random.Random | None = None,
    ) -> None:
        check_range(f"connection[{name}].interval_s", interval_s, 0.01, 86_400.0, "s")
        self._name = name
        self._interval_s = interval_s
        self._first_wait_s = min(interval_s, _FIRST_WAIT_S) if first_wait_s is None else first_wait_s
        self._poll = poll
        self._now = now
        self._chance = random.Random() if chance is None else chance
        self._lock = threading.Lock()
        self._status = LinkStatus(connected=False, since=now(), detail="not asked yet")
        self._failures = 0
        self._told: str | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._woken = threading.Event()

    @property
    def status(self) -> LinkStatus:
        """How the link stands."""
        with self._lock:
            return self._status

    def open(self) -> None:
        """Begin to poll; returns at once. A second call while it runs does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            self._ended = threading.Event()
            self._woken = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._ended, self._woken), name=f"poll {self._name}", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """End; waits a few seconds for a poll under way. May be called twice, and from `poll` itself."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._ended.set()
            self._woken.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_WAIT_S)
            if thread.is_alive():
                _log.warning("%s: a poll still runs %g s after closing; it is left to end", self._name, _CLOSE_WAIT_S)

    def wake(self) -> None:
        """Poll now rather than at the end of the wait, e.g. after a write."""
        self._woken.set()

    def _run(self, ended: threading.Event, woken: threading.Event) -> None:
        due_s = time.monotonic()
        while not ended.is_set():
            woken.clear()
            self.poll_once()
            at_s = time.monotonic()
            due_s = max(due_s + self._interval_s, at_s)
            wait_s = due_s - at_s if self._failures == 0 else self._backoff_s()
            if ended.is_set():  # set between clear() above and here, so that woken may have lost it
                return
            if woken.wait(wait_s):
                due_s = time.monotonic()

    def poll_once(self) -> LinkStatus:
        """Poll in the calling thread, count it and give the status after it; for one-off checks and for tests."""
        try:
            detail = self._poll() or ""
        except (UnavailableError, OSError) as error:
            self._note_failure(str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - logged with its trace and counted; see below
            # A device can send what nobody foresaw. The site's other instruments must not go blind over it.
            _log.exception("%s: polling failed in a way that the driver does not foresee", self._name)
            self._note_failure(f"fault in the driver, see the log: {type(error).__name__}: {error}", quiet=True)
        else:
            self._note_success(detail)
        return self.status

    def _backoff_s(self) -> float:
        longest_s = max(LONGEST_WAIT_S, self._interval_s)
        doubled_s = self._first_wait_s * 2.0 ** min(self._failures - 1, 32)
        return min(doubled_s, longest_s) * self._chance.uniform(0.8, 1.2)

    def _note_success(self, detail: str) -> None:
        with self._lock:
            changed = not self._status.connected
            self._failures = 0
            self._status = replace(
                self._status,
                connected=True,
                since=self._now() if changed else self._status.since,
                detail=detail,
                polls=self._status.polls + 1,
            )
        if changed or (detail and detail != self._told):
            _log.info("%s: answers%s", self._name, f"; {detail}" if detail else "")
        self._told = detail

    def _note_failure(self, detail: str, *, quiet: bool = False) -> None:
        with self._lock:
            changed = self._status.connected or self._failures == 0
            self._failures += 1
            self._status = replace(
                self._status,
                connected=False,
                since=self._now() if self._status.connected else self._status.since,
                detail=detail,
                polls=self._status.polls + 1,
                errors=self._status.errors + 1,
            )
        if changed and not quiet:
            _log.warning("%s: no answer: %s", self._name, detail)
