"""Accounts as the HTTP side asks of them: use and quotas, projects, money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from ondol.control.account_ports import BudgetUse, Running, Use
from ondol.control.charges import Charges
from ondol.control.works import Works
from ondol.model.account import Account, Budget, Project
from ondol.model.compute import Task
from ondol.model.errors import NotEnoughCreditsError, NotFoundError
from ondol.model.ids import AccountId, NodeId, PoolId, ProjectId, TaskId
from ondol.model.pool import ComputePool
from ondol.model.quota import QuotaKind, quota_for
from ondol.storage.ports import Store


class PlatformAccounts:
    """The account desk over a store and the open works.

    Parameters
    ----------
    cores_of : cores that a slot of a node has
    stored_bytes : bytes that an account stores, by bucket
    holders_of : every hidden task that holds or held a slot of a pool
    """

    def __init__(
        self,
        *,
        store: Store,
        works: Works,
        charges: Charges,
        now: Callable[[], dt.datetime],
        cores_of: Callable[[NodeId], float],
        stored_bytes: Callable[[AccountId], dict[str, int]],
        holders_of: Callable[[ComputePool], tuple[Task, ...]],
    ) -> None:
        self._store, self._works, self._charges, self._now = store, works, charges, now
        self._cores_of, self._stored_bytes, self._holders_of = cores_of, stored_bytes, holders_of

    def use(self, account_id: AccountId) -> Use:
        """What the account uses and may use."""
        account = self._account(account_id)
        flex, on_demand, reserved = self._running(account)
        return Use(
            counts=self._store.counts(account_id),
            limits=account.limits,
            flex=flex,
            on_demand=on_demand,
            reserved=reserved,
            bytes_by_bucket=self._stored_bytes(account_id),
        )

    def organization(self, account_id: AccountId) -> tuple[str, dict[str, Use]] | None:
        """Name of the organisation and the use of each member, None where the account has none."""
        name = self._account(account_id).organization
        if not name:
            return None
        members = [account for account in self._store.accounts() if account.organization == name]
        return name, {account.email: self.use(account.id) for account in members}

    def projects(self, account_id: AccountId) -> tuple[Project, ...]:
        """Projects that the account may book on."""
        return tuple(project for project in self._store.projects() if account_id in project.members)

    def check_money(self, task: Task) -> None:
        """Refuse a task that nobody can pay for; raises NotEnoughCreditsError."""
        left = self.credits_eur(task.account_id)
        if left is not None and left <= 0 and self._charges.tariff.price(task.scheduling, task.service):
            raise NotEnoughCreditsError("Not enough credits: ask the operator of this installation for more")
        project = self._store.project(task.project_id) if task.project_id else None
        if project is None:
            return
        for used in self._budget_uses(project, active_only=True):
            if used.budget.overrun != "AlertOnly" and used.consumed_cents >= used.budget.total_cents:
                raise NotEnoughCreditsError(
                    f"Not enough credits: budget {used.budget.alias or used.budget.id} of project {project.slug} is "
                    f"used up ({used.consumed_cents} of {used.budget.total_cents} cents)"
                )

    def credits_eur(self, account_id: AccountId) -> float | None:
        """Money left, None where nothing was granted, so nothing is counted down."""
        granted = self._account(account_id).limits.credits_eur
        return None if granted is None else granted - self._charges.of_account(account_id)

    def task_credits_eur(self, account_id: AccountId, key: str) -> float:
        """What a task cost so far."""
        task = self._store.task(TaskId(key)) or self._store.task_by_shortname(account_id, key)
        if task is None or task.account_id != account_id or task.holds_pool or task.delete_wanted:
            raise NotFoundError("task", key)
        with self._works.lock:
            work = self._works.get(task.id)
        attempts = (
            self._store.attempts(task.id) if work is None else [a for tries in work.attempts.values() for a in tries]
        )
        paid = [attempt for attempt in attempts if not attempt.held_by]  # a slot of a pool is paid for by the pool
        return self._charges.cost(task, paid, self._now())

    def pool_credits_eur(self, account_id: AccountId, key: str) -> float:
        """What a pool's slots cost so far; tasks that ran in them cost nothing beside."""
        pool = self._store.pool(PoolId(key)) or self._store.pool_by_shortname(account_id, key)
        if pool is None or pool.account_id != account_id or pool.delete_wanted:
            raise NotFoundError("pool", key)
        now, held = self._now(), 0.0
        with self._works.lock:
            for holder in self._holders_of(pool):
                work = self._works.get(holder.id)
                tries = () if work is None else [a for each in work.attempts.values() for a in each]
                held += self._charges.cost(holder, [a for a in tries if not a.state.final], now)
        return self._charges.of_pool(pool.id) + held

    def budgets(self, account_id: AccountId, project_id: ProjectId, *, active_only: bool) -> tuple[BudgetUse, ...]:
        """Budgets of a project of the account's."""
        for project in self.projects(account_id):
            if project.id == project_id:
                return self._budget_uses(project, active_only=active_only)
        raise NotFoundError("project", project_id)

    def _budget_uses(self, project: Project, *, active_only: bool) -> tuple[BudgetUse, ...]:
        now = self._now()
        return tuple(
            BudgetUse(budget=budget, consumed_cents=round(100 * self._consumed_eur(project.id, budget, now)))
            for budget in project.budgets
            if not active_only or (budget.start <= now < budget.expires and not budget.archived)
        )

    def _consumed_eur(self, project_id: ProjectId, budget: Budget, now: dt.datetime) -> float:
        end = min(now, budget.expires - dt.timedelta(microseconds=1))  # the day on which it expires is not its own
        return self._charges.of_project(project_id, budget.start.date(), end.date())

    def _running(self, account: Account) -> tuple[Running, Running, dict[str, Running]]:
        counts: dict[tuple[QuotaKind, str], list[int]] = {}
        with self._works.lock:
            for work, _, attempt in self._works.under_way():
                if work.task.account_id != account.id or work.task.pool_id:
                    continue  # what runs in a pool's slot counts as the slot does
                quota = quota_for(work.task, account.limits)
                row = counts.setdefault((quota.kind, quota.reservation), [0, 0])
                row[0] += 1
                row[1] += round(self._cores_of(attempt.node_id))
        runs = {key: Running(instances=row[0], cores=row[1]) for key, row in counts.items()}
        reserved = {name: running for (kind, name), running in runs.items() if kind is QuotaKind.RESERVED}
        none = Running()
        return runs.get((QuotaKind.FLEX, ""), none), runs.get((QuotaKind.ON_DEMAND, ""), none), reserved

    def _account(self, account_id: AccountId) -> Account:
        account = self._store.account(account_id)
        if account is None:
            raise NotFoundError("account", account_id)
        return account
