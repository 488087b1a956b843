"""Sites of many sizes for tests of commissioning, and a bench that moves them on a clock that leaps."""

from __future__ import annotations

import random

from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

HOME = SiteId("home")


def site(seed: int, *, rooms: int = 2, tank: bool = True, pool: bool = False) -> Fleet:
    """A site with rooms, a tank and a pool whose sizes are drawn within what is usual."""
    draw = random.Random(seed)
    units: list[Unit] = []
    nodes: list[Node] = []
    sinks: list[Zone | Tank | SwimmingPool] = []
    circuits: list[HeatCircuit] = []
    requests: list[HeatRequest] = []
    for k in range(rooms):
        size = draw.uniform(0.7, 1.6)
        room, heater = SinkId(f"room-{k}"), UnitId(f"heater-{k}")
        sinks.append(
            Zone(
                id=room,
                site_id=HOME,
                name=f"Room {k}",
                floor_area_m2=25.0 * size,
                ua_w_per_k=20.0 * size * draw.uniform(0.7, 1.4),
                air_j_per_k=5e5 * size * draw.uniform(0.7, 1.4),
                mass_j_per_k=4e6 * size * draw.uniform(0.7, 1.4),
                initial_temp_c=draw.uniform(18.5, 20.0),
            )
        )
        units.append(Unit(id=heater, site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=room, loop_temp_max_c=90.0))
        nodes += _nodes(heater, 4, 15.0, 200.0 * size)
        requests.append(_request(room, draw.uniform(20.0, 21.0), 1.0))
    if tank:
        volume_l = draw.uniform(300.0, 1200.0)
        store = SinkId("tank")
        sinks.append(
            Tank(
                id=store,
                site_id=HOME,
                name="Tank",
                volume_l=volume_l,
                height_m=1.6,
                draw_l_per_day=0.8 * volume_l,
                initial_temp_c=draw.uniform(35.0, 45.0),
                temp_max_c=70.0,
            )
        )
        _boiler(store, "dhw", draw.uniform(0.05, 0.15), draw.uniform(150.0, 300.0), units, nodes, circuits)
        requests.append(_request(store, 50.0, 6.0))
    if pool:
        basin = SinkId("basin")
        sinks.append(SwimmingPool(id=basin, site_id=HOME, name="Basin", area_m2=15.0, volume_m3=8.0))
        _boiler(basin, "pool", draw.uniform(0.2, 0.5), draw.uniform(300.0, 500.0), units, nodes, circuits)
        requests.append(_request(basin, 28.0, 0.6))
    return Fleet(
        name="one site",
        sites=(Site(id=HOME, name="Home"),),
        units=tuple(units),
        nodes=tuple(nodes),
        sinks=tuple(sinks),
        circuits=tuple(circuits),
        requests=tuple(requests),
    )


def _nodes(unit: UnitId, count: int, idle_w: float, max_w: float) -> list[Node]:
    curve = PowerCurve(idle_w=idle_w, max_w=max_w)
    return [Node(id=NodeId(f"{unit}-{k}"), unit_id=unit, curve=curve) for k in range(count)]


def _request(sink: SinkId, setpoint_c: float, band_k: float) -> HeatRequest:
    return HeatRequest(
        id=RequestId(f"for-{sink}"), site_id=HOME, target_id=sink, schedule=constant(setpoint_c), band_k=band_k
    )


def _boiler(
    sink: SinkId,
    kind: str,
    flow_kg_s: float,
    node_w: float,
    units: list[Unit],
    nodes: list[Node],
    circuits: list[HeatCircuit],
) -> None:
    circuit, unit = CircuitId(f"{sink}-loop"), UnitId(f"{sink}-boiler")
    circuits.append(HeatCircuit(id=circuit, site_id=HOME, kind=kind, sink_id=sink, flow_kg_s=flow_kg_s))
    units.append(
        Unit(
            id=unit,
            site_id=HOME,
            kind=UnitKind.DIGITAL_BOILER,
            circuit_id=circuit,
            capture_fraction=0.97,
            case_ua_w_per_k=3.0,
            heat_capacity_j_per_k=6e4,
        )
    )
    nodes += _nodes(unit, 8, 30.0, node_w)
