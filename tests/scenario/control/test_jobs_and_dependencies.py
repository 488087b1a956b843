"""Given jobs whose tasks wait for each other, when time passes, then each runs in its turn and all share their end."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control import endings
from ondol.control.audit import audit
from ondol.demo.fleet import demo_fleet
from ondol.model.account import AccountLimits
from ondol.model.compute import TaskState
from ondol.model.conditions import Dependency, FinalState
from ondol.model.errors import ForbiddenError, InvalidFieldError, NotFoundError
from ondol.model.ids import JobId, TaskId
from ondol.model.job import JobState
from scenario.control.groups_stage import ACCOUNT, ANY_END, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def failing(stage: Stage, **fields: object):
    """A task that cannot be launched, so fails."""
    return stage.task(constants={"CMD": "${TOOL}", "TOOL": " "}, **fields)


def test_thirty_instances_then_what_depends_on_them(stage: Stage) -> None:
    job = stage.job(use_dependencies=True)
    first = stage.task(30, 2.0, job_id=job.id)
    second = stage.task(25, 1.0, after=(first,), job_id=job.id)
    last = stage.task(1, 1.0, after=(first, second), job_id=job.id)
    stage.until(lambda: stage.stored(last).state is TaskState.SUCCESS, 8 * 3600)
    for child, parents in ((second, (first,)), (last, (first, second))):
        begun = min(attempt.created_at for attempt in stage.attempts(child))
        assert begun >= max(stage.stored(parent).ended_at for parent in parents)
        assert all(one.ended is FinalState.SUCCESS for one in stage.stored(child).dependencies)
    assert stage.jobs.get(ACCOUNT, job.id).state is JobState.ACTIVE, "more tasks may come"
    assert audit(stage.store).findings == ()


def test_a_broken_dependency_cancels_the_whole_chain_and_says_why(stage: Stage) -> None:
    job = stage.job(use_dependencies=True)
    bad = failing(stage, job_id=job.id)
    child = stage.task(after=(bad,), job_id=job.id)
    grandchild = stage.task(after=(child,), job_id=job.id)
    anyway = stage.task(job_id=job.id, dependencies=(Dependency(task_id=child.id, accepts=ANY_END, simple=False),))
    stage.until(lambda: stage.stored(anyway).state.final)
    assert stage.stored(bad).state is TaskState.FAILURE
    assert stage.stored(child).state is stage.stored(grandchild).state is TaskState.CANCELLED
    assert stage.stored(anyway).state is TaskState.SUCCESS
    (error,) = stage.stored(child).errors
    assert (error.code, bad.id in error.message, "failed" in error.message) == ("DEPENDENCY_NOT_FULFILLED", True, True)
    assert not stage.attempts(child)


def test_who_depends_on_what_is_over_is_settled_at_once(stage: Stage) -> None:
    job = stage.job(use_dependencies=True)
    good, bad = stage.task(job_id=job.id), failing(stage, job_id=job.id)
    stage.until(lambda: all(stage.stored(task).state.final for task in (good, bad)))
    stage.run(60)
    after_good, after_bad = (stage.task(after=(task,), job_id=job.id) for task in (good, bad))
    assert not stage.stored(after_good).blocked
    assert stage.stored(after_bad).state is TaskState.CANCELLED


def test_a_parent_that_is_deleted_unfinished_counts_as_cancelled_one_that_ended_stays_what_it_was(stage: Stage) -> None:
    job = stage.job(use_dependencies=True)
    done, endless = stage.task(job_id=job.id), stage.task(cpu_s=1e9, job_id=job.id)
    waits = stage.task(after=(done, endless), job_id=job.id)
    stage.until(lambda: stage.stored(done).state.final)
    for task in (done, endless):
        stage.delete(task)
    stage.run(120)
    assert stage.store.task(done.id) is stage.store.task(endless.id) is None
    assert [one.ended for one in stage.stored(waits).dependencies] == [FinalState.SUCCESS, FinalState.CANCELLED]
    assert stage.stored(waits).state is TaskState.CANCELLED


def test_what_makes_no_sense_is_refused(stage: Stage) -> None:
    plain, other = stage.job(), stage.job(use_dependencies=True)
    parent = stage.task(job_id=plain.id)
    with pytest.raises(InvalidFieldError, match="useDependencies"):
        stage.task(after=(parent,), job_id=plain.id)
    with pytest.raises(InvalidFieldError, match="without a job"):
        stage.task(after=(parent,))
    with pytest.raises(InvalidFieldError, match="same job"):
        stage.task(after=(parent,), job_id=other.id)
    with pytest.raises(InvalidFieldError, match="same job"):
        stage.task(job_id=other.id, dependencies=(Dependency(task_id=TaskId("unknown")),))
    with pytest.raises(InvalidFieldError, match="jobUuid"):
        stage.task(job_id=JobId("unknown"))
    stage.jobs.terminate(ACCOUNT, other.id)
    with pytest.raises(InvalidFieldError, match="Active"):
        stage.task(job_id=other.id)


def test_the_wall_time_ends_a_job_with_all_its_tasks(stage: Stage) -> None:
    job = stage.job(use_dependencies=True, max_wall_s=1800.0)
    endless = stage.task(2, 1e9, job_id=job.id)
    waits = stage.task(after=(endless,), job_id=job.id)
    stage.run(1750)
    assert stage.jobs.get(ACCOUNT, job.id).state is JobState.ACTIVE
    stage.run(300)
    job = stage.jobs.get(ACCOUNT, job.id)
    assert (job.state, job.previous_state) == (JobState.COMPLETED, JobState.TERMINATING)
    assert job.ended_at - job.created_at >= dt.timedelta(seconds=1800)
    assert [stage.stored(task).state for task in (endless, waits)] == [TaskState.CANCELLED] * 2
    assert stage.stored(endless).errors[0].code == "JOB_MAX_WALL_TIME"


def test_deleting_a_job_takes_force_where_tasks_remain(stage: Stage) -> None:
    job = stage.job()
    done, runs = stage.task(job_id=job.id), stage.task(cpu_s=1e9, job_id=job.id)
    stage.until(lambda: stage.stored(done).state.final)
    with pytest.raises(ForbiddenError, match="still has tasks"):
        stage.jobs.delete(ACCOUNT, job.id, force=False)
    stage.jobs.delete(ACCOUNT, job.id, force=True)
    stage.run(60)
    with pytest.raises(NotFoundError):
        stage.jobs.get(ACCOUNT, job.id)
    assert [stage.store.task(task.id) for task in (done, runs)] == [None, None]
    assert stage.store.job(job.id) is None
    empty = stage.job()
    stage.jobs.delete(ACCOUNT, empty.id, force=False)
    assert stage.store.job(empty.id) is None


def test_a_job_lives_on_for_its_time_to_live(stage: Stage) -> None:
    job = stage.job(ttl_s=3600.0)
    task = stage.task(job_id=job.id)
    stage.until(lambda: stage.stored(task).state.final)
    stage.jobs.terminate(ACCOUNT, job.id)
    stage.run(1800)
    assert stage.jobs.get(ACCOUNT, job.id).state is JobState.COMPLETED
    stage.restart()
    stage.run(2000)
    assert stage.store.job(job.id) is None
    assert stage.store.task(task.id) is None


def test_a_restart_in_between_loses_no_dependency(stage: Stage) -> None:
    job = stage.job(use_dependencies=True, max_wall_s=7200.0)
    first = stage.task(4, 3.0, job_id=job.id)
    second = stage.task(after=(first,), job_id=job.id)
    for _ in range(12):
        stage.run(60)
        stage.restart()
    stage.until(lambda: stage.stored(second).state is TaskState.SUCCESS)
    endless = stage.task(cpu_s=1e9, job_id=job.id)
    stage.restart()
    stage.until(lambda: stage.jobs.get(ACCOUNT, job.id).state is JobState.COMPLETED, 3 * 3600)
    assert stage.stored(endless).state is TaskState.CANCELLED
    assert audit(stage.store).findings == ()


def test_queueing_too_long_fails_a_task_of_which_nothing_ran(stage: Stage) -> None:
    slots = sum(node.slots for node in demo_fleet().nodes)
    stage.task(slots, 1e9)
    stage.run(60)
    job = stage.job(use_dependencies=True)
    late = stage.task(3, max_queue_s=900.0, job_id=job.id)
    waits = stage.task(
        max_queue_s=60.0, job_id=job.id, dependencies=(Dependency(task_id=late.id, accepts=ANY_END, simple=False),)
    )
    stage.run(800)
    stage.restart()
    assert stage.stored(late).state is stage.stored(waits).state is TaskState.SUBMITTED
    stage.run(120)
    assert stage.stored(late).state is TaskState.FAILURE
    assert [error.code for error in stage.stored(late).errors] == ["QUEUE_TIMEOUT"]
    stage.run(120)
    assert stage.stored(waits).state is TaskState.FAILURE, "it queued from then on"


def test_once_an_instance_was_placed_the_others_may_wait(stage: Stage) -> None:
    slots = sum(node.slots for node in demo_fleet().nodes)
    task = stage.task(slots + 5, 20.0, max_queue_s=300.0)
    stage.until(lambda: stage.stored(task).state.final, 24 * 3600)
    assert stage.stored(task).state is TaskState.SUCCESS


def test_a_task_goes_so_long_after_its_end(stage: Stage) -> None:
    task, stays = stage.task(ttl_s=1800.0), stage.task()
    stage.until(lambda: stage.stored(task).state.final)
    stage.run(1500)
    stage.restart()
    assert stage.stored(task).state is TaskState.SUCCESS
    stage.run(600)
    assert stage.store.task(task.id) is None
    assert stage.stored(stays).state is TaskState.SUCCESS


def test_at_the_quota_the_oldest_that_may_go_makes_room() -> None:
    stage = Stage(limits=AccountLimits(max_tasks=3, max_jobs=1, max_running_tasks=2))
    old, young = stage.task(auto_delete=True), stage.task(auto_delete=True)
    stage.until(lambda: stage.stored(young).state.final)
    third = stage.task(cpu_s=1e9)
    fourth = stage.task(cpu_s=1e9)
    assert stage.store.task(old.id) is None
    assert stage.stored(young).state is TaskState.SUCCESS
    with pytest.raises(ForbiddenError, match="Maximum number of tasks reached"):
        stage.task()
    stage.delete(third)
    stage.run(60)
    stage.task(cpu_s=1e9)
    stage.delete(fourth)
    stage.run(60)
    stage.task(cpu_s=1e9)
    with pytest.raises(ForbiddenError, match="Maximum number of tasks reached"):
        stage.task()
    job = stage.job(auto_delete=True)
    with pytest.raises(ForbiddenError, match="Maximum number of jobs reached"):
        stage.job()
    stage.jobs.terminate(ACCOUNT, job.id)
    again = stage.job()
    assert stage.store.job(job.id) is None
    assert stage.jobs.get(ACCOUNT, again.id).state is JobState.ACTIVE


def test_many_tasks_end_some_a_turn_also_over_restarts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "A_TURN", 10)
    one, other = stage.job(), stage.job()
    tasks = {job.id: [stage.task(cpu_s=1e9, job_id=job.id) for _ in range(45)] for job in (one, other)}
    stage.jobs.terminate(ACCOUNT, one.id)
    stage.jobs.delete(ACCOUNT, other.id, force=True)
    cancelled = sum(stage.stored(task).cancel_wanted for task in tasks[one.id])
    assert 0 < cancelled < 45
    assert stage.jobs.get(ACCOUNT, one.id).state is JobState.TERMINATING
    stage.restart()
    stage.until(lambda: stage.jobs.get(ACCOUNT, one.id).state is JobState.COMPLETED)
    stage.until(lambda: stage.store.job(other.id) is None)
    assert {stage.stored(task).state for task in tasks[one.id]} == {TaskState.CANCELLED}
    assert not [task for task in tasks[other.id] if stage.store.task(task.id) is not None]
