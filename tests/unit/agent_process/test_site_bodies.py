"""Embedded sites with connections: stepped with the virtual ones, readings and wishes kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest

from integration.agent_process.desk_driver import FOLDER
from ondol.agent.site_agent import SiteAgent
from ondol.control.clock import LeapingClock
from ondol.control.heat_requests import HeatRequests
from ondol.control.remote_sites import RemoteSites
from ondol.control.site_bodies import SiteBodies
from ondol.control.site_books import SiteBooks
from ondol.control.sites import Sites, virtual_sites
from ondol.drivers import registry
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.points import PointKey
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.storage.memory.store import MemoryStore

T0_S = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC).timestamp()


def house(name: str, agent: str) -> Fleet:
    site, sink, unit = SiteId(name), SinkId(f"{name}-room"), UnitId(f"{name}-heater")
    return Fleet(
        name=name,
        sites=(Site(id=site, name=name, agent=agent),),
        units=(Unit(id=unit, site_id=site, kind=UnitKind.DIGITAL_HEATER, zone_id=sink),),
        nodes=(Node(id=NodeId(f"{name}-1"), unit_id=unit, curve=PowerCurve(20.0, 500.0)),),
        sinks=(Zone(id=sink, site_id=site, name="Room"),),
        requests=(HeatRequest(id=RequestId(f"{name}-warm"), site_id=site, target_id=sink, schedule=constant(20.0)),),
    )


def fleet() -> Fleet:
    parts = [house("real", "embedded"), house("away", "own"), house("virtual", "embedded")]
    merged = {
        part: tuple(noun for one in parts for noun in getattr(one, part))
        for part in ("sites", "units", "nodes", "sinks", "requests")
    }
    return Fleet(
        name="all",
        connections=(Connection(id="desk", site_id=SiteId("real"), driver="http", url="http://127.0.0.1:9/"),),
        bindings=(
            Binding(entity_id="real-room", point="temperature", connection_id="desk", address="t"),
            Binding(entity_id="real-room", point="setpoint", connection_id="desk", write_address="sp"),
        ),
        **merged,
    )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(registry.CLASSES, "http", "integration.agent_process.desk_driver:DeskDriver")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    (tmp_path / "points.json").write_text(json.dumps({"real-room.temperature": 17.5}))
    return tmp_path


class Platform:
    """The heat side alone, with a clock that leaps."""

    def __init__(self, store: MemoryStore) -> None:
        self.fleet, self.store, self.clock = fleet(), store, LeapingClock(T0_S)
        self.requests = HeatRequests(self.fleet, store, self.clock.now)
        self.books = SiteBooks(store)
        self.bodies = SiteBodies(self.fleet, store=store, requests=self.requests, now=self.clock.now)
        self.remote = RemoteSites(self.fleet, store=store, requests=self.requests, books=self.books, clock=self.clock)
        plant = VirtualPlant(self.fleet, SteadySurroundings(), self.clock.now())
        agents = {key: SiteAgent(self.fleet, key) for key in virtual_sites(self.fleet)}
        self.sites = Sites(
            self.fleet, agents, plant, plant,
            asked=self.requests.effective, bodies=self.bodies, remote=self.remote, books=self.books,
        )  # fmt: skip

    def step(self, seconds: float = 60.0) -> None:
        self.clock.leap(seconds)
        self.sites.step(self.clock.now(), {}, [], {})


def test_each_site_is_stepped_by_whom_it_belongs_to(desk: Path) -> None:
    platform = Platform(MemoryStore())
    assert virtual_sites(platform.fleet) == ("virtual",)
    platform.step()
    away, real, virtual = platform.sites.orders
    assert "not been heard" in away.units[0].reason
    assert real.sinks[0].temp_c == 17.5
    assert virtual.sinks[0].temp_c == pytest.approx(18.0, abs=0.2)
    assert len(platform.sites.heard) == 2
    assert set(platform.sites.sinks) == {"real-room", "virtual-room"}, "nothing is said to be felt where nobody speaks"


def test_readings_and_wishes_of_an_embedded_site_are_kept(desk: Path) -> None:
    platform = Platform(MemoryStore())
    platform.step()
    with (desk / "commands.jsonl").open("w") as file:
        file.write(json.dumps({"entity_id": "real-room", "name": "setpoint", "number": 22.0}) + "\n")
    platform.step()
    platform.step()
    kept = platform.store.point_readings(SiteId("real"), PointKey("real-room", "temperature"))
    assert [one.value for one in kept] == [17.5, 17.5, 17.5]
    assert platform.requests.effective(SiteId("real"))[SinkId("real-room")].schedule.at(platform.clock.now()) == 22.0
    documents = platform.bodies.documents()
    assert set(documents) == {"body.real"}
    again = MemoryStore()
    again.document = documents.get  # type: ignore[method-assign, assignment]
    SiteBodies(platform.fleet, store=again, requests=platform.requests, now=platform.clock.now)


def test_readings_wait_while_storage_does_not_answer(desk: Path) -> None:
    platform = Platform(MemoryStore())

    def silent(*_: object, **__: object) -> int:
        raise UnavailableError("the disk is full")

    platform.store.add_readings = silent  # type: ignore[method-assign]
    for _ in range(3):
        platform.step()
    del platform.store.add_readings  # type: ignore[method-assign]
    platform.step()
    assert len(platform.store.point_readings(SiteId("real"), PointKey("real-room", "temperature"))) == 4


def test_a_wish_of_the_api_counts_at_a_virtual_site_too(desk: Path) -> None:
    platform = Platform(MemoryStore())
    platform.step()
    before_w = platform.sites.orders[2].units[0].wanted_w
    made = dataclasses.replace(
        platform.fleet.requests[2],
        id=RequestId("cold"), priority=90, schedule=constant(10.0),
    )  # fmt: skip
    platform.requests.add_request(made, "host@example.org")
    for _ in range(5):
        platform.step()
    assert platform.sites.orders[2].units[0].wanted_w < 0.5 * before_w
