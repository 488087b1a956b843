"""What is known of one compute pool while it is open: who waits, who runs where, which slots are ready."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
from dataclasses import dataclass, field

from ondol.control.works import Works
from ondol.lifecycle.dispatch import ReadySlot, Waiting
from ondol.lifecycle.scaling import SlotUse
from ondol.model.compute import Attempt, AttemptState
from ondol.model.ids import AttemptId, InstanceId, TaskId
from ondol.model.pool import ComputePool

_Turn = tuple[dt.datetime, TaskId, int, int]


class Queue:
    """Instances in the order of their tasks' submission; one that comes back takes its old place."""

    def __init__(self) -> None:
        self._turns: dict[InstanceId, _Turn] = {}
        self._for_resources: dict[InstanceId, bool] = {}
        self._heap: list[tuple[_Turn, InstanceId]] = []
        self._count = itertools.count()

    def __len__(self) -> int:
        return len(self._turns)

    def put(self, instance_id: InstanceId, since: tuple[dt.datetime, TaskId, int], *, for_resources: bool) -> None:
        """Let an instance wait."""
        if instance_id in self._turns:
            return
        turn = (*since, next(self._count))
        self._turns[instance_id], self._for_resources[instance_id] = turn, for_resources
        heapq.heappush(self._heap, (turn, instance_id))

    def drop(self, instance_id: InstanceId) -> None:
        """It waits no longer."""
        self._turns.pop(instance_id, None)
        self._for_resources.pop(instance_id, None)

    def first(self, number: int) -> list[Waiting]:
        """The first of those that wait, at most so many; they stay where they are."""
        found: list[tuple[_Turn, InstanceId]] = []
        while self._heap and len(found) < number:
            entry = heapq.heappop(self._heap)
            if self._turns.get(entry[1]) == entry[0]:
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [Waiting(instance_id, self._for_resources[instance_id]) for _, instance_id in found]


@dataclass(slots=True)
class PoolLine:
    """One open pool.

    Parameters
    ----------
    members : tasks in it that are not over
    holders : hidden tasks that hold or will hold a slot, by id, with the slot's number
    held : holders' attempts that run, and whether their slot is prepared
    inside : attempts under way, by the holder's attempt whose slot they are in
    idle_since : when a slot was last left or began to be held
    syncing : slots into which the pool's resources are being fetched anew
    over : holders that are over, oldest first
    ending : whether its tasks have been asked to end
    """

    pool: ComputePool
    members: set[TaskId] = field(default_factory=set)
    holders: dict[TaskId, int] = field(default_factory=dict)
    held: dict[AttemptId, bool] = field(default_factory=dict)
    inside: dict[AttemptId, set[AttemptId]] = field(default_factory=dict)
    idle_since: dict[AttemptId, dt.datetime] = field(default_factory=dict)
    syncing: set[AttemptId] = field(default_factory=set)
    queue: Queue = field(default_factory=Queue)
    over: list[TaskId] = field(default_factory=list)
    ending: bool = False

    @property
    def running(self) -> int:
        """Instances under way."""
        return sum(len(attempts) for attempts in self.inside.values())

    def latest(self, works: Works, holder: TaskId) -> Attempt | None:
        """Latest attempt of a holder, None before the first and where the holder is over."""
        work = works.get(holder)
        return None if work is None else next((work.latest(key) for key in work.instances), None)

    def ready(self, works: Works) -> list[ReadySlot]:
        """Slots that are prepared and run."""
        found = []
        for holder, number in self.holders.items():
            attempt = self.latest(works, holder)
            if attempt is None or attempt.state is not AttemptState.RUNNING or not self.held.get(attempt.id):
                continue
            free = self.pool.slots_per_node - len(self.inside.get(attempt.id, ()))
            found.append(
                ReadySlot(
                    attempt_id=attempt.id,
                    number=number,
                    node_id=attempt.node_id,
                    free=free,
                    syncing=attempt.id in self.syncing,
                )
            )
        return found

    def uses(self, works: Works) -> list[SlotUse]:
        """Every holder that is not being let go of, with what is in its slot."""
        found = []
        for holder, number in self.holders.items():
            work = works.get(holder)
            if work is None or work.task.cancel_wanted:
                continue
            attempt = self.latest(works, holder)
            inside = 0 if attempt is None else len(self.inside.get(attempt.id, ()))
            since = work.task.created_at if attempt is None else self.idle_since.get(attempt.id, work.task.created_at)
            found.append(SlotUse(holder=holder, number=number, running=inside, idle_since=since))
        return found
