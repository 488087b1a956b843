"""Work of a scenario while it is lived through: states by the lifecycle's tables, slots, lost work, waiting lines."""

from __future__ import annotations

import numpy as np

from ondol.lifecycle.attempt import AttemptSignal
from ondol.lifecycle.instance import InstanceSignal
from ondol.model.compute import AttemptState, InstanceState
from ondol.model.view import Floats, Ints, ServiceClass
from ondol.twin.layout import Layout
from ondol.twin.rows import joined, sorted_by_kind, staged, without
from ondol.twin.speed import share_at
from ondol.twin.transitions import ATTEMPTS, INSTANCES, NO_ATTEMPT, attempt_code, instance_code
from ondol.twin.workload.jobs import Jobs

PLACED = attempt_code(AttemptState.PLACED)
STAGING = attempt_code(AttemptState.STAGING)
RUNNING = attempt_code(AttemptState.RUNNING)
PAUSED = attempt_code(AttemptState.PAUSED)
QUEUED = instance_code(InstanceState.QUEUED)
SUCCEEDED = instance_code(InstanceState.SUCCEEDED)
_CLASSES = tuple(ServiceClass)


class Attempts:
    """All instances, fillers behind the jobs; one row each, in id order.

    Parameters
    ----------
    fillers : how many endless fillers there are beside the jobs

    `changes` grows whenever an instance joins a line, begins or ends an attempt, or is frozen or goes on.
    """

    def __init__(self, jobs: Jobs, layout: Layout, fillers: int) -> None:
        count, rows = len(jobs.run_s), len(jobs.run_s) + fillers
        self.jobs, self.layout, self.count = jobs, layout, count
        self.run_s = np.concatenate([jobs.run_s, np.full(fillers, np.inf)])
        self.service = np.concatenate([jobs.service, np.full(fillers, int(ServiceClass.FILLER))]).astype(np.int64)
        self.submitted_s = np.concatenate([jobs.submitted_s, np.zeros(fillers)])
        self.deadline_s = np.concatenate([jobs.deadline_s, np.full(fillers, np.inf)])
        last = int(jobs.task.max(initial=-1))
        self.task = np.concatenate([jobs.task, last + 1 + np.arange(fillers)]).astype(np.int64)
        self.resumable = np.concatenate([jobs.resumable, np.ones(fillers, dtype=np.bool_)])
        self.data = np.concatenate([jobs.data, np.full(fillers, -1)]).astype(np.int64)
        self.capped = len(jobs.speed_cap) > 0
        self.speed_cap = np.concatenate([jobs.speed_cap, np.ones(fillers)]) if self.capped else np.zeros(0)
        self.most_share = np.ones(rows)  # of its slot's dynamic power, as its cap of speed allows it
        for row in np.flatnonzero(self.speed_cap < 1.0):
            self.most_share[row] = share_at(self.speed_cap[row])
        self.instance = np.full(rows, QUEUED, dtype=np.int64)
        self.attempt = np.full(rows, NO_ATTEMPT, dtype=np.int64)
        self.running = np.zeros(rows, dtype=np.int64)
        self.node = np.full(rows, -1, dtype=np.int64)
        self.last_node = self.node.copy()  # of the last attempt, also when it is over
        self.done_s, self.ready_s = np.zeros(rows), np.zeros(rows)
        self.since_s, self.energy_j = self.submitted_s.copy(), np.zeros(rows)
        self.attempts = np.zeros(rows, dtype=np.int64)
        self.first_start_s, self.end_s = np.full(rows, np.nan), np.full(rows, np.nan)
        self.held = np.zeros(0, dtype=np.int64)
        self.lines: dict[ServiceClass, Ints] = {kind: np.zeros(0, dtype=np.int64) for kind in ServiceClass}
        self.lines[ServiceClass.FILLER] = np.arange(count, rows)
        self.arrived = self.changes = 0
        self._all_begun_at = -1  # the number of changes at which nothing was being staged
        self.lost_s = self.moves = self.kills = 0.0

    @property
    def next_arrival_s(self) -> float:
        """When the next instance is submitted; inf for never [s]."""
        return float(self.jobs.submitted_s[self.arrived]) if self.arrived < self.count else float("inf")

    @property
    def waiting(self) -> bool:
        """Whether anything stands in a line."""
        return any(map(len, self.lines.values()))

    def arrive(self, until_s: float) -> int:
        """Let all that is submitted by `until_s` join its line; gives how many came."""
        if self.next_arrival_s > until_s:
            return 0
        end = int(np.searchsorted(self.jobs.submitted_s, until_s, side="right"))
        self._join(np.arange(self.arrived, end))
        came, self.arrived = end - self.arrived, end
        return came

    def start(self, rows: Ints, nodes: Ints, ready_s: Floats, now_s: float) -> None:
        """Begin attempts: slots are taken now, work runs once it is ready.

        Raises
        ------
        ConflictError : an instance that does not wait, or the same one twice
        """
        INSTANCES.apply(self.instance, rows, InstanceSignal.STARTED)
        self.attempt[rows] = PLACED
        ATTEMPTS.apply(self.attempt, rows, AttemptSignal.INPUTS_BEGUN)
        self.node[rows], self.ready_s[rows], self.since_s[rows] = nodes, ready_s, now_s
        self.last_node[rows] = nodes
        self.attempts[rows] += 1
        first = rows[np.isnan(self.first_start_s[rows])]
        self.first_start_s[first] = now_s
        self.running[rows] = 1
        for kind, mine in self._by_class(rows):
            self.lines[kind] = without(self.lines[kind], mine)
        self.held = joined(self.held, np.sort(rows))
        self.changes += 1

    def begin_running(self, until_s: float) -> None:
        """What is staged by `until_s` runs."""
        if self._all_begun_at == self.changes:
            return
        due, later = staged(self.held, self.attempt, self.ready_s, STAGING, until_s)
        if len(due):
            ATTEMPTS.apply(self.attempt, due, AttemptSignal.SEEN_RUNNING)
            self.since_s[due] = self.ready_s[due]
            self.changes += 1
        if not later:
            self._all_begun_at = self.changes

    def finish(self, rows: Ints, at_s: Floats) -> None:
        """Attempts whose work is done end, and their instances with them."""
        waiting = rows[self.attempt[rows] == STAGING]
        ATTEMPTS.apply(self.attempt, waiting, AttemptSignal.SEEN_RUNNING)
        ATTEMPTS.apply(self.attempt, rows, AttemptSignal.EXITED)
        ATTEMPTS.apply(self.attempt, rows, AttemptSignal.STORED_SUCCESS)
        INSTANCES.apply(self.instance, rows, InstanceSignal.SUCCEEDED)
        self.end_s[rows] = at_s
        self._free(rows)

    def stop(self, rows: Ints, now_s: float, *, lost: bool = False) -> None:
        """Attempts end before their work is done; their instances wait again. What cannot go on begins anew.

        Parameters
        ----------
        lost : the node failed; else somebody decided it
        """
        if lost:
            ATTEMPTS.apply(self.attempt, rows, AttemptSignal.VANISHED)
        else:
            ATTEMPTS.apply(self.attempt, rows, AttemptSignal.STOP_ASKED)
            ATTEMPTS.apply(self.attempt, rows, AttemptSignal.ENDED_AS_ASKED)
            self.moves += float(self.resumable[rows].sum())
        INSTANCES.apply(self.instance, rows, InstanceSignal.BACK_IN_QUEUE)
        anew = rows[~self.resumable[rows]]
        self.lost_s += float(self.done_s[anew].sum())
        if not lost:
            self.kills += float((self.done_s[anew] > 0).sum())
        self.done_s[anew] = 0.0
        self.since_s[rows] = now_s
        self._free(rows)
        self._join(rows)

    def pause(self, rows: Ints, now_s: float) -> None:
        """Freeze attempts where they are; those that are still staging run first, so they are left alone."""
        rows = rows[self.attempt[rows] == RUNNING]
        ATTEMPTS.apply(self.attempt, rows, AttemptSignal.SEEN_PAUSED)
        self.running[rows] = 0
        self.since_s[rows] = now_s
        self.changes += 1

    def resume(self, rows: Ints, now_s: float) -> None:
        """Let frozen attempts go on."""
        rows = rows[self.attempt[rows] == PAUSED]
        ATTEMPTS.apply(self.attempt, rows, AttemptSignal.SEEN_RUNNING)
        self.running[rows] = 1
        self.since_s[rows] = now_s
        self.changes += 1

    def _join(self, rows: Ints) -> None:
        self.changes += 1
        for kind, mine in self._by_class(rows):
            self.lines[kind] = joined(self.lines[kind], mine)

    def _by_class(self, rows: Ints) -> list[tuple[ServiceClass, Ints]]:
        """Rows of each service class that has any, ascending."""
        ordered, at = sorted_by_kind(rows, self.service, len(ServiceClass))
        begins = at.tolist()
        return [
            (kind, ordered[begins[kind] : begins[kind + 1]]) for kind in _CLASSES if begins[kind] < begins[kind + 1]
        ]

    def _free(self, rows: Ints) -> None:
        self.running[rows] = 0
        self.node[rows] = -1
        self.held = without(self.held, np.sort(rows))
        self.changes += 1
