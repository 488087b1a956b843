"""Scaling, dispatch and the states of pools and jobs, each by itself."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.lifecycle.dispatch import ReadySlot, Waiting, dispatch
from ondol.lifecycle.job import JobSignal, after
from ondol.lifecycle.pool import holder_failed, moved, state_of
from ondol.lifecycle.scaling import SlotUse, active_policy, given_up, scaled, target_slots
from ondol.model.ids import AccountId, AttemptId, InstanceId, JobId, NodeId, PoolId, TaskId
from ondol.model.job import Job, JobState
from ondol.model.pool import ComputePool, Period, PoolState, Scaling

T0 = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)  # a Monday


def pool_of(**fields: object) -> ComputePool:
    named = {"id": PoolId("p"), "account_id": AccountId("a"), "name": "p", "profile": "process"}
    return ComputePool(created_at=T0, modified_at=T0, state_since=T0, **{**named, **fields})  # type: ignore[arg-type]


def use(number: int, running: int = 0, idle_s: float = 0.0) -> SlotUse:
    since = T0 - dt.timedelta(seconds=idle_s)
    return SlotUse(holder=TaskId(f"h{number}"), number=number, running=running, idle_since=since)


def queue_rule(**fields: object) -> Scaling:
    return Scaling(**{"name": "q", "queue_driven": True, "least": 1, "most": 10, **fields})  # type: ignore[arg-type]


def slot(number: int, free: int = 1, *, syncing: bool = False) -> ReadySlot:
    key = AttemptId(f"h{number}")
    return ReadySlot(attempt_id=key, number=number, node_id=NodeId("n"), free=free, syncing=syncing)


class TestTarget:
    """`target_slots` and `given_up`."""

    def test_without_policies_it_is_what_was_asked_for(self) -> None:
        assert target_slots(pool_of(slots=3), (), 100, T0) == (3, "")

    def test_the_first_active_policy_decides_and_none_means_the_fixed_number(self) -> None:
        morning = Period(name="m", days=(0,), start_s=7 * 3600, end_s=9 * 3600)
        fixed = Scaling(name="m", queue_driven=False, least=5, most=5, periods=(morning,))
        pool = pool_of(slots=2, scaling=(fixed,))
        assert target_slots(pool, (), 0, T0) == (5, "m")
        assert target_slots(pool, (), 0, T0 + dt.timedelta(hours=1)) == (2, ""), "the end does not belong to it"
        assert active_policy(dataclasses.replace(pool, elastic=queue_rule()), T0 + dt.timedelta(days=1)) is None

    def test_a_pool_is_scaled_anew_only_where_that_changes_something(self) -> None:
        fixed = Scaling(name="f", queue_driven=False, least=5, most=5)
        pool = scaled(pool_of(slots=2, target_slots=2, scaling=(fixed,)), (), 0, T0)
        assert (pool.target_slots, pool.active_policy, pool.scaled_at) == (5, "f", T0)
        assert scaled(pool, (), 7, T0 + dt.timedelta(hours=1)) is pool

    def test_a_period_may_reach_into_the_next_day(self) -> None:
        night = Period(name="n", days=(0,), start_s=22 * 3600, end_s=6 * 3600)
        assert night.holds(T0.replace(hour=23))
        assert night.holds(T0.replace(day=13, hour=5, minute=59))
        assert not night.holds(T0.replace(day=13, hour=6))
        assert not night.holds(T0.replace(hour=5))

    def test_it_makes_room_for_all_that_queues_and_runs_and_the_idle_ones(self) -> None:
        pool = pool_of(slots_per_node=2, scaling=(queue_rule(idle_least=2),), target_slots=1)
        assert target_slots(pool, (use(0, running=2),), 3, T0) == (5, "q")
        assert target_slots(pool, (use(0, running=2),), 300, T0) == (10, "q")

    def test_it_grows_by_its_factor_one_step_a_period(self) -> None:
        rule = queue_rule(factor=0.5)
        pool = pool_of(scaling=(rule,), target_slots=1, elastic_period_s=60.0)
        target, name = target_slots(pool, (use(0),), 9, T0)
        assert (target, name) == (5, "q")
        pool = dataclasses.replace(pool, target_slots=target, active_policy=name, scaled_at=T0)
        soon, later = T0 + dt.timedelta(seconds=59), T0 + dt.timedelta(seconds=60)
        assert target_slots(pool, (use(0),), 9, soon) == (5, "q")
        assert target_slots(pool, (use(0),), 9, later) == (7, "q")

    def test_the_bounds_of_a_policy_hold_at_once(self) -> None:
        pool = pool_of(scaling=(queue_rule(least=4, factor=0.1),), target_slots=0, active_policy="q", scaled_at=T0)
        assert target_slots(pool, (), 0, T0)[0] == 4

    def test_it_gives_up_only_what_was_idle_for_so_long_the_newest_first(self) -> None:
        rule = queue_rule(idle_least_s=300.0)
        pool = pool_of(scaling=(rule,), target_slots=4)
        uses = (use(0, idle_s=400), use(1, idle_s=100), use(2, running=1, idle_s=900), use(3, idle_s=300))
        assert target_slots(pool, uses, 0, T0) == (2, "q")
        assert given_up(dataclasses.replace(pool, target_slots=2), uses, T0) == ("h3", "h0")
        assert given_up(dataclasses.replace(pool, target_slots=3), uses, T0) == ("h3",)

    def test_a_fixed_number_gives_up_idle_slots_at_once_and_busy_ones_later(self) -> None:
        uses = (use(0), use(1, running=1), use(2))
        assert given_up(pool_of(slots=0, target_slots=0), uses, T0) == ("h2", "h0")
        assert given_up(pool_of(slots=3, target_slots=3), uses, T0) == ()


class TestDispatch:
    """`dispatch`."""

    def test_early_slots_fill_first(self) -> None:
        line = [Waiting(InstanceId(f"i{n}"), for_resources=False) for n in range(5)]
        starts = dispatch([slot(1, 2), slot(0, 1), slot(2, 0)], line)
        assert [(key, one.number) for key, one in starts] == [("i0", 0), ("i1", 1), ("i2", 1)]

    def test_who_waits_for_resources_is_not_overtaken(self) -> None:
        line = [Waiting(InstanceId("i0"), for_resources=True), Waiting(InstanceId("i1"), for_resources=False)]
        assert dispatch([slot(0, syncing=True)], line) == []
        assert [one.number for _, one in dispatch([slot(0, syncing=True), slot(1)], line)] == [1, 0]


class TestStates:
    """States of pools and jobs."""

    @pytest.mark.parametrize(
        ("placed", "ready", "state"),
        [
            (0, 0, PoolState.SUBMITTED),
            (1, 0, PoolState.PARTIALLY_DISPATCHED),
            (2, 0, PoolState.FULLY_DISPATCHED),
            (2, 1, PoolState.PARTIALLY_EXECUTING),
            (2, 2, PoolState.FULLY_EXECUTING),
            (3, 3, PoolState.FULLY_EXECUTING),
        ],
    )
    def test_a_pool_is_in_the_state_of_its_slots(self, placed: int, ready: int, state: PoolState) -> None:
        pool = pool_of(slots=2, target_slots=2)
        assert state_of(pool, placed=placed, ready=ready, left=2) is state
        closing = dataclasses.replace(pool, closing_wanted=True)
        assert state_of(closing, placed=placed, ready=ready, left=1) is PoolState.CLOSING
        assert state_of(closing, placed=placed, ready=ready, left=0) is PoolState.CLOSED
        over = moved(closing, PoolState.CLOSED, T0)
        assert (over.previous_state, over.ended_at) == (PoolState.SUBMITTED, T0)
        assert state_of(over, placed=placed, ready=ready, left=0) is PoolState.CLOSED
        gone = dataclasses.replace(over, delete_wanted=True)
        assert state_of(gone, placed=0, ready=0, left=0) is PoolState.PENDING_DELETE

    def test_a_pool_is_given_up_after_a_failure_of_every_slot_and_two_more(self) -> None:
        pool = pool_of(slots=3, target_slots=3)
        for number in range(4):
            pool = holder_failed(pool, number, "it exited with code 3.", T0)
            assert pool.state is PoolState.SUBMITTED
        pool = holder_failed(pool, 4, "it exited with code 3.", T0)
        assert (pool.state, len(pool.errors), pool.ended_at) == (PoolState.FAILURE, 5, T0)
        assert "code 3" in pool.errors[0].message

    def test_a_job_ends_once_and_in_order(self) -> None:
        job = Job(id=JobId("j"), account_id=AccountId("a"), name="j", created_at=T0, modified_at=T0, state_since=T0)
        assert after(job, JobSignal.TASKS_OVER, T0) is job, "more tasks may come"
        ending = after(job, JobSignal.TERMINATE_ASKED, T0)
        later = T0 + dt.timedelta(minutes=1)
        ended = after(ending, JobSignal.TASKS_OVER, later)
        assert (ended.state, ended.previous_state, ended.ended_at) == (JobState.COMPLETED, JobState.TERMINATING, later)
        assert after(ended, JobSignal.TERMINATE_ASKED, later) is ended
        gone = after(ended, JobSignal.DELETE_ASKED, later)
        assert (gone.state, gone.delete_wanted, gone.ended_at) == (JobState.DELETING, True, later)
