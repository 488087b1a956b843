"""The port of all durable state; SQL and memory implement it, one contract suite holds both to it."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ondol.model.account import Account, AccountLimits, Bucket, Project, Secret
from ondol.model.compute import Attempt, Instance, Task
from ondol.model.ids import AccountId, JobId, PoolId, ProjectId, SiteId, TaskId
from ondol.model.job import Job
from ondol.model.ledger import EnergyRow, HeatRow, LedgerFact, LedgerRow
from ondol.model.pool import ComputePool
from ondol.storage.budget_ports import NO_BUDGET_CHANGES, BudgetChanges, BudgetStore
from ondol.storage.claim_ports import ClaimStore
from ondol.storage.heat_ports import HeatStore
from ondol.storage.ledger_ports import FactStore
from ondol.storage.pages import EVERY, Counts, Page, Query
from ondol.storage.quote_ports import QuoteStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a creation answered, so that the same request sent again is answered alike and makes no twin.

    Parameters
    ----------
    key : the client's `Idempotency-Key` (≤ 255 characters), or the fingerprint of the request where it sent none
    fingerprint : SHA-256 of path and body
    """

    account_id: AccountId
    key: str
    fingerprint: str
    status: int
    body: bytes
    created_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one step of the platform changes; all of it is written, or none.

    Parameters
    ----------
    tasks, instances, attempts : new or replaced rows
    ledger : appended, never replaced
    facts : whose work it is, how attempts ended, what meters counted; one whose key is there already is passed over
    documents : small state of the platform by key (clock, plant, agents, memory of the policy)
    jobs, pools : new or replaced rows
    deleted_tasks : tasks that go, with instances and attempts; ledger rows stay
    deleted_jobs, deleted_pools : rows that go
    replies : answers to creations, durable together with what they created; a later one of the same key replaces
    budgets : reservations, charges and refunds of what else is here

    `batch` tells it from all others: where a database may lose its answer, a repeated commit of the same is known by it
    """

    tasks: tuple[Task, ...] = ()
    instances: tuple[Instance, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    facts: tuple[LedgerFact, ...] = ()
    documents: dict[str, bytes] = field(default_factory=dict)
    deleted_tasks: tuple[TaskId, ...] = ()
    jobs: tuple[Job, ...] = ()
    pools: tuple[ComputePool, ...] = ()
    deleted_jobs: tuple[JobId, ...] = ()
    deleted_pools: tuple[PoolId, ...] = ()
    replies: tuple[Reply, ...] = ()
    budgets: BudgetChanges = NO_BUDGET_CHANGES
    batch: str = field(init=False, compare=False, repr=False, default_factory=lambda: secrets.token_hex(16))

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__ if name != "batch")


class TaskStore(Protocol):
    """Tasks, instances and attempts."""

    def task(self, task_id: TaskId) -> Task | None: ...

    def task_by_shortname(self, account_id: AccountId, shortname: str) -> Task | None:
        """Task of an account by its shortname, or by its id where it has none."""
        ...

    def tasks(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Task]:
        """Tasks of an account, from where `token` left off; raises NotFoundError("page", token) for a strange token."""
        ...

    def open_tasks(self) -> tuple[Task, ...]:
        """Every task that is not final or still wants deleting, by id."""
        ...

    def mortal_tasks(self, before: dt.datetime | None = None) -> tuple[Task, ...]:
        """Tasks that are over and have a time to live, by the moment at which they are to go; only those before one."""
        ...

    def instances(self, task_id: TaskId) -> tuple[Instance, ...]:
        """Instances of a task by number; one that was never committed is queued since the task was created."""
        ...

    def attempts(self, task_id: TaskId) -> tuple[Attempt, ...]: ...

    def parts(self, tasks: Sequence[Task]) -> dict[TaskId, tuple[tuple[Instance, ...], tuple[Attempt, ...]]]:
        """Instances and attempts of several tasks, as the two methods above give them, read in one go."""
        ...


class GroupStore(Protocol):
    """Jobs and compute pools, and how much of everything an account has."""

    def job(self, job_id: JobId) -> Job | None: ...

    def job_by_shortname(self, account_id: AccountId, shortname: str) -> Job | None: ...

    def jobs(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Job]: ...

    def open_jobs(self) -> tuple[Job, ...]:
        """Every job that is not completed, still wants deleting or has a time to live, by id."""
        ...

    def pool(self, pool_id: PoolId) -> ComputePool | None: ...

    def pool_by_shortname(self, account_id: AccountId, shortname: str) -> ComputePool | None: ...

    def pools(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[ComputePool]: ...

    def open_pools(self) -> tuple[ComputePool, ...]:
        """Every pool that is not final, still wants deleting or has a time to live, by id."""
        ...

    def counts(self, account_id: AccountId) -> Counts:
        """How much of each an account has, holders and what is being deleted not counted; cheap at any number."""
        ...


class LedgerStore(Protocol):
    """The append-only record."""

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[EnergyRow]:
        """Energy rows in the order of their writing; windows that begin in [start, end); some of them where asked."""
        ...

    def heat(
        self,
        *,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[HeatRow]:
        """Heat rows in the order of their writing; windows that begin in [start, end); some of them where asked."""
        ...


class AccountStore(Protocol):
    """Accounts and their buckets."""

    def add_account(self, account: Account) -> None:
        """Add an account; raises ConflictError where the e-mail is taken."""
        ...

    def account(self, account_id: AccountId) -> Account | None: ...

    def account_by_email(self, email: str) -> Account | None: ...

    def account_by_token_hash(self, token_hash: str) -> Account | None: ...

    def replace_token(self, account_id: AccountId, token_hash: str, token_sealed: bytes) -> None: ...

    def set_terms(self, account_id: AccountId, *, organization: str, limits: AccountLimits) -> None:
        """Change what an account belongs to and may have; raises NotFoundError."""
        ...

    def accounts(self) -> tuple[Account, ...]: ...

    def buckets(self, account_id: AccountId) -> tuple[Bucket, ...]: ...

    def bucket(self, account_id: AccountId, name: str) -> Bucket | None: ...

    def add_bucket(self, bucket: Bucket) -> Bucket:
        """Add a bucket, or give the one that its owner already has under this name."""
        ...

    def delete_bucket(self, account_id: AccountId, name: str) -> None: ...


class BelongingsStore(Protocol):
    """What belongs to accounts beside tasks and buckets: answers given before, secrets, projects."""

    def reply(self, account_id: AccountId, key: str) -> Reply | None: ...

    def forget_replies(self, before: dt.datetime) -> None:
        """Remove the replies that were given before a moment."""
        ...

    def secret(self, account_id: AccountId, key: str) -> Secret | None: ...

    def secret_keys(self, account_id: AccountId, prefix: str = "") -> tuple[str, ...]:
        """Names of an account's secrets that begin with a prefix, sorted."""
        ...

    def put_secret(self, secret: Secret) -> None:
        """Add or replace a secret."""
        ...

    def delete_secret(self, account_id: AccountId, key: str) -> bool:
        """Remove a secret; False where there was none."""
        ...

    def projects(self) -> tuple[Project, ...]:
        """Every project of the installation, by slug."""
        ...

    def project(self, project_id: ProjectId) -> Project | None: ...

    def put_project(self, project: Project) -> None:
        """Add or replace a project; raises ConflictError where another has its slug."""
        ...

    def delete_project(self, project_id: ProjectId) -> bool:
        """Remove a project; False where there was none."""
        ...


class Store(
    TaskStore,
    GroupStore,
    LedgerStore,
    FactStore,
    AccountStore,
    BelongingsStore,
    HeatStore,
    ClaimStore,
    BudgetStore,
    QuoteStore,
    Protocol,
):
    """All durable state. Safe to call from several threads; `commit` is atomic and survives `kill -9`."""

    def commit(self, changes: Changes) -> None:
        """Write all or nothing; raises OutcomeUnknownError where the database fell silent in the very moment."""
        ...

    def took_place(self, changes: Changes) -> bool:
        """Whether a commit of unknown outcome took place; one that did not never will, unless it is tried again."""
        ...

    def document(self, key: str) -> bytes | None: ...

    def close(self) -> None: ...
