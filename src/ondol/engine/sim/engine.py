"""An engine on a leaping clock, for the twin and for tests: the port of `ports.Engine` without a process."""

from __future__ import annotations

from collections.abc import Callable

from ondol.engine.ports import AttemptReport, Capabilities, EndCause, LaunchOrder, RunState, check_ended
from ondol.engine.sim.attempt import Script, SimAttempt
from ondol.model.checks import check_choice, check_range
from ondol.model.errors import NotFoundError
from ondol.model.ids import AttemptId


class SimEngine:
    """Attempts that use exactly their share of cores until their work is done, and end as scripted.

    Deterministic: nothing happens between calls; each call first brings every attempt to `clock()` with the exact
    moment of its end, however far the clock leapt.

    Parameters
    ----------
    clock : seconds, never falling
    work_s : CPU seconds that an order needs, > 0, may be `math.inf`
    script : how an order behaves (exit code, output, answer to SIGTERM); the default is a job that just succeeds
    """

    def __init__(
        self,
        clock: Callable[[], float],
        work_s: Callable[[LaunchOrder], float],
        script: Callable[[LaunchOrder], Script] = lambda _order: Script(),
    ) -> None:
        self._clock = clock
        self._work_s = work_s
        self._script = script
        self._attempts: dict[AttemptId, SimAttempt] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities(engine="sim", sandbox="none", cpu_limit="exact", memory_limit="exact")

    def launch(self, order: LaunchOrder) -> None:
        """Start an attempt; does nothing where that id is already known."""
        if order.attempt_id in self._attempts:
            return
        check_range("host_cores", order.host_cores, 0.001, 4096.0, "cores")
        self._attempts[order.attempt_id] = SimAttempt(order, self._work_s(order), self._script(order), self._clock())

    def pause(self, attempt_id: AttemptId) -> None:
        """Hold the attempt; its CPU seconds stand still."""
        attempt = self._now(attempt_id)
        if attempt.state is RunState.RUNNING:
            attempt.state = RunState.PAUSED

    def resume(self, attempt_id: AttemptId) -> None:
        """Let a held attempt go on."""
        attempt = self._now(attempt_id)
        if attempt.state is RunState.PAUSED:
            attempt.state = RunState.RUNNING

    def stop(self, attempt_id: AttemptId, grace_s: float) -> None:
        """Ask it to end; it takes as long as its script says, at most `grace_s`."""
        check_range("grace_s", grace_s, 0.0, 86_400.0, "s")
        self._now(attempt_id).ask_to_end(EndCause.STOPPED, "", grace_s)

    def limit_cpu(self, attempt_id: AttemptId, host_cores: float) -> None:
        """Change its share of cores."""
        check_range("host_cores", host_cores, 0.001, 4096.0, "cores")
        self._now(attempt_id).host_cores = host_cores

    def poll(self) -> tuple[AttemptReport, ...]:
        """Report every attempt that was launched and not released, by id."""
        return tuple(self._now(attempt_id).report() for attempt_id in sorted(self._attempts))

    def output(self, attempt_id: AttemptId, stream: str, offset: int = 0) -> bytes:
        """Bytes of the scripted output that the attempt has printed: all of it once it has ended by itself."""
        check_choice("stream", stream, ("stdout", "stderr"))
        return self._now(attempt_id).printed(stream)[offset:]

    def release(self, attempt_id: AttemptId) -> None:
        """Forget an ended attempt; raises ConflictError while it runs."""
        if attempt_id not in self._attempts:
            return
        check_ended(attempt_id, self._now(attempt_id).state)
        del self._attempts[attempt_id]

    def keep_alive(self) -> None:
        """Nothing here can outlive its platform."""

    def close(self) -> None:
        """Forget every attempt."""
        self._attempts.clear()

    def _now(self, attempt_id: AttemptId) -> SimAttempt:
        attempt = self._attempts.get(attempt_id)
        if attempt is None:
            raise NotFoundError("attempt", attempt_id)
        attempt.advance(self._clock())
        return attempt
