"""What tasks, jobs and pools are found, ordered and counted by; the same for every store."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ondol.model.compute import NEVER, Task
from ondol.model.ids import NO_JOB, NO_POOL, JobId, PoolId
from ondol.model.job import Job
from ondol.model.pool import ComputePool
from ondol.storage.pages import Query
from ondol.storage.times import to_us

Listed = Task | Job | ComputePool
Position = tuple[str | int, ...]
_LATEST_US = 1 << 62  # a time to live without end


class Counted(enum.IntEnum):
    """How a row counts in `Counts`."""

    NOT = 0  # a holder, or being deleted
    STORED = 1  # over
    LIVE = 2


@dataclass(frozen=True, slots=True)
class Facets:
    """What a row is found by.

    Parameters
    ----------
    open : whether `open_tasks`, `open_jobs`, `open_pools` give it
    holder : whether it is a hidden task that holds a slot
    expires_us : when it is to go by its time to live, None for never or not yet known [µs since the epoch]
    """

    account_id: str
    shortname: str
    name: str
    state: str
    created_us: int
    job_id: JobId
    pool_id: PoolId
    holder: bool
    open: bool
    counted: Counted
    expires_us: int | None
    tags: tuple[str, ...]


def facets(noun: Listed) -> Facets:
    """Read off a noun what it is found by."""
    is_task = isinstance(noun, Task)
    live = noun.state.open if isinstance(noun, Job) else not noun.state.final
    holder = isinstance(noun, Task) and noun.holds_pool != NO_POOL
    kept_open = live or noun.delete_wanted or (not is_task and noun.ttl_s > 0)
    counted = Counted.NOT if holder or noun.delete_wanted else Counted.LIVE if live else Counted.STORED
    return Facets(
        account_id=noun.account_id,
        shortname=noun.shortname or noun.id,
        name=noun.name,
        state=noun.state.value,
        created_us=to_us(noun.created_at),
        job_id=noun.job_id if isinstance(noun, Task) else NO_JOB,
        pool_id=_pool_of(noun),
        holder=holder,
        open=kept_open,
        counted=counted,
        expires_us=_expires_us(noun) if isinstance(noun, Task) and not live else None,
        tags=noun.tags,
    )


def matches(found: Facets, query: Query) -> bool:
    """Whether every condition of a query holds."""
    return (
        found.holder == query.holders
        and (not query.tags or not set(query.tags).isdisjoint(found.tags))
        and (not query.states or found.state in query.states)
        and (not query.name or found.name == query.name)
        and found.name.startswith(query.name_prefix)
        and (query.created_from is None or found.created_us >= to_us(query.created_from))
        and (query.created_before is None or found.created_us < to_us(query.created_before))
        and (query.job_id is None or found.job_id == query.job_id)
        and (query.pool_id is None or found.pool_id == query.pool_id)
    )


def position(found: Facets, key: str, order: str) -> Position:
    """Where a row stands in an order; no two rows of a kind stand in the same place."""
    if order == "name":
        return (found.name, found.created_us, key)
    if order == "state":
        return (found.state, found.created_us, key)
    return (found.created_us, key)


def _expires_us(task: Task) -> int | None:
    if task.ttl_s <= 0:
        return None
    ended_at = task.state_since if task.ended_at == NEVER else task.ended_at
    return min(_LATEST_US, to_us(ended_at) + int(min(task.ttl_s, 1e12) * 1e6))


def _pool_of(noun: Listed) -> PoolId:
    if isinstance(noun, ComputePool):
        return NO_POOL
    return noun.pool_id or noun.holds_pool if isinstance(noun, Task) else noun.pool_id
