"""All that the server knows of one site whose agent is a process of its own."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ondol.agent.orders import AlarmNote, NodeStatus, SiteOrders
from ondol.agent.wire import NodeState, ReadingRow
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import UnitId
from ondol.model.points import PointKey
from ondol.storage.fleet_file import fleet_to_toml


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which number each outbox of a site was taken; written in the commit of what was taken."""

    outboxes: dict[str, int] = {}


@dataclass(slots=True, kw_only=True)
class RemoteSite:
    """All that is known of one site."""

    part: Fleet
    setup: str
    digest: str
    ids: frozenset[str]
    unit_ids: frozenset[str]
    node_ids: frozenset[str]
    taken: Taken
    coming: threading.Lock = field(default_factory=threading.Lock)  # one exchange at a time
    heard_s: float | None = None
    orders: SiteOrders | None = None
    sinks: tuple[SinkReading, ...] = ()
    units: tuple[UnitReading, ...] = ()
    nodes: tuple[NodeState, ...] = ()
    notes: tuple[AlarmNote, ...] = ()
    silent: bool = False
    left: bool = False  # its agent ended in order
    lives: tuple[str, ...] = ("",)  # of the last agents that came, the newest last
    twins_s: float | None = None
    waiting: int = 0
    program: str = ""
    status: tuple[NodeStatus, ...] = ()
    floors: Mapping[UnitId, float] = field(default_factory=dict)
    pushed: dict[PointKey, ReadingRow] = field(default_factory=dict)
    requests: tuple[int, str, tuple[HeatRequest, ...]] = (-1, "", ())
    no_wishes: tuple[int, int] = (-1, -1)


def remote_site(part: Fleet, kept: bytes | None) -> RemoteSite:
    """Begin with a site's part of the fleet, and what is kept of an earlier life (`Taken`, packed)."""
    setup = fleet_to_toml(part)
    return RemoteSite(
        part=part,
        setup=setup,
        digest=hashlib.sha256(setup.encode()).hexdigest()[:16],
        ids=frozenset(
            str(noun.id)
            for nouns in (part.sites, part.units, part.nodes, part.sinks, part.circuits, part.connections)
            for noun in nouns
        ),
        unit_ids=frozenset(str(unit.id) for unit in part.units),
        node_ids=frozenset(str(node.id) for node in part.nodes),
        taken=Taken() if kept is None else msgspec.msgpack.decode(kept, type=Taken),
    )
