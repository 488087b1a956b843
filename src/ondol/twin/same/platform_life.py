"""A scenario lived by the platform: its loop, works, store, hands, metering, ledger and agents, on a leaping clock.

The hardware and the machines behind the drivers and the engine are the twin's; everything that decides, keeps or
carries out is what `ondol up` runs. Moments are those at which something happens: work comes, work ends, a thermal step
is over. Files move at once, and the loop hears that a job has ended when its results are stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ondol.agent.site_agent import SiteAgent
from ondol.control.clock import LeapingClock, utc
from ondol.control.grids import Grids
from ondol.control.groups import Groups
from ondol.control.heat_book import HeatBook
from ondol.control.loop import Loop
from ondol.control.metering import MeterBook
from ondol.control.placing import Placing
from ondol.control.record import TickWriter
from ondol.control.sites import Sites
from ondol.control.window import Window
from ondol.control.works import Works
from ondol.control.world import World
from ondol.engine.ports import LaunchOrder
from ondol.model.compute import Task
from ondol.model.decision import Decision
from ondol.model.ids import AccountId, InstanceId, TaskId, task_of
from ondol.model.view import ServiceClass, View
from ondol.policy.contract import Policy
from ondol.policy.registry import load_policy
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Store
from ondol.twin.files import hands_without_files
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.same.acts import Diary
from ondol.twin.same.fleet_of import fleet_of
from ondol.twin.same.hardware import Hardware
from ondol.twin.same.heat_layer import HeatLayer, SteadyAgent, SteadyWorld
from ondol.twin.same.machines_engine import MachinesEngine
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.workload.jobs import Trace

ACCOUNT = AccountId("twin-check")
_LEAD_S = 1.0  # the platform is up for so long when the scenario begins: without a first sample it decides nothing
_SAMPLE_S = 1.0  # after what a decision changed, agents are asked again so soon, as on a clock of the wall's speed [s]
_MOST_TURNS = 50  # of the loop at one moment; far more than starting, fetching and running take
Submit = Callable[[list[Task]], None]


class PlatformLife:
    """One life.

    Parameters
    ----------
    scenario, trace : levelled, see `twin.same.levelled`
    steady : the twin's heat layer in place of the platform's agents
    watch : is told every View, memory and Decision
    ticks : where the loop's own record of its ticks goes, None for nowhere
    store : what it writes to; None for one in memory

    `submit` takes in the tasks of a moment; who wants them to come by another door puts that in its place. Tasks keep
    their ids, which say the order of the work.
    """

    def __init__(
        self,
        scenario: Scenario,
        series: Series,
        trace: Trace,
        policy: Policy[Any],
        *,
        steady: bool = False,
        watch: Callable[[View, Any, Decision], None] | None = None,
        ticks: Path | None = None,
        store: Store | None = None,
    ) -> None:
        self.scenario, self.series, self.trace = scenario, series, trace
        self.clock = LeapingClock(series.begin_s - _LEAD_S)
        parts = FleetTwin(scenario, series, trace, load_policy(policy.name))
        self.layout = parts.layout
        self.fleet = fleet_of(scenario, parts.layout)
        self.hardware = Hardware(parts.layout, parts.plant, parts.stores, series)
        self.store: Store = store or MemoryStore()
        self.works = Works(self.store)
        self.engine = MachinesEngine(self.fleet, self.clock.now_s, self._work_s)
        self.diary = Diary(series.begin_s, job_of)
        self.submit: Submit = self._admit
        self._service, self._run_s = parts.attempts.service, parts.attempts.run_s
        self._submitted_s, self._deadline_s = parts.attempts.submitted_s, parts.attempts.deadline_s
        self._resumable, self._jobs = parts.attempts.resumable, parts.attempts.count
        self._come, self._sample_at_s = 0, math.inf
        self._woken = False
        groups = Groups(self.store, self.works)
        self.hands = hands_without_files(self.fleet, self.engine, self.works, groups, self.clock.now, wake=self._wake)
        grids = Grids(self.fleet)
        agents: dict[Any, SiteAgent]
        world: World
        if steady:
            layer = HeatLayer(parts, self.hardware)
            agents = {site.id: SteadyAgent(self.fleet, site.id, layer) for site in self.fleet.sites}
            world = SteadyWorld(self.fleet, grids, layer=layer, clock_rate=1.0, seed=scenario.seed)
        else:
            agents = {site.id: SiteAgent(self.fleet, site.id) for site in self.fleet.sites}
            world = World(self.fleet, grids, clock_rate=1.0, seed=scenario.seed)
        sites = Sites(self.fleet, agents, self.hardware, self.hardware, self.hardware.outdoor_ahead_c)
        meter = MeterBook(self.fleet, self.engine, clock_rate=1.0, grid=grids.at, begin_s=self.clock.now_s())
        self.loop = Loop(
            fleet=self.fleet,
            store=self.store,
            works=self.works,
            engine=self.engine,
            groups=groups,
            hands=self.hands,
            sites=sites,
            world=world,
            window=Window(self.works, sites, meter, HeatBook(self.fleet)),
            placing=Placing(self.works, policy, policy.fresh(), _Recorder(self.diary, watch, ticks)),
            now_s=self.clock.now_s,
            sample_s=0.0,
        )
        self.sites = sites

    def live(self, until_s: float | None = None) -> None:
        """Live through the scenario, or up to a time of it [s from its begin]."""
        begin_s, step_s = self.series.begin_s, self.series.step_s
        end_s = self.series.steps * step_s if until_s is None else until_s
        if self.clock.now_s() < begin_s:
            self.clock.leap(begin_s - self.clock.now_s())
            self._moment(boundary=True)
            self._sample_at_s = _SAMPLE_S
        while True:
            boundary_s = (self.hardware.step + 1) * step_s
            event_s = min(boundary_s, self._next_arrival_s, self.engine.next_end_s - begin_s)
            then_s = min(event_s, self._sample_at_s)
            if then_s >= end_s:
                self.clock.platform_s = begin_s + end_s
                self.loop.begin()  # the last step is metered and lived through, and nothing is decided any more
                return
            self.clock.platform_s = max(begin_s + then_s, self.clock.now_s())
            if then_s < event_s:
                self._sample_at_s = math.inf
                self.loop.begin()  # a look and a sample: new caps reach what was started
                continue
            acts = len(self.diary.acts)
            self._moment(boundary=then_s == boundary_s)
            self._sample_at_s = then_s + _SAMPLE_S if len(self.diary.acts) > acts else math.inf

    @property
    def _next_arrival_s(self) -> float:
        return float(self._submitted_s[self._come]) if self._come < self._jobs else math.inf

    def _moment(self, *, boundary: bool) -> None:
        """What happens at one moment: ends are heard and stored, work comes, then the loop turns until all is quiet."""
        self.loop.begin()
        now_s = self.clock.now_s() - self.series.begin_s
        first, self._come = self._come, int(np.searchsorted(self._submitted_s[: self._jobs], now_s, side="right"))
        rows = list(range(first, self._come))
        if boundary and self.hardware.step == 0 and now_s == 0.0:
            rows += range(self._jobs, len(self._run_s))
        if rows:
            self.submit([self._task(row) for row in rows])
            self.loop.stir()
        if boundary:
            self.loop.stir()
        for _ in range(_MOST_TURNS):
            self._woken = False
            self.loop.tick()
            if not (self._woken or self.engine.news):
                break
        self.loop.tick()

    def _admit(self, tasks: list[Task]) -> None:
        self.loop.groups.admit(tasks, self.clock.now())

    def _wake(self) -> None:
        self._woken = True

    def _task(self, row: int) -> Task:
        at, run_s = self.clock.now(), float(self._run_s[row])
        deadline_s = float(self._deadline_s[row])
        return Task(
            id=task_id(row),
            account_id=ACCOUNT,
            name=f"job {row}",
            profile="process",
            constants={"CMD": "work"},
            service=ServiceClass(int(self._service[row])),
            resumable=bool(self._resumable[row]),
            expected_s=run_s if math.isfinite(run_s) else None,
            deadline=utc(self.series.begin_s + deadline_s) if math.isfinite(deadline_s) else None,
            created_at=at,
            modified_at=at,
            state_since=at,
        )

    def _work_s(self, order: LaunchOrder) -> float:
        """Seconds at full speed that an attempt needs: a resumable one goes on where the last one stopped."""
        needed_s = float(self._run_s[row_of(task_of(order.attempt_id))])
        found = self.works.find(order.attempt_id)
        if found is None or not found[0].task.resumable or not math.isfinite(needed_s):
            return needed_s
        work, attempt = found
        done_s = math.fsum(tried.cpu_s for tried in work.attempts[attempt.instance_id] if tried.id != attempt.id)
        return max(needed_s - done_s, 1e-6)


def task_id(row: int) -> TaskId:
    """Id of the task of a row: they sort as rows do."""
    return TaskId(f"00000000-0000-4000-8000-{row:012d}")


def row_of(task: TaskId) -> int:
    """Row of a task."""
    return int(task.rpartition("-")[2])


def job_of(instance: str) -> int:
    """Row of an instance by its id."""
    return row_of(task_of(InstanceId(instance)))


class _Recorder(TickWriter):
    """Hears every tick as the platform's own record does, and passes it on to that where there is one."""

    def __init__(self, diary: Diary, watch: Callable[[View, Any, Decision], None] | None, ticks: Path | None) -> None:
        self._diary, self._watch = diary, watch
        if ticks is not None:
            super().__init__(ticks)
        self._kept = ticks is not None

    def write(self, policy: str, view: View, memory: object, decision: Decision) -> None:  # type: ignore[override]
        """Note a tick."""
        self._diary.note(view.now_s, decision)
        if self._watch is not None:
            self._watch(view, memory, decision)
        if self._kept:
            super().write(policy, view, memory, decision)
