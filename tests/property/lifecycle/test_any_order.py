"""Whatever happens in whatever order: the invariants hold, refusals change nothing, storage gives the same Work."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.lifecycle import events as ev
from ondol.lifecycle.instructions import DeleteTask
from ondol.lifecycle.machine import step, submit
from ondol.lifecycle.work import Work, validate
from ondol.model.compute import Task
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.ids import AccountId, AttemptId, NodeId, TaskId, attempt_id, instance_id

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
TASK = TaskId("t")
NUMBERS = st.integers(0, 2)


def _attempts() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(NUMBERS, st.integers(0, 3))


KINDS = st.one_of(
    st.tuples(st.sampled_from([ev.StartDecided, ev.StopDecided, ev.PauseDecided, ev.ResumeDecided]), NUMBERS),
    st.tuples(
        st.sampled_from([ev.InputsBegun, ev.InputsReady, ev.InputsFailed, ev.ResultsUploaded, ev.UploadFailed]),
        _attempts(),
    ),
    st.tuples(
        st.just(ev.AttemptReported),
        st.tuples(_attempts(), st.sampled_from(ev.RunSeen), st.sampled_from(ev.EndSeen), st.sampled_from([0, 1, None])),
    ),
    st.tuples(st.sampled_from([ev.TimePassed] * 6 + [ev.CancelAsked, ev.DeleteAsked]), st.none()),
)


def _event(work: Work, at: dt.datetime, kind: tuple[type, object]) -> ev.Event:
    made, what = kind
    if made is ev.StartDecided:
        return ev.StartDecided(at=at, instance_id=instance_id(TASK, what), node_id=NodeId("n"), reason="r")
    if made in (ev.StopDecided, ev.PauseDecided, ev.ResumeDecided):
        return made(at=at, instance_id=instance_id(TASK, what), reason="r")
    if made in (ev.CancelAsked, ev.DeleteAsked):
        return made(at=at, task_id=TASK)
    if made is ev.TimePassed:
        return ev.TimePassed(at=at)
    if made is ev.AttemptReported:
        which, state, cause, code = what
        ended = state is ev.RunSeen.ENDED
        return ev.AttemptReported(
            at=at,
            attempt_id=_attempt(work, which),
            state=state,
            cause=cause if ended else None,
            exit_code=code if ended and cause is ev.EndSeen.EXITED else None,
        )
    extra = {"message": "m"} if made in (ev.InputsFailed, ev.UploadFailed) else {}
    return made(at=at, attempt_id=_attempt(work, what), **extra)


def _attempt(work: Work, which: tuple[int, int]) -> AttemptId:
    """The latest attempt mostly, an older one sometimes."""
    number, back = which
    key = instance_id(TASK, number)
    return attempt_id(key, max(1, work.instances[key].attempts - (1 if back == 3 else 0)))


@settings(max_examples=150, deadline=None)
@given(
    kinds=st.lists(KINDS, max_size=80),
    per_instance=st.integers(0, 2),
    total=st.integers(0, 2),
    upload=st.booleans(),
)
def test_invariants_hold(kinds, per_instance, total, upload):
    task = Task(
        id=TASK,
        account_id=AccountId("a"),
        name="n",
        profile="p",
        instance_numbers=(0, 1, 2),
        created_at=T0,
        modified_at=T0,
        state_since=T0,
        max_retries_per_instance=per_instance,
        max_retries_total=total,
        upload_results_on_cancellation=upload,
    )
    work, change = submit(ev.TaskSubmitted(at=T0, task=task))
    rows = {"task": change.task, "i": {i.id: i for i in change.instances}, "a": {}}
    for n, kind in enumerate(kinds):
        event = _event(work, T0 + dt.timedelta(seconds=20 * n), kind)
        try:
            after, change = step(work, event)
        except (ConflictError, NotFoundError):
            continue
        validate(after)
        assert after.task.results_count >= work.task.results_count
        assert (change.task is None) == (after.task is work.task)
        assert not work.over or after.over
        if DeleteTask(TASK) in change.instructions:
            assert after.over
        rows["task"] = change.task or rows["task"]
        rows["i"].update({i.id: i for i in change.instances})
        rows["a"].update({a.id: a for a in change.attempts})
        again, nothing = step(after, event) if isinstance(event, ev.AttemptReported) else (after, None)
        assert nothing is None or nothing.empty
        assert again is after
        work = after
    stored = Work.of(rows["task"], rows["i"].values(), rows["a"].values())
    assert (stored.task, dict(stored.instances), dict(stored.attempts), stored.tally) == (
        work.task,
        dict(work.instances),
        dict(work.attempts),
        work.tally,
    )
