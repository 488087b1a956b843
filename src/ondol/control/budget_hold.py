"""Stops work whose budget is used up, and lets it go on when the budget begins anew (`StopAndBlockAll`).

Work is paused, what it has made so far is uploaded as a snapshot, then it is stopped and waits in the queue. Where the
budget begins anew soon it stays paused instead, and loses nothing. Where it never does, the task is cancelled. Why is
told on the task at every step. Everything here happens under `works.lock`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable

from ondol.accounting.budget import overdrawn, used_up
from ondol.accounting.budget_periods import period_at
from ondol.control.budget_alarms import BudgetAlarms
from ondol.control.budget_guard import BudgetGuard
from ondol.control.works import Works
from ondol.lifecycle.events import CancelAsked, PauseDecided, ResumeDecided, StopDecided
from ondol.lifecycle.work import Work
from ondol.model.budget import NOTHING, Act, BudgetRow, Overrun, UseBudget
from ondol.model.compute import Attempt, AttemptState, Hold, Task, TaskError
from ondol.model.errors import OndolError
from ondol.model.ids import TaskId
from ondol.model.instant import said_utc
from ondol.model.view import ServiceClass

_log = logging.getLogger(__name__)
CODE = "BudgetUsedUp"
PATIENCE = dt.timedelta(hours=1)  # paused work keeps its slot for so long, platform time
EVERY = dt.timedelta(minutes=1)  # everything is looked at this often; sooner where a budget is used up anew


class BudgetHolds:
    """Holds tasks and lets them go.

    Parameters
    ----------
    snapshot : begins to upload what a task's running attempts have made; gives the snapshot's id
    alarms : tells who is concerned; nobody where left out
    """

    def __init__(
        self,
        guard: BudgetGuard,
        works: Works,
        snapshot: Callable[[Task, dt.datetime], str],
        alarms: BudgetAlarms | None = None,
    ) -> None:
        self._guard, self._works, self._snapshot, self._alarms = guard, works, snapshot, alarms
        self._stopped: Counter[str] = Counter()
        self._held: set[TaskId] = {work.task.id for work in works if work.task.held is not None}
        self._seen: tuple[str, ...] = ()
        self._standing: tuple[int, dt.datetime] | None = None
        self._found: tuple[list[UseBudget], list[UseBudget]] = ([], [])
        self._looked_at: dt.datetime | None = None

    def tick(self, at: dt.datetime) -> bool:
        """Hold what must not go on, take what is held a step further, let go what may; whether anything changed."""
        changed = self._turn(at)
        if self._alarms is not None:
            self._alarms.tick(at, self._stopped)
        return changed

    def _turn(self, at: dt.datetime) -> bool:
        book = self._guard.book
        if book.empty and not self._held:
            return False
        self._guard.look(at)  # a period that begins now has everything left
        spent, over = self._used_up(at)
        if not (spent or over or self._held):
            self._seen = ()
            self._stopped.clear()
            return False
        seen = (*(one.id for one in spent), "", *(one.id for one in over))
        if seen == self._seen and self._looked_at is not None and at - self._looked_at < EVERY and not self._held:
            return False
        changed = False
        if seen != self._seen or self._looked_at is None or at - self._looked_at >= EVERY:
            self._seen, self._looked_at = seen, at
            for work in list(self._works):
                budget = self._reason(work.task, spent, over)
                if budget is not None and work.task.held is None and not work.over and not work.task.cancel_wanted:
                    self._hold(work, budget, at)
                    changed = True
        self._stopped.clear()
        for task_id in sorted(self._held):
            changed |= self._take_further(task_id, spent, over, at)
        return changed

    def _used_up(self, at: dt.datetime) -> tuple[list[UseBudget], list[UseBudget]]:
        """Budgets that stop work and have nothing left, and those that are overdrawn."""
        if self._standing != self._guard.standing:  # else it is as it was: a tick does not go through all of them
            strict = [one for one in self._guard.book.active if one.overrun is Overrun.STOP_AND_BLOCK_ALL]
            spent = [one for one in strict if self._is(used_up, one, at)]
            over = [one for one in strict if one not in spent and self._is(overdrawn, one, at)]
            self._standing, self._found = self._guard.standing, (spent, over)
        return self._found

    def _is(self, what: Callable[..., bool], budget: UseBudget, at: dt.datetime) -> bool:
        period = period_at(budget, at)
        return period is not None and what(budget, self._guard.book.balance(budget.id, period.start))

    def _reason(self, task: Task, spent: list[UseBudget], over: list[UseBudget]) -> UseBudget | None:
        """Budget for which a task must not go on; None where it may.

        Where a budget is used up, nothing under it may. Where it is overdrawn, what has used more than it was promised
        may not, since it would take what others were promised. Work in a pool's slot stops with its slot.
        """
        if not (spent or over) or task.service is ServiceClass.FILLER or task.pool_id:
            return None
        above = self._guard.book.over(task.account_id, task.project_id)
        found = next((one for one in above if one in spent), None)
        tab = self._guard.book.tabs.get(task.id)
        if found is not None or tab is None or tab.pooled:
            return found
        gone = {line.budget_id for line in tab.lines if (line.charged - line.asked).most(NOTHING)}
        return next((one for one in above if one in over and one.id in gone), None)

    def _hold(self, work: Work, budget: UseBudget, at: dt.datetime) -> None:
        task = work.task
        reason = f"Budget {budget.name} is used up: {_until(budget, at)}"
        snapshot_id = ""
        if task.result_bucket and any(attempt.state is AttemptState.RUNNING for attempt in _under_way(work)):
            try:
                snapshot_id = self._snapshot(task, at)
            except OndolError as error:
                _log.warning("task %s is stopped without a snapshot: %s", task.id, error)
        hold = Hold(reason=reason, since=at, snapshot_id=snapshot_id)
        told = TaskError(code=CODE, message=reason)
        self._works.change_task(
            task.id, lambda known: dataclasses.replace(known, held=hold, errors=(*known.errors, told))
        )
        self._held.add(task.id)
        self._note(task, budget, at, Act.STOP, reason)
        self._pause(task.id, reason, at)

    def _take_further(self, task_id: TaskId, spent: list[UseBudget], over: list[UseBudget], at: dt.datetime) -> bool:
        work = self._works.get(task_id)
        if work is None or work.over or work.task.held is None or work.task.cancel_wanted:
            self._held.discard(task_id)
            return False
        hold = work.task.held
        budget = self._reason(work.task, spent, over)
        if budget is None:
            self._let_go(work, at)
            return True
        self._stopped[budget.id] += 1
        self._pause(task_id, hold.reason, at)
        again = _renewed(budget, at)
        if again is not None and again - at <= PATIENCE:
            return False
        if hold.snapshot_id and not self._is_over(work.task, hold.snapshot_id):
            return False
        attempts = _under_way(work)
        if again is None and not attempts:
            told = TaskError(code=CODE, message=hold.reason)
            self._works.change_task(task_id, lambda known: dataclasses.replace(known, errors=_others(known)))
            return self._works.apply(task_id, CancelAsked(at=at, task_id=task_id, error=told))
        return any(
            self._works.apply(task_id, StopDecided(at=at, instance_id=attempt.instance_id, reason=hold.reason))
            for attempt in attempts
            if not attempt.stop_wanted and attempt.state is not AttemptState.UPLOADING
        )

    def _let_go(self, work: Work, at: dt.datetime) -> None:
        task_id, reason = work.task.id, "its budget has something left again"
        self._held.discard(task_id)
        if work.task.held is not None:
            self._guard.stood_still(task_id, work.task.held.since, at)
        self._works.change_task(task_id, lambda known: dataclasses.replace(known, held=None, errors=_others(known)))
        for budget in self._guard.book.over(work.task.account_id, work.task.project_id):
            if budget.overrun is Overrun.STOP_AND_BLOCK_ALL:
                self._note(work.task, budget, at, Act.RESUME, reason)
        for attempt in _under_way(work):
            if attempt.state is AttemptState.PAUSED:
                event = ResumeDecided(at=at, instance_id=attempt.instance_id, reason=reason)
                self._works.apply(task_id, event)

    def _pause(self, task_id: TaskId, reason: str, at: dt.datetime) -> None:
        work = self._works.get(task_id)
        for attempt in [] if work is None else _under_way(work):
            if attempt.state is AttemptState.RUNNING:
                self._works.apply(task_id, PauseDecided(at=at, instance_id=attempt.instance_id, reason=reason))

    def _note(self, task: Task, budget: UseBudget, at: dt.datetime, act: Act, note: str) -> None:
        period = period_at(budget, at)
        if period is not None:
            self._guard.note(
                BudgetRow(
                    budget_id=budget.id,
                    period_start=period.start,
                    at=at,
                    act=act,
                    account_id=task.account_id,
                    task_id=task.id,
                    note=note,
                )
            )

    @staticmethod
    def _is_over(task: Task, snapshot_id: str) -> bool:
        found = next((one for one in task.snapshots if one.id == snapshot_id), None)
        return found is None or found.over


def _renewed(budget: UseBudget, at: dt.datetime) -> dt.datetime | None:
    """When a budget begins anew, None for never."""
    period = period_at(budget, at)
    return None if period is None or period_at(budget, period.end) is None else period.end


def _until(budget: UseBudget, at: dt.datetime) -> str:
    again = _renewed(budget, at)
    if again is None:
        return "it does not begin anew, so the task ends here; results so far are uploaded"
    return f"the task waits until it begins anew at {said_utc(again)}; results so far are uploaded"


def _others(task: Task) -> tuple[TaskError, ...]:
    return tuple(error for error in task.errors if error.code != CODE)


def _under_way(work: Work) -> list[Attempt]:
    tries = (work.latest(key) for key in work.attempts)
    return [attempt for attempt in tries if attempt is not None and not attempt.state.final]
