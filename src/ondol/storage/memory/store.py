"""The store in memory; the same port as the SQL one, nothing survives the process."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator

from ondol.model.account import Account, Bucket
from ondol.model.compute import Attempt, Instance, Task
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import AccountId, AttemptId, InstanceId, SiteId, TaskId
from ondol.model.ledger import EnergyRow, HeatRow
from ondol.storage.pages import Page
from ondol.storage.ports import Changes


class MemoryStore:
    """All state in dictionaries, behind one lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._tasks: dict[TaskId, Task] = {}
        self._instances: dict[TaskId, dict[InstanceId, Instance]] = {}
        self._attempts: dict[TaskId, dict[AttemptId, Attempt]] = {}
        self._energy: list[EnergyRow] = []
        self._heat: list[HeatRow] = []
        self._documents: dict[str, bytes] = {}
        self._accounts: dict[AccountId, Account] = {}
        self._buckets: dict[tuple[AccountId, str], Bucket] = {}

    def commit(self, changes: Changes) -> None:
        with self._lock:
            for task in changes.tasks:
                self._tasks[task.id] = task
            for instance in changes.instances:
                self._instances.setdefault(instance.task_id, {})[instance.id] = instance
            for attempt in changes.attempts:
                self._attempts.setdefault(attempt.task_id, {})[attempt.id] = attempt
            self._energy += [row for row in changes.ledger if isinstance(row, EnergyRow)]
            self._heat += [row for row in changes.ledger if isinstance(row, HeatRow)]
            self._documents.update(changes.documents)
            for task_id in changes.deleted_tasks:
                for table in (self._tasks, self._instances, self._attempts):
                    table.pop(task_id, None)

    def task(self, task_id: TaskId) -> Task | None:
        return self._tasks.get(task_id)

    def task_by_shortname(self, account_id: AccountId, shortname: str) -> Task | None:
        with self._lock:
            return next(
                (t for t in self._tasks.values() if t.account_id == account_id and t.shortname == shortname), None
            )

    def tasks(self, account_id: AccountId, *, token: str = "", limit: int = 100) -> Page[Task]:
        with self._lock:
            mine = [t for t in self._tasks.values() if t.account_id == account_id]
        mine.sort(key=lambda t: (t.created_at, t.id), reverse=True)
        start = 0
        if token:
            start = next((i + 1 for i, t in enumerate(mine) if t.id == token), len(mine))
        page = tuple(mine[start : start + limit])
        more = start + limit < len(mine)
        return Page(page, page[-1].id if more and page else "")

    def open_tasks(self) -> tuple[Task, ...]:
        with self._lock:
            return tuple(t for _, t in sorted(self._tasks.items()) if not t.state.final or t.delete_wanted)

    def instances(self, task_id: TaskId) -> tuple[Instance, ...]:
        with self._lock:
            return tuple(i for _, i in sorted(self._instances.get(task_id, {}).items()))

    def attempts(self, task_id: TaskId) -> tuple[Attempt, ...]:
        with self._lock:
            return tuple(a for _, a in sorted(self._attempts.get(task_id, {}).items()))

    def energy(
        self,
        *,
        task_id: TaskId | None = None,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
    ) -> Iterator[EnergyRow]:
        with self._lock:
            rows = list(self._energy)
        for row in rows:
            if task_id is not None and row.task_id != task_id:
                continue
            if _within(row, site_id, start, end):
                yield row

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterator[HeatRow]:
        with self._lock:
            rows = list(self._heat)
        yield from (row for row in rows if _within(row, site_id, start, end))

    def document(self, key: str) -> bytes | None:
        return self._documents.get(key)

    def add_account(self, account: Account) -> None:
        with self._lock:
            if any(a.email == account.email for a in self._accounts.values()):
                raise ConflictError(f"There is already an account {account.email}; choose another e-mail")
            self._accounts[account.id] = account

    def account(self, account_id: AccountId) -> Account | None:
        return self._accounts.get(account_id)

    def account_by_email(self, email: str) -> Account | None:
        return next((a for a in self._accounts.values() if a.email == email), None)

    def account_by_token_hash(self, token_hash: str) -> Account | None:
        return next((a for a in self._accounts.values() if a.token_hash == token_hash), None)

    def replace_token(self, account_id: AccountId, token_hash: str, token_sealed: bytes) -> None:
        with self._lock:
            if account_id not in self._accounts:
                raise NotFoundError("account", account_id)
            self._accounts[account_id] = dataclasses.replace(
                self._accounts[account_id], token_hash=token_hash, token_sealed=token_sealed
            )

    def accounts(self) -> tuple[Account, ...]:
        return tuple(sorted(self._accounts.values(), key=lambda a: a.email))

    def buckets(self, account_id: AccountId) -> tuple[Bucket, ...]:
        with self._lock:
            return tuple(b for (owner, _), b in sorted(self._buckets.items()) if owner == account_id)

    def bucket(self, account_id: AccountId, name: str) -> Bucket | None:
        return self._buckets.get((account_id, name))

    def add_bucket(self, bucket: Bucket) -> Bucket:
        with self._lock:
            return self._buckets.setdefault((bucket.account_id, bucket.name), bucket)

    def delete_bucket(self, account_id: AccountId, name: str) -> None:
        with self._lock:
            self._buckets.pop((account_id, name), None)

    def close(self) -> None:
        """Nothing to let go of."""


def _within(
    row: EnergyRow | HeatRow, site_id: SiteId | None, start: dt.datetime | None, end: dt.datetime | None
) -> bool:
    if site_id is not None and row.site_id != site_id:
        return False
    return (start is None or row.start >= start) and (end is None or row.start < end)
