"""The table of attempts, and how events read as its signals.

Rules
-----
1. Only the engine's reports make an attempt RUNNING or PAUSED: measured, never assumed.
2. Late or repeated reports about the world change nothing; only decisions can be in conflict with a state.
3. `started_at` is set when Launch is given: from then on a process may exist, so a stop waits for the engine's word.
4. A job that ends by itself has its results uploaded whatever its exit code; one that broke a limit has not.
5. The engine tells EXITED (by itself) from STOPPED (we asked). A non-zero EXITED after we asked is a job that answered
   the stop signal in its own way, and counts as stopped.
"""

from __future__ import annotations

import dataclasses
import enum

from ondol.lifecycle.events import (
    AboutAttempt,
    AttemptReported,
    EndSeen,
    InputsBegun,
    InputsFailed,
    InputsReady,
    ResultsUploaded,
    RunSeen,
    UploadFailed,
)
from ondol.model.compute import Attempt, AttemptState
from ondol.model.errors import ConflictError
from ondol.model.view import Phase


class AttemptSignal(enum.Enum):
    """What an event means for an attempt."""

    INPUTS_BEGUN = "inputs begun"
    INPUTS_READY = "inputs ready"
    INPUTS_FAILED = "inputs failed"
    SEEN_STARTING = "engine: starting"
    SEEN_RUNNING = "engine: running"
    SEEN_PAUSED = "engine: paused"
    SEEN_STOPPING = "engine: stopping"
    PULLED_BACK = "stop before launch"
    STOP_ASKED = "stop asked"
    EXITED = "ended by itself"
    BROKE = "broke a limit or was not launched"
    ENDED_AS_ASKED = "ended as asked"
    ENDED_TO_UPLOAD = "cancelled, results wanted"
    VANISHED = "lost"
    STORED_SUCCESS = "results stored, exit 0"
    STORED_FAILURE = "results stored, exit not 0"
    STORED_CANCELLED = "results stored, cancelled"
    NOT_STORED = "upload failed"


_A, _S = AttemptState, AttemptSignal

ATTEMPT_TABLE: dict[tuple[AttemptState, AttemptSignal], AttemptState] = {
    (_A.PLACED, _S.INPUTS_BEGUN): _A.STAGING,
    (_A.PLACED, _S.INPUTS_READY): _A.STAGING,
    (_A.PLACED, _S.INPUTS_FAILED): _A.FAILED,
    (_A.PLACED, _S.PULLED_BACK): _A.STOPPED,
    (_A.STAGING, _S.INPUTS_BEGUN): _A.STAGING,
    (_A.STAGING, _S.INPUTS_READY): _A.STAGING,
    (_A.STAGING, _S.INPUTS_FAILED): _A.FAILED,
    (_A.STAGING, _S.PULLED_BACK): _A.STOPPED,
    (_A.STAGING, _S.STOP_ASKED): _A.STOPPING,
    **{
        (state, signal): after
        for state in (_A.STAGING, _A.RUNNING, _A.PAUSED, _A.STOPPING)
        for signal, after in (
            (_S.EXITED, _A.UPLOADING),
            (_S.BROKE, _A.FAILED),
            (_S.ENDED_AS_ASKED, _A.STOPPED),
            (_S.ENDED_TO_UPLOAD, _A.UPLOADING),
            (_S.VANISHED, _A.LOST),
        )
    },
    (_A.STAGING, _S.SEEN_STARTING): _A.STAGING,
    (_A.STAGING, _S.SEEN_RUNNING): _A.RUNNING,
    (_A.STAGING, _S.SEEN_PAUSED): _A.PAUSED,
    (_A.RUNNING, _S.SEEN_RUNNING): _A.RUNNING,
    (_A.RUNNING, _S.SEEN_PAUSED): _A.PAUSED,
    (_A.RUNNING, _S.STOP_ASKED): _A.STOPPING,
    (_A.PAUSED, _S.SEEN_PAUSED): _A.PAUSED,
    (_A.PAUSED, _S.SEEN_RUNNING): _A.RUNNING,
    (_A.PAUSED, _S.STOP_ASKED): _A.STOPPING,
    (_A.STOPPING, _S.STOP_ASKED): _A.STOPPING,
    (_A.STOPPING, _S.SEEN_STOPPING): _A.STOPPING,
    (_A.UPLOADING, _S.STORED_SUCCESS): _A.SUCCEEDED,
    (_A.UPLOADING, _S.STORED_FAILURE): _A.FAILED,
    (_A.UPLOADING, _S.STORED_CANCELLED): _A.STOPPED,
    (_A.UPLOADING, _S.NOT_STORED): _A.FAILED,
}

PHASES = {
    _A.PLACED: Phase.PLACED,
    _A.STAGING: Phase.PLACED,
    _A.RUNNING: Phase.RUNNING,
    _A.PAUSED: Phase.PAUSED,
    _A.STOPPING: Phase.LEAVING,
    _A.UPLOADING: Phase.LEAVING,
}
"""How the state of an attempt under way reads in a View."""

_HARMLESS_LATE = frozenset(AttemptSignal) - {_S.STORED_SUCCESS, _S.STORED_FAILURE, _S.STORED_CANCELLED, _S.NOT_STORED}
_OF_INPUTS = {
    InputsBegun: _S.INPUTS_BEGUN,
    InputsReady: _S.INPUTS_READY,
    InputsFailed: _S.INPUTS_FAILED,
}
_SEEN = {
    RunSeen.STARTING: _S.SEEN_STARTING,
    RunSeen.RUNNING: _S.SEEN_RUNNING,
    RunSeen.PAUSED: _S.SEEN_PAUSED,
    RunSeen.STOPPING: _S.SEEN_STOPPING,
}


def next_attempt_state(attempt: Attempt, signal: AttemptSignal) -> AttemptState | None:
    """Look up where a signal leads; None where it comes late or again and changes nothing.

    Raises
    ------
    ConflictError : the signal cannot be true of an attempt in this state (results of a job that still runs)
    """
    after = ATTEMPT_TABLE.get((attempt.state, signal))
    if after is None and not attempt.state.final and signal not in _HARMLESS_LATE:
        raise ConflictError(
            f"Attempt {attempt.id} is {attempt.state.value}: '{signal.value}' can only follow its end. "
            "Report the end of the job first."
        )
    return after


def signal_of(attempt: Attempt, event: AboutAttempt, *, upload_on_cancel: bool) -> AttemptSignal:
    """Read an event as a signal for this attempt.

    Parameters
    ----------
    upload_on_cancel : whether the task wants the results of cancelled instances
    """
    if isinstance(event, AttemptReported):
        ended = event.state is RunSeen.ENDED
        return _end(attempt, event, upload_on_cancel=upload_on_cancel) if ended else _SEEN[event.state]
    if isinstance(event, ResultsUploaded):
        return _stored(attempt)
    if isinstance(event, UploadFailed):
        return _S.STORED_CANCELLED if cancelled_by_us(attempt) else _S.NOT_STORED
    return _OF_INPUTS[type(event)]


def cancelled_by_us(attempt: Attempt) -> bool:
    """Whether an ended attempt ended because its task was cancelled, not by itself."""
    return attempt.stop_wanted == "cancel" and attempt.exit_code is None


def _stored(attempt: Attempt) -> AttemptSignal:
    if cancelled_by_us(attempt):
        return _S.STORED_CANCELLED
    return _S.STORED_SUCCESS if attempt.exit_code == 0 else _S.STORED_FAILURE


def _end(attempt: Attempt, report: AttemptReported, *, upload_on_cancel: bool) -> AttemptSignal:
    asked = bool(attempt.stop_wanted)
    by_itself = report.cause in (EndSeen.EXITED, None) and not (asked and report.exit_code != 0)
    if by_itself:
        return _S.EXITED
    if report.cause is EndSeen.LOST and not asked:
        return _S.VANISHED
    if asked or report.cause is EndSeen.STOPPED:
        wants_results = attempt.stop_wanted == "cancel" and upload_on_cancel and report.cause is not EndSeen.LOST
        return _S.ENDED_TO_UPLOAD if wants_results else _S.ENDED_AS_ASKED
    return _S.BROKE


def with_measures(attempt: Attempt, report: AttemptReported) -> Attempt:
    """Take over what a report measured; CPU time and peak memory never fall, and a job ends once."""
    if report.state is RunSeen.ENDED and attempt.exited_at is None and attempt.started_at is not None:
        exited_at = max(attempt.started_at, min(report.exited_at or report.at, report.at))
        attempt = dataclasses.replace(attempt, exited_at=exited_at, heard_at=report.at)
    cpu_s = max(attempt.cpu_s, report.cpu_s)
    memory = max(attempt.memory_peak_bytes, report.memory_peak_bytes)
    if cpu_s == attempt.cpu_s and memory == attempt.memory_peak_bytes:
        return attempt
    return dataclasses.replace(attempt, cpu_s=cpu_s, memory_peak_bytes=memory)
