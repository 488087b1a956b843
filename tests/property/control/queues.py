"""Random fleets, tasks and events for the live side of deciding: works on a store, and what a World makes of them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field

from hypothesis import strategies as st

from ondol.agent.orders import NodeOrder, SiteOrders, UnitOrder
from ondol.control.grids import Grids
from ondol.control.works import Works
from ondol.control.world import World
from ondol.lifecycle.events import (
    AttemptReported,
    CancelAsked,
    EndSeen,
    InputsReady,
    ResultsUploaded,
    RunSeen,
    StartDecided,
    StopDecided,
)
from ondol.model.account import AccountLimits, ReservedQuota
from ondol.model.compute import AttemptState, InstanceState, Task
from ondol.model.conditions import HardwareConstraint, HardwareKind, Scheduling
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId, NodeId, SiteId, TaskId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.model.view import ServiceClass, View
from ondol.storage.memory.store import MemoryStore

NOW = dt.datetime(2022, 1, 26, 6, tzinfo=dt.UTC)
ACCOUNTS = tuple(AccountId(key) for key in "abc")
SSD, GPU = HardwareConstraint(kind=HardwareKind.SSD), HardwareConstraint(kind=HardwareKind.GPU)


def small_fleet(slots: tuple[int, ...]) -> Fleet:
    """One heater in a room per node and a rack last; every second node has an SSD, the second has a GPU."""
    site = SiteId("s")
    zones, units, nodes = [], [], []
    for number, count in enumerate(slots):
        unit, zone = UnitId(f"u{number}"), f"z{number}"
        rack = number == len(slots) - 1
        if not rack:
            zones.append(Zone(id=zone, site_id=site, name=zone))  # type: ignore[arg-type]
        kind = UnitKind.SERVER_RACK if rack else UnitKind.DIGITAL_HEATER
        units.append(Unit(id=unit, site_id=site, kind=kind, zone_id=None if rack else zone))  # type: ignore[arg-type]
        nodes.append(
            Node(
                id=NodeId(f"n{number}"),
                unit_id=unit,
                curve=PowerCurve(idle_w=50.0, max_w=450.0),
                slots=count,
                ssd=number % 2 == 0,
                gpu="T4" if number == 1 else "",
                cores_per_slot=1 + number % 2,
            )
        )
    return Fleet(name="f", sites=(Site(id=site, name="s"),), units=tuple(units), nodes=tuple(nodes), sinks=tuple(zones))


def orders_of(fleet: Fleet, wanted_w: tuple[float, ...], temp_c: tuple[float, ...]) -> SiteOrders:
    """What the site's agent says: watts wanted and temperature per unit; racks have neither."""
    units = []
    for number, unit in enumerate(fleet.units):
        heats = unit.kind is not UnitKind.SERVER_RACK
        watts = wanted_w[number % len(wanted_w)] if heats else 0.0
        units.append(
            UnitOrder(
                unit_id=unit.id,
                wanted_w=watts,
                demand_w=watts,
                target_w=watts,
                measured_w=50.0,
                wanted_ahead_w=(watts,),
                temp_c=temp_c[number % len(temp_c)] if heats else math.nan,
                setpoint_c=19.0 if heats else math.nan,
                lower_c=18.5 if heats else math.nan,
                upper_c=21.0 if heats else math.nan,
                room_j=1e6 if heats else 0.0,
                safety=False,
                limited_by="",
                reason="r",
            )
        )
    nodes = tuple(NodeOrder(node_id=node.id, cap_w=450.0, hot=True, accepts=True) for node in fleet.nodes)
    return SiteOrders(now=NOW, dt_s=60.0, units=tuple(units), nodes=nodes, sinks=())


@st.composite
def tasks(draw: st.DrawFn, most_instances: int = 6) -> list[Task]:
    made = []
    for number in range(draw(st.integers(1, 9))):
        submitted = NOW - dt.timedelta(seconds=draw(st.sampled_from([1, 60, 60, 300, 4000])))
        service = draw(st.sampled_from(ServiceClass))
        reserved = service is ServiceClass.ON_DEMAND and draw(st.sampled_from([False, False, True]))
        made.append(
            Task(
                id=TaskId(f"00000000-0000-4000-8000-{draw(st.integers(0, 999)):03d}{number:09d}"),
                account_id=draw(st.sampled_from(ACCOUNTS)),
                name="t",
                profile="process",
                instance_numbers=tuple(range(draw(st.integers(1, most_instances)))),
                service=service,
                scheduling=Scheduling.RESERVED if reserved else Scheduling.FLEX,
                hardware=draw(st.sampled_from([(), (), (), (SSD,), (GPU,), (SSD, GPU)])),
                expected_s=draw(st.sampled_from([None, 600.0, 9000.0])),
                deadline=draw(st.sampled_from([None, NOW + dt.timedelta(seconds=1500), NOW + dt.timedelta(days=1)])),
                resumable=draw(st.booleans()),
                created_at=submitted,
                modified_at=submitted,
                state_since=submitted,
            )
        )
    return made


@st.composite
def limits(draw: st.DrawFn) -> dict[AccountId, AccountLimits]:
    """Of a and b; c has none."""
    some = st.sampled_from([None, 0, 1, 3, 100])
    kept = draw(st.sampled_from([(), (ReservedQuota(reservation="r", machine_key="k", nodes=(NodeId("n0"),)),)]))
    return {
        ACCOUNTS[0]: AccountLimits(flex_instances=draw(some), on_demand_instances=draw(some), reserved=kept),
        ACCOUNTS[1]: AccountLimits(flex_cores=draw(some), on_demand_cores=draw(some)),
    }


@dataclass
class Stage:
    """Works on a store in memory, looked at by one World."""

    fleet: Fleet
    orders: SiteOrders
    terms: dict[AccountId, AccountLimits] = field(default_factory=dict)
    least_shown: int = 1
    at: dt.datetime = NOW
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.works = Works(self.store)
        self.world = self.new_world()

    def new_world(self, least_shown: int | None = None) -> World:
        return World(
            self.fleet,
            Grids(self.fleet),
            clock_rate=60.0,
            limits_of=lambda account: self.terms.get(account, AccountLimits()),
            reserved=lambda: {key: one.reserved for key, one in self.terms.items() if one.reserved},
            least_shown=self.least_shown if least_shown is None else least_shown,
        )

    def admit(self, made: list[Task]) -> None:
        """Take tasks in at the moments of their creation."""
        for task in made:
            self.works.admit([task], task.created_at)

    def view(self) -> View:
        """What the World that saw everything makes of it."""
        return self.world.view(self.at.timestamp(), [self.orders], self.works, {})

    def view_anew(self, least_shown: int | None = None) -> View:
        """What a World makes of it that sees the stored works for the first time."""
        self.flush()
        return self.new_world(least_shown).view(self.at.timestamp(), [self.orders], Works(self.store), {})

    def stop(self, instance_id: str) -> None:
        """Take an attempt out of its slot, into the queue again."""
        task_id = TaskId(instance_id.partition("/")[0])
        self.works.apply(task_id, StopDecided(at=self.at, instance_id=instance_id, reason="r"))  # type: ignore[arg-type]
        work = self.works.get(task_id)
        attempt = None if work is None else work.latest(instance_id)  # type: ignore[arg-type]
        if attempt is not None and not attempt.state.final:
            report = AttemptReported(
                at=self.at, attempt_id=attempt.id, state=RunSeen.ENDED, cause=EndSeen.STOPPED, cpu_s=1.0
            )
            self.works.apply(task_id, report)

    def flush(self) -> None:
        changes, instructions = self.works.take_changes()
        self.store.commit(changes)
        self.works.drop_closed(instructions)

    def start(self, instance_id: str, node_id: str) -> None:
        """Place an instance and let it run."""
        task_id = TaskId(instance_id.partition("/")[0])
        event = StartDecided(at=self.at, instance_id=instance_id, node_id=NodeId(node_id), reason="r")  # type: ignore[arg-type]
        assert self.works.apply(task_id, event)
        work = self.works.get(task_id)
        assert work is not None
        attempt = work.latest(instance_id)  # type: ignore[arg-type]
        assert attempt is not None
        self.works.apply(task_id, InputsReady(at=self.at, attempt_id=attempt.id))
        self.works.apply(task_id, AttemptReported(at=self.at, attempt_id=attempt.id, state=RunSeen.RUNNING))

    def end(self, number: int, code: int) -> None:
        """End the number-th attempt under way, with its results stored."""
        under_way = [one for one in self.works.under_way() if one[2].state is AttemptState.RUNNING]
        if not under_way:
            return
        attempt = under_way[number % len(under_way)][2]
        report = AttemptReported(
            at=self.at, attempt_id=attempt.id, state=RunSeen.ENDED, cause=EndSeen.EXITED, exit_code=code, cpu_s=3.0
        )
        self.works.apply(attempt.task_id, report)
        self.works.apply(attempt.task_id, ResultsUploaded(at=self.at, attempt_id=attempt.id))

    def cancel(self, number: int) -> None:
        """Cancel the number-th task that still waits."""
        waiting = [work for work in self.works if any(i.state is InstanceState.QUEUED for i in work.instances.values())]
        if waiting:
            task = waiting[number % len(waiting)].task
            if not task.cancel_wanted:
                self.works.ask(task.id, CancelAsked(at=self.at, task_id=task.id))
