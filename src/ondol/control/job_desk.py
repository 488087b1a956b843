"""What the HTTP side may ask of jobs; see `group_ports.JobDesk`."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from ondol.control.loop import Loop
from ondol.control.works import Works
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.ids import AccountId
from ondol.model.job import Job
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Reply, Store

_log = logging.getLogger(__name__)


class PlatformJobs:
    """Answers from memory where the job is open, from storage where it is over."""

    def __init__(self, store: Store, works: Works, loop: Loop, now: Callable[[], dt.datetime]) -> None:
        self._store, self._works, self._loop, self._now = store, works, loop, now
        self._book = loop.groups.jobs

    def create(self, job: Job, reply: Reply | None = None) -> None:
        groups = self._loop.groups
        with self._works.lock:
            if job.shortname and self._store.job_by_shortname(job.account_id, job.shortname) is not None:
                raise InvalidFieldError("shortname-uniqueness", job.shortname, "a shortname that no other job has")
            if job.pool_id:
                pool = groups.pools.get(job.account_id, job.pool_id)
                if pool is None:
                    raise NotFoundError("pool", job.pool_id)
                if not pool.takes_tasks:
                    raise InvalidFieldError("poolUuid", job.pool_id, f"a pool that takes tasks, not {pool.state.value}")
            groups.room.for_job(
                job.account_id, lambda old: self._book.delete(old, self._now(), force=True), self._loop.flush
            )
            self._book.create(job, () if reply is None else (reply,))
            self._loop.stir()

    def get(self, account_id: AccountId, key: str) -> Job:
        with self._works.lock:
            job = self._book.get(account_id, key)
        if job is None:
            raise NotFoundError("job", key)
        return job

    def page(self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100) -> Page[Job]:
        page = self._store.jobs(account_id, query, token=token, limit=limit)
        return Page(tuple(job for job in page.rows if not job.delete_wanted), page.next_token)

    def tasks(self, account_id: AccountId, key: str) -> tuple[Task, ...]:
        return self._book.tasks(self.get(account_id, key))

    def terminate(self, account_id: AccountId, key: str) -> None:
        with self._works.lock:
            self._book.terminate(self.get(account_id, key), self._now())
            self._written()

    def delete(self, account_id: AccountId, key: str, *, force: bool) -> None:
        with self._works.lock:
            self._book.delete(self.get(account_id, key), self._now(), force=force)
            self._written()

    def _written(self) -> None:
        try:
            self._loop.flush()
        except UnavailableError as error:
            _log.error("what was asked of a job cannot be written yet, trying again: %s", error)
            raise
        finally:
            self._loop.stir()
