"""Room for new tasks, jobs and pools: what an account may have at once, and what goes by itself where it is full."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TypeVar

from ondol.control.works import Works
from ondol.lifecycle.events import DeleteAsked
from ondol.lifecycle.work import Change, Work
from ondol.model.account import AccountLimits
from ondol.model.compute import Task, TaskState
from ondol.model.errors import ForbiddenError
from ondol.model.ids import AccountId, TaskId
from ondol.model.job import Job, JobState
from ondol.model.pool import ComputePool, PoolState
from ondol.storage.pages import Page, Query
from ondol.storage.ports import Store

_PAGE = 500
_OVER_TASKS = tuple(state.value for state in TaskState if state.final)
_OVER_POOLS = tuple(state.value for state in PoolState if state.final)
Noun = TypeVar("Noun")


class Room:
    """Keeps accounts within their limits at submission; observes the works.

    Tasks that were over and may go by themselves are read from storage once per account, when it is full for the first
    time, and kept up to date from then on: an account that stays full costs nothing more per submission.
    """

    def __init__(self, store: Store, works: Works) -> None:
        self._store, self._works = store, works
        self._spare: dict[AccountId, dict[TaskId, dt.datetime]] = {}
        works.observers.append(self._see)

    def limits(self, account_id: AccountId) -> AccountLimits:
        """What an account may have."""
        account = self._store.account(account_id)
        return AccountLimits() if account is None else account.limits

    def for_tasks(self, account_id: AccountId, number: int, at: dt.datetime, written: Callable[[], None]) -> None:
        """Make room for new tasks; raises ForbiddenError where there is none.

        Parameters
        ----------
        written : writes what was changed: what goes must be gone before the new is there
        """
        limits = self.limits(account_id)
        if limits.max_tasks is None and limits.max_running_tasks is None:
            return
        counts = self._store.counts(account_id)
        _hold(counts.open_tasks + number, limits.max_running_tasks, "tasks", " that are not over")
        missing = 0 if limits.max_tasks is None else counts.tasks + number - limits.max_tasks
        if missing <= 0:
            return
        spare = self._spare_tasks(account_id)
        if missing > len(spare):
            _hold(counts.tasks + number, limits.max_tasks, "tasks", "; delete some")
        for task_id in sorted(spare, key=lambda key: (spare[key], key))[:missing]:
            del spare[task_id]
            task = self._store.task(task_id)
            if task is not None:
                self._works.revive(task)
                self._works.apply(task_id, DeleteAsked(at=at, task_id=task_id))
        written()

    def for_job(self, account_id: AccountId, delete: Callable[[Job], None], written: Callable[[], None]) -> None:
        """Make room for a new job; completed ones that may go by themselves do, the oldest first."""
        limit = self.limits(account_id).max_jobs
        if limit is None or self._store.counts(account_id).jobs < limit:
            return
        query = Query(states=(JobState.COMPLETED.value,), rising=True)
        for job in _every(lambda token: self._store.jobs(account_id, query, token=token, limit=_PAGE)):
            if job.auto_delete and not job.delete_wanted:
                delete(job)
                written()
                return
        _hold(limit + 1, limit, "jobs", "; delete some")

    def for_pool(
        self, account_id: AccountId, delete: Callable[[ComputePool], None], written: Callable[[], None]
    ) -> None:
        """Make room for a new pool; closed ones that may go by themselves do, the oldest first."""
        limits = self.limits(account_id)
        if limits.max_pools is None and limits.max_running_pools is None:
            return
        counts = self._store.counts(account_id)
        _hold(counts.open_pools + 1, limits.max_running_pools, "pools", " that are not closed")
        if limits.max_pools is None or counts.pools < limits.max_pools:
            return
        query = Query(states=_OVER_POOLS, rising=True)
        for pool in _every(lambda token: self._store.pools(account_id, query, token=token, limit=_PAGE)):
            if pool.auto_delete and not pool.delete_wanted:
                delete(pool)
                written()
                return
        _hold(counts.pools + 1, limits.max_pools, "pools", "; delete some")

    def _spare_tasks(self, account_id: AccountId) -> dict[TaskId, dt.datetime]:
        if account_id not in self._spare:
            query = Query(states=_OVER_TASKS, rising=True)
            tasks = _every(lambda token: self._store.tasks(account_id, query, token=token, limit=_PAGE))
            self._spare[account_id] = {task.id: task.ended_at for task in tasks if _may_go(task)}
        return self._spare[account_id]

    def _see(self, _before: Work | None, after: Work, _change: Change) -> None:
        spare = self._spare.get(after.task.account_id)
        if spare is None:
            return
        if _may_go(after.task):
            spare[after.task.id] = after.task.ended_at
        else:
            spare.pop(after.task.id, None)


def _may_go(task: Task) -> bool:
    return task.auto_delete and task.state.final and not task.delete_wanted and not task.holds_pool


def _hold(wanted: int, limit: int | None, what: str, which: str) -> None:
    # Clients look for the first words of this (`reference/qarnot-api.md` §2.9).
    if limit is not None and wanted > limit:
        raise ForbiddenError(f"Maximum number of {what} reached: {limit} may be there at once{which}.")


def _every(page: Callable[[str], Page[Noun]]) -> Iterator[Noun]:
    found = page("")
    yield from found.rows
    while found.next_token:
        found = page(found.next_token)
        yield from found.rows
