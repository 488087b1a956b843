"""Compute pools at work: rows, slots and queues; the only writer of pools. Everything happens under `works.lock`."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping

from ondol.control.alarms import Alarms, later
from ondol.control.each_alone import serve_each
from ondol.control.endings import Endings
from ondol.control.pool_line import PoolLine
from ondol.control.slots import HOLDS, Slots
from ondol.control.works import Works
from ondol.engine.ports import AttemptReport
from ondol.lifecycle.events import CancelAsked, DeleteAsked
from ondol.lifecycle.inherit import at_launch, settled
from ondol.lifecycle.pool import holder_failed, moved, queue_timed_out, state_of
from ondol.lifecycle.task import final_of
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import NEVER, Attempt, InstanceState, Task, TaskError
from ondol.model.conditions import FinalState
from ondol.model.ids import AccountId, AttemptId, NodeId, PoolId, TaskId
from ondol.model.pool import ComputePool, PoolState
from ondol.storage.pages import Query
from ondol.storage.ports import Changes, Reply, Store

QUEUE, TTL, CLOSING, NEW = "pool in queue", "pool time to live", "pool closing", "pool new"
EVERY_S = 30.0  # every pool is looked at this often: periods begin and end, slots grow idle [s, platform]
KEPT_HOLDERS = 100  # holders that are over, kept per pool for what their preparation said
_PAGE = 500
_TASKS = " tasks"  # who cancels a pool's tasks is another than who deletes its holders


class PoolBook:
    """Pools that are not over, in memory; observes the works.

    Parameters
    ----------
    seen_s : least time that a pool is seen to be new, its slots not ready yet, and to be closing [s, platform]
    """

    def __init__(self, store: Store, works: Works, alarms: Alarms, endings: Endings, *, seen_s: float) -> None:
        self._store, self._works, self._alarms, self._endings = store, works, alarms, endings
        self._seen_s = seen_s
        self._slots = Slots(works, self.put)
        self._lines: dict[PoolId, PoolLine] = {}
        self._touched: set[PoolId] = set()
        self._stirred: set[PoolId] = set()
        self._failing: set[PoolId] = set()
        self._preparing: dict[AttemptId, PoolId] = {}
        self._changed: dict[PoolId, ComputePool] = {}
        self._deleted: dict[PoolId, None] = {}
        self._looked_at: dt.datetime | None = None
        for pool in store.open_pools():
            self._take_in(pool).over = [task.id for task in reversed(self._stored_holders(pool)) if task.state.final]
        for work in works:
            self._enter(work)
        for line in self._lines.values():
            if line.pool.delete_wanted:
                endings.delete(line.pool.id, line.pool.account_id, Query(pool_id=line.pool.id, holders=True))
        works.observers.append(self._see)
        endings.listeners.append(self.touch)

    # -- asked from outside --

    def get(self, account_id: AccountId, key: str) -> ComputePool | None:
        """Pool of an account by id or shortname, None where there is none (any more)."""
        line = self._lines.get(PoolId(key))
        pool = line.pool if line else self._store.pool(PoolId(key)) or self._by_shortname(account_id, key)
        return None if pool is None or pool.account_id != account_id or pool.delete_wanted else pool

    def line(self, pool: ComputePool) -> PoolLine:
        """What is known of a pool; nothing but itself where it is over."""
        return self._lines.get(pool.id) or PoolLine(pool=pool)

    def shown_ready(self, line: PoolLine, at: dt.datetime) -> int:
        """Slots that are prepared, as others see it: none while the pool is new.

        Clients compare a pool with its clone of the same moment, which has none yet. Tasks run in them all the same.
        """
        return 0 if at < self._steady_at(line.pool) else len(line.ready(self._works))

    def create(self, pool: ComputePool, replies: tuple[Reply, ...] = ()) -> None:
        """Take a pool in, durable with the answers before anybody is told of it; its holders follow."""
        self._works.doubtful.commit(Changes(pools=(pool,), replies=replies), lambda: self._take_in(pool))

    def put(self, pool: ComputePool) -> None:
        """Change a pool's row."""
        line = self._lines.get(pool.id)
        if line is None or line.pool is not pool:
            self._changed[pool.id] = pool
            self._take_in(pool)

    def close(self, pool: ComputePool, at: dt.datetime) -> None:
        """Take no more tasks; the slots go once those in it are over."""
        self.put(dataclasses.replace(pool, closing_wanted=True, modified_at=at))

    def delete(self, pool: ComputePool, at: dt.datetime) -> None:
        """Cancel a pool's tasks and let it go with its slots."""
        # Its shortname is free again from this moment on, whatever is left to be done.
        self.put(dataclasses.replace(pool, delete_wanted=True, shortname="", modified_at=at))
        self._endings.delete(pool.id, pool.account_id, Query(pool_id=pool.id, holders=True))
        self._end_tasks(self._lines[pool.id], at)  # later: a turn of endings may find storage gone
        self._endings.turn(at)

    def touch(self, key: str) -> None:
        """Have a pool looked at, where the key is one's."""
        pool_id = PoolId(key.removesuffix(_TASKS))
        if pool_id in self._lines:
            self._touched.add(pool_id)

    def holders(self, pool: ComputePool) -> tuple[Task, ...]:
        """The hidden tasks that hold its slots, by number, those that are over included while they are stored."""
        tasks = {task.id: task for task in self._stored_holders(pool)}
        for task_id in self.line(pool).holders:
            work = self._works.get(task_id)
            if work is not None:
                tasks[task_id] = work.task
        return tuple(sorted(tasks.values(), key=lambda task: task.instance_numbers))

    def at_launch(self, task: Task) -> tuple[Task, int]:
        """A task as it is launched, and how many instances share the slot that it is launched in."""
        line = self._lines.get(task.pool_id) if task.pool_id else None
        if line is None:
            return settled(task), 1
        return settled(at_launch(task, line.pool)), line.pool.slots_per_node

    def sharers(self, attempt: Attempt) -> int:
        """How many instances share the slot that an attempt runs in."""
        work = self._works.get(attempt.task_id) if attempt.held_by else None
        return 1 if work is None else self.at_launch(work.task)[1]

    def syncing(self, pool: ComputePool, attempt_id: AttemptId, *, begins: bool) -> None:
        """Note that the pool's resources are being fetched anew into a slot, or are there."""
        line = self._lines.get(pool.id)
        if line is not None and attempt_id in line.held:
            (line.syncing.add if begins else line.syncing.discard)(attempt_id)
            self._stirred.add(pool.id)

    def rings(self, kind: str, key: str, at: dt.datetime) -> None:
        """An alarm of a pool went off; one that no longer fits is passed over."""
        line = self._lines.get(PoolId(key))
        if line is None or line.pool.delete_wanted:
            return
        if kind == QUEUE and line.pool.takes_tasks and not self._was_placed(line):
            self.put(queue_timed_out(line.pool, at))
        elif kind == TTL and line.pool.state.final:
            self.delete(line.pool, at)
        elif kind in (CLOSING, NEW):
            self._touched.add(line.pool.id)

    def scaled(self, pool: ComputePool, line: PoolLine, at: dt.datetime) -> ComputePool:
        """A pool that is changed, with the slots that it should hold now."""
        return self._slots.scaled(pool, line, at)

    def grow_unless(self, keeps_from_growing: Callable[[Task, dt.datetime], str]) -> None:
        """Let pools hold more slots than they do unless that gives a reason, asked with a holder's task."""
        self._slots.keeps_from_growing = keeps_from_growing

    # -- turned by the loop --

    def tick(
        self, at: dt.datetime, reports: Mapping[AttemptId, AttemptReport], accepts: Callable[[NodeId], bool]
    ) -> None:
        """See which slots became ready, scale, and give waiting instances their slots."""
        for attempt_id, pool_id in list(self._preparing.items()):
            report = reports.get(attempt_id)
            if report is not None and report.held:
                del self._preparing[attempt_id]
                self._became_ready(pool_id, attempt_id, at)
        if self._looked_at is None or (at - self._looked_at).total_seconds() >= EVERY_S:
            self._stirred |= set(self._lines)
            self._touched |= self._failing  # what was wrong with them may be over
            self._failing.clear()
            self._looked_at = at
        serve_each(self._stirred, lambda pool_id: self._turn(pool_id, at, accepts), self._failing)

    def settle(self, at: dt.datetime) -> bool:
        """Bring the states of pools up to what became of their slots and tasks; whether any was looked at."""
        return serve_each(self._touched, lambda pool_id: self._settle(pool_id, at), self._failing)

    def add_changes(self, changes: Changes) -> Changes:
        """The changes of the moment, with those of pools."""
        if not self._changed and not self._deleted:
            return changes
        changes = dataclasses.replace(changes, pools=tuple(self._changed.values()), deleted_pools=tuple(self._deleted))
        self._changed, self._deleted = {}, {}
        return changes

    def drop_closed(self, written: tuple[ComputePool, ...]) -> None:
        """Let pools for which nothing is left to do leave memory, once they are written."""
        for pool in written:
            line = self._lines.get(pool.id)
            if line is None or line.pool is not pool or pool.delete_wanted or pool.ttl_s:
                continue
            if pool.state.final and not line.holders and not line.members:
                del self._lines[pool.id]

    # -- slots --

    def _turn(self, pool_id: PoolId, at: dt.datetime, accepts: Callable[[NodeId], bool]) -> None:
        line = self._lines.get(pool_id)
        if line is not None and not line.pool.state.final:
            self._slots.follow(line, at)
            if line.pool.takes_tasks or (line.members and not line.pool.delete_wanted):
                self._slots.scale(line, at)  # while it closes, too: what is left in it may have no slot yet
            self._slots.dispatch(line, at, accepts)

    def _became_ready(self, pool_id: PoolId, attempt_id: AttemptId, at: dt.datetime) -> None:
        line = self._lines.get(pool_id)
        if line is None or attempt_id not in line.held:
            return
        line.held[attempt_id] = True
        line.idle_since.setdefault(attempt_id, at)
        if line.pool.failed_in_row:
            self.put(dataclasses.replace(line.pool, failed_in_row=0))
        self._touched.add(pool_id)
        self._stirred.add(pool_id)

    # -- states --

    def _settle(self, pool_id: PoolId, at: dt.datetime) -> None:
        self._stirred.add(pool_id)
        line = self._lines.get(pool_id)
        if line is None:
            return
        pool = line.pool
        if pool.delete_wanted and not line.members and not line.holders and not self._endings.pending(pool.id):
            self._changed.pop(pool.id, None)
            self._deleted[pool.id] = None
            del self._lines[pool.id]
            return
        if pool.delete_wanted and not self._endings.pending(pool.id):
            # Its stored holders were asked; one that was begun while nothing could be written is not among them.
            self._endings.delete_each(sorted(task_id for task_id in line.holders if self._stays(task_id)))
        if pool.state is PoolState.FAILURE or pool.delete_wanted:
            self._end_tasks(line, at)
        if (pool.state is PoolState.FAILURE and not pool.delete_wanted) or (pool.closing_wanted and not line.members):
            self._end_holders(line, at)
        self._slots.follow(line, at)
        self._forget_old_holders(line, at)
        placed = sum(self._placed(holder) for holder in line.holders)
        left = len(line.members) + len(line.holders) + self._must_be_seen(line.pool, at)
        ready = self.shown_ready(line, at)
        self.put(moved(line.pool, state_of(line.pool, placed=placed, ready=ready, left=left), at))

    def _steady_at(self, pool: ComputePool) -> dt.datetime:
        return pool.created_at + dt.timedelta(seconds=self._seen_s)

    def _must_be_seen(self, pool: ComputePool, at: dt.datetime) -> bool:
        """Whether a pool is not closed yet for the sake of those who look at it right after they asked for it."""
        if not pool.closing_wanted or pool.state.final:
            return False
        begun = pool.state_since if pool.state is PoolState.CLOSING else at
        end = begun + dt.timedelta(seconds=self._seen_s)
        if at < end or pool.state is not PoolState.CLOSING:
            self._alarms.set(end, CLOSING, pool.id)
            return True
        return False

    def _end_tasks(self, line: PoolLine, at: dt.datetime) -> None:
        """Cancel what can never run any more; once for each pool, as none can come after."""
        pool = line.pool
        if line.ending or not line.members:
            return
        line.ending = True
        code, what = ("POOL_DELETED", "was deleted") if pool.delete_wanted else ("POOL_FAILED", "failed")
        error = TaskError(code=code, message=f"Its pool {pool.name or pool.id} {what}.", debug=pool.id)
        self._endings.cancel(pool.id + _TASKS, line.members, error)
        self._endings.turn(at)

    def _end_holders(self, line: PoolLine, at: dt.datetime) -> None:
        for task_id in sorted(line.holders):
            work = self._works.get(task_id)
            if work is not None and not work.task.cancel_wanted:
                self._works.apply(task_id, CancelAsked(at=at, task_id=task_id))

    def _forget_old_holders(self, line: PoolLine, at: dt.datetime) -> None:
        while len(line.over) > KEPT_HOLDERS:
            task = self._store.task(line.over[0])
            if task is not None:
                self._works.revive(task)
                self._works.apply(task.id, DeleteAsked(at=at, task_id=task.id))
            del line.over[0]

    def _stays(self, holder: TaskId) -> bool:
        work = self._works.get(holder)
        return work is not None and not work.task.delete_wanted

    def _placed(self, holder: TaskId) -> bool:
        work = self._works.get(holder)
        return work is not None and any(i.state is InstanceState.ACTIVE for i in work.instances.values())

    def _was_placed(self, line: PoolLine) -> bool:
        works = (self._works.get(holder) for holder in line.holders)
        return bool(line.over) or any(work is not None and bool(work.attempts) for work in works)

    # -- the works --

    def _enter(self, work: Work) -> None:
        """Take up a work as it stands."""
        tries = tuple(attempt for attempts in work.attempts.values() for attempt in attempts)
        self._see(None, work, Change(instances=tuple(work.instances.values()), attempts=tries))

    def _see(self, before: Work | None, after: Work, change: Change) -> None:
        task = after.task
        pool_id = task.holds_pool or task.pool_id
        line = self._lines.get(pool_id) if pool_id else None
        if line is None:
            return
        if task.holds_pool:
            self._see_holder(line, before, after, change)
        else:
            self._see_member(line, before, after, change)
        self._touched.add(pool_id)

    def _see_holder(self, line: PoolLine, before: Work | None, after: Work, change: Change) -> None:
        task = after.task
        if before is None and not after.over:
            line.holders[task.id] = task.instance_numbers[0]
        for attempt in change.attempts:
            if attempt.state in HOLDS:
                if not line.held.setdefault(attempt.id, False):
                    self._preparing[attempt.id] = line.pool.id
            else:
                line.held.pop(attempt.id, None)
                line.idle_since.pop(attempt.id, None)
                self._preparing.pop(attempt.id, None)
                line.syncing.discard(attempt.id)
        if after.over and line.holders.pop(task.id, None) is not None:
            if not task.delete_wanted:
                line.over.append(task.id)
            if final_of(after.tally) is FinalState.FAILURE:
                why = task.errors[-1].message if task.errors else "no reason was given."
                self.put(holder_failed(line.pool, task.instance_numbers[0], why, task.ended_at))

    def _see_member(self, line: PoolLine, before: Work | None, after: Work, change: Change) -> None:
        task = after.task
        # With its last parent's end all begin to wait, even where that changes none of their rows.
        begins = before is None or (before.task.blocked and not task.blocked)
        instances = after.instances.values() if begins else change.instances
        waits = not (task.cancel_wanted or task.blocked)
        for instance in instances:
            if waits and instance.state is InstanceState.QUEUED:
                resources = line.pool.wait_for_resources if task.wait_for_resources is None else task.wait_for_resources
                since = (task.created_at, task.id, instance.number)
                line.queue.put(instance.id, since, for_resources=bool(resources))
            else:
                line.queue.drop(instance.id)
        for attempt in change.attempts:
            if not attempt.held_by:
                continue
            inside = line.inside.setdefault(attempt.held_by, set())
            if not attempt.state.final:
                inside.add(attempt.id)
                continue
            inside.discard(attempt.id)
            if not inside:
                del line.inside[attempt.held_by]
                if attempt.held_by in line.held and attempt.ended_at is not None:
                    line.idle_since[attempt.held_by] = attempt.ended_at
        if after.over:
            line.members.discard(task.id)
        elif before is None:
            line.members.add(task.id)

    # -- rows --

    def _take_in(self, pool: ComputePool) -> PoolLine:
        line = self._lines.get(pool.id)
        if line is None:
            line = self._lines[pool.id] = PoolLine(pool=pool)
            if not pool.state.final:
                self._alarms.set(self._steady_at(pool), NEW, pool.id)
            if pool.max_queue_s and not pool.state.final:
                self._alarms.set(later(pool.created_at, pool.max_queue_s), QUEUE, pool.id)
        if pool.ttl_s and pool.ended_at != NEVER and (line.pool is pool or line.pool.ended_at == NEVER):
            self._alarms.set(later(pool.ended_at, pool.ttl_s), TTL, pool.id)
        line.pool = pool
        self._touched.add(pool.id)
        self._stirred.add(pool.id)
        return line

    def _stored_holders(self, pool: ComputePool) -> list[Task]:
        """Holders as stored, newest first."""
        found: list[Task] = []
        token, more = "", True
        while more:
            query = Query(pool_id=pool.id, holders=True)
            page = self._store.tasks(pool.account_id, query, token=token, limit=_PAGE)
            found += page.rows
            token, more = page.next_token, bool(page.next_token)
        return [task for task in found if not task.delete_wanted]

    def _by_shortname(self, account_id: AccountId, key: str) -> ComputePool | None:
        pool = self._store.pool_by_shortname(account_id, key)
        line = None if pool is None else self._lines.get(pool.id)
        return pool if line is None else line.pool
