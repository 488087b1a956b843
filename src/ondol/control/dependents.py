"""Who waits for whom: the end of a task is told to the tasks that depend on it, in the same transaction."""

from __future__ import annotations

import datetime as dt
from collections import deque

from ondol.control.works import Works
from ondol.lifecycle.events import ParentEnded
from ondol.lifecycle.task import final_of
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Task, TaskState
from ondol.model.conditions import FinalState
from ondol.model.ids import TaskId
from ondol.storage.ports import Store

_FINAL = {
    TaskState.SUCCESS: FinalState.SUCCESS,
    TaskState.FAILURE: FinalState.FAILURE,
    TaskState.CANCELLED: FinalState.CANCELLED,
}


class Dependents:
    """Waiting tasks by the task that they wait for; observes the works.

    `dependsOn` wants success, as `Dependency.accepts` has it: the SDK's simple dependencies name no condition, and what
    a task made that failed is nothing to go on from. Who wants otherwise says so with an advanced dependency.
    """

    def __init__(self, store: Store, works: Works) -> None:
        self._store, self._works = store, works
        self._waiting: dict[TaskId, set[TaskId]] = {}
        self._news: deque[tuple[TaskId, TaskId, FinalState]] = deque()
        self._new: deque[Task] = deque()
        for work in works:
            self._enter(work.task)
        works.observers.append(self._see)

    def settle(self, at: dt.datetime) -> bool:
        """Tell the dependents of every end since the last time; whether there was any."""
        while self._new:
            self._enter(self._new[0])
            self._new.popleft()
        told = bool(self._news)
        while self._news:
            child, parent, ended = self._news.popleft()
            self._works.apply(child, ParentEnded(at=at, task_id=parent, ended=ended))
        return told

    def _see(self, before: Work | None, after: Work, _change: Change) -> None:
        if before is None:
            if after.task.dependencies:
                self._new.append(after.task)  # to be looked at where storage may be read, and may fail
        elif after.over and not before.over:
            ended = final_of(after.tally)
            self._news += [(child, after.task.id, ended) for child in sorted(self._waiting.pop(after.task.id, ()))]

    def _enter(self, task: Task) -> None:
        if task.cancel_wanted:
            return
        parents = sorted({one.task_id for one in task.dependencies if one.ended is None})
        # All are looked at before anything is noted: a look may fail, and the task is then entered again.
        for parent, ended in [(parent, self._ended(parent)) for parent in parents]:
            if ended is None:
                self._waiting.setdefault(parent, set()).add(task.id)
            else:
                self._news.append((task.id, parent, ended))

    def _ended(self, task_id: TaskId) -> FinalState | None:
        """How a task ended, None while it has not; one that is gone was deleted before anybody saw its end."""
        work = self._works.get(task_id)
        if work is not None:
            return final_of(work.tally) if work.over else None
        task = self._store.task(task_id)
        return FinalState.CANCELLED if task is None else _FINAL.get(task.state, FinalState.CANCELLED)
