"""A house with a broker: a room, a tank with two sensors, a heater, a boiler, and the users whom the broker knows."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.drivers.broker import Broker, make_broker
from ondol.drivers.mqtt.driver import MqttDriver
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.points import PointKey, PointReading
from ondol.model.power import PowerCurve
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

HOUSE = SiteId("house")
ROOM = PointKey("room", "temperature")
CAP = PointKey("heater", "power_cap")
USERS = {"ondol-house": "agent's secret", "devices": "sensor's secret", "homeassistant": "app's secret"}
ACL = """
user ondol-house
topic readwrite ondol/house/#
topic read devices/house/#
topic write devices/house/+/set
topic readwrite homeassistant/device/ondol-house/#
topic read homeassistant/status

user devices
topic readwrite devices/#
topic read ondol/#

user homeassistant
topic readwrite ondol/#
topic readwrite homeassistant/#
"""


def bindings(connection_id: str = "mqtt") -> tuple[Binding, ...]:
    return (
        Binding(entity_id="room", point="temperature", connection_id=connection_id, address="devices/house/room#t"),
        Binding(
            entity_id="tank", point="temperature", connection_id=connection_id, address="devices/house/tank#t.0@at"
        ),
        Binding(
            entity_id="tank",
            point="temperature",
            index=1,
            connection_id=connection_id,
            address="devices/house/tank#t.1@at",
        ),
        Binding(
            entity_id="heater",
            point="power_cap",
            connection_id=connection_id,
            address="devices/house/cap",
            scale=1000.0,
        ),
        Binding(entity_id="tank", point="backup", connection_id=connection_id, address="devices/house/backup"),
    )


def fleet(connection: Connection, bound: tuple[Binding, ...] = ()) -> Fleet:
    return Fleet(
        name="One house",
        sites=(Site(id=HOUSE, name="House"), Site(id=SiteId("other"), name="Other")),
        sinks=(
            Zone(id=SinkId("room"), site_id=HOUSE, name="Living room"),
            Tank(id=SinkId("tank"), site_id=HOUSE, name="Hot water"),
        ),
        circuits=(HeatCircuit(id=CircuitId("loop"), site_id=HOUSE, kind="dhw", sink_id=SinkId("tank")),),
        units=(
            Unit(id=UnitId("heater"), site_id=HOUSE, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("room")),
            Unit(id=UnitId("boiler"), site_id=HOUSE, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("loop")),
        ),
        nodes=tuple(
            Node(id=NodeId(f"{unit}-1"), unit_id=UnitId(unit), curve=PowerCurve(60.0, 500.0))
            for unit in ("heater", "boiler")
        ),
        bindings=bound,
        connections=(connection,),
    )


def connection(broker: Broker, **changes: object) -> Connection:
    given: dict[str, object] = {
        "id": "mqtt",
        "site_id": HOUSE,
        "driver": "mqtt",
        "host": "localhost",
        "port": broker.port,
        "tls": True,
        "ca_file": str(broker.ca_file),
        "user": "ondol-house",
        "password_file": str(broker.password_file("ondol-house")),
        "timeout_s": 2.0,
    }
    return Connection(**{**given, **changes})  # type: ignore[arg-type]


def house_broker(folder: Path, **options: object) -> Broker:
    return make_broker(folder, USERS, ACL, **options)  # type: ignore[arg-type]


def make_driver(made: Connection, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> MqttDriver:
    bound = bindings(made.id)
    return MqttDriver(made, bound, fleet=fleet(made, bound).of_site(HOUSE), now=now)


def wait_until(true: Callable[[], bool], within_s: float = 10.0, *, or_say: Callable[[], object] = str) -> None:
    deadline_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline_s:
            pytest.fail(f"did not happen within {within_s:g} s: {or_say()}")
        time.sleep(0.01)


def reading(driver: MqttDriver, key: PointKey) -> PointReading | None:
    return next((one for one in driver.readings() if one.key == key), None)
