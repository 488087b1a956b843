"""One task with all its instances and attempts, what a step changes of it, and what must always hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ondol.lifecycle.instructions import Instruction
from ondol.lifecycle.task import Stage, over, stage_of, state_from
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task
from ondol.model.errors import ConflictError
from ondol.model.ids import AttemptId, InstanceId, attempt_id, instance_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one step changed: the rows to write in one transaction, then the instructions to carry out.

    Parameters
    ----------
    task : the task's new row, None where it did not change
    instances, attempts : only the changed rows, by id
    """

    task: Task | None = None
    instances: tuple[Instance, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    instructions: tuple[Instruction, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write and nothing to do."""
        return self == Change()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Work:
    """One task and its parts; never changed, each step gives a new one that shares what stayed.

    Parameters
    ----------
    instances : by id, in the order of their numbers
    attempts : every attempt of every instance that has any, oldest first
    tally : instances per Stage
    """

    task: Task
    instances: Mapping[InstanceId, Instance]
    attempts: Mapping[InstanceId, tuple[Attempt, ...]]
    tally: tuple[int, ...]

    @classmethod
    def of(cls, task: Task, instances: Iterable[Instance], attempts: Iterable[Attempt] = ()) -> Work:
        """Put a task together from its stored rows, in any order."""
        by_id = {instance.id: instance for instance in sorted(instances, key=lambda instance: instance.number)}
        tries: dict[InstanceId, tuple[Attempt, ...]] = {}
        for attempt in sorted(attempts, key=lambda attempt: attempt.number):
            tries[attempt.instance_id] = (*tries.get(attempt.instance_id, ()), attempt)
        return cls(task=task, instances=by_id, attempts=tries, tally=_count(by_id, tries))

    def latest(self, key: InstanceId) -> Attempt | None:
        """Give the latest attempt of an instance, None before the first."""
        tries = self.attempts.get(key)
        return tries[-1] if tries else None

    def attempt(self, key: AttemptId) -> Attempt | None:
        """Give an attempt by its id, None where this task has no such."""
        owner, _, number = key.rpartition(".")
        task, _, rank = owner.rpartition(".")
        tries = self.attempts.get(InstanceId(f"{task}/{rank}"), ())
        index = int(number) - 1 if number.isdecimal() else -1
        return tries[index] if 0 <= index < len(tries) and tries[index].id == key else None

    @property
    def over(self) -> bool:
        """Whether no instance will do anything more."""
        return over(self.tally)


def validate(work: Work) -> None:
    """Check everything that must hold between steps.

    Raises
    ------
    ConflictError : naming the first thing that does not
    """
    task = work.task
    for key, instance in work.instances.items():
        tries = work.attempts.get(key, ())
        _hold(instance.id == key == instance_id(task.id, instance.number), f"instance {key} has another id")
        _hold([a.number for a in tries] == list(range(1, len(tries) + 1)), f"attempts of {key} are not numbered 1..n")
        _hold(all(a.id == attempt_id(key, a.number) for a in tries), f"an attempt of {key} has another id")
        _hold(instance.attempts == len(tries), f"{key} counts {instance.attempts} attempts but has {len(tries)}")
        _hold(0 <= instance.failures <= instance.attempts, f"{key} counts more failures than attempts")
        under_way = [a for a in tries if not a.state.final]
        wanted = 1 if instance.state is InstanceState.ACTIVE else 0
        _hold(len(under_way) == wanted, f"{key} is {instance.state.value} with {len(under_way)} attempts under way")
        _hold(not under_way or under_way[0] is tries[-1], f"an attempt of {key} before the latest is under way")
        _hold(all((a.ended_at is not None) == a.state.final for a in tries), f"an end time of {key} is wrong")
        if instance.state is InstanceState.SUCCEEDED:
            _hold(tries[-1].state is AttemptState.SUCCEEDED, f"{key} succeeded without an attempt that did")
    _hold(tuple(i.number for i in work.instances.values()) == task.instance_numbers, "instances are not the task's")
    _hold(set(work.attempts) <= set(work.instances), "there are attempts of no instance")
    _hold(work.tally == _count(work.instances, work.attempts), "the tally is wrong")
    _hold(not (task.blocked and work.attempts), "it waits for other tasks but was begun")
    should = state_from(work.tally, cancel_wanted=task.cancel_wanted, delete_wanted=task.delete_wanted)
    _hold(task.state is should, f"the task is {task.state.value} but its instances say {should.value}")
    _hold(not task.state.final or work.over, "the task is over but an instance is not")
    _hold(task.cancel_wanted or not task.delete_wanted or work.over, "deletion without cancellation")


def _hold(true: bool, otherwise: str) -> None:
    if not true:
        raise ConflictError(f"Broken invariant of a task: {otherwise}. This is a fault of Ondol; please report it.")


def _count(
    instances: Mapping[InstanceId, Instance], attempts: Mapping[InstanceId, tuple[Attempt, ...]]
) -> tuple[int, ...]:
    counts = [0] * len(Stage)
    for key, instance in instances.items():
        tries = attempts.get(key)
        counts[stage_of(instance, tries[-1] if tries else None)] += 1
    return tuple(counts)
