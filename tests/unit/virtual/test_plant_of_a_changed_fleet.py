"""Given the state of a fleet, when its file has changed since, then what is known goes on and the rest begins."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

from ondol.agent.orders import SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
LATER = START + dt.timedelta(hours=3)
S = SiteId("s")
AROUND = SteadySurroundings(outdoor_temp_c=2.0, draw_l_per_h=20.0)


def heater(name: str) -> tuple[Unit, Zone]:
    room = SinkId(f"room-{name}")
    unit = Unit(id=UnitId(f"heater-{name}"), site_id=S, kind=UnitKind.DIGITAL_HEATER, zone_id=room)
    return unit, Zone(id=room, site_id=S, name=name)


def boiler(name: str, circuit: str = "dhw") -> Unit:
    return Unit(id=UnitId(name), site_id=S, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId(circuit))


def fleet(units: tuple[Unit, ...], sinks: tuple[Zone | Tank, ...]) -> Fleet:
    waters = tuple(sink for sink in sinks if isinstance(sink, Tank))
    return Fleet(
        name="f",
        sites=(Site(id=S, name="S"),),
        units=units,
        nodes=tuple(Node(id=NodeId(u.id), unit_id=u.id, curve=PowerCurve(0.0, 1000.0)) for u in units),
        sinks=sinks,
        circuits=tuple(HeatCircuit(id=CircuitId(w.id), site_id=S, kind="dhw", sink_id=w.id) for w in waters),
    )


def small() -> Fleet:
    unit, room = heater("1")
    return fleet((unit, boiler("boiler-a")), (room, Tank(id=SinkId("dhw"), site_id=S, name="T", layers=10)))


def large() -> Fleet:
    (unit, room), (unit_2, room_2) = heater("1"), heater("2")
    tanks = tuple(Tank(id=SinkId(key), site_id=S, name=key, layers=10) for key in ("dhw", "dhw-2"))
    units = (unit, unit_2, boiler("boiler-a"), boiler("boiler-b"), boiler("boiler-c", "dhw-2"))
    return fleet(units, (room, room_2, *tanks))


def warmed(made: Fleet) -> VirtualPlant:
    plant = VirtualPlant(made, AROUND, START)
    plant.advance(LATER, {node.id: 800.0 * 10_800.0 for node in made.nodes})
    return plant


def over_the_wire(snapshot: dict[str, object]) -> dict[str, object]:
    return dict(json.loads(json.dumps(snapshot)))


def test_what_is_new_begins_and_what_was_there_goes_on() -> None:
    before, fresh = warmed(small()), VirtualPlant(large(), AROUND, START)
    after = VirtualPlant(large(), AROUND, START)
    after.restore(over_the_wire(before.snapshot()))
    known = {reading.sink_id: reading for reading in before.sinks()}
    begun = {reading.sink_id: reading for reading in fresh.sinks()}
    for reading in after.sinks():
        source = known.get(reading.sink_id, begun[reading.sink_id])
        assert (reading.temp_c, reading.layers_c) == (source.temp_c, source.layers_c)
    meters = {reading.unit_id: reading.heat_j for reading in after.units()}
    assert meters["heater-1"] > 0.0
    assert meters["heater-2"] == meters["boiler-b"] == 0.0
    after.advance(LATER + dt.timedelta(hours=1), {NodeId("boiler-c"): 1e6})
    assert after.balance().relative_error < 1e-9


def test_what_is_gone_is_forgotten() -> None:
    after = VirtualPlant(small(), AROUND, START)
    after.restore(over_the_wire(warmed(large()).snapshot()))
    assert set(after.snapshot()["meters_j"]) == {"heater-1", "boiler-a"}  # type: ignore[call-overload]
    after.advance(LATER + dt.timedelta(hours=1), {})


def test_the_first_room_and_another_number_of_layers_are_no_reason_to_refuse() -> None:
    tank = Tank(id=SinkId("dhw"), site_id=S, name="T", layers=10)
    before = warmed(fleet((boiler("boiler-a"),), (tank,)))
    unit, room = heater("1")
    changed = fleet((unit, boiler("boiler-a")), (room, dataclasses.replace(tank, layers=4)))
    after = VirtualPlant(changed, AROUND, START)
    after.restore(over_the_wire(before.snapshot()))
    old = next(reading for reading in before.sinks() if reading.sink_id == "dhw")
    new = next(reading for reading in after.sinks() if reading.sink_id == "dhw")
    assert len(new.layers_c) == 4
    assert (new.layers_c[0], new.layers_c[-1]) == (old.layers_c[0], old.layers_c[-1])


def test_an_agent_forgets_what_is_gone_and_learns_what_is_new() -> None:
    agent = SiteAgent(large(), S)
    plant = warmed(large())
    agent.step(LATER, readings=SiteReadings(sinks=plant.sinks(), units=plant.units()), nodes=())
    fewer = SiteAgent(small(), S)
    fewer.restore(over_the_wire(agent.snapshot()))
    assert set(fewer.snapshot()["sinks"]) == {"room-1", "dhw"}
    assert set(fewer.snapshot()["heard_s"]) == {"heater-1", "boiler-a"}
    fewer.step(LATER + dt.timedelta(minutes=1), readings=SiteReadings(sinks=(), units=()), nodes=())
    more = SiteAgent(large(), S)
    more.restore(over_the_wire(fewer.snapshot()))
    orders = more.step(LATER + dt.timedelta(minutes=2), readings=SiteReadings(sinks=(), units=()), nodes=())
    assert {order.unit_id for order in orders.units} == {unit.id for unit in large().units}
