"""Snapshots: results so far, uploaded while the job runs, at once or every so often."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ondol.control.staging import Stager
from ondol.control.works import Works
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.errors import OndolError
from ondol.model.ids import AttemptId, TaskId

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
        self._waiting: set[TaskId] = set()
        self._closing = False

    def take(self, task: Task, at: dt.datetime) -> str:
        """Begin to upload what a task's running attempts made so far; gives the snapshot's id.

        One snapshot of a task waits at most: what is asked for while it waits is in it.
        """
        with self._works.lock:
            if task.id not in self._waiting:
                self._waiting.add(task.id)
                self._pool.submit(self._upload, task)
        return f"snap_{task.id}_{at.strftime('%Y%m%d%H%M%S')}"

    def take_due(self) -> None:
        """Take the periodic snapshots that are due; to be called every wall second or so."""
        now = self._now()
        with self._works.lock:
            open_tasks = {work.task.id for work in self._works}
            self._last = {task_id: last for task_id, last in self._last.items() if task_id in open_tasks}
            due = [
                work
                for work in self._works
                if work.task.snapshot.interval_s > 0
                and now - self._last.setdefault(work.task.id, now)
                >= dt.timedelta(seconds=work.task.snapshot.interval_s * self._rate)
            ]
        for work in due:
            self._last[work.task.id] = now
            self.take(work.task, now)

    def close(self) -> None:
        """Let a running upload end after the file it is at."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _upload(self, task: Task) -> None:
        with self._works.lock:
            self._waiting.discard(task.id)
            work = self._works.get(task.id)
            attempts = [] if work is None else [a for tries in work.attempts.values() for a in tries if _may_run(a)]
        try:
            keys = [
                key
                for attempt in attempts
                for key in self._stager.bring_out(task, attempt, wanted=functools.partial(self._wanted, attempt.id))
            ]
        except (OndolError, OSError) as error:
            _log.warning("snapshot of task %s: %s", task.id, error)
            return
        except Exception:  # noqa: BLE001  # nobody looks at what a thread raised; the job goes on all the same
            _log.exception("snapshot of task %s met what nobody foresaw", task.id)
            return
        if keys:
            with self._works.lock:
                work = self._works.get(task.id)
                if work is not None:
                    self._works.replace_task(dataclasses.replace(work.task, results_count=work.task.results_count + 1))

    def _wanted(self, attempt_id: AttemptId) -> bool:
        """Whether a job may still be at work: the results of one that ended are not a snapshot's to upload."""
        found = self._works.find(attempt_id)  # one look into a dictionary: it needs no lock, and is taken per file
        return found is not None and _may_run(found[1]) and not self._closing


def _may_run(attempt: Attempt) -> bool:
    """Whether a job may be at work on its files: from its launch on, which the engine's word follows a little later."""
    launched = attempt.state is AttemptState.STAGING and attempt.started_at is not None
    return launched or attempt.state in (AttemptState.RUNNING, AttemptState.PAUSED)
