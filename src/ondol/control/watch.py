"""What the engine and the transfers say, fed into the works; attempts that nobody knows any more are found here."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable

from ondol.control.hands import Hands
from ondol.control.works import Works
from ondol.engine.ports import AttemptReport, EndCause, Engine, RunState
from ondol.lifecycle.events import AttemptReported, EndSeen, RunSeen
from ondol.model.compute import Attempt, AttemptState
from ondol.model.errors import UnavailableError
from ondol.model.ids import AttemptId, NodeId, task_of
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
_RAN = (AttemptState.RUNNING, AttemptState.PAUSED, AttemptState.STOPPING)


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What a look brought: whether anything changed, and whether an attempt ended."""

    news: bool
    ended: bool


class Watch:
    """Looks at attempts and transfers, and tells the works only what is new.

    Parameters
    ----------
    counted_s : CPU seconds of an attempt that were metered so far
    at : platform time at a moment of the engine's clock, None where it keeps another; ends are then when they are seen

    `reports` is what the engine said last, by attempt.
    """

    def __init__(
        self,
        store: Store,
        works: Works,
        engine: Engine,
        hands: Hands,
        counted_s: Callable[[AttemptId], float],
        at: Callable[[float], dt.datetime] | None = None,
    ) -> None:
        self._at = at
        self._store, self._works, self._engine, self._hands = store, works, engine, hands
        self._counted_s = counted_s
        self._told: dict[AttemptId, tuple[RunState, object, bool]] = {}
        self.reports: dict[AttemptId, AttemptReport] = {}

    def look(self, now: dt.datetime) -> Seen:
        """Look once."""
        self._engine.keep_alive()
        self.reports = {report.attempt_id: report for report in self._engine.poll()}
        news = self._hear_transfers(now)
        ended = False
        for attempt_id, report in self.reports.items():
            if self._told.get(attempt_id) == (report.state, report.cause, report.held):
                continue
            found = self._works.find(attempt_id)
            if found is None or found[1].state.final:
                try:
                    self._let_go(report)
                except (OSError, UnavailableError) as error:
                    _log.error("attempt %s cannot be let go now, trying again: %s", attempt_id, error)
                continue
            self._told[attempt_id] = (report.state, report.cause, report.held)
            self._works.apply(found[0].task.id, self._reported(report, now))
            news = True
            ended |= report.state is RunState.ENDED
        return Seen(news=self._find_lost(now) or news, ended=ended)

    def forget(self, attempt_id: AttemptId) -> None:
        """Drop what was told of an attempt that is released."""
        self._told.pop(attempt_id, None)

    def cpu_s(self) -> dict[AttemptId, float]:
        """CPU seconds so far, by attempt."""
        return {attempt_id: report.cpu_s for attempt_id, report in self.reports.items()}

    def memory_bytes(self) -> dict[AttemptId, int]:
        """Resident memory now, by attempt."""
        return {attempt_id: report.memory_bytes for attempt_id, report in self.reports.items()}

    def node_of(self) -> dict[AttemptId, NodeId]:
        """Node of each attempt that the engine knows."""
        return {attempt_id: report.node_id for attempt_id, report in self.reports.items()}

    def end_of(self, attempt_id: AttemptId) -> EndCause | None:
        """Why the engine says that an attempt ended, None where it does not."""
        report = self.reports.get(attempt_id)
        return None if report is None else report.cause

    def is_held(self, attempt_id: AttemptId) -> bool:
        """Whether an attempt is kept without a process."""
        report = self.reports.get(attempt_id)
        return report is not None and report.held

    def running(self) -> dict[NodeId, list[Attempt]]:
        """Attempts that run a program, by node; a slot that is only kept ready runs none."""
        running: dict[NodeId, list[Attempt]] = {}
        for _, _, attempt in self._works.under_way():
            if attempt.state is AttemptState.RUNNING and not self.is_held(attempt.id):
                running.setdefault(attempt.node_id, []).append(attempt)
        return running

    def _hear_transfers(self, now: dt.datetime) -> bool:
        news = False
        for outcome in self._hands.collect():
            # Seen now, so it happened now: a slot must not be given away before the moment it was freed.
            seen = dataclasses.replace(outcome, at=now)
            news |= self._works.apply(task_of(outcome.attempt_id), seen)
        return news

    def _let_go(self, report: AttemptReport) -> None:
        """Free what the engine holds of an attempt that was over when the platform was killed."""
        attempt_id = report.attempt_id
        if report.state is not RunState.ENDED:
            self._engine.stop(attempt_id, 0.0)
            return
        task_id = task_of(attempt_id)
        known = [attempt for attempt in self._store.attempts(task_id) if attempt.id == attempt_id]
        if known:
            over = [instance for instance in self._store.instances(task_id) if instance.id == known[0].instance_id]
            self._hands.let_go(known[0], instance_over=bool(over) and over[0].state.final)
        else:
            self._engine.release(attempt_id)

    def _find_lost(self, now: dt.datetime) -> bool:
        lost = [
            attempt
            for _, _, attempt in self._works.under_way()
            if attempt.state in _RAN and attempt.id not in self.reports
        ]
        for attempt in lost:
            event = AttemptReported(
                at=now,
                attempt_id=attempt.id,
                state=RunSeen.ENDED,
                cause=EndSeen.LOST,
                cpu_s=max(attempt.cpu_s, self._counted_s(attempt.id)),
                message="Nothing of it was found any more after a restart.",
            )
            self._works.apply(attempt.task_id, event)
        return bool(lost)

    def _reported(self, report: AttemptReport, now: dt.datetime) -> AttemptReported:
        ended_s = report.ended_at_s
        return AttemptReported(
            at=now,
            attempt_id=report.attempt_id,
            state=RunSeen(report.state.value),
            cause=None if report.cause is None else EndSeen(report.cause.value),
            exit_code=report.exit_code,
            cpu_s=report.cpu_s,
            memory_peak_bytes=report.memory_peak_bytes,
            message=report.message,
            exited_at=None if ended_s is None or self._at is None else self._at(ended_s),
        )
