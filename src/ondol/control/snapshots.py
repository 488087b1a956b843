"""Snapshots: results so far, uploaded while the job runs, at once or every so often.

A snapshot is kept in its task's row. It is done, and counted among the task's uploads, in one commit: one that a crash
cut short is taken again, and none is counted twice.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import logging
from collections.abc import Callable, Iterable

from ondol.control.ports import SnapshotState
from ondol.control.progress import OUT
from ondol.control.results import compiled
from ondol.control.staging import Stager
from ondol.control.transfers import Transfers
from ondol.control.works import Works
from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.conditions import Snapshot, SnapshotConfig
from ondol.model.errors import ConflictError, NotFoundError, OndolError
from ondol.model.ids import AttemptId, TaskId

_log = logging.getLogger(__name__)
_KEPT, _KEPT_PERIODIC = 32, 4  # of each task, the latest: asked for, and periodic ones
_MOST_WAITING = 8  # different snapshots of one task that wait at once


class Snapshots:
    """Uploads results of running attempts, after what jobs wait for.

    Parameters
    ----------
    clock_rate : platform seconds per wall second; intervals are the user's, in wall seconds
    """

    def __init__(
        self,
        works: Works,
        stager: Stager,
        transfers: Transfers,
        *,
        now: Callable[[], dt.datetime],
        clock_rate: float,
    ) -> None:
        self._works, self._stager, self._transfers = works, stager, transfers
        self._now, self._rate = now, clock_rate
        self._last: dict[TaskId, dt.datetime] = {}
        self._waiting: dict[tuple[TaskId, SnapshotConfig], list[str]] = {}
        self._alive: set[str] = set()
        self._resumed = False

    def take(self, task: Task, at: dt.datetime, config: SnapshotConfig | None = None, *, periodic: bool = False) -> str:
        """Begin to upload what a task's running attempts made so far; gives the snapshot's id.

        Of snapshots that take the same, one of a task waits at most: what is asked for while it waits is in it.

        Parameters
        ----------
        config : None for that of the snapshot that was asked for last, or else the task's

        Raises InvalidFieldError for a list that is no pattern, ConflictError where too many different ones wait.
        """
        with self._works.lock:
            work = self._works.get(task.id)
            task = task if work is None else work.task
            config = dataclasses.replace(_filters_before(task) if config is None else config, interval_s=0)
            self.check(config)
            key = (task.id, config)
            waiting = sum(task_id == task.id for task_id, _ in self._waiting)
            if key not in self._waiting and waiting >= _MOST_WAITING:
                raise ConflictError(f"{waiting} other snapshots of task {task.id} wait: ask again when they are done")
            one = Snapshot(id=_new_id(task, at), trigger_at=at, updated_at=at, config=config, periodic=periodic)
            kept = _latest((*task.snapshots, one))
            self._works.replace_task(dataclasses.replace(task, snapshots=kept))
            self._enqueue(task, config, [one.id])
            return one.id

    @staticmethod
    def check(config: SnapshotConfig) -> None:
        """Raise InvalidFieldError where a list is no pattern."""
        for field, text in (("whitelist", config.whitelist), ("blacklist", config.blacklist)):
            if text:
                compiled(field, text, {})

    def state(self, task: Task, snapshot_id: str) -> SnapshotState:
        """How far a snapshot is; raises NotFoundError where the task has none of this id (any more)."""
        found = next((one for one in task.snapshots if one.id == snapshot_id), None)
        if found is None:
            raise NotFoundError("snapshot", snapshot_id)
        now = self._transfers.book.of(snapshot_id, OUT)
        if not found.over and task.state.final and snapshot_id not in self._alive:
            found = dataclasses.replace(found, status="Failure")  # the platform ended, and then the task, before it
        return SnapshotState(
            id=found.id,
            task_id=task.id,
            trigger_at=found.trigger_at,
            updated_at=found.updated_at,
            config=found.config,
            status=found.status,
            size_bytes=found.size_bytes if now is None else now.total_bytes,
            transferred_bytes=found.transferred_bytes if now is None else now.done_bytes,
        )

    def take_due(self) -> None:
        """Take the periodic snapshots that are due, and again those that an earlier life of the platform left undone.

        To be called every wall second or so.
        """
        now = self._now()
        with self._works.lock:
            if not self._resumed:
                self._resumed = True
                for work in self._works:
                    self._resume(work.task)
            works = [one for key in self._works.index.periodic if (one := self._works.get(key)) is not None]
            periodic = {work.task.id for work in works}
            self._last = {task_id: last for task_id, last in self._last.items() if task_id in periodic}
            due = [
                work.task
                for work in works
                if _at_work(work)
                and now - self._last.setdefault(work.task.id, now)
                >= dt.timedelta(seconds=work.task.snapshot.interval_s * self._rate)
            ]
        for task in due:
            self._last[task.id] = now
            try:
                self.take(task, now, task.snapshot, periodic=True)
            except OndolError as error:
                _log.warning("periodic snapshot of task %s: %s", task.id, error)

    def _resume(self, task: Task) -> None:
        undone: dict[SnapshotConfig, list[str]] = {}
        for one in task.snapshots:
            if not one.over:
                undone.setdefault(one.config, []).append(one.id)
        for config, ids in undone.items():
            self._enqueue(task, config, ids)

    def _enqueue(self, task: Task, config: SnapshotConfig, ids: list[str]) -> None:
        key = (task.id, config)
        self._alive.update(ids)
        if key in self._waiting:
            self._waiting[key] += ids
            return
        self._waiting[key] = ids
        self._transfers.submit(task.account_id, lambda: self._upload(task.id, config), may_wait=True)

    def _upload(self, task_id: TaskId, config: SnapshotConfig) -> None:
        with self._works.lock:
            ids = self._waiting.pop((task_id, config))
            work = self._works.get(task_id)
            attempts = [] if work is None else _at_work(work)
            self._note(task_id, ids, status="InProgress")
        if work is None:
            self._end(task_id, ids, "Failure", keys=())
            return
        asking = _Asking(self._wanted)
        keys: list[str] = []
        try:
            self._transfers.persist(lambda: keys.extend(self._uploaded(work.task, attempts, config, ids, asking)))
        except (OndolError, OSError) as error:
            _log.warning("snapshot of task %s: %s", task_id, error)
            asking.cut_short = True
        except Exception:  # noqa: BLE001  # the job goes on all the same
            _log.exception("snapshot of task %s met what nobody foresaw", task_id)
            asking.cut_short = True
        if not (asking.cut_short and self._transfers.closing):  # that one is taken again in the next life
            self._end(task_id, ids, "Failure" if asking.cut_short else "Success", keys=keys)

    def _uploaded(
        self, task: Task, attempts: Iterable[Attempt], config: SnapshotConfig, ids: list[str], asking: _Asking
    ) -> list[str]:
        self._transfers.book.begin(ids[0], OUT)
        keys: list[str] = []
        for attempt in attempts:
            keys += self._stager.bring_out(
                task, attempt, wanted=functools.partial(asking, attempt.id), config=config, key=ids[0]
            )
        return keys

    def _end(self, task_id: TaskId, ids: list[str], status: str, *, keys: Iterable[str]) -> None:
        now = self._transfers.book.of(ids[0], OUT)
        size, done = (0, 0) if now is None else (now.total_bytes, now.done_bytes)
        with self._works.lock:
            self._note(
                task_id,
                ids,
                status=status,
                size_bytes=size,
                transferred_bytes=size if status == "Success" else done,
                uploads=1 if keys else 0,
            )
            self._alive.difference_update(ids)
        self._transfers.book.forget(ids[0])

    def _note(self, task_id: TaskId, ids: list[str], *, uploads: int = 0, **fields: object) -> None:
        def change(task: Task) -> Task:
            noted = tuple(
                dataclasses.replace(one, updated_at=self._now(), **fields) if one.id in ids else one  # type: ignore[arg-type]
                for one in task.snapshots
            )
            return dataclasses.replace(task, snapshots=noted, results_count=task.results_count + uploads)

        self._works.change_task(task_id, change)

    def _wanted(self, attempt_id: AttemptId) -> bool:
        """Whether a job may still be at work: the results of one that ended are not a snapshot's to upload."""
        found = self._works.find(attempt_id)  # one look into a dictionary: it needs no lock, and is taken per file
        return found is not None and _may_run(found[1]) and not self._transfers.closing


class _Asking:
    """Asks whether a file is still wanted, and remembers whether it ever was not."""

    def __init__(self, wanted: Callable[[AttemptId], bool]) -> None:
        self._wanted = wanted
        self.cut_short = False

    def __call__(self, attempt_id: AttemptId) -> bool:
        wanted = self._wanted(attempt_id)
        self.cut_short |= not wanted
        return wanted


def _filters_before(task: Task) -> SnapshotConfig:
    """What the snapshot that was asked for last took, or what the task says."""
    return next((one.config for one in reversed(task.snapshots) if not one.periodic), task.snapshot)


def _new_id(task: Task, at: dt.datetime) -> str:
    """`snap_<task>_<yyyymmddHHMMSS>` (`reference/qarnot-api.md` §2.2), `_2` and so on in the same second."""
    base = f"snap_{task.id}_{at.strftime('%Y%m%d%H%M%S')}"
    same = [one.id for one in task.snapshots if one.id == base or one.id.startswith(f"{base}_")]
    if not same:
        return base
    return f"{base}_{max(int(key[len(base) + 1 :] or 1) for key in same) + 1}"


def _latest(snapshots: tuple[Snapshot, ...]) -> tuple[Snapshot, ...]:
    """The latest ones, so that a task's row stays small however often it is asked for snapshots."""
    asked = [one.id for one in snapshots if not one.periodic][-_KEPT:]
    periodic = [one.id for one in snapshots if one.periodic][-_KEPT_PERIODIC:]
    kept = {*asked, *periodic}
    return tuple(one for one in snapshots if one.id in kept)


def _at_work(work: Work) -> list[Attempt]:
    return [attempt for tries in work.attempts.values() for attempt in tries if _may_run(attempt)]


def _may_run(attempt: Attempt) -> bool:
    """Whether a job may be at work on its files: from its launch on, which the engine's word follows a little later."""
    launched = attempt.state is AttemptState.STAGING and attempt.started_at is not None
    return launched or attempt.state in (AttemptState.RUNNING, AttemptState.PAUSED)
