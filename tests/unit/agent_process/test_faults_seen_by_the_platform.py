"""A site that fails, seen from the platform: it counts as silent, and takes no other site with it."""

from __future__ import annotations

import dataclasses
import math
import threading
from pathlib import Path

import pytest

from ondol.agent.orders import SinkReport
from ondol.agent.wire import Up, pack
from ondol.control.clock import LeapingClock
from ondol.control.heat_requests import HeatRequests
from ondol.control.remote_sites import RemoteSites
from ondol.control.silence import HOLD_S, SILENT_S
from ondol.control.site_bodies import SiteBodies
from ondol.control.site_books import SiteBooks
from ondol.control.sites import Sites
from ondol.drivers import registry
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.errors import UnavailableError
from ondol.model.ids import SinkId
from ondol.storage.memory.store import MemoryStore
from unit.agent_process.test_remote_sites import FARM, FLEET, KNOB, T0_S, own_orders
from unit.agent_process.test_site_bodies import desk as desk_folder
from unit.agent_process.test_site_bodies import house

desk = desk_folder


class Server:
    """Where the farm's agent comes to; time leaps."""

    def __init__(self) -> None:
        self.clock, self.store = LeapingClock(T0_S), MemoryStore()
        requests = HeatRequests(FLEET, self.store, self.clock.now)
        self.remote = RemoteSites(
            FLEET, store=self.store, requests=requests, books=SiteBooks(self.store), clock=self.clock
        )

    def exchange(self, up: Up) -> None:
        self.remote.exchange(FARM, pack(up))

    def heard(self) -> bool:
        return self.remote.orders(FARM, self.clock.now())[1]


def test_a_link_that_lives_without_its_loop_is_silence() -> None:
    # given an agent whose link goes on telling the same step again and again
    server = Server()
    stuck = own_orders(server.clock.now())
    for _ in range(int(SILENT_S) + 2):
        server.exchange(Up(outbox="box", now=server.clock.now(), orders=stuck))
        server.clock.leap(1.0)
    # then it gets no new work, and its limits fall when they have been old for long
    assert not server.heard()
    orders, _ = server.remote.orders(FARM, server.clock.now())
    assert not any(node.accepts for node in orders.nodes)
    server.clock.leap(HOLD_S)
    server.exchange(Up(outbox="box", now=server.clock.now(), orders=stuck))
    assert server.remote.orders(FARM, server.clock.now())[0].node(KNOB).cap_w == 20.0
    # and the next step of its own counts at once
    server.exchange(Up(outbox="box", now=server.clock.now(), orders=own_orders(server.clock.now())))
    assert server.heard()


def test_one_site_cannot_hold_the_servers_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.control.remote_sites._COMING_S", 0.05)
    server = Server()
    under_way, before = server.remote._sites[FARM].coming, threading.active_count()
    with under_way, pytest.raises(UnavailableError, match="under way"):
        server.exchange(Up(outbox="box", now=server.clock.now()))
    server.exchange(Up(outbox="box", now=server.clock.now()))
    assert threading.active_count() <= before


def test_an_embedded_site_whose_steps_fail_counts_as_silent_and_the_others_live_on(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given two sites, one of them with hardware whose every step fails in a way that nobody foresaw
    from ondol.agent.body import SiteBody
    from ondol.agent.site_agent import SiteAgent
    from ondol.model.connection import Connection
    from ondol.model.fleet import Fleet
    from ondol.model.ids import SiteId

    parts = [house("real", "embedded"), house("virtual", "embedded")]
    merged = {
        part: tuple(noun for one in parts for noun in getattr(one, part))
        for part in ("sites", "units", "nodes", "sinks", "requests")
    }
    line = Connection(id="desk", site_id=SiteId("real"), driver="http", url="http://127.0.0.1:9/")
    fleet = dataclasses.replace(Fleet(name="all", **merged), connections=(line,))
    assert "DeskDriver" in registry.CLASSES["http"]
    store, clock = MemoryStore(), LeapingClock(T0_S)
    requests = HeatRequests(fleet, store, clock.now)
    bodies = SiteBodies(fleet, store=store, requests=requests, now=clock.now)
    plant = VirtualPlant(fleet, SteadySurroundings(), clock.now())
    agents = {SiteId("virtual"): SiteAgent(fleet, SiteId("virtual"))}
    sites = Sites(fleet, agents, plant, plant, asked=requests.effective, bodies=bodies)

    def fails(*_: object, **__: object) -> object:
        raise KeyError("what nobody foresaw")

    with monkeypatch.context() as broken:
        broken.setattr(SiteBody, "step", fails)
        # when the platform steps on, from the very first step
        for _ in range(4):
            clock.leap(30.0)
            sites.step(clock.now(), {}, [], {})
            # then the failing one is not heard and accepts nothing, and the other one is
            assert [len(one.sinks) for one in sites.heard] == [1]
            assert set(sites.sinks) == {"virtual-room"}
            assert not any(node.accepts for node in sites.orders[0].nodes)
    assert [note.code for note in sites.orders[0].alarms] == ["site-step-failed"]
    # and a step that succeeds ends it
    clock.leap(30.0)
    sites.step(clock.now(), {}, [], {})
    assert len(sites.heard) == 2
    bodies.close()


def test_two_agents_of_one_site_are_told_and_a_restart_is_not() -> None:
    server = Server()

    def comes(life: str) -> set[str]:
        server.clock.leap(1.0)
        now = server.clock.now()
        server.exchange(Up(outbox="box", now=now, orders=own_orders(now), life=life))
        return {note.code for note in server.remote.orders(FARM, now)[0].alarms}

    assert [comes(life) for life in ("a", "a", "b", "b", "c")] == [set()] * 5
    assert comes("b") == {"two-agents"}
    server.clock.leap(601.0)
    assert comes("b") == set()


def test_three_agents_that_come_in_turns_are_told_too() -> None:
    server = Server()
    told = []
    for life in ("a", "b", "c", "a", "b", "c"):
        server.clock.leap(1.0)
        now = server.clock.now()
        server.exchange(Up(outbox=life, now=now, orders=own_orders(now), life=life))
        told.append({note.code for note in server.remote.orders(FARM, now)[0].alarms})
    assert told == [set()] * 3 + [{"two-agents"}] * 3


def test_a_site_orders_and_reports_nothing_of_another_and_nothing_to_confuse_the_plan() -> None:
    server = Server()
    now = server.clock.now()
    good = SinkReport(
        sink_id=SinkId("room"), store_j=1.0, capacity_j=2.0, loss_per_s=1e-5, lacks_j=0.0, walls_lack_j=0.0,
        held_j=5.0, excess_w=-3.0, wanted_ahead_w=(1.0,), heat_j=None,
    )  # fmt: skip
    unknown = dataclasses.replace(
        good, store_j=math.nan, capacity_j=math.nan, loss_per_s=math.nan, lacks_j=math.nan, walls_lack_j=math.nan
    )
    foreign = dataclasses.replace(good, sink_id=SinkId("bedroom"))
    for reports, kept in (
        ((good, foreign), [good]),
        ((unknown,), [unknown]),
        ((dataclasses.replace(good, capacity_j=math.inf),), []),
        ((dataclasses.replace(good, loss_per_s=math.nan),), []),
        ((dataclasses.replace(good, store_j=math.inf),), []),
        ((dataclasses.replace(good, wanted_ahead_w=(math.nan,)),), []),
    ):
        server.clock.leap(1.0)
        now = server.clock.now()
        server.exchange(Up(outbox="box", now=now, orders=dataclasses.replace(own_orders(now), reports=reports)))
        assert repr(list(server.remote.orders(FARM, now)[0].reports)) == repr(kept)
