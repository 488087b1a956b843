"""Waits for a task, with a progress bar where somebody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from ondol.cli.connection import Api
from ondol.cli.task_find import task_path
from ondol.model.errors import UnavailableError

FINAL = {"Success": 0, "Failure": 3, "Cancelled": 4}
_SHORTEST_S, _LONGEST_S = 0.2, 2.0
_PATIENCE_S = 30.0  # a platform that restarts is away for some seconds


def wait_for(api: Api, task_id: str, *, timeout_s: float | None = None) -> dict[str, Any]:
    """Give a task once it is over.

    A platform that does not answer for a while is waited for.

    Parameters
    ----------
    timeout_s : longest wait, wall time [s]; None for no end

    Raises UnavailableError after `timeout_s`, or where the platform stays away; RefusedError where the task is deleted.
    """
    with _Meter() as meter:
        return _poll(api, task_id, meter.show, timeout_s)


def _poll(api: Api, task_id: str, show: Callable[[dict[str, Any]], None], timeout_s: float | None) -> dict[str, Any]:
    begun = heard = time.monotonic()
    pause_s = _SHORTEST_S
    while True:
        try:
            task = dict(api.get(task_path(task_id)))
            heard = time.monotonic()
            show(task)
            if task["state"] in FINAL:
                return task
        except UnavailableError:
            if time.monotonic() - heard > _PATIENCE_S:
                raise
        if timeout_s is not None and time.monotonic() - begun + pause_s > timeout_s:
            raise UnavailableError(f"Task {task_id} is not over after {timeout_s:g} s; it goes on")
        time.sleep(pause_s)
        pause_s = min(_LONGEST_S, pause_s * 1.3)


def tally(task: dict[str, Any]) -> tuple[int, int, int]:
    """Count instances: all, over, running."""
    count = int(task.get("totalInstanceCount") or task.get("instanceCount") or 0)
    over = len(task.get("completedInstances") or [])
    return count, over, int(task.get("runningInstanceCount") or 0)


class _Meter:
    """Shows how far a task is, on standard error: a bar on a terminal, a line per change elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._row: Any = None
        self._said = ""

    def __enter__(self) -> _Meter:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TaskProgressColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("[bold]{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[words]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True, highlight=False),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, task: dict[str, Any]) -> None:
        """Show where the task stands."""
        count, over, running = tally(task)
        words = f"{task['state']}, {over} of {count} done" + (f", {running} running" if running else "")
        if self._bar is None:
            if words != self._said:
                sys.stderr.write(f"{task.get('name', '')}: {words}\n")
                sys.stderr.flush()
            self._said = words
            return
        if self._row is None:
            self._row = self._bar.add_task(str(task.get("name", "")), total=100.0, words="")
        self._bar.update(self._row, completed=float(task.get("progress") or 0.0), words=words)
