"""Jobs, pools and accounts of the memory desk: as little as routes of tasks need to know of them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ondol.control.account_ports import BudgetUse, Running, Use
from ondol.control.group_ports import PoolDetail
from ondol.model.account import Project
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, JobId, PoolId, ProjectId
from ondol.model.job import Job, JobState
from ondol.model.pool import ComputePool, PoolState, Scaling
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Changes, Reply

if TYPE_CHECKING:
    from integration.api.memory_desk import MemoryDesk


class MemoryJobs:
    """The JobDesk port over the desk's store."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk

    def create(self, job: Job, reply: Reply | None = None) -> None:
        if job.shortname and self._desk.store.job_by_shortname(job.account_id, job.shortname) is not None:
            raise InvalidFieldError("shortname-uniqueness", job.shortname, "a shortname that no other job has")
        if job.pool_id:
            self._desk.pools.detail(job.account_id, job.pool_id)
        self._desk.store.commit(Changes(jobs=(job,), replies=() if reply is None else (reply,)))

    def get(self, account_id: AccountId, key: str) -> Job:
        store = self._desk.store
        job = store.job(JobId(key)) or store.job_by_shortname(account_id, key)
        if job is None or job.account_id != account_id:
            raise NotFoundError("job", key)
        return job

    def page(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Job]:
        return self._desk.store.jobs(account_id, query, token=token, limit=limit)

    def tasks(self, account_id: AccountId, key: str) -> tuple[Task, ...]:
        job = self.get(account_id, key)
        return self._desk.store.tasks(account_id, Query(job_id=job.id), limit=1000).rows

    def terminate(self, account_id: AccountId, key: str) -> None:
        job = dataclasses.replace(self.get(account_id, key), state=JobState.COMPLETED)
        self._desk.store.commit(Changes(jobs=(job,)))

    def delete(self, account_id: AccountId, key: str, *, force: bool) -> None:
        tasks = self.tasks(account_id, key)
        if tasks and not force:
            raise ForbiddenError(f"Job {key} has tasks")
        job_id = self.get(account_id, key).id
        self._desk.store.commit(Changes(deleted_jobs=(job_id,), deleted_tasks=tuple(task.id for task in tasks)))


class MemoryPools:
    """The PoolDesk port over the desk's store; no slot is ever held."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk

    def create(self, pool: ComputePool, reply: Reply | None = None) -> None:
        if pool.shortname and self._desk.store.pool_by_shortname(pool.account_id, pool.shortname) is not None:
            raise InvalidFieldError("shortname-uniqueness", pool.shortname, "a shortname that no other pool has")
        self._desk.store.commit(Changes(pools=(pool,), replies=() if reply is None else (reply,)))

    def detail(self, account_id: AccountId, key: str) -> PoolDetail:
        return PoolDetail(pool=self._pool(account_id, key), holders=(), queued=0, running=0, capacity=0)

    def page(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[ComputePool]:
        return self._desk.store.pools(account_id, query, token=token, limit=limit)

    def tasks(self, account_id: AccountId, key: str) -> tuple[Task, ...]:
        return self._desk.store.tasks(account_id, Query(pool_id=self._pool(account_id, key).id), limit=1000).rows

    def jobs(self, account_id: AccountId, key: str) -> tuple[Job, ...]:
        return self._desk.store.jobs(account_id, Query(pool_id=self._pool(account_id, key).id), limit=1000).rows

    def update(
        self,
        account_id: AccountId,
        key: str,
        *,
        constants: dict[str, str] | None = None,
        tags: tuple[str, ...] | None = None,
        slots: int | None = None,
        elastic: Scaling | None = None,
        inelastic: bool = False,
        scaling: tuple[Scaling, ...] | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "constants": constants,
            "tags": tags,
            "slots": slots,
            "elastic": elastic,
            "scaling": scaling,
        }
        changed = {name: value for name, value in given.items() if value is not None}
        self._desk.store.commit(Changes(pools=(dataclasses.replace(self._pool(account_id, key), **changed),)))

    def refresh(self, account_id: AccountId, key: str) -> None:
        self._pool(account_id, key)

    def close(self, account_id: AccountId, key: str) -> None:
        pool = self._pool(account_id, key)
        if pool.state.final:
            raise ConflictError(f"Can't close: pool {key} is over")
        closing = dataclasses.replace(pool, state=PoolState.CLOSING, closing_wanted=True)
        self._desk.store.commit(Changes(pools=(closing,)))

    def delete(self, account_id: AccountId, key: str) -> None:
        self._desk.store.commit(Changes(deleted_pools=(self._pool(account_id, key).id,)))

    def output(self, account_id: AccountId, key: str, stream: str, *, number: int | None = None, fresh: bool) -> str:
        self._pool(account_id, key)
        return ""

    def _pool(self, account_id: AccountId, key: str) -> ComputePool:
        store = self._desk.store
        pool = store.pool(PoolId(key)) or store.pool_by_shortname(account_id, key)
        if pool is None or pool.account_id != account_id:
            raise NotFoundError("pool", key)
        return pool


class MemoryAccounts:
    """The AccountDesk port: nothing runs and nothing is charged."""

    def __init__(self, desk: MemoryDesk) -> None:
        self._desk = desk

    def use(self, account_id: AccountId) -> Use:
        account = self._desk.store.account(account_id)
        assert account is not None
        counts = self._desk.store.counts(account_id)
        return Use(
            counts=counts,
            limits=account.limits,
            flex=Running(),
            on_demand=Running(),
            reserved={},
            bytes_by_bucket={},
        )

    def organization(self, account_id: AccountId) -> tuple[str, dict[str, Use]] | None:
        return None

    def projects(self, account_id: AccountId) -> tuple[Project, ...]:
        return tuple(one for one in self._desk.store.projects() if account_id in one.members)

    def credits_eur(self, account_id: AccountId) -> float | None:
        return None

    def task_credits_eur(self, account_id: AccountId, key: str) -> float:
        self._desk.detail(account_id, key)
        return 0.0

    def pool_credits_eur(self, account_id: AccountId, key: str) -> float:
        self._desk.pools.detail(account_id, key)
        return 0.0

    def budgets(self, account_id: AccountId, project_id: ProjectId, *, active_only: bool) -> tuple[BudgetUse, ...]:
        raise NotFoundError("project", project_id)
