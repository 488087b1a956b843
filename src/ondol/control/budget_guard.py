"""Holds work to its budgets: what a task may take is promised at its acceptance, and settled by what it took.

Everything here happens under `works.lock`. What is booked goes into the commit of what it belongs to: a reservation
into that of its task, a charge into that of the ledger's rows. A crash leaves both or neither.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ondol.accounting.basis import Basis
from ondol.accounting.budget import BONUS_SHARE, lacking, used_up
from ondol.accounting.budget_periods import period_at
from ondol.control.budget_book import BudgetBook
from ondol.control.budget_calendar import BudgetCalendar
from ondol.control.budget_charges import BudgetCharges
from ondol.control.budget_journal import BudgetJournal, tab_of
from ondol.control.works import Works
from ondol.model.budget import NOTHING, Act, Amount, Balance, BudgetRow, Overrun, Tab, TabLine, UseBudget
from ondol.model.compute import Task
from ondol.model.errors import BudgetExceededError, OndolError, UnavailableError
from ondol.model.estimate import Estimate
from ondol.model.fleet import Fleet
from ondol.model.ids import TaskId
from ondol.model.instant import said_utc
from ondol.model.ledger import EnergyRow
from ondol.model.view import ServiceClass
from ondol.storage.ports import Changes

_log = logging.getLogger(__name__)
_FRESH_S = 2.0  # an operator's word is heard within that time [s, wall]
_COUNTED = Amount(
    2**62, 2**62
)  # most that is promised at a time, also by a budget that only alerts: a store has 63 bits
_CHEAPER = (ServiceClass.FLEX, ServiceClass.HARVEST)


class Estimates(Protocol):
    """Says what a task will probably take; `control.estimates.Estimator` is one."""

    def estimate(
        self, task: Task, *, service: ServiceClass | None = None, at: dt.datetime | None = None
    ) -> Estimate: ...


@dataclass(slots=True)
class Reservation:
    """What is promised to the tasks of one submission.

    Parameters
    ----------
    held : it counts in the balances now
    """

    rows: tuple[BudgetRow, ...] = ()
    tabs: tuple[Tab, ...] = ()
    held: bool = True


class BudgetGuard:
    """Reserves, charges, settles and refuses.

    Parameters
    ----------
    book : balances and unsettled tasks
    estimates : what tasks will take; None where nothing tells: work is then refused only where nothing is left
    now : platform time
    basis, grid, bonus_share, embodied_g : see `BudgetCharges`
    flush : writes what is booked
    elapsed_s : a monotonic clock [s, wall]
    """

    def __init__(
        self,
        book: BudgetBook,
        works: Works,
        fleet: Fleet,
        *,
        now: Callable[[], dt.datetime],
        basis: Basis,
        grid: Callable[[str, float], float],
        estimates: Estimates | None = None,
        bonus_share: float = BONUS_SHARE,
        embodied_g: Callable[[Sequence[EnergyRow]], Sequence[float]] = lambda rows: [0.0] * len(rows),
        flush: Callable[[], None] = lambda: None,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.book, self._works, self.estimates = book, works, estimates
        self._now, self.flush, self._elapsed_s = now, flush, elapsed_s
        self._read_s, self._changed = float("-inf"), True
        self.refusing: list[Callable[[UseBudget, Balance, Amount], None]] = []  # are told what a budget refuses
        self._journal = BudgetJournal(book)
        self._calendar = BudgetCalendar(book, self._journal)
        self._charges = BudgetCharges(
            book,
            self._journal,
            self._calendar,
            works,
            fleet,
            basis=basis,
            grid=grid,
            bonus_share=bonus_share,
            embodied_g=embodied_g,
        )
        self.lock = works.lock

    # -- before a task is accepted --

    def reserve(self, tasks: Iterable[Task], at: dt.datetime) -> Reservation:
        """Promise to new tasks what they will probably take, all or none.

        Raises
        ------
        BudgetExceededError : it does not fit into some budget above them; nothing has changed
        UnavailableError : what was booked before cannot be written
        """
        if self.book.empty and not self._due:
            return Reservation()
        self._works.doubtful.settle()  # a submission of unknown outcome holds its part again before others ask
        self.look(at)
        if self._journal:
            self.flush()
        rows: list[BudgetRow] = []
        tabs: list[Tab] = []
        try:
            for task in tasks:
                tab = self._promised(task, at, rows)
                if tab is not None:
                    tabs.append(tab)
        except BaseException:
            self.book.withdraw(rows)
            raise
        reservation = Reservation(tuple(rows), tuple(tabs))
        self.book.tabs.update({tab.task_id: tab for tab in tabs})
        return reservation

    def undo(self, reservation: Reservation) -> None:
        """Take back what was promised to tasks that were not written, or may not have been."""
        if reservation.held:
            self.book.withdraw(reservation.rows)
            for tab in reservation.tabs:
                self.book.tabs.pop(tab.task_id, None)
            reservation.held = False

    def confirm(self, reservation: Reservation) -> None:
        """Promise again what turned out to have been written."""
        if not reservation.held:
            self.book.apply(reservation.rows)
            self.book.tabs.update({tab.task_id: tab for tab in reservation.tabs})
            reservation.held = True

    def check_open(self, task: Task, at: dt.datetime) -> None:
        """Raise BudgetExceededError where nothing is left for work that has no end of its own, as a pool's slots."""
        if self.book.empty and not self._due:
            return
        self.look(at)
        for budget in self._over(task):
            self._fits(budget, NOTHING, task, at)

    def keeps_from_growing(self, task: Task, at: dt.datetime) -> str:
        """Why the pool of a holder's task may have no more slots, "" where it may: a budget that blocks is used up.

        What is promised does not count: a pool grows for tasks that were accepted, and theirs is the promise.
        """
        if self.book.empty and not self._due:
            return ""
        self.look(at)
        for budget in self._over(task):
            period = None if budget.overrun is Overrun.ALERT_ONLY else period_at(budget, at)
            if period is None:
                continue
            balance = self.book.balance(budget.id, period.start)
            if used_up(budget, balance):
                for told in self.refusing:
                    told(budget, balance, NOTHING)
                again = "" if period_at(budget, period.end) is None else f" before {said_utc(period.end)}"
                return f"Budget {budget.name} is used up: the pool keeps the slots that it has and gets no more{again}."
        return ""

    def _promised(self, task: Task, at: dt.datetime, rows: list[BudgetRow]) -> Tab | None:
        budgets = [one for one in self._over(task) if period_at(one, at) is not None]
        if not budgets:
            return None
        asked = self._asked(task, None)
        lines = []
        for budget in budgets:
            period = period_at(budget, at)
            assert period is not None  # noqa: S101  # filtered above
            words = self._fits(budget, asked, task, at)
            row = BudgetRow(
                budget_id=budget.id,
                period_start=period.start,
                at=at,
                act=Act.RESERVE,
                reserved=asked,
                account_id=task.account_id,
                task_id=task.id,
                note=f"accepted all the same: {words}" if words else "",
            )
            self.book.apply([row])
            rows.append(row)
            lines.append(TabLine(budget_id=budget.id, period_start=period.start, asked=asked, reserved=asked))
        return dataclasses.replace(tab_of(task), lines=tuple(lines))

    def _fits(self, budget: UseBudget, asked: Amount, task: Task, at: dt.datetime) -> str:
        """What does not fit into a budget that only alerts, in words; raises for any other."""
        period = period_at(budget, at)
        if period is None:
            return ""
        balance = self.book.balance(budget.id, period.start)
        words = ", ".join(lacking(budget, balance, asked))
        if (balance.reserved + asked).least(_COUNTED) != balance.reserved + asked:
            raise BudgetExceededError(
                f"Not enough credits: budget {budget.name} cannot count {asked.energy_kwh:.4g} kWh and "
                f"{asked.co2e_g:.4g} gCO2e more. Submit fewer instances, or a shorter expected run time"
            )
        if not words or budget.overrun is Overrun.ALERT_ONLY:
            return words
        for told in self.refusing:
            told(budget, balance, asked)
        again = "" if period_at(budget, period.end) is None else f"; it begins anew at {said_utc(period.end)}"
        raise BudgetExceededError(
            f"Not enough credits: budget {budget.name} has {words}{again}. {self._cheaper(task, at)}"
            "POST /quotes/v1 (or 'ondol quote') shows what would fit"
        )

    def _cheaper(self, task: Task, at: dt.datetime) -> str:
        """Name a service class as which a refused task would fit, where there is one."""
        for service in _CHEAPER if self.estimates is not None else ():
            if service <= task.service:
                continue
            try:
                asked = self._asked(task, service)
            except OndolError:
                continue
            budgets = ((one, period_at(one, at)) for one in self._over(task) if one.overrun is not Overrun.ALERT_ONLY)
            if not any(
                period is not None and lacking(one, self.book.balance(one.id, period.start), asked)
                for one, period in budgets
            ):
                return f"As {service.name.lower()} work it would fit ({asked.co2e_g:.4g} gCO2e). "
        return ""

    def _asked(self, task: Task, service: ServiceClass | None) -> Amount:
        if self.estimates is None:
            return NOTHING
        estimate = self.estimates.estimate(task, service=service)
        return Amount.of(estimate.co2e_p90_g, estimate.energy_p90_kwh)

    def _over(self, task: Task) -> tuple[UseBudget, ...]:
        """Budgets above a task; filler work is charged to the heat that it is run for."""
        return () if task.service is ServiceClass.FILLER else self.book.over(task.account_id, task.project_id)

    # -- while it runs, and at its end --

    def book_use(self, changes: Changes) -> Changes:
        """Add to a commit what its ledger rows charge to budgets, and what is settled with them."""
        energy = [row for row in changes.ledger if isinstance(row, EnergyRow)]
        if energy:
            self._read_anew()
        if not self.book.empty:
            self._charges.deleted(changes.deleted_tasks)
            end = max((row.end for row in energy), default=None)
            if end is not None:
                self._charges.charge(energy)
            try:
                self._follow_up(end)
            except Exception:  # noqa: BLE001  # what was charged is written with its rows all the same
                _log.exception("budgets cannot be settled or looked at now, trying again with the next window")
        owed = self._charges.owed()
        if owed:
            changes = dataclasses.replace(changes, documents={**changes.documents, **owed})
        return dataclasses.replace(changes, budgets=self._journal.hand_over()) if self._journal else changes

    def _follow_up(self, end: dt.datetime | None) -> None:
        """Settle what is over, begin what is due, and tell what is used up."""
        self._charges.settle(end, self._now())
        if end is not None:
            self.look(end)
            self._charges.alert(end)

    def stood_still(self, task_id: TaskId, since: dt.datetime, until: dt.datetime) -> None:
        """Note that a budget kept a task from running for a while: that is no waiting for a better hour."""
        tab = self.book.tabs.get(task_id)
        if tab is not None:
            since = max(since, tab.submitted_at + dt.timedelta(seconds=tab.idle_s))  # other tasks may have, too
            idle_s = tab.idle_s + max(0.0, (until - since).total_seconds())
            self._journal.keep(dataclasses.replace(tab, idle_s=idle_s))

    def note(self, row: BudgetRow) -> None:
        """Book a row, to be written with the next changes."""
        self._journal.note(row)

    def look(self, at: dt.datetime) -> None:
        """Follow what the operator set, and begin the periods that are due."""
        self._read_anew()
        self._calendar.turn(at, anyway=self._changed)
        self._changed = False

    @property
    def standing(self) -> tuple[int, dt.datetime]:
        """As long as this is the same, every budget has what it had, in the period in which it was."""
        return self.book.version, self._calendar.next_turn

    def forget(self) -> None:
        """Have what is set read again at once."""
        self._read_s = float("-inf")

    def _read_anew(self) -> None:
        if not self._due:
            return
        self._read_s = self._elapsed_s()  # before reading: what is set meanwhile and told by `forget` is read again
        try:
            self._changed |= self.book.read()
        except UnavailableError as error:
            _log.warning("budgets cannot be read now, those of before hold on: %s", error)

    @property
    def _due(self) -> bool:
        return self._elapsed_s() - self._read_s >= _FRESH_S
