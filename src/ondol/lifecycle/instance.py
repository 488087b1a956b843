"""The table of instances, and what the end of an attempt means for its instance."""

from __future__ import annotations

import enum

from ondol.model.compute import Attempt, AttemptState, Instance, InstanceState, Task
from ondol.model.errors import ConflictError

MOST_LOSSES = 5  # attempts that may vanish (the platform's fault) before the instance is given up


class InstanceSignal(enum.Enum):
    """What happens to an instance."""

    STARTED = "start decided"
    SUCCEEDED = "attempt succeeded"
    BACK_IN_QUEUE = "attempt stopped, lost or to be retried"
    GIVEN_UP = "no retries left, or queued too long"
    CANCELLED = "cancelled"


_I, _S = InstanceState, InstanceSignal

INSTANCE_TABLE: dict[tuple[InstanceState, InstanceSignal], InstanceState] = {
    (_I.QUEUED, _S.STARTED): _I.ACTIVE,
    (_I.QUEUED, _S.CANCELLED): _I.CANCELLED,
    (_I.QUEUED, _S.GIVEN_UP): _I.FAILED,
    (_I.ACTIVE, _S.SUCCEEDED): _I.SUCCEEDED,
    (_I.ACTIVE, _S.BACK_IN_QUEUE): _I.QUEUED,
    (_I.ACTIVE, _S.GIVEN_UP): _I.FAILED,
    (_I.ACTIVE, _S.CANCELLED): _I.CANCELLED,
}


def next_instance_state(instance: Instance, signal: InstanceSignal) -> InstanceState:
    """Look up where a signal leads.

    Raises
    ------
    ConflictError : it leads nowhere from this state
    """
    after = INSTANCE_TABLE.get((instance.state, signal))
    if after is None:
        raise ConflictError(f"Instance {instance.id} is {instance.state.value}; it cannot take '{signal.value}' now.")
    return after


def retry_allowed(task: Task, failures: int, retries_used: int) -> bool:
    """Tell whether an instance may be tried again after a failure.

    Either setting alone is enough to allow retries; each that is not 0 is a bound.

    Parameters
    ----------
    failures : of this instance, with the present one
    retries_used : of the whole task, without the one asked about
    """
    per_instance, total = task.max_retries_per_instance, task.max_retries_total
    if not per_instance and not total:
        return False
    return (not per_instance or failures <= per_instance) and (not total or retries_used < total)


def signal_at_end(
    task: Task, instance: Instance, attempts: tuple[Attempt, ...], retries_used: int
) -> tuple[InstanceSignal, bool]:
    """Tell what the end of its last attempt means for an instance, and whether it counts as a failure.

    Parameters
    ----------
    attempts : all of the instance, the ended one last
    retries_used : of the whole task so far
    """
    ended = attempts[-1]
    if ended.state is AttemptState.SUCCEEDED:
        return _S.SUCCEEDED, False
    if ended.state is AttemptState.STOPPED or (ended.state is AttemptState.LOST and task.cancel_wanted):
        return (_S.CANCELLED if task.cancel_wanted else _S.BACK_IN_QUEUE), False
    if ended.state is AttemptState.LOST:
        losses = sum(attempt.state is AttemptState.LOST for attempt in attempts)
        return (_S.GIVEN_UP, True) if losses > MOST_LOSSES else (_S.BACK_IN_QUEUE, False)
    again = not task.cancel_wanted and retry_allowed(task, instance.failures + 1, retries_used)
    return (_S.BACK_IN_QUEUE if again else _S.GIVEN_UP), True
