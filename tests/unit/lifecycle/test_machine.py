"""Stories of tasks: events in, rows and instructions out."""

from __future__ import annotations

import pytest

from ondol.engine.ports import EndCause, RunState
from ondol.lifecycle import events as ev
from ondol.lifecycle.instructions import (
    DeleteTask,
    Launch,
    PauseAttempt,
    ReleaseAttempt,
    ResumeAttempt,
    StageInputs,
    StopAttempt,
    UploadResults,
)
from ondol.lifecycle.machine import pending
from ondol.lifecycle.work import Work
from ondol.model.compute import AttemptState, InstanceState, TaskState
from ondol.model.errors import ConflictError, NotFoundError


def test_words_are_those_of_the_engine():
    assert [s.value for s in ev.RunSeen] == [s.value for s in RunState]
    assert [c.value for c in ev.EndSeen] == [c.value for c in EndCause]


def test_one_instance_from_submission_to_success(play):
    p = play()
    assert p.start().instructions == (StageInputs(p.aid()),)
    assert p.task.state is TaskState.FULLY_DISPATCHED
    assert p.ready().instructions == (Launch(p.aid()),)
    p.seen(state="starting")
    assert p.latest().state is AttemptState.STAGING
    p.seen(cpu_s=2.0)
    assert p.task.state is TaskState.FULLY_EXECUTING
    p.seen(cpu_s=1.0)
    assert p.latest().cpu_s == 2.0
    assert p.ended(cpu_s=5.0).instructions == (UploadResults(p.aid()),)
    assert p.task.state is TaskState.UPLOADING_RESULTS
    change = p.uploaded(0, "out/1.png")
    assert change.instructions == (ReleaseAttempt(p.aid()),)
    assert change.task is p.task
    assert change.instances == (p.instance(),)
    assert change.attempts == (p.latest(),)
    assert p.task.state is TaskState.SUCCESS
    assert p.task.previous_state is TaskState.UPLOADING_RESULTS
    assert p.task.ended_at == p.task.state_since == p.at
    assert p.task.results_count == 1
    assert p.latest().results == ("out/1.png",)
    assert p.latest().cpu_s == 5.0


def test_only_changed_rows_are_given(play):
    p = play(1000)
    p.run(3)
    change = p.ended(3)
    assert [i.number for i in change.instances] == []
    assert [a.instance_id for a in change.attempts] == [p.iid(3)]


def test_states_follow_the_order_of_the_api(play):
    p = play(2)
    states = [p.task.state]

    def note():
        if p.task.state is not states[-1]:
            states.append(p.task.state)

    for number in (0, 1):
        p.start(number)
        note()
    for number in (0, 1):
        p.ready(number)
        p.seen(number)
        note()
    for number in (0, 1):
        p.ended(number)
        note()
    p.uploaded(0)
    note()
    p.uploaded(1)
    note()
    assert [s.value for s in states] == [
        "Submitted",
        "PartiallyDispatched",
        "FullyDispatched",
        "PartiallyExecuting",
        "FullyExecuting",
        "UploadingResults",
        "Success",
    ]


def test_waiting_for_a_slot_after_others_are_done_is_still_executing(play):
    p = play(2)
    p.run(0)
    p.ended(0)
    p.uploaded(0)
    assert p.task.state is TaskState.PARTIALLY_EXECUTING


def test_repeated_and_late_events_change_nothing(play):
    p = play()
    p.run()
    p.ended()
    assert p.ended().empty
    assert p.seen().empty
    p.uploaded()
    count = p.task.results_count
    assert p.uploaded().empty
    assert p.ended(cause="lost", code=None).empty
    assert p.ready().empty
    assert p.task.results_count == count


def test_a_non_zero_exit_is_uploaded_then_fails(play):
    p = play()
    p.run()
    assert p.ended(code=3).instructions == (UploadResults(p.aid()),)
    p.uploaded()
    assert p.task.state is TaskState.FAILURE
    assert [(e.code, e.message) for e in p.task.errors] == [("EXITED", "Instance 0 exited with code 3.")]


@pytest.mark.parametrize(("code", "words"), [(127, "127."), (137, "137 (signal 9)."), (255, "255.")])
def test_an_exit_code_that_stands_for_a_signal_says_so(play, code, words):
    p = play()
    p.run()
    p.ended(code=code)
    p.uploaded()
    assert p.task.errors[0].message == f"Instance 0 exited with code {words}"


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("time_limit", "was ended by its time limit: "),
        ("memory_limit", "was ended by its memory limit: "),
        ("output_limit", "was ended by its output limit: "),
        ("launch_failed", "could not be started: "),
    ],
)
def test_a_broken_limit_fails_without_upload(play, cause, words):
    p = play()
    p.run()
    change = p.ended(code=None, cause=cause, message="over 2 s")
    assert change.instructions == (ReleaseAttempt(p.aid()),)
    assert p.task.state is TaskState.FAILURE
    assert p.task.errors[0].code == cause.upper()
    assert p.task.errors[0].message == f"Instance 0 {words}over 2 s"


def test_inputs_that_cannot_be_had_fail_the_instance(play):
    p = play()
    p.start()
    p.feed(ev.InputsFailed(at=p.tick(), attempt_id=p.aid(), message="No such bucket: in"))
    assert p.task.state is TaskState.FAILURE
    assert "No such bucket: in" in p.task.errors[0].message


def test_results_that_cannot_be_stored_fail_the_instance(play):
    p = play()
    p.run()
    p.ended()
    p.feed(ev.UploadFailed(at=p.tick(), attempt_id=p.aid(), message="bucket is gone"))
    assert p.task.errors[0].code == "UPLOAD_FAILED"


@pytest.mark.parametrize(
    ("settings", "tries"),
    [
        ({}, 1),
        ({"max_retries_per_instance": 2}, 3),
        ({"max_retries_total": 1}, 2),
        ({"max_retries_total": 5, "max_retries_per_instance": 1}, 2),
    ],
)
def test_retries(play, settings, tries):
    p = play(**settings)
    for _ in range(tries):
        assert p.instance().state is InstanceState.QUEUED
        p.run()
        p.ended(code=1)
        p.uploaded()
    assert p.instance().state is InstanceState.FAILED
    assert p.instance().failures == p.instance().attempts == tries


def test_total_retries_are_shared_by_the_instances(play):
    p = play(3, max_retries_total=1)
    for number in (0, 1, 2):
        p.run(number)
        p.ended(number, code=1)
        p.uploaded(number)
    assert [p.instance(n).state.value for n in (0, 1, 2)] == ["queued", "failed", "failed"]


def test_a_stop_goes_back_to_the_queue_and_is_no_failure(play):
    p = play()
    p.run()
    assert p.stop().instructions == (StopAttempt(p.aid()),)
    assert p.stop().empty
    assert p.ended(code=None, cause="stopped").instructions == (ReleaseAttempt(p.aid()),)
    assert p.instance().state is InstanceState.QUEUED
    assert p.instance().failures == 0
    p.run()
    assert p.latest().number == 2


def test_a_job_that_answers_the_stop_signal_with_its_own_code_is_stopped(play):
    p = play()
    p.run()
    p.stop()
    p.ended(code=143)
    assert p.instance().state is InstanceState.QUEUED
    assert p.latest().state is AttemptState.STOPPED


def test_a_job_that_finished_before_the_stop_reached_it_has_succeeded(play):
    p = play()
    p.run()
    p.stop()
    p.ended(code=0)
    p.uploaded()
    assert p.task.state is TaskState.SUCCESS


def test_a_stop_before_launch_needs_no_engine(play):
    p = play()
    p.start()
    assert p.stop().instructions == (ReleaseAttempt(p.aid()),)
    assert p.instance().state is InstanceState.QUEUED
    assert p.feed(ev.InputsReady(at=p.tick(), attempt_id=p.aid())).empty


def test_a_stop_between_launch_and_first_report_waits_for_the_engine(play):
    p = play()
    p.start()
    p.ready()
    assert p.stop().instructions == (StopAttempt(p.aid()),)
    assert p.instance().state is InstanceState.ACTIVE
    p.ended(code=None, cause="lost")
    assert p.latest().state is AttemptState.STOPPED


def test_lost_attempts_are_tried_again_five_times(play):
    p = play()
    for _ in range(5):
        p.run()
        p.ended(code=None, cause="lost")
        assert p.instance().state is InstanceState.QUEUED
        assert p.instance().failures == 0
    p.run()
    p.ended(code=None, cause="lost")
    assert p.task.state is TaskState.FAILURE
    assert "lost by the platform" in p.task.errors[0].message


def test_pause_is_what_the_engine_says(play):
    p = play()
    p.run()
    assert p.pause().instructions == (PauseAttempt(p.aid()),)
    assert p.latest().state is AttemptState.RUNNING
    p.seen(state="paused")
    assert p.task.state is TaskState.FULLY_EXECUTING
    assert p.pause().empty
    assert p.feed(ev.ResumeDecided(at=p.tick(10), instance_id=p.iid(), reason="cold")).instructions == (
        ResumeAttempt(p.aid()),
    )
    p.seen()
    assert p.latest().paused_s == 12.0
    assert p.latest().state is AttemptState.RUNNING


def test_cancel_ends_queued_at_once_and_waits_for_the_rest(play):
    p = play(3)
    p.run(0)
    p.start(1)
    change = p.cancel()
    assert p.task.state is TaskState.PENDING_CANCEL
    assert [p.instance(n).state.value for n in range(3)] == ["active", "cancelled", "cancelled"]
    assert change.instructions == (StopAttempt(p.aid(0)), ReleaseAttempt(p.aid(1)))
    assert p.cancel().empty
    p.ended(0, code=None, cause="stopped")
    assert p.task.state is TaskState.CANCELLED
    with pytest.raises(ConflictError, match="Can't abort"):
        p.cancel()


def test_cancel_uploads_first_where_wished(play):
    p = play(upload_results_on_cancellation=True)
    p.run()
    p.cancel()
    assert p.ended(code=None, cause="stopped").instructions == (UploadResults(p.aid()),)
    p.uploaded(0, "partial.txt")
    assert p.task.state is TaskState.CANCELLED
    assert p.task.results_count == 1


def test_cancel_leaves_an_upload_to_its_end(play):
    p = play()
    p.run()
    p.ended()
    assert p.cancel().instructions == ()
    p.uploaded()
    assert p.task.state is TaskState.SUCCESS


def test_delete_of_a_running_task_cancels_then_deletes(play):
    p = play()
    p.run()
    assert p.delete().instructions == (StopAttempt(p.aid()),)
    assert p.task.state is TaskState.PENDING_DELETE
    assert p.ended(code=None, cause="stopped").instructions == (ReleaseAttempt(p.aid()), DeleteTask(p.task.id))
    assert p.delete().instructions == (DeleteTask(p.task.id),)


def test_delete_of_a_task_in_the_queue_and_of_one_that_is_over(play):
    assert DeleteTask(play().task.id) in play().delete().instructions
    p = play()
    p.run()
    p.ended()
    p.uploaded()
    assert p.delete().instructions == (DeleteTask(p.task.id),)


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ((), "stop"),
        (("start",), "pause"),
        (("start",), "start"),
        (("cancel",), "start"),
        (("run",), "uploaded"),
        (("run", "ended"), "stop"),
    ],
)
def test_what_cannot_be_is_refused(play, before, refused):
    p = play()
    for verb in before:
        getattr(p, verb)()
    was = p.work
    with pytest.raises(ConflictError):
        getattr(p, refused)()
    assert p.work is was


def test_strangers_are_refused(play):
    p = play()
    with pytest.raises(NotFoundError):
        p.feed(ev.InputsReady(at=p.tick(), attempt_id="other.000000.001"))
    with pytest.raises(NotFoundError):
        p.feed(ev.StopDecided(at=p.tick(), instance_id="other/000000", reason=""))


def test_time_reminds_of_a_stop_that_bore_no_fruit(play):
    p = play()
    p.run()
    p.stop()
    assert p.feed(ev.TimePassed(at=p.tick(10))).empty
    assert p.feed(ev.TimePassed(at=p.tick(60))).instructions == (StopAttempt(p.aid()),)


def test_after_a_restart_open_instructions_are_given_again(play):
    p = play(5)
    p.start(0)
    p.start(1)
    p.ready(1)
    p.run(2)
    p.stop(2)
    p.run(3)
    p.ended(3)
    again = Work.of(p.task, reversed(p.work.instances.values()), [p.latest(n) for n in (3, 1, 2, 0)])
    assert pending(again) == (
        StageInputs(p.aid(0)),
        Launch(p.aid(1)),
        StopAttempt(p.aid(2)),
        UploadResults(p.aid(3)),
    )
