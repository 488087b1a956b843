"""A site with everything that can be shown: room, tank, pool, heater, boiler, rack."""

from __future__ import annotations

from typing import Any

from ondol.drivers.mqtt.topics import Topics
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

BATH = SiteId("bath")
TOPICS = Topics("ondol", BATH, "homeassistant")


def fleet(*bindings: Binding, **parts: Any) -> Fleet:
    whole: dict[str, Any] = {
        "name": "Bath",
        "sites": (Site(id=BATH, name="Bath"),),
        "sinks": (
            Zone(id=SinkId("hall"), site_id=BATH, name="Hall", temp_max_c=26.0),
            Tank(id=SinkId("showers"), site_id=BATH, name="Showers", layers=4, temp_max_c=70.0),
            SwimmingPool(id=SinkId("basin"), site_id=BATH, name="Basin", temp_max_c=30.0),
        ),
        "circuits": (HeatCircuit(id=CircuitId("loop"), site_id=BATH, kind="pool", sink_id=SinkId("basin")),),
        "units": (
            Unit(id=UnitId("heater"), site_id=BATH, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("hall")),
            Unit(id=UnitId("boiler"), site_id=BATH, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("loop")),
            Unit(id=UnitId("rack"), site_id=BATH, kind=UnitKind.SERVER_RACK),
        ),
        "nodes": tuple(
            Node(id=NodeId(f"{unit}-{n}"), unit_id=UnitId(unit), curve=PowerCurve(60.0, 400.0))
            for unit in ("heater", "boiler", "rack")
            for n in (1, 2)
        ),
        "bindings": bindings,
        "connections": (a_line(),) if bindings else (),
    }
    return Fleet(**(whole | parts))


def a_line(**fields: Any) -> Connection:
    given: dict[str, Any] = {"id": "line", "site_id": BATH, "driver": "mqtt", "host": "127.0.0.1", "port": 1}
    return Connection(**(given | fields))
