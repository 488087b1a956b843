"""A twin in which every task is quoted when it is submitted, by the code that quotes on the live platform."""

from __future__ import annotations

from typing import Any

import numpy as np

from ondol.control.foretelling import J_PER_KWH, Foreteller, Terms, Told
from ondol.control.queue_ahead import Asked, QueueAhead
from ondol.model.view import Floats, Ints, ServiceClass
from ondol.policy.contract import Policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.speed import share_at
from ondol.twin.workload.jobs import Trace


class QuotedTwin(FleetTwin):
    """One run, with quotes.

    A task starts when its first instance runs, booted and staged, and ends with its last. It takes the dynamic energy
    of its attempts and, for the slots that it holds, their share of what the nodes draw idle, both times the site's PUE
    (`accounting.split.CpuTimeRule`); it emits that times the grid's intensity of the moment.

    Parameters
    ----------
    declared_s : run time that the user of each task declares, nan for none (tasks,) [s]
    kinds : of each task, "" for none
    """

    def __init__(
        self,
        scenario: Scenario,
        series: Series,
        trace: Trace,
        policy: Policy[Any],
        *,
        declared_s: Floats,
        kinds: tuple[str, ...],
    ) -> None:
        super().__init__(scenario, series, trace, policy)
        layout, jobs = self.layout, trace.jobs
        self._declared_s, self._kinds = declared_s, kinds
        self._terms = Terms(
            basis=scenario.grid.method,
            slope=np.ones(len(layout.site_ids)),
            offset_g_per_kwh=np.zeros(len(layout.site_ids)),
            embodied_g_per_h=np.zeros(len(layout.node_ids)),
            speed=layout.node_speed,
            share_at=share_at,
        )
        self.foreteller = Foreteller()
        rows = len(self.attempts.run_s)
        self._row_j, self._row_g = np.zeros(rows), np.zeros(rows)
        self._node_pue = layout.site_pue[layout.node_site]
        self._idle_slot_w = layout.node_idle_w / layout.node_slots
        tasks = jobs.tasks
        self._size = np.bincount(jobs.task, minlength=tasks)
        self._left = self._size.copy()
        self._known = 0  # rows that came before, and so are quoted or part of a task that is
        self.quoted: dict[int, Told] = {}
        self.start_s, self.end_s = np.full(tasks, np.nan), np.full(tasks, np.nan)
        self.energy_kwh, self.co2e_g = np.zeros(tasks), np.zeros(tasks)

    def cap_of(self, task: int) -> float:
        """Share of full speed that a task takes at most."""
        jobs = self.trace.jobs
        return float(jobs.speed_cap[jobs.task == task].min()) if len(jobs.speed_cap) else 1.0

    def _begin(self, step: int, now_s: float) -> None:
        super()._begin(step, now_s)
        self._sum_up()
        for task in sorted(self.quoted):
            if np.isnan(self.end_s[task]):
                self.foreteller.spent(str(task), float(self.energy_kwh[task]), float(self.co2e_g[task]))

    def _decide(self, now_s: float) -> None:
        if self.attempts.arrived > self._known:
            self._quote(now_s)
        super()._decide(now_s)

    def _quote(self, now_s: float) -> None:
        """Quote the tasks that came since the last time, on what is seen without them."""
        first, self._known = self._known, self.attempts.arrived
        tasks = [
            task for task in np.unique(self.attempts.task[first : self._known]).tolist() if task not in self.quoted
        ]
        view = self.seeing.view(now_s)
        ahead = QueueAhead(view, self.seeing.shown.rows >= first)
        for task in tasks:
            told = self.quoted[task] = self.foreteller.tell(ahead, self._asked(task), self._terms)
            self.foreteller.note(str(task), told)
        self.seeing.close()

    def _asked(self, task: int) -> Asked:
        jobs = self.trace.jobs
        mine = np.flatnonzero(jobs.task == task)
        declared_s = float(self._declared_s[task])
        return Asked(
            kind=self._kinds[task],
            service=ServiceClass(int(jobs.service[mine[0]])),
            instances=int(self._size[task]),
            deadline_s=self.series.begin_s + float(jobs.deadline_s[mine].min()),
            declared_s=None if np.isnan(declared_s) else declared_s,
            speed_cap=self.cap_of(task),
        )

    def _start(self, rows: Ints, nodes: Ints, now_s: float) -> None:
        super()._start(rows, nodes, now_s)
        attempts = self.attempts
        mine = rows[rows < attempts.count]
        for task, ready_s in zip(attempts.task[mine].tolist(), attempts.ready_s[mine].tolist(), strict=True):
            if not self.start_s[task] <= ready_s:
                self.start_s[task] = ready_s
                self.foreteller.started(str(task), self.series.begin_s + ready_s)

    def _advance(self, now_s: float, then_s: float) -> None:
        attempts, held = self.attempts, self.attempts.held
        node, before_j = attempts.node[held], attempts.energy_j[held]
        super()._advance(now_s, then_s)
        drawn_j = attempts.energy_j[held] - before_j + self._idle_slot_w[node] * (then_s - now_s)
        drawn_j *= self._node_pue[node]
        self._row_j[held] += drawn_j
        self._row_g[held] += drawn_j / J_PER_KWH * self.series.grid_g_per_kwh[self._now_step]
        ended = held[~np.isnan(attempts.end_s[held])]
        for row in ended[ended < attempts.count].tolist():
            self._end(row, float(attempts.end_s[row]))

    @property
    def _now_step(self) -> int:
        return min(self.step, self.series.steps - 1)

    def _end(self, row: int, end_s: float) -> None:
        task = int(self.attempts.task[row])
        size = int(self._size[task])
        service = ServiceClass(int(self.attempts.service[row]))
        self.foreteller.runs.learn(self._kinds[task], service, float(self.attempts.run_s[row]), size)
        self._left[task] -= 1
        if self._left[task] == 0:
            self.end_s[task] = end_s
            mine = self.attempts.task[: self.attempts.count] == task
            self.energy_kwh[task] = self._row_j[: self.attempts.count][mine].sum() / J_PER_KWH
            self.co2e_g[task] = self._row_g[: self.attempts.count][mine].sum()
            self.foreteller.ended(str(task), self.series.begin_s + end_s)
            self.foreteller.settled(str(task), float(self.energy_kwh[task]), float(self.co2e_g[task]))

    def _sum_up(self) -> None:
        count, task = self.attempts.count, self.attempts.task
        tasks = len(self._size)
        self.energy_kwh = np.asarray(np.bincount(task[:count], self._row_j[:count], tasks) / J_PER_KWH)
        self.co2e_g = np.asarray(np.bincount(task[:count], self._row_g[:count], tasks), dtype=np.float64)
