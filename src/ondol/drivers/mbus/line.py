"""The way to the meters: a serial level converter, or a gateway that passes bytes over TCP."""

from __future__ import annotations

import socket
import termios
import time
from typing import ClassVar, Protocol

import serial

from ondol.drivers.mbus.frames import DamagedFrameError, missing
from ondol.drivers.shared_line import SharedLine
from ondol.model.connection import Connection
from ondol.model.errors import UnavailableError

GATEWAY_PORT = 10_001
"""Usual port of serial-to-TCP gateways, taken where the connection says 0."""


class _Wire(Protocol):
    def send(self, data: bytes) -> None: ...
    def receive(self, most: int) -> bytes:
        """Give what came, b"" after the timeout."""
        ...

    def drop(self) -> None:
        """Forget what came unasked."""
        ...

    def close(self) -> None: ...


class MeterLine(SharedLine):
    """A line with up to 250 meters, asked one after the other."""

    usual_port: ClassVar[int] = GATEWAY_PORT

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._wire: _Wire | None = None

    def exchange(self, frame: bytes, timeout_s: float) -> bytes:
        """Send a frame and give the whole frame that answers it; b"" where nobody does.

        Raises
        ------
        DamagedFrameError : an answer that broke off or begins as no frame does
        UnavailableError : the line cannot be reached
        """
        with self.lock:
            try:
                wire = self._connected()
                wire.drop()
                wire.send(frame)
                return self._answer(wire, frame, timeout_s)
            except (OSError, termios.error) as error:
                self.disconnect()
                raise UnavailableError(f"{self.where} broke off: {error}") from error

    def _answer(self, wire: _Wire, frame: bytes, timeout_s: float) -> bytes:
        data = b""
        end_s = time.monotonic() + 3.0 * timeout_s  # 261 bytes take 1.2 s at 2,400 baud, 9 s at 300
        while True:
            if data[: len(frame)] == frame:
                data = data[len(frame) :]  # some level converters echo what was sent
            short = missing(data)
            if short == 0:
                return data
            came = wire.receive(short)
            if not came:
                if not data:
                    return b""
                raise DamagedFrameError(f"the answer broke off after {len(data)} bytes")
            data += came
            if time.monotonic() > end_s:
                raise DamagedFrameError(f"the answer is not whole after {3.0 * timeout_s:g} s; is the speed right?")

    def disconnect(self) -> None:
        """Let go of the line; the next request takes it again."""
        with self.lock:
            if self._wire is not None:
                self._wire.close()
                self._wire = None

    def _connected(self) -> _Wire:
        if self._wire is None:
            one = self._connection
            try:
                self._wire = _Serial(one) if one.serial else _Gateway(one)
            except (OSError, ValueError, termios.error) as error:
                hint = "is the adapter plugged in, and may this user read and write it (group dialout)?"
                if not one.serial:
                    hint = "is the gateway on, its host and port right, and no other program connected to it?"
                raise UnavailableError(f"{self.where} cannot be opened: {error}; {hint}") from None
        return self._wire


class _Serial:
    def __init__(self, one: Connection) -> None:
        self._port = serial.serial_for_url(
            one.serial, baudrate=one.baud, parity=one.parity, timeout=one.timeout_s, write_timeout=one.timeout_s
        )

    def send(self, data: bytes) -> None:
        self._port.write(data)

    def receive(self, most: int) -> bytes:
        return bytes(self._port.read(most))

    def drop(self) -> None:
        self._port.reset_input_buffer()

    def close(self) -> None:
        self._port.close()


class _Gateway:
    def __init__(self, one: Connection) -> None:
        self._timeout_s = one.timeout_s
        self._socket = socket.create_connection((one.host, one.port or GATEWAY_PORT), timeout=one.timeout_s)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, most: int) -> bytes:
        try:
            came = self._socket.recv(most)
        except TimeoutError:
            return b""
        if not came:
            raise ConnectionResetError("the gateway closed the connection")
        return came

    def drop(self) -> None:
        self._socket.setblocking(False)
        try:
            while self._socket.recv(4096):
                pass
            raise ConnectionResetError("the gateway closed the connection")
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(self._timeout_s)

    def close(self) -> None:
        self._socket.close()
