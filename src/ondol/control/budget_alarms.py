"""Alarms of budgets: much of one is used, it refuses work, it keeps work from running.

All three are told by what stands in the book, so that they are the same after `kill -9`; only of refusals nothing is
stored but the alarm itself. A period that begins anew, or more that the operator gives, ends them.
Everything here happens under `works.lock`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ondol.accounting.budget import lacking
from ondol.accounting.budget_periods import period_at
from ondol.agent.orders import AlarmNote
from ondol.control.alarm_book import AlarmBook
from ondol.control.budget_guard import BudgetGuard
from ondol.model.alarm import NO_SITE, Severity
from ondol.model.budget import NOTHING, Amount, Balance, Overrun, Period, UseBudget
from ondol.model.instant import said_utc

USED, REFUSES, STOPS = "budget-used", "budget-refuses", "budget-stops"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What a budget refused last, and what it had then."""

    period_start: dt.datetime
    total: Amount
    asked: Amount


class BudgetAlarms:
    """Keeps the alarms of all budgets in the book of alarms, where they are seen and acknowledged as others are."""

    def __init__(self, guard: BudgetGuard, alarms: AlarmBook) -> None:
        self._guard, self._alarms = guard, alarms
        self._refusals: dict[str, _Refusal] = {}
        self._told: tuple[int, tuple[tuple[str, int], ...]] | None = None
        guard.refusing.append(self._refused)
        at_first = [alarm.entity_id for alarm in alarms.active(NO_SITE) if alarm.code == REFUSES]
        for budget_id in at_first:  # of an earlier life: as long as nothing is left, what was asked matters little
            latest = guard.book.last_opened(budget_id)
            if latest is not None:
                self._refusals[budget_id] = _Refusal(latest.period_start, latest.total, NOTHING)

    def tick(self, at: dt.datetime, stopped: Mapping[str, int]) -> None:
        """Raise and clear what the book tells now; nothing where nothing changed since the last time.

        Parameters
        ----------
        stopped : number of tasks that each budget keeps from running, by its id
        """
        state = (self._guard.book.version, tuple(sorted(stopped.items())))
        if state == self._told:
            return
        notes: list[AlarmNote] = []
        for budget in self._guard.book.active:
            period = period_at(budget, at)
            if period is None:
                self._refusals.pop(budget.id, None)
                continue
            balance = self._guard.book.balance(budget.id, period.start)
            if balance.warned_percent or budget.id in self._refusals or stopped.get(budget.id, 0):
                notes += self._notes(budget, period, balance, stopped.get(budget.id, 0))
        self._alarms.note(NO_SITE, notes, at)
        written = {(alarm.entity_id, alarm.code) for alarm in self._alarms.active(NO_SITE)}
        if written == {(note.entity_id, note.code) for note in notes}:  # else storage was silent: the next tick tries
            self._told = state

    def _notes(self, budget: UseBudget, period: Period, balance: Balance, stopped: int) -> Iterable[AlarmNote]:
        again = "" if period_at(budget, period.end) is None else f" It begins anew at {said_utc(period.end)}."
        mild = budget.overrun is Overrun.ALERT_ONLY
        if balance.warned_percent:
            whole = balance.warned_percent >= 100
            severity = (
                Severity.FAULT if whole and not mild else Severity.INFO if mild and not whole else Severity.WARNING
            )
            yield AlarmNote(
                entity_id=budget.id,
                code=f"{USED}-{balance.warned_percent}",
                severity=severity,
                text=f"Of budget {budget.name} {balance.warned_percent} % are used.{again} "
                f"{_CONSEQUENCE[budget.overrun] if whole else ''}".strip(),
            )
        refusal = self._refusals.get(budget.id)
        if refusal is not None and self._is_over(budget, period, balance, refusal):
            del self._refusals[budget.id]
        elif refusal is not None:
            yield AlarmNote(
                entity_id=budget.id,
                code=REFUSES,
                severity=Severity.WARNING,
                text=f"Budget {budget.name} refuses work: too little is left of it.{again} "
                "The work may fit as another class ('ondol quote'); else the operator may give it more.",
            )
        if stopped:
            yield AlarmNote(
                entity_id=budget.id,
                code=STOPS,
                severity=Severity.FAULT,
                text=f"Budget {budget.name} has nothing left and keeps work from running, which says so itself.{again}",
            )

    @staticmethod
    def _is_over(budget: UseBudget, period: Period, balance: Balance, refusal: _Refusal) -> bool:
        """Whether a budget has begun anew or got more since it refused, or would take now what it refused."""
        return (
            period.start != refusal.period_start
            or bool((balance.total - refusal.total).most(NOTHING))
            or not lacking(budget, balance, refusal.asked)
        )

    def _refused(self, budget: UseBudget, balance: Balance, asked: Amount) -> None:
        refusal = _Refusal(balance.period_start, balance.total, asked)
        if self._refusals.get(budget.id) != refusal:
            self._refusals[budget.id], self._told = refusal, None


_CONSEQUENCE = {
    Overrun.ALERT_ONLY: "It only alerts: work goes on.",
    Overrun.BLOCK_NEW: "New work is refused, what runs goes on.",
    Overrun.STOP_AND_BLOCK_ALL: "New work is refused, what runs is stopped.",
}
