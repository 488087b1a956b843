"""Which works need looking at, so that nobody walks all of them: kept up to date by every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sortedcontainers import SortedDict, SortedSet

from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt
from ondol.model.ids import InstanceId, TaskId


class WorkIndex:
    """Open works by what is under way, wanted or over; each change costs its own size, whatever waits beside.

    `periodic` are tasks with periodic snapshots, `deleting` those that are to go, by id.
    """

    def __init__(self) -> None:
        self._under_way: SortedDict[InstanceId, TaskId] = SortedDict()
        self._touched: dict[TaskId, set[InstanceId] | None] = {}
        self._over: dict[TaskId, None] = {}
        self.periodic: SortedSet[TaskId] = SortedSet()
        self.deleting: SortedSet[TaskId] = SortedSet()

    def enter(self, work: Work) -> None:
        """Take in a work whole."""
        self.note(work, (tries[-1] for tries in work.attempts.values()), None)

    def note(self, work: Work, attempts: Iterable[Attempt], instances: Iterable[InstanceId] | None) -> None:
        """Take in what a step changed.

        Parameters
        ----------
        attempts, instances : those that changed; None where any instance may have
        """
        task = work.task
        for attempt in attempts:
            if attempt.state.final:
                self._under_way.pop(attempt.instance_id, None)
            else:
                self._under_way[attempt.instance_id] = task.id
        known = self._touched.get(task.id, set())
        self._touched[task.id] = None if known is None or instances is None else known.union(instances)
        _keep(self.periodic, task.id, kept=task.snapshot.interval_s > 0 and not task.state.final)
        _keep(self.deleting, task.id, kept=task.delete_wanted)
        if task.state.final and not task.delete_wanted:
            self._over[task.id] = None
        else:
            self._over.pop(task.id, None)

    def leave(self, work: Work) -> None:
        """Let a work go."""
        task_id = work.task.id
        for instance_id in work.attempts:
            self._under_way.pop(instance_id, None)
        self._touched[task_id] = None
        self._over.pop(task_id, None)
        self.periodic.discard(task_id)
        self.deleting.discard(task_id)

    def under_way(self) -> Iterator[tuple[InstanceId, TaskId]]:
        """Instances with an attempt that is not over, by id."""
        return iter(tuple(self._under_way.items()))

    def busy(self) -> tuple[TaskId, ...]:
        """Tasks with attempts under way, by id."""
        return tuple(dict.fromkeys(self._under_way.values()))

    def over(self) -> tuple[TaskId, ...]:
        """Tasks that are over and are not to be deleted."""
        return tuple(self._over)

    def take_touched(self) -> dict[TaskId, set[InstanceId] | None]:
        """Give the tasks that changed since the last time with their changed instances (None: any); for one reader."""
        touched, self._touched = self._touched, {}
        return touched


def _keep(among: SortedSet[TaskId], task_id: TaskId, *, kept: bool) -> None:
    if kept:
        among.add(task_id)
    else:
        among.discard(task_id)
