"""Given pools of slots on a leaping clock, when tasks come and slots go, then each slot runs what it may, no more."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import pytest

from ondol.control.audit import audit
from ondol.engine.sim.attempt import Script
from ondol.lifecycle.events import PauseDecided, ResumeDecided, StopDecided
from ondol.model.account import AccountLimits
from ondol.model.compute import AttemptState, Task, TaskState
from ondol.model.conditions import HardwareConstraint, HardwareKind
from ondol.model.errors import ForbiddenError, InvalidFieldError
from ondol.model.ledger import Share
from ondol.model.pool import ComputePool, Period, PoolState, Scaling
from scenario.control.groups_stage import ACCOUNT, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def now(stage: Stage, pool: ComputePool) -> ComputePool:
    """A pool as it is stored now."""
    found = stage.store.pool(pool.id)
    assert found is not None, f"{pool.id} is gone"
    return found


def is_in(stage: Stage, pool: ComputePool, state: PoolState) -> bool:
    return now(stage, pool).state is state


def holders(stage: Stage, pool: ComputePool) -> list[Task]:
    """Those that hold or will hold a slot."""
    return [task for task in stage.groups.pools.holders(pool) if not task.state.final and not task.cancel_wanted]


def check_never_too_full(stage: Stage, tasks: list[Task], slots_per_node: int) -> None:
    """At no moment were more attempts in a slot than it may run, and all lay within the time it was held."""
    by_slot: dict[str, list[tuple[dt.datetime, dt.datetime]]] = {}
    for attempt in itertools.chain.from_iterable(stage.attempts(task) for task in tasks):
        assert attempt.held_by
        end = attempt.ended_at or stage.clock.now()
        by_slot.setdefault(attempt.held_by, []).append((attempt.created_at, end))
    for spans in by_slot.values():
        for begin, _ in spans:
            assert sum(other <= begin < end for other, end in spans) <= slots_per_node


def test_a_prepared_pool_runs_ten_tasks_in_two_slots(stage: Stage) -> None:
    pool = stage.pool(slots=2, preparation="prepare --all")
    stage.run(30)
    assert now(stage, pool).state in (PoolState.SUBMITTED, PoolState.FULLY_DISPATCHED)
    tasks = [stage.task(cpu_s=2.0, pool_id=pool.id, profile="") for _ in range(10)]
    stage.until(lambda: is_in(stage, pool, PoolState.FULLY_EXECUTING))
    assert now(stage, pool).previous_state in (PoolState.PARTIALLY_EXECUTING, PoolState.FULLY_DISPATCHED)
    stage.until(lambda: all(stage.stored(task).state.final for task in tasks))
    assert {stage.stored(task).state for task in tasks} == {TaskState.SUCCESS}
    assert {stage.stored(task).profile for task in tasks} == {"process"}
    check_never_too_full(stage, tasks, 1)
    starts = [stage.attempts(task)[0].created_at for task in tasks]
    assert starts == sorted(starts), "first come, first served"
    slots = {attempt.held_by: attempt.node_id for task in tasks for attempt in stage.attempts(task)}
    assert len(slots) == 2
    assert all(stage.works.find(slot)[1].node_id == node for slot, node in slots.items())
    assert "has room" in stage.attempts(tasks[0])[0].reason
    stage.groups.pools.close(now(stage, pool), stage.clock.now())
    stage.until(lambda: is_in(stage, pool, PoolState.CLOSED))
    assert not holders(stage, pool)
    assert now(stage, pool).ended_at == stage.store.pool(pool.id).state_since
    found = audit(stage.store)
    assert found.findings == ()
    rows = list(stage.store.energy())
    held = {task.id for task in stage.groups.pools.holders(pool)}
    assert sum(row.energy_j for row in rows if row.task_id in held) > 0, "what a slot draws while idle is its holder's"
    dynamic = [row for row in rows if row.task_id in {task.id for task in tasks}]
    assert sum(row.cpu_s for row in dynamic) == pytest.approx(20.0)
    assert {row.share for row in dynamic} == {Share.JOB}


def test_several_instances_share_a_slot(stage: Stage) -> None:
    pool = stage.pool(slots=1, slots_per_node=3)
    task = stage.task(7, 1.0, pool_id=pool.id)
    stage.until(lambda: stage.groups.pools.line(pool).running == 3)
    reports = {report.attempt_id: report for report in stage.engine.poll()}
    running = [attempt for attempt in stage.attempts(task) if not attempt.state.final]
    node = next(node for node in stage._fleet.nodes if node.id == running[0].node_id)
    orders = [stage.engine._attempts[key].order for key in reports if key in {one.id for one in running}]
    assert {order.host_cores for order in orders} == {node.host_cores / node.slots / 3}
    stage.until(lambda: stage.stored(task).state.final)
    assert stage.stored(task).state is TaskState.SUCCESS
    check_never_too_full(stage, [task], 3)
    assert audit(stage.store).findings == ()


def test_tasks_of_a_job_run_in_its_pool(stage: Stage) -> None:
    pool = stage.pool(slots=1)
    job = stage.job(pool_id=pool.id, use_dependencies=True)
    first = stage.task(job_id=job.id)
    second = stage.task(job_id=job.id, after=(first,))
    stage.until(lambda: stage.stored(second).state.final)
    assert all(attempt.held_by for task in (first, second) for attempt in stage.attempts(task))
    assert stage.attempts(second)[0].created_at >= stage.stored(first).ended_at


def test_what_a_pool_decides_its_tasks_cannot(stage: Stage) -> None:
    pool = stage.pool(constants={"CMD": "default", "B": "b"})
    gpu = (HardwareConstraint(kind=HardwareKind.GPU),)
    for field, fields in (
        ("hardwareConstraints", {"hardware": gpu}),
        ("secretsAccessRights", {"secrets_by_key": ("s",)}),
        ("projectUuid", {"project_id": "p"}),
        ("profile", {"profile": "docker-batch"}),
    ):
        with pytest.raises(InvalidFieldError, match=field):
            stage.task(pool_id=pool.id, **fields)
    with pytest.raises(InvalidFieldError, match="poolUuid"):
        stage.task(pool_id="unknown")
    job = stage.job()
    with pytest.raises(InvalidFieldError, match="poolUuid"):
        stage.task(pool_id=pool.id, job_id=job.id)
    task = stage.task(pool_id=pool.id, constants={"B": "own"})
    launched, _ = stage.groups.pools.at_launch(stage.stored(task))
    assert launched.constants == {"CMD": "default", "B": "own"}
    stage.groups.pools.close(now(stage, pool), stage.clock.now())
    with pytest.raises(InvalidFieldError, match="takes tasks"):
        stage.task(pool_id=pool.id)


def test_a_preparation_that_fails_everywhere_fails_the_pool_and_what_waits_for_it() -> None:
    stage = Stage()
    stage.engine._script = lambda order: Script(exit_code=7 if order.hold else 0)
    pool = stage.pool(slots=2, preparation="prepare")
    task = stage.task(pool_id=pool.id)
    stage.until(lambda: is_in(stage, pool, PoolState.FAILURE))
    stage.run(60)
    pool = now(stage, pool)
    assert 4 <= len(pool.errors) <= 6
    assert {error.code for error in pool.errors} == {"PREPARATION_FAILED"}
    assert "exited with code 7" in pool.errors[0].message
    assert not holders(stage, pool)
    assert stage.stored(task).state is TaskState.CANCELLED
    assert stage.stored(task).errors[0].code == "POOL_FAILED"


def test_a_slot_that_is_lost_is_held_again_and_its_work_done_again(stage: Stage) -> None:
    pool = stage.pool(slots=2, preparation="prepare")
    task = stage.task(4, 4.0, pool_id=pool.id)
    stage.until(lambda: stage.stored(task).state is TaskState.PARTIALLY_EXECUTING)
    stage.run(30)
    lost = next(iter(stage.groups.pools.line(pool).inside))
    for attempt_id in [lost, *stage.groups.pools.line(pool).inside[lost]]:
        del stage.engine._attempts[attempt_id]
    stage.until(lambda: stage.stored(task).state.final)
    assert stage.stored(task).state is TaskState.SUCCESS
    assert sum(attempt.state is AttemptState.LOST for attempt in stage.attempts(task)) == 1
    check_never_too_full(stage, [task], 1)
    assert now(stage, pool).state is PoolState.FULLY_EXECUTING
    assert audit(stage.store).findings == ()


def test_work_follows_its_slot_when_the_policy_pauses_or_stops_it(stage: Stage) -> None:
    pool = stage.pool(slots=1)
    task = stage.task(1, 5.0, pool_id=pool.id)
    stage.until(lambda: stage.stored(task).state is TaskState.FULLY_EXECUTING)
    (holder,) = holders(stage, pool)
    slot = next(iter(stage.works.get(holder.id).instances))

    def latest() -> AttemptState:
        return stage.attempts(task)[-1].state

    decide, stage.loop.placing.decide = stage.loop.placing.decide, lambda *_: None  # fcfs would resume it at once
    stage.works.apply(holder.id, PauseDecided(at=stage.clock.now(), instance_id=slot, reason="warm"))
    stage.until(lambda: latest() is AttemptState.PAUSED, 300)
    stage.works.apply(holder.id, ResumeDecided(at=stage.clock.now(), instance_id=slot, reason="cold"))
    stage.until(lambda: latest() is AttemptState.RUNNING, 300)
    stage.loop.placing.decide = decide
    stage.works.apply(holder.id, StopDecided(at=stage.clock.now(), instance_id=slot, reason="too warm"))
    stage.until(lambda: stage.stored(task).state.final)
    assert [attempt.state for attempt in stage.attempts(task)] == [AttemptState.STOPPED, AttemptState.SUCCEEDED]
    assert len(stage.attempts(holder)) == 2


def test_restarts_in_between_lose_nothing(stage: Stage) -> None:
    pool = stage.pool(slots=2, preparation="prepare", slots_per_node=2)
    tasks = [stage.task(2, 1.5, pool_id=pool.id) for _ in range(5)]
    for _ in range(25):
        stage.run(45)
        stage.restart()
    stage.until(lambda: all(stage.stored(task).state.final for task in tasks))
    assert {stage.stored(task).state for task in tasks} == {TaskState.SUCCESS}
    assert all(len(stage.attempts(task)) == 2 for task in tasks), "nothing was done twice"
    check_never_too_full(stage, tasks, 2)
    assert len(holders(stage, pool)) == 2
    assert audit(stage.store).findings == ()


def test_a_pool_grows_with_its_queue_and_shrinks_when_idle(stage: Stage) -> None:
    rule = Scaling(name="queue", queue_driven=True, least=1, most=4, idle_least_s=300.0)
    pool = stage.pool(slots=0, scaling=(rule,))
    stage.until(lambda: is_in(stage, pool, PoolState.FULLY_EXECUTING))
    assert (now(stage, pool).target_slots, now(stage, pool).active_policy) == (1, "queue")
    task = stage.task(12, 2.0, pool_id=pool.id)
    stage.until(lambda: len(holders(stage, pool)) == 4)
    stage.until(lambda: stage.stored(task).state.final)
    assert now(stage, pool).target_slots >= 1
    ended = stage.clock.now_s()
    stage.until(lambda: len(holders(stage, pool)) == 1)
    assert stage.clock.now_s() - ended >= 200.0
    assert stage.stored(task).state is TaskState.SUCCESS


def test_an_elastic_pool_takes_its_steps_apart(stage: Stage) -> None:
    rule = Scaling(name="elastic", queue_driven=True, least=0, most=8, factor=0.5)
    pool = stage.pool(slots=0, elastic=rule, elastic_period_s=600.0)
    stage.run(60)
    assert now(stage, pool).state is PoolState.FULLY_EXECUTING, "it holds all that it wants"
    stage.task(8, 1e9, pool_id=pool.id)
    seen = []
    for _ in range(8):
        stage.run(300)
        seen.append(now(stage, pool).target_slots)
    assert seen[-1] == 8
    assert sorted(set(seen)) == [step for step in (0, 4, 6, 7, 8) if step in seen]
    assert seen[0] <= 4


def test_days_of_the_week_have_their_own_numbers_of_slots(stage: Stage) -> None:
    day = Period(name="day", days=(0, 1), start_s=8 * 3600.0, end_s=18 * 3600.0)
    rules = (
        Scaling(name="day", queue_driven=False, least=3, most=3, periods=(day,)),
        Scaling(name="night", queue_driven=False, least=1, most=1),
    )
    stage = Stage(tick_s=600.0, sample_s=3600.0)
    pool = stage.pool(scaling=rules)
    by_hour = {}
    for hour in range(6, 24 * 3):
        by_hour[hour] = (now(stage, pool).active_policy, len(holders(stage, pool)))
        stage.run(3600)
    for hour, seen in by_hour.items():
        weekday, clock = divmod(hour, 24)
        if clock in (8, 18) or hour == 6:
            continue  # the turn itself
        wanted = ("day", 3) if weekday < 2 and 8 < clock < 18 else ("night", 1)
        assert seen == wanted, f"on day {weekday} at {clock} o'clock"


def test_a_pool_can_be_changed_while_it_runs(stage: Stage) -> None:
    pool = stage.pool(slots=1)
    stage.until(lambda: is_in(stage, pool, PoolState.FULLY_EXECUTING))
    stage.groups.pools.put(dataclasses.replace(now(stage, pool), slots=3))
    stage.until(lambda: len(holders(stage, pool)) == 3)
    busy = stage.task(1, 1e9, pool_id=pool.id)
    stage.until(lambda: stage.stored(busy).state is TaskState.FULLY_EXECUTING)
    stage.groups.pools.put(dataclasses.replace(now(stage, pool), slots=0))
    stage.until(lambda: len(holders(stage, pool)) == 1)
    stage.run(300)
    assert stage.stored(busy).state is TaskState.FULLY_EXECUTING, "what is busy stays"


def test_closing_lets_work_end_and_deleting_does_not(stage: Stage) -> None:
    one, other = stage.pool(slots=1), stage.pool(slots=1)
    ends, endless = stage.task(2, 4.0, pool_id=one.id), stage.task(1, 1e9, pool_id=other.id)
    stage.until(lambda: stage.stored(endless).state is TaskState.FULLY_EXECUTING)
    stage.until(lambda: stage.stored(ends).state is TaskState.PARTIALLY_EXECUTING)
    stage.groups.pools.close(now(stage, one), stage.clock.now())
    stage.groups.pools.delete(now(stage, other), stage.clock.now())
    stage.run(30)
    assert now(stage, one).state is PoolState.CLOSING
    stage.restart()
    stage.until(lambda: is_in(stage, one, PoolState.CLOSED))
    assert stage.stored(ends).state is TaskState.SUCCESS
    assert stage.stored(endless).state is TaskState.CANCELLED
    assert stage.stored(endless).errors[0].code == "POOL_DELETED"
    assert stage.store.pool(other.id) is None
    assert not [task for task in stage.store.open_tasks() if task.holds_pool]


@pytest.mark.parametrize(
    "wanted",
    [
        {"slots": 0, "elastic": Scaling(name="elastic", queue_driven=True, least=0, most=4), "elastic_period_s": 600.0},
        {"slots": 0},
    ],
    ids=["not yet grown", "no slots at all"],
)
def test_a_pool_closed_before_it_has_a_slot_still_runs_what_waits_in_it(
    stage: Stage, wanted: dict[str, object]
) -> None:
    # given a pool without a slot, and a task that waits in it
    pool = stage.pool(**wanted)
    stage.run(60)
    task = stage.task(3, 2.0, pool_id=pool.id)
    # when it is closed at once, as a script does that wants nothing more
    stage.groups.pools.close(now(stage, pool), stage.clock.now())
    # then the task runs all the same, and the pool closes
    stage.until(lambda: is_in(stage, pool, PoolState.CLOSED))
    assert stage.stored(task).state is TaskState.SUCCESS
    assert not [task for task in stage.store.open_tasks() if task.holds_pool]


def test_limits_and_times_of_pools() -> None:
    stage = Stage(limits=AccountLimits(max_running_pools=2, max_pools=3))
    full = stage.task(sum(node.slots for node in stage._fleet.nodes), 1e9)
    stage.run(60)
    late = stage.pool(max_queue_s=600.0)
    stage.run(500)
    assert now(stage, late).state is PoolState.SUBMITTED
    stage.restart()
    stage.run(200)
    assert now(stage, late).state is PoolState.FAILURE
    assert now(stage, late).errors[-1].code == "QUEUE_TIMEOUT"
    stage.delete(full)
    mortal = stage.pool(ttl_s=1800.0)
    stage.until(lambda: is_in(stage, mortal, PoolState.FULLY_EXECUTING))
    stage.groups.pools.close(now(stage, mortal), stage.clock.now())
    stage.until(lambda: is_in(stage, mortal, PoolState.CLOSED))
    stage.run(900)
    stage.restart()
    assert is_in(stage, mortal, PoolState.CLOSED)
    stage.run(1000)
    assert stage.store.pool(mortal.id) is None
    stage.pool()
    stage.pool()
    with pytest.raises(ForbiddenError, match="Maximum number of pools reached"):
        stage.groups.room.for_pool(ACCOUNT, lambda _old: None, stage.loop.flush)


def test_a_drained_node_gives_its_idle_slot_away(stage: Stage) -> None:
    pool = stage.pool(slots=1)
    stage.until(lambda: is_in(stage, pool, PoolState.FULLY_EXECUTING))
    (slot,) = stage.groups.pools.line(pool).ready(stage.works)
    stage.loop.nodes.ask(slot.node_id, "draining")
    stage.until(lambda: any(s.node_id != slot.node_id for s in stage.groups.pools.line(pool).ready(stage.works)))


def test_who_looks_right_after_closing_sees_it_closing(stage: Stage) -> None:
    stage.groups.pools._seen_s = 120.0
    pool = stage.pool(slots=0, shortname="p")
    stage.run(30)
    stage.groups.pools.close(now(stage, pool), stage.clock.now())
    stage.run(60)
    assert is_in(stage, pool, PoolState.CLOSING)
    stage.run(120)
    assert is_in(stage, pool, PoolState.CLOSED)
    assert now(stage, pool).previous_state is PoolState.CLOSING
    stage.groups.pools.delete(now(stage, pool), stage.clock.now())
    assert stage.groups.pools.get(ACCOUNT, "p") is None, "its shortname is free at once"


def test_who_looks_right_after_creation_sees_no_slot_ready_and_tasks_run_in_them_all_the_same(stage: Stage) -> None:
    stage.groups.pools._seen_s = 3600.0
    pool = stage.pool(slots=1)
    task = stage.task(pool_id=pool.id)
    stage.until(lambda: stage.stored(task).state.final)
    line = stage.groups.pools.line(pool)
    assert is_in(stage, pool, PoolState.FULLY_DISPATCHED)
    assert (len(line.ready(stage.works)), stage.groups.pools.shown_ready(line, stage.clock.now())) == (1, 0)
    stage.run(3600)
    assert is_in(stage, pool, PoolState.FULLY_EXECUTING)
    assert stage.groups.pools.shown_ready(line, stage.clock.now()) == 1


def test_who_waits_for_resources_waits_for_their_refreshing_and_others_do_not(stage: Stage) -> None:
    pool = stage.pool(slots=2, wait_for_resources=True)
    stage.until(lambda: is_in(stage, pool, PoolState.FULLY_EXECUTING))
    for slot in stage.groups.pools.line(pool).ready(stage.works):
        stage.groups.pools.syncing(pool, slot.attempt_id, begins=True)
    hasty = stage.task(pool_id=pool.id, wait_for_resources=False)
    patient = stage.task(pool_id=pool.id)
    stage.until(lambda: stage.stored(hasty).state.final)
    stage.run(120)
    assert not stage.attempts(patient)
    slot = stage.groups.pools.line(pool).ready(stage.works)[1]
    stage.groups.pools.syncing(pool, slot.attempt_id, begins=False)
    stage.until(lambda: stage.stored(patient).state.final)
    assert stage.attempts(patient)[0].held_by == slot.attempt_id
