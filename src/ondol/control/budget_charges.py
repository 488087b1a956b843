"""Charges what work used to the budgets above it, window by window, and settles it once its last window is written.

Everything here happens under `works.lock`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable

from ondol.accounting.basis import Basis
from ondol.accounting.budget import BONUS_SHARE, bonus_ug, charge, due_alert, saving_ug
from ondol.accounting.budget_periods import period_at
from ondol.control.budget_book import BudgetBook
from ondol.control.budget_calendar import BudgetCalendar
from ondol.control.budget_journal import BudgetJournal, tab_of
from ondol.control.works import Works
from ondol.lifecycle.work import Change, Work
from ondol.model.budget import NOTHING, Act, Amount, BudgetRow, Tab, TabLine
from ondol.model.fleet import Fleet
from ondol.model.ids import NO_ATTEMPT, AttemptId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, Share

_log = logging.getLogger(__name__)
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)
_SLACK = dt.timedelta(milliseconds=1)  # ends of tasks and windows of one tick are rounded on different ways


class BudgetCharges:
    """Books use into a journal; observes the works.

    Parameters
    ----------
    basis : on which grams are counted
    grid : recorded intensity of a country's grid at a platform time [s since the epoch], [gCO2e/kWh]
    bonus_share : of a saving, what is given back, 0 to 1
    embodied_g : embodied carbon of a row of the ledger [gCO2e]; nothing where it is not known
    """

    def __init__(
        self,
        book: BudgetBook,
        journal: BudgetJournal,
        calendar: BudgetCalendar,
        works: Works,
        fleet: Fleet,
        *,
        basis: Basis,
        grid: Callable[[str, float], float],
        bonus_share: float = BONUS_SHARE,
        embodied_g: Callable[[EnergyRow], float] = lambda _row: 0.0,
    ) -> None:
        self._book, self._journal, self._calendar, self._works = book, journal, calendar, works
        self._basis, self._grid, self._bonus_share, self._embodied_g = basis, grid, bonus_share, embodied_g
        self._country = {site.id: site.country for site in fleet.sites}
        self._ended: dict[TaskId, dt.datetime | None] = {}  # None for what never had a slot: nothing is to come
        for task_id in book.tabs:
            work = works.get(task_id)
            if work is None or work.over:
                self._ended[task_id] = _LONG_AGO  # its last window may be still to come
        works.observers.append(self._see)

    def deleted(self, task_ids: Iterable[TaskId]) -> None:
        """Tasks are gone; the last window of each is the one that is written now, or the next."""
        for task_id in task_ids:
            if task_id in self._book.tabs:
                self._ended.setdefault(task_id, _LONG_AGO)

    def charge(self, energy: list[EnergyRow]) -> None:
        """Charge the rows of a window."""
        basis = self._basis
        whole = _with_overhead(energy)
        by_task: dict[tuple[TaskId, dt.datetime, dt.datetime], list[EnergyRow]] = defaultdict(list)
        for row in energy:
            if row.task_id is not None and row.share is Share.JOB:
                by_task[row.task_id, row.start, row.end].append(row)
        for (task_id, start, end), rows in sorted(by_task.items()):
            tab = self._tab_of(task_id, start)
            if tab is None:
                continue
            energy_kwh = co2e_g = 0.0
            saved_ug = 0
            for row in rows:
                kwh = row.energy_j * whole[row.site_id] / 3.6e6
                ran = basis.g_per_kwh(row.site_id, row.grid_g_per_kwh)
                energy_kwh, co2e_g = energy_kwh + kwh, co2e_g + kwh * ran + self._embodied_g(row)
                at_once = basis.g_per_kwh(row.site_id, self._at_once(row.site_id, tab, end - start))
                saved_ug += saving_ug(round(kwh * 1e9), at_once, ran)
            used = Amount.of(co2e_g, energy_kwh)
            attempts = sorted({row.attempt_id for row in rows if row.attempt_id is not None})
            tab = dataclasses.replace(
                tab, ran_s=tab.ran_s + (end - start).total_seconds(), saved_ug=tab.saved_ug + saved_ug
            )
            self._journal.keep(self._charged(tab, used, start, end, attempts[0] if len(attempts) == 1 else NO_ATTEMPT))

    def _charged(self, tab: Tab, used: Amount, start: dt.datetime, end: dt.datetime, attempt_id: AttemptId) -> Tab:
        lines = []
        for line in tab.lines:
            budget = self._book.get(line.budget_id)
            if budget is None or budget.archived:
                lines.append(line)
                continue
            self._calendar.open(budget, start, end)
            rows, after = charge(budget, tab, line, used, start, end, attempt_id)
            for row in rows:
                self._journal.note(row)
            self._calendar.late_use(budget, start)
            lines.append(after)
        return dataclasses.replace(tab, lines=tuple(lines))

    def _at_once(self, site_id: SiteId, tab: Tab, span: dt.timedelta) -> float:
        """Recorded intensity at the middle of a window, had the task begun at its submission and never stopped."""
        moment_s = tab.submitted_at.timestamp() + tab.ran_s + 0.5 * span.total_seconds()
        return self._grid(self._country[site_id], moment_s)

    def _tab_of(self, task_id: TaskId, at: dt.datetime) -> Tab | None:
        """Tab of a task with a line for every budget above it now; None where there is none."""
        tab = self._book.tabs.get(task_id)
        if tab is None:
            work = self._works.get(task_id)
            task = self._book.stored_task(task_id) if work is None else work.task
            if task is None or not self._book.over(task.account_id, task.project_id):
                return None
            tab = tab_of(task)
            if work is None or work.over:
                self._ended[task_id] = _LONG_AGO
        known = {line.budget_id for line in tab.lines}
        fresh = tuple(
            TabLine(budget_id=budget.id, period_start=period.start)
            for budget in self._book.over(tab.account_id, tab.project_id)
            if budget.id not in known and (period := period_at(budget, at)) is not None
        )
        if fresh:
            tab = dataclasses.replace(tab, lines=(*tab.lines, *fresh))
        return tab if tab.lines else None

    def settle(self, until: dt.datetime | None, now: dt.datetime) -> None:
        """Settle tasks whose last window is in the ledger: refund what they did not use, and part of what they saved.

        Parameters
        ----------
        until : end of the window that is written now; None where none is, so that only what never ran is settled
        now : platform time
        """
        for task_id in sorted(self._ended):
            ended_at = self._ended[task_id]
            if ended_at is not None and (until is None or ended_at > until + _SLACK):
                continue
            del self._ended[task_id]
            tab = self._journal.close(task_id)
            if tab is not None:
                for line in tab.lines:
                    self._settle_line(tab, line, until or now)

    def _settle_line(self, tab: Tab, line: TabLine, at: dt.datetime) -> None:
        row = BudgetRow(
            budget_id=line.budget_id,
            period_start=line.period_start,
            at=at,
            act=Act.REFUND,
            reserved=-line.reserved,
            account_id=tab.account_id,
            task_id=tab.task_id,
            note="settled: what was reserved and not used",
        )
        if line.reserved:
            self._journal.note(row)
        bonus = bonus_ug(self._bonus_share, tab, line)
        if bonus:
            note = f"{self._bonus_share:.0%} of {tab.saved_ug / 1e6:.4g} gCO2e saved against running at submission"
            self._journal.note(
                dataclasses.replace(row, act=Act.BONUS, reserved=NOTHING, spent=Amount(-bonus), note=note)
            )

    def alert(self, at: dt.datetime) -> None:
        """Say once a period that 80 % and 100 % of a budget are used."""
        for budget in self._book.active:
            period = period_at(budget, at)
            if period is None:
                continue
            balance = self._book.balance(budget.id, period.start)
            reached = due_alert(budget, balance)
            if reached > balance.warned_percent:
                note = f"{reached} % used: {balance.spent.co2e_g:.4g} gCO2e, {balance.spent.energy_kwh:.4g} kWh"
                _log.warning("budget %s: %s", budget.name, note)
                self._journal.note(
                    BudgetRow(
                        budget_id=budget.id,
                        period_start=period.start,
                        at=at,
                        act=Act.ALERT,
                        warned_percent=reached - balance.warned_percent,
                        note=note,
                    )
                )

    def _see(self, _before: Work | None, after: Work, _change: Change) -> None:
        if after.task.id in self._book.tabs and after.task.state.final and after.task.id not in self._ended:
            # One that never had a slot has nothing to wait for.
            self._ended[after.task.id] = after.task.ended_at if after.attempts else None


def _with_overhead(energy: Iterable[EnergyRow]) -> dict[SiteId, float]:
    """By how much each site's electricity in a window is more than that of its nodes."""
    it_j: dict[SiteId, float] = defaultdict(float)
    overhead_j: dict[SiteId, float] = defaultdict(float)
    for row in energy:
        (overhead_j if row.share is Share.OVERHEAD else it_j)[row.site_id] += row.energy_j
    return {site: 1.0 + (overhead_j[site] / joules if joules > 0 else 0.0) for site, joules in it_j.items()}
