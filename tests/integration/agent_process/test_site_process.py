"""A site whose agent is a process of its own: it is led, it is heard, it goes on alone, it loses nothing."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from acceptance.platform import Up
from integration.agent_process.site_on_desk import FLEET, Agent, Heat, make_token, until
from ondol.agent.wire import read_item


class World:
    """A platform and a site.

    The platform is started once for this file, and again after a test that killed it; every test has an agent with a
    folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.up = Up(folder, "--sandbox", "none", "--containers", "none", "--quiet", fleet=FLEET)
        self.up.options = (*self.up.options, "--api-port", str(_free_port()))
        self.token = make_token(self.up.data, self.up.fleet)
        self.up.start()
        self.heat = Heat(self.up.client["url"], self.up.client["token"])
        self.agent = self.fresh_agent("first")

    def fresh_agent(self, name: str) -> Agent:
        """An agent that has never run."""
        return Agent(self.folder / name, self.up.client["url"], self.token)

    def restart(self) -> None:
        self.heat.close()
        self.up.start()
        self.heat = Heat(self.up.client["url"], self.up.client["token"])

    def close(self) -> None:
        self.agent.stop()
        self.heat.close()
        self.up.stop()

    def lives(self) -> bool:
        try:
            self.heat.get("/now")
        except httpx2.HTTPError:
            return False
        return True

    def heard(self) -> bool:
        return "not been heard" not in (self.heat.unit("heater")["reason"] or "not been heard")

    def temperatures(self) -> list[tuple[str, float]]:
        """All readings of the room that the server has, (time, value) in order of time."""
        rows = self.heat.get("/readings", point="room.temperature", limit=5000)["data"]
        return [(row["at"], row["value"]) for row in rows]


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def world(platform: World, request: pytest.FixtureRequest) -> Iterator[World]:
    if not platform.lives():
        platform.restart()
    platform.heat.delete("/sinks/room/wish")  # of the test before
    platform.agent = platform.fresh_agent(request.node.name[-40:])
    yield platform
    platform.agent.stop()


def test_a_set_point_of_the_api_is_followed_at_the_site_and_one_of_the_site_in_the_api(world: World) -> None:
    # given a site that nobody hears yet, beside a virtual one that works all the same
    until(lambda: world.heat.unit("heater-2")["power"]["requested"]["power_w"] > 0, what="the virtual site heats")
    assert not world.heard()
    # when its agent comes
    world.agent.start()
    until(world.heard, what="the site is heard")
    until(lambda: 20.0 in world.agent.written("room.setpoint"), what="the schedule's set-point reaches the site")
    # and its host asks for something else over the API
    world.heat.put("/sinks/room/setpoint", {"setpoint_c": 22.5})
    until(lambda: world.agent.written("room.setpoint")[-1] == 22.5, what="the wish reaches the site")
    # and then turns the thermostat there
    world.agent.turn("room", "setpoint", number=17.0)
    until(lambda: world.agent.written("room.setpoint")[-1] == 17.0, what="the turn is followed at the site")
    until(
        lambda: world.heat.get("/zones", site="farm")[0]["requested"]["setpoint_c"] == 17.0,
        what="the turn is known to the server",
    )
    # then it all ended well
    assert world.agent.stop() == 0, world.agent.log()


def test_the_meter_over_a_silence_is_booked_once(world: World) -> None:
    # given a site whose meter stands still
    agent = world.agent
    agent.start()
    until(world.heard, what="the site is heard")
    until(lambda: _delivered_j(world) is not None, what="the ledger has windows of it")
    # when it is silent while its meter counts on
    agent.kill()
    until(lambda: not world.heard(), what="its silence is noticed")
    unit = world.heat.unit("heater")
    assert all(node["state"] != "busy" for node in unit["nodes"])
    until(lambda: _codes(world) >= {"site-silent"}, what="an alarm tells so")
    agent.feel(heater__heat_meter=1e9 + 1e5)
    agent.start()
    # then all of it is in the ledger, once it is back, and the alarm is over
    until(lambda: abs((_delivered_j(world) or 0.0) - 1e5) < 1.0, what="0.1 MJ are booked")
    until(lambda: "site-silent" not in _codes(world), what="the alarm is over")
    time.sleep(2.5)
    assert _delivered_j(world) == pytest.approx(1e5)


def test_only_the_sites_own_token_opens_its_door(world: World) -> None:
    url, town = world.up.client["url"], make_token(world.up.data, world.up.fleet, "town")

    def ask(token: str, path: str) -> int:
        return httpx2.get(f"{url}{path}", headers={"Authorization": token} if token else {}).status_code

    # the site's own, and every other one
    assert ask(world.token, "/agent/v1/sites/farm/setup") == 200
    assert ask(town, "/agent/v1/sites/farm/setup") == 403
    assert ask(world.up.client["token"], "/agent/v1/sites/farm/setup") == 403
    assert ask(world.token[:-1] + "x", "/agent/v1/sites/farm/setup") == 403
    assert ask(world.token, "/agent/v1/sites/nowhere/setup") == 403
    assert ask("", "/agent/v1/sites/farm/setup") == 401
    # elsewhere it opens nothing
    assert ask(world.token, "/heat/v1/sites") == 403
    assert ask(world.token, "/tasks") == 403
    # a renewed one ends the one before
    before, fresh = world.token, make_token(world.up.data, world.up.fleet)
    world.token = fresh
    assert ask(before, "/agent/v1/sites/farm/setup") == 403
    assert ask(fresh, "/agent/v1/sites/farm/setup") == 200
    # what the setup holds is of its site alone
    setup = httpx2.get(f"{url}/agent/v1/sites/farm/setup", headers={"Authorization": fresh}).json()
    assert "bedroom" not in setup["fleet_file"]
    assert "hall" not in setup["fleet_file"]
    # and a message of another time is refused with what to do
    answer = httpx2.post(
        f"{url}/agent/v1/sites/farm/exchange", headers={"Authorization": fresh}, content=b"\x81\xa7version\x63"
    )
    assert answer.status_code == 409
    assert "install the same release" in answer.json()["detail"]


def test_an_agent_with_a_wrong_token_ends_and_says_why(world: World) -> None:
    agent = Agent(world.folder / "wrong", world.up.client["url"], "site-farm-" + "0" * 48)
    agent.start()
    assert agent.process is not None
    assert agent.process.wait(20) == 1
    assert "ondol site token" in agent.log()


def test_a_dead_server_and_a_killed_agent_lose_no_reading_and_double_none(world: World) -> None:
    # given a site that is led, whose room warms a little all the time
    agent, degrees = world.agent, itertools.count(1)

    def live(wall_s: float) -> None:
        for _ in range(int(wall_s / 0.5)):
            agent.feel(room__temperature=18.0 + 0.1 * next(degrees))
            time.sleep(0.5)

    earlier = len(world.temperatures())
    agent.start()
    until(world.heard, what="the site is heard")
    until(lambda: len(world.temperatures()) >= earlier + 2, what="readings arrive")
    # when the server is killed, and 6 platform minutes later the agent, too
    world.up.kill()
    live(6.0)
    agent.kill()
    before = _items(agent)
    assert len(before) >= 3, "readings wait while nobody comes for them"
    agent.start()
    until(lambda: len(_items(agent)) > len(before), what="it steps again")
    live(12.0)
    # then the site went on alone for a quarter of an hour, and what waited waits under the numbers of before
    assert agent.process is not None
    assert agent.process.poll() is None, agent.log()
    waiting = _items(agent)
    assert waiting[: len(before)] == before
    kept = [
        (row.reading().measured_at.isoformat(), row.value)
        for _, body in waiting
        for row in read_item(body).readings
        if row.point == "temperature"
    ]
    # and once the server is back all is there: once, in order, with the times at which it was measured
    world.restart()
    until(lambda: kept[-1] in world.temperatures(), what="all readings arrive", timeout_s=45)
    rows = world.temperatures()
    assert [row for row in rows if kept[0][0] <= row[0] <= kept[-1][0]] == kept
    assert len({at for at, _ in rows}) == len(rows)
    until(world.heard, what="the site is led again")


def test_a_site_starts_without_its_server_from_what_it_kept(world: World) -> None:
    # given a site that was led once
    agent = world.agent
    agent.start()
    until(world.heard, what="the site is heard")
    until(lambda: agent.written("room.setpoint"), what="the site is led")
    assert agent.stop() == 0, agent.log()
    # when it starts while nobody answers
    world.up.kill()
    (agent.folder / "writes.jsonl").unlink()
    agent.start()
    # then it heats by its own copy
    until(lambda: 20.0 in agent.written("room.setpoint"), what="it goes by the kept fleet and clock")
    until(lambda: (agent.written("heater.power_cap") or [0.0])[-1] > 0, what="its heater may draw")
    # and a second agent of the same folder is refused
    second = Agent(agent.folder, agent.url, world.token)
    second.start()
    assert second.process is not None
    assert second.process.wait(20) == 1
    assert "in use" in agent.log()
    assert agent.stop() == 0


def _items(agent: Agent) -> list[tuple[int, bytes]]:
    with sqlite3.connect(f"file:{agent.data / 'agent.db'}?mode=ro", uri=True) as file:
        rows = file.execute("SELECT number, body FROM item WHERE kind = 0 ORDER BY number").fetchall()
    file.close()
    return rows


def _codes(world: World) -> set[str]:
    found = world.heat.get("/alarms", site="farm", active="true")
    rows = found if isinstance(found, list) else found["data"]
    return {row["code"] for row in rows}


def _delivered_j(world: World) -> float | None:
    rows = world.heat.get("/readings", unit="heater", limit=5000)
    rows = rows["data"] if "data" in rows else rows["items"]
    return sum(row["measured"]["delivered_j"] for row in rows) if rows else None
