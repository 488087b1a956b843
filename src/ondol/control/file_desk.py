"""What users may ask of their tasks' files while jobs run: new inputs fetched, results so far uploaded."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

from ondol.control.hands import Hands
from ondol.control.ports import SnapshotState
from ondol.control.snapshots import Snapshots
from ondol.control.staging import Buckets
from ondol.control.works import Works
from ondol.model.compute import AttemptState, Task
from ondol.model.conditions import SnapshotConfig
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError

_AT_WORK = (AttemptState.RUNNING, AttemptState.PAUSED)
_LONGEST_S = 10**9  # between periodic snapshots


class FileDesk:
    """Takes tasks that were found to be the caller's.

    Parameters
    ----------
    flush : writes what changed
    now : platform time
    """

    def __init__(
        self,
        works: Works,
        snapshots: Snapshots,
        hands: Hands,
        buckets: Buckets,
        *,
        flush: Callable[[], None],
        now: Callable[[], dt.datetime],
    ) -> None:
        self._works, self._snapshots, self._hands, self._buckets = works, snapshots, hands, buckets
        self._flush, self._now = flush, now

    def refresh(self, task: Task) -> None:
        """Have new and changed resources fetched into the folders of its running instances.

        Raises ConflictError where none runs.
        """
        with self._works.lock:
            work = self._works.get(task.id)
            tries = [] if work is None else [work.latest(key) for key in work.instances]
            running = [attempt for attempt in tries if attempt is not None and attempt.state in _AT_WORK]
        if not running:
            raise ConflictError(f"Task {task.id} is not running ({task.state.value}): there is nothing to refresh")
        for attempt in running:
            self._hands.refresh(task, attempt)

    def snapshot(self, task: Task, config: SnapshotConfig | None) -> str:
        """Have the results so far uploaded; gives the snapshot's id, which is durable. None: as the last time.

        Raises ConflictError where the task is over, NotFoundError for a bucket that is not the account's,
        InvalidFieldError for a list that is no pattern.
        """
        if task.state.final:
            raise ConflictError(f"Can't snapshot: task {task.id} is over ({task.state.value}).")
        self._check_bucket(task, config)
        with self._works.lock:
            snapshot_id = self._snapshots.take(task, self._now(), config)
            self._flush()
        return snapshot_id

    def set_periodic(self, task: Task, config: SnapshotConfig) -> None:
        """Have results uploaded every `config.interval_s` from now on, 0 for no more. Raises as `snapshot`."""
        if not 0 <= config.interval_s <= _LONGEST_S:
            raise InvalidFieldError("interval", config.interval_s, f"seconds, 0 (stop) to {_LONGEST_S}")
        if task.state.final:
            raise ConflictError(f"Can't snapshot: task {task.id} is over ({task.state.value}).")
        self._check_bucket(task, config)
        self._snapshots.check(config)
        with self._works.lock:
            self._works.change_task(task.id, lambda task: dataclasses.replace(task, snapshot=config))
            self._flush()

    def state(self, task: Task, snapshot_id: str) -> SnapshotState:
        """How far a snapshot is; raises NotFoundError("snapshot", id)."""
        return self._snapshots.state(task, snapshot_id)

    def _check_bucket(self, task: Task, config: SnapshotConfig | None) -> None:
        if config and config.bucket and self._buckets.backend_name(task.account_id, config.bucket) is None:
            raise NotFoundError("bucket", config.bucket)
