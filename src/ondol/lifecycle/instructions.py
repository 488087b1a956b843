"""What the shell is to do after a step; every instruction may be carried out twice without harm."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.ids import AttemptId, TaskId


@dataclass(frozen=True, slots=True)
class StageInputs:
    """Make the job's folder and fetch its inputs; answer with InputsReady or InputsFailed."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class Launch:
    """Hand the attempt to the engine."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class PauseAttempt:
    """Ask the engine to freeze it; the engine's report makes it PAUSED."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class ResumeAttempt:
    """Ask the engine to thaw it; the engine's report makes it RUNNING."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class StopAttempt:
    """Ask the engine to end it."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class UploadResults:
    """Upload what the job made; answer with ResultsUploaded or UploadFailed."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class ReleaseAttempt:
    """Nothing more will happen to it: keep its output, then let the engine and the disk forget it."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Remove the task from storage."""

    task_id: TaskId


Instruction = (
    StageInputs | Launch | PauseAttempt | ResumeAttempt | StopAttempt | UploadResults | ReleaseAttempt | DeleteTask
)
