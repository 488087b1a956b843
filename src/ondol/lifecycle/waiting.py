"""Steps of a task that has not begun: what it waits for has ended, or it waited too long."""

from __future__ import annotations

import dataclasses

from ondol.lifecycle.draft import Draft
from ondol.lifecycle.events import ParentEnded
from ondol.lifecycle.instance import InstanceSignal, next_instance_state
from ondol.model.compute import InstanceState, TaskError
from ondol.model.conditions import FinalState

_AS_SAID = {FinalState.SUCCESS: "succeeded", FinalState.FAILURE: "failed", FinalState.CANCELLED: "was cancelled"}


def note_parent_end(draft: Draft, event: ParentEnded) -> TaskError | None:
    """Write down how a task ended that this one waits for; gives the error to cancel it with where that was wrong.

    With the last of them the queue begins: waiting is counted from then on.
    """
    task = draft.task
    if task.state.final or not any(one.task_id == event.task_id and one.ended is None for one in task.dependencies):
        return None
    dependencies = tuple(
        dataclasses.replace(one, ended=event.ended) if one.task_id == event.task_id and one.ended is None else one
        for one in task.dependencies
    )
    draft.task = dataclasses.replace(task, dependencies=dependencies, modified_at=draft.at)
    if draft.task.cancel_wanted:
        return None
    broken = [one for one in dependencies if one.task_id == event.task_id and one.broken]
    if broken:
        wanted = " or ".join(state.value for state in broken[0].accepts) or "nothing"
        return TaskError(
            code="DEPENDENCY_NOT_FULFILLED",
            message=f"Task {event.task_id}, on which this one depends, {_AS_SAID[event.ended]}; it asked for {wanted}.",
            debug=event.task_id,
        )
    if not draft.task.blocked:
        for key in draft.work.instances:
            draft.put(dataclasses.replace(draft.instance(key), since=draft.at), None)
    return None


def end_queueing(draft: Draft) -> None:
    """Fail a task of which no instance was placed in time; once one was, the limit means nothing any more."""
    task = draft.task
    if task.cancel_wanted or task.blocked or draft.work.attempts or draft.over:
        return
    for key in draft.work.instances:
        instance = draft.instance(key)
        if instance.state is InstanceState.QUEUED:
            state = next_instance_state(instance, InstanceSignal.GIVEN_UP)
            draft.put(dataclasses.replace(instance, state=state, since=draft.at), None)
    draft.tell_user(
        TaskError(
            code="QUEUE_TIMEOUT",
            message=f"No instance could be placed within {task.max_queue_s:g} s. "
            "Submit it again with a longer time in the queue, or when there is room.",
        )
    )
