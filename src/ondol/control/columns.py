"""The View's instances: all that hold slots, and a window of what waits; changed tasks are looked at, no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.control.allowances import Allowances, Reserved
from ondol.control.entry import Entry, QuotaKey, Row
from ondol.control.limit_book import NO_LIMITS
from ondol.control.lines import Lines, Withheld
from ondol.control.works import Works
from ondol.lifecycle.attempt import PHASES
from ondol.lifecycle.work import Work
from ondol.model.account import AccountLimits
from ondol.model.compute import AttemptState, InstanceState, Task
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId, instance_number
from ondol.model.power import dynamic_share
from ondol.model.quota import quota_for
from ondol.model.view import Bools, Floats, InstanceColumns, Ints, Phase

LEAST_SHOWN = 256  # instances of each group and order that a policy sees; more where the fleet has more slots

Inputs = Callable[[Sequence[Task]], tuple[Floats, Ints]]
"""Gives `View.missing_bytes` for some tasks and the row of each; `control.missing_inputs` does."""

_ACTIVE = (AttemptState.PLACED, AttemptState.STAGING, AttemptState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instances:
    """What the View takes over, and what is left out of it.

    Parameters
    ----------
    withheld : work that waits for the quotas of its account
    """

    columns: InstanceColumns
    allowances: Bools
    missing_bytes: Floats
    beyond: Ints
    withheld: tuple[Withheld, ...]


class Columns:
    """Keeps what deciding needs of every open task, and makes columns of it.

    Parameters
    ----------
    clock_rate : platform seconds per wall second
    limits_of, reserved : what accounts may have; without them everybody may have everything
    inputs : which sites lack which bytes; without it nothing is missing
    least_shown : of each group and order that a policy sees, where the fleet has no more slots than that
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        clock_rate: float,
        limits_of: Callable[[AccountId], AccountLimits] = lambda _account: NO_LIMITS,
        reserved: Callable[[], Reserved] = dict,
        inputs: Inputs | None = None,
        least_shown: int = LEAST_SHOWN,
    ) -> None:
        self._rate, self._limits_of = clock_rate, limits_of
        self._slot_cores = {node.id: node.host_cores / node.slots for node in fleet.nodes}
        self._cores = {node.id: node.cores_per_slot for node in fleet.nodes}
        self._node_row = {node.id: row for row, node in enumerate(fleet.nodes)}
        self._slots = sum(node.slots for node in fleet.nodes)
        self._most = max(least_shown, self._slots)
        self._largest = max(self._cores.values(), default=1)
        self._no_inputs = np.zeros((1, len(fleet.sites)))
        self._inputs = inputs
        self._allowances = Allowances(fleet, limits_of, reserved)
        self._lines = Lines()
        self._entries: dict[TaskId, Entry] = {}
        self._limits: dict[AccountId, AccountLimits] = {}

    def instances(self, works: Works, cpu_s: Mapping[AttemptId, float]) -> Instances:
        """Give the instances of now.

        Parameters
        ----------
        cpu_s : the engine's count per attempt
        """
        self._catch_up(works)
        rows: list[Row] = []
        used: dict[QuotaKey, list[int]] = {}
        for work, instance, attempt in works.under_way():
            if work.task.pool_id:  # it runs in a slot that a holder has: the holder is in the view, as any work is
                continue
            entry = self._entries[work.task.id]
            rows.append(Row(instance.id, entry, attempt.since.timestamp(), instance.attempts, attempt))
            if entry.quota is not None:
                of_quota = used.setdefault(entry.quota[0], [0, 0])
                of_quota[0] += 1
                of_quota[1] += self._cores[attempt.node_id]
        share = self._lines.share(self._most, self._slots, self._largest, lambda key: _pair(used.get(key)))
        for entry, count in share.taken:
            rows += entry.first(count)
        rows.sort(key=lambda row: row.id)
        return self._columns(rows, cpu_s, np.array(share.beyond, dtype=np.int64), share.withheld)

    def _columns(
        self, rows: list[Row], cpu_s: Mapping[AttemptId, float], beyond: Ints, withheld: tuple[Withheld, ...]
    ) -> Instances:
        number_of: dict[int, int] = {}
        task = np.array([number_of.setdefault(id(row.entry), len(number_of)) for row in rows], dtype=np.int64)
        entries = list({id(row.entry): row.entry for row in rows}.values())
        tasks = [entry.work.task for entry in entries]
        allowances, allowed = self._allowances.rows(np.array([entry.allowed for entry in entries], dtype=np.int64))
        missing, data = self._no_inputs, np.zeros(len(entries), dtype=np.int64)
        if self._inputs is not None:
            missing, data = self._inputs(tasks)
        attempts = [row.attempt for row in rows]
        columns = InstanceColumns(
            ids=tuple(row.id for row in rows),
            task=task,
            phase=np.array([Phase.QUEUED if a is None else PHASES[a.state] for a in attempts], dtype=np.int64),
            service=np.array([one.service for one in tasks], dtype=np.int64)[task],
            node=np.array([-1 if a is None else self._node_row[a.node_id] for a in attempts], dtype=np.int64),
            submitted_s=np.array([entry.submitted_s for entry in entries], dtype=np.float64)[task],
            deadline_s=np.array([entry.deadline_s for entry in entries], dtype=np.float64)[task],
            since_s=np.array([row.since_s for row in rows], dtype=np.float64),
            expected_s=np.array([_expected_s(entry) for entry in entries], dtype=np.float64)[task],
            done_s=np.array(
                [0.0 if a is None else self._full_speed_s(a.node_id, cpu_s.get(a.id, a.cpu_s)) for a in attempts],
                dtype=np.float64,
            ),
            attempts=np.array([row.attempts for row in rows], dtype=np.int64),
            resumable=np.array([one.resumable for one in tasks], dtype=np.bool_)[task],
            allowed=allowed[task],
            data=data[task],
            speed_cap=_by_cap(tasks, task, lambda cap: cap),
            draw_cap=_by_cap(tasks, task, dynamic_share),
        )
        return Instances(
            columns=columns, allowances=allowances, missing_bytes=missing, beyond=beyond, withheld=withheld
        )

    def _catch_up(self, works: Works) -> None:
        """Take over what changed since the last time: tasks, and now and then the limits of accounts."""
        limits_changed = self._allowances.renew()
        for account_id, limits in self._limits.items():
            limits_changed |= self._limits_of(account_id) != limits
        if limits_changed:
            self._limits = {}
        for task_id, changed in works.index.take_touched().items():
            work = works.get(task_id)
            if work is None or work.task.pool_id:
                self._lines.drop(task_id)
                self._entries.pop(task_id, None)
            else:
                self._look_at(work, changed)
        if limits_changed:
            for entry in self._entries.values():
                self._place(entry)

    def _look_at(self, work: Work, changed: Iterable[InstanceId] | None) -> None:
        entry = self._entries.get(work.task.id)
        if entry is None or changed is None:
            entry = self._entries[work.task.id] = Entry.of(work)
            changed = work.attempts
        entry.work = work
        entry.rows.clear()
        for key in changed:
            state, attempt = work.instances[key].state, work.latest(key)
            entry.keep_number(instance_number(key), queued=state is InstanceState.QUEUED)
            if attempt is not None and attempt.state in _ACTIVE:
                entry.active.add(key)
            else:
                entry.active.discard(key)
            if attempt is not None and state is InstanceState.SUCCEEDED:
                cpu_s = sum(tried.cpu_s for tried in work.attempts[key])
                entry.took_s[key] = self._full_speed_s(attempt.node_id, cpu_s)
        self._place(entry)

    def _place(self, entry: Entry) -> None:
        task = entry.work.task
        if task.account_id not in self._limits:
            self._limits[task.account_id] = self._limits_of(task.account_id)
        quota = quota_for(task, self._limits[task.account_id])
        key = (task.account_id, quota.kind, quota.reservation)
        entry.quota = (key, quota) if quota.limited else None
        entry.allowed = self._allowances.number(task)
        entry.cores = self._allowances.most_cores(entry.allowed)
        self._lines.put(entry)

    def _full_speed_s(self, node_id: NodeId, cpu_s: float) -> float:
        """Platform seconds of a slot at full speed that CPU seconds on a node amount to."""
        return cpu_s / self._slot_cores[node_id] * self._rate


def _expected_s(entry: Entry) -> float:
    """Expected run time in the View: nan for what is being cancelled."""
    return math.nan if entry.work.task.cancel_wanted else entry.expected_s


def _by_cap(tasks: Sequence[Task], task: Ints, told: Callable[[float], float]) -> Floats:
    """What follows from the caps of instances: empty where no task has one, as nearly always."""
    caps = [one.speed_cap for one in tasks]
    return np.array([told(cap) for cap in caps])[task] if min(caps, default=1.0) < 1.0 else np.zeros(0)


def _pair(count: list[int] | None) -> tuple[int, int]:
    return (0, 0) if count is None else (count[0], count[1])
