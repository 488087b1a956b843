"""One line or one TCP peer, shared by all devices behind it; every failure is told in words."""

from __future__ import annotations

import logging
import socket
import termios
from collections.abc import Callable, Sequence
from typing import ClassVar

import serial
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from ondol.drivers.shared_line import SharedLine
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError

# pymodbus logs every failed request as an error. Ours are in the status of the link and logged once per change.
_library_log = logging.getLogger("pymodbus.logging")
if _library_log.level == logging.NOTSET:
    _library_log.setLevel(logging.CRITICAL)

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3

_EXCEPTIONS = {
    1: "illegal function: the device does not know this kind of request; is the table (holding, input …) right?",
    2: "illegal address: the device has no such register; is the map that of this model, and does it count from 0?",
    3: "illegal value: the device does not take this value or this many registers",
    4: "device failure: the device could not do it; look at its own display for a fault",
    5: "acknowledged: the device needs longer; raise the connection's timeout_s",
    6: "device busy: it will answer later; raise interval_s if this stays",
    7: "negative acknowledge: the device will not do it in its present mode",
    8: "memory parity error: the device's memory is damaged",
    10: "gateway path unavailable: the gateway cannot reach its line; is it configured for this device number?",
    11: "gateway target silent: nobody answers behind the gateway; wrong device number, or wires A and B swapped",
}
"""Exception codes of the Modbus Application Protocol V1.1b3, §7, and what to do."""


class RefusedError(UnavailableError):
    """The device answered with an exception.

    Parameters
    ----------
    code : of the exception
    """

    def __init__(self, what: str, code: int) -> None:
        super().__init__(f"{what} refused with exception {code}, {_EXCEPTIONS.get(code, 'unknown to the standard')}")
        self.code = code


class Bus(SharedLine):
    """A line or a TCP peer with one request at a time."""

    usual_port: ClassVar[int] = 502

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._client: ModbusTcpClient | ModbusSerialClient | None = None

    def read(self, table: str, number: int, count: int, device: int) -> list[int]:
        """Read registers, or bits as 0 and 1.

        Raises
        ------
        RefusedError : the device answers with an exception
        UnavailableError : nobody answers
        """
        with self.lock:
            client = self._connected()
            calls: dict[str, Callable[..., ModbusPDU]] = {
                "holding": client.read_holding_registers,
                "input": client.read_input_registers,
                "coil": client.read_coils,
                "discrete": client.read_discrete_inputs,
            }
            what = f"Reading {table} {number}–{number + count - 1} of device {device}"
            answer = self._ask(what, device, lambda: calls[table](number, count=count, device_id=device))
        values = answer.bits if table in ("coil", "discrete") else answer.registers
        if len(values) < count:
            raise UnavailableError(f"{what}: {len(values)} values came instead of {count}")
        return [int(value) for value in values[:count]]

    def write(self, table: str, number: int, words: Sequence[int], device: int) -> None:
        """Write a coil or holding registers; errors as `read`."""
        what = f"Writing {table} {number} of device {device}"
        with self.lock:
            client = self._connected()
            if table == "coil":
                self._ask(what, device, lambda: client.write_coil(number, bool(words[0]), device_id=device))
                return
            many = list(words)
            if len(many) == 1:
                try:
                    self._ask(what, device, lambda: client.write_register(number, many[0], device_id=device))
                except RefusedError as error:
                    # Some devices know function 16 only, even for one register.
                    if error.code != ILLEGAL_FUNCTION:
                        raise
                else:
                    return
            self._ask(what, device, lambda: client.write_registers(number, many, device_id=device))

    def disconnect(self) -> None:
        """Let go of the line; the next request takes it again."""
        with self.lock:
            if self._client is not None:
                self._client.close()  # type: ignore[no-untyped-call]
                self._client = None

    def _ask(self, what: str, device: int, call: Callable[[], ModbusPDU]) -> ModbusPDU:
        try:
            answer = call()
        except (ModbusException, OSError) as error:
            # A late answer must not be taken for that of the next request.
            self.disconnect()
            silent = "No response" in str(error)
            hint = (
                f"no answer within {self._connection.timeout_s:g} s from device {device}: is the device number right, "
                "the device on, speed and parity those of the line, A and B not swapped?"
                if silent
                else str(error)
            )
            raise UnavailableError(f"{self.where}: {what}: {hint}") from error
        if answer.isError():
            raise RefusedError(f"{self.where}: {what} was", int(getattr(answer, "exception_code", 0)))
        return answer

    def _connected(self) -> ModbusTcpClient | ModbusSerialClient:
        if self._client is not None and self._client.connected:
            return self._client
        one = self._connection
        if one.serial:
            self._client = self._serial(one)
            return self._client
        client = ModbusTcpClient(one.host, port=one.port or self.usual_port, timeout=one.timeout_s, retries=0)
        try:
            # Opened here rather than by the library, which hides why it cannot.
            client.socket = socket.create_connection((one.host, one.port or self.usual_port), timeout=one.timeout_s)
        except TimeoutError:
            raise UnavailableError(
                f"{self.where} does not answer within {one.timeout_s:g} s: is it on, and is the way to it open?"
            ) from None
        except OSError as error:
            raise UnavailableError(
                f"{self.where} cannot be reached: {error.strerror or error}; is the host right, Modbus TCP on there?"
            ) from None
        self._client = client
        return client

    def _serial(self, one: Connection) -> ModbusSerialClient:
        client = ModbusSerialClient(
            one.serial, baudrate=one.baud, parity=one.parity, timeout=one.timeout_s, retries=0, bytesize=8, stopbits=1
        )
        try:
            # Opened here rather than by the library, which hides why it cannot. 1.5 characters of silence end a frame
            # (Modbus over Serial Line V1.02, §2.5.1.1); above 19,200 baud the library needs no such help.
            client.socket = serial.serial_for_url(
                one.serial,
                baudrate=one.baud,
                parity=one.parity,
                bytesize=8,
                stopbits=1,
                timeout=one.timeout_s,
                write_timeout=one.timeout_s,
                inter_byte_timeout=client.inter_byte_timeout or None,
                exclusive=True,
            )
        except (OSError, ValueError, termios.error) as error:
            raise UnavailableError(
                f"{one.serial} cannot be opened: {error}; is the adapter plugged in, and may this user read and write "
                "it (group dialout)?"
            ) from None
        return client
