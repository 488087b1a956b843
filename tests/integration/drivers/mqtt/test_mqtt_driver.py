"""The MQTT driver against a real Mosquitto with TLS, passwords and an ACL."""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.drivers.broker import Broker, OtherClient, running
from integration.drivers.mqtt.house import (
    CAP,
    ROOM,
    connection,
    house_broker,
    make_driver,
    reading,
    wait_until,
)
from ondol.drivers.mqtt.driver import MqttDriver
from ondol.drivers.ports import Command, Shown
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.points import PointKey, Quality

MakeClient = Callable[[str], OtherClient]
TANK_TOP, BACKUP = PointKey("tank", "temperature"), PointKey("tank", "backup")
STATUS, ROOM_STATE = "ondol/house/status", "ondol/house/room/state"
ROOM_CONFIG = "homeassistant/device/ondol-house/room/config"


def room(temp_c: float, setpoint_c: float, preset: str | None = "comfort") -> tuple[Shown, ...]:
    values = {"temp_c": temp_c, "setpoint_c": setpoint_c, "mode": "heat", "preset": preset, "action": "heating"}
    return (Shown(entity_id="room", at=dt.datetime.now(dt.UTC), values=values),)


def test_a_reading_arrives_with_the_time_of_its_arrival(driver: MqttDriver, client: MakeClient) -> None:
    before = dt.datetime.now(dt.UTC)
    client("devices").say("devices/house/room", '{"t": 20.5}')
    wait_until(lambda: reading(driver, ROOM) is not None, or_say=driver.status)
    said = reading(driver, ROOM)
    assert said is not None
    assert (said.value, said.quality, said.source) == (20.5, Quality.GOOD, "mqtt")
    assert before <= said.measured_at <= dt.datetime.now(dt.UTC)


def test_a_payload_with_its_own_time_keeps_it_and_an_older_one_does_not_come_back(
    driver: MqttDriver, client: MakeClient
) -> None:
    devices, now = client("devices"), dt.datetime.now(dt.UTC).replace(microsecond=0)
    recent, older = now - dt.timedelta(seconds=20), now - dt.timedelta(seconds=50)
    devices.say("devices/house/tank", json.dumps({"t": [55, 41], "at": recent.isoformat()}))
    wait_until(lambda: reading(driver, TANK_TOP) is not None, or_say=driver.status)
    devices.say("devices/house/tank", json.dumps({"t": [30, 30], "at": older.timestamp()}))
    devices.say("devices/house/room", '{"t": 1}')  # the one after it is here: so was the older one
    wait_until(lambda: reading(driver, ROOM) is not None)
    said = reading(driver, TANK_TOP)
    assert said is not None
    assert (said.value, said.measured_at) == (55.0, recent)


def test_what_the_broker_had_kept_is_stale_unless_it_has_its_own_time(broker: Broker, client: MakeClient) -> None:
    devices, at = client("devices"), dt.datetime.now(dt.UTC).replace(microsecond=0)
    devices.say_and_wait("devices/house/room", '{"t": 19.0}', retain=True)
    devices.say_and_wait("devices/house/tank", json.dumps({"t": [55, 41], "at": at.isoformat()}), retain=True)
    driver = make_driver(connection(broker))
    driver.open()
    try:
        wait_until(lambda: len(driver.readings()) == 3, or_say=driver.status)
        kept, timed = reading(driver, ROOM), reading(driver, TANK_TOP)
        assert kept is not None
        assert timed is not None
        assert kept.quality is Quality.STALE
        assert (dt.datetime.now(dt.UTC) - kept.measured_at).total_seconds() > 60.0
        assert (timed.quality, timed.measured_at) == (Quality.GOOD, at)

        devices.say("devices/house/room", '{"t": 19.0}', retain=True)  # now it is live
        wait_until(lambda: getattr(reading(driver, ROOM), "quality", None) is Quality.GOOD)
    finally:
        driver.close()


def test_garbage_is_refused_and_told_and_the_last_good_value_keeps_its_time(
    driver: MqttDriver, client: MakeClient
) -> None:
    devices = client("devices")
    devices.say("devices/house/room", '{"t": 20.5}')
    wait_until(lambda: reading(driver, ROOM) is not None)
    good = reading(driver, ROOM)
    for garbage in ("", "21,5", '{"t": "21,5"}', '{"t": null}', '{"t": NaN}', "\x00", '{"other": 3}'):
        devices.say("devices/house/room", garbage)
    wait_until(lambda: driver.status().errors == 7, or_say=driver.status)
    assert reading(driver, ROOM) == good
    assert driver.status().connected
    assert "room.temperature from devices/house/room: no t in it; there is 'other'" in driver.status().detail


def test_a_wrong_password_is_told_and_not_repeated_wildly(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "wrong"
    secret.write_text("guess\n")
    secret.chmod(0o600)
    driver = make_driver(connection(broker, password_file=str(secret)))
    driver.open()
    try:
        wait_until(lambda: driver.status().errors >= 2, or_say=driver.status)
        status = driver.status()
        assert not status.connected
        assert "refuses user ondol-house" in status.detail
        assert "password_file" in status.detail
        assert "guess" not in status.detail + caplog.text
        tries = status.errors
        time.sleep(1.0)
        assert driver.status().errors - tries <= 7  # the longest wait is 0.4 s here, 60 s in life
        secret.write_text(broker.passwords["ondol-house"])  # mended: it is read anew at every try
        wait_until(lambda: driver.status().connected, or_say=driver.status)
        written = driver.write(CAP, 100.0)
        assert written.accepted is None
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("mode", "text", "says"),
    [(None, "", "cannot be read"), (0o600, "", "is empty"), (0o644, "right", "chmod 600")],
)
def test_how_the_password_is_kept_shows_in_the_status(
    broker: Broker, tmp_path: Path, mode: int | None, text: str, says: str
) -> None:
    secret = tmp_path / "secret"
    if mode is not None:
        secret.write_text(broker.passwords["ondol-house"] if text else "")
        secret.chmod(mode)
    driver = make_driver(connection(broker, password_file=str(secret)))
    driver.open()
    try:
        wait_until(lambda: says in driver.status().detail, or_say=driver.status)
        assert driver.status().connected == bool(text)
    finally:
        driver.close()


# Paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_a_broker_whose_certificate_is_for_another_host_is_not_trusted(tmp_path: Path) -> None:
    with running(house_broker(tmp_path / "false", name="elsewhere.example")) as false:
        driver = make_driver(connection(false))
        driver.open()
        try:
            wait_until(lambda: driver.status().errors > 0, or_say=driver.status)
            assert not driver.status().connected
            assert "ca_file" in driver.status().detail
        finally:
            driver.close()
        assert "ondol-house-mqtt" not in false.log()  # nobody told it who we are
    gc.collect()


def test_the_broker_keeps_a_site_from_topics_of_another(broker: Broker, client: MakeClient) -> None:
    app = client("homeassistant")
    app.listen("ondol/#")
    intruder = make_driver(connection(broker, root="ondol/else"))
    intruder.open()
    try:
        intruder.show(room(20.0, 21.0))
        wait_until(lambda: "refused" in intruder.status().detail, or_say=intruder.status)
        assert "ACL" in intruder.status().detail
        assert not [topic for topic, _, _ in app.heard if topic.startswith("ondol/else")]
    finally:
        intruder.close()


def test_a_value_is_written_and_what_the_device_holds_is_read_back(driver: MqttDriver, client: MakeClient) -> None:
    device = client("devices")
    device.listen("devices/house/cap/set", lambda payload: device.say("devices/house/cap", payload))
    assert driver.write(CAP, 350.0).accepted == 350.0
    assert next((p, r) for t, p, r in device.heard if t == "devices/house/cap/set") == (b"0.35", False)


def test_a_device_that_holds_something_else_or_nothing_is_not_believed(driver: MqttDriver, client: MakeClient) -> None:
    device = client("devices")
    silent = driver.write(CAP, 400.0)
    assert silent.accepted is None
    assert silent.reason == "nothing came back on devices/house/cap within 2 s"
    device.listen("devices/house/cap/set", lambda _: device.say("devices/house/cap", "0.2"))
    stubborn = driver.write(CAP, 400.0)
    assert (stubborn.accepted, stubborn.reason) == (200.0, "the device holds 200 W")
    assert not stubborn.obeyed()


def test_a_switch_is_written_in_the_words_of_its_device(driver: MqttDriver, client: MakeClient) -> None:
    device = client("devices")
    device.listen("devices/house/backup/set", lambda payload: device.say("devices/house/backup", payload))
    device.say("devices/house/backup", "false")
    wait_until(lambda: reading(driver, BACKUP) is not None)
    assert driver.write(BACKUP, 1.0).accepted == 1.0
    assert device.wait_for("devices/house/backup/set") == b"true"


def test_what_cannot_be_written_is_refused_before_anything_is_sent(driver: MqttDriver) -> None:
    with pytest.raises(NotFoundError):
        driver.write(PointKey("boiler", "power_cap"), 100.0)
    with pytest.raises(InvalidFieldError):
        driver.write(ROOM, 20.0)
    with pytest.raises(InvalidFieldError):
        driver.write(CAP, float("nan"))
    with pytest.raises(InvalidFieldError):
        driver.write(BACKUP, 0.5)


def test_somebody_turns_the_thermostat_in_the_app_and_sees_it_confirmed(driver: MqttDriver, client: MakeClient) -> None:
    app = client("homeassistant")
    app.listen("homeassistant/#")
    app.listen("ondol/house/#")
    climate = json.loads(app.wait_for(ROOM_CONFIG))["components"]["thermostat"]
    driver.show(room(20.0, 19.0))
    app.wait_for(climate["temperature_state_topic"], lambda p: json.loads(p)["setpoint_c"] == 19.0)

    app.say(climate["temperature_command_topic"], "21.5")
    came: list[Command] = []
    wait_until(lambda: bool(came.extend(driver.commands()) or came))
    assert [(one.entity_id, one.name, one.number, one.source) for one in came] == [("room", "setpoint", 21.5, "mqtt")]
    assert driver.commands() == ()

    since = len(app.heard)
    driver.show(room(20.0, 21.5, preset=None))  # the agent has taken it up
    app.wait_for(climate["temperature_state_topic"], lambda p: json.loads(p)["setpoint_c"] == 21.5, since=since)


def test_what_cannot_be_asked_for_is_refused_with_an_event_and_the_true_state_is_shown_again(
    driver: MqttDriver, client: MakeClient
) -> None:
    app = client("homeassistant")
    driver.show(room(20.0, 19.0))
    app.listen("ondol/house/#")
    app.wait_for(ROOM_STATE)
    for topic, payload in (
        ("room/setpoint", "45"),
        ("room/setpoint", "21,5"),
        ("room/preset", "party"),
        ("heater/power_limit", "501"),
        ("cellar/setpoint", "20"),
    ):
        since = len(app.heard)
        app.say(f"ondol/house/{topic}/set", payload)
        refused = json.loads(app.wait_for("ondol/house/event", since=since))
        assert refused["event_type"] == "refused"
        assert refused["entity"] == topic.split("/")[0]
        assert "allowed" in refused["reason"] or "no number" in refused["reason"] or "no sink" in refused["reason"]
        if topic.startswith("room"):
            assert json.loads(app.wait_for(ROOM_STATE, since=since))["setpoint_c"] == 19.0
    assert driver.commands() == ()


def test_the_broker_dies_and_all_is_said_again_when_it_is_back(
    broker: Broker, driver: MqttDriver, client: MakeClient
) -> None:
    app, devices = client("homeassistant"), client("devices")
    driver.show(room(20.0, 19.0))
    app.listen(ROOM_STATE)
    app.wait_for(ROOM_STATE)
    devices.say("devices/house/room", '{"t": 20.0}')
    wait_until(lambda: reading(driver, ROOM) is not None)

    broker.kill()
    wait_until(lambda: not driver.status().connected, or_say=driver.status)
    told = time.monotonic()
    assert driver.write(CAP, 300.0).reason.startswith("not written: broker localhost")
    assert time.monotonic() - told < 1.0  # who is not there is not waited for
    driver.show(room(18.5, 19.0))
    driver.event({"event_type": "alarm", "code": "sensor-lost"})

    broker.start()  # it has forgotten everything
    wait_until(lambda: driver.status().connected, or_say=driver.status)
    late = client("homeassistant")
    late.listen("ondol/house/#")
    assert late.wait_for(STATUS) == b"online"
    assert json.loads(late.wait_for(ROOM_STATE))["temp_c"] == 18.5
    late.listen("homeassistant/device/#")
    late.wait_for(ROOM_CONFIG)
    devices.say("devices/house/room", '{"t": 17.0}')
    wait_until(lambda: getattr(reading(driver, ROOM), "value", None) == 17.0, within_s=15.0)


def test_an_event_waits_for_the_link(broker: Broker, driver: MqttDriver, client: MakeClient) -> None:
    broker.kill()
    wait_until(lambda: not driver.status().connected, or_say=driver.status)
    driver.event({"event_type": "alarm", "code": "flow-lost"})
    driver.close()  # so that it cannot come back before somebody listens
    broker.start()
    app = client("homeassistant")
    app.listen("ondol/house/event")
    driver.open()
    assert json.loads(app.wait_for("ondol/house/event"))["code"] == "flow-lost"


def test_an_agent_that_is_killed_is_told_as_offline_by_the_broker(broker: Broker, client: MakeClient) -> None:
    app = client("homeassistant")
    app.listen(STATUS)
    script = Path(__file__).parent / "agent_process.py"
    arguments = [str(broker.port), str(broker.ca_file), str(broker.password_file("ondol-house"))]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, str(script), *arguments], env=environment) as agent:
        try:
            assert app.wait_for(STATUS, within_s=30.0) == b"online"
        finally:
            agent.kill()
    app.wait_for(STATUS, lambda payload: payload == b"offline")


def test_an_agent_that_ends_says_so(driver: MqttDriver, client: MakeClient) -> None:
    app = client("homeassistant")
    app.listen(STATUS)
    assert app.wait_for(STATUS) == b"online"
    driver.close()
    app.wait_for(STATUS, lambda payload: payload == b"offline")
    assert not driver.status().connected
    driver.open()
    wait_until(lambda: driver.status().connected, or_say=driver.status)


def test_the_app_restarts_and_everything_is_announced_again(driver: MqttDriver, client: MakeClient) -> None:
    app = client("homeassistant")
    driver.show(room(20.0, 19.0))
    app.listen("homeassistant/#")
    app.listen(ROOM_STATE)
    app.wait_for(ROOM_CONFIG)
    app.wait_for(ROOM_STATE)
    since = len(app.heard)
    app.say("homeassistant/status", "online")
    first = app.wait_for("homeassistant/device/ondol-house/_site/config", since=since)
    assert json.loads(first)["device"]["name"] == "House"
    app.wait_for("homeassistant/device/ondol-house/boiler/config", since=since)
    app.wait_for(ROOM_STATE, since=since)


def test_entities_and_devices_that_are_gone_leave_the_app(broker: Broker, client: MakeClient) -> None:
    app = client("homeassistant")
    gone = "homeassistant/device/ondol-house/sold-boiler/config"
    app.say_and_wait(gone, json.dumps({"components": {"power": {"platform": "sensor"}}}), retain=True)
    older = {"components": {"thermostat": {"platform": "climate"}, "humidity": {"platform": "sensor"}}}
    app.say_and_wait(ROOM_CONFIG, json.dumps(older), retain=True)
    others = "homeassistant/device/somebody-else/room/config"
    app.say_and_wait(others, '{"components": {}}', retain=True)
    app.listen("homeassistant/device/#")
    driver = make_driver(connection(broker))
    driver.open()
    try:
        app.wait_for(ROOM_CONFIG, lambda p: json.loads(p)["components"].get("humidity") == {"platform": "sensor"})
        wait_until(lambda: (gone, b"", False) in app.heard, or_say=lambda: app.heard)

        def told() -> list[dict[str, Any]]:
            return [json.loads(payload)["components"] for topic, payload, _ in app.heard if topic == ROOM_CONFIG]

        wait_until(lambda: len(told()) >= 3 and "humidity" not in told()[-1], or_say=lambda: app.heard)
        assert not [1 for topic, payload, _ in app.heard if topic == others and not payload]
    finally:
        driver.close()


@pytest.fixture
def away(broker: Broker) -> Iterator[MqttDriver]:
    made = make_driver(connection(broker))
    yield made
    made.close()


def test_what_was_turned_while_the_link_was_down_comes_and_what_was_measured_then_does_not(
    away: MqttDriver, client: MakeClient
) -> None:
    away.open()
    wait_until(lambda: away.status().connected, or_say=away.status)
    away.close()
    client("homeassistant").say_and_wait("ondol/house/room/mode/set", "off")
    client("devices").say_and_wait("devices/house/room", '{"t": 20.0}')
    away.open()
    came: list[Command] = []
    wait_until(lambda: bool(came.extend(away.commands()) or came), or_say=away.status)
    assert (came[0].name, came[0].text) == ("mode", "off")
    assert reading(away, ROOM) is None
