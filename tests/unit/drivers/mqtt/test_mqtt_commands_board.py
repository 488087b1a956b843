"""Commands in, states out: what is taken, what is refused, when something is sent."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.mqtt.board import EXPIRY_S, LEAST_GAP_S, LIVENESS_S, Board
from ondol.drivers.mqtt.commands import CommandReader
from ondol.drivers.mqtt.payloads import PayloadRefusedError
from ondol.drivers.ports import Shown
from unit.drivers.contract import START
from unit.drivers.mqtt.mqtt_house import TOPICS, fleet

READER = CommandReader(fleet(), "line")


@pytest.mark.parametrize(
    ("entity", "name", "payload", "becomes"),
    [
        ("hall", "setpoint", "21.5", ("setpoint", 21.5, "")),
        ("hall", "setpoint", "26", ("setpoint", 26.0, "")),
        ("hall", "preset", "away", ("preset", None, "away")),
        ("hall", "preset", "none", ("mode", None, "auto")),  # let go: back to the schedule
        ("hall", "mode", "off", ("mode", None, "off")),
        ("hall", "mode", "heat", ("mode", None, "heat")),
        ("showers", "setpoint", "65", ("setpoint", 65.0, "")),
        ("showers", "mode", "electric", ("mode", None, "auto")),
        ("basin", "mode", "eco", ("preset", None, "eco")),
        ("basin", "mode", "performance", ("preset", None, "boost")),
        ("boiler", "power_limit", "800", ("power_limit", 800.0, "")),
        ("rack", "power_limit", "0", ("power_limit", 0.0, "")),
    ],
)
def test_what_can_be_asked_for(entity: str, name: str, payload: str, becomes: tuple[Any, ...]) -> None:
    command = READER.read(entity, name, payload.encode(), START)
    assert (command.name, command.number, command.text) == becomes
    assert (command.entity_id, command.received_at, command.source) == (entity, START, "line")


@pytest.mark.parametrize(
    ("entity", "name", "payload", "says"),
    [
        ("hall", "setpoint", "26.5", "allowed: 4 to 26 °C"),
        ("hall", "setpoint", "-300", "allowed"),
        ("hall", "setpoint", "warm", "no number"),
        ("hall", "setpoint", "", "no number"),
        ("hall", "preset", "sleep", "eco, comfort, boost, away, none"),
        ("hall", "mode", "eco", "off, heat, auto"),  # a mode of water heaters
        ("hall", "power_limit", "100", "takes setpoint"),
        ("boiler", "power_limit", "801", "allowed: 0 to 800 W"),
        ("boiler", "setpoint", "50", "takes power_limit"),
        ("bath", "setpoint", "20", "no sink or unit"),
        ("boiler-1", "power_limit", "1", "no sink or unit"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_what_is_allowed(
    entity: str, name: str, payload: str, says: str
) -> None:
    with pytest.raises(PayloadRefusedError, match=says):
        READER.read(entity, name, payload.encode(), START)


@given(
    entity=st.sampled_from(["hall", "showers", "boiler", "?"]) | st.text(max_size=80),
    name=st.sampled_from(["setpoint", "preset", "mode", "power_limit"]) | st.text(max_size=80),
    payload=st.binary(max_size=50) | st.floats().map(lambda x: str(x).encode()),
)
def test_no_command_can_break_the_reader_or_pass_a_limit(entity: str, name: str, payload: bytes) -> None:
    try:
        command = READER.read(entity, name, payload, START)
    except PayloadRefusedError:
        return
    if command.number is not None:
        high = {"hall": 26.0, "showers": 70.0, "boiler": 800.0}[command.entity_id]
        assert 0.0 <= command.number <= high


def hall(**values: Any) -> tuple[Shown, ...]:
    return (Shown(entity_id="hall", at=START, values=values),)


def test_only_what_changed_is_sent_and_not_too_often_and_all_now_and_then() -> None:
    board = Board(TOPICS, {"hall": ("temp_c", "preset")})
    board.show(hall(temp_c=20.0))
    (first,) = board.due(0.0)
    assert (first.topic, first.retain, first.expiry_s) == ("ondol/bath/hall/state", True, EXPIRY_S)
    assert json.loads(first.payload) == {"temp_c": 20.0, "preset": None, "at": START.isoformat()}

    board.show(hall(temp_c=20.0))
    assert board.due(LEAST_GAP_S) == []  # the same
    board.show(hall(temp_c=20.0004))
    assert board.due(LEAST_GAP_S) == []  # the same to a thousandth
    board.show(hall(temp_c=20.1))
    board.show(hall(temp_c=20.2))
    assert [json.loads(one.payload)["temp_c"] for one in board.due(LEAST_GAP_S)] == [20.2]  # the latest wins
    board.show(hall(temp_c=20.3))
    assert board.due(1.5 * LEAST_GAP_S) == []
    assert len(board.due(2.0 * LEAST_GAP_S)) == 1
    assert board.due(2.0 + 0.99 * LIVENESS_S) == []
    assert len(board.due(2.0 + LIVENESS_S)) == 1


def test_a_state_can_be_asked_for_again_and_strangers_are_left_out() -> None:
    board = Board(TOPICS, {"hall": ("temp_c",), "basin": ()})
    board.show((*hall(temp_c=20.0), Shown(entity_id="elsewhere", at=START + dt.timedelta(hours=1), values={})))
    assert len(board.due(0.0)) == 1
    board.force("basin")
    assert board.due(0.1) == []
    board.force("hall")
    assert len(board.due(0.1)) == 1
    board.force()
    assert len(board.due(0.2)) == 1


def test_liveness_lets_three_signs_be_lost_before_a_state_expires() -> None:
    assert EXPIRY_S >= 3 * LIVENESS_S
