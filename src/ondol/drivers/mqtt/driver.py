"""The MQTT driver: reads and writes bound topics, shows hosts their heat and takes their commands."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

from ondol.drivers.mqtt.board import Board
from ondol.drivers.mqtt.commands import CommandReader
from ondol.drivers.mqtt.discovery import EVENTS, discovery, encode, fields, retire
from ondol.drivers.mqtt.link import Hooks, Incoming, Link, Wanted
from ondol.drivers.mqtt.outgoing import Outgoing
from ondol.drivers.mqtt.payloads import Address, PayloadRefusedError, compose, parse_address
from ondol.drivers.mqtt.point_book import PointBook
from ondol.drivers.mqtt.topics import OFFLINE, ONLINE, Topics
from ondol.drivers.ports import Command, LinkStatus, Shown, Written
from ondol.model.binding import Binding
from ondol.model.checks import check_choice, check_range
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.points import Ability, PointKey, PointReading

_log = logging.getLogger(__name__)

_KEPT = 1000  # events and commands that wait at most; the oldest go first
_COMPLAINTS = 3
_TOLERANCE = 1e-6  # relative: what compose() keeps of a number
_STATES = ("OFF", "ON")  # to a device that never said how it writes them


class MqttDriver:
    """One broker, as instruments' bus and as a host's display. See `docs/reference/mqtt-topics.md`.

    Parameters
    ----------
    connection : of the driver "mqtt"
    bindings : its points
    fleet : the site's part
    now : platform time

    Raises
    ------
    InvalidFieldError : an address that is none, a binding of another connection, a sink and a unit of one name
    """

    abilities: ClassVar[frozenset[Ability]] = frozenset(Ability)

    def __init__(
        self,
        connection: Connection,
        bindings: Sequence[Binding],
        *,
        fleet: Fleet,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._connection, self._now = connection, now
        self._topics = Topics(connection.root, connection.site_id, connection.discovery)
        self._points = PointBook(connection, bindings)
        self._bindings = {binding.key: binding for binding in bindings}
        self._write_to = {binding.key: _write_address(binding) for binding in bindings if binding.key.kind.writable}
        names = [noun.id for part in (fleet.sinks, fleet.units) for noun in part]
        for twice in sorted({str(name) for name in names if names.count(name) > 1}):
            raise InvalidFieldError("unit.id", twice, "another id than a sink's: both would have the same topics")
        self._announced = discovery(fleet, self._topics, _version()) if connection.discovery else {}
        self._board = Board(self._topics, fields(fleet))
        self._reader = CommandReader(fleet, connection.id)
        self._lock = threading.Lock()
        self._urgent: deque[Outgoing] = deque()
        self._events: deque[Outgoing] = deque(maxlen=_KEPT)
        self._commands: deque[Command] = deque(maxlen=_KEPT)
        self._refused_commands = 0
        hooks = Hooks(due=self._due, unsent=self._unsent, receive=self._receive, greeted=self._greeted)
        self._link = Link(
            connection,
            wanted=self._wanted(),
            online=self._status_message(ONLINE),
            offline=self._status_message(OFFLINE),
            hooks=hooks,
            now=now,
        )

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        return self._connection.id

    def open(self) -> None:
        """Begin; returns at once."""
        self._link.open()

    def close(self) -> None:
        """Say offline and end within a few seconds."""
        self._link.close()

    def status(self) -> LinkStatus:
        """How the link stands, what was refused and which points never spoke."""
        status = self._link.status
        complaints = self._points.complaints() if status.connected else ()
        more = f"and {len(complaints) - _COMPLAINTS} more" if len(complaints) > _COMPLAINTS else ""
        detail = "; ".join(filter(None, (status.detail, *complaints[:_COMPLAINTS], more)))
        errors = status.errors + self._points.refused + self._refused_commands
        return replace(status, detail=detail, errors=errors)

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every bound point that ever spoke, by key."""
        return self._points.readings()

    def write(self, key: PointKey, value: float) -> Written:
        """Publish a value and wait until the device says that it holds it.

        What counts is what comes on the point's own topic after the publication: a device that says nothing has
        accepted nothing. Where it holds something else, the wait lasts for the connection's whole timeout.

        Raises
        ------
        NotFoundError : the point is not bound
        InvalidFieldError : it cannot be written, or not with this value
        """
        binding = self._bindings.get(key)
        if binding is None:
            raise NotFoundError("bound point", str(key))
        address = self._write_to.get(key)
        if address is None:
            raise InvalidFieldError(str(key), value, "a point that can be written: power_cap, switch, backup, setpoint")
        check_range(str(key), value, key.kind.low, key.kind.high, key.kind.unit)
        if not key.kind.unit:
            check_range(str(key), value, float(round(value)), float(round(value)), "(off or on)")
        if not self._link.status.connected:
            return self._written(key, value, None, f"not written: {self._link.status.detail}")
        raw = (value - binding.offset) / binding.scale
        said = self._points.said(key)
        states: tuple[str | bool, str | bool] | None = None
        if not key.kind.unit:
            states = _STATES if said is None else said.states
        heard = self._points.heard(key)
        until_s = time.monotonic() + self._connection.timeout_s
        with self._lock:
            self._urgent.append(Outgoing(topic=address.topic, payload=compose(address, raw, states)))
        self._link.wake()
        if not binding.address:
            return self._written(key, value, None, "published; it has no address to read it back from")
        accepted = self._points.wait_for(
            key,
            value,
            _TOLERANCE * max(abs(value), 1.0),
            heard=heard,
            until_s=until_s,
            ended=lambda: not self._link.status.connected,
        )
        return self._written(key, value, accepted, self._difference(key, value, accepted))

    def _difference(self, key: PointKey, value: float, accepted: float | None) -> str:
        topic, unit = self._bindings[key].address, key.kind.unit
        if accepted is None:
            return f"nothing came back on {topic} within {self._connection.timeout_s:g} s"
        if abs(accepted - value) > _TOLERANCE * max(abs(value), 1.0):
            return f"the device holds {accepted:g} {unit}".rstrip()
        return ""

    def _written(self, key: PointKey, value: float, accepted: float | None, reason: str) -> Written:
        return Written(key=key, requested=value, accepted=accepted, at=self._now(), reason=reason)

    def commands(self) -> tuple[Command, ...]:
        """What came since the last call, in order."""
        with self._lock:
            came = tuple(self._commands)
            self._commands.clear()
        return came

    def show(self, shown: tuple[Shown, ...]) -> None:
        """Publish what changed, at most once a second per entity, and all once a minute."""
        self._board.show(shown)
        self._link.wake()

    def event(self, told: Mapping[str, str | float | bool | None]) -> None:
        """Publish an event; kept while the link is down, the last 1,000.

        Parameters
        ----------
        told : JSON values; "event_type" is one of `EVENTS`, "alarm" where it is left out; "at" is added

        Raises
        ------
        InvalidFieldError : another event_type: Home Assistant would not show it
        """
        kind = str(told.get("event_type", "alarm"))
        check_choice("event.event_type", kind, EVENTS)
        whole = {"at": self._now().isoformat(timespec="seconds"), **told, "event_type": kind}
        payload = json.dumps(whole, sort_keys=True, default=str).encode()
        with self._lock:
            self._events.append(Outgoing(topic=self._topics.event, payload=payload))
        self._link.wake()

    def _wanted(self) -> tuple[Wanted, ...]:
        # Points with QoS 0: a value that waited in the broker would come with the wrong time. Commands with QoS 1: what
        # somebody turned while the link was down for a moment is meant.
        points = tuple(Wanted(topic=topic, qos=0, kept=True) for topic in self._points.topics)
        wanted = (*points, Wanted(topic=self._topics.commands, qos=1, kept=False))
        if not self._connection.discovery:
            return wanted
        app = Wanted(topic=self._topics.app_status, qos=0, kept=False)
        return (*wanted, app, Wanted(topic=self._topics.announced, qos=0, kept=True))

    def _status_message(self, word: str) -> Outgoing:
        return Outgoing(topic=self._topics.status, payload=word.encode(), retain=True)

    def _greeted(self) -> None:
        """Say all anew: a broker that was restarted may have forgotten it."""
        with self._lock:
            self._urgent.clear()  # whoever waited for these has been told that they were not written
            self._urgent.extend(self._announcements())
        self._board.force()

    def _announcements(self) -> list[Outgoing]:
        return [
            Outgoing(topic=topic, payload=encode(payload), retain=True) for topic, payload in self._announced.items()
        ]

    def _due(self) -> list[Outgoing]:
        with self._lock:
            first = [*self._urgent, *self._events]
            self._urgent.clear()
            self._events.clear()
        return first + self._board.due(time.monotonic())

    def _unsent(self, left: list[Outgoing]) -> None:
        """Keep events for the next link; all else is said anew by then."""
        with self._lock:
            self._events.extendleft(reversed([one for one in left if one.topic == self._topics.event]))

    def _receive(self, message: Incoming) -> None:
        for reason in self._points.take(message.topic, message.payload, self._now(), retained=message.retained):
            _log.warning("%s: refused: %s", self._connection.id, reason)
        addressed = self._topics.command_of(message.topic)
        if addressed is not None and not message.retained:
            self._take_command(*addressed, message.payload)
        elif self._connection.discovery:
            self._hear_app(message)

    def _take_command(self, entity_id: str, name: str, payload: bytes) -> None:
        try:
            command = self._reader.read(entity_id, name, payload, self._now())
        except PayloadRefusedError as error:
            self._refused_commands += 1
            self.event({"event_type": "refused", "entity": entity_id, "command": name, "reason": str(error)})
        else:
            with self._lock:
                self._commands.append(command)
        # Whoever turned it sees the true state again, not the wish: what is held shows once it is held.
        self._board.force(entity_id)
        self._link.wake()

    def _hear_app(self, message: Incoming) -> None:
        if message.topic == self._topics.app_status and message.payload.strip() == ONLINE.encode():
            with self._lock:
                self._urgent.extend(self._announcements())
            self._board.force()
            self._link.wake()
        elif message.retained and message.topic.startswith(f"{self._connection.discovery}/device/") and message.payload:
            gone = retire(message.payload, self._announced.get(message.topic))
            with self._lock:
                self._urgent.extend(Outgoing(topic=message.topic, payload=one, retain=True) for one in gone)
            self._link.wake()


def _write_address(binding: Binding) -> Address:
    field = f"binding[{binding.key}]"
    if binding.write_address:
        written = parse_address(f"{field}.write_address", binding.write_address)
    elif binding.address:
        written = Address(parse_address(f"{field}.address", binding.address).topic + "/set")
    else:
        raise InvalidFieldError(f"{field}.address", "", "a topic to read it from, or write_address")
    if written.time_path or any(name.isdecimal() for name in written.path):
        raise InvalidFieldError(f"{field}.write_address", binding.write_address, "topic or topic#names.in.json")
    return written


def _version() -> str:
    try:
        return version("ondol")
    except PackageNotFoundError:
        return "unknown"
