"""How long a task may queue, and how long it is kept once it is over; all in platform time."""

from __future__ import annotations

import datetime as dt

from ondol.control.alarms import Alarms, later
from ondol.control.endings import Endings
from ondol.control.works import Works
from ondol.lifecycle.events import QueueTimedOut
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Task
from ondol.model.ids import TaskId
from ondol.storage.ports import Store

QUEUE, TTL = "task in queue", "task time to live"


class TaskTimes:
    """Ends tasks of which no instance was placed in time, and has those removed whose time to live is over.

    The limit is on the wait for the first instance: counted from the submission, or from the end of the last task it
    depends on. Once one instance was placed, the others may wait as long as it takes.
    """

    def __init__(self, store: Store, works: Works, alarms: Alarms, endings: Endings) -> None:
        self._works, self._alarms, self._endings = works, alarms, endings
        for work in works:
            self._see(None, work, Change())
        for task in store.mortal_tasks():
            self._live_on(task)
        works.observers.append(self._see)

    def rings(self, kind: str, key: str, at: dt.datetime) -> None:
        """The time of a task in the queue, or after its end, may be up."""
        work = self._works.get(TaskId(key))
        if kind == TTL:
            self._endings.delete_each([TaskId(key)])
        elif work is not None and not work.attempts and at >= self._limit(work):
            self._works.apply(work.task.id, QueueTimedOut(at=at))

    def _see(self, before: Work | None, after: Work, _change: Change) -> None:
        begins = before is None or before.task.blocked
        if after.task.max_queue_s and begins and not after.task.blocked and not after.attempts and not after.over:
            self._alarms.set(self._limit(after), QUEUE, after.task.id)
        if after.task.ttl_s and after.task.state.final and not (before and before.task.state.final):
            self._live_on(after.task)

    def _live_on(self, task: Task) -> None:
        self._alarms.set(later(task.ended_at, task.ttl_s), TTL, task.id)

    def _limit(self, work: Work) -> dt.datetime:
        since = next(iter(work.instances.values())).since
        return later(since, work.task.max_queue_s)
