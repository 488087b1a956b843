"""Budgets in memory."""

from __future__ import annotations

import datetime as dt
import threading

from ondol.model.budget import Balance, BudgetRow, Tab, UseBudget
from ondol.model.checks import check_whole
from ondol.model.ids import TaskId
from ondol.storage.budget_ports import MOST_ROWS, BudgetChanges, balances_of


class MemoryBudgets:
    """Budgets' part of a store in memory."""

    _lock: threading.RLock

    def __init__(self) -> None:
        super().__init__()
        self._budgets: dict[str, UseBudget] = {}
        self._budget_rows: list[BudgetRow] = []
        self._balances: dict[tuple[str, dt.datetime], Balance] = {}
        self._tabs: dict[TaskId, Tab] = {}

    def put_budget(self, budget: UseBudget) -> None:
        with self._lock:
            self._budgets[budget.id] = budget

    def use_budgets(self) -> tuple[UseBudget, ...]:
        with self._lock:
            return tuple(budget for _, budget in sorted(self._budgets.items()))

    def budget_balances(self) -> tuple[Balance, ...]:
        with self._lock:
            return tuple(balance for _, balance in sorted(self._balances.items()))

    def budget_sum(self, budget_id: str, period_start: dt.datetime) -> Balance:
        with self._lock:
            own = [r for r in self._budget_rows if (r.budget_id, r.period_start) == (budget_id, period_start)]
        return next(iter(balances_of(own)), Balance(budget_id=budget_id, period_start=period_start))

    def mend_balance(self, balance: Balance) -> None:
        with self._lock:
            self._balances[balance.budget_id, balance.period_start] = balance

    def budget_tabs(self) -> tuple[Tab, ...]:
        with self._lock:
            return tuple(tab for _, tab in sorted(self._tabs.items()))

    def budget_rows(
        self,
        budget_id: str,
        *,
        task_id: TaskId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        after: int = 0,
        limit: int = 1000,
        latest: bool = False,
    ) -> tuple[tuple[int, BudgetRow], ...]:
        check_whole("limit", limit, 1, MOST_ROWS)
        with self._lock:
            rows = list(enumerate(self._budget_rows, 1))
        asked = [
            (number, row)
            for number, row in rows
            if number > after
            and row.budget_id == budget_id
            and (task_id is None or row.task_id == task_id)
            and (start is None or row.at >= start)
            and (end is None or row.at < end)
        ]
        return tuple(asked[-limit:] if latest else asked[:limit])

    def keep_budgets(self, changes: BudgetChanges) -> None:
        """Take in what a commit changes of budgets."""
        with self._lock:
            self._budget_rows += changes.rows
            for row in changes.rows:
                key = (row.budget_id, row.period_start)
                before = self._balances.get(key, Balance(budget_id=row.budget_id, period_start=row.period_start))
                self._balances[key] = before.with_row(row)
            self._tabs.update({tab.task_id: tab for tab in changes.tabs})
            for task_id in changes.closed:
                self._tabs.pop(task_id, None)
