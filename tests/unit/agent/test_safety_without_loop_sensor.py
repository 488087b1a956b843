"""The limits of surface, return and flow do not need the sensor of the loop."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from ondol.agent.orders import NodeStatus, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

NOW = dt.datetime(2026, 1, 5, 12, 0, tzinfo=dt.UTC)
HOME, ROOM, TANK, HEATER, BOILER = SiteId("s"), SinkId("room"), SinkId("tank"), UnitId("heater"), UnitId("boiler")
FLEET = Fleet(
    name="f",
    sites=(Site(id=HOME, name="S"),),
    units=(
        Unit(id=HEATER, site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),
        Unit(id=BOILER, site_id=HOME, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("c")),
    ),
    nodes=tuple(Node(id=NodeId(f"{unit}-1"), unit_id=unit, curve=PowerCurve(20.0, 500.0)) for unit in (HEATER, BOILER)),
    sinks=(Zone(id=ROOM, site_id=HOME, name="Room"), Tank(id=TANK, site_id=HOME, name="Tank")),
    circuits=(
        HeatCircuit(
            id=CircuitId("c"), site_id=HOME, kind="dhw", sink_id=TANK, min_flow_kg_s=0.05, return_temp_max_c=50
        ),
    ),
    requests=(
        HeatRequest(id=RequestId("warm"), site_id=HOME, target_id=ROOM, schedule=constant(21.0)),
        HeatRequest(id=RequestId("hot"), site_id=HOME, target_id=TANK, schedule=constant(55.0)),
    ),
)


@pytest.mark.parametrize(
    ("unit", "felt", "code"),
    [
        (HEATER, {"surface_temp_c": 75.0}, "surface-hot"),
        (BOILER, {"return_temp_c": 60.0}, "return-hot"),
        (BOILER, {"flow_kg_s": 0.0}, "flow-lost"),
    ],
)
def test_a_unit_without_a_loop_sensor_keeps_its_other_limits(unit: UnitId, felt: dict[str, float], code: str) -> None:
    # given a cold room and a cold tank that want all heat, and units at full load whose loop nobody measures
    agent = SiteAgent(FLEET, HOME)
    nodes = tuple(NodeStatus(node_id=node.id, power_w=500.0, busy_slots=1) for node in FLEET.nodes)
    # when what people can touch is hot, or the water goes back hot, or stands still
    for k in range(4):
        now = NOW + dt.timedelta(seconds=20.0 * k)
        sinks = (
            SinkReading(sink_id=ROOM, measured_at=now, temp_c=15.0),
            SinkReading(sink_id=TANK, measured_at=now, temp_c=30.0),
        )
        reading = UnitReading(unit_id=unit, measured_at=now, heat_j=math.nan, loop_temp_c=math.nan, **felt)
        orders = agent.step(now, readings=SiteReadings(sinks=sinks, units=(reading,)), nodes=nodes)
    # then it is switched off, and it is told why
    assert [order.cap_w for order in orders.nodes if order.node_id.startswith(unit)] == [0.0]
    assert (unit, code) in {(note.entity_id, note.code) for note in orders.alarms}
