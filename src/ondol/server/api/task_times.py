"""How long attempts ran, by instance: the figures that the wire shows of a task, from one TaskDetail."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from ondol.control.ports import RunningInfo, TaskDetail
from ondol.model.compute import Attempt, Instance, InstanceState
from ondol.model.ids import InstanceId


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRun:
    """An instance with its tries.

    Parameters
    ----------
    attempts : by number
    info : what is measured of it now, None where it does not run
    exec_s : platform seconds of running over all attempts, without pauses
    wall_s : from its first placement to its end or now, 0 where it was never placed
    staging_s : fetching inputs, over all attempts
    """

    instance: Instance
    attempts: tuple[Attempt, ...]
    info: RunningInfo | None
    exec_s: float
    wall_s: float
    staging_s: float

    @property
    def latest(self) -> Attempt | None:
        """The last try."""
        return self.attempts[-1] if self.attempts else None

    @property
    def progress(self) -> float:
        """Share of it that is done, 0 to 1; 0 while nothing is known."""
        if self.instance.state.final:
            return 1.0
        return (self.info.progress or 0.0) if self.info else 0.0


def runs_of(detail: TaskDetail, now: dt.datetime) -> tuple[InstanceRun, ...]:
    """Every instance of a task with its times, by number.

    Parameters
    ----------
    now : platform time
    """
    tries: dict[InstanceId, list[Attempt]] = defaultdict(list)
    for attempt in sorted(detail.attempts, key=lambda attempt: attempt.number):
        tries[attempt.instance_id].append(attempt)
    running = {info.instance_id: info for info in detail.running}
    runs = []
    for instance in sorted(detail.instances, key=lambda instance: instance.number):
        attempts = tuple(tries[instance.id])
        info = None if instance.state.final else running.get(instance.id)
        runs.append(
            InstanceRun(
                instance=instance,
                attempts=attempts,
                info=info,
                exec_s=sum(exec_s(attempt, info, now) for attempt in attempts),
                wall_s=_wall_s(attempts, now),
                staging_s=sum(_staging_s(attempt, now) for attempt in attempts),
            )
        )
    return tuple(runs)


def exec_s(attempt: Attempt, info: RunningInfo | None, now: dt.datetime) -> float:
    """Platform seconds that an attempt ran, without pauses."""
    if info is not None and info.attempt.id == attempt.id:
        return max(0.0, info.run_s)
    if attempt.started_at is None:
        return 0.0
    return max(0.0, ((attempt.exited_at or _end(attempt, now)) - attempt.started_at).total_seconds() - attempt.paused_s)


def numbers_in(runs: tuple[InstanceRun, ...], *states: InstanceState) -> list[int]:
    """Numbers of the instances in some states."""
    return [run.instance.number for run in runs if run.instance.state in states]


def _end(attempt: Attempt, now: dt.datetime) -> dt.datetime:
    if attempt.ended_at is not None:
        return attempt.ended_at
    return attempt.since if attempt.state.final else now


def _wall_s(attempts: tuple[Attempt, ...], now: dt.datetime) -> float:
    if not attempts:
        return 0.0
    return max(0.0, (_end(attempts[-1], now) - attempts[0].created_at).total_seconds())


def _staging_s(attempt: Attempt, now: dt.datetime) -> float:
    return max(0.0, ((attempt.started_at or _end(attempt, now)) - attempt.created_at).total_seconds())
