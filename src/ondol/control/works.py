"""Every open task in memory, as the lifecycle sees it; the only writer of task state.

Callers hold `lock` from reading a work to committing what came of it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterable, Iterator

from ondol.control.doubtful import Doubtful
from ondol.control.ledger_facts import work_fact
from ondol.control.work_index import WorkIndex
from ondol.lifecycle.events import (
    AboutAttempt,
    CancelAsked,
    Decided,
    DeleteAsked,
    ParentEnded,
    QueueTimedOut,
    ResumeDecided,
    StartDecided,
    TaskSubmitted,
    TimePassed,
)
from ondol.lifecycle.instructions import DeleteTask, Instruction
from ondol.lifecycle.machine import pending, step, submit
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, Instance, Task, TaskState
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import AttemptId, InstanceId, TaskId, task_of
from ondol.model.ledger import LedgerFact
from ondol.storage.budget_ports import NO_BUDGET_CHANGES, BudgetChanges
from ondol.storage.ports import Changes, Reply, Store

_log = logging.getLogger(__name__)

Asked = CancelAsked | DeleteAsked | ParentEnded | QueueTimedOut
Observer = Callable[[Work | None, Work, Change], None]
"""Is told of every step: the work before (None for a new one), the work after, and what changed. It may not step."""


class Works:
    """Open works, and the changes that wait to be written.

    Parameters
    ----------
    store : where they are kept; loaded at construction

    `observers` are told of every step, in the order of the steps; `index` says which works need looking at.
    """

    def __init__(self, store: Store) -> None:
        self.lock = threading.RLock()
        self._store = store
        self.doubtful = Doubtful(store)
        self._works: dict[TaskId, Work] = {}
        self._changed = Gathered()
        self.observers: list[Observer] = []
        self.index = WorkIndex()
        for task in store.open_tasks():
            self._take_in(_untouched(task) or self._read(task))

    def __iter__(self) -> Iterator[Work]:
        """Open works by task id."""
        return iter([self._works[key] for key in sorted(self._works)])

    def get(self, task_id: TaskId) -> Work | None:
        """Give an open work, None where the task is over or unknown."""
        return self._works.get(task_id)

    def admit(
        self,
        tasks: Iterable[Task],
        at: dt.datetime,
        replies: tuple[Reply, ...] = (),
        budgets: BudgetChanges = NO_BUDGET_CHANGES,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Take in new tasks, all or none: they are durable, with the answers, before anybody is told of them.

        Parameters
        ----------
        budgets : what is promised to them
        then : done once they are known to be durable, which may be later than this raises OutcomeUnknownError
        """

        def enter() -> None:
            then()
            self._enter(begun)

        begun = [submit(TaskSubmitted(at=at, task=task)) for task in tasks]
        gathered = Gathered()
        for _, change in begun:
            gathered.take(change)
        changes, _ = gathered.hand_over()
        facts = tuple(work_fact(work.task) for work, _ in begun)
        changes = dataclasses.replace(changes, replies=replies, facts=facts, budgets=budgets)
        self.doubtful.commit(changes, enter)

    def begin(self, tasks: Iterable[Task], at: dt.datetime) -> None:
        """Take in the platform's own new tasks, to be written with the other changes of this moment."""
        begun = [submit(TaskSubmitted(at=at, task=task)) for task in tasks]
        for work, change in begun:
            self._changed.take(change)
            self._changed.facts.append(work_fact(work.task))
        self._enter(begun)

    def _enter(self, begun: list[tuple[Work, Change]]) -> None:
        for work, _ in begun:
            self._take_in(work)
        for work, change in begun:
            try:
                self._tell(None, work, change)
            except Exception:  # noqa: BLE001  # they are durable: to say otherwise would have them submitted once more
                _log.exception("not everybody could be told of task %s", work.task.id)

    def _take_in(self, work: Work) -> None:
        self._works[work.task.id] = work
        self.index.enter(work)

    def _read(self, task: Task) -> Work:
        return Work.of(task, self._store.instances(task.id), self._store.attempts(task.id))

    def _tell(self, before: Work | None, after: Work, change: Change) -> None:
        fault: Exception | None = None
        for observer in self.observers:
            try:
                observer(before, after, change)
            except Exception as error:  # noqa: BLE001  # raised below, once the others are told
                fault = fault or error
        if fault is not None:
            raise fault

    def revive(self, task: Task) -> None:
        """Take a task that is over back in, so that it can be deleted."""
        if task.id not in self._works:
            self._take_in(self._read(task))

    def apply(self, task_id: TaskId, event: Decided | AboutAttempt | Asked | TimePassed) -> bool:
        """Crank one work by one event; False where the event no longer fits (the world moved on meanwhile).

        What is held neither starts nor goes on, whatever a policy says of it.
        """
        work = self._works.get(task_id)
        if work is None or (work.task.held is not None and isinstance(event, StartDecided | ResumeDecided)):
            return False
        try:
            after, change = step(work, event)
        except (ConflictError, NotFoundError) as error:
            _log.info("event refused: %s", error)
            return False
        self._stepped(work, after, change)
        return True

    def ask(self, task_id: TaskId, event: CancelAsked | DeleteAsked) -> None:
        """Crank one work by a user's wish; raises what the lifecycle raises."""
        work = self._works.get(task_id)
        if work is None:
            raise NotFoundError("task", task_id)
        after, change = step(work, event)
        self._stepped(work, after, change)

    def _stepped(self, before: Work, after: Work, change: Change) -> None:
        self._works[after.task.id] = after
        if after is not before:
            touched = [instance.id for instance in change.instances] + [a.instance_id for a in change.attempts]
            begins = before.task.blocked and not after.task.blocked  # with all its instances, changed or not
            self.index.note(after, change.attempts, None if begins else touched)
        self._changed.take(change)
        if after is not before:
            self._tell(before, after, change)

    def replace_task(self, task: Task) -> None:
        """Put a task with other tags or constants in the place of the old one."""
        work = self._works.get(task.id)
        if work is not None:
            self._works[task.id] = changed = dataclasses.replace(work, task=task)
            self.index.note(changed, (), None)
        self._changed.take(Change(task=task))

    def change_task(self, task_id: TaskId, change: Callable[[Task], Task]) -> None:
        """Change the row of a task, open or over; one that is gone stays gone."""
        work = self._works.get(task_id)
        task = self._store.task(task_id) if work is None else work.task
        if task is not None:
            self.replace_task(change(task))

    def remind(self, at: dt.datetime) -> None:
        """Let time pass for every work that has something under way or is to be deleted."""
        for task_id in self._stirring():
            self.apply(task_id, TimePassed(at=at))

    def pending(self) -> tuple[Instruction, ...]:
        """Instructions that a crash may have swallowed."""
        return tuple(instruction for task_id in self._stirring() for instruction in pending(self._works[task_id]))

    def _stirring(self) -> list[TaskId]:
        """Tasks for which instructions may be pending, by id; what merely waits has none."""
        return sorted({*self.index.busy(), *self.index.deleting})

    def take_changes(self) -> tuple[Changes, tuple[Instruction, ...]]:
        """Hand over what is to be written, and what is to be done once it is."""
        self.doubtful.settle()
        return self._changed.hand_over()

    def drop_closed(self, done: Iterable[Instruction], *, all_written: bool = True) -> None:
        """Let works that are over leave memory, once they are written and their instructions are done.

        Parameters
        ----------
        all_written : whether nothing waits to be written; else only what is deleted goes
        """
        for instruction in done:
            if isinstance(instruction, DeleteTask):
                self._drop(instruction.task_id)
        for task_id in self.index.over() if all_written else ():
            self._drop(task_id)

    def _drop(self, task_id: TaskId) -> None:
        work = self._works.pop(task_id, None)
        if work is not None:
            self.index.leave(work)

    def find(self, attempt_id: AttemptId) -> tuple[Work, Attempt] | None:
        """Give an attempt under way with its work."""
        work = self._works.get(task_of(attempt_id))
        attempt = None if work is None else work.attempt(attempt_id)
        return None if work is None or attempt is None else (work, attempt)

    def under_way(self) -> Iterator[tuple[Work, Instance, Attempt]]:
        """Every attempt that holds a slot, by instance id."""
        for instance_id, task_id in self.index.under_way():
            work = self._works[task_id]
            attempt = work.latest(instance_id)
            if attempt is not None and not attempt.state.final:
                yield work, work.instances[instance_id], attempt


def _untouched(task: Task) -> Work | None:
    """Put together without a look into storage what has never left the queue; None for any other task.

    A task that is in its first state has instances that all wait, and no attempts; only one that waited for others
    may have begun to queue later than it was made. At a start with a long queue this saves two reads a task.
    """
    if task.state is not TaskState.SUBMITTED or task.previous_state is not None or task.dependencies:
        return None
    return submit(TaskSubmitted(at=task.created_at, task=task))[0]


class Gathered:
    """Changes of many steps, merged so that each row is written once."""

    def __init__(self) -> None:
        self._tasks: dict[TaskId, Task] = {}
        self._instances: dict[InstanceId, Instance] = {}
        self._attempts: dict[AttemptId, Attempt] = {}
        self._instructions: list[Instruction] = []
        self.facts: list[LedgerFact] = []

    def take(self, change: Change) -> None:
        """Add one step's change; a later row of the same id wins."""
        if change.task is not None:
            self._tasks[change.task.id] = change.task
        self._instances |= {instance.id: instance for instance in change.instances}
        self._attempts |= {attempt.id: attempt for attempt in change.attempts}
        self._instructions += change.instructions

    def hand_over(self) -> tuple[Changes, tuple[Instruction, ...]]:
        """Give all and begin anew."""
        deleted = {i.task_id for i in self._instructions if isinstance(i, DeleteTask)}
        changes = Changes(
            tasks=tuple(task for task in self._tasks.values() if task.id not in deleted),
            instances=tuple(i for i in self._instances.values() if i.task_id not in deleted),
            attempts=tuple(a for a in self._attempts.values() if a.task_id not in deleted),
            deleted_tasks=tuple(sorted(deleted)),
            facts=tuple(self.facts),
        )
        instructions = tuple(self._instructions)
        self.__init__()  # type: ignore[misc]  # begin anew with the same emptiness
        return changes, instructions
