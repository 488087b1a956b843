"""Given tasks that depend on each other at random, in a job and a pool, when anything happens in any order, then
nobody starts early, no slot is too full, everything of a terminated job ends, and no joule is lost."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ondol.control.audit import audit
from ondol.engine.sim.attempt import Script
from ondol.model.compute import TaskState
from ondol.model.conditions import Dependency, FinalState
from ondol.model.job import JobState
from scenario.control.groups_stage import ACCOUNT, Stage

_ENDS = {
    TaskState.SUCCESS: FinalState.SUCCESS,
    TaskState.FAILURE: FinalState.FAILURE,
    TaskState.CANCELLED: FinalState.CANCELLED,
}
_ACCEPTS = st.sets(st.sampled_from(FinalState), min_size=1).map(lambda found: tuple(sorted(found, key=str)))
_PARENTS = st.lists(st.tuples(st.integers(0, 100), _ACCEPTS), max_size=3)
_TASKS = st.lists(st.tuples(_PARENTS, st.integers(1, 3), st.booleans()), min_size=2, max_size=7)
_ACTS = st.lists(st.sampled_from(["run", "run", "restart", "delete", "lose", "terminate"]), min_size=4, max_size=10)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tasks=_TASKS, acts=_ACTS, in_pool=st.booleans(), victim=st.integers(0, 100))
def test_any_order(tasks, acts, in_pool, victim):
    stage = Stage(tick_s=30.0)
    stage.engine._script = lambda order: Script(exit_code=1 if order.environment.get("FAIL") else 0)
    pool = stage.pool(slots=2, slots_per_node=2, preparation="prepare") if in_pool else None
    job = stage.job(use_dependencies=True, **({"pool_id": pool.id} if pool else {}))
    made = []
    for parents, instances, fails in tasks:
        wanted = {made[index % len(made)].id: accepts for index, accepts in parents if made}
        found = tuple(Dependency(task_id=key, accepts=accepts, simple=False) for key, accepts in wanted.items())
        constants = {"CMD": "true", **({"FAIL": "1"} if fails else {})}
        made.append(stage.task(instances, 0.7, job_id=job.id, dependencies=found, constants=constants))
    alive = list(made)
    for act in acts:
        if act == "restart":
            stage.restart()
        elif act == "delete" and alive:
            task = alive.pop(victim % len(alive))
            if stage.store.task(task.id) is not None:
                stage.delete(task)
        elif act == "lose" and stage.engine._attempts:
            del stage.engine._attempts[sorted(stage.engine._attempts)[victim % len(stage.engine._attempts)]]
        elif act == "terminate":
            stage.jobs.terminate(ACCOUNT, job.id)
        stage.run(240)
        for task in alive:
            check_nobody_was_early(stage, stage.stored(task))
    stage.jobs.terminate(ACCOUNT, job.id)
    stage.until(lambda: stage.jobs.get(ACCOUNT, job.id).state is JobState.COMPLETED)
    assert all(stage.stored(task).state.final for task in alive)
    if pool is not None:
        check_slots(stage, alive, 2)
    assert audit(stage.store).findings == ()


def check_nobody_was_early(stage, task) -> None:
    """What was begun had all it waited for before, in a way that it accepts; what is noted of ends is true."""
    attempts = stage.attempts(task)
    for one in task.dependencies:
        parent = stage.store.task(one.task_id)
        if parent is not None and parent.state.final and not task.cancel_wanted:
            assert one.ended is _ENDS[parent.state]
        if attempts:
            assert one.fulfilled
            assert parent is None or parent.ended_at <= min(attempt.created_at for attempt in attempts)


def check_slots(stage, tasks, most: int) -> None:
    """No slot was fuller than it may be at any moment."""
    spans: dict[str, list[tuple[object, object]]] = {}
    for attempt in itertools.chain.from_iterable(stage.attempts(task) for task in tasks):
        spans.setdefault(attempt.held_by, []).append((attempt.created_at, attempt.ended_at or stage.clock.now()))
    for slot, found in spans.items():
        assert slot
        assert all(sum(a <= begin < b for a, b in found) <= most for begin, _ in found)
