"""Each site has the sky of its climate; sites with real instruments are not simulated; one climate is as it was."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.agent.site_agent import SiteAgent
from ondol.control.sites import Sites, virtual_sites
from ondol.control.surroundings import PackagedSurroundings
from ondol.demo.fleet import demo_fleet
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

T0 = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC)
NORTH, SOUTH = SiteId("north"), SiteId("south")


def house(name: str, climate: str, agent: str = "embedded") -> Fleet:
    site = SiteId(name)
    return Fleet(
        name=name,
        sites=(Site(id=site, name=name, climate=climate, agent=agent),),
        units=(
            Unit(id=UnitId(f"{name}-h"), site_id=site, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId(f"{name}-room")),
            Unit(id=UnitId(f"{name}-b"), site_id=site, kind=UnitKind.DIGITAL_BOILER, circuit_id=f"{name}-c"),
        ),
        nodes=tuple(
            Node(id=NodeId(f"{name}-{kind}1"), unit_id=UnitId(f"{name}-{kind}"), curve=PowerCurve(20.0, 500.0))
            for kind in "hb"
        ),
        sinks=(
            Zone(id=SinkId(f"{name}-room"), site_id=site, name="Room"),
            Tank(id=SinkId(f"{name}-tank"), site_id=site, name="Tank", draw_l_per_day=300.0),
        ),
        circuits=(HeatCircuit(id=f"{name}-c", site_id=site, kind="dhw", sink_id=SinkId(f"{name}-tank")),),
    )


def merged(*parts: Fleet, **more: object) -> Fleet:
    nouns = {
        part: tuple(noun for one in parts for noun in getattr(one, part))
        for part in ("sites", "units", "nodes", "sinks", "circuits")
    }
    return Fleet(name="all", **nouns, **more)


def lived(plant: VirtualPlant, fleet: Fleet, hours: int = 6) -> VirtualPlant:
    for hour in range(hours):
        plant.advance(
            T0 + dt.timedelta(hours=hour + 1), {node.id: 1e5 * (1 + row) for row, node in enumerate(fleet.nodes)}
        )
    return plant


class _AsItWas:
    """One sky for all, without telling sites apart: how surroundings were before they could."""

    def __init__(self, fleet: Fleet) -> None:
        self._sky = PackagedSurroundings(fleet)

    def outdoor(self, at: dt.datetime) -> OutdoorState:
        return self._sky.outdoor(at)

    def mains_temp_c(self, at: dt.datetime) -> float:
        return self._sky.mains_temp_c(at)

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:
        return self._sky.draw_l(sink_id, start, end)


def test_a_virtual_fleet_of_one_climate_is_the_same_to_the_bit():
    fleet = demo_fleet()
    assert {site.climate for site in fleet.sites} == {fleet.sites[0].climate}
    assert any(isinstance(sink, SwimmingPool | Tank) for sink in fleet.sinks)
    before = lived(VirtualPlant(fleet, _AsItWas(fleet), T0), fleet)
    after = lived(VirtualPlant(fleet, PackagedSurroundings(fleet), T0, simulated=virtual_sites(fleet)), fleet)
    assert after.snapshot() == before.snapshot()
    assert after.sinks() == before.sinks()
    assert after.units() == before.units()


def test_each_site_lives_in_its_own_climate_as_it_would_alone():
    north, south = house("north", "H1a"), house("south", "H3")
    fleet = merged(north, south)
    together = VirtualPlant(fleet, PackagedSurroundings(fleet), T0)
    alone = [VirtualPlant(one, PackagedSurroundings(one), T0) for one in (north, south)]
    spent = {node.id: 9e5 for node in fleet.nodes}
    for hour in range(1, 7):
        at = T0 + dt.timedelta(hours=hour)
        together.advance(at, spent)
        for plant, part in zip(alone, (north, south), strict=True):
            plant.advance(at, {node.id: 9e5 for node in part.nodes})
    expected = {reading.sink_id: reading.temp_c for plant in alone for reading in plant.sinks()}
    assert {reading.sink_id: reading.temp_c for reading in together.sinks()} == pytest.approx(expected, abs=1e-9)
    temps = {sink: temp_c for sink, temp_c in expected.items() if sink.endswith("room")}
    assert temps[SinkId("south-room")] - temps[SinkId("north-room")] > 0.1


def test_sites_with_instruments_are_not_simulated_and_change_nothing():
    virtual, real = house("north", "H1a"), house("south", "H3")
    fleet = merged(virtual, real, connections=(Connection(id="bus", site_id=SOUTH, driver="push"),))
    assert virtual_sites(fleet) == (NORTH,)
    plant = VirtualPlant(fleet, PackagedSurroundings(fleet), T0, simulated=virtual_sites(fleet))
    alone = VirtualPlant(virtual, PackagedSurroundings(virtual), T0)
    spent = {node.id: 9e5 for node in fleet.nodes}
    plant.advance(T0 + dt.timedelta(hours=3), spent)
    alone.advance(T0 + dt.timedelta(hours=3), {node.id: 9e5 for node in virtual.nodes})
    assert plant.snapshot() == alone.snapshot()
    assert (plant.sinks(), plant.units()) == (alone.sinks(), alone.units())
    with pytest.raises(NotFoundError):
        plant.advance(T0 + dt.timedelta(hours=4), {NodeId("ghost"): 1.0})


def test_a_fleet_of_real_sites_only_leaves_the_plant_empty():
    fleet = house("south", "H3", agent="own")
    plant = VirtualPlant(fleet, PackagedSurroundings(fleet), T0, simulated=virtual_sites(fleet))
    plant.advance(T0 + dt.timedelta(hours=1), {node.id: 9e5 for node in fleet.nodes})
    assert (plant.sinks(), plant.units(), plant.balance().in_j) == ((), (), 0.0)


def test_agents_hear_of_their_own_weather(monkeypatch: pytest.MonkeyPatch):
    fleet = merged(house("north", "H1a"), house("south", "H3"))
    sky = PackagedSurroundings(fleet)
    heard: dict[str, tuple[float | None, float]] = {}
    real_step = SiteAgent.step

    def step(agent: SiteAgent, now: dt.datetime, **told: object) -> object:
        ahead = told["outdoor_ahead"]
        site = told["readings"].units[0].unit_id.partition("-")[0]  # type: ignore[attr-defined]
        heard[site] = (told["outdoor_temp_c"], ahead(now))  # type: ignore[operator, assignment]
        return real_step(agent, now, **told)  # type: ignore[arg-type]

    monkeypatch.setattr(SiteAgent, "step", step)
    plant = VirtualPlant(fleet, sky, T0)
    agents = {site.id: SiteAgent(fleet, site.id) for site in fleet.sites}
    sites = Sites(fleet, agents, plant, plant, outdoor_at=lambda site_id: sky.at_site(site_id).outdoor_temp_c)
    sites.step(T0 + dt.timedelta(seconds=10), {}, [], {})
    now = T0 + dt.timedelta(seconds=10)
    for site in (NORTH, SOUTH):
        there_c = sky.at_site(site).outdoor_temp_c(now)
        assert heard[site] == (there_c, there_c)
    assert heard["north"] != heard["south"]


def test_a_fleet_without_sites_has_no_sky():
    with pytest.raises(InvalidFieldError, match=r"fleet\.sites"):
        PackagedSurroundings(dataclasses.replace(demo_fleet(), sites=(), units=(), nodes=(), sinks=(), circuits=(),
                                                 requests=(), hardware=()))  # fmt: skip
