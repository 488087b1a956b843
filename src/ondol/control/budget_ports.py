"""What the HTTP side asks of budgets in carbon and energy."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol

from ondol.model.account import Account
from ondol.model.alarm import Alarm
from ondol.model.budget import Balance, BudgetRow, Holder, Period, UseBudget
from ondol.model.ids import AccountId, ProjectId, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetNow:
    """A budget with what is left of it now.

    Parameters
    ----------
    period, balance : of now; None before it starts and once it is over
    renews_at : when it begins anew, None for never
    alarms : that last now
    """

    budget: UseBudget
    period: Period | None
    balance: Balance | None
    renews_at: dt.datetime | None
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What new work of an account in a project may still be promised: the least over all budgets above it.

    Parameters
    ----------
    co2e_g, energy_kwh : None where no budget limits it; below 0 where more was promised than there is
    """

    co2e_g: float | None
    energy_kwh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Rows of a budget's history with their numbers; `next_after` is None at the end."""

    rows: tuple[tuple[int, BudgetRow], ...]
    next_after: int | None


class BudgetDesk(Protocol):
    """Budgets as callers may see and the operator may set them."""

    def of(self, caller: Account, *, every: bool = False) -> tuple[BudgetNow, ...]:
        """Budgets that the caller's work is under; `every` for all of the installation, which the operator may ask.

        Raises ForbiddenError.
        """
        ...

    def one(self, caller: Account, budget_id: str) -> BudgetNow:
        """A budget that the caller may see; raises NotFoundError("budget", id)."""
        ...

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
        """Rows of a budget, the earliest first; those about others' work without account and task.

        Parameters
        ----------
        latest : the last `limit` rows in place of the first
        """
        ...

    def alarms(
        self, caller: Account, budget_id: str, *, active: bool | None = None, limit: int = 1000
    ) -> tuple[Alarm, ...]:
        """Alarms about a budget that the caller may see, the latest first; raises NotFoundError."""
        ...

    def ack(self, caller: Account, budget_id: str, alarm_key: str) -> Alarm:
        """Have the caller seen an alarm about a budget that the caller may see; raises NotFoundError."""
        ...

    def holder(self, caller: Account, *, organization: str = "", project: str = "", account: str = "") -> Holder:
        """Whose budget is meant by names that people use, for the operator; see `control.budget_setting.holder_of`."""
        ...

    def names(self, holder: Holder) -> dict[str, str]:
        """Organisation, project and account of a holder as people know them, "" for none."""
        ...

    def put(self, caller: Account, budget_id: str, holder: Holder, **terms: Any) -> BudgetNow:
        """Set a budget, as the operator; it counts at once. `terms` are those of `control.budget_setting.budget_of`.

        Raises ForbiddenError, InvalidFieldError, ConflictError where it exists with another holder, rhythm, zone or
        start.
        """
        ...

    def remove(self, caller: Account, budget_id: str) -> None:
        """Remove a budget, as the operator; its history stays. Raises ForbiddenError, NotFoundError."""
        ...

    def left(self, account_id: AccountId, project_id: ProjectId) -> Left:
        """What is left for new work now."""
        ...
