"""The changes of one step while it is being made; the `Work` it starts from stays as it is."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.lifecycle.attempt import AttemptSignal
from ondol.lifecycle.events import AttemptReported, EndSeen
from ondol.lifecycle.instructions import DeleteTask, Instruction
from ondol.lifecycle.task import moved, over, stage_of, state_from
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, Instance, InstanceState, Task, TaskError
from ondol.model.ids import InstanceId

MOST_ERRORS = 50  # entries kept on a task; a task of 1,000 failing instances need not say it 1,000 times
_SIGNAL_BASE, _SIGNALS = 128, 65  # a shell's exit code for a program that signal n ended is 128 + n; n is below 65
_ENDS = {
    EndSeen.TIME_LIMIT: "was ended by its time limit",
    EndSeen.MEMORY_LIMIT: "was ended by its memory limit",
    EndSeen.OUTPUT_LIMIT: "was ended by its output limit",
    EndSeen.LAUNCH_FAILED: "could not be started",
    EndSeen.LOST: "was lost",
}


class Draft:
    """Collects changed rows and instructions; `finish` gives the new Work and the Change."""

    def __init__(self, work: Work, at: dt.datetime) -> None:
        self.work = work
        self.at = at
        self.task: Task = work.task
        self._instances: dict[InstanceId, Instance] = {}
        self._attempts: dict[InstanceId, Attempt] = {}
        self._instructions: list[Instruction] = []
        self._tally = list(work.tally)

    def instance(self, key: InstanceId) -> Instance:
        """Give an instance as it stands in this step."""
        return self._instances.get(key) or self.work.instances[key]

    def latest(self, key: InstanceId) -> Attempt | None:
        """Give the latest attempt of an instance as it stands in this step."""
        return self._attempts.get(key) or self.work.latest(key)

    @property
    def over(self) -> bool:
        """Whether no instance will do anything more."""
        return over(tuple(self._tally))

    def put(self, instance: Instance, attempt: Attempt | None) -> None:
        """Set an instance and, unless None, its latest attempt."""
        key = instance.id
        self._tally[stage_of(self.instance(key), self.latest(key))] -= 1
        if instance != self.work.instances[key]:
            self._instances[key] = instance
        if attempt is not None:
            self._attempts[key] = attempt
        self._tally[stage_of(instance, self.latest(key))] += 1

    def tell(self, instruction: Instruction) -> None:
        """Add an instruction."""
        self._instructions.append(instruction)

    def retries_used(self) -> int:
        """Count the retries that this task has used: failures that did not end their instance."""
        instances = [self.instance(key) for key in self.work.instances]
        return sum(i.failures for i in instances) - sum(i.state is InstanceState.FAILED for i in instances)

    def complain(self, instance: Instance, attempt: Attempt, why: object) -> None:
        """Add a task error for an instance that was given up."""
        code, says = _words(attempt, why)
        after = f" after {instance.attempts} attempts" if instance.attempts > 1 else ""
        detail = f": {attempt.message}" if attempt.message else "."
        self.tell_user(
            TaskError(code=code, message=f"Instance {instance.number} {says}{after}{detail}", debug=attempt.id)
        )

    def tell_user(self, error: TaskError) -> None:
        """Add an error to the task, unless it has enough of them."""
        if len(self.task.errors) < MOST_ERRORS:
            self.task = dataclasses.replace(self.task, errors=(*self.task.errors, error), modified_at=self.at)

    def finish(self) -> tuple[Work, Change]:
        """Give the new Work and what changed; the task's state follows from its instances."""
        work, tally = self.work, tuple(self._tally)
        state = state_from(tally, cancel_wanted=self.task.cancel_wanted, delete_wanted=self.task.delete_wanted)
        task = moved(self.task, state, self.at)
        if over(tally) and not over(work.tally):
            task = dataclasses.replace(task, ended_at=self.at)
            if task.delete_wanted and DeleteTask(task.id) not in self._instructions:
                self.tell(DeleteTask(task.id))
        if not self._instances and not self._attempts and task is work.task:
            return work, Change(instructions=tuple(self._instructions))
        tries = work.attempts
        if self._attempts:
            tries = {**tries}
            for key, attempt in self._attempts.items():
                old = work.attempts.get(key, ())
                tries[key] = (*old[: attempt.number - 1], attempt)
        instances = {**work.instances, **self._instances} if self._instances else work.instances
        change = Change(
            task=None if task is work.task else task,
            instances=tuple(self._instances.values()),
            attempts=tuple(self._attempts.values()),
            instructions=tuple(self._instructions),
        )
        return Work(task=task, instances=instances, attempts=tries, tally=tally), change


def _words(attempt: Attempt, why: object) -> tuple[str, str]:
    """Give the code and the verb phrase for what ended an attempt badly."""
    if isinstance(why, AttemptReported) and why.cause is not None:
        return why.cause.name, _ENDS.get(why.cause, f"was ended by {why.cause.value.replace('_', ' ')}")
    if why is AttemptSignal.INPUTS_FAILED:
        return "INPUTS_FAILED", "could not be given its inputs"
    if why is AttemptSignal.NOT_STORED:
        return "UPLOAD_FAILED", "could not store its results"
    if why is AttemptSignal.VANISHED:
        return "LOST", "was lost by the platform too often"
    if attempt.exit_code is None:
        return "EXITED", "exited with an unknown code"
    # By the convention of shells; most that see 137 do not think of memory, or of a kill.
    signal = attempt.exit_code - _SIGNAL_BASE
    return "EXITED", f"exited with code {attempt.exit_code}" + (f" (signal {signal})" if 0 < signal < _SIGNALS else "")
