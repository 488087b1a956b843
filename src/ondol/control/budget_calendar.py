"""Begins the periods of budgets: what each has, what is carried over, what goes on from the one before."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.accounting.budget import carried, due_alert
from ondol.accounting.budget_periods import period_at, period_before, periods_of
from ondol.control.budget_book import BudgetBook
from ondol.control.budget_journal import BudgetJournal
from ondol.model.budget import NOTHING, Act, Amount, BudgetRow, Period, Tab, TabLine, UseBudget

_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


class BudgetCalendar:
    """Opens periods in a book, and lets reservations go on into them."""

    def __init__(self, book: BudgetBook, journal: BudgetJournal) -> None:
        self._book, self._journal = book, journal
        self._next = dt.datetime.min.replace(tzinfo=dt.UTC)

    def turn(self, at: dt.datetime, *, anyway: bool) -> None:
        """Begin what is due; nothing where no period ended since the last time, unless budgets were changed."""
        if at < self._next and not anyway:
            return
        self._next = _LAST
        for budget in self._book.active:
            period = period_at(budget, at)
            if period is not None:
                self._begin(budget, period, at)
                self._grant_anew(budget, period, at)
                self._next = min(self._next, period.end)
            elif at < budget.start:
                self._next = min(self._next, budget.start)
        for _, tab in sorted(self._book.tabs.items()):
            lines = tuple(kept for line in tab.lines if (kept := self._moved(tab, line, at)) is not None)
            if lines != tab.lines:
                self._journal.keep(dataclasses.replace(tab, lines=lines))

    @property
    def next_turn(self) -> dt.datetime:
        """When the next period of some budget begins or ends, as of the last turn."""
        return self._next

    def open(self, budget: UseBudget, start: dt.datetime, end: dt.datetime) -> None:
        """Begin every period that a window lies in."""
        for period, _ in periods_of(budget, start, end):
            self._begin(budget, period, max(start, period.start))

    def late_use(self, budget: UseBudget, start: dt.datetime) -> None:
        """Take back what was carried over too much, where something was charged to a period that is over."""
        period = period_at(budget, start) if budget.carry_over else None
        while period is not None:
            later = period_at(budget, period.end)
            if later is None or not self._book.opened(budget, later):
                return
            due = carried(budget, self._book.balance(budget.id, period.start))
            change = due - self._book.balance(budget.id, later.start).carried
            if not change:
                return
            note = "less is carried over: use of the period before came in"
            self._renew(budget, later, later.start, carried_over=change, note=note)
            period = later

    def _begin(self, budget: UseBudget, period: Period, at: dt.datetime) -> None:
        if self._book.opened(budget, period):
            return
        over = NOTHING
        before = period_before(budget, period) if budget.carry_over else None
        if before is not None and self._open_missing(budget, before):
            over = carried(budget, self._book.balance(budget.id, before.start))
        self._renew(budget, period, at, granted=budget.limit, carried_over=over, note="a period begins")

    def _open_missing(self, budget: UseBudget, until: Period) -> bool:
        """Begin the periods up to one in which nothing was booked; False where the budget was never begun before."""
        last = self._book.last_opened(budget.id)
        if last is None:
            return False
        period = period_at(budget, last.period_start)
        while period is not None and period.start < until.start:
            over = carried(budget, self._book.balance(budget.id, period.start))
            period = period_at(budget, period.end)
            if period is not None and not self._book.opened(budget, period):
                note = "a period in which nothing was booked"
                self._renew(budget, period, period.start, granted=budget.limit, carried_over=over, note=note)
        return True

    def _grant_anew(self, budget: UseBudget, period: Period, at: dt.datetime) -> None:
        before = self._book.balance(budget.id, period.start)
        change = budget.limit - before.granted
        # Where it has more now, what was told of its use is no longer so, and is told again when it is.
        untold = min(0, due_alert(budget, dataclasses.replace(before, granted=budget.limit)) - before.warned_percent)
        if change or untold:
            note = "the operator changed what it has" if change else "the operator changed when its use is told of"
            self._renew(budget, period, at, granted=change, warned_percent=untold, note=note)

    def _renew(
        self,
        budget: UseBudget,
        period: Period,
        at: dt.datetime,
        *,
        granted: Amount = NOTHING,
        carried_over: Amount = NOTHING,
        warned_percent: int = 0,
        note: str,
    ) -> None:
        self._journal.note(
            BudgetRow(
                budget_id=budget.id,
                period_start=period.start,
                at=at,
                act=Act.RENEW,
                granted=granted,
                carried=carried_over,
                warned_percent=warned_percent,
                note=note,
            )
        )

    def _moved(self, tab: Tab, line: TabLine, at: dt.datetime) -> TabLine | None:
        """Line of a task in the period of now; None where its budget was removed."""
        budget = self._book.get(line.budget_id)
        removed = budget is None or budget.archived
        period = None if budget is None or removed else period_at(budget, at)
        if (
            not removed
            and (period is None or period.start <= line.period_start)
            and not (period is None and line.reserved)
        ):
            return line
        row = BudgetRow(
            budget_id=line.budget_id,
            period_start=line.period_start,
            at=at,
            act=Act.REFUND,
            reserved=-line.reserved,
            account_id=tab.account_id,
            task_id=tab.task_id,
            note="the budget was removed" if removed else "the period is over",
        )
        if line.reserved:
            self._journal.note(row)
        if removed:
            return None
        if period is None:
            return dataclasses.replace(line, reserved=NOTHING)
        if line.reserved:
            note = "the task goes on from the period before"
            self._journal.note(
                dataclasses.replace(row, period_start=period.start, act=Act.RESERVE, reserved=line.reserved, note=note)
            )
        return dataclasses.replace(line, period_start=period.start)
