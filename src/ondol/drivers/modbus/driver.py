"""Reads and writes points over Modbus."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from ondol.drivers.bound import Latest, bound_by_key, check_write, quality_of
from ondol.drivers.modbus.address import check_unit, parse_register
from ondol.drivers.modbus.blocks import Block, blocks_of
from ondol.drivers.modbus.bus import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Bus, RefusedError
from ondol.drivers.modbus.words import decode, encode, looks_swapped, step_si
from ondol.drivers.polling import Poller
from ondol.drivers.ports import LinkStatus, Written
from ondol.drivers.profiles import Register, load_profile
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointKey, PointReading

_READ_BACK_WAITS_S = (0.0, 0.05, 0.15, 0.3)
"""Waits before each try to read a written value back: a controller takes it over in its own cycle [s]."""

_SPLITTING = (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE)


class ModbusDriver:
    """One device on a Modbus line or behind a TCP port.

    Values are polled in blocks; a block that the device refuses is split once and for good, so that one wrong register
    takes no other one with it. What is written is read back from `address`, or from where it was written.

    Parameters
    ----------
    bindings : addresses as `parse_register` reads them
    fleet : not used; a device says nothing of the fleet
    now : platform time

    Raises
    ------
    InvalidFieldError : an unknown profile or register, one in another unit than its point, an input to be written
    """

    abilities: ClassVar[frozenset[Ability]] = frozenset(Ability)

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,  # noqa: ARG002 - every driver is made with the same arguments
        now: Callable[[], dt.datetime],
    ) -> None:
        self._connection = connection
        self._now = now
        self._bound = bound_by_key(connection, bindings, self.abilities)
        self._read: dict[PointKey, Register] = {}
        self._write: dict[PointKey, Register] = {}
        self._parse()
        self._blocks: list[Block] = list(blocks_of(dict.fromkeys(self._read.values())))
        self._latest = Latest()
        self._bus: Bus | None = None
        self._bus_lock = threading.Lock()
        self._closed = threading.Event()
        self._poller = Poller(connection.id, connection.interval_s, self._poll, now=now)

    def _parse(self) -> None:
        one = self._connection
        profile = load_profile(one.profile) if one.profile else None
        for key, binding in self._bound.items():
            for name in ("address", "write_address"):
                address = getattr(binding, name)
                if not address:
                    continue
                field = f"binding[{key}].{name}"
                register = parse_register(field, address, profile, one.word_order)
                check_unit(field, register, key.kind)
                if name == "address":
                    self._read[key] = register
                else:
                    self._write[key] = register
            if key.kind.writable:
                target = self._write.get(key) or self._read[key]
                if not target.writable:
                    raise InvalidFieldError(
                        f"binding[{key}].address", binding.address, "a coil or register to write to"
                    )
                self._write[key] = target
                self._read.setdefault(key, target)
            elif key in self._write:
                raise InvalidFieldError(
                    f"binding[{key}].write_address", binding.write_address, "nothing: it is read only"
                )

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    def open(self) -> None:
        """Begin to poll; returns at once."""
        self._closed.clear()
        self._poller.open()

    def close(self) -> None:
        """End; may be called twice."""
        self._closed.set()
        self._poller.close()
        with self._bus_lock:
            bus, self._bus = self._bus, None
        if bus is not None:
            bus.release()

    def status(self) -> LinkStatus:
        """How the link stands."""
        return self._poller.status

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every bound point that ever spoke, by key."""
        return self._latest.all()

    def write(self, key: PointKey, value: float) -> Written:
        """Write a value in SI and read it back.

        Returns
        -------
        Written : `accepted` is None where nobody answers; a device that holds something else is told in `reason`

        Raises
        ------
        NotFoundError : the point is not bound
        InvalidFieldError : it cannot be written, or the register cannot hold the value
        """
        binding = check_write(self._bound, key, value)
        register = self._write[key]
        words = encode(str(key), register, (value - binding.offset) / binding.scale)
        try:
            bus = self._shared_bus()
            bus.write(register.table, register.number, words, self._connection.device)
        except UnavailableError as error:
            return Written(key=key, requested=value, accepted=None, at=self._now(), reason=str(error))
        return self._read_back(bus, key, binding, value)

    def _read_back(self, bus: Bus, key: PointKey, binding: Binding, value: float) -> Written:
        register = self._read[key]
        steps = (step_si(register, value), step_si(self._write[key], value))
        tolerance = 0.5000001 * max(steps) * abs(binding.scale)
        accepted: float | None = None
        reason = ""
        for wait_s in _READ_BACK_WAITS_S:
            time.sleep(min(wait_s, self._connection.timeout_s))
            try:
                words = bus.read(register.table, register.number, register.words, self._connection.device)
            except UnavailableError as error:
                reason = f"it was written, but cannot be read back: {error}"
                break
            told = decode(register, words)
            if told is None:
                reason = f"it was written, but {register.name} says that it has no value"
                continue
            accepted = told * binding.scale + binding.offset
            self._keep(key, accepted)
            if abs(accepted - value) <= tolerance:
                return Written(key=key, requested=value, accepted=accepted, at=self._now())
            reason = (
                f"{register.name} holds {accepted:g} {key.kind.unit} after writing {value:g}: the device limits it or "
                "ignores the write; is it released for remote control?"
            )
        return Written(key=key, requested=value, accepted=accepted, at=self._now(), reason=reason)

    def _shared_bus(self) -> Bus:
        with self._bus_lock:
            if self._bus is None:
                self._bus = Bus.of(self._connection)
            return self._bus

    def _poll(self) -> str:
        words: dict[Register, list[int]] = {}
        try:
            refused = self._ask(words)
        finally:
            odd = self._take(words)  # also where the device fell silent half way
        if refused and not words:
            raise UnavailableError(refused[0])
        return "; ".join(refused + odd)

    def _ask(self, words: dict[Register, list[int]]) -> list[str]:
        """Read all blocks into `words`; gives what the device refused."""
        bus = self._shared_bus()
        refused: list[str] = []
        waiting, asked = list(self._blocks), []
        while waiting:
            if self._closed.is_set():
                return refused
            block = waiting.pop(0)
            try:
                told = bus.read(block.table, block.number, block.count, self._connection.device)
            except RefusedError as error:
                if error.code in _SPLITTING and len(block.registers) > 1:
                    waiting[:0] = block.halves()
                    continue
                refused.append(str(error))
            else:
                for register in block.registers:
                    at = register.number - block.number
                    words[register] = told[at : at + register.words]
            asked.append(block)
        self._blocks = asked
        return refused

    def _take(self, words: dict[Register, list[int]]) -> list[str]:
        """Keep what was read, and say what is odd about it."""
        odd = []
        for key, register in self._read.items():
            told = words.get(register)
            value = None if told is None else decode(register, told)
            if told is None or value is None:
                continue
            binding, kind = self._bound[key], key.kind
            if kind.unit == "":
                value = 1.0 if value else 0.0  # an info code of 16 is a fault as well as one of 1
            self._keep(key, value * binding.scale + binding.offset)
            bounds = sorted((limit - binding.offset) / binding.scale for limit in (kind.low, kind.high))
            other = looks_swapped(register, told, bounds[0], bounds[1])
            if other is not None:
                odd.append(
                    f"{register.name} reads {value:g} {kind.unit}; with its words the other way round it is {other:g} "
                    f"{kind.unit}: write {binding.address}:swap, or set the connection's word_order"
                )
        return odd

    def _keep(self, key: PointKey, value: float) -> None:
        self._latest.put(
            (
                PointReading(
                    key=key,
                    value=value,
                    measured_at=self._now(),
                    quality=quality_of(key, value),
                    source=self._connection.id,
                ),
            )
        )
