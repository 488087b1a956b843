"""The state of a compute pool: read off its slots, in the words of the Qarnot API (`reference/qarnot-api.md` §3)."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.model.compute import TaskError
from ondol.model.pool import ComputePool, PoolState

MOST_ERRORS = 50  # entries kept on a pool
_MORE_TRIES = 2  # beyond one failure of every slot before a pool is given up

POOL_TABLE: dict[PoolState, tuple[PoolState, ...]] = {
    PoolState.SUBMITTED: (PoolState.PARTIALLY_DISPATCHED, PoolState.FULLY_DISPATCHED, PoolState.FAILURE),
    PoolState.PARTIALLY_DISPATCHED: (PoolState.FULLY_DISPATCHED, PoolState.PARTIALLY_EXECUTING),
    PoolState.FULLY_DISPATCHED: (PoolState.PARTIALLY_EXECUTING, PoolState.FULLY_EXECUTING),
    PoolState.PARTIALLY_EXECUTING: (PoolState.FULLY_EXECUTING, PoolState.CLOSING, PoolState.FAILURE),
    PoolState.FULLY_EXECUTING: (PoolState.PARTIALLY_EXECUTING, PoolState.CLOSING),
    PoolState.CLOSING: (PoolState.CLOSED,),
    PoolState.PENDING_DELETE: (),
}
"""The usual way of a pool, for the diagram; slots that come and go lead to and fro on it."""


def state_of(pool: ComputePool, *, placed: int, ready: int, left: int) -> PoolState:  # noqa: PLR0911 (one line a rule)
    """Read a pool's state off its slots; a pool that wants none and has none holds all it wants.

    Parameters
    ----------
    placed : slots that are on a node, those that are ready included
    ready : slots that are prepared, so that tasks run in them: the pool "executes" on these
    left : holders and tasks that are not over
    """
    if pool.delete_wanted:
        return PoolState.PENDING_DELETE
    if pool.state.final:
        return pool.state
    if pool.closing_wanted:
        return PoolState.CLOSING if left else PoolState.CLOSED
    if ready >= pool.target_slots:
        return PoolState.FULLY_EXECUTING
    if ready:
        return PoolState.PARTIALLY_EXECUTING
    if placed >= pool.target_slots:
        return PoolState.FULLY_DISPATCHED
    return PoolState.PARTIALLY_DISPATCHED if placed else PoolState.SUBMITTED


def moved(pool: ComputePool, state: PoolState, at: dt.datetime) -> ComputePool:
    """Bring a pool to a state, keeping the one before with its time; the same pool where it is there already."""
    if state is pool.state:
        return pool
    return dataclasses.replace(
        pool,
        state=state,
        state_since=at,
        previous_state=pool.state,
        previous_state_since=pool.state_since,
        modified_at=at,
        ended_at=at if state.final else pool.ended_at,
    )


def holder_failed(pool: ComputePool, number: int, why: str, at: dt.datetime) -> ComputePool:
    """Note that a slot could not be prepared; the pool has failed where all of them did so again and again.

    It is given up once so many holders failed in a row as it wants slots, and two more.
    """
    error = TaskError(code="PREPARATION_FAILED", message=f"Slot {number} could not be prepared: {why}")
    pool = dataclasses.replace(
        pool,
        errors=(*pool.errors, error)[-MOST_ERRORS:],
        failed_in_row=pool.failed_in_row + 1,
        modified_at=at,
    )
    if pool.failed_in_row >= max(1, pool.target_slots) + _MORE_TRIES and not pool.state.final:
        return moved(pool, PoolState.FAILURE, at)
    return pool


def queue_timed_out(pool: ComputePool, at: dt.datetime) -> ComputePool:
    """Fail a pool of which no slot was placed in time."""
    error = TaskError(
        code="QUEUE_TIMEOUT",
        message=f"No slot could be placed within {pool.max_queue_s:g} s. "
        "Create it again with a longer time in the queue, or when there is room.",
    )
    return moved(dataclasses.replace(pool, errors=(*pool.errors, error)[-MOST_ERRORS:]), PoolState.FAILURE, at)
