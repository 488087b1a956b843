"""Reads points of one M-Bus meter."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

from ondol.drivers.bound import READS, Latest, bound_by_key, quality_of
from ondol.drivers.mbus.frames import DamagedFrameError, check_frame, request_frame, reset_frame
from ondol.drivers.mbus.line import MeterLine
from ondol.drivers.mbus.records import MeterRecord, Telegram, decode_telegram
from ondol.drivers.polling import Poller
from ondol.drivers.ports import LinkStatus
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointKey, PointReading

_SI = {"energy": "J", "power": "W", "volume": "m³", "flow": "kg/s", "supply": "°C", "return": "°C", "outside": "°C"}
_ADDRESSES = ", ".join(_SI) + ", error, or record:N (N from 0, in the order of the telegram)"
_TRIES = 3
"""Times that one telegram is asked for; EN 13757-2, §5.5.5 has the master repeat twice."""

_MOST_TELEGRAMS = 8
"""Most telegrams that are fetched in one poll; meters with a long history go on for ever."""


class MbusDriver:
    """One meter, by its primary address (`connection.device`, 0 to 250; 254 for the only one on the line).

    A poll resets the meter's frame count (SND_NKE) and asks for its values (REQ_UD2), as many telegrams as it says
    there are. A damaged answer is asked for again with the frame count bit unchanged. Addresses: `energy`, `power`,
    `volume`, `flow`, `supply`, `return`, `outside`: the first record of that kind that is of now and of no tariff;
    `error`: 1 where the status byte or the error flags say so; `record:N`. All are in SI before the binding's scale.
    Values have the time of the poll: a meter's own clock drifts for years.

    Raises
    ------
    InvalidFieldError : an address that means nothing or has another unit than its point, a device beyond 250
    """

    abilities: ClassVar[frozenset[Ability]] = READS

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,  # noqa: ARG002 - every driver is made with the same arguments
        now: Callable[[], dt.datetime],
    ) -> None:
        if connection.device > 250 and connection.device != 254:
            raise InvalidFieldError(
                "connection.device", connection.device, "0 to 250, or 254 for the only meter there is"
            )
        self._connection = connection
        self._now = now
        self._bound = bound_by_key(connection, bindings, self.abilities)
        for key, binding in self._bound.items():
            _check_address(key, binding.address)
        self._latest = Latest()
        self._closed = threading.Event()
        self._line: MeterLine | None = None
        self._poller = Poller(connection.id, connection.interval_s, self._poll, now=now)

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    def open(self) -> None:
        """Begin to poll; returns at once."""
        self._closed.clear()
        self._poller.open()

    def close(self) -> None:
        """End; may be called twice. The line is let go when its last meter is."""
        self._closed.set()
        self._poller.close()
        line, self._line = self._line, None
        if line is not None:
            line.release()

    def status(self) -> LinkStatus:
        """How the link stands; names the meter."""
        return self._poller.status

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every bound point that ever spoke, by key."""
        return self._latest.all()

    def _poll(self) -> str:
        line = self._line
        if line is None:
            line = self._line = MeterLine.of(self._connection)
        with line.lock:  # no other meter may be asked between two telegrams of this one
            telegrams = self._fetch(line)
        if not telegrams:
            return ""
        records = [record for one in telegrams for record in one.records]
        odd = []
        for key, binding in self._bound.items():
            value, trouble = _value(binding.address, key, records, telegrams)
            if trouble:
                odd.append(trouble)
            elif value is not None:
                self._keep(key, value * binding.scale + binding.offset)
        if telegrams[0].battery_low:
            odd.append("its battery is low")
        return "; ".join([telegrams[0].meter, *odd])

    def _fetch(self, line: MeterLine) -> list[Telegram]:
        timeout_s, device = self._connection.timeout_s, self._connection.device
        with contextlib.suppress(DamagedFrameError):  # some meters give no E5 back and work all the same
            line.exchange(reset_frame(device), timeout_s)
        count_bit = True
        found: list[Telegram] = []
        while len(found) < _MOST_TELEGRAMS and not self._closed.is_set():
            found.append(decode_telegram(self._ask(line, device, count_bit=count_bit)))
            if not found[-1].more:
                break
            count_bit = not count_bit
        return found

    def _ask(self, line: MeterLine, device: int, *, count_bit: bool) -> bytes:
        trouble = ""
        for _ in range(_TRIES):
            if self._closed.is_set():
                break
            try:
                frame = line.exchange(request_frame(device, count_bit=count_bit), self._connection.timeout_s)
                if frame:
                    check_frame(frame, device)
                    return frame
            except DamagedFrameError as error:
                trouble = str(error)
        if trouble:
            raise UnavailableError(f"{line.where}: meter {device}: {trouble}")
        raise UnavailableError(
            f"{line.where}: no answer from meter {device}: is its primary address right (it stands in its menu), "
            "the speed that of the line (2400 baud, parity E, as a rule), and the bus under 36 V?"
        )

    def _keep(self, key: PointKey, value: float) -> None:
        reading = PointReading(
            key=key,
            value=value,
            measured_at=self._now(),
            quality=quality_of(key, value),
            source=self._connection.id,
        )
        self._latest.put((reading,))


def _check_address(key: PointKey, address: str) -> None:
    field = f"binding[{key}].address"
    kind, colon, number = address.partition(":")
    if kind == "record" and colon and number.isdecimal():
        return
    if address == "error":
        if key.kind.unit:
            raise InvalidFieldError(field, address, f"a record that is told in {key.kind.unit}")
        return
    if address not in _SI:
        raise InvalidFieldError(field, address, _ADDRESSES)
    if _SI[address] != key.kind.unit:
        raise InvalidFieldError(field, address, f"a record that is told in {key.kind.unit or 'nothing: error'}")


def _value(
    address: str, key: PointKey, records: list[MeterRecord], telegrams: list[Telegram]
) -> tuple[float | None, str]:
    """Find what an address means in a telegram: its value, or why there is none."""
    if address == "error":
        return (1.0 if any(one.fault for one in telegrams) else 0.0), ""
    if address.startswith("record:"):
        at = int(address.partition(":")[2])
        if at >= len(records) or (records[at].si and records[at].si != key.kind.unit):
            held = ", ".join(f"{number} {one.kind or '?'}" for number, one in enumerate(records) if one.kind)
            return None, f"{address} is no record in {key.kind.unit or '0 or 1'}; the meter sends {held}"
        found = records[at]
    else:
        fitting = [one for one in records if one.kind == address and one.present]
        if not fitting:
            return None, f"the meter sends no {address} of now"
        found = fitting[0]
    if found.value != found.value:
        return None, f"the meter has no value for {address} now"
    return found.value, ""
