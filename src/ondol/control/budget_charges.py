"""Charges what work used to the budgets above it, window by window, and settles it once its last window is written.

Everything here happens under `works.lock`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable, Iterable, Sequence

from ondol.accounting.basis import Basis
from ondol.accounting.budget import BONUS_SHARE, bonus_ug, charge, due_alert, saving_ug, whole_amount
from ondol.accounting.budget_periods import period_at
from ondol.accounting.waiting import Run
from ondol.control.budget_book import BudgetBook
from ondol.control.budget_calendar import BudgetCalendar
from ondol.control.budget_journal import BudgetJournal, tab_of
from ondol.control.budget_owed import OwedUse
from ondol.control.budget_use import Use, uses_of
from ondol.control.works import Works
from ondol.lifecycle.work import Change, Work
from ondol.model.budget import NOTHING, Act, Amount, BudgetRow, Tab, TabLine
from ondol.model.fleet import Fleet
from ondol.model.ids import TaskId
from ondol.model.ledger import EnergyRow

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
    embodied_g : embodied carbon of every row of some windows [gCO2e]; 0 where it is not known
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
        embodied_g: Callable[[Sequence[EnergyRow]], Sequence[float]] = lambda rows: [0.0] * len(rows),
    ) -> None:
        self._book, self._journal, self._calendar, self._works = book, journal, calendar, works
        self._basis, self._grid, self._bonus_share = basis, grid, bonus_share
        self._owed = OwedUse(book, lambda rows: uses_of(rows, embodied_g(rows)))
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
        """Charge all rows of one or more windows; what is nobody's work is charged to nobody.

        What cannot be charged now, as where storage does not answer, is owed: nothing of it is booked, and the next
        time tries again, also after a restart.
        """
        for use in self._owed.take(energy):
            try:
                self._charge(use)
            except Exception:  # noqa: BLE001  # whatever is wrong with one task's, others' is charged
                _log.exception("what task %s used cannot be charged now, trying again", use.task_id)
                self._owed.add(use)

    def _charge(self, use: Use) -> None:
        tab = self._tab_of(use.task_id, use.start)
        if tab is None:
            return
        start_s, end_s, basis = use.start.timestamp(), use.end.timestamp(), self._basis
        run = Run(tab.submitted_at.timestamp() + tab.idle_s, tab.ran_s)
        late_s = run.late_s(start_s)
        self._say_of_gone_sites(use)
        energy_kwh = co2e_g = 0.0
        at_once_ug = saved_ug = 0
        for part in use.parts:
            site_id, energy_uwh = part.row.site_id, round(part.energy_kwh * 1e9)
            known = site_id in self._country
            ran = basis.g_per_kwh(site_id, part.row.grid_g_per_kwh) if known else part.row.grid_g_per_kwh
            at_once = ran
            if late_s and known:
                recorded = self._grid(self._country[site_id], 0.5 * (start_s + end_s) - late_s)
                at_once = basis.g_per_kwh(site_id, recorded)
            energy_kwh, co2e_g = energy_kwh + part.energy_kwh, co2e_g + part.energy_kwh * ran + part.making_g
            at_once_ug += saving_ug(energy_uwh, at_once, 0.0)
            saved_ug += saving_ug(energy_uwh, at_once, ran)
        used, tab = whole_amount(tab, co2e_g, energy_kwh)
        tab = dataclasses.replace(
            tab,
            ran_s=run.after(start_s, end_s).ran_s,
            at_once_ug=tab.at_once_ug + at_once_ug,
            saved_ug=tab.saved_ug + saved_ug,
        )
        self._book_use(tab, used, use)

    def _say_of_gone_sites(self, use: Use) -> None:
        """Owed use may be of a site that the fleet has no more: its energy is charged, its carbon as recorded."""
        for site_id in sorted({part.row.site_id for part in use.parts} - self._country.keys()):
            _log.warning(
                "what task %s used at %s, which is no site of the fleet any more, is charged by the grid as recorded, "
                "without what lies upstream of it", use.task_id, site_id,
            )  # fmt: skip

    def _book_use(self, tab: Tab, used: Amount, use: Use) -> None:
        lines, rows, budgets = [], [], []
        for line in tab.lines:
            budget = self._book.get(line.budget_id)
            if budget is None or budget.archived:
                lines.append(line)
                continue
            booked, after = charge(budget, tab, line, used, use.start, use.end, use.attempt_id)
            lines.append(after)
            rows += booked
            budgets.append(budget)
        for budget in budgets:
            self._calendar.open(budget, use.start, use.end)
        for row in rows:
            self._journal.note(row)
        self._journal.keep(dataclasses.replace(tab, lines=tuple(lines)))
        for budget in budgets:
            self._calendar.late_use(budget, use.start)

    def _tab_of(self, task_id: TaskId, at: dt.datetime) -> Tab | None:
        """Tab of a task with a line for every budget above it now; None where there is none."""
        tab = self._book.tabs.get(task_id)
        if tab is None:
            work = self._works.get(task_id)
            task = self._book.stored_task(task_id) if work is None else work.task
            if task is None or not self._book.over(task.account_id, task.project_id):
                return None
            # What it did before a budget was above it is not known here: it counts as if it could run from now on.
            idle_s = max(0.0, (at - task.created_at).total_seconds())
            tab = dataclasses.replace(tab_of(task), idle_s=idle_s)
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

    def owed(self) -> dict[str, bytes]:
        """What is owed now, for the commit that has the windows; nothing where that is as before."""
        return self._owed.news()

    def settle(self, until: dt.datetime | None, now: dt.datetime) -> None:
        """Settle tasks whose last window is in the ledger: refund what they did not use, and part of what they saved.

        Parameters
        ----------
        until : end of the window that is written now; None where none is, so that only what never ran is settled
        now : platform time
        """
        owed = self._owed.whose()
        for task_id in sorted(self._ended):
            ended_at = self._ended[task_id]
            if task_id in owed or (ended_at is not None and (until is None or ended_at > until + _SLACK)):
                continue
            tab = self._book.tabs.get(task_id)
            outcome = self._outcome(task_id) if tab is not None and not tab.outcome else ""
            del self._ended[task_id]
            tab = self._journal.close(task_id)
            if tab is not None:
                tab = dataclasses.replace(tab, outcome=tab.outcome or outcome)
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
            began = (tab.submitted_at + dt.timedelta(seconds=tab.idle_s)).astimezone(dt.UTC)
            ran_ug = tab.at_once_ug - tab.saved_ug
            note = (
                f"{self._bonus_share:.0%} of {tab.saved_ug / 1e6:.4g} gCO2e saved: its electricity was "
                f"{ran_ug / 1e6:.4g} g, "
                f"begun at {began:%Y-%m-%d %H:%M} UTC it would have been {tab.at_once_ug / 1e6:.4g} g"
            )
            if bonus < round(self._bonus_share * tab.saved_ug):
                note += "; less here: no more than this budget was charged, and for its part of the task"
            self._journal.note(
                dataclasses.replace(row, act=Act.BONUS, reserved=NOTHING, spent=Amount(-bonus), note=note)
            )
            budget = self._book.get(line.budget_id)
            if budget is not None:
                self._calendar.late_use(budget, line.period_start)

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

    def _outcome(self, task_id: TaskId) -> str:
        """How a task ended whose end was not noted; "" where that is not known any more."""
        work = self._works.get(task_id)
        task = self._book.stored_task(task_id) if work is None else work.task
        return task.state.value if task is not None and task.state.final else ""

    def _see(self, before: Work | None, after: Work, _change: Change) -> None:
        task = after.task
        tab = self._book.tabs.get(task.id)
        if tab is None:
            return
        if before is not None and before.task.blocked and not task.blocked:
            # Until then it could not have run, whatever its class: that is no patience.
            idle_s = max(0.0, (task.modified_at - tab.submitted_at).total_seconds())
            self._journal.keep(dataclasses.replace(tab, idle_s=idle_s))
        if task.state.final and task.id not in self._ended:
            self._journal.keep(dataclasses.replace(self._book.tabs[task.id], outcome=task.state.value))
            # One that never had a slot has nothing to wait for.
            self._ended[task.id] = task.ended_at if after.attempts else None
