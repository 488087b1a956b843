"""What can happen to a task and its parts: frozen values, each with the time it happened (aware UTC)."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.compute import Task, TaskError
from ondol.model.conditions import FinalState
from ondol.model.ids import NO_ATTEMPT, AttemptId, InstanceId, NodeId, TaskId


class RunSeen(enum.Enum):
    """What an engine saw of an attempt; the same words as `engine.ports.RunState`."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    ENDED = "ended"


class EndSeen(enum.Enum):
    """Why an attempt ended; the same words as `engine.ports.EndCause`."""

    EXITED = "exited"
    STOPPED = "stopped"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    LAUNCH_FAILED = "launch_failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSubmitted:
    """A user's task was accepted; `task` is as stored, in state SUBMITTED."""

    at: dt.datetime
    task: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDecided:
    """A queued instance is given a node, by the policy or as a slot of its compute pool.

    Parameters
    ----------
    held_by : attempt of the holder whose slot it is, "" for a slot of its own
    """

    at: dt.datetime
    instance_id: InstanceId
    node_id: NodeId
    reason: str
    held_by: AttemptId = NO_ATTEMPT


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDecided:
    """The policy wants the attempt ended and its instance back in the queue."""

    at: dt.datetime
    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseDecided:
    """The policy wants the running attempt frozen."""

    at: dt.datetime
    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeDecided:
    """The policy wants the frozen attempt to go on."""

    at: dt.datetime
    instance_id: InstanceId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputsBegun:
    """Fetching the inputs has begun (worth telling where it takes long; may be left out)."""

    at: dt.datetime
    attempt_id: AttemptId


@dataclass(frozen=True, slots=True, kw_only=True)
class InputsReady:
    """All inputs lie in the job's folder."""

    at: dt.datetime
    attempt_id: AttemptId


@dataclass(frozen=True, slots=True, kw_only=True)
class InputsFailed:
    """The inputs could not be fetched; `message` tells the user why."""

    at: dt.datetime
    attempt_id: AttemptId
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReported:
    """What an engine says of an attempt, or LOST where it should know the attempt and does not.

    Parameters
    ----------
    cause : only with `RunSeen.ENDED`
    exit_code : of the job where it ended by itself
    cpu_s : CPU seconds so far, ≥ 0; a lower figure than before is ignored
    memory_peak_bytes : at most so far
    exited_at : when the job ended, which may be long before it is heard of; None for `at`
    """

    at: dt.datetime
    attempt_id: AttemptId
    state: RunSeen
    cause: EndSeen | None = None
    exit_code: int | None = None
    cpu_s: float = 0.0
    memory_peak_bytes: int = 0
    message: str = ""
    exited_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsUploaded:
    """The results of an ended attempt are in the result bucket (no keys where there were none to upload)."""

    at: dt.datetime
    attempt_id: AttemptId
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFailed:
    """The results could not be uploaded, after whatever retries the uploader makes."""

    at: dt.datetime
    attempt_id: AttemptId
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """The user, a budget, a job's end or a pool's wants the task ended.

    Parameters
    ----------
    error : told on the task, None where the user asked for it
    """

    at: dt.datetime
    task_id: TaskId
    error: TaskError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAsked:
    """The user wants the task ended and forgotten."""

    at: dt.datetime
    task_id: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentEnded:
    """A task that this one depends on is over, or was deleted before it was (then it counts as cancelled)."""

    at: dt.datetime
    task_id: TaskId
    ended: FinalState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTimedOut:
    """No instance was placed for as long as the task may wait."""

    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """Nothing happened but time; instructions that bore no fruit are given again."""

    at: dt.datetime


Decided = StartDecided | StopDecided | PauseDecided | ResumeDecided
AboutAttempt = InputsBegun | InputsReady | InputsFailed | AttemptReported | ResultsUploaded | UploadFailed
Event = Decided | AboutAttempt | CancelAsked | DeleteAsked | ParentEnded | QueueTimedOut | TimePassed
