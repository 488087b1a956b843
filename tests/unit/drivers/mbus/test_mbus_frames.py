"""M-Bus frames and addresses without a wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.drivers.mbus.meters import KAMSTRUP_601
from ondol.drivers.mbus.driver import MbusDriver
from ondol.drivers.mbus.frames import DamagedFrameError, check_frame, missing, request_frame, reset_frame
from ondol.drivers.mbus.records import decode_telegram
from ondol.model.errors import InvalidFieldError, UnavailableError
from unit.drivers.contract import Clock, a_binding, a_connection, a_fleet


def test_short_frames_are_those_of_the_standard() -> None:
    assert reset_frame(1) == bytes.fromhex("1040014116")
    assert request_frame(1, count_bit=False) == bytes.fromhex("105B015C16")
    assert request_frame(1, count_bit=True) == bytes.fromhex("107B017C16")
    assert request_frame(254, count_bit=True)[3] == (0x7B + 254) & 0xFF


@given(st.integers(0, len(KAMSTRUP_601)))
def test_a_frame_is_whole_when_nothing_is_missing(length: int) -> None:
    part = KAMSTRUP_601[:length]
    short = missing(part)
    assert 0 <= short <= len(KAMSTRUP_601) - length
    assert (short == 0) == (length == len(KAMSTRUP_601))


@given(st.integers(4, len(KAMSTRUP_601) - 1), st.integers(1, 255))
def test_no_single_damaged_byte_goes_unseen(at: int, flip: int) -> None:
    damaged = bytearray(KAMSTRUP_601)
    damaged[at] ^= flip
    with pytest.raises(UnavailableError):
        check_frame(bytes(damaged), 17)


@given(st.binary(min_size=13, max_size=120), st.integers(0, 255))
def test_whatever_a_meter_sends_is_decoded_or_refused(body: bytes, status: int) -> None:
    # given a frame whose link layer is right and whose content is noise
    inner = bytes((0x08, 17, 0x72)) + body
    frame = bytes((0x68, len(inner), len(inner), 0x68)) + inner + bytes((sum(inner) & 0xFF, 0x16))
    check_frame(frame, 17)
    # then it gives a telegram or the one error that the poller takes for a silent meter
    try:
        telegram = decode_telegram(frame)
    except UnavailableError:
        return
    assert isinstance(telegram.meter, str)


def test_noise_begins_no_frame() -> None:
    with pytest.raises(DamagedFrameError, match="speed or parity"):
        missing(b"\x00")
    with pytest.raises(DamagedFrameError, match="head"):
        missing(b"\x68\x10\x11\x68")


@pytest.mark.parametrize(
    ("point", "address", "says"),
    [
        ("heat_meter", "enrgy", "record:N"),
        ("heat_meter", "power", "told in J"),
        ("heat_meter", "error", "told in J"),
        ("fault", "energy", "error"),
        ("temperature", "record:", "record:N"),
        ("temperature", "record:x", "record:N"),
        ("temperature", "", "where the value stands"),
        ("power_cap", "power", "reads heat"),
    ],
)
def test_mistakes_are_told_when_the_driver_is_made(point: str, address: str, says: str) -> None:
    connection = a_connection("mbus", host="127.0.0.1")
    with pytest.raises(InvalidFieldError, match=says):
        MbusDriver(connection, (a_binding(point, address),), fleet=a_fleet(), now=Clock())


def test_an_address_that_no_meter_can_have_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="0 to 250"):
        MbusDriver(a_connection("mbus", host="127.0.0.1", device=251), (), fleet=a_fleet(), now=Clock())
