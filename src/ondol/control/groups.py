"""Jobs, compute pools, dependencies and time limits together, as the loop turns them.

`settle` runs before every write, so that what follows from a task's end (a dependent's start, a job's, a pool's end)
is in the same transaction as that end: a crash leaves both or neither.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from ondol.control import jobs, pools
from ondol.control.admission import Admission
from ondol.control.alarms import Alarms
from ondol.control.dependents import Dependents
from ondol.control.endings import Endings
from ondol.control.jobs import JobBook
from ondol.control.pools import PoolBook
from ondol.control.room import Room
from ondol.control.task_times import TaskTimes
from ondol.control.works import Works
from ondol.engine.ports import AttemptReport
from ondol.model.compute import Task
from ondol.model.errors import UnavailableError
from ondol.model.ids import AttemptId, NodeId
from ondol.storage.ports import Changes, Store


class Groups:
    """What ties tasks together. Everything here happens under `works.lock`.

    Parameters
    ----------
    seen_s : least time that a pool is seen to be new, and to be closing [s, platform]
    """

    def __init__(self, store: Store, works: Works, *, seen_s: float = 0.0) -> None:
        self._works = works
        self._alarms = Alarms()
        self._endings = Endings(store, works)
        # In this order the works' observers are called; none steps, so the order matters to nobody.
        self.pools = PoolBook(store, works, self._alarms, self._endings, seen_s=seen_s)
        self.jobs = JobBook(store, works, self._alarms, self._endings)
        self.dependents = Dependents(store, works)
        self.times = TaskTimes(store, works, self._alarms, self._endings)
        self.room = Room(store, works)
        self.admission = Admission(store, works, self.jobs, self.pools)

    def admit(self, tasks: Iterable[Task], at: dt.datetime) -> None:
        """Take in tasks as they were asked for: with what they take over from job and pool."""
        self._works.admit(self.admission.accepted(tasks), at)

    def tick(
        self, at: dt.datetime, reports: Mapping[AttemptId, AttemptReport], accepts: Callable[[NodeId], bool]
    ) -> bool:
        """Do what is due, and give waiting instances their slots; whether more could be done at once.

        Parameters
        ----------
        reports : what the engine says of attempts
        accepts : whether a node takes new work
        """
        for kind, key in self._alarms.due(at):
            try:
                self._rings(kind, key, at)
            except UnavailableError:
                self._alarms.set(at, kind, key)  # it is due until it was heard
                raise
        more = self._endings.turn(at)
        self.settle(at)
        self.pools.tick(at, reports, accepts)
        return more

    def _rings(self, kind: str, key: str, at: dt.datetime) -> None:
        if kind in (jobs.WALL, jobs.TTL):
            self.jobs.rings(kind, key, at)
        elif kind in (pools.QUEUE, pools.TTL, pools.CLOSING, pools.NEW):
            self.pools.rings(kind, key, at)
        else:
            self.times.rings(kind, key, at)

    def settle(self, at: dt.datetime) -> None:
        """Draw the consequences of everything that changed, and of those consequences."""
        while any([self.dependents.settle(at), self.jobs.settle(at), self.pools.settle(at)]):
            pass

    def add_changes(self, changes: Changes) -> Changes:
        """The changes of the moment, with those of jobs and pools."""
        return self.pools.add_changes(self.jobs.add_changes(changes))

    def drop_closed(self, written: Changes) -> None:
        """Let what is over leave memory, once it is written."""
        self.jobs.drop_closed(written.jobs)
        self.pools.drop_closed(written.pools)
