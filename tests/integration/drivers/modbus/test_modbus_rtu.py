"""Modbus RTU over a serial line: a pair of pseudo-terminals with a device at the other end."""

from __future__ import annotations

import os
import struct
import termios
import threading
import tty
from collections.abc import Iterator

import pytest
from pymodbus.framer.rtu import FramerRTU

from ondol.drivers.modbus.driver import ModbusDriver
from unit.drivers.contract import Clock, a_binding, a_connection, a_fleet


class _Line:
    """Answers functions 3 and 6 for device numbers 4 and 5, byte by byte as the standard's serial part has it."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._master, termios.TCSANOW)
        tty.setraw(self._slave, termios.TCSANOW)
        self.path = os.ttyname(self._slave)
        self.registers = {4: [0] * 32, 5: [0] * 32}
        self.damage = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.write(self._slave, b"\x00" * 8)  # a frame for nobody, with a checksum of its own: ends the thread
        self._thread.join(5.0)
        assert not self._thread.is_alive()
        os.close(self._slave)
        os.close(self._master)

    def _serve(self) -> None:
        while True:
            frame = b""
            while len(frame) < 8:
                frame += os.read(self._master, 8 - len(frame))
            if frame == b"\x00" * 8:
                return
            device, function, number, count = struct.unpack(">BBHH", frame[:6])
            assert FramerRTU.compute_CRC(frame[:6]) == int.from_bytes(frame[6:], "big")
            if device not in self.registers:
                continue
            held = self.registers[device]
            if function == 6:
                held[number] = count
                body = frame[:6]
            else:
                body = bytes([device, 3, 2 * count]) + struct.pack(f">{count}H", *held[number : number + count])
            crc = FramerRTU.compute_CRC(body) ^ (1 if self.damage else 0)
            self.damage = max(0, self.damage - 1)
            os.write(self._master, body + crc.to_bytes(2, "big"))


@pytest.fixture
def line() -> Iterator[_Line]:
    one = _Line()
    yield one
    one.close()


def _driver(line: _Line, device: int, name: str = "line") -> ModbusDriver:
    connection = a_connection("modbus", id=name, serial=line.path, baud=9600, parity="N", device=device, timeout_s=0.3)
    bindings = (
        a_binding("supply_temperature", "holding:2:float32", connection_id=name),
        a_binding("power_cap", "holding:8", connection_id=name, scale=100.0),
    )
    return ModbusDriver(connection, bindings, fleet=a_fleet(), now=Clock())


def test_two_devices_share_one_line(line: _Line) -> None:
    # given two devices on one line, each with a connection of its own
    line.registers[4][2:4] = struct.unpack(">2H", struct.pack(">f", 61.5))
    line.registers[5][2:4] = struct.unpack(">2H", struct.pack(">f", 44.0))
    four, five = _driver(line, 4, "four"), _driver(line, 5, "five")
    # when both are polled in turn, and one is written to
    for _ in range(2):
        assert four._poller.poll_once().connected
        assert five._poller.poll_once().connected
    key = four.readings()[0].key
    assert four.write(key, 2500.0).obeyed()
    # then each has its own values
    assert {one.key.point: one.value for one in four.readings()} == {"power_cap": 2500.0, "supply_temperature": 61.5}
    assert {one.key.point: one.value for one in five.readings()} == {"power_cap": 0.0, "supply_temperature": 44.0}
    # and closing one leaves the line to the other
    four.close()
    assert five._poller.poll_once().connected
    five.close()


def test_a_damaged_answer_and_a_silent_device_are_told_and_the_next_poll_is_right(line: _Line) -> None:
    line.damage = 1
    driver = _driver(line, 4)
    status = driver._poller.poll_once()
    assert not status.connected
    assert line.path in status.detail
    assert driver._poller.poll_once().connected
    driver.close()
    nobody = _driver(line, 9)
    status = nobody._poller.poll_once()
    assert "device 9: is the device number right" in status.detail
    nobody.close()


def test_a_line_that_is_not_there_is_told_with_what_to_do() -> None:
    connection = a_connection("modbus", serial="/dev/no-such-adapter", timeout_s=0.1)
    driver = ModbusDriver(
        connection, (a_binding("supply_temperature", "input:0:float32"),), fleet=a_fleet(), now=Clock()
    )
    status = driver._poller.poll_once()
    assert not status.connected
    assert "group dialout" in status.detail
    driver.close()


def test_two_devices_of_one_line_with_different_speeds_are_told(line: _Line) -> None:
    first, other = _driver(line, 4, "first"), _driver(line, 5, "other")
    other._connection = a_connection("modbus", id="other", serial=line.path, baud=19_200, parity="N", device=5)
    assert first._poller.poll_once().connected
    status = other._poller.poll_once()
    assert not status.connected
    assert "used by first with 9600 baud" in status.detail
    # and when the first one is gone, its speed binds nobody any more
    first.close()
    assert other._poller.poll_once().connected
    other.close()
