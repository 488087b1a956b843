"""How long a task may queue, and how long it is kept once it is over; all in platform time."""

from __future__ import annotations

import datetime as dt

from ondol.control.alarms import Alarms
from ondol.control.works import Works
from ondol.lifecycle.events import DeleteAsked, QueueTimedOut
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Task
from ondol.model.ids import TaskId
from ondol.storage.ports import Store

QUEUE, TTL = "task in queue", "task time to live"


class TaskTimes:
    """Ends tasks of which no instance was placed in time, and removes those whose time to live is over.

    The limit is on the wait for the first instance: counted from the submission, or from the end of the last task it
    depends on. Once one instance was placed, the others may wait as long as it takes.
    """

    def __init__(self, store: Store, works: Works, alarms: Alarms) -> None:
        self._store, self._works, self._alarms = store, works, alarms
        for work in works:
            self._see(None, work, Change())
        for task in store.mortal_tasks():
            self._live_on(task)
        works.observers.append(self._see)

    def rings(self, kind: str, key: str, at: dt.datetime) -> None:
        """The time of a task in the queue, or after its end, may be up."""
        work = self._works.get(TaskId(key))
        if kind == TTL:
            task = self._store.task(TaskId(key)) if work is None else work.task
            if task is not None and task.state.final and not task.delete_wanted:
                self._works.revive(task)
                self._works.apply(task.id, DeleteAsked(at=at, task_id=task.id))
        elif work is not None and not work.attempts and at >= self._limit(work):
            self._works.apply(work.task.id, QueueTimedOut(at=at))

    def _see(self, before: Work | None, after: Work, _change: Change) -> None:
        begins = before is None or before.task.blocked
        if after.task.max_queue_s and begins and not after.task.blocked and not after.attempts and not after.over:
            self._alarms.set(self._limit(after), QUEUE, after.task.id)
        if after.task.ttl_s and after.task.state.final and not (before and before.task.state.final):
            self._live_on(after.task)

    def _live_on(self, task: Task) -> None:
        self._alarms.set(task.ended_at + dt.timedelta(seconds=task.ttl_s), TTL, task.id)

    def _limit(self, work: Work) -> dt.datetime:
        since = next(iter(work.instances.values())).since
        return since + dt.timedelta(seconds=work.task.max_queue_s)
