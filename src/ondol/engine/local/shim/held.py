"""Keeps an attempt whose program is over, without a process, until it is asked to end: so a slot is kept ready."""
# ruff: noqa: PTH116
# Pathlib would double the start-up time

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable

from ondol.engine.local.shim.lease import Lease
from ondol.engine.local.shim.order import Control, Order, read_control

_TICK_S = 0.2


def hold(order: Order, lease: Lease, wake_fd: int, tell: Callable[[str], None]) -> tuple[str, str]:
    """Wait for the end; gives its cause and a message for the user.

    Parameters
    ----------
    wake_fd : non-blocking end of the pipe that signals are written into
    tell : is given "running" or "paused" at the beginning and whenever that changes
    """
    state, seen = "", (0, 0)
    control: Control | None = None
    path = order.folder + "/control.json"
    while True:
        written = _written(path)
        if written != seen:
            seen, control = written, read_control(path)
        if control is not None and control.stop_grace_s is not None:
            return "stopped", ""
        wanted = "paused" if control is not None and control.paused else "running"
        if wanted != state:
            state = wanted
            tell(state)
        if lease.over(time.monotonic()):
            return "lost", f"The platform was gone for {order.lease_s:g} s"
        select.select([wake_fd], [], [], _TICK_S)
        if signal.SIGTERM in _drained(wake_fd):
            return "stopped", "Its supervising process was asked to end"


def _written(path: str) -> tuple[int, int]:
    """What tells one version of a file from the next."""
    try:
        stat = os.stat(path)
    except OSError:
        return 0, 0
    return stat.st_ino, stat.st_mtime_ns


def _drained(fd: int) -> bytes:
    signals = b""
    try:
        while data := os.read(fd, 512):
            signals += data
    except BlockingIOError:
        pass
    return signals
