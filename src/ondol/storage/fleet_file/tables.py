"""Which tables and keys a fleet file has: taken from the nouns themselves, so that the two cannot part."""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
import typing
from dataclasses import dataclass, field

from ondol.model.accounting_terms import AccountingTerms
from ondol.model.benchmark import ServerBenchmark
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.filler import FillerTerms
from ondol.model.hardware_parts import Hardware, HeatEquipment
from ondol.model.heat_request import HeatRequest
from ondol.model.heat_signal import SignalTerms
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

KEY_OF_FIELD = {
    "site_id": "site",
    "zone_id": "zone",
    "circuit_id": "circuit",
    "sink_id": "sink",
    "unit_id": "unit",
    "target_id": "target",
    "entity_id": "entity",
    "connection_id": "connection",
}
"""References lose their "_id" in the file."""

REFERENCES = frozenset(KEY_OF_FIELD.values())


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table.

    Parameters
    ----------
    field : name of the noun's field
    kind : "text", "number", "whole", "flag", "time", "texts" or "tables"
    required : must it be there
    """

    field: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of table and the noun that it makes.

    Parameters
    ----------
    word : its name in the file
    part : the tuple of `Fleet` that its nouns go to
    keys : by name
    stand_ins : for required fields that are missing or wrong, so that reading can go on and find more
    """

    word: str
    part: str
    noun: type
    keys: dict[str, Key]
    stand_ins: dict[str, object] = field(default_factory=dict)


def _kind_of(hint: object) -> str:
    hint = next((h for h in typing.get_args(hint) if h is not types.NoneType), hint)  # of "X | None", the X
    hint = getattr(hint, "__supertype__", hint)
    kinds = {float: "number", int: "whole", bool: "flag", str: "text", UnitKind: "text", dt.datetime: "time"}
    return kinds[typing.cast("type", hint)]


def _table(
    word: str,
    part: str,
    noun: type,
    *,
    without: tuple[str, ...] = (),
    extra: dict[str, Key] | None = None,
    **stand_ins: object,
) -> Table:
    hints = typing.get_type_hints(noun)
    keys = {
        KEY_OF_FIELD.get(f.name, f.name): Key(
            f.name,
            _kind_of(hints[f.name]),
            f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING,
        )
        for f in dataclasses.fields(noun)
        if f.name not in without
    }
    return Table(word, part, noun, keys | (extra or {}), stand_ins)


_NODE_KEYS = {
    "ids": Key("ids", "texts", required=False),
    "count": Key("count", "whole", required=False),
    "idle_w": Key("idle_w", "number", required=True),
    "max_w": Key("max_w", "number", required=True),
    "memory_mib": Key("memory_mib", "whole", required=False),
}
_REQUEST_KEYS = {
    "setpoint_c": Key("setpoint_c", "number", required=False),
    "power_w": Key("power_w", "number", required=False),
    "timezone": Key("timezone", "text", required=False),
    "slot": Key("slot", "tables", required=False),
    "ical": Key("ical", "text", required=False),
}

STAND_IN_ARCHETYPE = "stand-in"

TABLES: dict[str, Table] = {
    table.word: table
    for table in (
        _table("site", "sites", Site),
        _table("zone", "sinks", Zone),
        _table("tank", "sinks", Tank),
        _table("pool", "sinks", SwimmingPool),
        _table("circuit", "circuits", HeatCircuit, kind="dhw"),
        _table("unit", "units", Unit, kind=UnitKind.SERVER_RACK),
        _table("node", "nodes", Node, without=("id", "curve"), extra=_NODE_KEYS),
        _table("request", "requests", HeatRequest, without=("site_id", "schedule"), extra=_REQUEST_KEYS),
        _table("connection", "connections", Connection, driver="rapl"),
        _table("binding", "bindings", Binding, point="temperature"),
        _table("hardware", "hardware", Hardware, lifetime_h=1.0, archetype=STAND_IN_ARCHETYPE),
        _table("equipment", "equipment", HeatEquipment, amount=1.0, lifetime_h=1.0, factor="stand-in"),
        _table("benchmark", "benchmarks", ServerBenchmark, score=1.0, power_w=1.0),
    )
}

SLOT_KEYS = {
    "days": Key("days", "text", required=False),
    "from": Key("from", "text", required=True),
    "value": Key("value", "number", required=True),
}

FLEET_KEYS = {"name": Key("name", "text", required=True)}

SINGLES: dict[str, Table] = {
    table.word: table
    for table in (
        _table("accounting", "accounting", AccountingTerms),
        _table("signal", "signal", SignalTerms),
        _table("filler", "filler", FillerTerms),
    )
}
"""Tables that a fleet file has once or not at all, such as `[accounting]`; each is one noun of the fleet."""
