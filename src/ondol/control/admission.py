"""What a new task must fulfil beside its own fields: its job, its pool, the tasks it depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ondol.control.jobs import JobBook
from ondol.control.pools import PoolBook
from ondol.control.works import Works
from ondol.lifecycle.inherit import check_own, joined
from ondol.model.compute import Task
from ondol.model.conditions import Dependency
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import TaskId
from ondol.model.job import Job, JobState
from ondol.storage.ports import Store


class Admission:
    """Turns tasks as asked for into tasks as accepted; raises InvalidFieldError for what fits nowhere."""

    def __init__(self, store: Store, works: Works, jobs: JobBook, pools: PoolBook) -> None:
        self._store, self._works, self._jobs, self._pools = store, works, jobs, pools

    def accepted(self, tasks: Iterable[Task]) -> tuple[Task, ...]:
        """Tasks with what they take over from job and pool; one may depend on those before it.

        A task of a job with a pool names that pool from then on, as do tasks that were sent to it directly.
        """
        done: dict[TaskId, Task] = {}
        for task in tasks:
            done[task.id] = self._accepted(task, done)
        return tuple(done.values())

    def _accepted(self, task: Task, earlier: dict[TaskId, Task]) -> Task:
        job = self._job_of(task)
        if task.dependencies:
            task = dataclasses.replace(task, dependencies=self._dependencies(task, job, earlier))
        if job is not None:
            if task.pool_id and task.pool_id != job.pool_id:
                raise InvalidFieldError(
                    "poolUuid", task.pool_id, "left out where there is a jobUuid: a job has its own"
                )
            task = dataclasses.replace(task, job_id=job.id, pool_id=job.pool_id)
        if not task.pool_id:
            return task
        field = "poolUuid" if job is None else "jobUuid"
        pool = self._pools.get(task.account_id, task.pool_id)
        if pool is None:
            raise InvalidFieldError(field, task.pool_id, "a pool of yours that is there")
        if not pool.takes_tasks:
            raise InvalidFieldError(field, pool.id, f"a pool that takes tasks; this one is {pool.state.value}")
        check_own(task, pool)
        return joined(task, pool)

    def _job_of(self, task: Task) -> Job | None:
        if not task.job_id:
            return None
        job = self._jobs.get(task.account_id, task.job_id)
        if job is None:
            raise InvalidFieldError("jobUuid", task.job_id, "a job of yours that is there")
        if job.state is not JobState.ACTIVE:
            raise InvalidFieldError("jobUuid", job.id, f"a job that is Active; this one is {job.state.value}")
        return job

    def _dependencies(self, task: Task, job: Job | None, earlier: dict[TaskId, Task]) -> tuple[Dependency, ...]:
        if job is None:
            raise InvalidFieldError("dependencies", len(task.dependencies), "none in a task without a job")
        if not job.use_dependencies:
            raise InvalidFieldError("dependencies", len(task.dependencies), "none: its job has useDependencies false")
        found: dict[TaskId, Dependency] = {}
        for one in task.dependencies:
            parent = earlier.get(one.task_id) or self._parent(one.task_id)
            if (
                parent is None
                or (parent.account_id, parent.job_id) != (task.account_id, job.id)
                or parent.delete_wanted
            ):
                raise InvalidFieldError("dependencies", one.task_id, f"ids of tasks of the same job, {job.id}")
            if not one.accepts:
                raise InvalidFieldError("dependencies", one.task_id, "at least one final state that is accepted")
            known = found.setdefault(parent.id, dataclasses.replace(one, ended=None))
            if known.accepts != one.accepts:
                raise InvalidFieldError("dependencies", one.task_id, "one condition for each task")
        return tuple(found.values())

    def _parent(self, task_id: TaskId) -> Task | None:
        work = self._works.get(task_id)
        return self._store.task(task_id) if work is None else work.task
