"""A rehearsal: a fleet lives through a span of platform time in seconds, by the code that runs it live.

The loop, the lifecycle, the policy, the agents, the virtual plant, the metering and the ledger are those of production;
only the clock leaps, jobs are CPU seconds to be spent, and state lies in memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from ondol.agent.site_agent import SiteAgent
from ondol.control.clock import LeapingClock
from ondol.control.foresight import foresight
from ondol.control.grids import Grids
from ondol.control.groups import Groups
from ondol.control.heat_book import HeatBook, HeatCounters
from ondol.control.kept import Kept
from ondol.control.loop import Loop
from ondol.control.metering import Counters, MeterBook
from ondol.control.placing import Placing
from ondol.control.record import TickWriter
from ondol.control.sites import Sites
from ondol.control.surroundings import PackagedSurroundings
from ondol.control.window import Window
from ondol.control.works import Works
from ondol.control.world import World
from ondol.drivers.power.nodes import NodeMeters
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.engine.ports import LaunchOrder
from ondol.engine.sim.engine import SimEngine
from ondol.model.compute import Task
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.ids import TaskId, task_of
from ondol.policy.registry import load_policy
from ondol.storage.memory.store import MemoryStore
from ondol.twin.files import hands_without_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Work that comes at a time of the rehearsal.

    Parameters
    ----------
    task : as it is submitted; its `created_at` says when it comes
    cpu_s : CPU seconds that each of its instances needs, > 0 [s]
    """

    task: Task
    cpu_s: float


class Rehearsal:
    """A fleet, a policy and a stack of work on a leaping clock.

    Parameters
    ----------
    begin : platform time at which it starts, aware
    clock_rate : platform seconds per wall second of the platform that is rehearsed
    tick_s : platform time between ticks [s]
    recorder : where ticks are recorded, None for nowhere
    """

    def __init__(
        self,
        fleet: Fleet,
        policy: str,
        arrivals: Iterable[Arrival],
        *,
        begin: dt.datetime,
        clock_rate: float = 60.0,
        tick_s: float = 15.0,
        sample_s: float = 60.0,
        recorder: TickWriter | None = None,
    ) -> None:
        if tick_s <= 0:
            raise InvalidFieldError("tick_s", tick_s, "above 0 s")
        self.clock = LeapingClock(begin.timestamp(), clock_rate)
        self.store = MemoryStore()
        self._arrivals = sorted(arrivals, key=lambda arrival: (arrival.task.created_at, arrival.task.id))
        self._cpu_s: dict[TaskId, float] = {arrival.task.id: arrival.cpu_s for arrival in self._arrivals}
        self._tick_s = tick_s
        self._fleet, self._rate, self._sample_s, self._recorder = fleet, clock_rate, sample_s, recorder
        self._policy = load_policy(policy)
        self.engine = SimEngine(lambda: self.clock.now_s() / clock_rate, self._work_s)
        surroundings = PackagedSurroundings(fleet)
        self.plant = VirtualPlant(fleet, surroundings, begin)
        agents = {site.id: SiteAgent(fleet, site.id) for site in fleet.sites}
        self._sites = Sites(
            fleet,
            agents,
            self.plant,
            self.plant,
            outdoor_at=lambda site_id: surroundings.at_site(site_id).outdoor_temp_c,
        )
        self._weather = surroundings.outdoor
        self._live()

    def restart(self) -> None:
        """Begin a new life as after `kill -9`: of the old one, only what was written is known.

        Engine, plant and the agents at the sites go on: they are other machines.
        """
        self._live()
        self.loop.begin()

    def _live(self) -> None:
        """Put together what lives and dies with the platform."""
        fleet = self._fleet
        self.works = Works(self.store)
        grids = Grids(fleet)
        kept = Kept(self.store, fleet)
        groups = Groups(self.store, self.works)
        self.hands = hands_without_files(fleet, self.engine, self.works, groups, self.clock.now)
        self.outlook = foresight(fleet, grids, self.works, self.store, clock=self.clock, weather=self._weather)
        world = World(fleet, grids, clock_rate=self._rate, outlook=self.outlook)
        meter = MeterBook(
            fleet,
            NodeMeters(fleet, time_scale=self._rate),
            clock_rate=self._rate,
            grid=grids.at,
            begin_s=self.clock.now_s(),
            counters=kept.document("meter", Counters),
        )
        heat = HeatBook(fleet, kept.document("heat", HeatCounters))
        self.loop = Loop(
            fleet=fleet,
            store=self.store,
            works=self.works,
            engine=self.engine,
            groups=groups,
            hands=self.hands,
            sites=self._sites,
            world=world,
            window=Window(self.works, self._sites, meter, heat),
            placing=Placing(self.works, self._policy, kept.memory(self._policy), self._recorder),
            now_s=self.clock.now_s,
            sample_s=self._sample_s,
        )

    def run(self, duration_s: float) -> None:
        """Let `duration_s` of platform time pass; work comes when it is due."""
        end_s = self.clock.now_s() + duration_s
        while self.clock.now_s() < end_s:
            self.clock.leap(min(self._tick_s, end_s - self.clock.now_s()))
            due = [arrival.task for arrival in self._arrivals if arrival.task.created_at <= self.clock.now()]
            if due:
                self._arrivals = self._arrivals[len(due) :]
                self.loop.groups.admit(due, self.clock.now())
                self.loop.stir()
            self.loop.tick()
        self.loop.tick(close_window=True)

    def _work_s(self, order: LaunchOrder) -> float:
        """CPU seconds that an attempt needs: a resumable one goes on where the last one stopped."""
        task_id = task_of(order.attempt_id)
        needed_s = self._cpu_s.get(task_id, 1.0)  # of what was not among the arrivals: preparations of pools
        found = self.works.find(order.attempt_id)
        if found is None or not found[0].task.resumable:
            return needed_s
        work, attempt = found
        before = [tried.cpu_s for tried in work.attempts[attempt.instance_id] if tried.id != attempt.id]
        return max(1e-3, needed_s - sum(before))
