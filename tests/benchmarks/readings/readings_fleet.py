"""A fleet of many alike sites, each with twenty points that its host pushes."""

from __future__ import annotations

from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import Tank
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

POINTS = 20


def fleet_of(sites: int, *, driver: str = "push", agent: str = "embedded") -> Fleet:
    """Give the fleet: a boiler and a tank with ten layers at each site, behind one connection of a driver."""
    url = "" if driver == "push" else "http://192.0.2.1/"
    names = [f"s{number:04d}" for number in range(sites)]
    curve = PowerCurve(20.0, 220.0)
    return Fleet(
        name="readings",
        sites=tuple(Site(id=SiteId(name), name=name, agent=agent) for name in names),
        units=tuple(
            Unit(id=UnitId(f"{n}-b"), site_id=SiteId(n), kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId(f"{n}-c"))
            for n in names
        ),
        nodes=tuple(Node(id=NodeId(f"{n}-n"), unit_id=UnitId(f"{n}-b"), curve=curve) for n in names),
        sinks=tuple(Tank(id=SinkId(f"{n}-t"), site_id=SiteId(n), name=n) for n in names),
        circuits=tuple(
            HeatCircuit(id=CircuitId(f"{n}-c"), site_id=SiteId(n), kind="dhw", sink_id=SinkId(f"{n}-t")) for n in names
        ),
        connections=tuple(Connection(id=f"{n}-p", site_id=SiteId(n), driver=driver, url=url) for n in names),
        bindings=tuple(
            Binding(
                entity_id=entity,
                point=point,
                index=index,
                connection_id=f"{n}-p",
                address="" if driver == "push" else f"{point}.{index}",
            )
            for n in names
            for entity, point, index in points_of(n)
        ),
    )


def points_of(site: str) -> list[tuple[str, str, int]]:
    """Give the twenty points of a site: (entity, point, index)."""
    layers = [(f"{site}-t", "temperature", layer) for layer in range(10)]
    boiler = ("heat_meter", "heat_power", "flow", "supply_temperature", "return_temperature", "loop_temperature")
    more = ("electric_power", "electric_meter", "volume_meter")
    return [*layers, *((f"{site}-b", point, 0) for point in (*boiler, *more)), (site, "outdoor_temperature", 0)]
