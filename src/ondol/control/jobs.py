"""Jobs at work: their tasks' common fate, their time limits, their end."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.control.alarms import Alarms, later
from ondol.control.each_alone import serve_each
from ondol.control.endings import Endings
from ondol.control.works import Works
from ondol.lifecycle.job import JobSignal, after
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import NEVER, Task, TaskError
from ondol.model.errors import ForbiddenError
from ondol.model.ids import AccountId, JobId, TaskId
from ondol.model.job import Job, JobState
from ondol.storage.pages import Query
from ondol.storage.ports import Changes, Reply, Store

WALL, TTL = "job wall time", "job time to live"
_PAGE = 500  # tasks looked at in one go when a whole job goes


class JobBook:
    """Jobs that are not over, in memory; the only writer of jobs. Everything happens under `works.lock`."""

    def __init__(self, store: Store, works: Works, alarms: Alarms, endings: Endings) -> None:
        self._store, self._works, self._alarms, self._endings = store, works, alarms, endings
        self._jobs: dict[JobId, Job] = {}
        self._members: dict[JobId, set[TaskId]] = {}
        self._touched: set[JobId] = set()
        self._changed: dict[JobId, Job] = {}
        self._deleted: dict[JobId, None] = {}
        for job in store.open_jobs():
            self._take_in(job)
        for work in works:
            if work.task.job_id and not work.over:
                self._members.setdefault(work.task.job_id, set()).add(work.task.id)
        for job in self._jobs.values():
            if job.delete_wanted:
                endings.delete(job.id, job.account_id, Query(job_id=job.id))
            elif job.state is JobState.TERMINATING:
                endings.cancel(job.id, self._members.get(job.id, ()), _why_terminating(job))
        works.observers.append(self._see)
        endings.listeners.append(self.touch)

    def get(self, account_id: AccountId, key: str) -> Job | None:
        """Job of an account by id or shortname, None where there is none (any more)."""
        job = self._jobs.get(JobId(key)) or self._store.job(JobId(key)) or self._by_shortname(account_id, key)
        return None if job is None or job.account_id != account_id or job.delete_wanted else job

    def create(self, job: Job, replies: tuple[Reply, ...] = ()) -> None:
        """Take a job in, durable with the answers before anybody is told of it."""
        self._works.doubtful.commit(Changes(jobs=(job,), replies=replies), lambda: self._take_in(job))

    def terminate(self, job: Job, at: dt.datetime, error: TaskError | None = None) -> None:
        """Cancel a job's tasks and take no more; does nothing where it is over."""
        job = self._jobs.get(job.id, job)
        if job.state is not JobState.ACTIVE:
            return
        self._put(after(job, JobSignal.TERMINATE_ASKED, at))
        self._endings.cancel(job.id, self._members.get(job.id, ()), error)
        self._endings.turn(at)

    def delete(self, job: Job, at: dt.datetime, *, force: bool) -> None:
        """Let a job go, with its tasks where forced; raises ForbiddenError where some remain and it is not."""
        if not force and self._has_tasks(job):
            raise ForbiddenError(
                f"Job {job.id} still has tasks. Delete them first, or delete the job with force=true: they go with it."
            )
        self._put(after(self._jobs.get(job.id, job), JobSignal.DELETE_ASKED, at))
        self._endings.delete(job.id, job.account_id, Query(job_id=job.id))
        self._endings.turn(at)

    def touch(self, key: str) -> None:
        """Have a job looked at, where the key is one's."""
        if key in self._jobs:
            self._touched.add(JobId(key))

    def tasks(self, job: Job) -> tuple[Task, ...]:
        """Every task of a job that is not being deleted, newest first, as it is now."""
        found: list[Task] = []
        token, more = "", True
        while more:
            page = self._store.tasks(job.account_id, Query(job_id=job.id), token=token, limit=_PAGE)
            found += page.rows
            token, more = page.next_token, bool(page.next_token)
        works = ((task, self._works.get(task.id)) for task in found)
        return tuple(
            task if work is None else work.task
            for task, work in works
            if not (task.delete_wanted if work is None else work.task.delete_wanted)
        )

    def rings(self, kind: str, key: str, at: dt.datetime) -> None:
        """An alarm of a job went off; one that no longer fits is passed over."""
        job = self._jobs.get(JobId(key))
        if job is None or job.delete_wanted:
            return
        if kind == WALL and job.state is JobState.ACTIVE:
            self.terminate(job, at, _wall_time_over(job))
        elif kind == TTL and job.state is JobState.COMPLETED:
            self.delete(job, at, force=True)

    def settle(self, at: dt.datetime) -> bool:
        """Complete or remove the jobs whose last task is over; whether any was looked at."""
        return serve_each(self._touched, lambda job_id: self._settle(job_id, at), set())

    def add_changes(self, changes: Changes) -> Changes:
        """The changes of the moment, with those of jobs."""
        if not self._changed and not self._deleted:
            return changes
        changes = dataclasses.replace(changes, jobs=tuple(self._changed.values()), deleted_jobs=tuple(self._deleted))
        self._changed, self._deleted = {}, {}
        return changes

    def drop_closed(self, written: tuple[Job, ...]) -> None:
        """Let jobs for which nothing is left to do leave memory, once they are written."""
        for job in written:
            if job.state is JobState.COMPLETED and not job.ttl_s and self._jobs.get(job.id) is job:
                del self._jobs[job.id]

    def _settle(self, job_id: JobId, at: dt.datetime) -> None:
        job = self._jobs.get(job_id)
        if job is None or self._members.get(job_id) or self._endings.pending(job_id):
            return
        if job.delete_wanted:
            self._changed.pop(job_id, None)
            self._deleted[job_id] = None
            del self._jobs[job_id]
        elif job.state is JobState.TERMINATING:
            self._put(after(job, JobSignal.TASKS_OVER, at))

    def _take_in(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._touched.add(job.id)
        if job.max_wall_s and job.state is JobState.ACTIVE:
            self._alarms.set(later(job.created_at, job.max_wall_s), WALL, job.id)
        if job.ttl_s and job.ended_at != NEVER:
            self._alarms.set(later(job.ended_at, job.ttl_s), TTL, job.id)

    def _put(self, job: Job) -> None:
        self._changed[job.id] = job
        self._take_in(job)

    def _see(self, before: Work | None, work: Work, _change: Change) -> None:
        job_id, task_id = work.task.job_id, work.task.id
        if not job_id:
            return
        if before is None:
            self._members.setdefault(job_id, set()).add(task_id)
        elif work.over and not before.over:
            members = self._members.get(job_id, set())
            members.discard(task_id)
            if not members:
                self._members.pop(job_id, None)
                self._touched.add(job_id)

    def _has_tasks(self, job: Job) -> bool:
        """Whether any task is there that is not being deleted."""
        if self._members.get(job.id):
            return True
        token, more = "", True
        while more:
            page = self._store.tasks(job.account_id, Query(job_id=job.id), token=token, limit=_PAGE)
            if any(not task.delete_wanted for task in page.rows):
                return True
            token, more = page.next_token, bool(page.next_token)
        return False

    def _by_shortname(self, account_id: AccountId, key: str) -> Job | None:
        job = self._store.job_by_shortname(account_id, key)
        return None if job is None else self._jobs.get(job.id, job)


def _wall_time_over(job: Job) -> TaskError:
    message = f"Its job {job.name or job.id} reached its maximum wall time of {job.max_wall_s:g} s."
    return TaskError(code="JOB_MAX_WALL_TIME", message=message, debug=job.id)


def _why_terminating(job: Job) -> TaskError | None:
    """Why a job that an earlier life began to terminate does so: its time was up, or somebody asked for it."""
    over = job.max_wall_s and job.state_since >= later(job.created_at, job.max_wall_s)
    return _wall_time_over(job) if over else None
