"""The simulated engine: exact moments however far the clock leaps."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.engine.ports import EndCause, LaunchOrder, RunState
from ondol.engine.sim.attempt import Script
from ondol.engine.sim.engine import SimEngine
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import AttemptId, NodeId


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def order(name: str = "a", **fields: object) -> LaunchOrder:
    return LaunchOrder(attempt_id=AttemptId(name), node_id=NodeId("n"), argv=("x",), job_dir=Path(), **fields)


def test_an_attempt_ends_at_its_exact_moment_when_the_clock_leaps_past_it() -> None:
    clock = Clock()
    engine = SimEngine(clock, lambda _: 10.0)
    engine.launch(order(host_cores=4.0))
    clock.now_s = 1000.0
    (report,) = engine.poll()
    assert (report.state, report.ended_at_s, report.cpu_s) == (RunState.ENDED, 2.5, 10.0)


def test_share_changes_and_pauses_add_up() -> None:
    clock = Clock()
    engine = SimEngine(clock, lambda _: 100.0)
    engine.launch(order(host_cores=1.0))
    clock.now_s = 10.0
    engine.limit_cpu(AttemptId("a"), 0.5)
    clock.now_s = 20.0
    engine.pause(AttemptId("a"))
    clock.now_s = 30.0
    assert engine.poll()[0].cpu_s == 15.0
    engine.resume(AttemptId("a"))
    clock.now_s = 1e6
    assert engine.poll()[0].ended_at_s == 30.0 + 85.0 / 0.5


def test_the_time_limit_counts_wall_seconds_and_then_gives_grace() -> None:
    clock = Clock()
    engine = SimEngine(clock, lambda _: math.inf, lambda _: Script(term_delay_s=2.0))
    engine.launch(order(time_limit_s=60.0))
    clock.now_s = 5.0
    engine.pause(AttemptId("a"))
    clock.now_s = 1e4
    (report,) = engine.poll()
    assert (report.cause, report.ended_at_s) == (EndCause.TIME_LIMIT, 62.0)


def test_work_that_is_done_within_the_grace_counts_as_stopped_with_its_code() -> None:
    clock = Clock()
    engine = SimEngine(clock, lambda _: 5.0, lambda _: Script(term_delay_s=math.inf, exit_code=0))
    engine.launch(order())
    clock.now_s = 3.0
    engine.stop(AttemptId("a"), 10.0)
    clock.now_s = 100.0
    (report,) = engine.poll()
    assert (report.cause, report.exit_code, report.ended_at_s) == (EndCause.STOPPED, 0, 5.0)


def test_memory_over_the_limit_ends_at_once() -> None:
    engine = SimEngine(Clock(), lambda _: 5.0, lambda _: Script(memory_bytes=200))
    engine.launch(order(memory_limit_bytes=100))
    assert engine.poll()[0].cause is EndCause.MEMORY_LIMIT


def test_a_falling_clock_is_refused() -> None:
    clock = Clock()
    clock.now_s = 10.0
    engine = SimEngine(clock, lambda _: 5.0)
    engine.launch(order())
    clock.now_s = 9.0
    with pytest.raises(InvalidFieldError, match="clock"):
        engine.poll()


@given(
    st.lists(
        st.tuples(st.floats(0.0, 50.0), st.sampled_from(["pause", "resume", "poll", "share"]), st.floats(0.001, 8.0)),
        max_size=20,
    )
)
def test_cpu_never_falls_nor_outruns_its_share_and_polling_changes_nothing(
    steps: list[tuple[float, str, float]],
) -> None:
    """Two engines see the same verbs, one of them polled after each: they end alike."""
    clock = Clock()
    polled, silent = SimEngine(clock, lambda _: 40.0), SimEngine(clock, lambda _: 40.0)
    for engine in (polled, silent):
        engine.launch(order())
    last, share = 0.0, 1.0
    for leap, verb, cores in steps:
        clock.now_s += leap
        cpu_s = polled.poll()[0].cpu_s
        assert last <= cpu_s <= min(40.0, last + leap * share) + 1e-9
        last = cpu_s
        for engine in (polled, silent):
            if verb == "pause":
                engine.pause(AttemptId("a"))
            elif verb == "resume":
                engine.resume(AttemptId("a"))
            elif verb == "share":
                engine.limit_cpu(AttemptId("a"), cores)
                share = cores
    a, b = polled.poll()[0], silent.poll()[0]
    assert a.state == b.state
    assert a.cpu_s == pytest.approx(b.cpu_s)
