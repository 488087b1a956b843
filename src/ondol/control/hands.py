"""Carries out instructions: quick things at once, transfers in threads; outcomes come back as events."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ondol.control.caps import LEAST_CORES
from ondol.control.command import has_command
from ondol.control.task_images import TaskImages
from ondol.control.transfers import Transfers
from ondol.engine.ports import Engine, LaunchOrder
from ondol.lifecycle.events import (
    AboutAttempt,
    AttemptReported,
    EndSeen,
    InputsFailed,
    InputsReady,
    ResultsUploaded,
    RunSeen,
    UploadFailed,
)
from ondol.lifecycle.instructions import (
    DeleteTask,
    Instruction,
    Launch,
    PauseAttempt,
    ReleaseAttempt,
    ResumeAttempt,
    StageInputs,
    StopAttempt,
    UploadResults,
)
from ondol.lifecycle.work import Work
from ondol.model.compute import Attempt, Task
from ondol.model.errors import OndolError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, TaskId, instance_number

_log = logging.getLogger(__name__)
GRACE_S = 5.0

Find = Callable[[AttemptId], tuple[Work, Attempt] | None]


class Stages(Protocol):
    """Files in and out; `control.staging.Stager` is the one with files."""

    def job_dir(self, attempt: Attempt) -> Path: ...

    def checkpoint_dir(self, attempt: Attempt) -> Path: ...

    def bring_in(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool]) -> None: ...

    def bring_out(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool]) -> tuple[str, ...]: ...

    def refresh(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool]) -> int: ...

    def clear(self, attempt: Attempt, *, instance_over: bool) -> None: ...


class KeepsOutput(Protocol):
    """Keeps what jobs said; `control.outputs.Outputs` is the one with files."""

    def keep(self, attempt: Attempt) -> None: ...

    def forget(self, task_id: TaskId) -> None: ...


class _NotNowError(Exception):
    """The platform itself cannot do it at the moment: the job is not to blame."""


class Hands:
    """Does what instructions say; doing one twice harms nothing.

    Parameters
    ----------
    find : gives an attempt by its id, with the work it belongs to
    now : platform time
    wake : called when an outcome waits to be collected
    inside : gives job and checkpoint folder as the job sees them
    secrets : variables that a task's jobs are given beside its constants, and that are never shown
    transfers : runs what moves files, None for threads of its own; who made it closes it
    inherit : gives a task with what it takes over from its pool, and how many instances share its slot
    images : gets images of containers ready; None where there are none
    """

    def __init__(
        self,
        fleet: Fleet,
        engine: Engine,
        stager: Stages,
        outputs: KeepsOutput,
        *,
        find: Find,
        now: Callable[[], dt.datetime],
        wake: Callable[[], None],
        inside: Callable[[LaunchOrder], tuple[str, str]],
        transfers: Transfers | None = None,
        images: TaskImages | None = None,
        secrets: Callable[[Task], dict[str, str]] = lambda _task: {},
        inherit: Callable[[Task], tuple[Task, int]] = lambda task: (task, 1),
    ) -> None:
        self._inherit = inherit
        self._secrets = secrets
        self._nodes = {node.id: node for node in fleet.nodes}
        self._engine = engine
        self._stager = stager
        self._outputs = outputs
        self._find = find
        self._now = now
        self._wake = wake
        self._inside = inside
        self._outcomes: queue.SimpleQueue[AboutAttempt] = queue.SimpleQueue()
        self._transfers = transfers or Transfers()
        self._images = images or TaskImages()
        self._busy_lock = threading.Lock()  # images are got ready in other threads than the loop's
        self._busy: set[tuple[str, AttemptId]] = set()
        self._again: list[Instruction] = []

    def do(self, instruction: Instruction) -> None:
        """Carry out one instruction; never raises for what a job, the store or a full disk does wrong.

        What the machine cannot do now is done again with the next `collect`.
        """
        try:
            self._do(instruction)
        except (OSError, _NotNowError) as error:
            _log.error("%s cannot be done now, trying again: %s", type(instruction).__name__, error)
            self._again.append(instruction)
        except Exception as error:  # noqa: BLE001  # one bad task must not keep the others from being served
            _log.exception("%s failed", type(instruction).__name__)
            if isinstance(instruction, Launch):
                self._outcomes.put(_not_launched(instruction.attempt_id, self._now(), error))

    def _do(self, instruction: Instruction) -> None:
        if isinstance(instruction, DeleteTask):
            self._outputs.forget(instruction.task_id)
            return
        found = self._find(instruction.attempt_id)
        if found is None:
            return
        work, attempt = found
        if isinstance(instruction, Launch) and attempt.state.final:
            return  # it could not be launched at once, and was cancelled meanwhile
        task, _ = self._inherit(work.task)
        match instruction:
            case StageInputs():
                self._stage(task, attempt)
            case Launch():
                self._launch(task, attempt)
            case PauseAttempt():
                self._engine.pause(attempt.id)
            case ResumeAttempt():
                self._engine.resume(attempt.id)
            case StopAttempt():
                self._engine.stop(attempt.id, GRACE_S)
            case UploadResults():
                self._transfer("out", task, attempt, self._bring_out)
            case ReleaseAttempt():
                self.let_go(attempt, instance_over=work.instances[attempt.instance_id].state.final)

    def let_go(self, attempt: Attempt, *, instance_over: bool) -> None:
        """Keep what an attempt that is over said, then free all that it held; the loop asks again where it failed."""
        try:
            self._outputs.keep(attempt)
        except OSError as error:
            _log.error("the output of %s cannot be kept now, trying again: %s", attempt.id, error)
            return
        self._engine.release(attempt.id)
        self._images.release(attempt.id)
        self._stager.clear(attempt, instance_over=instance_over)

    def collect(self) -> list[AboutAttempt]:
        """Do again what could not be done; give the outcomes of transfers since the last call."""
        again, self._again = self._again, []
        for instruction in again:
            self.do(instruction)
        outcomes = []
        while not self._outcomes.empty():
            outcomes.append(self._outcomes.get())
        # Only now may a transfer be asked for again: its outcome is heard before the next reminder is.
        with self._busy_lock:
            self._busy -= {(way, outcome.attempt_id) for outcome in outcomes for way in ("in", "out")}
        return outcomes

    def refresh(self, task: Task, attempt: Attempt, done: Callable[[], None] = lambda: None) -> None:
        """Fetch new and changed inputs into the folder of an attempt whose job is at work, when its turn comes.

        Parameters
        ----------
        done : called when that is over, however it ended
        """

        def wanted() -> bool:
            found = self._find(attempt.id)
            return found is not None and not found[1].state.final and not self._transfers.closing

        def run() -> None:
            try:
                if wanted():
                    self._transfers.persist(lambda: self._stager.refresh(task, attempt, wanted=wanted))
            except (OndolError, OSError) as error:
                _log.warning("the inputs of %s could not be refreshed: %s", attempt.id, error)
            finally:
                done()

        self._transfers.submit(task.account_id, run)

    def close(self) -> None:
        """Let running transfers end after the file that they are at, start no others."""
        self._transfers.close()

    def _launch(self, task: Task, attempt: Attempt) -> None:
        node, (_, sharers) = self._nodes[attempt.node_id], self._inherit(task)
        blank = LaunchOrder(
            attempt_id=attempt.id,
            node_id=attempt.node_id,
            argv=("true",),
            job_dir=self._stager.job_dir(attempt),
            checkpoint_dir=self._stager.checkpoint_dir(attempt),
            host_cores=max(LEAST_CORES, node.host_cores / node.slots / sharers * task.speed_cap),
            memory_limit_bytes=node.memory_bytes // node.slots // sharers,
            time_limit_s=task.time_limit_s,
            hold=bool(task.holds_pool),
        )
        if blank.hold and not has_command(task):
            self._engine.launch(dataclasses.replace(blank, argv=()))
            return
        order = self._images.completed(blank, task, instance_number(attempt.instance_id), self._inside)
        try:
            secrets = self._secrets(task)
        except UnavailableError as error:
            raise _NotNowError(str(error)) from error
        self._engine.launch(dataclasses.replace(order, environment=order.environment | secrets))

    def _stage(self, task: Task, attempt: Attempt) -> None:
        """Get the image ready, then fetch the inputs: no transfer's thread waits for a registry."""
        with self._busy_lock:
            if ("in", attempt.id) in self._busy:
                return

        def fetch(why: str) -> None:
            work = functools.partial(self._no_image, why=why) if why else self._bring_in
            self._transfer("in", task, attempt, work)

        self._images.prepare(task, attempt.id, fetch)

    def _no_image(self, _task: Task, attempt: Attempt, *, why: str) -> AboutAttempt:
        return InputsFailed(at=self._now(), attempt_id=attempt.id, message=why)

    def _transfer(self, way: str, task: Task, attempt: Attempt, work: Callable[[Task, Attempt], AboutAttempt]) -> None:
        """Do a transfer in a thread; it is not begun again before its outcome was collected."""
        with self._busy_lock:
            if (way, attempt.id) in self._busy:
                return
            self._busy.add((way, attempt.id))

        def run() -> None:
            told = False
            try:
                if self._wanted(way, attempt):
                    outcome = work(task, attempt)
                    # What was cut short has no outcome: the next life does it again, or the attempt is over.
                    if self._wanted(way, attempt):
                        self._outcomes.put(outcome)
                        told = True
                if way == "in":
                    self._clear_where_over(attempt)
            finally:
                if not told:
                    with self._busy_lock:
                        self._busy.discard((way, attempt.id))
                self._wake()

        self._transfers.submit(task.account_id, run)

    def _wanted(self, way: str, attempt: Attempt) -> bool:
        """Whether a transfer is still to be done: it may have queued for long, and the attempt have been cancelled."""
        found = self._find(attempt.id)
        if found is None or found[1].state.final or self._transfers.closing:
            return False
        return way == "out" or found[1].started_at is None

    def _clear_where_over(self, attempt: Attempt) -> None:
        """Remove what was fetched for an attempt that was let go of meanwhile: nobody else comes by again."""
        found = self._find(attempt.id)
        if found is None:
            self._images.release(attempt.id)
            self._stager.clear(attempt, instance_over=True)
        elif found[1].state.final:
            work, _ = found
            self._images.release(attempt.id)
            self._stager.clear(attempt, instance_over=work.instances[attempt.instance_id].state.final)

    def _bring_in(self, task: Task, attempt: Attempt) -> AboutAttempt:
        try:
            wanted = functools.partial(self._wanted, "in", attempt)
            self._transfers.persist(lambda: self._stager.bring_in(task, attempt, wanted=wanted))
        except Exception as error:  # noqa: BLE001  # an outcome nobody tells would hold the slot for ever
            _log_unforeseen(error)
            return InputsFailed(at=self._now(), attempt_id=attempt.id, message=f"Inputs could not be fetched: {error}")
        return InputsReady(at=self._now(), attempt_id=attempt.id)

    def _bring_out(self, task: Task, attempt: Attempt) -> AboutAttempt:
        keys: list[tuple[str, ...]] = []
        try:
            wanted = functools.partial(self._wanted, "out", attempt)
            self._transfers.persist(lambda: keys.append(self._stager.bring_out(task, attempt, wanted=wanted)))
        except Exception as error:  # noqa: BLE001  # as above
            _log_unforeseen(error)
            return UploadFailed(
                at=self._now(), attempt_id=attempt.id, message=f"Results could not be uploaded: {error}"
            )
        return ResultsUploaded(at=self._now(), attempt_id=attempt.id, keys=keys[-1])


def _log_unforeseen(error: Exception) -> None:
    if not isinstance(error, (OndolError, OSError)):
        _log.error("a transfer met what nobody foresaw", exc_info=error)


def _not_launched(attempt_id: AttemptId, now: dt.datetime, error: Exception) -> AttemptReported:
    return AttemptReported(
        at=now,
        attempt_id=attempt_id,
        state=RunSeen.ENDED,
        cause=EndSeen.LAUNCH_FAILED,
        message=f"It could not be launched: {error}",
    )
