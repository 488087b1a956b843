"""Budgets, the balances of their periods and unsettled tasks in memory, as the store has them.

Everything here happens under `works.lock`. A balance is always the sum of its rows: `apply` and `withdraw` are the only
ways to change one, and the balances of open periods are added up anew from the history at every start.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable

from ondol.accounting.budget_periods import period_at
from ondol.model.budget import Balance, BudgetRow, Holder, Level, Period, Tab, UseBudget
from ondol.model.compute import Task
from ondol.model.ids import AccountId, ProjectId, TaskId
from ondol.model.ledger import EnergyRow
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
_INSTANT = dt.timedelta(microseconds=1)
_Key = tuple[str, dt.datetime]


class BudgetBook:
    """What budgets are, have and promise.

    Parameters
    ----------
    store : where they are kept; read at construction
    at : platform time of the start
    """

    def __init__(self, store: Store, at: dt.datetime) -> None:
        self._store = store
        self._budgets: dict[str, UseBudget] = {}
        self._by_holder: dict[Holder, tuple[UseBudget, ...]] = {}
        self._organizations: dict[AccountId, str] = {}
        self._balances: dict[_Key, Balance] = {}
        self._latest: dict[str, dt.datetime] = {}  # begin of each budget's latest period: there may be years of them
        for balance in store.budget_balances():
            self._keep(balance)
        self.tabs: dict[TaskId, Tab] = {tab.task_id: tab for tab in store.budget_tabs()}
        self.version = 0  # rises whenever what is set or a balance changed
        self.read()
        self.mended = self._verify(at)

    def read(self) -> bool:
        """Read what is set anew; whether anything changed."""
        before = (self._budgets, self._organizations)
        self._budgets = {budget.id: budget for budget in self._store.use_budgets()}
        by_holder: dict[Holder, tuple[UseBudget, ...]] = {}
        for budget in self._budgets.values():
            if not budget.archived:
                by_holder[budget.holder] = (*by_holder.get(budget.holder, ()), budget)
        self._by_holder = by_holder
        self._organizations = {}
        if any(holder.level is Level.ORGANIZATION for holder in by_holder):
            self._organizations = {one.id: one.organization for one in self._store.accounts() if one.organization}
        changed = (self._budgets, self._organizations) != before
        self.version += changed
        return changed

    @property
    def empty(self) -> bool:
        """Whether nobody has a budget and nothing waits to be settled."""
        return not self._by_holder and not self.tabs

    @property
    def active(self) -> tuple[UseBudget, ...]:
        """Budgets that were not removed, by id."""
        return tuple(budget for budget in self._budgets.values() if not budget.archived)

    def get(self, budget_id: str) -> UseBudget | None:
        """A budget, removed or not."""
        return self._budgets.get(budget_id)

    def over(self, account_id: AccountId, project_id: ProjectId) -> tuple[UseBudget, ...]:
        """Every budget that work of an account in a project is under, the widest level first, then by id."""
        found: list[UseBudget] = []
        organization = self._organizations.get(account_id, "")
        if organization:
            found += self._by_holder.get(Holder(level=Level.ORGANIZATION, organization=organization), ())
        if project_id:
            found += self._by_holder.get(Holder(level=Level.PROJECT, project_id=project_id), ())
            member = Holder(level=Level.MEMBER, project_id=project_id, account_id=account_id)
            found += self._by_holder.get(member, ())
        found += self._by_holder.get(Holder(level=Level.ACCOUNT, account_id=account_id), ())
        return tuple(found)

    def organization_of(self, account_id: AccountId) -> str:
        """Organisation of an account, as far as a budget of one makes it matter."""
        return self._organizations.get(account_id, "")

    def stored_task(self, task_id: TaskId) -> Task | None:
        """A task that is over, from the store."""
        return self._store.task(task_id)

    def document(self, key: str) -> bytes | None:
        """A small state that is kept with the budgets."""
        return self._store.document(key)

    def energy_at(self, start: dt.datetime) -> list[EnergyRow]:
        """Rows of the ledger's window that begins at a time."""
        return list(self._store.energy(start=start, end=start + _INSTANT))

    def balance(self, budget_id: str, period_start: dt.datetime) -> Balance:
        """Balance of a period; zero where nothing was booked in it yet."""
        found = self._balances.get((budget_id, period_start))
        return found or Balance(budget_id=budget_id, period_start=period_start)

    def opened(self, budget: UseBudget, period: Period) -> bool:
        """Whether anything was booked in a period."""
        return (budget.id, period.start) in self._balances

    def last_opened(self, budget_id: str) -> Balance | None:
        """The latest period of a budget in which something was booked."""
        start = self._latest.get(budget_id)
        return None if start is None else self._balances[budget_id, start]

    def apply(self, rows: Iterable[BudgetRow]) -> None:
        """Book rows."""
        self.version += 1
        for row in rows:
            self._keep(self.balance(row.budget_id, row.period_start).with_row(row))

    def withdraw(self, rows: Iterable[BudgetRow]) -> None:
        """Take back rows that were not written after all."""
        self.version += 1
        for row in rows:
            self._keep(self.balance(row.budget_id, row.period_start).with_row(row, -1))

    def _keep(self, balance: Balance) -> None:
        key, start = balance.budget_id, balance.period_start
        self._balances[key, start] = balance
        self._latest[key] = max(start, self._latest.get(key, start))

    def _verify(self, at: dt.datetime) -> tuple[str, ...]:
        """Add the balances of open periods up from their rows; gives the budgets whose balance was put right."""
        wrong = []
        for budget in self.active:
            period = period_at(budget, at)
            if period is None or not self.opened(budget, period):
                continue
            kept, summed = self.balance(budget.id, period.start), self._store.budget_sum(budget.id, period.start)
            if kept != summed:
                _log.error(
                    "the balance of budget %s is not the sum of its history: %s, not %s", budget.id, summed, kept
                )
                self._store.mend_balance(summed)
                self._keep(summed)
                wrong.append(budget.id)
        return tuple(wrong)
