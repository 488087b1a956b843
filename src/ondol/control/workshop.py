"""Makes large statements and sums in processes of their own, so that decisions do not wait for them.

A process for each, that reads the store by itself: it holds no lock of the platform, its memory is given back, and
ending it is all that it takes to give up. It is told what to make over its standard input, never by its arguments,
which everybody on the machine can see; it ends when that closes, so none outlives the platform.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from ondol.control.carbon_ground import CarbonGround
from ondol.control.workbench import Order
from ondol.model.errors import BusyError, OndolError, TooManyRowsError, UnavailableError
from ondol.model.fleet import Fleet

_log = logging.getLogger(__name__)
AT_ONCE = 2  # statements under way; each holds up to 2 GB, and there are two cores in a small machine
_LOOK_S = 0.2  # how often it is looked whether anybody waits still [s, wall]
_AGAIN_S = 10.0  # when it is worth trying again where all are busy [s]


class Gone(Protocol):
    """Tells whether nobody waits for the answer any more."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a process is told.

    Parameters
    ----------
    url : of the database; may hold a password
    """

    url: str
    fleet: Fleet
    ground: CarbonGround
    clock_rate: float
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a process answers: what was made, or the error."""

    made: object = None
    error: OndolError | None = None


class Workshop:
    """Starts the processes, as many at once as there may be.

    Parameters
    ----------
    at_once : most processes
    limit_s : after so long a process is ended, as each order says where left out [s, wall]
    """

    def __init__(
        self,
        url: str,
        fleet: Fleet,
        ground: CarbonGround,
        *,
        clock_rate: float = 1.0,
        at_once: int = AT_ONCE,
        limit_s: float | None = None,
    ) -> None:
        self._url, self._fleet, self._ground, self._rate = url, fleet, ground, clock_rate
        self._at_once, self._limit_s = at_once, limit_s
        self._places = threading.BoundedSemaphore(at_once)

    def make(self, order: Order, gone: Gone) -> object:
        """Have something made, and wait for it.

        Raises
        ------
        BusyError : as many as may be are under way
        TooManyRowsError : it took too long, or the process ended on its own: trying again would be no better
        UnavailableError : nobody waits for it any more
        OndolError : what the order raises
        """
        if not self._places.acquire(blocking=False):
            raise BusyError(
                f"{self._at_once} large statements or sums are being made: ask again in {_AGAIN_S:g} s",
                _AGAIN_S,
            )
        try:
            return self._made(order, gone)
        finally:
            self._places.release()

    def _made(self, order: Order, gone: Gone) -> object:
        job = Job(url=self._url, fleet=self._fleet, ground=self._ground, clock_rate=self._rate, order=order)
        told = pickle.dumps(job)
        command = [sys.executable, "-m", "ondol.control.workshop_process"]
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as process,
        ):
            talk = _Talk(process, told)
            try:
                self._wait(talk, order, gone)
            finally:
                process.kill()  # nothing where it has ended
                talk.join()
            if not talk.answer:
                said.seek(0)
                last = said.read().decode(errors="replace")[-2000:]
                _log.error("a process of a %s ended early: %s", order.what, last)
                raise TooManyRowsError(
                    f"The process of the {order.what} ended before it was made, perhaps for want of memory; the "
                    "platform's log says more: ask for a shorter window, or for one site at a time"
                )
        outcome: Outcome = pickle.loads(talk.answer)  # noqa: S301 - our own process, over its own pipe
        if outcome.error is not None:
            raise outcome.error
        return outcome.made

    def _wait(self, talk: _Talk, order: Order, gone: Gone) -> None:
        begun_s = time.monotonic()
        limit_s = order.limit_s if self._limit_s is None else self._limit_s
        while talk.is_alive():
            talk.join(_LOOK_S)
            if gone.is_set():
                raise UnavailableError(f"Nobody waits for this {order.what} any more")
            if time.monotonic() - begun_s > limit_s:
                raise TooManyRowsError(
                    f"The {order.what} was not made within {limit_s:g} s: ask for a shorter window, or for one site "
                    "at a time"
                )


class _Talk(threading.Thread):
    """Tells a process its job and hears its answer; "" where it ends without one."""

    def __init__(self, process: subprocess.Popen[bytes], told: bytes) -> None:
        super().__init__(name="statement", daemon=True)
        self._process, self._told, self.answer = process, told, b""
        self.start()

    def run(self) -> None:
        """Speak and listen; its input stays open as long as somebody waits."""
        to, back = self._process.stdin, self._process.stdout
        if to is None or back is None:  # both are pipes
            return
        with contextlib.suppress(OSError):  # it has ended: there is no answer
            to.write(len(self._told).to_bytes(8, "big") + self._told)
            to.flush()
            self.answer = back.read()
