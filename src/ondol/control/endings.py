"""Ending many tasks at once, some of them a turn: however many a job or a pool has, the loop and the heat go on."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import deque
from collections.abc import Callable, Iterable

from ondol.control.works import Works
from ondol.lifecycle.events import CancelAsked, DeleteAsked
from ondol.model.compute import Task, TaskError
from ondol.model.ids import AccountId, TaskId
from ondol.storage.pages import Query
from ondol.storage.ports import Store

A_TURN = 500  # tasks ended per turn; each takes some 50 µs, and is a few rows to write


class Endings:
    """Tasks that are still to be cancelled, and stored ones that are still to be deleted, by who wants it.

    `listeners` are told whose tasks have all been asked.
    """

    def __init__(self, store: Store, works: Works) -> None:
        self._store, self._works = store, works
        self._cancels: dict[str, tuple[deque[TaskId], TaskError | None]] = {}
        self._each: dict[TaskId, None] = {}
        self._deletions: dict[str, tuple[AccountId, Query, str]] = {}
        self.listeners: list[Callable[[str], None]] = []

    def cancel(self, key: str, tasks: Iterable[TaskId], error: TaskError | None = None) -> None:
        """Cancel tasks that are not over; who is cancelled or over by then is passed over."""
        left = deque(sorted(task for task in tasks if self._may_cancel(task)))
        if left:
            self._cancels[key] = left, error

    def delete(self, key: str, account_id: AccountId, query: Query) -> None:
        """Delete every task of an account that a query finds, those under way as well."""
        self._cancels.pop(key, None)
        self._deletions[key] = account_id, query, ""

    def delete_each(self, tasks: Iterable[TaskId]) -> None:
        """Delete some tasks, those under way as well; who is gone by then is passed over."""
        self._each |= dict.fromkeys(tasks)

    def pending(self, key: str) -> bool:
        """Whether some tasks are still to be asked."""
        return key in self._cancels or key in self._deletions

    def turn(self, at: dt.datetime) -> bool:
        """Ask some of them; whether there are more."""
        for key, (left, error) in list(self._cancels.items()):
            for _ in range(min(A_TURN, len(left))):
                task_id = left.popleft()
                if self._may_cancel(task_id):
                    self._works.apply(task_id, CancelAsked(at=at, task_id=task_id, error=error))
            if not left:
                del self._cancels[key]
                self._done(key)
        for key, (account_id, query, token) in list(self._deletions.items()):
            page = self._store.tasks(account_id, query, token=token, limit=A_TURN)
            for task in page.rows:
                self._delete(task, at)
            if page.next_token:
                self._deletions[key] = account_id, query, page.next_token
            else:
                del self._deletions[key]
                self._done(key)
        for task_id in list(itertools.islice(self._each, A_TURN)):
            work = self._works.get(task_id)
            stored = self._store.task(task_id) if work is None else work.task
            if stored is not None:
                self._delete(stored, at)
            del self._each[task_id]
        return bool(self._cancels or self._deletions or self._each)

    def _done(self, key: str) -> None:
        for listener in self.listeners:
            listener(key)

    def _may_cancel(self, task_id: TaskId) -> bool:
        work = self._works.get(task_id)
        return work is not None and not work.over and not work.task.cancel_wanted

    def _delete(self, stored: Task, at: dt.datetime) -> None:
        self._works.revive(stored)
        work = self._works.get(stored.id)
        if work is not None and not work.task.delete_wanted:
            self._works.apply(stored.id, DeleteAsked(at=at, task_id=stored.id))
