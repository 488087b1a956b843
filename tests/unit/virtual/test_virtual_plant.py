"""The virtual plant: balance, meters, restart, refusal of nonsense."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.sensors import FaultySensors
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
S = SiteId("s")
UNITS = ("heater", "boiler-a", "boiler-b", "swim", "rack")


def fleet() -> Fleet:
    boiler = {"site_id": S, "kind": UnitKind.DIGITAL_BOILER, "capture_fraction": 0.95}
    return Fleet(
        name="f",
        sites=(Site(id=S, name="S"),),
        units=(
            Unit(id=UnitId("heater"), site_id=S, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("room")),
            Unit(id=UnitId("boiler-a"), circuit_id=CircuitId("dhw"), **boiler),
            Unit(id=UnitId("boiler-b"), circuit_id=CircuitId("dhw"), **boiler),
            Unit(id=UnitId("swim"), circuit_id=CircuitId("swim"), **boiler),
            Unit(id=UnitId("rack"), site_id=S, kind=UnitKind.SERVER_RACK),
        ),
        nodes=tuple(Node(id=NodeId(u), unit_id=UnitId(u), curve=PowerCurve(0.0, 3000.0)) for u in UNITS),
        sinks=(
            Zone(id=SinkId("room"), site_id=S, name="R"),
            Zone(id=SinkId("attic"), site_id=S, name="A", mass_outside_ua_w_per_k=0.0),
            Tank(id=SinkId("tank"), site_id=S, name="T"),
            SwimmingPool(id=SinkId("pool"), site_id=S, name="P", other_heat_w=2000.0),
        ),
        circuits=(
            HeatCircuit(id=CircuitId("dhw"), site_id=S, kind="dhw", sink_id=SinkId("tank")),
            HeatCircuit(id=CircuitId("swim"), site_id=S, kind="pool", sink_id=SinkId("pool")),
        ),
    )


def plant() -> VirtualPlant:
    around = SteadySurroundings(outdoor_temp_c=2.0, solar_w_m2=80.0, draw_l_per_h=30.0)
    return VirtualPlant(fleet(), around, START)


def spend(power_w: float, seconds: float) -> dict[NodeId, float]:
    return {NodeId(u): power_w * seconds for u in UNITS}


def test_every_joule_is_accounted_for():
    made = plant()
    for k, (power_w, seconds) in enumerate([(900.0, 3600.0), (0.0, 1800.0), (2500.0, 97.0), (300.0, 7200.0)] * 3):
        made.advance(made.now + dt.timedelta(seconds=seconds), spend(power_w + k, seconds))
    balance = made.balance()
    assert balance.relative_error < 1e-9
    assert balance.in_j > 1e7


def test_heat_meters_never_fall_and_a_rack_delivers_nothing():
    made, before = plant(), dict.fromkeys(UNITS, 0.0)
    for power_w in (1500.0, 0.0, 700.0, 0.0):
        made.advance(made.now + dt.timedelta(minutes=47), spend(power_w, 47 * 60.0))
        now = {reading.unit_id: reading.heat_j for reading in made.units()}
        assert all(now[unit] >= before[unit] for unit in UNITS)
        before = now
    assert before["rack"] == 0.0
    assert before["heater"] > 1e6
    assert before["swim"] > 1e6


def test_room_settles_where_its_losses_say():
    whole = fleet()
    rooms = Fleet(
        name="rooms",
        sites=whole.sites,
        units=(whole.unit(UnitId("heater")),),
        nodes=(whole.node(NodeId("heater")),),
        sinks=(whole.sink(SinkId("room")),),
    )
    made = VirtualPlant(rooms, SteadySurroundings(outdoor_temp_c=0.0), START)
    for _ in range(9):
        made.advance(made.now + dt.timedelta(days=1), {NodeId("heater"): 700.0 * 86_400.0})
    ua = 20.0 + 1.0 / (1.0 / 120.0 + 1.0 / 13.0)
    assert made.sinks()[0].temp_c == pytest.approx(760.0 / ua, abs=0.05)  # 700 W and 60 W of people


def test_killed_and_restored_it_goes_on_bit_by_bit():
    one = plant()
    one.advance(START + dt.timedelta(hours=2), spend(800.0, 7200.0))
    two = plant()
    two.restore(json.loads(json.dumps(one.snapshot())))
    for made in (one, two):
        made.advance(START + dt.timedelta(hours=3), spend(400.0, 3600.0))
    assert one.snapshot() == two.snapshot()


def test_nonsense_is_refused():
    made = plant()
    with pytest.raises(ConflictError):
        made.advance(START - dt.timedelta(seconds=1), {})
    with pytest.raises(ConflictError):
        made.advance(START, {NodeId("rack"): 1.0})
    with pytest.raises(NotFoundError):
        made.advance(START + dt.timedelta(seconds=1), {NodeId("ghost"): 1.0})
    with pytest.raises(InvalidFieldError):
        made.advance(START + dt.timedelta(seconds=1), {NodeId("rack"): -1.0})
    with pytest.raises(InvalidFieldError):
        made.restore({"now": START.isoformat()})
    assert made.now == START


def test_faulty_sensors_lose_stick_and_shake():
    made = plant()
    bad = FaultySensors(made, noise_k=0.1, lost={SinkId("tank")}, stuck={SinkId("pool")}, outdoor_lost=True)
    first = {reading.sink_id: reading for reading in bad.sinks()}
    made.advance(START + dt.timedelta(hours=5), spend(2000.0, 18_000.0))
    second = {reading.sink_id: reading for reading in bad.sinks()}
    assert SinkId("tank") not in second
    assert second[SinkId("pool")] == first[SinkId("pool")]
    assert second[SinkId("room")].measured_at == made.now
    assert bad.outdoor_temp_c() is None
    true_c = next(reading.temp_c for reading in made.sinks() if reading.sink_id == "room")
    assert second[SinkId("room")].temp_c != true_c
