"""One site with connections: it reads, follows its hosts, drives what is bound, and tells what does not obey."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping

import pytest

from ondol.agent.body import SiteBody
from ondol.agent.orders import NodeStatus
from ondol.agent.plan import Guidance
from ondol.agent.recorder import HYGIENE_S, Recorder
from ondol.drivers.ports import Command, LinkStatus, Shown, Written
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.points import Ability, PointKey, PointReading
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind

T0 = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC)
HOME, ROOM, HEATER, NODE = SiteId("home"), SinkId("room"), UnitId("heater"), NodeId("node")
WARM = HeatRequest(id=RequestId("warm"), site_id=HOME, target_id=ROOM, schedule=constant(21.0))


def bind(entity: str, point: str) -> Binding:
    driven = point in ("setpoint", "switch", "power_cap")
    where = {"write_address": "x"} if driven else {"address": "x"}
    return Binding(entity_id=entity, point=point, connection_id="desk", **where)  # type: ignore[arg-type]


FLEET = Fleet(
    name="home",
    sites=(Site(id=HOME, name="Home"),),
    units=(Unit(id=HEATER, site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),),
    nodes=(Node(id=NODE, unit_id=HEATER, curve=PowerCurve(20.0, 500.0)),),
    sinks=(Zone(id=ROOM, site_id=HOME, name="Room"),),
    requests=(WARM,),
    connections=(Connection(id="desk", site_id=HOME, driver="push"),),
    bindings=(
        bind("room", "temperature"),
        bind("room", "setpoint"),
        bind("heater", "electric_power"),
        bind("heater", "switch"),
        bind("heater", "power_cap"),
        bind("heater", "loop_temperature"),
    ),
)


class Desk:
    """A driver that says what it is told, and takes what it likes."""

    abilities = frozenset(Ability)
    connection_id = "desk"

    def __init__(self) -> None:
        self.now = T0
        self.said: dict[str, float] = {"room.temperature": 18.0, "heater.electric_power": 200.0}
        self.asked: list[Command] = []
        self.displays: list[tuple[Shown, ...]] = []
        self.events: list[dict[str, object]] = []
        self.written: list[tuple[str, float]] = []
        self.connected, self.stuck = True, False

    def open(self) -> None: ...

    def close(self) -> None: ...

    def status(self) -> LinkStatus:
        return LinkStatus(connected=self.connected, since=T0, detail="nobody there")

    def readings(self) -> tuple[PointReading, ...]:
        return tuple(
            PointReading(key=PointKey(*name.split(".")), value=value, measured_at=self.now)
            for name, value in self.said.items()
        )

    def write(self, key: PointKey, value: float) -> Written:
        self.written.append((str(key), value))
        return Written(key=key, requested=value, accepted=-1.0 if self.stuck else value, at=self.now)

    def commands(self) -> tuple[Command, ...]:
        found, self.asked = tuple(self.asked), []
        return found

    def show(self, shown: tuple[Shown, ...]) -> None:
        self.displays.append(shown)

    def event(self, told: Mapping[str, object]) -> None:
        self.events.append(dict(told))


class House:
    """A body with its desk, stepped by the minute."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.body = SiteBody(FLEET, now=lambda: self.desk.now, drivers=[self.desk])
        self.guidance = Guidance(requests={ROOM: WARM})

    def step(self, minutes: float = 1.0):  # type: ignore[no-untyped-def]
        self.desk.now += dt.timedelta(minutes=minutes)
        step = self.body.step(self.desk.now, self.guidance)
        assert self.body.settle(5.0)
        return step

    def last(self, key: str) -> float:
        return next(value for name, value in reversed(self.desk.written) if name == key)


def test_it_drives_what_is_bound_on_change_and_every_minute() -> None:
    house = House()
    step = house.step()
    assert house.last("room.setpoint") == 21.0
    assert house.last("heater.switch") == 1.0
    assert house.last("heater.power_cap") == pytest.approx(step.orders.units[0].target_w)
    assert step.orders.units[0].wanted_w > 0
    count = len([one for one in house.desk.written if one[0] == "room.setpoint"])
    house.step(10 / 60)
    assert len([one for one in house.desk.written if one[0] == "room.setpoint"]) == count, "not again at once"
    house.step(1.0)
    assert len([one for one in house.desk.written if one[0] == "room.setpoint"]) == count + 1


def test_safety_opens_the_contactor() -> None:
    house = House()
    house.step()
    house.desk.said["heater.loop_temperature"] = 80.0  # beyond the shell's limit of 65 °C
    for _ in range(3):
        step = house.step()
    assert step.orders.units[0].safety
    assert house.last("heater.switch") == 0.0


def test_power_is_what_instruments_at_the_site_say_and_work_without_word_counts_as_busy() -> None:
    house = House()
    assert house.step().orders.units[0].measured_w == pytest.approx(200.0)
    told = NodeStatus(node_id=NODE, power_w=120.0, busy_slots=1)
    house.guidance = Guidance(nodes=(told,), requests={ROOM: WARM})
    assert house.step().orders.units[0].measured_w == pytest.approx(200.0)
    del house.desk.said["heater.electric_power"]
    house.step(5.0)  # until the last value is too old
    assert house.step(5.0).orders.units[0].measured_w == pytest.approx(120.0)


def test_a_turned_thermostat_is_a_wish_and_nonsense_is_none() -> None:
    house = House()
    house.desk.asked = [
        Command(entity_id="room", name="setpoint", number=23.0, received_at=T0, source="desk"),
        Command(entity_id="cellar", name="setpoint", number=23.0, received_at=T0, source="desk"),
        Command(entity_id="room", name="setpoint", number=500.0, received_at=T0, source="desk"),
        Command(entity_id="heater", name="power_limit", number=math.nan, received_at=T0, source="desk"),
    ]
    assert [wish.value for wish in house.step().wishes] == [23.0]
    assert not house.step().wishes


def test_a_limit_of_the_host_holds_over_a_restart() -> None:
    house = House()
    house.desk.asked = [Command(entity_id="heater", name="power_limit", number=150.0, received_at=T0, source="desk")]
    for _ in range(3):
        step = house.step()
    assert step.orders.units[0].target_w <= 150.0
    again = House()
    again.desk.now = house.desk.now
    again.body.restore(house.body.snapshot())
    assert again.step().orders.units[0].target_w <= 150.0


def test_what_does_not_obey_and_who_does_not_answer_are_told_and_over_when_over() -> None:
    house = House()
    house.desk.stuck, house.desk.connected = True, False
    for _ in range(4):
        step = house.step()
    codes = {(note.entity_id, note.code) for note in step.orders.alarms}
    assert {("room", "actuator-disobeys"), ("heater", "actuator-disobeys"), ("desk", "connection-lost")} <= codes
    house.desk.stuck, house.desk.connected = False, True
    for _ in range(2):
        step = house.step()
    assert not {note.code for note in step.orders.alarms} & {"actuator-disobeys", "connection-lost"}


def test_displays_tell_what_is_asked_apart_from_what_is_felt() -> None:
    house = House()
    house.step()
    shown = {one.entity_id: one.values for one in house.desk.displays[-1]}
    assert shown["room"]["temp_c"] == 18.0
    assert shown["room"]["setpoint_c"] == 21.0
    assert shown["room"]["mode"] == "heat"
    assert shown["room"]["action"] in ("heating", "preheating")
    assert shown["heater"]["power_w"] == pytest.approx(200.0)
    house.guidance = Guidance(requests={})
    house.step()
    shown = {one.entity_id: one.values for one in house.desk.displays[-1]}
    assert shown["room"]["mode"] == "off"


def test_readings_are_kept_every_ten_seconds_and_alarms_when_they_change() -> None:
    house, recorder = House(), Recorder()
    house.desk.said["heater.loop_temperature"] = 30.0
    first = recorder.take(house.step(1 / 60))
    assert len(first[0].readings) == 3
    assert not recorder.take(house.step(1 / 60))
    assert [bool(item.readings) for item in recorder.take(house.step(10 / 60))] == [True]
    house.desk.connected = False
    house.step(1.0)
    told = [item.told for item in recorder.take(house.step(HYGIENE_S / 60)) if item.told is not None]
    assert [note.code for note in told[0].alarms] == ["connection-lost"]
    assert not [item for item in recorder.take(house.step(1.0)) if item.told is not None], "as long as it lasts"
    again = Recorder(recorder.note)
    assert not [item for item in again.take(house.step(1.0)) if item.told is not None], "nor after a restart"


def test_a_clock_that_is_set_back_moves_nothing() -> None:
    house = House()
    house.step()
    house.desk.now -= dt.timedelta(hours=1)
    step = house.body.step(house.desk.now, house.guidance)
    assert step.orders.now > house.desk.now


def test_an_alarm_is_told_once_at_the_site_and_once_when_it_is_over_also_across_a_restart() -> None:
    house = House()
    house.step()
    assert not [one for one in house.desk.events if one.get("code") == "connection-lost"]
    house.desk.connected = False
    for _ in range(4):
        house.step()
    lost = [one for one in house.desk.events if one.get("code") == "connection-lost"]
    assert [(one["event_type"], one["entity"]) for one in lost] == [("alarm", "desk")]
    assert "nobody there" in str(lost[0]["text"])

    # given another life of the agent that begins when the connection is back
    after = House()
    after.desk.now = house.desk.now
    after.body.restore(json.loads(json.dumps(house.body.snapshot())))
    after.step()
    lost = [one for one in after.desk.events if one.get("code") == "connection-lost"]
    assert [one["event_type"] for one in lost] == ["cleared"]
    after.step()
    assert len([one for one in after.desk.events if one.get("code") == "connection-lost"]) == 1


def test_a_command_that_the_agent_cannot_take_is_refused_with_the_reason() -> None:
    house = House()
    house.desk.asked = [
        Command(entity_id="heater", name="power_limit", number=-5.0, source="app", received_at=house.desk.now)
    ]
    step = house.step()
    assert step.wishes == ()
    refused = [one for one in house.desk.events if one["event_type"] == "refused"]
    assert [(one["entity"], one["command"]) for one in refused] == [("heater", "power_limit")]
    assert "W" in str(refused[0]["reason"])
