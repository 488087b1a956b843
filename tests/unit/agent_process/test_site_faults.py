"""What goes wrong at a site: one connection's fault stops no other, and steps that fail take heat back."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import threading
import time
from pathlib import Path

import msgspec
import pytest

from ondol.agent.body import FAIL_SAFE_S, SiteBody
from ondol.agent.link import ServerLink
from ondol.agent.orders import NodeStatus
from ondol.agent.outbox import Outbox
from ondol.agent.plan import Guidance
from ondol.agent.recorder import Recorder
from ondol.agent.site_clock import ClockNote
from ondol.agent.site_memory import Stand, noted, recall
from ondol.agent.site_process import AgentSettings, SiteProcess
from ondol.agent.wire import Down, Item, Outlook, ReadingRow, Setup, Told, pack, read_down
from ondol.drivers.ports import LinkStatus, Written
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.points import Ability, PointKey, PointReading, Quality
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.storage.fleet_file import fleet_to_toml

T0 = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC)
HOME, ROOM, TANK = SiteId("home"), SinkId("room"), SinkId("tank")
HEATER, BOILER = UnitId("heater"), UnitId("boiler")


def bind(entity: str, point: str, connection: str = "desk", index: int = 0) -> Binding:
    driven = point in ("setpoint", "switch", "power_cap", "backup")
    where = {"write_address": "x"} if driven else {"address": "x"}
    return Binding(entity_id=entity, point=point, index=index, connection_id=connection, **where)  # type: ignore[arg-type]


FLEET = Fleet(
    name="home",
    sites=(Site(id=HOME, name="Home", agent="own"),),
    units=(
        Unit(id=HEATER, site_id=HOME, kind=UnitKind.DIGITAL_HEATER, zone_id=ROOM),
        Unit(id=BOILER, site_id=HOME, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("loop")),
    ),
    nodes=(
        Node(id=NodeId("node"), unit_id=HEATER, curve=PowerCurve(20.0, 500.0)),
        Node(id=NodeId("hot"), unit_id=BOILER, curve=PowerCurve(50.0, 900.0)),
    ),
    circuits=(HeatCircuit(id=CircuitId("loop"), site_id=HOME, kind="dhw", sink_id=TANK),),
    sinks=(
        Zone(id=ROOM, site_id=HOME, name="Room", backup_kind="gas", backup_power_w=3000.0),
        Tank(id=TANK, site_id=HOME, name="Tank", volume_l=300.0, backup_kind="electric", backup_power_w=2000.0),
    ),
    requests=(HeatRequest(id=RequestId("warm"), site_id=HOME, target_id=ROOM, schedule=constant(21.0)),),
    connections=(
        Connection(id="desk", site_id=HOME, driver="push"),
        Connection(id="other", site_id=HOME, driver="push"),
    ),
    bindings=(
        bind("room", "temperature"),
        bind("room", "backup"),
        bind("tank", "temperature"),
        bind("tank", "backup"),
        bind("boiler", "power_cap"),
        bind("boiler", "switch"),
        bind("hot", "power_cap"),
        bind("hot", "power_cap", "other", 1),
        bind("heater", "electric_power", "other"),
        bind("heater", "switch", "other"),
    ),
)


class Desk:
    """A driver that says what it is told; it can break in ways that no driver should."""

    abilities = frozenset(Ability)

    def __init__(self, name: str) -> None:
        self.connection_id, self.now = name, T0
        self.said: dict[str, float] = {}
        self.written: list[tuple[str, float]] = []
        self.reads = 0
        self.broken: set[str] = set()
        self.hangs = threading.Event()
        self.hangs.set()
        self.closed = False

    def _may(self, what: str) -> None:
        if what in self.broken:
            raise KeyError(what)

    def open(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def status(self) -> LinkStatus:
        return LinkStatus(connected=True, since=T0)

    def readings(self) -> tuple[PointReading, ...]:
        self.reads += 1
        self._may("readings")
        return tuple(
            PointReading(key=PointKey(*name.split(".")), value=value, measured_at=self.now)
            for name, value in self.said.items()
        )

    def write(self, key: PointKey, value: float) -> Written:
        self.hangs.wait(20.0)
        self._may("write")
        self.written.append((str(key), value))
        return Written(key=key, requested=value, accepted=value, at=self.now)

    def commands(self) -> tuple[object, ...]:
        self._may("commands")
        return ()

    def show(self, shown: tuple[object, ...]) -> None:
        self._may("show")

    def last(self, key: str) -> float:
        return next(value for name, value in reversed(self.written) if name == key)


class House:
    """Two connections of one site; time leaps by steps."""

    def __init__(self) -> None:
        self.desk, self.other = Desk("desk"), Desk("other")
        self.desk.said = {"room.temperature": 18.0, "tank.temperature": 50.0}
        self.other.said = {"heater.electric_power": 200.0}
        self.body = SiteBody(FLEET, now=lambda: self.desk.now, drivers=[self.desk, self.other])  # type: ignore[list-item]
        self.guidance = Guidance(nodes=(NodeStatus(node_id=NodeId("hot"), power_w=600.0, busy_slots=1),))

    def leap(self, seconds: float) -> dt.datetime:
        self.desk.now += dt.timedelta(seconds=seconds)
        self.other.now = self.desk.now
        return self.desk.now

    def step(self, seconds: float = 10.0):  # type: ignore[no-untyped-def]
        return self.body.step(self.leap(seconds), self.guidance)


@pytest.mark.parametrize("what", ["readings", "commands", "show"])
def test_a_connection_that_breaks_leaves_the_others_in_control(what: str) -> None:
    house = House()
    house.step()
    house.other.broken = {what}
    step = house.step()
    assert next(one.temp_c for one in step.orders.sinks if one.sink_id == ROOM) == 18.0


def test_steps_that_fail_for_long_take_the_heat_back_but_leave_a_house_its_own_heating() -> None:
    # given a site whose boiler works and whose tank's other heater runs
    house = House()
    house.step()
    for actuator in ("tank", "room"):
        house.body._actuators._order(PointKey(actuator, "backup"), 1.0, house.desk.now.timestamp())
    assert house.body.settle(5.0)
    assert (house.desk.last("boiler.power_cap"), house.desk.last("tank.backup")) != (0.0, 0.0)
    # when its steps fail for less than a minute, then for longer
    assert house.body.failed(house.leap(1.0)) is None
    assert house.body.failed(house.leap(FAIL_SAFE_S - 1.0)) is None
    note = house.body.failed(house.leap(2.0))
    # then no node, no unit and no heater of water goes on by the last order
    assert note is not None
    assert note.code == "site-step-failed"
    assert house.body.settle(5.0)
    assert house.desk.last("hot.power_cap") == 50.0, "idle power is as low as a limit goes"
    assert house.desk.last("boiler.power_cap") == 0.0
    assert house.desk.last("tank.backup") == 0.0
    assert house.desk.last("room.backup") == 1.0
    # and a step that succeeds takes over, told as over
    house.step()
    assert house.body.failed(house.leap(1.0)) is None


def test_a_failure_is_told_once_and_its_end_is_told_too() -> None:
    house, recorder = House(), Recorder()
    recorder.take(house.step())
    house.body.failed(house.leap(1.0))
    note = house.body.failed(house.leap(FAIL_SAFE_S))
    assert note is not None
    told = recorder.failed(note, house.desk.now)
    assert [one.told.alarms for one in told if one.told] == [(note,)]
    assert not recorder.failed(note, house.desk.now)
    again = [one.told for one in recorder.take(house.step()) if one.told is not None]
    assert again
    assert note not in again[0].alarms


def test_a_device_that_hangs_delays_no_contactor_of_another() -> None:
    house = House()
    house.step()
    assert house.body.settle(5.0)
    house.desk.hangs.clear()
    try:
        for value in (0.0, 1.0):
            for key in ("room.backup", "tank.backup", "boiler.power_cap", "boiler.switch"):
                house.body._actuators._order(PointKey(*key.split(".")), value * 300.0, 0.0)
        house.body._actuators._order(PointKey("heater", "switch"), 0.0, 0.0)
        until_s = time.monotonic() + 5.0
        while ("heater.switch", 0.0) not in house.other.written and time.monotonic() < until_s:
            time.sleep(0.01)
        assert ("heater.switch", 0.0) in house.other.written
    finally:
        house.desk.hangs.set()
        house.body.close()


def test_a_fault_in_a_driver_is_disobedience_and_the_next_knob_is_taken() -> None:
    house = House()
    house.desk.broken = {"write"}
    codes: set[str] = set()
    for _ in range(4):
        step = house.step(61.0)
        assert house.body.settle(5.0)
        codes |= {f"{note.entity_id} {note.code}" for note in step.orders.alarms}
    assert "boiler actuator-disobeys" in codes
    assert "hot limit-disobeyed" in codes
    assert any(key.startswith("hot.power_cap") for key, _ in house.other.written)


# -- what a server says --

DOWN = Down(platform_s=T0.timestamp(), rate=1.0, acknowledged=0, fleet="x")
OUTLOOK = Outlook(made_s=1.0, begin_s=1.0, step_s=3600.0, outdoor_c=(5.0,))


@pytest.mark.parametrize(
    "change",
    [
        {"platform_s": math.nan},
        {"rate": 0.0},
        {"next_s": math.nan},
        {"next_s": -1.0},
        {"floors": {BOILER: math.nan}},
        {"floors": {BOILER: -5.0}},
        {"nodes": (NodeStatus(node_id=NodeId("hot"), power_w=math.nan, busy_slots=0),)},
        {"outlook": msgspec.structs.replace(OUTLOOK, step_s=0.0)},
        {"outlook": msgspec.structs.replace(OUTLOOK, outdoor_c=(math.nan,))},
    ],
)
def test_a_plan_that_no_site_can_follow_is_refused_as_a_whole(change: dict[str, object]) -> None:
    assert read_down(pack(msgspec.structs.replace(DOWN, outlook=OUTLOOK))).outlook == OUTLOOK
    with pytest.raises(InvalidFieldError, match="down"):
        read_down(pack(msgspec.structs.replace(DOWN, **change)))


# -- what is kept --


def test_an_item_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "agent.db")
    outbox.commit([Item(number=0, told=Told(at=T0)), Item(number=0, told=Told(at=T0))], {}, now=T0)
    outbox._file.execute("UPDATE item SET body = x'c1' WHERE number = 1")
    assert [(one.number, one.told is None) for one in outbox.batch()] == [(1, True), (2, False)]
    outbox.acknowledge(2)
    assert outbox.waiting() == 0
    outbox.close()


# -- the process --


def setup_of(fleet_file: str, digest: str) -> Setup:
    return Setup(site_id=HOME, fleet_file=fleet_file, fleet=digest, platform_s=T0.timestamp(), rate=1.0)


class Running:
    """An agent that has its fleet, no server, and two desks."""

    def __init__(self, folder: Path) -> None:
        token = folder / "token"
        token.write_text("site-home-0\n")
        token.chmod(0o600)
        data = folder / "data"
        data.mkdir()
        outbox = Outbox(data / "agent.db")
        first = setup_of(fleet_to_toml(FLEET), "first")
        outbox.commit((), noted(first, ClockNote(platform_s=T0.timestamp(), wall_s=time.time(), rate=1.0)))
        outbox.close()
        self.desks: list[Desk] = []
        settings = AgentSettings(site_id=HOME, server="http://127.0.0.1:9", token_file=token, data=data)
        self.agent = SiteProcess(settings, drivers=self._drivers)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.agent.run)
        self.thread.start()

    def _drivers(self, fleet: Fleet, now: object) -> list[Desk]:
        made = [Desk(one.id) for one in fleet.connections]
        self.desks += made
        return made

    def stop(self) -> None:
        self.agent.stop()
        self.thread.join(30.0)
        self.agent.close()


def until(look: object, timeout_s: float = 10.0) -> None:
    until_s = time.monotonic() + timeout_s
    while not look() and time.monotonic() < until_s:  # type: ignore[operator]
        time.sleep(0.02)
    assert look()  # type: ignore[operator]


@pytest.mark.parametrize("text", ["no fleet at all [", fleet_to_toml(dataclasses.replace(FLEET, name="x"))[:200]])
def test_a_new_fleet_that_cannot_be_served_never_takes_the_old_one_out_of_control(tmp_path: Path, text: str) -> None:
    running = Running(tmp_path)
    try:
        until(lambda: running.desks and running.desks[0].reads > 0)
        first = running.desks[0]
        with running.agent._known.lock:
            running.agent._known.fresh_setup = setup_of(text, "bad")
        until(lambda: running.agent._known.refused_fleet == "bad")
        reads = first.reads
        until(lambda: first.reads > reads + 1)
        assert not first.closed
        # and one that can be served takes over, also where the disk takes nothing
        with running.agent._known.lock:
            running.agent._known.fresh_setup = setup_of(fleet_to_toml(FLEET), "good")
        until(lambda: len(running.desks) == 4 and running.desks[2].reads > 1)
        assert first.closed
        assert not running.desks[2].closed
    finally:
        running.stop()


def test_a_pushed_row_that_is_none_stops_no_step(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        until(lambda: running.agent._known.step is not None)
        with running.agent._known.lock:
            running.agent._known.pushed = (ReadingRow("room", "no_such_point", 0, 1.0, 0, Quality.GOOD),)
            before = running.agent._known.step
        until(lambda: not running.agent._known.pushed)
        until(lambda: running.agent._known.step is not before)
        assert running.agent._known.step is not None
        assert running.desks[0].reads >= 2
    finally:
        running.stop()


@pytest.mark.parametrize("url", ["https://me:secret@example.org", "ftp://me:secret@example.org", "https://:secret@"])
def test_an_address_with_a_password_is_refused_without_saying_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidFieldError) as told:
        ServerLink(url, "home", tmp_path / "token")
    assert "secret" not in str(told.value)


def test_a_site_whose_clock_was_wrong_by_days_begins_afresh_at_the_servers_time(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        # given a site whose time is ahead, and what it remembers, too
        until(lambda: running.agent._known.step is not None)
        true = T0 - dt.timedelta(days=10)
        # when the server tells the time
        running.agent._talk.take(Down(platform_s=true.timestamp(), rate=1.0, acknowledged=0, fleet="first"), 0.0)
        # then it steps on in the server's time, and remembers nothing of the wrong one
        known = running.agent._known
        until(lambda: known.step is not None and known.step.orders.now < T0 - dt.timedelta(days=9))
        step = running.agent._known.step
        until(lambda: running.agent._known.step is not step and running.agent._known.step is not None)
        assert running.desks[0].closed
        assert not running.desks[2].closed
        kept = recall(running.agent._outbox, Stand)
        assert kept is not None
        assert kept.stepped_s < (T0 - dt.timedelta(days=9)).timestamp()
    finally:
        running.stop()
