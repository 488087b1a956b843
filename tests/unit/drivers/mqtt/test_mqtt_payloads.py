"""From bytes to numbers: what is read, what is refused, and that nothing can break the reader."""

from __future__ import annotations

import datetime as dt
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ondol.drivers.mqtt.payloads import (
    LARGEST_BYTES,
    Address,
    PayloadRefusedError,
    compose,
    parse_address,
    read_payload,
)
from ondol.model.errors import InvalidFieldError
from ondol.model.points import POINTS

TEMPERATURE, STATE = POINTS["temperature"], POINTS["switch"]
PLAIN = Address("boiler/T1")
INSIDE = Address("boiler/state", ("a", "0"), ("at",))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("boiler/T1", Address("boiler/T1")),
        ("boiler/state#temps.t1", Address("boiler/state", ("temps", "t1"))),
        ("boiler/state#t.0@time.utc", Address("boiler/state", ("t", "0"), ("time", "utc"))),
        ("mail@home/T", Address("mail@home/T")),
    ],
)
def test_an_address_is_a_topic_and_a_path(text: str, address: Address) -> None:
    assert parse_address("binding.address", text) == address


@pytest.mark.parametrize("text", ["", "#t", "a/+/b", "a#", "a#b..c", "a#b@", "a#@time", "$SYS/x", "a\0b", "a" * 1001])
def test_an_address_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidFieldError, match=r"binding\.address"):
        parse_address("binding.address", text)


@pytest.mark.parametrize(
    ("payload", "value"),
    [("21.5", 21.5), (" -3 ", -3.0), ("+.5", 0.5), ("2e1", 20.0), ("7.", 7.0), ("0", 0.0)],
)
def test_plain_numbers(payload: str, value: float) -> None:
    assert read_payload(payload.encode(), PLAIN, TEMPERATURE).value == value


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("21,5", "decimal comma"),
        ("21.5 °C", "no number"),
        ("nan", "no number"),
        ("inf", "no number"),
        ("1e999", "not finite"),
        ("1_000", "no number"),
        ("٢١", "no number"),
        ("", "no number"),
        ("unavailable", "no number"),
        ("ON", "no number"),
        ('{"t": 21.5}', "#name"),
        ("9" * 400, "no number"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(payload: str, says: str) -> None:
    with pytest.raises(PayloadRefusedError, match=says):
        read_payload(payload.encode(), PLAIN, TEMPERATURE)


def test_no_more_is_read_than_an_instrument_can_mean() -> None:
    with pytest.raises(PayloadRefusedError, match="bytes"):
        read_payload(b"1" + b" " * LARGEST_BYTES, PLAIN, TEMPERATURE)
    with pytest.raises(PayloadRefusedError, match="UTF-8"):
        read_payload(b"\xff\xfe1", PLAIN, TEMPERATURE)
    with pytest.raises(PayloadRefusedError, match="JSON"):
        read_payload(b"[" * 60_000, INSIDE, TEMPERATURE)


@pytest.mark.parametrize(
    ("payload", "value"),
    [("ON", 1.0), ("off", 0.0), ("true", 1.0), ("False", 0.0), ("1", 1.0), ("0.0", 0.0)],
)
def test_states_in_the_words_of_devices(payload: str, value: float) -> None:
    assert read_payload(payload.encode(), PLAIN, STATE).value == value


@pytest.mark.parametrize("payload", ["2", "0.5", "On", "open", "-1"])
def test_what_is_neither_on_nor_off_is_refused(payload: str) -> None:
    with pytest.raises(PayloadRefusedError):
        read_payload(payload.encode(), PLAIN, STATE)


def test_scale_and_offset_turn_the_device_s_unit_into_ours() -> None:
    assert read_payload(b"68", PLAIN, TEMPERATURE, 5 / 9, -160 / 9).value == pytest.approx(20.0)
    assert read_payload(b"ON", PLAIN, STATE, -1.0, 1.0).value == 0.0  # a contact that opens


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ("2026-01-05T06:00:00Z", dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
        ("2026-01-05T07:00:00+01:00", dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
        (1767592800, dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
        ("1767592800", dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
        (1767592800000, dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
        (1767592800000000, dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
        (1767592800000000000, dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)),
    ],
)
def test_a_payload_s_own_time(raw: object, at: dt.datetime) -> None:
    payload = json.dumps({"a": ["21.5"], "at": raw}).encode()
    assert read_payload(payload, INSIDE, TEMPERATURE).measured_at == at


@pytest.mark.parametrize(
    "raw", ["2026-01-05T06:00:00", "yesterday", None, True, 0, 86_400, 1e300, -1e300, [], "9" * 30]
)
def test_a_time_that_is_none_refuses_the_value(raw: object) -> None:
    with pytest.raises(PayloadRefusedError):
        read_payload(json.dumps({"a": [21.5], "at": raw}).encode(), INSIDE, TEMPERATURE)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "at", "b"]), inner, max_size=3),
    max_leaves=8,
)
_PAYLOADS = (
    st.binary(max_size=60)
    | st.text(max_size=30).map(lambda text: text.encode())
    | _JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda value, at: json.dumps({"a": [value], "at": at}).encode(), _JSON, _JSON)
    | st.from_regex(rb"\A[+-]?[0-9]{0,40}[.,]?[0-9]{0,5}([eE][+-]?[0-9]{1,5})?\Z")
)


@given(
    payload=_PAYLOADS,
    address=st.sampled_from([PLAIN, Address("x", ("a",)), Address("x", ("a", "0")), INSIDE]),
    kind=st.sampled_from(sorted(POINTS)),
    scale=st.floats(-1e15, 1e15).filter(bool),
    offset=st.floats(-1e15, 1e15),
)
@example(payload=b'{"a": [1], "at": 1e15}', address=INSIDE, kind="temperature", scale=1.0, offset=0.0)
@example(
    payload=b'{"a": {"0": 1}, "at": "0001-01-01T00:00:00+23:59"}', address=INSIDE, kind="flow", scale=1.0, offset=0.0
)
@example(payload=b"9" * 5000, address=Address("x", ("a",)), kind="flow", scale=1.0, offset=0.0)
def test_no_payload_can_break_the_reader_or_become_a_number_that_is_none(
    payload: bytes, address: Address, kind: str, scale: float, offset: float
) -> None:
    try:
        said = read_payload(payload, address, POINTS[kind], scale, offset)
    except PayloadRefusedError:
        return
    assert math.isfinite(said.value)
    assert said.measured_at is None or said.measured_at.tzinfo is not None
    assert POINTS[kind].unit or said.value in (0.0, 1.0)


@given(value=st.floats(-1e9, 1e9), path=st.sampled_from([(), ("p",), ("p", "q")]))
def test_what_is_written_reads_back(value: float, path: tuple[str, ...]) -> None:
    address = Address("heater/cap", path)
    back = read_payload(compose(address, value, None), address, POINTS["heat_power"]).value
    assert back == pytest.approx(value, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("word", ["ON", "on", "true", "True"])
def test_a_switch_is_written_in_the_words_it_was_read_in(word: str) -> None:
    said = read_payload(word.encode(), PLAIN, STATE)
    assert compose(PLAIN, 1.0, said.states) == word.encode()
    back = read_payload(compose(PLAIN, 0.0, said.states), PLAIN, STATE)
    assert (back.value, back.states) == (0.0, said.states)


def test_a_switch_inside_json_is_written_as_json() -> None:
    address = Address("plug", ("relay", "on"))
    said = read_payload(b'{"relay": {"on": false}}', address, STATE)
    assert compose(address, 1.0, said.states) == b'{"relay": {"on": true}}'
    assert compose(Address("plug/set"), 1.0, said.states) == b"true"
