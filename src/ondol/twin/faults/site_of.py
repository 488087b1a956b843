"""A random site with plausible sizes, as one sequence of faults meets it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import WeeklySchedule, constant, daily
from ondol.model.sink import Sink, SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

SITE, SINK, UNIT, CIRCUIT = SiteId("site"), SinkId("sink"), UnitId("unit"), CircuitId("circuit")
KINDS = ("room", "room", "tank", "preheat", "pool")  # rooms are most of any fleet
_CLIMATES = ("H1a", "H2b", "H3")
_POLL_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSite:
    """What was drawn.

    Parameters
    ----------
    fleet : as the agent knows it
    backup_w : heat of the other heater, 0 where there is none [W]
    setpoint_c : highest of the schedule [°C]
    """

    kind: str
    fleet: Fleet
    sink: Sink
    backup_w: float
    setpoint_c: float


def draw_site(draw: random.Random) -> DrawnSite:
    """Draw a room with heaters, a final or preheat tank with boilers, or a pool; most tanks and rooms have a backup."""
    kind = draw.choice(KINDS)
    if kind == "room":
        sink, heat_w, schedule, circuit = _room(draw)
    elif kind == "pool":
        sink, heat_w, schedule, circuit = _pool(draw)
    else:
        sink, heat_w, schedule, circuit = _tank(draw, kind)
    backup_w = 0.0 if kind == "pool" or draw.random() < 0.15 else min(round(heat_w * draw.uniform(0.8, 1.5), -1), 2e4)
    if backup_w:
        sink = replace(sink, backup_kind="electric", backup_power_w=backup_w)
    units, nodes = _units(draw, kind, heat_w)
    request = HeatRequest(
        id=RequestId("request"), site_id=SITE, target_id=SINK, schedule=schedule, band_k=_band(kind, draw)
    )
    circuits = () if circuit is None else (circuit,)
    site = Site(id=SITE, name="Site", climate=draw.choice(_CLIMATES), electrical_limit_w=round(heat_w * 2.0 + 500.0))
    fleet = Fleet(
        name="drawn",
        sites=(site,),
        units=units,
        nodes=nodes,
        sinks=(sink,),
        circuits=circuits,
        requests=(request,),
        connections=(_CONNECTION,),
        bindings=_bindings(sink, units, circuits),
    )
    setpoint_c = max(slot.value for slot in schedule.slots)
    return DrawnSite(kind=kind, fleet=fleet, sink=sink, backup_w=backup_w, setpoint_c=setpoint_c)


_CONNECTION = Connection(id="desk", site_id=SITE, driver="push", interval_s=_POLL_S)


def _room(draw: random.Random) -> tuple[Sink, float, WeeklySchedule, None]:
    area_m2 = draw.uniform(12.0, 45.0)
    zone = Zone(
        id=SINK,
        site_id=SITE,
        name="Room",
        floor_area_m2=area_m2,
        ua_w_per_k=area_m2 * draw.uniform(0.5, 1.3),
        air_j_per_k=area_m2 * draw.uniform(1.2e4, 3e4),
        mass_j_per_k=area_m2 * draw.uniform(8e4, 2.5e5),
        mass_ua_w_per_k=area_m2 * draw.uniform(3.0, 6.0),
        mass_outside_ua_w_per_k=area_m2 * draw.uniform(0.2, 0.9),
        solar_aperture_m2=area_m2 * draw.uniform(0.0, 0.05),
        gains_w=draw.uniform(0.0, 120.0),
        initial_temp_c=draw.uniform(14.0, 21.0),
    )
    walls = zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k
    ua_w_per_k = zone.ua_w_per_k + zone.mass_ua_w_per_k * zone.mass_outside_ua_w_per_k / walls
    heat_w = ua_w_per_k * draw.uniform(25.0, 45.0)  # design load at −5 °C, up to half as much again for reheating
    day_c = draw.choice((19.0, 20.0, 21.0))
    night_c = day_c - draw.choice((0.0, 2.0, 3.0))
    return zone, heat_w, daily(((0, night_c), (6 * 60, day_c), (22 * 60, night_c))), None


def _tank(draw: random.Random, kind: str) -> tuple[Sink, float, WeeklySchedule, HeatCircuit]:
    volume_l = draw.choice((300.0, 500.0, 800.0, 1500.0, 3000.0))
    setpoint_c = draw.choice((57.0, 60.0)) if kind == "tank" else draw.choice((40.0, 45.0, 50.0, 55.0))
    tank = Tank(
        id=SINK,
        site_id=SITE,
        name="Tank",
        role="final" if kind == "tank" else "preheat",
        hygiene="fr-2005" if kind == "tank" else "preheat-weekly",
        volume_l=volume_l,
        ua_w_per_k=(0.224 + 0.0663 * volume_l ** (2.0 / 3.0)) * 1000.0 / (45.0 * 24.0),  # EN 15316-5 annex B
        layers=draw.choice((3, 4, 6)),
        draw_l_per_day=volume_l * draw.uniform(0.4, 2.0),
        initial_temp_c=setpoint_c - draw.uniform(0.0, 15.0),
    )
    heat_w = volume_l * draw.uniform(3.0, 9.0)
    loop_w_per_k = heat_w / draw.uniform(3.0, 6.0)
    return tank, heat_w, constant(setpoint_c), _circuit(loop_w_per_k, "dhw")


def _pool(draw: random.Random) -> tuple[Sink, float, WeeklySchedule, HeatCircuit]:
    area_m2 = draw.uniform(30.0, 320.0)
    setpoint_c = draw.choice((27.0, 28.0, 29.0, 30.0))
    pool = SwimmingPool(
        id=SINK,
        site_id=SITE,
        name="Pool",
        area_m2=area_m2,
        volume_m3=area_m2 * draw.uniform(1.1, 1.8),
        hall_temp_c=setpoint_c + 1.0,
        bathers_per_day=area_m2 * draw.uniform(0.2, 1.0),
        initial_temp_c=setpoint_c - draw.uniform(0.0, 1.5),
    )
    heat_w = area_m2 * draw.uniform(80.0, 250.0)
    return pool, heat_w, constant(setpoint_c), _circuit(heat_w / draw.uniform(3.0, 8.0), "pool")


def _circuit(loop_w_per_k: float, kind: str) -> HeatCircuit:
    flow_kg_s = loop_w_per_k / 4181.0 * 2.0
    return HeatCircuit(
        id=CIRCUIT,
        site_id=SITE,
        kind=kind,
        sink_id=SINK,
        exchanger_ua_w_per_k=loop_w_per_k * 2.0,
        flow_kg_s=max(flow_kg_s, 0.001),
    )


def _units(draw: random.Random, kind: str, heat_w: float) -> tuple[tuple[Unit, ...], tuple[Node, ...]]:
    count = draw.choice((1, 1, 2)) if heat_w > 800.0 else 1
    room = kind == "room"
    units, nodes = [], []
    for k in range(count):
        unit_id = UnitId(f"{UNIT}-{k}")
        share_w = heat_w / count
        units.append(
            Unit(
                id=unit_id,
                site_id=SITE,
                kind=UnitKind.DIGITAL_HEATER if room else UnitKind.DIGITAL_BOILER,
                zone_id=SINK if room else None,
                circuit_id=None if room else CIRCUIT,
                capture_fraction=1.0 if room else draw.uniform(0.9, 1.0),
                shell_ua_w_per_k=min(share_w / draw.uniform(25.0, 45.0), 1000.0),
                heat_capacity_j_per_k=share_w * draw.uniform(15.0, 30.0),
                loop_temp_max_c=65.0,
            )
        )
        servers = max(draw.randint(2, 6), int(share_w // 5_000.0) + 1)
        max_w = share_w / servers
        nodes += [
            Node(
                id=NodeId(f"node-{k}-{j}"),
                unit_id=unit_id,
                curve=PowerCurve(idle_w=max_w * draw.uniform(0.05, 0.15), max_w=max_w),
            )
            for j in range(servers)
        ]
    return tuple(units), tuple(nodes)


def _bindings(sink: Sink, units: tuple[Unit, ...], circuits: tuple[HeatCircuit, ...]) -> tuple[Binding, ...]:
    layers = sink.layers if isinstance(sink, Tank) else 1
    wired = [(str(SINK), "temperature", k) for k in range(layers)] + [(str(SITE), "outdoor_temperature", 0)]
    for unit in units:
        wired += [(str(unit.id), "loop_temperature", 0), (str(unit.id), "heat_meter", 0)]
        wired += [(str(unit.id), "flow_switch", 0)] if circuits else []
    return tuple(
        Binding(entity_id=entity, point=point, index=index, connection_id="desk", address=f"{entity}/{point}/{index}")
        for entity, point, index in wired
    )


def _band(kind: str, draw: random.Random) -> float:
    return draw.choice((0.5, 1.0)) if kind in ("room", "pool") else draw.choice((2.0, 3.0, 5.0))
