"""The store in memory; the same port as the SQL one, nothing survives the process."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence

from ondol.model.compute import Attempt, Instance, Task
from ondol.model.ids import AccountId, AttemptId, InstanceId, JobId, PoolId, SiteId, TaskId, instance_id
from ondol.model.job import Job
from ondol.model.ledger import EnergyRow, HeatRow
from ondol.model.pool import ComputePool
from ondol.storage.facets import facets
from ondol.storage.memory.accounts import MemoryAccounts
from ondol.storage.memory.budgets import MemoryBudgets
from ondol.storage.memory.claims import MemoryClaims
from ondol.storage.memory.facts import MemoryFacts
from ondol.storage.memory.heat import MemoryHeat
from ondol.storage.memory.listed import Shelf
from ondol.storage.memory.quotes import MemoryQuotes
from ondol.storage.pages import EVERY, Counts, Page, Query
from ondol.storage.ports import Changes
from ondol.storage.times import to_us


class MemoryStore(MemoryQuotes, MemoryHeat, MemoryClaims, MemoryBudgets, MemoryFacts, MemoryAccounts):
    """All state in dictionaries, behind one lock."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: Shelf[Task] = Shelf()
        self._jobs: Shelf[Job] = Shelf()
        self._pools: Shelf[ComputePool] = Shelf()
        self._instances: dict[TaskId, dict[InstanceId, Instance]] = {}
        self._attempts: dict[TaskId, dict[AttemptId, Attempt]] = {}
        self._energy: list[EnergyRow] = []
        self._heat: list[HeatRow] = []
        self._documents: dict[str, bytes] = {}

    def took_place(self, changes: Changes) -> bool:  # noqa: ARG002  # no commit here is in doubt
        return False

    def commit(self, changes: Changes) -> None:
        with self._lock:
            self._tasks.put(changes.tasks, changes.deleted_tasks)
            self._jobs.put(changes.jobs, changes.deleted_jobs)
            self._pools.put(changes.pools, changes.deleted_pools)
            self.keep_replies(changes.replies)
            for instance in changes.instances:
                self._instances.setdefault(instance.task_id, {})[instance.id] = instance
            for attempt in changes.attempts:
                self._attempts.setdefault(attempt.task_id, {})[attempt.id] = attempt
            self._energy += [row for row in changes.ledger if isinstance(row, EnergyRow)]
            self._heat += [row for row in changes.ledger if isinstance(row, HeatRow)]
            self.keep_facts(changes.facts)
            self.keep_budgets(changes.budgets)
            self._documents.update(changes.documents)
            for task_id in changes.deleted_tasks:
                self._instances.pop(task_id, None)
                self._attempts.pop(task_id, None)

    def task(self, task_id: TaskId) -> Task | None:
        return self._tasks.rows.get(task_id)

    def task_by_shortname(self, account_id: AccountId, shortname: str) -> Task | None:
        with self._lock:
            return self._tasks.by_shortname(account_id, shortname)

    def tasks(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Task]:
        with self._lock:
            return self._tasks.page(account_id, query, token, limit)

    def open_tasks(self) -> tuple[Task, ...]:
        with self._lock:
            return self._tasks.open()

    def mortal_tasks(self, before: dt.datetime | None = None) -> tuple[Task, ...]:
        with self._lock:
            ends = [(facets(task).expires_us, key) for key, task in self._tasks.rows.items() if task.ttl_s > 0]
            known = sorted((end, key) for end, key in ends if end is not None)
            return tuple(self._tasks.rows[key] for end, key in known if before is None or end < to_us(before))

    def instances(self, task_id: TaskId) -> tuple[Instance, ...]:
        with self._lock:
            known = dict(self._instances.get(task_id, {}))
            task = self._tasks.rows.get(task_id)
            for number in () if task is None else task.instance_numbers:
                key = instance_id(task_id, number)
                if key not in known and task is not None:
                    known[key] = Instance(id=key, task_id=task_id, number=number, since=task.created_at)
            return tuple(i for _, i in sorted(known.items()))

    def attempts(self, task_id: TaskId) -> tuple[Attempt, ...]:
        with self._lock:
            return tuple(a for _, a in sorted(self._attempts.get(task_id, {}).items()))

    def parts(self, tasks: Sequence[Task]) -> dict[TaskId, tuple[tuple[Instance, ...], tuple[Attempt, ...]]]:
        with self._lock:
            return {task.id: (self.instances(task.id), self.attempts(task.id)) for task in tasks}

    def job(self, job_id: JobId) -> Job | None:
        return self._jobs.rows.get(job_id)

    def job_by_shortname(self, account_id: AccountId, shortname: str) -> Job | None:
        with self._lock:
            return self._jobs.by_shortname(account_id, shortname)

    def jobs(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Job]:
        with self._lock:
            return self._jobs.page(account_id, query, token, limit)

    def open_jobs(self) -> tuple[Job, ...]:
        with self._lock:
            return self._jobs.open()

    def pool(self, pool_id: PoolId) -> ComputePool | None:
        return self._pools.rows.get(pool_id)

    def pool_by_shortname(self, account_id: AccountId, shortname: str) -> ComputePool | None:
        with self._lock:
            return self._pools.by_shortname(account_id, shortname)

    def pools(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[ComputePool]:
        with self._lock:
            return self._pools.page(account_id, query, token, limit)

    def open_pools(self) -> tuple[ComputePool, ...]:
        with self._lock:
            return self._pools.open()

    def counts(self, account_id: AccountId) -> Counts:
        with self._lock:
            tasks, jobs, pools = (shelf.counts(account_id) for shelf in (self._tasks, self._jobs, self._pools))
            return Counts(
                tasks=tasks[0],
                open_tasks=tasks[1],
                jobs=jobs[0],
                pools=pools[0],
                open_pools=pools[1],
                buckets=len(self.buckets(account_id)),
            )

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
        with self._lock:
            rows = list(self._energy)
        mine = (row for row in rows if task_id is None or row.task_id == task_id)
        asked = (row for row in mine if _within(row, site_id, start, end))
        yield from itertools.islice(asked, offset, None if limit is None else offset + limit)

    def heat(
        self,
        *,
        site_id: SiteId | None = None,
        start: dt.datetime | None = None,
        end: dt.datetime | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[HeatRow]:
        with self._lock:
            rows = list(self._heat)
        asked = (row for row in rows if _within(row, site_id, start, end))
        yield from itertools.islice(asked, offset, None if limit is None else offset + limit)

    def document(self, key: str) -> bytes | None:
        return self._documents.get(key)

    def close(self) -> None:
        """Nothing to let go of."""


def _within(
    row: EnergyRow | HeatRow, site_id: SiteId | None, start: dt.datetime | None, end: dt.datetime | None
) -> bool:
    if site_id is not None and row.site_id != site_id:
        return False
    return (start is None or row.start >= start) and (end is None or row.start < end)
