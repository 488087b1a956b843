"""What the HTTP side asks of jobs and compute pools; the desks in `control` answer. Thread-safe, brief calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ondol.control.ports import TaskDetail
from ondol.model.compute import Task
from ondol.model.ids import AccountId
from ondol.model.job import Job
from ondol.model.pool import ComputePool, Scaling
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Reply


class JobDesk(Protocol):
    """Jobs of an account. `key` is an id or a shortname; NotFoundError("job", key) where there is none."""

    def create(self, job: Job, reply: Reply | None = None) -> None:
        """Accept a job, durably, together with the answer that its request will be given (as `Desk.submit`).

        Raises NotFoundError for its pool, InvalidFieldError for a taken shortname, ForbiddenError("Maximum number of
        jobs reached …") at the quota.
        """
        ...

    def get(self, account_id: AccountId, key: str) -> Job: ...

    def page(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Job]: ...

    def tasks(self, account_id: AccountId, key: str) -> tuple[Task, ...]:
        """Every task of a job, newest first."""
        ...

    def terminate(self, account_id: AccountId, key: str) -> None:
        """Cancel its tasks and take no more; does nothing where it is over."""
        ...

    def delete(self, account_id: AccountId, key: str, *, force: bool) -> None:
        """Remove a job; raises ForbiddenError where tasks remain and not `force`, which deletes them too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolDetail:
    """A pool with all that the API shows of it, from one moment.

    Parameters
    ----------
    holders : the hidden tasks that hold its slots, by number, those that are over included while the store has them
    queued, running : instances of its tasks that wait for a slot, and that are under way
    capacity : instances that its ready slots can run at once
    """

    pool: ComputePool
    holders: tuple[TaskDetail, ...]
    queued: int
    running: int
    capacity: int


class PoolDesk(Protocol):
    """Compute pools of an account; `key` as above, NotFoundError("pool", key)."""

    def create(self, pool: ComputePool, reply: Reply | None = None) -> None:
        """Accept a pool, durably, together with the answer that its request will be given (as `Desk.submit`).

        Raises as `JobDesk.create` ("Maximum number of pools reached …"), and NotFoundError("bucket", name).
        """
        ...

    def detail(self, account_id: AccountId, key: str) -> PoolDetail: ...

    def page(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[ComputePool]: ...

    def tasks(self, account_id: AccountId, key: str) -> tuple[Task, ...]:
        """Every task that runs, ran or is to run in it, newest first."""
        ...

    def jobs(self, account_id: AccountId, key: str) -> tuple[Job, ...]: ...

    def update(
        self,
        account_id: AccountId,
        key: str,
        *,
        constants: dict[str, str] | None = None,
        tags: tuple[str, ...] | None = None,
        slots: int | None = None,
        elastic: Scaling | None = None,
        scaling: tuple[Scaling, ...] | None = None,
        inelastic: bool = False,
    ) -> None:
        """Change what can be changed; None leaves a thing as it is. `inelastic` ends elastic scaling."""
        ...

    def refresh(self, account_id: AccountId, key: str) -> None:
        """Fetch new and changed resources on its slots; raises ConflictError where it is over."""
        ...

    def close(self, account_id: AccountId, key: str) -> None:
        """Take no more tasks and end when those it has are over; raises ConflictError where it is over."""
        ...

    def delete(self, account_id: AccountId, key: str) -> None:
        """Cancel its tasks and remove it."""
        ...

    def output(self, account_id: AccountId, key: str, stream: str, *, number: int | None = None, fresh: bool) -> str:
        """Text of "stdout" or "stderr" of the preparation in one slot or all."""
        ...
