"""A rehearsal with jobs and pools: short ways to make them, and to look at them."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

from ondol.control.job_desk import PlatformJobs
from ondol.demo.fleet import demo_fleet
from ondol.lifecycle.events import DeleteAsked
from ondol.model.account import Account, AccountLimits
from ondol.model.compute import Attempt, Task
from ondol.model.conditions import Dependency, FinalState
from ondol.model.ids import AccountId, JobId, PoolId, TaskId
from ondol.model.job import Job
from ondol.model.pool import ComputePool
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Rehearsal

BEGIN = dt.datetime(2026, 1, 12, 6, 0, tzinfo=dt.UTC)  # a Monday
ACCOUNT = AccountId("a")


class Stage(Rehearsal):
    """A rehearsal that is told what comes while it runs.

    Parameters
    ----------
    limits : of the one account
    begin : platform time at which it begins
    """

    def __init__(
        self,
        policy: str = "fcfs",
        limits: AccountLimits | None = None,
        begin: dt.datetime = BEGIN,
        **settings: Any,
    ) -> None:
        super().__init__(demo_fleet(), policy, (), begin=begin, **settings)
        self.store.add_account(
            Account(
                id=ACCOUNT,
                email="a@b.c",
                token_hash="h",
                token_sealed=b"",
                created_at=BEGIN,
                limits=limits or AccountLimits(),
            )
        )
        self._numbers = itertools.count(1)

    def job(self, **fields: Any) -> Job:
        """Create a job."""
        at = self.clock.now()
        job = Job(
            id=JobId(f"job-{next(self._numbers):02}"),
            account_id=ACCOUNT,
            name="j",
            created_at=at,
            modified_at=at,
            state_since=at,
            **fields,
        )
        self.jobs.create(job)
        return job

    def pool(self, **fields: Any) -> ComputePool:
        """Create a pool."""
        at = self.clock.now()
        wanted = {"slots": 1, "service": ServiceClass.ON_DEMAND, **fields}
        pool = ComputePool(
            id=PoolId(f"pool-{next(self._numbers):02}"),
            account_id=ACCOUNT,
            name="p",
            profile="process",
            created_at=at,
            modified_at=at,
            state_since=at,
            **wanted,
        )
        self.groups.pools.create(pool)
        return pool

    def task(self, instances: int = 1, cpu_s: float = 1.0, after: tuple[Task, ...] = (), **fields: Any) -> Task:
        """Submit a task; `after` are tasks that it depends on."""
        at = self.clock.now()
        if after:
            fields["dependencies"] = tuple(Dependency(task_id=parent.id) for parent in after)
        wanted = {"constants": {"CMD": "true"}, "service": ServiceClass.ON_DEMAND, "profile": "process", **fields}
        task = Task(
            id=TaskId(f"task-{next(self._numbers):03}"),
            account_id=ACCOUNT,
            name="t",
            instance_numbers=tuple(range(instances)),
            created_at=at,
            modified_at=at,
            state_since=at,
            **wanted,
        )
        self._cpu_s[task.id] = cpu_s
        with self.works.lock:
            self.groups.room.for_tasks(ACCOUNT, 1, at, self.loop.flush)
            self.groups.admit((task,), at)
            self.loop.stir()
            self.loop.flush()
        return task

    def delete(self, task: Task) -> None:
        """Delete a task as its user would."""
        with self.works.lock:
            self.works.revive(self.stored(task))
            self.works.ask(task.id, DeleteAsked(at=self.clock.now(), task_id=task.id))
            self.loop.flush()

    def stored(self, task: Task) -> Task:
        """A task as it is stored now."""
        found = self.store.task(task.id)
        assert found is not None, f"{task.id} is gone"
        return found

    def attempts(self, task: Task) -> tuple[Attempt, ...]:
        """Its attempts as stored."""
        return self.store.attempts(task.id)

    def until(self, holds: Callable[[], bool], at_most_s: float = 7200.0) -> None:
        """Let time pass until something holds."""
        end = self.clock.now_s() + at_most_s
        while not holds():
            assert self.clock.now_s() < end, f"it did not come true in {at_most_s} s"
            self.run(self._tick_s)

    def _live(self) -> None:
        super()._live()
        self.groups = self.loop.groups
        self.jobs = PlatformJobs(self.store, self.works, self.loop, self.clock.now)


ANY_END = (FinalState.SUCCESS, FinalState.FAILURE, FinalState.CANCELLED)
