"""Budgets as callers see them and the operator sets them; see `budget_ports.BudgetDesk`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from ondol.accounting.budget_periods import period_at
from ondol.control.alarm_book import AlarmBook
from ondol.control.budget_guard import BudgetGuard
from ondol.control.budget_ports import BudgetNow, HistoryPage, Left
from ondol.control.budget_setting import budget_of, holder_names, holder_of, remove_budget, set_budget
from ondol.control.directory import OPERATOR
from ondol.model.account import Account
from ondol.model.alarm import NO_SITE, Alarm
from ondol.model.budget import Amount, Balance, BudgetRow, Holder, Level, UseBudget
from ondol.model.compute import Task
from ondol.model.errors import ForbiddenError, NotFoundError, UnavailableError
from ondol.model.ids import NO_ATTEMPT, AccountId, ProjectId, TaskId
from ondol.storage.ports import Store

_MOST_ALARMS = 10_000  # about all budgets together, the latest


class PlatformBudgets:
    """The desk over a guard.

    Parameters
    ----------
    guard : holds work to its budgets; None for an installation without
    now : platform time
    alarms : book in which alarms about budgets stand; that of the store where left out
    """

    def __init__(
        self,
        store: Store,
        guard: BudgetGuard | None,
        now: Callable[[], dt.datetime],
        alarms: AlarmBook | None = None,
    ) -> None:
        self._store, self._guard, self._now, self._alarms = store, guard, now, alarms or AlarmBook(store)

    def check_open(self, task: Task) -> None:
        """Raise BudgetExceededError where nothing is left for work without an end."""
        if self._guard is not None:
            with self._guard.lock:
                self._guard.check_open(task, self._now())

    def of(self, caller: Account, *, every: bool = False) -> tuple[BudgetNow, ...]:
        if every:
            self._check_operator(caller)
        if self._guard is None:
            return ()
        projects = self._projects_of(caller)
        with self._guard.lock:
            guard = self._looked()
            shown = guard.book.active if every else [one for one in guard.book.active if _sees(caller, projects, one)]
            told = self._told()
            return tuple(self._now_of(guard, budget, told) for budget in shown)

    def one(self, caller: Account, budget_id: str) -> BudgetNow:
        if self._guard is None:
            raise NotFoundError("budget", budget_id)
        projects = self._projects_of(caller)
        with self._guard.lock:
            guard = self._looked()
            budget = guard.book.get(budget_id)
            seen = budget is not None and not budget.archived and _sees(caller, projects, budget)
            if budget is None or not (seen or caller.email == OPERATOR):
                raise NotFoundError("budget", budget_id)
            return self._now_of(guard, budget, self._told())

    def history(
        self,
        caller: Account,
        budget_id: str,
        *,
        task_id: TaskId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        after: int = 0,
        limit: int = 1000,
        latest: bool = False,
    ) -> HistoryPage:
        self.one(caller, budget_id)
        if self._guard is not None:
            with self._guard.lock:
                self._guard.flush()  # what was booked since the last write is there, too
        more = 0 if latest else 1
        rows = self._store.budget_rows(
            budget_id, task_id=task_id, start=start, end=end, after=after, limit=limit + more, latest=latest
        )
        next_after = rows[limit - 1][0] if len(rows) > limit else None
        shown = tuple((number, self._nameless(caller, row)) for number, row in rows[:limit])
        if task_id is not None:
            shown = tuple((number, row) for number, row in shown if row.task_id)
        return HistoryPage(rows=shown, next_after=next_after)

    def alarms(
        self, caller: Account, budget_id: str, *, active: bool | None = None, limit: int = 1000
    ) -> tuple[Alarm, ...]:
        self.one(caller, budget_id)
        rows = self._store.alarms(NO_SITE, active=active, limit=_MOST_ALARMS)
        return tuple(alarm for alarm in rows if alarm.entity_id == budget_id)[:limit]

    def ack(self, caller: Account, budget_id: str, alarm_key: str) -> Alarm:
        self.one(caller, budget_id)
        alarm = self._store.alarm(alarm_key)
        if alarm is None or alarm.site_id != NO_SITE or alarm.entity_id != budget_id:
            raise NotFoundError("alarm", alarm_key)
        return self._alarms.ack(alarm_key, caller.email, self._now())

    def holder(self, caller: Account, *, organization: str = "", project: str = "", account: str = "") -> Holder:
        self._check_operator(caller)
        return holder_of(self._store, organization=organization, project=project, account=account)

    def names(self, holder: Holder) -> dict[str, str]:
        return holder_names(self._store, holder)

    def put(self, caller: Account, budget_id: str, holder: Holder, **terms: Any) -> BudgetNow:
        self._check_operator(caller)
        guard = self._there()
        with guard.lock:
            budget = budget_of(budget_id, holder, **terms)
            set_budget(self._store, budget)
            guard.forget()
            guard.look(self._now())
            guard.flush()
            return self._now_of(guard, budget, self._told())

    def remove(self, caller: Account, budget_id: str) -> None:
        self._check_operator(caller)
        guard = self._there()
        with guard.lock:
            remove_budget(self._store, budget_id)
            guard.forget()
            guard.look(self._now())
            guard.flush()

    def left(self, account_id: AccountId, project_id: ProjectId) -> Left:
        if self._guard is None:
            return Left(co2e_g=None, energy_kwh=None)
        with self._guard.lock:
            guard, at = self._looked(), self._now()
            found: list[tuple[UseBudget, Amount]] = []
            for budget in guard.book.over(account_id, project_id):
                period = period_at(budget, at)
                if period is not None:
                    found.append((budget, guard.book.balance(budget.id, period.start).left))
        grams = [left.co2e_g for budget, left in found if budget.co2e_g is not None]
        kwh = [left.energy_kwh for budget, left in found if budget.energy_kwh is not None]
        return Left(co2e_g=min(grams, default=None), energy_kwh=min(kwh, default=None))

    def _looked(self) -> BudgetGuard:
        guard = self._there()
        guard.look(self._now())
        return guard

    def _there(self) -> BudgetGuard:
        if self._guard is None:
            raise UnavailableError("This installation keeps no budgets")
        return self._guard

    def _told(self) -> Mapping[str, tuple[Alarm, ...]]:
        """Alarms that last, by budget."""
        told: dict[str, tuple[Alarm, ...]] = {}
        for alarm in self._alarms.active(NO_SITE):
            told[alarm.entity_id] = (*told.get(alarm.entity_id, ()), alarm)
        return told

    def _now_of(self, guard: BudgetGuard, budget: UseBudget, told: Mapping[str, tuple[Alarm, ...]]) -> BudgetNow:
        at = self._now()
        period = None if budget.archived else period_at(budget, at)
        balance: Balance | None = None
        renews_at = None
        if period is not None:
            balance = guard.book.balance(budget.id, period.start)
            renews_at = None if period_at(budget, period.end) is None else period.end
        return BudgetNow(
            budget=budget, period=period, balance=balance, renews_at=renews_at, alarms=told.get(budget.id, ())
        )

    def _projects_of(self, caller: Account) -> frozenset[ProjectId]:
        return frozenset(project.id for project in self._store.projects() if caller.id in project.members)

    @staticmethod
    def _nameless(caller: Account, row: BudgetRow) -> BudgetRow:
        """A row as others than its account and the operator may see it: how much, not whose and what."""
        if not row.account_id or row.account_id == caller.id or caller.email == OPERATOR:
            return row
        nobody = AccountId("")
        return dataclasses.replace(row, account_id=nobody, task_id=TaskId(""), attempt_id=NO_ATTEMPT, note="")

    @staticmethod
    def _check_operator(caller: Account) -> None:
        if caller.email != OPERATOR:
            raise ForbiddenError(f"Only the operator of this installation ({OPERATOR}) may do that with budgets")


def _sees(caller: Account, projects: frozenset[ProjectId], budget: UseBudget) -> bool:
    """Whether an account that is in some projects sees a budget."""
    holder = budget.holder
    match holder.level:
        case Level.ORGANIZATION:
            return holder.organization == caller.organization
        case Level.PROJECT:
            return holder.project_id in projects
        case _:
            return holder.account_id == caller.id
