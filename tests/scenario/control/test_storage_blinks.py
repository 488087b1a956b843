"""Given storage that cannot be read for a moment, when the loop goes on, then nothing due, taken or wanted is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ondol.lifecycle.events import CancelAsked
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import TaskState
from ondol.model.conditions import Dependency
from ondol.model.errors import UnavailableError
from ondol.model.ids import JobId, TaskId
from ondol.model.job import JobState
from ondol.model.pool import PoolState, Scaling
from ondol.storage.ports import Changes
from scenario.control.groups_stage import ACCOUNT, Stage

CENTURIES_S = 99_999_999 * 86_400.0


@pytest.fixture
def stage() -> Stage:
    return Stage()


@contextmanager
def without(place: object, *names: str) -> Iterator[None]:
    """Let some methods of a part raise what storage raises that does not answer."""

    def refuse(*_args: Any, **_named: Any) -> Any:
        raise UnavailableError("The database could not be read")

    real = {name: getattr(place, name) for name in names}
    for name in names:
        setattr(place, name, refuse)
    try:
        yield
    finally:
        for name, method in real.items():
            setattr(place, name, method)


def ticks(stage: Stage, number: int) -> None:
    for _ in range(number):
        stage.clock.leap(15)
        stage.loop.tick()


def test_a_stored_span_of_centuries_stops_no_start(stage: Stage) -> None:
    job = stage.job(max_wall_s=CENTURIES_S, ttl_s=CENTURIES_S)
    pool = stage.pool(slots=0, ttl_s=CENTURIES_S, max_queue_s=CENTURIES_S)
    stage.jobs.terminate(ACCOUNT, job.id)
    stage.groups.pools.close(pool, stage.clock.now())
    stage.run(60)
    stage.restart()
    stage.run(60)
    stored, closed = stage.store.job(job.id), stage.store.pool(pool.id)
    assert stored is not None
    assert stored.state is JobState.COMPLETED
    assert closed is not None
    assert closed.state is PoolState.CLOSED


def test_one_bad_pool_keeps_none_of_the_others_waiting(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = stage.pool(), stage.pool()
    slots = stage.groups.pools._slots
    follow = slots.follow

    def fails_for_bad(line: Any, at: Any) -> None:
        if line.pool.id == bad.id:
            raise OverflowError("no such number")
        follow(line, at)

    monkeypatch.setattr(slots, "follow", fails_for_bad)
    task = stage.task(pool_id=good.id, profile="")
    stage.run(2400)
    assert stage.stored(task).state is TaskState.SUCCESS


def test_a_stored_period_of_ages_stops_no_tick(stage: Stage) -> None:
    policy = Scaling(name="q", queue_driven=True, least=1, most=2, factor=0.5)
    pool = stage.pool(scaling=(policy,), elastic_period_s=1e15)
    stage.task(cpu_s=100.0, pool_id=pool.id, profile="")
    stage.task(cpu_s=100.0, pool_id=pool.id, profile="")
    stage.run(600)
    assert stage.groups.pools._failing == set()


def test_what_was_taken_is_written_though_it_cannot_be_charged(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_changes: Changes) -> Changes:
        raise UnavailableError("The tariff could not be read")

    monkeypatch.setattr(stage.loop, "_charge", refuse)
    task = stage.task()
    stage.run(1200)
    assert stage.stored(task).state is TaskState.SUCCESS


def test_heat_goes_on_while_something_is_to_be_deleted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = stage.job()
    tasks = [stage.task(cpu_s=1e5, job_id=job.id) for _ in range(3)]
    stage.run(120)
    samples: list[float] = []
    real = stage.loop._sample

    def sample(now_s: float) -> None:
        samples.append(now_s)
        real(now_s)

    monkeypatch.setattr(stage.loop, "_sample", sample)
    with without(stage.store, "tasks", "task", "attempts", "instances", "commit", "parts"):
        with pytest.raises(UnavailableError):
            stage.jobs.delete(ACCOUNT, job.id, force=True)
        ticks(stage, 60)
    assert len(samples) >= 15  # one a minute of platform time
    stage.run(600)
    assert stage.store.job(job.id) is None
    assert [stage.store.task(task.id) for task in tasks] == [None] * 3


def test_a_fault_in_a_part_of_a_tick_keeps_the_other_parts_from_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any) -> bool:
        raise OverflowError("no such number")

    task = stage.task()
    monkeypatch.setattr(stage.groups, "tick", fails)
    before_s = stage.loop._sampled_s
    for _ in range(80):
        stage.clock.leap(15)
        with pytest.raises(OverflowError):
            stage.loop.tick()
    assert stage.loop._sampled_s > before_s
    assert stage.stored(task).state is TaskState.SUCCESS


def test_a_pool_that_could_not_be_settled_takes_no_other_with_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = stage.pool(), stage.pool()
    stage.run(900)
    pools = stage.groups.pools
    real = pools._forget_old_holders
    failed: list[Any] = []

    def once(line: Any, at: Any) -> None:
        if line.pool.id == first.id and not failed:
            failed.append(line)
            raise UnavailableError("The database could not be read")
        real(line, at)

    monkeypatch.setattr(pools, "_forget_old_holders", once)
    open_pool = pools.get(ACCOUNT, second.id)
    assert open_pool is not None
    pools.close(open_pool, stage.clock.now())
    pools.touch(first.id)
    with pytest.raises(UnavailableError):
        stage.loop.flush()
    stage.run(600)
    closed = stage.store.pool(second.id)
    assert closed is not None
    assert closed.state is PoolState.CLOSED


def test_a_pool_deleted_before_its_slots_were_written_goes_with_them(stage: Stage) -> None:
    pool = stage.pool(slots=2)
    with stage.works.lock:
        stage.groups.tick(stage.clock.now(), {}, lambda _node: True)
    found = stage.groups.pools.get(ACCOUNT, pool.id)
    assert found is not None
    assert len(stage.groups.pools.holders(found)) == 2
    stage.groups.pools.delete(found, stage.clock.now())
    stage.loop.flush()
    stage.run(3600)
    assert stage.store.pool(pool.id) is None
    assert stage.engine.poll() == ()


def test_a_time_to_live_that_ends_during_an_outage_is_not_forgotten(stage: Stage) -> None:
    task = stage.task(ttl_s=3600.0)
    stage.until(lambda: stage.stored(task).state.final)
    stage.run(3500)
    with without(stage.store, "task"):
        ticks(stage, 20)
    stage.run(60)
    assert stage.store.task(task.id) is None


def test_a_secret_that_cannot_be_read_at_once_fails_no_task(stage: Stage) -> None:
    with without(stage.hands, "_secrets"):
        task = stage.task()
        ticks(stage, 2)
        assert stage.attempts(task)
    stage.run(2400)
    assert stage.stored(task).state is TaskState.SUCCESS
    assert stage.stored(task).errors == ()


def test_who_cannot_be_told_of_a_task_keeps_nobody_else_from_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = stage.job(use_dependencies=True)
    parent = stage.task(job_id=job.id)
    stage.run(2400)

    def fails(before: Work | None, _after: Work, _change: Change) -> None:
        if before is None:
            raise UnavailableError("connection lost after the commit")

    monkeypatch.setattr(stage.works, "observers", [fails, *stage.works.observers])
    child = stage.task(job_id=job.id, after=(parent,))
    stage.run(2400)
    assert stage.stored(child).state is TaskState.SUCCESS


def test_the_end_of_a_parent_that_cannot_be_read_at_once_is_read_later(stage: Stage) -> None:
    job = stage.job(use_dependencies=True)
    parent = stage.task(job_id=job.id)
    stage.run(2400)
    child = dataclasses.replace(
        parent, id=TaskId("child"), created_at=stage.clock.now(), dependencies=(Dependency(task_id=parent.id),)
    )
    with stage.works.lock:
        stage.groups.admit((child,), stage.clock.now())
        with without(stage.store, "task"), pytest.raises(UnavailableError):
            stage.loop.flush()
        stage.loop.stir()
    stage.run(2400)
    assert stage.stored(child).state is TaskState.SUCCESS


def test_a_work_stays_in_memory_until_its_own_end_is_written(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an outage that leaves several writes waiting, when one of them succeeds, then no later end is dropped."""
    job = stage.job(use_dependencies=True)
    parent = stage.task(cpu_s=1e6, job_id=job.id)
    task = stage.task(job_id=job.id, after=(parent,))
    stage.run(45)
    real, allowed = stage.store.commit, [0]

    def commit(changes: Changes) -> None:
        if not allowed[0]:
            raise UnavailableError("down")
        allowed[0] -= 1
        real(changes)

    monkeypatch.setattr(stage.store, "commit", commit)
    ticks(stage, 120)  # windows of the ledger
    stage.works.ask(task.id, CancelAsked(at=stage.clock.now(), task_id=task.id))
    allowed[0] = 1
    ticks(stage, 1)
    assert not stage.stored(task).state.final
    assert stage.works.get(task.id) is not None
    allowed[0] = 10**6
    stage.run(60)
    assert stage.stored(task).state is TaskState.CANCELLED
    assert stage.works.get(task.id) is None


def test_a_job_ended_by_its_wall_time_says_so_after_a_restart(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.control.endings.A_TURN", 0)  # the life ends before any task was asked
    job = stage.job(max_wall_s=600.0)
    task = stage.task(cpu_s=1e6, job_id=JobId(job.id))
    stage.run(700)
    monkeypatch.undo()
    stage.restart()
    stage.run(600)
    assert stage.stored(task).state is TaskState.CANCELLED
    assert [error.code for error in stage.stored(task).errors] == ["JOB_MAX_WALL_TIME"]


def test_a_child_of_a_task_that_is_over_gets_its_slot_in_a_pool(stage: Stage) -> None:
    pool = stage.pool()
    job = stage.job(pool_id=pool.id, use_dependencies=True)
    parent = stage.task(job_id=job.id, profile="")
    stage.run(2400)
    child = stage.task(job_id=job.id, profile="", after=(parent,))
    stage.run(2400)
    assert stage.stored(child).state is TaskState.SUCCESS


def test_times_to_live_that_end_at_once_are_spread_over_turns(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.control.endings.A_TURN", 2)
    tasks = [stage.task(ttl_s=7200.0) for _ in range(5)]
    stage.until(lambda: all(stage.stored(task).state.final for task in tasks))
    stage.clock.leap(7200)
    left = []
    for _ in range(4):
        stage.loop.tick()
        left.append(sum(stage.store.task(task.id) is not None for task in tasks))
    assert left == [3, 1, 0, 0]


def test_a_large_pool_is_begun_some_slots_a_turn(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.control.slots.A_TURN", 3)
    pool = stage.pool(slots=7)
    begun = []
    for _ in range(4):
        ticks(stage, 1)
        begun.append(len(stage.groups.pools.holders(pool)))
    assert begun == [3, 6, 7, 7]
