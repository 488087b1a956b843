"""The port of all durable state; SQL and memory implement it, one contract suite holds both to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ondol.model.account import Account, Bucket
from ondol.model.compute import Attempt, Instance, Task
from ondol.model.ids import AccountId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one step of the platform changes; all of it is written, or none.

    Parameters
    ----------
    tasks, instances, attempts : new or replaced rows
    ledger : appended, never replaced
    documents : small state of the platform by key (clock, plant, agents, memory of the policy)
    deleted_tasks : tasks that go, with instances and attempts; ledger rows stay
    """

    tasks: tuple[Task, ...] = ()
    instances: tuple[Instance, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    documents: dict[str, bytes] = field(default_factory=dict)
    deleted_tasks: tuple[TaskId, ...] = ()

    def __bool__(self) -> bool:
        return bool(
            self.tasks or self.instances or self.attempts or self.ledger or self.documents or self.deleted_tasks
        )


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some tasks of an account, newest first; `next_token` is empty on the last page."""

    tasks: tuple[Task, ...]
    next_token: str


class Store(Protocol):
    """All durable state. Safe to call from several threads; `commit` is atomic and survives `kill -9`."""

    def commit(self, changes: Changes) -> None: ...

    def task(self, task_id: TaskId) -> Task | None: ...

    def task_by_shortname(self, account_id: AccountId, shortname: str) -> Task | None: ...

    def tasks(self, account_id: AccountId, *, token: str = "", limit: int = 100) -> TaskPage:
        """Tasks of an account by (created_at, id) falling, from where `token` left off."""
        ...

    def open_tasks(self) -> tuple[Task, ...]:
        """Every task that is not final or still wants deleting, by id."""
        ...

    def instances(self, task_id: TaskId) -> tuple[Instance, ...]: ...

    def attempts(self, task_id: TaskId) -> tuple[Attempt, ...]: ...

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Iterator[EnergyRow]:
        """Energy rows in the order of their writing; windows that begin in [start, end)."""
        ...

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterator[HeatRow]:
        """Heat rows in the order of their writing; windows that begin in [start, end)."""
        ...

    def document(self, key: str) -> bytes | None: ...

    def add_account(self, account: Account) -> None:
        """Add an account; raises ConflictError where the e-mail is taken."""
        ...

    def account(self, account_id: AccountId) -> Account | None: ...

    def account_by_email(self, email: str) -> Account | None: ...

    def account_by_token_hash(self, token_hash: str) -> Account | None: ...

    def replace_token(self, account_id: AccountId, token_hash: str, token_sealed: bytes) -> None: ...

    def accounts(self) -> tuple[Account, ...]: ...

    def buckets(self, account_id: AccountId) -> tuple[Bucket, ...]: ...

    def bucket(self, account_id: AccountId, name: str) -> Bucket | None: ...

    def add_bucket(self, bucket: Bucket) -> Bucket:
        """Add a bucket, or give the one that its owner already has under this name."""
        ...

    def delete_bucket(self, account_id: AccountId, name: str) -> None: ...

    def close(self) -> None: ...
