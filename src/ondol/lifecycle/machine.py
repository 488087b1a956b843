"""The crank: one event in, the new `Work` and the `Change` to store and carry out.

Rules
-----
1. Everything that moves a task, its instances and attempts lives in this room; this file only joins the tables.
2. `step` is pure. Write `Change` in one transaction, then carry out its instructions; after a crash, `pending` gives
   the instructions again that may not have been carried out.
3. An event that cannot be in the present state raises ConflictError and changes nothing; one that comes again or too
   late gives an empty change.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.lifecycle.attempt import AttemptSignal, next_attempt_state, signal_of, with_measures
from ondol.lifecycle.draft import Draft
from ondol.lifecycle.events import (
    AboutAttempt,
    AttemptReported,
    CancelAsked,
    DeleteAsked,
    Event,
    ParentEnded,
    PauseDecided,
    QueueTimedOut,
    ResultsUploaded,
    ResumeDecided,
    StartDecided,
    StopDecided,
    TaskSubmitted,
    TimePassed,
)
from ondol.lifecycle.instance import InstanceSignal, next_instance_state, signal_at_end
from ondol.lifecycle.instructions import (
    DeleteTask,
    Instruction,
    Launch,
    PauseAttempt,
    ReleaseAttempt,
    ResumeAttempt,
    StageInputs,
    StopAttempt,
    UploadResults,
)
from ondol.lifecycle.waiting import end_queueing, note_parent_end
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, TaskError
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import InstanceId, attempt_id, instance_id

PATIENCE = dt.timedelta(seconds=60)  # after which what bore no fruit is asked for again
_BEFORE_LAUNCH = (AttemptState.PLACED, AttemptState.STAGING)


def submit(event: TaskSubmitted) -> tuple[Work, Change]:
    """Begin: a task with all its instances in the queue."""
    task = event.task
    instances = [
        Instance(id=instance_id(task.id, number), task_id=task.id, number=number, since=event.at)
        for number in task.instance_numbers
    ]
    return Work.of(task, instances), Change(task=task, instances=tuple(instances))


def step(work: Work, event: Event) -> tuple[Work, Change]:
    """Turn an event into the next `Work` and what to store and do.

    Raises
    ------
    ConflictError : the event cannot happen in the present state
    NotFoundError : the instance or attempt is not of this task
    """
    draft = Draft(work, event.at)
    match event:
        case StartDecided():
            _start(draft, event)
        case StopDecided():
            _stop(draft, event)
        case PauseDecided() | ResumeDecided():
            _pause_or_resume(draft, event)
        case CancelAsked():
            _cancel(draft, event.error)
        case ParentEnded():
            error = note_parent_end(draft, event)
            if error is not None:
                _cancel(draft, error)
        case QueueTimedOut():
            end_queueing(draft)
        case DeleteAsked():
            _delete(draft)
        case TimePassed():
            _remind(draft)
        case _:
            _about_attempt(draft, event)
    return draft.finish()


def pending(work: Work) -> tuple[Instruction, ...]:
    """Give again, after a restart, what may not have been carried out; first feed in what the engine reports."""
    again: list[Instruction] = []
    for instance in work.instances.values():
        attempt = work.latest(instance.id)
        if attempt is None or attempt.state.final:
            continue
        if attempt.state in _BEFORE_LAUNCH:
            again.append(StageInputs(attempt.id) if attempt.started_at is None else Launch(attempt.id))
        elif attempt.state is AttemptState.STOPPING:
            again.append(StopAttempt(attempt.id))
        elif attempt.state is AttemptState.UPLOADING:
            again.append(UploadResults(attempt.id))
    if work.task.delete_wanted and work.over:
        again.append(DeleteTask(work.task.id))
    return tuple(again)


def _start(draft: Draft, event: StartDecided) -> None:
    instance = _instance(draft, event.instance_id)
    if draft.task.cancel_wanted:
        raise ConflictError(f"Task {draft.task.id} is being cancelled; {instance.id} is not to be started.")
    if draft.task.blocked:
        raise ConflictError(f"Task {draft.task.id} waits for other tasks; {instance.id} is not to be started yet.")
    state = next_instance_state(instance, InstanceSignal.STARTED)
    number = instance.attempts + 1
    attempt = Attempt(
        id=attempt_id(instance.id, number),
        instance_id=instance.id,
        task_id=draft.task.id,
        node_id=event.node_id,
        number=number,
        created_at=event.at,
        since=event.at,
        reason=event.reason,
        held_by=event.held_by,
    )
    draft.put(dataclasses.replace(instance, state=state, since=event.at, attempts=number), attempt)
    draft.tell(StageInputs(attempt.id))


def _stop(draft: Draft, event: StopDecided) -> None:
    instance = _instance(draft, event.instance_id)
    attempt = _under_way(draft, instance)
    if attempt.state is AttemptState.UPLOADING:
        raise ConflictError(f"Attempt {attempt.id} has ended and uploads its results; there is nothing to stop.")
    if not attempt.stop_wanted:
        _end(draft, instance, dataclasses.replace(attempt, stop_wanted="requeue", message=event.reason))


def _pause_or_resume(draft: Draft, event: PauseDecided | ResumeDecided) -> None:
    attempt = _under_way(draft, _instance(draft, event.instance_id))
    if attempt.state not in (AttemptState.RUNNING, AttemptState.PAUSED):
        verb = "paused" if isinstance(event, PauseDecided) else "resumed"
        raise ConflictError(f"Attempt {attempt.id} is {attempt.state.value}; only one that runs can be {verb}.")
    if isinstance(event, PauseDecided) and attempt.state is AttemptState.RUNNING:
        draft.tell(PauseAttempt(attempt.id))
    elif isinstance(event, ResumeDecided) and attempt.state is AttemptState.PAUSED:
        draft.tell(ResumeAttempt(attempt.id))


def _cancel(draft: Draft, error: TaskError | None = None) -> None:
    task = draft.task
    if task.state.final:
        raise ConflictError(f"Can't abort: task {task.id} is over ({task.state.value}).")
    if task.cancel_wanted:
        return
    message = "The task was cancelled." if error is None else error.message
    draft.task = dataclasses.replace(task, cancel_wanted=True, modified_at=draft.at)
    if error is not None:
        draft.tell_user(error)
    for key in draft.work.instances:
        instance = draft.instance(key)
        if instance.state is InstanceState.QUEUED:
            draft.put(_moved(instance, InstanceSignal.CANCELLED, draft.at), None)
        elif instance.state is InstanceState.ACTIVE:
            attempt = _under_way(draft, instance)
            if attempt.state is not AttemptState.UPLOADING:
                _end(draft, instance, dataclasses.replace(attempt, stop_wanted="cancel", message=message))


def _delete(draft: Draft) -> None:
    if not draft.task.delete_wanted:
        if not draft.task.cancel_wanted and not draft.task.state.final:
            _cancel(draft)
        # Its shortname is free again from this moment on, whatever is left to be done.
        draft.task = dataclasses.replace(draft.task, delete_wanted=True, shortname="", modified_at=draft.at)
    if draft.over:
        draft.tell(DeleteTask(draft.task.id))


def _remind(draft: Draft) -> None:
    for instruction in pending(draft.work):
        attempt = None if isinstance(instruction, DeleteTask) else draft.work.attempt(instruction.attempt_id)
        if attempt is None or draft.at - attempt.since >= PATIENCE:
            draft.tell(instruction)


def _end(draft: Draft, instance: Instance, attempt: Attempt) -> None:
    """Stop an attempt that wants to be stopped: at once before its launch, else through the engine."""
    may_run = attempt.state not in _BEFORE_LAUNCH or attempt.started_at is not None
    signal = AttemptSignal.STOP_ASKED if may_run else AttemptSignal.PULLED_BACK
    state = next_attempt_state(attempt, signal)
    if state is None:
        raise ConflictError(f"Attempt {attempt.id} is {attempt.state.value} and cannot be stopped.")
    if may_run:
        draft.put(instance, _entered(attempt, state, draft.at))
        draft.tell(StopAttempt(attempt.id))
    else:
        _close(draft, instance, _entered(attempt, state, draft.at))


def _about_attempt(draft: Draft, event: AboutAttempt) -> None:
    attempt = draft.work.attempt(event.attempt_id)
    if attempt is None:
        raise NotFoundError(f"attempt of task {draft.task.id}", event.attempt_id)
    instance = draft.instance(attempt.instance_id)
    signal = signal_of(attempt, event, upload_on_cancel=draft.task.upload_results_on_cancellation)
    if attempt.state.final:
        return
    measured = with_measures(attempt, event) if isinstance(event, AttemptReported) else attempt
    state = next_attempt_state(attempt, signal)
    after = measured if state is None else _told(_entered(measured, state, event.at), attempt, signal, event)
    if after.state.final:
        _close(draft, instance, after, event if signal is AttemptSignal.BROKE else signal)
    elif after != attempt:
        draft.put(instance, after)
    if signal is AttemptSignal.INPUTS_READY and after.started_at != attempt.started_at:
        draft.tell(Launch(after.id))
    if after.state is AttemptState.UPLOADING and attempt.state is not AttemptState.UPLOADING:
        draft.tell(UploadResults(after.id))
    if isinstance(event, ResultsUploaded):
        draft.task = dataclasses.replace(draft.task, results_count=draft.task.results_count + 1, modified_at=event.at)


def _told(attempt: Attempt, before: Attempt, signal: AttemptSignal, event: AboutAttempt) -> Attempt:
    """Take over what an event tells beside the state."""
    message = getattr(event, "message", "") or attempt.message
    if signal is AttemptSignal.INPUTS_READY and attempt.started_at is None:
        return dataclasses.replace(attempt, started_at=event.at)
    if signal is AttemptSignal.SEEN_RUNNING and before.state is AttemptState.STAGING:
        return dataclasses.replace(attempt, started_at=event.at)
    if signal is AttemptSignal.EXITED and isinstance(event, AttemptReported):
        return dataclasses.replace(attempt, exit_code=event.exit_code, message=message)
    if isinstance(event, ResultsUploaded):
        return dataclasses.replace(attempt, results=event.keys)
    return dataclasses.replace(attempt, message=message) if message != attempt.message else attempt


def _close(draft: Draft, instance: Instance, attempt: Attempt, why: object = None) -> None:
    """End an attempt and give its instance the consequence."""
    attempts = (*draft.work.attempts[instance.id][:-1], attempt)
    signal, failed = signal_at_end(draft.task, instance, attempts, draft.retries_used())
    after = _moved(instance, signal, draft.at)
    if failed:
        after = dataclasses.replace(after, failures=after.failures + 1)
    draft.put(after, attempt)
    draft.tell(ReleaseAttempt(attempt.id))
    if signal is InstanceSignal.GIVEN_UP:
        draft.complain(after, attempt, why)


def _entered(attempt: Attempt, state: AttemptState, at: dt.datetime) -> Attempt:
    """Bring an attempt to a state; the time it was paused is added up as it leaves that state."""
    if state is attempt.state:
        return attempt
    paused = (at - attempt.since).total_seconds() if attempt.state is AttemptState.PAUSED else 0.0
    return dataclasses.replace(
        attempt,
        state=state,
        since=at,
        paused_s=attempt.paused_s + max(0.0, paused),
        ended_at=at if state.final else attempt.ended_at,
    )


def _moved(instance: Instance, signal: InstanceSignal, at: dt.datetime) -> Instance:
    return dataclasses.replace(instance, state=next_instance_state(instance, signal), since=at)


def _instance(draft: Draft, key: InstanceId) -> Instance:
    if key not in draft.work.instances:
        raise NotFoundError(f"instance of task {draft.task.id}", key)
    return draft.instance(key)


def _under_way(draft: Draft, instance: Instance) -> Attempt:
    attempt = draft.latest(instance.id)
    if attempt is None or attempt.state.final:
        raise ConflictError(f"Instance {instance.id} is {instance.state.value}; no attempt of it is under way.")
    return attempt
