"""Two sites for the heat side's API: one whose points are pushed, and a neighbour's."""

from __future__ import annotations

import dataclasses

from integration.api.memory_desk import small_fleet
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind


def two_sites() -> Fleet:
    """Give `small_fleet` with pushed points, and a site next door."""
    home, there = small_fleet(), SiteId("next")
    return dataclasses.replace(
        home,
        sites=(*home.sites, Site(id=there, name="Next door")),
        units=(
            *home.units,
            Unit(id=UnitId("n-heater"), site_id=there, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("n-room")),
        ),
        nodes=(*home.nodes, Node(id=NodeId("n-node"), unit_id=UnitId("n-heater"), curve=PowerCurve(20.0, 220.0))),
        sinks=(*home.sinks, Zone(id=SinkId("n-room"), site_id=there, name="Room next door")),
        requests=(
            *home.requests,
            HeatRequest(
                id=RequestId("n-warm"), site_id=there, target_id=SinkId("n-room"), schedule=constant(19.0),
                guaranteed_c=16.0,
            ),
        ),
        connections=(
            Connection(id="feed", site_id=SiteId("home"), driver="push"),
            Connection(id="n-feed", site_id=there, driver="push"),
            Connection(id="web", site_id=SiteId("home"), driver="http", url="http://192.0.2.1/"),
        ),
        bindings=(
            Binding(entity_id="tank", point="temperature", connection_id="feed", scale=0.1),
            Binding(entity_id="tank", point="temperature", index=1, connection_id="feed"),
            Binding(entity_id="heater", point="electric_power", connection_id="web"),
            Binding(entity_id="n-room", point="temperature", connection_id="n-feed"),
        ),
    )  # fmt: skip
