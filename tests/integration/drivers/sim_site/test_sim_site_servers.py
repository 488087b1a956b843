"""A simulated site behind real servers: a bare Modbus client, our own drivers, a real Mosquitto, and the command."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import ModbusTcpClient

from integration.drivers.broker import mosquitto_path
from ondol.drivers.registry import drivers_of
from ondol.drivers.virtual.modbus_server import SimModbusServer
from ondol.drivers.virtual.mqtt_face import SimMqttFace
from ondol.drivers.virtual.own_broker import OwnBroker
from ondol.drivers.virtual.sim_fleet import reached_fleet, topic
from ondol.drivers.virtual.sim_site import SimSite
from ondol.drivers.virtual.surroundings import SteadySurroundings
from ondol.model.errors import UnavailableError
from ondol.model.points import PointKey
from ondol.storage.fleet_file.writing import fleet_to_toml
from scenario.commission.sites import HOME, site

START = dt.datetime(2026, 1, 12, 9, 0, tzinfo=dt.UTC)
WAIT_S = 10.0


def until(true: Callable[[], bool]) -> bool:
    """Wait for something, within bounds."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


class Desk:
    """A site with its Modbus server on a clock that leaps."""

    def __init__(self) -> None:
        self.now = START
        self.fleet = site(1)
        self.site = SimSite(self.fleet, HOME, SteadySurroundings(outdoor_temp_c=3.0), START)
        self.server = SimModbusServer(self.site, now=lambda: self.now)
        self.server.open()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.close()


@pytest.fixture
def client(desk: Desk) -> Iterator[ModbusTcpClient]:
    made = ModbusTcpClient("127.0.0.1", port=desk.server.port)
    assert made.connect()
    yield made
    made.close()


def number(client: ModbusTcpClient, words: list[int]) -> float:
    return float(client.convert_from_registers(words, client.DATATYPE.FLOAT32))


def test_a_bare_client_caps_a_boiler_and_sees_it_obey(desk: Desk, client: ModbusTcpClient) -> None:
    """Given a boiler at full load; when its cap register is written; then its electric power follows."""
    place = desk.server.places[PointKey("tank-boiler", "power_cap")]
    power = desk.server.places[PointKey("tank-boiler", "electric_power")]
    desk.now += dt.timedelta(minutes=10)
    before = number(client, client.read_input_registers(power.address, count=2, device_id=1).registers)
    assert before == pytest.approx(desk.site.power_max_w[desk.fleet.units[2].id], rel=0.01)
    assert not client.write_registers(place.address, place.encode(500.0), device_id=1).isError()
    desk.now += dt.timedelta(seconds=10)
    after = number(client, client.read_input_registers(power.address, count=2, device_id=1).registers)
    assert after == pytest.approx(500.0, abs=1.0)
    held = client.read_holding_registers(place.address, count=2, device_id=1).registers
    assert number(client, held) == pytest.approx(500.0)


def test_a_backup_coil_heats_its_tank() -> None:
    """Given a tank with an element; when its coil is written; then the tank warms by the element's energy."""
    now = START
    plain = site(1)
    sinks = tuple(
        replace(s, backup_kind="electric", backup_power_w=2000.0) if s.id == "tank" else s for s in plain.sinks
    )
    simulated = SimSite(replace(plain, sinks=sinks), HOME, SteadySurroundings(), START)
    for unit_id in simulated.power_max_w:
        simulated.set_load(unit_id, 0.0)
    server = SimModbusServer(simulated, now=lambda: now)
    server.open()
    client = ModbusTcpClient("127.0.0.1", port=server.port)
    layers = [key for key in simulated.points() if key.entity_id == "tank"]
    try:
        assert client.connect()
        before = sum(simulated.points()[key] for key in layers) / len(layers)
        place = server.places[PointKey("tank", "backup")]
        assert not client.write_coil(place.address, True, device_id=1).isError()
        now += dt.timedelta(hours=2)
        assert client.read_coils(place.address, count=1, device_id=1).bits[0]
    finally:
        client.close()
        server.close()
    after = sum(simulated.points()[key] for key in layers) / len(layers)
    tank = simulated.fleet.sinks[-1]
    assert after - before == pytest.approx(2 * 2000.0 * 3600.0 / (tank.volume_l * 4130.0), rel=0.15)


def test_impossible_writes_are_refused(desk: Desk, client: ModbusTcpClient) -> None:
    """Given the server; when half a float, a negative cap, or a place that is none is written; then it says no."""
    place = desk.server.places[PointKey("heater-0", "power_cap")]
    half = client.write_registers(place.address, [1], device_id=1)
    negative = client.write_registers(place.address, place.encode(-5.0), device_id=1)
    nowhere = client.write_registers(place.address + 30, [1, 2], device_id=1)
    assert (half.exception_code, negative.exception_code, nowhere.exception_code) == (2, 3, 2)
    assert client.read_input_registers(place.address + 90, count=4, device_id=1).isError()
    assert desk.site.held()[PointKey("heater-0", "power_cap")] == desk.site.power_max_w[desk.fleet.units[0].id]


def test_our_own_driver_reads_every_point(desk: Desk) -> None:
    """Given the fleet that names the server; when its drivers are opened; then every point says what the site shows."""
    desk.now += dt.timedelta(minutes=20)
    fleet = reached_fleet(desk.fleet, HOME, desk.server.places, modbus=("127.0.0.1", desk.server.port))
    (driver,) = drivers_of(fleet, HOME, now=lambda: desk.now)
    driver.open()
    try:
        assert until(lambda: len(driver.readings()) == len(fleet.bindings)), driver.status()  # type: ignore[attr-defined]
        read = {one.key: one.value for one in driver.readings()}  # type: ignore[attr-defined]
        written = driver.write(PointKey("heater-0", "power_cap"), 321.0)  # type: ignore[attr-defined]
        assert written.obeyed(tolerance=0.01)
    finally:
        driver.close()
    for key, value in desk.site.points().items():
        assert read[key] == pytest.approx(value, rel=1e-5, abs=3600.0 if key.kind.unit == "J" else 1e-4), key


def test_temperatures_reach_a_real_broker(desk: Desk) -> None:
    """Given a broker of our own; when the site publishes; then a subscriber gets layers with their time."""
    mosquitto_path()
    broker = OwnBroker()
    broker.open()
    got: dict[str, bytes] = {}
    arrived = threading.Event()
    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_connect = lambda c, *_: c.subscribe("sim/#")
    listener.on_message = lambda _c, _u, m: (got.__setitem__(m.topic, m.payload), arrived.set())
    face = SimMqttFace(desk.site, now=lambda: desk.now, host=broker.host, port=broker.port, interval_s=0.1)
    try:
        listener.connect(broker.host, broker.port)
        listener.loop_start()
        face.open()
        assert until(lambda: topic(HOME, "tank") in got and topic(HOME, "room-0") in got)
    finally:
        face.close()
        listener.disconnect()
        listener.loop_stop()
        broker.close()
    tank = json.loads(got[topic(HOME, "tank")])
    assert len(tank["layers"]) == 10
    assert dt.datetime.fromisoformat(tank["time"]) == START
    assert tank["layers"][0] == pytest.approx(desk.site.points()[PointKey("tank", "temperature")], abs=0.01)


def test_a_port_that_is_taken_is_told(desk: Desk) -> None:
    """Given a port in use; when a second server opens there; then the error names it."""
    second = SimModbusServer(desk.site, now=lambda: desk.now, port=desk.server.port)
    with pytest.raises(UnavailableError, match=str(desk.server.port)):
        second.open()
    second.close()


def test_the_command_writes_a_true_fleet_and_ends_on_sigterm(tmp_path: Path) -> None:
    """Given a fleet file; when `ondol sim-site` runs; then its written fleet leads to it, faults switch, it ends."""
    file, written, faults = tmp_path / "fleet.toml", tmp_path / "reached.toml", tmp_path / "faults.txt"
    file.write_text(fleet_to_toml(site(1)))
    code = "from cyclopts import App; from ondol.cli.sim_site import sim_site; a = App(); a.default(sim_site); a()"
    options = ["--fleet", file, "--site", "home", "--write-fleet", written, "--faults", faults, "--clock-rate", "10"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert "Modbus TCP at 127.0.0.1:" in process.stdout.readline()
        assert until(written.exists)
        from ondol.storage.fleet_file import read_fleet

        fleet = read_fleet(written)
        (connection,) = fleet.connections_of(HOME)
        client = ModbusTcpClient("127.0.0.1", port=connection.port)
        assert client.connect()
        room = 3 * 100 + 60
        read = lambda: number(client, client.read_input_registers(room, count=2, device_id=1).registers)  # noqa: E731
        assert 10.0 < read() < 30.0
        faults.write_text("wrong-unit:room-0=fahrenheit  # as an American would\n")
        assert until(lambda: read() > 50.0)
        client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, said
    assert "fahrenheit" in said


def test_callers_that_ask_within_a_moment_of_each_other_are_both_answered() -> None:
    """Modbus and MQTT look at the site from two threads: the second may ask a microsecond after the first."""
    simulated = SimSite(site(1), HOME, SteadySurroundings(), START)
    for microseconds in (1, 900, 60_000_001, 60_000_002, 120_000_500):
        simulated.advance(START + dt.timedelta(microseconds=microseconds))
    assert dt.timedelta(0) <= START + dt.timedelta(seconds=120.0005) - simulated.now < dt.timedelta(milliseconds=10)
