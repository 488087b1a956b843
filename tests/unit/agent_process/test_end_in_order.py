"""An agent that is ended in order leaves nothing that heats without a watch, and its server knows at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest

from ondol.agent.plan import Guidance
from ondol.agent.wire import Up, pack
from ondol.control.silence import silent_orders
from unit.agent_process.test_remote_sites import BARE, FARM, FLEET, KNOB, Server, own_orders
from unit.agent_process.test_site_faults import FLEET as HOUSE
from unit.agent_process.test_site_faults import House, Running, until


def last_of(written: list[tuple[str, float]]) -> dict[str, float]:
    return dict(written)


def test_water_is_no_longer_heated_rooms_by_their_own_thermostats_and_nodes_idle() -> None:
    """Given a house at work, when it is stood down, then the last words to every device are the safe ones."""
    house = House()
    house.guidance = dataclasses.replace(house.guidance, requests={one.target_id: one for one in HOUSE.requests})
    house.step()
    assert house.body.settle(5.0)
    house.body.stand_down(house.leap(1.0))
    assert house.body.settle(5.0)
    told = last_of(house.desk.written)
    assert told["tank.backup"] == 0.0
    assert told["boiler.power_cap"] == 0.0
    assert told["hot.power_cap"] == 50.0, "idle power, below which no limit goes"
    assert told["room.backup"] == 1.0, "heat is asked for there: its own thermostat decides"
    assert last_of(house.other.written)["heater.switch"] == 1.0, "contactors stay"
    house.body.close(put_back=False)
    assert last_of(house.desk.written)["hot.power_cap"] == 50.0


def test_a_room_for_which_nobody_asks_is_left_as_it_was() -> None:
    house = House()
    house.body.step(house.leap(1.0), Guidance())
    assert house.body.settle(5.0)
    before = last_of(house.desk.written).get("room.backup")
    house.body.stand_down(house.leap(1.0))
    assert house.body.settle(5.0)
    assert last_of(house.desk.written).get("room.backup") == before == 0.0
    house.body.close()


def test_limits_go_back_to_what_they_were_once_the_server_takes_the_work_away() -> None:
    house = House()
    house.step()
    house.body.stand_down(house.leap(1.0))
    assert house.body.settle(5.0)
    house.body.close(put_back=True)
    hot = next(node for node in HOUSE.nodes if node.id == "hot")
    assert last_of(house.desk.written)["hot.power_cap"] == hot.curve.max_w


def test_an_agent_without_a_server_ends_within_seconds_and_keeps_its_nodes_at_idle_power(tmp_path: Path) -> None:
    running = Running(tmp_path)
    until(lambda: running.desks and running.desks[0].reads > 1)
    running.stop()
    assert not running.thread.is_alive()
    assert running.desks[0].closed
    told = last_of(running.desks[0].written)
    assert (told["hot.power_cap"], told["tank.backup"], told["room.backup"]) == (50.0, 0.0, 1.0)


def test_what_stood_before_the_limits_is_kept_for_the_next_life() -> None:
    """Given a controller that holds its limit by itself, when the agent ends, then the next one is told of it."""
    kept = {"hot.power_cap": {"left_w": 50.0}}
    house, told = House(), list[object]()
    house.desk.limits_before = lambda: kept  # type: ignore[attr-defined]
    house.desk.leave_limits = lambda: told.append("left")  # type: ignore[attr-defined]
    house.step()
    snapshot = json.loads(json.dumps(house.body.snapshot()))
    house.body.close(put_back=False)
    assert told == ["left"]
    other = House()
    other.desk.recall_limits = told.append  # type: ignore[attr-defined]
    other.body.restore(snapshot)
    assert told == ["left", kept]
    other.body.close()
    assert told == ["left", kept]


# -- at the server --


def leaving(server: Server, *, life: str = "") -> None:
    up = Up(outbox="box", now=server.clock.now(), orders=own_orders(server.clock.now()), life=life, leaving=True)
    server.remote.exchange(FARM, pack(up))


def test_the_server_takes_the_work_away_at_once_and_says_why() -> None:
    server = Server()
    server.exchange()
    leaving(server)
    orders, heard = server.remote.orders(FARM, server.clock.now())
    assert not heard
    idle_w = {node.id: node.curve.idle_w for node in FLEET.of_site(FARM).nodes}
    assert {order.node_id: (order.cap_w, order.accepts) for order in orders.nodes} == {
        KNOB: (idle_w[KNOB], False),
        BARE: (idle_w[BARE], False),
    }
    note = next(note for note in orders.alarms if note.code == "site-silent")
    assert "ended in order" in note.text
    assert "hygiene" in note.text


def test_behind_a_broken_link_a_limited_node_keeps_its_limit_for_a_while_as_before() -> None:
    now = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
    part = FLEET.of_site(FARM)
    orders = {
        left: silent_orders(part, own_orders(now, 150.0), now, heard_at=now, notes=(), left=left)
        for left in (False, True)
    }
    assert orders[False].node(KNOB).cap_w == 150.0
    assert orders[True].node(KNOB).cap_w == 20.0


@pytest.mark.parametrize("life", ["", "another"])
def test_an_agent_that_comes_again_is_heard_again(life: str) -> None:
    server = Server()
    server.exchange()
    leaving(server)
    later = dataclasses.replace(own_orders(server.clock.now()), now=server.clock.now() + dt.timedelta(seconds=5))
    server.remote.exchange(FARM, pack(Up(outbox="box", now=later.now, orders=later, life=life)))
    _, heard = server.remote.orders(FARM, server.clock.now())
    assert heard
