"""What the ledger keeps of tasks and attempts beside energy: whose work it is, and how each attempt ended."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

from ondol.engine.ports import EndCause
from ondol.lifecycle.work import Change, Work
from ondol.model.compute import Attempt, AttemptState, Task
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId
from ondol.model.ledger import AttemptFact, WorkFact
from ondol.model.site import Node
from ondol.storage.ports import Changes

_log = logging.getLogger(__name__)
_LIMITS = (EndCause.TIME_LIMIT, EndCause.MEMORY_LIMIT, EndCause.OUTPUT_LIMIT)


def work_fact(task: Task) -> WorkFact:
    """Say whose work a task is; written in the commit that accepts it."""
    return WorkFact(
        task_id=task.id,
        account_id=task.account_id,
        name=task.name,
        service=task.service.name.lower(),
        submitted_at=task.created_at,
        job_id=task.job_id,
        pool_id=task.pool_id,
        project_id=task.project_id,
        holds_pool=task.holds_pool,
        resumable=task.resumable,
    )


class LedgerFacts:
    """Notes how attempts end; it is one of the observers of `Works`.

    Parameters
    ----------
    clock_rate : platform seconds per wall second: CPU time is counted in the latter
    end_of : why the engine says that an attempt ended, None where it does not
    """

    def __init__(
        self, fleet: Fleet, clock_rate: float, end_of: Callable[[AttemptId], EndCause | None] = lambda _: None
    ) -> None:
        self._nodes = {node.id: node for node in fleet.nodes}
        self._rate = clock_rate
        self.end_of = end_of
        self._unwritten: dict[AttemptId, AttemptFact] = {}

    def observe(self, before: Work | None, after: Work, change: Change) -> None:
        """Note what just ended; of a task that is being deleted too."""
        for attempt in change.attempts:
            known = None if before is None else before.attempt(attempt.id)
            if not attempt.state.final or (known is not None and known.state.final):
                continue
            node = self._nodes.get(attempt.node_id)
            if node is None:
                _log.warning("%s ended on %s, which the fleet has not: not noted", attempt.id, attempt.node_id)
                continue
            self._unwritten[attempt.id] = self._fact(after.task, attempt, node)

    def book(self, changes: Changes) -> Changes:
        """Add what ended since the last time to the changes in which it ended."""
        if not self._unwritten:
            return changes
        facts = tuple(fact for _, fact in sorted(self._unwritten.items()))
        self._unwritten = {}
        return dataclasses.replace(changes, facts=(*changes.facts, *facts))

    def _fact(self, task: Task, attempt: Attempt, node: Node) -> AttemptFact:
        until = attempt.held_until
        assert until is not None  # noqa: S101  # what being final means
        of_slot = node.cores_per_slot * node.slots / node.host_cores  # cores of the node for a core of this machine
        return AttemptFact(
            attempt_id=attempt.id,
            task_id=attempt.task_id,
            node_id=attempt.node_id,
            outcome=attempt.state.value,
            cause=_cause(task, attempt, self.end_of(attempt.id)),
            slots=0 if attempt.held_by else 1,
            cores=0.0 if attempt.held_by else float(node.cores_per_slot),
            held_s=max(0.0, (until - attempt.created_at).total_seconds()),
            cpu_s=attempt.cpu_s * self._rate * of_slot,
            ended_at=until,
            held_by=attempt.held_by,
            exit_code=attempt.exit_code,
        )


def _cause(task: Task, attempt: Attempt, end: EndCause | None) -> str:
    """Who ended an attempt: what it did by itself is nobody's doing, however it came out."""
    if attempt.state is AttemptState.LOST:
        return "node"
    if attempt.state is AttemptState.STOPPED:
        if attempt.stop_wanted == "cancel":
            # Cancelled with an error of the task's own: its time or its budget ran out, nobody asked for it.
            return "limit" if any(attempt.message == error.message for error in task.errors) else "user"
        if attempt.stop_wanted == "requeue":
            if attempt.held_by:
                return "node"
            return "limit" if task.held is not None else "heat"  # held: its budget is used up
        return "node"
    return "limit" if attempt.state is AttemptState.FAILED and end in _LIMITS else ""
