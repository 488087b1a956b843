"""How long a task may queue, and how long it is kept once it is over; all in platform time."""

from __future__ import annotations

import datetime as dt

from ondol.control.alarms import Alarms
from ondol.control.works import Works
from ondol.lifecycle.events import DeleteAsked, QueueTimedOut
from ondol.lifecycle.work import Change, Work
from ondol.model.ids import TaskId
from ondol.storage.ports import Store

QUEUE = "task in queue"
EVERY_S = 30.0  # tasks that are to go are looked for this often [s, platform]


class TaskTimes:
    """Ends tasks of which no instance was placed in time, and removes those whose time to live is over.

    The limit is on the wait for the first instance: counted from the submission, or from the end of the last task it
    depends on. Once one instance was placed, the others may wait as long as it takes.
    """

    def __init__(self, store: Store, works: Works, alarms: Alarms) -> None:
        self._store, self._works, self._alarms = store, works, alarms
        self._looked_at: dt.datetime | None = None
        for work in works:
            self._see(None, work, Change())
        works.observers.append(self._see)

    def rings(self, key: str, at: dt.datetime) -> None:
        """The time of a task in the queue may be up."""
        work = self._works.get(TaskId(key))
        if work is not None and not work.attempts and at >= self._limit(work):
            self._works.apply(work.task.id, QueueTimedOut(at=at))

    def tick(self, at: dt.datetime) -> None:
        """Remove the tasks whose time to live is over."""
        if self._looked_at is not None and (at - self._looked_at).total_seconds() < EVERY_S:
            return
        self._looked_at = at
        for task in self._store.mortal_tasks(at):
            self._works.revive(task)
            self._works.apply(task.id, DeleteAsked(at=at, task_id=task.id))

    def _see(self, before: Work | None, after: Work, _change: Change) -> None:
        begins = before is None or before.task.blocked
        if after.task.max_queue_s and begins and not after.task.blocked and not after.attempts and not after.over:
            self._alarms.set(self._limit(after), QUEUE, after.task.id)

    def _limit(self, work: Work) -> dt.datetime:
        since = next(iter(work.instances.values())).since
        return since + dt.timedelta(seconds=work.task.max_queue_s)
