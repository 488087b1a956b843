"""The state of a task: read off its instances, in the order of the Qarnot API (`reference/qarnot-api.md` §3)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum

from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task, TaskState
from ondol.model.conditions import FinalState


class Stage(enum.IntEnum):
    """Where an instance stands, as far as its task's state needs to know."""

    WAITING = 0
    DISPATCHED = 1  # placed or staging
    EXECUTING = 2  # running, paused or stopping
    UPLOADING = 3
    SUCCEEDED = 4
    FAILED = 5
    CANCELLED = 6


_OF_ATTEMPT = {
    AttemptState.PLACED: Stage.DISPATCHED,
    AttemptState.STAGING: Stage.DISPATCHED,
    AttemptState.RUNNING: Stage.EXECUTING,
    AttemptState.PAUSED: Stage.EXECUTING,
    AttemptState.STOPPING: Stage.EXECUTING,
    AttemptState.UPLOADING: Stage.UPLOADING,
}
_OF_INSTANCE = {
    InstanceState.QUEUED: Stage.WAITING,
    InstanceState.SUCCEEDED: Stage.SUCCEEDED,
    InstanceState.FAILED: Stage.FAILED,
    InstanceState.CANCELLED: Stage.CANCELLED,
}

_FINAL = {
    TaskState.SUCCESS: FinalState.SUCCESS,
    TaskState.FAILURE: FinalState.FAILURE,
    TaskState.CANCELLED: FinalState.CANCELLED,
}

TASK_TABLE: dict[TaskState, tuple[TaskState, ...]] = {
    TaskState.SUBMITTED: (TaskState.PARTIALLY_DISPATCHED, TaskState.FULLY_DISPATCHED),
    TaskState.PARTIALLY_DISPATCHED: (TaskState.FULLY_DISPATCHED, TaskState.PARTIALLY_EXECUTING),
    TaskState.FULLY_DISPATCHED: (TaskState.PARTIALLY_EXECUTING, TaskState.FULLY_EXECUTING),
    TaskState.PARTIALLY_EXECUTING: (TaskState.FULLY_EXECUTING, TaskState.UPLOADING_RESULTS),
    TaskState.FULLY_EXECUTING: (TaskState.UPLOADING_RESULTS,),
    TaskState.UPLOADING_RESULTS: (TaskState.SUCCESS, TaskState.FAILURE),
    TaskState.PENDING_CANCEL: (TaskState.CANCELLED, TaskState.SUCCESS, TaskState.FAILURE),
    TaskState.PENDING_DELETE: (),
}
"""The usual way of a task, for the diagram; instances that go back into the queue lead back along it."""


def stage_of(instance: Instance, attempt: Attempt | None) -> Stage:
    """Give the stage of an instance whose latest attempt is `attempt`."""
    if instance.state is InstanceState.ACTIVE and attempt is not None:
        return _OF_ATTEMPT[attempt.state]
    return _OF_INSTANCE[instance.state]


def state_from(tally: tuple[int, ...], *, cancel_wanted: bool, delete_wanted: bool) -> TaskState:  # noqa: PLR0911 (one line a rule)
    """Read a task's state off the number of its instances per stage.

    Parameters
    ----------
    tally : instances in each Stage, in the order of Stage; their sum is at least 1
    """
    waiting, dispatched, executing, uploading, succeeded, failed, cancelled = tally
    left = waiting + dispatched + executing + uploading
    if delete_wanted:
        return TaskState.PENDING_DELETE
    if left == 0:
        if cancelled:
            return TaskState.CANCELLED
        return TaskState.FAILURE if failed else TaskState.SUCCESS
    if cancel_wanted:
        return TaskState.PENDING_CANCEL
    if uploading == left:
        return TaskState.UPLOADING_RESULTS
    if executing and executing + uploading == left:
        return TaskState.FULLY_EXECUTING
    if executing or uploading or succeeded or failed:
        return TaskState.PARTIALLY_EXECUTING
    if dispatched == left:
        return TaskState.FULLY_DISPATCHED
    return TaskState.PARTIALLY_DISPATCHED if dispatched else TaskState.SUBMITTED


def final_of(tally: tuple[int, ...]) -> FinalState:
    """How a task ended whose instances are all over, whatever is asked of it beside."""
    return _FINAL[state_from(tally, cancel_wanted=False, delete_wanted=False)]


def over(tally: tuple[int, ...]) -> bool:
    """Whether no instance will do anything more."""
    return not any(tally[: Stage.SUCCEEDED])


def moved(task: Task, state: TaskState, at: dt.datetime) -> Task:
    """Bring a task to a state, keeping the one before with its time; the same task where it is there already."""
    if state is task.state:
        return task
    return dataclasses.replace(
        task,
        state=state,
        state_since=at,
        previous_state=task.state,
        previous_state_since=task.state_since,
        modified_at=at,
        ended_at=at if state.final else task.ended_at,
    )
