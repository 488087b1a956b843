"""Snapshots: results so far, uploaded while the job runs, at once or every so often."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ondol.control.staging import Stager
from ondol.control.works import Works
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.errors import OndolError
from ondol.model.ids import TaskId

_log = logging.getLogger(__name__)


class Snapshots:
    """Uploads results of running attempts, in a thread of its own.

    Parameters
    ----------
    clock_rate : platform seconds per wall second; intervals are the user's, in wall seconds
    """

    def __init__(self, works: Works, stager: Stager, *, now: Callable[[], dt.datetime], clock_rate: float) -> None:
        self._works, self._stager, self._now, self._rate = works, stager, now, clock_rate
        self._pool = ThreadPoolExecutor(1, "snapshot")
        self._last: dict[TaskId, dt.datetime] = {}

    def take(self, task: Task, attempts: tuple[Attempt, ...], at: dt.datetime) -> str:
        """Begin to upload what the running attempts made so far; gives the snapshot's id."""
        running = tuple(a for a in attempts if _may_run(a))
        self._pool.submit(self._upload, task, running)
        return f"snap_{task.id}_{at.strftime('%Y%m%d%H%M%S')}"

    def take_due(self) -> None:
        """Take the periodic snapshots that are due; to be called every wall second or so."""
        now = self._now()
        with self._works.lock:
            due = [
                work
                for work in self._works
                if work.task.snapshot_interval_s > 0
                and now - self._last.setdefault(work.task.id, now)
                >= dt.timedelta(seconds=work.task.snapshot_interval_s * self._rate)
            ]
        for work in due:
            self._last[work.task.id] = now
            self.take(work.task, tuple(a for tries in work.attempts.values() for a in tries), now)

    def close(self) -> None:
        """Let a running upload end."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _upload(self, task: Task, attempts: tuple[Attempt, ...]) -> None:
        try:
            keys = [key for attempt in attempts for key in self._stager.bring_out(task, attempt)]
        except (OndolError, OSError) as error:
            _log.warning("snapshot of task %s: %s", task.id, error)
            return
        if keys:
            with self._works.lock:
                work = self._works.get(task.id)
                if work is not None:
                    self._works.replace_task(dataclasses.replace(work.task, results_count=work.task.results_count + 1))


def _may_run(attempt: Attempt) -> bool:
    """Whether a job may be at work on its files: from its launch on, which the engine's word follows a little later."""
    launched = attempt.state is AttemptState.STAGING and attempt.started_at is not None
    return launched or attempt.state in (AttemptState.RUNNING, AttemptState.PAUSED)
