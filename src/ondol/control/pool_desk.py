"""What the HTTP side may ask of compute pools; see `group_ports.PoolDesk`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable

from ondol.control.group_ports import PoolDetail
from ondol.control.hands import Hands
from ondol.control.loop import Loop
from ondol.control.outputs import Outputs
from ondol.control.ports import TaskDetail
from ondol.control.profiles import ALL
from ondol.control.works import Works
from ondol.lifecycle.inherit import holder_of
from ondol.lifecycle.scaling import scaled
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, AttemptId, TaskId
from ondol.model.job import Job
from ondol.model.pool import ComputePool, Scaling
from ondol.storage.pages import EVERY, Page, Query
from ondol.storage.ports import Reply, Store

_PAGE = 500


class PlatformPools:
    """Answers from memory where the pool is open, from storage where it is over.

    Parameters
    ----------
    check, pay : raise what is wrong with a task, and that nobody can pay for it
    task_detail : gives a task with all that is shown of it
    """

    def __init__(
        self,
        store: Store,
        works: Works,
        loop: Loop,
        *,
        hands: Hands,
        outputs: Outputs,
        check: Callable[[Task], None],
        pay: Callable[[Task], None],
        task_detail: Callable[[Task], TaskDetail],
        now: Callable[[], dt.datetime],
    ) -> None:
        self._store, self._works, self._loop, self._now = store, works, loop, now
        self._hands, self._outputs = hands, outputs
        self._check, self._pay, self._task_detail = check, pay, task_detail
        self._book = loop.groups.pools

    def create(self, pool: ComputePool, reply: Reply | None = None) -> None:
        profile = ALL.get(pool.profile)
        if profile is None:
            raise InvalidFieldError("profile", pool.profile, "one of " + ", ".join(sorted(ALL)))
        # A preparation that could not start would fail on every slot; without one, any command stands for the tasks'.
        sample = dataclasses.replace(pool, preparation=pool.preparation or "true")
        with self._works.lock:
            holder = holder_of(sample, 0, TaskId(pool.id), pool.created_at, profile.commands)
            self._check(holder)
            self._pay(holder)
            if pool.shortname and self._store.pool_by_shortname(pool.account_id, pool.shortname) is not None:
                raise InvalidFieldError("shortname-uniqueness", pool.shortname, "a shortname that no other pool has")
            self._loop.groups.room.for_pool(
                pool.account_id, lambda old: self._book.delete(old, self._now()), self._loop.flush
            )
            self._book.create(scaled(pool, (), 0, pool.created_at), () if reply is None else (reply,))
            self._loop.stir()

    def detail(self, account_id: AccountId, key: str) -> PoolDetail:
        with self._works.lock:
            pool = self._get(account_id, key)
            line = self._book.line(pool)
            queued, running = len(line.queue), line.running
            capacity = self._book.shown_ready(line, self._now()) * pool.slots_per_node
            holders = self._book.holders(pool)
        return PoolDetail(
            pool=pool,
            holders=tuple(self._task_detail(task) for task in holders),
            queued=queued,
            running=running,
            capacity=capacity,
        )

    def page(
        self, account_id: AccountId, query: Query = EVERY, *, token: str = "", limit: int = 100
    ) -> Page[ComputePool]:
        page = self._store.pools(account_id, query, token=token, limit=limit)
        return Page(tuple(pool for pool in page.rows if not pool.delete_wanted), page.next_token)

    def tasks(self, account_id: AccountId, key: str) -> tuple[Task, ...]:
        pool = self._get(account_id, key)
        found: list[Task] = []
        token, more = "", True
        while more:
            page = self._store.tasks(account_id, Query(pool_id=pool.id), token=token, limit=_PAGE)
            found += page.rows
            token, more = page.next_token, bool(page.next_token)
        return tuple(task for task in found if not task.delete_wanted)

    def jobs(self, account_id: AccountId, key: str) -> tuple[Job, ...]:
        pool = self._get(account_id, key)
        found: list[Job] = []
        token, more = "", True
        while more:
            page = self._store.jobs(account_id, Query(pool_id=pool.id), token=token, limit=_PAGE)
            found += page.rows
            token, more = page.next_token, bool(page.next_token)
        return tuple(job for job in found if not job.delete_wanted)

    def update(
        self,
        account_id: AccountId,
        key: str,
        *,
        constants: dict[str, str] | None = None,
        tags: tuple[str, ...] | None = None,
        slots: int | None = None,
        elastic: Scaling | None = None,
        scaling: tuple[Scaling, ...] | None = None,
        inelastic: bool = False,
    ) -> None:
        with self._works.lock:
            pool = self._get(account_id, key)
            at = self._now()
            if slots is not None and slots > pool.target_slots:
                self._pay(holder_of(pool, pool.next_holder, TaskId(pool.id), at, ALL[pool.profile].commands))
            changed = dataclasses.replace(
                pool,
                constants=pool.constants if constants is None else constants,
                tags=pool.tags if tags is None else tags,
                slots=pool.slots if slots is None else slots,
                elastic=None if inelastic else elastic or pool.elastic,
                scaling=pool.scaling if scaling is None else scaling,
                modified_at=at,
            )
            if pool.takes_tasks:  # whoever looks next sees the policy that is followed now
                line = self._book.line(pool)
                changed = self._book.scaled(changed, line, at)
            self._book.put(changed)
            self._written()

    def refresh(self, account_id: AccountId, key: str) -> None:
        """Slots that are prepared fetch at once; those still being staged get what is there then."""
        with self._works.lock:
            pool = self._open(account_id, key, "refresh its resources")
            for slot in self._book.line(pool).ready(self._works):
                found = self._works.find(slot.attempt_id)
                if found is not None and found[1].state is AttemptState.RUNNING:
                    self._book.syncing(pool, slot.attempt_id, begins=True)
                    done = functools.partial(self._synced, pool, slot.attempt_id)
                    self._hands.refresh(found[0].task, found[1], done)

    def close(self, account_id: AccountId, key: str) -> None:
        with self._works.lock:
            self._book.close(self._open(account_id, key, "close it"), self._now())
            self._written()

    def delete(self, account_id: AccountId, key: str) -> None:
        with self._works.lock:
            self._book.delete(self._get(account_id, key), self._now())
            self._written()

    def output(self, account_id: AccountId, key: str, stream: str, *, number: int | None = None, fresh: bool) -> str:
        pool = self._get(account_id, key)
        with self._works.lock:
            holders = self._book.holders(pool)
        if number is not None:
            holders = tuple(task for task in holders if task.instance_numbers == (number,))
            # A slot that is wanted and not held yet has said nothing so far, like an instance that waits.
            if not holders and not 0 <= number < max(pool.target_slots, pool.next_holder):
                raise NotFoundError("pool instance", f"{key}/{number}")
        attempts = tuple(attempt for task in holders for attempt in self._attempts(task))
        if fresh:
            return self._outputs.fresh(TaskId(pool.id), attempts, stream, number=number)
        return self._outputs.whole(attempts, stream)

    def _attempts(self, task: Task) -> tuple[Attempt, ...]:
        work = self._works.get(task.id)
        if work is None:
            return self._store.attempts(task.id)
        return tuple(attempt for tries in work.attempts.values() for attempt in tries)

    def _synced(self, pool: ComputePool, attempt_id: AttemptId) -> None:
        with self._works.lock:
            self._book.syncing(pool, attempt_id, begins=False)
        self._loop.wake.set()

    def _get(self, account_id: AccountId, key: str) -> ComputePool:
        with self._works.lock:
            pool = self._book.get(account_id, key)
        if pool is None:
            raise NotFoundError("pool", key)
        return pool

    def _open(self, account_id: AccountId, key: str, to_do: str) -> ComputePool:
        pool = self._get(account_id, key)
        if pool.state.final or pool.closing_wanted:
            raise ConflictError(f"Can't {to_do}: pool {key} is {pool.state.value}.")
        return pool

    def _written(self) -> None:
        try:
            self._loop.flush()
        finally:
            self._loop.stir()
