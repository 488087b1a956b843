"""A site under its agent: virtual plant, nodes that draw at once what their cap and work allow, a leaping clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ondol.agent.orders import NodeStatus, SiteOrders, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.drivers.ports import ReadsHeat
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.sensors import FaultySensors
from ondol.drivers.virtual.surroundings import OutdoorState, Surroundings
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.view import ServiceClass
from ondol.signals.water import MainsWater
from ondol.signals.weather import Weather

Busy = Callable[[dt.datetime, NodeId], ServiceClass | None]
Floors = Callable[[dt.datetime], dict[UnitId, float]]


class January:
    """Trappes in January with its mains water; draws follow a two-peak day."""

    SHAPE = (0.1, 0.1, 0.1, 0.1, 0.2, 1, 3, 3, 2, 1, 1, 1, 1.5, 1, 0.7, 0.7, 1, 1.5, 2, 2, 1.5, 1, 0.5, 0.2)

    def __init__(self, draw_l_per_day: float = 0.0) -> None:
        self._weather, self._water = Weather.load("H1a"), MainsWater.load("H1a")
        self._litres = draw_l_per_day

    def outdoor(self, at: dt.datetime) -> OutdoorState:
        now = self._weather.at(at)
        return OutdoorState(
            temp_c=now.temp_c, solar_w_m2=0.3 * now.direct_normal_w_m2 + 0.5 * now.diffuse_horizontal_w_m2
        )

    def mains_temp_c(self, at: dt.datetime) -> float:
        return self._water.at(at)

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:
        share = self.SHAPE[start.hour] / sum(self.SHAPE)
        return self._litres * share * (end - start).total_seconds() / 3600.0


@dataclass
class Trace:
    """What happened, one row a step."""

    orders: list[SiteOrders] = field(default_factory=list)
    at: list[dt.datetime] = field(default_factory=list)
    temps: dict[SinkId, list[float]] = field(default_factory=dict)
    power_w: dict[UnitId, list[float]] = field(default_factory=dict)
    starts: int = 0
    discomfort_kh: dict[SinkId, float] = field(default_factory=dict)


@dataclass
class ClosedLoop:
    fleet: Fleet
    surroundings: Surroundings
    start: dt.datetime
    busy: Busy = lambda _now, _node: ServiceClass.HARVEST
    floors: Floors = lambda _now: {}
    noise_k: float = 0.0
    partial: bool = True
    steps_s: tuple[float, ...] = (60.0,)
    load: Callable[[NodeId], float] = lambda _node: 1.0
    spoil: Callable[[dt.datetime, FaultySensors, VirtualPlant], None] = lambda _now, _sensors, _plant: None

    def __post_init__(self) -> None:
        self.plant = VirtualPlant(self.fleet, self.surroundings, self.start)
        self.sensors = FaultySensors(self.plant, noise_k=self.noise_k, seed=7)
        self.agent = SiteAgent(self.fleet, self.fleet.sites[0].id, partial_nodes=self.partial)
        self.power = {node.id: node.curve.idle_w for node in self.fleet.nodes}
        self.working = {node.id: False for node in self.fleet.nodes}
        self.now = self.start

    def crank(self) -> SiteOrders:
        reads: ReadsHeat = self.sensors
        statuses = []
        for node in self.fleet.nodes:
            service = self.busy(self.now, node.id)
            statuses.append(
                NodeStatus(
                    node_id=node.id,
                    power_w=self.power[node.id],
                    busy_slots=0 if service is None else 1,
                    service=service,
                )
            )
        return self.agent.step(
            self.now,
            readings=SiteReadings(sinks=reads.sinks(), units=reads.units()),
            nodes=tuple(statuses),
            floors=self.floors(self.now),
            outdoor_temp_c=reads.outdoor_temp_c(),
            outdoor_ahead=lambda at: self.surroundings.outdoor(at).temp_c,
        )

    def run(self, hours: float) -> Trace:
        trace, end, k = Trace(), self.now + dt.timedelta(hours=hours), 0
        while self.now < end:
            self.spoil(self.now, self.sensors, self.plant)
            orders = self.crank()
            step_s = self.steps_s[k % len(self.steps_s)]
            k += 1
            energy = {}
            for node in self.fleet.nodes:
                cap = orders.node(node.id).cap_w
                idle = node.curve.idle_w
                wish = idle + (node.curve.max_w - idle) * self.load(node.id)
                draws = (
                    0.0 if cap <= 0 else max(min(cap, wish), idle) if self.busy(self.now, node.id) is not None else idle
                )
                works = draws > idle + 0.05 * (node.curve.max_w - idle)
                trace.starts += works and not self.working[node.id]
                self.working[node.id], self.power[node.id] = works, draws
                energy[node.id] = draws * step_s
            self.now += dt.timedelta(seconds=step_s)
            self.plant.advance(self.now, energy)
            trace.at.append(self.now)
            trace.orders.append(orders)
            for reading in self.plant.sinks():
                trace.temps.setdefault(reading.sink_id, []).append(reading.temp_c)
            for unit in self.fleet.units:
                drawn = sum(self.power[node.id] for node in self.fleet.nodes_of(unit.id))
                trace.power_w.setdefault(unit.id, []).append(drawn)
            for sink in orders.sinks:
                before = trace.discomfort_kh.get(sink.sink_id, 0.0)
                trace.discomfort_kh[sink.sink_id] = before + sink.discomfort_kh
        return trace


@pytest.fixture
def closed_loop() -> type[ClosedLoop]:
    return ClosedLoop


@pytest.fixture
def january() -> type[January]:
    return January
