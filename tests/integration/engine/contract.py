"""What every engine must do; a test module binds it to one engine by subclassing and giving the `bench` fixture.

The jobs are small Python programs, or for engines without processes their scripted likeness (`Bench.order`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ondol.engine.ports import AttemptReport, EndCause, Engine, LaunchOrder, RunState
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AttemptId, NodeId

NODE = NodeId("node-1")
SPIN = "while True: pass"
SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


@dataclass
class Bench:
    """One engine under test, with the means to wait for it."""

    engine: Engine
    folder: Path
    pass_time: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    launched: list[AttemptId] = field(default_factory=list)

    def order(self, name: str, code: str, **fields: object) -> LaunchOrder:
        job_dir = self.folder / f"job-{name}"
        job_dir.mkdir(exist_ok=True)
        return LaunchOrder(
            attempt_id=AttemptId(name),
            node_id=NODE,
            argv=("python", "-u", "-I", "-S", "-c", code),
            job_dir=job_dir,
            **fields,  # type: ignore[arg-type]
        )

    def launch(self, name: str, code: str, **fields: object) -> AttemptId:
        order = self.order(name, code, **fields)
        self.engine.launch(order)
        self.launched.append(order.attempt_id)
        return order.attempt_id

    def report(self, attempt_id: AttemptId) -> AttemptReport:
        return next(report for report in self.engine.poll() if report.attempt_id == attempt_id)

    def wait(self, attempt_id: AttemptId, *states: RunState, timeout_s: float = 10.0) -> AttemptReport:
        return self.until(attempt_id, lambda report: report.state in states, timeout_s)

    def until(
        self, attempt_id: AttemptId, holds: Callable[[AttemptReport], bool], timeout_s: float = 10.0
    ) -> AttemptReport:
        end = self.now() + timeout_s
        while not holds(report := self.report(attempt_id)):
            assert self.now() < end, f"did not come true in {timeout_s} s: {report}"
            self.pass_time(0.02)
        return report

    def printed(self, attempt_id: AttemptId, text: bytes, timeout_s: float = 10.0) -> None:
        """Wait until the attempt has printed `text`."""
        self.until(attempt_id, lambda _: text in self.engine.output(attempt_id, "stdout"), timeout_s)


class EngineContract:
    """Holds for every engine. The fixture `bench` is given by the binding module."""

    def test_a_job_that_succeeds_is_reported_with_code_and_output(self, bench: Bench) -> None:
        attempt = bench.launch("ok", "import sys; print('out'); print('err', file=sys.stderr)")
        report = bench.wait(attempt, RunState.ENDED)
        assert (report.cause, report.exit_code, report.message) == (EndCause.EXITED, 0, "")
        assert report.node_id == NODE
        assert report.started_at_s is not None
        assert report.ended_at_s is not None
        assert report.ended_at_s >= report.started_at_s
        assert bench.engine.output(attempt, "stdout") == b"out\n"
        assert bench.engine.output(attempt, "stderr") == b"err\n"
        assert bench.engine.output(attempt, "stdout", 2) == b"t\n"
        assert bench.engine.output(attempt, "stdout", -2) == b"t\n"
        assert bench.engine.output(attempt, "stdout", -4096) == b"out\n"

    def test_the_exit_code_of_a_failing_job_is_kept(self, bench: Bench) -> None:
        report = bench.wait(bench.launch("fails", "raise SystemExit(7)"), RunState.ENDED)
        assert (report.cause, report.exit_code) == (EndCause.EXITED, 7)

    def test_a_signal_is_reported_as_128_and_its_number(self, bench: Bench) -> None:
        report = bench.wait(bench.launch("signalled", "import os; os.kill(os.getpid(), 11)"), RunState.ENDED)
        assert (report.cause, report.exit_code) == (EndCause.EXITED, 139)

    def test_a_program_that_does_not_exist_is_a_launch_failure(self, bench: Bench) -> None:
        order = bench.order("nothing", "")
        order = LaunchOrder(attempt_id=order.attempt_id, node_id=NODE, argv=("no-such-program",), job_dir=order.job_dir)
        bench.engine.launch(order)
        report = bench.wait(order.attempt_id, RunState.ENDED)
        assert (report.cause, report.exit_code) == (EndCause.LAUNCH_FAILED, None)
        assert report.message == "Program not found: no-such-program"

    def test_launching_the_same_id_twice_starts_it_once(self, bench: Bench) -> None:
        for _ in range(2):
            attempt = bench.launch("once", "print('started')")
        bench.wait(attempt, RunState.ENDED)
        bench.launch("once", "print('started')")
        assert len(bench.engine.poll()) == 1
        assert bench.engine.output(attempt, "stdout") == b"started\n"

    def test_pause_stops_the_cpu_and_resume_goes_on(self, bench: Bench) -> None:
        attempt = bench.launch("pausing", SPIN)
        bench.until(attempt, lambda report: report.cpu_s > 0.1)
        bench.engine.pause(attempt)
        bench.engine.pause(attempt)
        held = bench.wait(attempt, RunState.PAUSED)
        bench.pass_time(0.7)
        assert bench.report(attempt).cpu_s - held.cpu_s <= 0.02  # one tick of measurement on each side
        bench.engine.resume(attempt)
        bench.until(attempt, lambda report: report.state is RunState.RUNNING and report.cpu_s > held.cpu_s + 0.1)

    def test_a_paused_job_can_be_stopped(self, bench: Bench) -> None:
        attempt = bench.launch("paused-stop", SPIN)
        bench.until(attempt, lambda report: report.cpu_s > 0.05)
        bench.engine.pause(attempt)
        bench.wait(attempt, RunState.PAUSED)
        bench.engine.stop(attempt, 5.0)
        report = bench.wait(attempt, RunState.ENDED, timeout_s=4.0)  # SIGTERM suffices: it need not wait for the kill
        assert (report.cause, report.exit_code) == (EndCause.STOPPED, None)

    def test_a_job_that_ignores_the_request_is_killed_after_the_grace(self, bench: Bench) -> None:
        attempt = bench.launch("stubborn", STUBBORN)
        self.wait_up(bench, attempt)
        begin = bench.now()
        bench.engine.stop(attempt, 0.6)
        bench.wait(attempt, RunState.STOPPING)
        report = bench.wait(attempt, RunState.ENDED)
        assert report.cause is EndCause.STOPPED
        assert report.exit_code is None
        assert 0.55 <= bench.now() - begin <= 3.0

    def test_the_time_limit_ends_a_job(self, bench: Bench) -> None:
        attempt = bench.launch("long", SLEEP, time_limit_s=0.6)
        report = bench.wait(attempt, RunState.ENDED)
        assert report.cause is EndCause.TIME_LIMIT
        assert "0.6 s" in report.message

    @pytest.mark.parametrize("cores", [0.15, 0.5])
    def test_the_cpu_share_is_held(self, bench: Bench, cores: float) -> None:
        attempt = bench.launch(f"share-{cores}", SPIN, host_cores=cores)
        bench.until(attempt, lambda report: report.cpu_s > 0.1)
        self.check_share(bench, attempt, cores)

    def test_the_cpu_share_can_be_changed(self, bench: Bench) -> None:
        attempt = bench.launch("changing", SPIN, host_cores=0.8)
        bench.until(attempt, lambda report: report.cpu_s > 0.2)
        bench.engine.limit_cpu(attempt, 0.1)
        bench.pass_time(0.5)
        self.check_share(bench, attempt, 0.1)

    def test_release_forgets_an_ended_attempt_only(self, bench: Bench) -> None:
        attempt = bench.launch("released", SLEEP)
        with pytest.raises(ConflictError, match="has not ended"):
            bench.engine.release(attempt)
        bench.engine.stop(attempt, 0.0)
        bench.wait(attempt, RunState.ENDED)
        bench.engine.release(attempt)
        bench.engine.release(attempt)
        assert bench.engine.poll() == ()

    def test_what_makes_no_sense_is_refused(self, bench: Bench) -> None:
        with pytest.raises(NotFoundError, match="No such attempt: unknown"):
            bench.engine.pause(AttemptId("unknown"))
        with pytest.raises(NotFoundError):
            bench.engine.output(AttemptId("unknown"), "stdout")
        attempt = bench.launch("sound", SLEEP)
        with pytest.raises(InvalidFieldError, match="host_cores"):
            bench.engine.limit_cpu(attempt, 0.0)
        with pytest.raises(InvalidFieldError, match="stream"):
            bench.engine.output(attempt, "stdin")

    def test_a_held_attempt_stays_without_a_process_once_its_program_succeeded(self, bench: Bench) -> None:
        attempt = bench.launch("held", "print('prepared')", hold=True)
        report = bench.until(attempt, lambda report: report.held)
        assert (report.state, report.cause, report.exit_code) == (RunState.RUNNING, None, None)
        assert bench.engine.output(attempt, "stdout") == b"prepared\n"
        bench.pass_time(0.5)
        later = bench.report(attempt)
        assert (later.state, later.held) == (RunState.RUNNING, True)
        assert later.cpu_s - report.cpu_s <= 0.02, "it costs nothing"
        bench.engine.pause(attempt)
        assert bench.wait(attempt, RunState.PAUSED).held
        bench.engine.resume(attempt)
        bench.wait(attempt, RunState.RUNNING)
        bench.engine.limit_cpu(attempt, 0.1)
        with pytest.raises(ConflictError, match="has not ended"):
            bench.engine.release(attempt)
        bench.engine.stop(attempt, 5.0)
        ended = bench.wait(attempt, RunState.ENDED, timeout_s=4.0)
        assert (ended.cause, ended.exit_code, ended.held) == (EndCause.STOPPED, None, False)
        bench.engine.release(attempt)

    def test_a_program_that_fails_is_not_held(self, bench: Bench) -> None:
        report = bench.wait(bench.launch("not-held", "raise SystemExit(7)", hold=True), RunState.ENDED)
        assert (report.cause, report.exit_code, report.held) == (EndCause.EXITED, 7, False)

    def test_where_there_is_no_program_it_is_held_at_once(self, bench: Bench) -> None:
        order = dataclasses.replace(bench.order("bare", "", hold=True), argv=())
        bench.engine.launch(order)
        report = bench.until(order.attempt_id, lambda report: report.held)
        assert report.state is RunState.RUNNING
        assert report.started_at_s is not None
        bench.engine.stop(order.attempt_id, 5.0)
        assert bench.wait(order.attempt_id, RunState.ENDED, timeout_s=4.0).cause is EndCause.STOPPED

    def test_a_program_that_is_to_be_held_can_be_stopped_before_its_end(self, bench: Bench) -> None:
        attempt = bench.launch("held-late", SLEEP, hold=True)
        bench.wait(attempt, RunState.RUNNING)
        bench.engine.stop(attempt, 5.0)
        report = bench.wait(attempt, RunState.ENDED)
        assert (report.cause, report.held) == (EndCause.STOPPED, False)

    def check_share(self, bench: Bench, attempt: AttemptId, wanted: float) -> None:
        """The mean over two seconds lies within 15 % of the share (and one 10 ms tick).

        It is a limit, so it may never be more; on a busy machine it may be less, so one window of three must reach it.
        """
        for _ in range(3):
            first, begin = bench.report(attempt), bench.now()
            bench.pass_time(2.0)
            mean = (bench.report(attempt).cpu_s - first.cpu_s) / (bench.now() - begin)
            assert mean <= wanted * 1.15 + 0.01
            if mean >= wanted * 0.85 - 0.01:
                return
        pytest.fail(f"a share of {wanted} cores was asked, {mean:.3f} were used")

    def wait_up(self, bench: Bench, attempt: AttemptId) -> None:
        """Wait until the job has set its signals."""
        bench.printed(attempt, b"up")
