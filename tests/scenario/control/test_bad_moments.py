"""Given the live loop, when it is cut at a bad moment or fed something bad, then it goes on and the ledger agrees."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control.audit import audit
from ondol.control.clock import ClockSetting, PlatformClock
from ondol.demo.fleet import demo_fleet
from ondol.model.account import Account
from ondol.model.compute import AttemptState, TaskState
from ondol.model.ids import AccountId
from ondol.model.view import ServiceClass
from ondol.twin.rehearsal import Arrival, Rehearsal
from scenario.twin.morning import BEGIN, arrival

ON_DEMAND = ServiceClass.ON_DEMAND


def rehearsal_of(*work: Arrival) -> Rehearsal:
    rehearsal = Rehearsal(demo_fleet(), "follow", work, begin=BEGIN)
    rehearsal.store.add_account(
        Account(id=AccountId("a"), email="a@b.c", token_hash="h", token_sealed=b"", created_at=BEGIN)
    )
    return rehearsal


def test_a_task_that_cannot_be_launched_fails_alone() -> None:
    """Given three good tasks and one whose command is empty at launch, when all come at once, then three succeed."""
    good = [arrival(number, ON_DEMAND, 1, 1.0, after_s=30) for number in (1, 2, 4)]
    bad = arrival(3, ON_DEMAND, 1, 1.0, after_s=30)
    bad = dataclasses.replace(bad, task=dataclasses.replace(bad.task, constants={"CMD": "${TOOL}", "TOOL": " "}))
    rehearsal = rehearsal_of(*good, bad)
    rehearsal.run(3600)
    states = [rehearsal.store.task(each.task.id) for each in [*good, bad]]
    assert [task.state for task in states if task] == [TaskState.SUCCESS] * 3 + [TaskState.FAILURE]
    failed = rehearsal.store.task(bad.task.id)
    assert failed is not None
    assert "launched" in failed.errors[0].message
    assert audit(rehearsal.store).findings == ()


def test_what_ended_while_the_platform_was_down_is_metered_before_it_is_let_go() -> None:
    """Given a running attempt, when it ends between two lives, then the second life books all of its CPU seconds."""
    rehearsal = rehearsal_of(arrival(1, ON_DEMAND, 1, 5.0, after_s=30))
    rehearsal.run(600)
    rehearsal.clock.leap(7200)  # nobody ticks: the platform is down, the attempt goes on and ends
    rehearsal.loop.begin()
    rehearsal.run(120)
    (attempt,) = rehearsal.store.attempts(rehearsal.store.tasks(AccountId("a")).rows[0].id)
    assert attempt.state is AttemptState.SUCCEEDED
    booked_s = sum(row.cpu_s for row in rehearsal.store.energy() if row.attempt_id == attempt.id)
    assert booked_s == pytest.approx(attempt.cpu_s)
    assert attempt.cpu_s == pytest.approx(5.0)
    assert audit(rehearsal.store).findings == ()


def test_an_attempt_that_is_reported_again_after_its_release_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an engine that cannot let go, when it reports the ended attempt on and on, then its joules stand once."""
    rehearsal = rehearsal_of(arrival(1, ON_DEMAND, 1, 5.0, after_s=30))
    release = rehearsal.engine.release
    with monkeypatch.context() as stuck:
        stuck.setattr(rehearsal.engine, "release", lambda _attempt: None)
        rehearsal.run(3600)
        assert rehearsal.engine.poll(), "it is still reported"
    assert rehearsal.engine.release == release
    rehearsal.run(600)
    assert not rehearsal.engine.poll(), "it was let go at last"
    assert audit(rehearsal.store).findings == ()
    assert sum(row.cpu_s for row in rehearsal.store.energy()) == pytest.approx(5.0)


def test_the_clock_never_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a running clock, when the wall is set back an hour, then platform time goes on, also over a restart."""
    import time

    wall = time.time()
    setting = ClockSetting(60.0, wall, BEGIN.timestamp())
    clock = PlatformClock(setting)
    before = clock.now()
    monkeypatch.setattr(time, "time", lambda: wall - 3600.0)
    assert before <= clock.now() < before + dt.timedelta(minutes=5)
    again = PlatformClock(setting, not_before_s=before.timestamp())
    assert again.now() >= before


def test_joules_agree_to_the_last_digits_however_short_the_samples() -> None:
    """Given a fast clock and samples of a blink, when windows close on them, then nodes and heat side took the same."""
    rehearsal = Rehearsal(
        demo_fleet(),
        "follow",
        [arrival(1, ON_DEMAND, 2, 1.0, after_s=2)],
        begin=BEGIN + dt.timedelta(microseconds=123457),
        tick_s=0.37,
        sample_s=0.3,
    )
    for _ in range(60):
        rehearsal.run(0.71)  # closes a window at its end
    found = audit(rehearsal.store)
    assert found.findings == ()
    assert found.worst_residual < 1e-12
