"""Processes that a test session started and did not stop.

Every process inherits a mark in its environment, so that those are found too whose parent is gone. Where a sandbox
clears the environment, the process tree still shows the ones below the session.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

import psutil

MARK = "ONDOL_TEST_SESSION"
# Names the file that `tools/run_tests.py` looks for: what a session left is no matter of the test that ran last.
TOLD = "ONDOL_TESTS_LEFT"
# Python's own, ends with the interpreter: https://docs.python.org/3/library/multiprocessing.html
OWN = "multiprocessing.resource_tracker"


def set_mark() -> str:
    """Mark this process and all that it will start; gives the mark."""
    mark = f"{MARK}={secrets.token_hex(8)}"
    os.environ[MARK] = mark.partition("=")[2]
    return mark


def _carries(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or it is another user's
        return False


def _alive(process: psutil.Process) -> str:
    """Give its command line; empty where it has ended."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return " ".join(process.cmdline()) or process.name()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def left_over(mark: str) -> dict[psutil.Process, str]:
    """Give the processes of this session that still live, with their command lines."""
    me = psutil.Process()
    found = {child.pid: child for child in me.children(recursive=True)}
    for pid in psutil.pids():
        if pid != me.pid and pid not in found and _carries(pid, mark.encode()):
            try:
                found[pid] = psutil.Process(pid)
            except psutil.NoSuchProcess:
                continue
    told = {process: _alive(process) for process in found.values()}
    return {process: line for process, line in told.items() if line and OWN not in line}


def wait_for_end(mark: str, timeout_s: float) -> dict[psutil.Process, str]:
    """Wait until none is left, or `timeout_s` is over; gives what is left."""
    end = time.monotonic() + timeout_s
    while (left := left_over(mark)) and time.monotonic() < end:
        psutil.wait_procs(list(left), timeout=0.1)
    return left


def tell() -> None:
    """Say that something was left, to whom it may concern."""
    if TOLD in os.environ:
        Path(os.environ[TOLD]).touch()


def kill(processes: dict[psutil.Process, str]) -> None:
    """End them, so that one bad test does not spoil the machine for the next session."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(list(processes), timeout=5.0)
