"""What the HTTP side asks of accounts: use and quotas, projects, money, secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ondol.model.account import AccountLimits, Budget, Project
from ondol.model.ids import AccountId, ProjectId
from ondol.storage.pages import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Instances under way and the cores they hold."""

    instances: int = 0
    cores: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What an account uses and may use.

    Parameters
    ----------
    flex, on_demand : running now by scheduling type
    reserved : running now by reservation
    bytes_by_bucket : stored
    """

    counts: Counts
    limits: AccountLimits
    flex: Running
    on_demand: Running
    reserved: dict[str, Running]
    bytes_by_bucket: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """A budget and what its project has consumed of it [cents of EUR]."""

    budget: Budget
    consumed_cents: int


class AccountDesk(Protocol):
    """Accounts, projects and money."""

    def use(self, account_id: AccountId) -> Use:
        """Cheap: nothing in it reads all tasks."""
        ...

    def organization(self, account_id: AccountId) -> tuple[str, dict[str, Use]] | None:
        """Name of the caller's organisation and the use of each of its members by e-mail, None where it has none."""
        ...

    def projects(self, account_id: AccountId) -> tuple[Project, ...]:
        """Projects that the account may book on, by slug."""
        ...

    def credits_eur(self, account_id: AccountId) -> float | None:
        """Money left [EUR], None where the installation charges nothing."""
        ...

    def task_credits_eur(self, account_id: AccountId, key: str) -> float:
        """What a task cost so far [EUR]; raises NotFoundError("task", key)."""
        ...

    def pool_credits_eur(self, account_id: AccountId, key: str) -> float: ...

    def budgets(self, account_id: AccountId, project_id: ProjectId, *, active_only: bool) -> tuple[BudgetUse, ...]:
        """Budgets of a project; raises NotFoundError("project", id)."""
        ...


class SecretDesk(Protocol):
    """Secrets of an account; values leave it only to their owner and to tasks with the right."""

    def get(self, account_id: AccountId, key: str) -> str:
        """Value; raises NotFoundError("secret", key)."""
        ...

    def create(self, account_id: AccountId, key: str, value: str) -> None:
        """Raises ConflictError where it is there already, InvalidFieldError for a bad key or value."""
        ...

    def update(self, account_id: AccountId, key: str, value: str) -> None: ...

    def delete(self, account_id: AccountId, key: str) -> None: ...

    def search(self, account_id: AccountId, prefix: str) -> tuple[str, ...]:
        """What lies directly below a prefix: names relative to it, folders with "/" at their end, sorted."""
        ...
