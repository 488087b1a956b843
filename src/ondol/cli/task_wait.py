"""Waits for tasks, with a progress bar where somebody looks, and what they write where that is wanted."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ondol.cli.api import Api
from ondol.cli.kinds import TASKS
from ondol.cli.listing import note
from ondol.cli.output import SHOWN, Out
from ondol.model.errors import UnavailableError

FINAL = {"Success": 0, "Failure": 3, "Cancelled": 4}
_SHORTEST_S, _LONGEST_S = 0.2, 2.0
_PATIENCE_S = 30.0  # a platform that restarts is away for some seconds

Heard = Callable[[dict[str, Any]], None]


def wait_for(
    api: Api,
    task_ids: Sequence[str],
    *,
    timeout_s: float | None = None,
    out: Out = SHOWN,
    heard: Heard | None = None,
) -> list[dict[str, Any]]:
    """Give tasks once they are all over.

    A platform that does not answer for a while is waited for.

    Parameters
    ----------
    timeout_s : longest wait, wall time [s]; None for no end
    heard : told of every task each time it was looked at, once more when it is over; no progress is shown then

    Raises UnavailableError after `timeout_s`, or where the platform stays away; RefusedError where one is deleted.
    """
    with Meter(out, silent=heard is not None) as meter:

        def tell(task: dict[str, Any]) -> None:
            meter.show(task)
            if heard is not None:
                heard(task)

        return _poll(api, list(task_ids), tell, timeout_s)


def _poll(api: Api, task_ids: list[str], tell: Heard, timeout_s: float | None) -> list[dict[str, Any]]:
    begun = asked = time.monotonic()
    pause_s = _SHORTEST_S
    over: dict[str, dict[str, Any]] = {}
    while True:
        try:
            for task_id in task_ids:
                if task_id in over:
                    continue
                task = dict(api.get(TASKS.path(task_id)))
                asked = time.monotonic()
                tell(task)
                if task["state"] in FINAL:
                    over[task_id] = task
        except UnavailableError:
            if time.monotonic() - asked > _PATIENCE_S:
                raise
        if len(over) == len(set(task_ids)):
            return [over[task_id] for task_id in task_ids]
        if timeout_s is not None and time.monotonic() - begun + pause_s > timeout_s:
            left = [task_id for task_id in task_ids if task_id not in over]
            which = f"Task {left[0]} is" if len(left) == 1 else f"{len(left)} tasks are"
            raise UnavailableError(f"{which} not over after {timeout_s:g} s; it goes on")
        time.sleep(pause_s)
        pause_s = min(_LONGEST_S, pause_s * 1.3)


def tally(task: dict[str, Any]) -> tuple[int, int, int]:
    """Count instances: all, over, running."""
    count = int(task.get("totalInstanceCount") or task.get("instanceCount") or 0)
    over = len(task.get("completedInstances") or [])
    return count, over, int(task.get("runningInstanceCount") or 0)


class Meter:
    """Shows how far tasks are, on standard error: a bar each on a terminal, a line per change elsewhere.

    Parameters
    ----------
    silent : show nothing
    """

    def __init__(self, out: Out, *, silent: bool = False) -> None:
        self._out, self._silent = out, silent or out.quiet
        self._bars: Any = None
        self._rows: dict[str, Any] = {}
        self._said: dict[str, str] = {}

    def __enter__(self) -> Meter:
        if self._out.progress and not self._silent:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                Progress,
                SpinnerColumn,
                TaskProgressColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[words]}", markup=False),
                TimeElapsedColumn(),
                console=Console(stderr=True, highlight=False, no_color=None if self._out.color else True),
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, task: dict[str, Any]) -> None:
        """Show where a task stands."""
        from ondol.cli.harmless import harmless

        if self._silent:
            return
        count, over, running = tally(task)
        words = f"{task['state']}, {over} of {count} done" + (f", {running} running" if running else "")
        key, name = str(task["uuid"]), harmless(str(task.get("name", "")))
        if self._bars is None:
            if words != self._said.get(key):
                note(f"{name}: {words}", self._out)
            self._said[key] = words
            return
        if key not in self._rows:
            self._rows[key] = self._bars.add_task(name, total=100.0, words="")
        self._bars.update(self._rows[key], completed=float(task.get("progress") or 0.0), words=words)


def echo(text: str, stream: Any = None) -> None:
    """Write what a job wrote, as it is, with marks in place of letters that the other end cannot show."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
