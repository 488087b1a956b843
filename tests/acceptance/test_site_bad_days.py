"""Bad days of a house behind real Modbus and MQTT: its cables pulled one by one, its meters rolled over and exchanged.

A minute of the platform passes each second.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from acceptance.site_desk import SiteDesk

ROLLS_OVER = "meter-rolls-over:boiler=0.2"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs Mosquitto (apt install mosquitto)"),
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteDesk]:
    """A house whose boiler's heat meter is 0.2 kWh short of its end."""
    made: SiteDesk | None = None
    try:
        made = SiteDesk(tmp_path_factory.mktemp("desk"), ROLLS_OVER)
        yield made
    finally:
        if made is not None:
            made.close()


def _turn(desk: SiteDesk, temp_c: float) -> dict[str, Any]:
    """Turn the living room's thermostat as Home Assistant does; gives what was announced of it."""
    thermostat = desk.until(lambda: desk.app.part("climate"), "the thermostat is announced")
    desk.app.send(thermostat["temperature_command_topic"], f"{temp_c:.1f}")
    topic = thermostat["temperature_state_topic"]
    desk.until(lambda: desk.app.state(topic).get("setpoint_c") == temp_c, f"{temp_c} °C is confirmed")
    return thermostat


def _power_w(desk: SiteDesk) -> float:
    """What the heater draws by its own instrument, from the app's eyes: nothing of this passes the server [W]."""
    return float(desk.app.state("ondol/house/heater/state").get("power_w") or 0.0)


def test_a_thermostat_in_the_app_turns_the_heat(desk: SiteDesk) -> None:
    # when somebody turns it, then it is confirmed, the house's power moves, and the platform knows
    _turn(desk, 26.0)
    desk.until(lambda: _power_w(desk) > 250.0, "a warm wish draws power")
    _turn(desk, 12.0)
    desk.until(lambda: _power_w(desk) < 120.0, "a cold wish ends it")
    thermostat = _turn(desk, 21.5)

    def wished() -> Any:
        wish = desk.get("/sinks/living/wish")
        return wish["requested"] and wish["requested"]["setpoint_c"] == 21.5 and wish["accepted"]["setpoint_c"] == 21.5

    desk.until(wished, "the platform has the wish")
    # and what is outside of the limits is refused, told, and changes nothing
    desk.app.send(thermostat["temperature_command_topic"], "90")
    refused = desk.until(lambda: [e for e in desk.app.events if e["event_type"] == "refused"], "90 °C is refused")
    assert (refused[0]["entity"], refused[0]["command"]) == ("living", "setpoint")
    assert desk.get("/sinks/living/wish")["requested"]["setpoint_c"] == 21.5


def test_broker_agent_and_server_die_one_after_the_other_and_nothing_is_lost(desk: SiteDesk) -> None:
    begun = _now(desk)
    # given a broker that dies: heat goes on over Modbus, and an alarm says so
    desk.kill("broker")

    def lost() -> Any:
        return [a for a in desk.get("/alarms?site=house&active=true") if a["code"] == "connection-lost"]

    assert desk.until(lost, "the lost broker is told")[0]["entity_id"] == "house-sim-mqtt"
    desk.start_broker_again()
    desk.until(lambda: not lost(), "the alarm is over")
    desk.until(
        lambda: (
            {"alarm", "cleared"} <= {e["event_type"] for e in desk.app.events if e.get("code") == "connection-lost"}
        ),
        "people at the site heard of it, too",
    )

    # and an agent that is killed: the app sees it at once, the next one goes on
    assert desk.app.said("ondol/house/status") == "online"
    desk.kill("agent")
    desk.until(lambda: desk.app.said("ondol/house/status") == "offline", "the app sees that the agent is gone")
    desk.start_agent()
    desk.until(lambda: desk.app.said("ondol/house/status") == "online", "the next agent is there")

    # and a server that is dead for more than 30 minutes of the platform: the thermostat still turns the heat
    died = _now(desk)
    died_wall_s = time.monotonic()
    desk.up.kill()
    _turn(desk, 12.0)
    desk.until(lambda: _power_w(desk) < 120.0, "a cold wish ends the heat without the server")
    _turn(desk, 20.5)
    desk.until(lambda: _power_w(desk) > 250.0, "a warm wish draws power without the server")
    time.sleep(max(died_wall_s + 32.0 - time.monotonic(), 0.0))
    desk.up.start()
    back = _now(desk)
    assert back - died > dt.timedelta(minutes=30)

    # then all readings of that time arrive, once each, in order, with no hole
    def read() -> list[dt.datetime]:
        rows = desk.get("/readings?point=heater.electric_power")["data"]
        return [_at(row["at"]) for row in rows]

    desk.until(lambda: read()[-1] > back + dt.timedelta(minutes=2), "readings of the dead time and after it arrive")
    times = [at for at in read() if at >= begun]
    assert times == sorted(set(times))
    assert max(b - a for a, b in pairwise(times)) < dt.timedelta(minutes=15), "but for the agent's own death"
    dead = [at for at in times if died < at < back]
    assert max(b - a for a, b in pairwise([died, *dead, back])) < dt.timedelta(minutes=4), "none in the server's"
    # and the wish that was made meanwhile
    desk.until(lambda: desk.get("/sinks/living/wish")["accepted"]["setpoint_c"] == 20.5, "the wish arrives")

    # and the hygiene log goes on across it all: each row once, sealed, no hole while the agent lived
    log = desk.get(f"/tanks/tank/hygiene?month={back:%Y-%m}")
    assert log["chain"]["whole"]
    assert [row["number"] for row in log["data"]] == list(range(1, len(log["data"]) + 1))
    rows = [_at(row["at"]) for row in log["data"]]
    assert rows == sorted(set(rows))
    assert max(b - a for a, b in pairwise(rows)) < dt.timedelta(minutes=15)
    assert len([at for at in rows if died < at < back]) >= 20

    # and nobody was cold, nothing too hot, all the time
    assert 17.0 < min(desk.app.temps_c["living"]) < max(desk.app.temps_c["living"]) < 27.0
    assert 38.0 < min(desk.app.temps_c["tank"]) < max(desk.app.temps_c["tank"]) < 75.0
    assert not lost()


def test_meters_that_roll_over_or_are_exchanged_leave_the_heat_in_the_ledger_as_it_was(desk: SiteDesk) -> None:
    # given a boiler whose heat meter was 0.2 kWh short of its end, and a heater whose meter is exchanged now
    begun = _now(desk)
    desk.faults_file.write_text(f"{ROLLS_OVER}\nmeter-exchanged:heater=0\n")
    _turn(desk, 24.0)
    desk.until(
        lambda: "meter-exchanged" in {a["code"] for a in desk.get("/alarms?site=house")}, "the exchange is noticed"
    )
    end = begun + dt.timedelta(minutes=12)

    def rows() -> list[dict[str, Any]]:
        return list(desk.get("/heat?site=house&limit=1000", root="/ledger/v1")["data"])

    desk.until(lambda: _at(rows()[-1]["end"]) > end, "the ledger passes it")

    def shown_j(point: str) -> list[float]:
        return [row["value"] for row in desk.get(f"/readings?point={point}")["data"]]

    displays = shown_j("boiler.heat_meter"), shown_j("heater.heat_meter")
    assert all(max(one) - min(one) > 1e11 for one in displays), "the displays did fall"
    for unit_id, most_w in (("boiler", 1200.0), ("heater", 640.0)):
        own = [row for row in rows() if row["unit_id"] == unit_id]
        assert len(own) > 10
        # then no six rows have more than the unit can have given since the one before them (a machine that was busy for
        # some seconds has minutes of heat in one row, and none in those before), and none has less than nothing
        assert min(row["delivered_j"] for row in own) >= 0.0
        for first in range(1, len(own)):
            rows_of_minutes = own[first : first + 6]
            span_s = (_at(rows_of_minutes[-1]["end"]) - _at(own[first - 1]["end"])).total_seconds()
            given_j = sum(row["delivered_j"] for row in rows_of_minutes)
            assert given_j <= 1.5 * most_w * (span_s + 60.0) + 7200.0, rows_of_minutes
        # and all rows together have what the electricity that went in leaves, but for what warms the unit itself
        drawn_j, heat_j = shown_j(f"{unit_id}.electric_meter"), sum(row["delivered_j"] for row in own)
        assert 0.0 < heat_j <= 1.02 * (drawn_j[-1] - drawn_j[0]) + 0.1 * 3.6e6
        assert heat_j >= 0.8 * (drawn_j[-1] - drawn_j[0]) - 0.5 * 3.6e6


def _at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _now(desk: SiteDesk) -> dt.datetime:
    return _at(desk.get("/now")["at"])
