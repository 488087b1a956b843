"""What a site's agent and its server say to each other: one question, one answer, both with a version.

MessagePack carries it, since an unknown temperature is NaN, which JSON has not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
import numpy as np

from ondol.agent.orders import AlarmNote, BackupOrder, HygieneStatus, NodeStatus, SiteOrders
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.checks import check_range
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import NodeId, UnitId
from ondol.model.points import PointKey, PointReading, Quality

VERSION = 1
"""Of what is said here; both sides refuse any other."""

MEDIA_TYPE = "application/msgpack"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US = dt.timedelta(microseconds=1)
_LAST_S = 4_102_444_800.0  # the year 2100: no clock is right beyond
T = TypeVar("T")


class ReadingRow(msgspec.Struct, array_like=True, frozen=True):
    """A `PointReading`, short: thousands of them may wait for the link."""

    entity_id: str
    point: str
    index: int
    value: float
    at_us: int
    quality: Quality
    source: str = ""

    @classmethod
    def of(cls, reading: PointReading) -> ReadingRow:
        """Shorten a reading."""
        key, at_us = reading.key, (reading.measured_at - _EPOCH) // _US
        return cls(key.entity_id, key.point, key.index, reading.value, at_us, reading.quality, reading.source)

    def reading(self) -> PointReading:
        """Give the reading back; raises InvalidFieldError for what is none."""
        return PointReading(
            key=PointKey(self.entity_id, self.point, self.index),
            value=self.value,
            measured_at=_EPOCH + self.at_us * _US,
            quality=self.quality,
            source=self.source,
        )


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be written down of a moment: all alarms that stood then, how tanks stood, which backups ran."""

    at: dt.datetime
    alarms: tuple[AlarmNote, ...] = ()
    hygiene: tuple[HygieneStatus, ...] = ()
    backups: tuple[BackupOrder, ...] = ()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is kept at the site until the server has it.

    Parameters
    ----------
    number : rises from item to item and is never used twice; gaps are what was thinned out
    """

    number: int
    readings: tuple[ReadingRow, ...] = ()
    told: Told | None = None
    wish: HostWish | None = None


class NodeState(msgspec.Struct, frozen=True, kw_only=True):
    """How the limit of a node stands: requested, accepted and measured, None where nobody says [W]."""

    node_id: NodeId
    requested_w: float | None
    accepted_w: float | None
    measured_w: float | None
    reason: str = ""


class Have(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent has already, so that it is not sent again.

    Parameters
    ----------
    fleet, requests : digests of the last ones that it got, "" for none
    wishes_after : number of the last wish that it got
    outlook_s : when the outlook that it has was made [s since the epoch, platform], 0 for none
    """

    fleet: str = ""
    requests: str = ""
    wishes_after: int = 0
    outlook_s: float = 0.0


class Up(msgspec.Struct, frozen=True, kw_only=True):
    """From the agent to the server.

    Parameters
    ----------
    outbox : which outbox `items` are numbered by; a new data folder is a new one
    now : platform time at the site
    orders : as they were decided at the site, None before its first step
    items : the oldest of what waits, in order
    waiting : how many items wait, these among them
    life : of the process, drawn at its start: two that come in turns are two agents of one site
    leaving : it ends in order, and says nothing more
    """

    version: int = VERSION
    program: str = ""
    outbox: str
    now: dt.datetime
    orders: SiteOrders | None = None
    sinks: tuple[SinkReading, ...] = ()
    units: tuple[UnitReading, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    items: tuple[Item, ...] = ()
    waiting: int = 0
    have: Have = Have()
    life: str = ""
    leaving: bool = False


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """The weather that is expected: outdoor temperature every `step_s` from `begin_s` on [°C].

    `price` is what heat or work costs at these times, in any unit; empty where nobody knows.
    """

    made_s: float
    begin_s: float
    step_s: float
    outdoor_c: tuple[float, ...]
    price: tuple[float, ...] = ()


class Down(msgspec.Struct, frozen=True, kw_only=True):
    """From the server to the agent.

    Parameters
    ----------
    platform_s : platform time as the answer was made [s since the epoch]
    rate : platform seconds per wall second
    acknowledged : the server has all items up to this number; they need not be kept
    nodes : of the site, as the server knows them
    floors : power that the plan asks for work that cannot wait, per unit [W]
    fleet : digest of the site's part of the fleet; another one than before: ask for the setup again
    requests : all of the site, None where `Have` named their digest
    wishes : with their numbers, above `Have.wishes_after`
    outlook : None where that of `Have` is recent
    pushed : the latest values of points that hosts push to the server
    next_s : when the next exchange is expected [s, wall]
    """

    version: int = VERSION
    platform_s: float
    rate: float
    acknowledged: int
    nodes: tuple[NodeStatus, ...] = ()
    floors: dict[UnitId, float] = {}
    fleet: str
    requests: tuple[HeatRequest, ...] | None = None
    requests_digest: str = ""
    wishes: tuple[tuple[int, HostWish], ...] = ()
    outlook: Outlook | None = None
    pushed: tuple[ReadingRow, ...] = ()
    next_s: float = 1.0


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent has to know before its first step: its part of the fleet, and what time it is.

    Parameters
    ----------
    fleet_file : the site's part of the fleet, as a fleet file
    fleet : its digest
    """

    version: int = VERSION
    site_id: str
    fleet_file: str
    fleet: str
    platform_s: float
    rate: float


class _Head(msgspec.Struct):
    version: int = 0


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} cannot be sent")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
_DECODERS = {kind: msgspec.msgpack.Decoder(kind) for kind in (Up, Down, Item)}


def pack(message: Up | Down | Item) -> bytes:
    """Encode a message."""
    return _ENCODER.encode(message)


def pack_any(value: object) -> bytes:
    """Encode something that is kept at the site, not sent."""
    return _ENCODER.encode(value)


def read_up(data: bytes) -> Up:
    """Decode what an agent sent; errors as `_read`."""
    return _read(data, Up, "This agent", "this server")


def read_down(data: bytes) -> Down:
    """Decode what a server answered; errors as `_read`, and for numbers by which no site can be led."""
    down = _read(data, Down, "This server", "this agent")
    _check_down(down)
    return down


def read_setup(data: bytes) -> Setup:
    """Decode a setup, which is JSON, so that a person can read it too; errors as `_read`."""
    try:
        _check_version(msgspec.json.decode(data, type=_Head).version, "This server", "this agent")
        return msgspec.json.decode(data, type=Setup)
    except msgspec.MsgspecError as error:
        raise InvalidFieldError("setup", str(error), "what GET /agent/v1/sites/ID/setup answers") from error


def read_item(data: bytes) -> Item:
    """Decode an item that was kept."""
    return _DECODERS[Item].decode(data)  # type: ignore[return-value]


def readings_of(items: Iterable[Item]) -> tuple[PointReading, ...]:
    """All readings of some items, in order."""
    return tuple(row.reading() for item in items for row in item.readings)


def _read(data: bytes, kind: type[T], other: str, own: str) -> T:
    """Decode a message.

    Raises
    ------
    ConflictError : it has another version
    InvalidFieldError : it is none
    """
    try:
        _check_version(msgspec.msgpack.decode(data, type=_Head).version, other, own)
        return _DECODERS[kind].decode(data)  # type: ignore[return-value, index]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidFieldError("body", str(error), f"a message of version {VERSION}") from error


def _check_down(down: Down) -> None:
    """Refuse what would stop every step at the site for as long as the plan counts."""
    check_range("down.platform_s", down.platform_s, 0.0, _LAST_S, "s since the epoch")
    check_range("down.rate", down.rate, 1e-3, 1e6, "platform seconds per second")
    check_range("down.next_s", down.next_s, 0.0, 3600.0, "s")
    for unit_id, power_w in down.floors.items():
        check_range(f"down.floors[{unit_id}]", power_w, 0.0, 1e9, "W")
    for node in down.nodes:
        check_range(f"down.nodes[{node.node_id}].power_w", node.power_w, 0.0, 1e9, "W")
    outlook = down.outlook
    if outlook is not None:
        check_range("down.outlook.made_s", outlook.made_s, 0.0, _LAST_S, "s since the epoch")
        check_range("down.outlook.begin_s", outlook.begin_s, 0.0, _LAST_S, "s since the epoch")
        check_range("down.outlook.step_s", outlook.step_s, 1.0, 86_400.0, "s")
        for outdoor_c in outlook.outdoor_c:
            check_range("down.outlook.outdoor_c", outdoor_c, -100.0, 100.0, "°C")
        for price in outlook.price:
            check_range("down.outlook.price", price, -1e6, 1e6)


def _check_version(version: int, other: str, own: str) -> None:
    if version != VERSION:
        raise ConflictError(
            f"{other} speaks version {version} of the exchange, {own} version {VERSION}: install the same release of "
            "Ondol at both ends, the server's first; nothing is lost meanwhile, the site goes on and keeps its readings"
        )
