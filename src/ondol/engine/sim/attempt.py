"""One simulated attempt: work in CPU seconds, done at the rate of its share of cores."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ondol.engine.ports import AttemptReport, EndCause, LaunchOrder, RunState
from ondol.model.errors import InvalidFieldError

_GRACE_S = 5.0  # between SIGTERM and SIGKILL at a time limit, as the local engine has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How a simulated job behaves.

    Parameters
    ----------
    exit_code : of the job when its work is done; 128 + signal where one shall have ended it
    stdout, stderr : what it has printed when its work is done
    term_delay_s : seconds from SIGTERM to its end, infinite for a job that ignores it
    launch_error : why it cannot be started, empty where it can
    memory_bytes : what it uses from start to end; over the order's limit it ends at once with MEMORY_LIMIT
    """

    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    term_delay_s: float = 0.0
    launch_error: str = ""
    memory_bytes: int = 0


class SimAttempt:
    """The state of one attempt; `advance` brings it to a moment.

    Parameters
    ----------
    order : what was asked
    work_s : CPU seconds it needs, > 0, may be infinite
    script : how it behaves
    now_s : moment of the launch [s]
    """

    def __init__(self, order: LaunchOrder, work_s: float, script: Script, now_s: float) -> None:
        if not work_s > 0.0:
            raise InvalidFieldError("work_s", work_s, "CPU seconds above 0")
        self.order = order
        self.host_cores = order.host_cores
        self.state = RunState.RUNNING
        self._script = script
        self._work_s = work_s
        self._cpu_s = 0.0
        self._now_s = self._started_at_s = now_s
        self._term_at_s = self._kill_at_s = math.inf
        self._ended_at_s: float | None = None
        self._cause: EndCause | None = None
        self._exit_code: int | None = None
        self._message = ""
        self._held = False
        if order.hold and not order.argv:
            self._held = True
        if script.launch_error:
            self._end(now_s, EndCause.LAUNCH_FAILED, None, script.launch_error)
        elif 0 < order.memory_limit_bytes < script.memory_bytes:
            self._end(now_s, EndCause.MEMORY_LIMIT, None, "It needed more memory than its limit")

    def advance(self, now_s: float) -> None:
        """Bring the attempt to `now_s`, through each moment at which something happens, in their order."""
        if now_s < self._now_s:
            raise InvalidFieldError("clock()", now_s, f"at least {self._now_s!r}: the clock may leap, but not fall")
        limit = self.order.time_limit_s
        limit_at_s = self._started_at_s + limit if limit else math.inf
        if self.state is not RunState.STOPPING and limit_at_s <= now_s:
            self._work(limit_at_s)
            self.ask_to_end(EndCause.TIME_LIMIT, f"It ran longer than {limit:g} s", _GRACE_S)
        self._work(now_s)

    def ask_to_end(self, cause: EndCause, message: str, grace_s: float) -> None:
        """SIGTERM now, SIGKILL after the grace; asked again, the earlier end holds and the first cause stays."""
        if self.state is RunState.ENDED:
            return
        if self.state is not RunState.STOPPING:
            self.state = RunState.STOPPING
            self._cause, self._message = cause, message
            self._term_at_s = self._now_s + self._script.term_delay_s
        self._kill_at_s = min(self._kill_at_s, self._now_s + grace_s)
        self._work(self._now_s)

    def printed(self, stream: str) -> bytes:
        """Output so far, cut at the order's limit."""
        if self._cause is not EndCause.EXITED and not self._held:
            return b""
        whole = self._script.stdout if stream == "stdout" else self._script.stderr
        return whole[: self.order.output_limit_bytes]

    def report(self) -> AttemptReport:
        """Give what the port reports."""
        ended = self.state is RunState.ENDED
        return AttemptReport(
            attempt_id=self.order.attempt_id,
            node_id=self.order.node_id,
            state=self.state,
            cpu_s=self._cpu_s,
            memory_bytes=0 if ended else self._script.memory_bytes,
            memory_peak_bytes=self._script.memory_bytes,
            exit_code=self._exit_code,
            cause=self._cause if ended else None,
            started_at_s=self._started_at_s,
            ended_at_s=self._ended_at_s,
            message=self._message,
            held=self._held and not ended,
        )

    def _work(self, until_s: float) -> None:
        """Work (unless paused) to a moment; ends at the first of: work done, left after SIGTERM, killed."""
        if self.state is RunState.ENDED:
            return
        rate = 0.0 if self._held or self.state is RunState.PAUSED else self.host_cores
        done_at_s = self._now_s + (self._work_s - self._cpu_s) / rate if rate else math.inf
        end_s = min(done_at_s, self._term_at_s, self._kill_at_s)
        reached_s = min(end_s, until_s)
        if reached_s == done_at_s:
            self._cpu_s = self._work_s
        else:
            self._cpu_s += rate * (reached_s - self._now_s)
        self._now_s = reached_s
        if end_s <= until_s and end_s == done_at_s < self._term_at_s and self._holds_on:
            self._held = True
        elif end_s <= until_s:
            by_itself = end_s == done_at_s
            cause = self._cause or EndCause.EXITED
            self._end(end_s, cause, self._script.exit_code if by_itself else None, self._message)
        self._now_s = until_s

    @property
    def _holds_on(self) -> bool:
        """Whether its slot is kept once its work is done."""
        return self.order.hold and self._script.exit_code == 0 and self.state is not RunState.STOPPING

    def _end(self, at_s: float, cause: EndCause, exit_code: int | None, message: str) -> None:
        self.state, self._ended_at_s, self._cause = RunState.ENDED, at_s, cause
        self._exit_code, self._message = exit_code, message
