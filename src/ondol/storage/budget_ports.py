"""The port of what is durable of budgets: what was set, its history that only grows, its balances, unsettled tasks."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ondol.model.budget import Balance, BudgetRow, Tab, UseBudget
from ondol.model.ids import TaskId

MOST_ROWS = 10_000  # of a history at once


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetChanges:
    """What one step changes of budgets; written with the tasks and ledger rows that it belongs to.

    Parameters
    ----------
    rows : appended; the balance of their periods changes with them, in the same transaction
    tabs : new or replaced
    closed : tasks that are settled, whose tabs go
    """

    rows: tuple[BudgetRow, ...] = ()
    tabs: tuple[Tab, ...] = ()
    closed: tuple[TaskId, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.tabs or self.closed)


NO_BUDGET_CHANGES = BudgetChanges()


class BudgetStore(Protocol):
    """Budgets' part of the store."""

    def put_budget(self, budget: UseBudget) -> None:
        """Add or replace a budget; its history and balances stay as they are."""
        ...

    def use_budgets(self) -> tuple[UseBudget, ...]:
        """Every budget, those that were removed included, by id."""
        ...

    def budget_balances(self) -> tuple[Balance, ...]:
        """Balances as they were kept with every row, by budget and period."""
        ...

    def budget_sum(self, budget_id: str, period_start: dt.datetime) -> Balance:
        """Balance of a period added up from its rows."""
        ...

    def mend_balance(self, balance: Balance) -> None:
        """Put a balance right that is not the sum of its rows."""
        ...

    def budget_tabs(self) -> tuple[Tab, ...]:
        """Every task that is not settled, by id."""
        ...

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
        """Rows of a budget with their numbers, which rise in the order of their writing, from beyond one on.

        Parameters
        ----------
        start, end : of what was booked in [start, end)
        limit : 1 to `MOST_ROWS`
        latest : the last ones of them in place of the first; the earliest first all the same
        """
        ...


def balances_of(rows: Iterable[BudgetRow]) -> list[Balance]:
    """Change of each period's balance by some rows, by budget and period."""
    found: dict[tuple[str, dt.datetime], Balance] = {}
    by_period: dict[tuple[str, dt.datetime], list[BudgetRow]] = defaultdict(list)
    for row in rows:
        by_period[row.budget_id, row.period_start].append(row)
    for (budget_id, period_start), own in sorted(by_period.items()):
        balance = Balance(budget_id=budget_id, period_start=period_start)
        for row in own:
            balance = balance.with_row(row)
        found[budget_id, period_start] = balance
    return list(found.values())
