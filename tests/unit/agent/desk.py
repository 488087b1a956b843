"""A home with a heated room and a tank, and a desk on which a test steps its agent."""

from __future__ import annotations

import datetime as dt
import math

from ondol.agent.orders import NodeStatus, SiteOrders, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.model.view import ServiceClass

NOW = dt.datetime(2026, 1, 5, 12, 0, tzinfo=dt.UTC)
HOME, ROOM, TANK, HEATER, BOILER = SiteId("s"), SinkId("room"), SinkId("tank"), UnitId("heater"), UnitId("boiler")
ZONE = Zone(id=ROOM, site_id=HOME, name="Room", backup_kind="electric", backup_power_w=1500.0)
WATER = Tank(id=TANK, site_id=HOME, name="Tank", backup_kind="gas", backup_power_w=6000.0)


def request(sink: SinkId, value: float = 20.0, **fields: object) -> HeatRequest:
    return HeatRequest(
        **({"id": RequestId(f"r-{sink}"), "site_id": HOME, "target_id": sink, "schedule": constant(value)} | fields)
    )


def fleet(unit: dict[str, object] | None = None, circuit: dict[str, object] | None = None, **site: object) -> Fleet:
    curve = PowerCurve(20.0, 220.0)
    return Fleet(
        name="f",
        sites=(Site(id=HOME, name="S", **site),),
        units=(
            Unit(
                id=HEATER,
                site_id=HOME,
                kind=UnitKind.DIGITAL_HEATER,
                zone_id=ROOM,
                **({"loop_temp_max_c": 95.0} | (unit or {})),
            ),
            Unit(id=BOILER, site_id=HOME, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("c")),
        ),
        nodes=tuple(Node(id=NodeId(f"{u}-{k}"), unit_id=u, curve=curve) for u in (HEATER, BOILER) for k in range(4)),
        sinks=(ZONE, WATER),
        circuits=(HeatCircuit(id=CircuitId("c"), site_id=HOME, kind="dhw", sink_id=TANK, **(circuit or {})),),
        requests=(request(ROOM), request(TANK, 45.0, band_k=3.0)),
    )


class Desk:
    """An agent that is told what a test says and remembers its last orders."""

    def __init__(self, of: Fleet | None = None) -> None:
        self.fleet = of or fleet()
        self.agent, self.now = SiteAgent(self.fleet, HOME), NOW
        self.room_c: float | None = 20.0
        self.tank_c: float | None = 45.0
        self.boiler: dict[str, float] = {}
        self.heater: dict[str, float] = {}
        self.power_w, self.busy = 120.0, True

    def step(self, seconds: float = 60.0, **told: object) -> SiteOrders:
        self.now += dt.timedelta(seconds=seconds)
        temps = ((ROOM, self.room_c), (TANK, self.tank_c))
        sinks = tuple(SinkReading(sink_id=i, measured_at=self.now, temp_c=t) for i, t in temps if t is not None)
        common = {"measured_at": self.now, "heat_j": math.nan}
        units = (
            UnitReading(unit_id=BOILER, **({"loop_temp_c": 46.0} | common | self.boiler)),
            UnitReading(unit_id=HEATER, **({"loop_temp_c": 25.0} | common | self.heater)),
        )
        nodes = tuple(
            NodeStatus(
                node_id=node.id,
                power_w=self.power_w,
                busy_slots=int(self.busy),
                service=ServiceClass.HARVEST if self.busy else None,
            )
            for node in self.fleet.nodes
        )
        told = {"outdoor_temp_c": 0.0} | told
        return self.agent.step(self.now, readings=SiteReadings(sinks=sinks, units=units), nodes=nodes, **told)


def codes(orders: SiteOrders) -> set[tuple[str, str]]:
    return {(note.entity_id, note.code) for note in orders.alarms}


def backup_on(orders: SiteOrders, sink: SinkId) -> bool:
    return next(order for order in orders.backups if order.sink_id == sink).on
