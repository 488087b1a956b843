"""Writes a fleet as a fleet file; reading it again gives an equal fleet."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import re
from itertools import groupby
from typing import Any

from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId
from ondol.model.schedule import WeeklySchedule
from ondol.model.sink import SwimmingPool, Tank, Zone
from ondol.model.site import Node
from ondol.storage.fleet_file.schedule import grouped
from ondol.storage.fleet_file.tables import KEY_OF_FIELD, SINGLES

_CONTROL = re.compile("\x7f")


def fleet_to_toml(fleet: Fleet) -> str:
    """Write a fleet; keys that have their default value are left out, equal nodes of a unit stand together."""
    blocks = [f"[fleet]\nname = {_value(fleet.name)}"]
    blocks += [f"[{word}]{block}" for word in SINGLES if (block := _single(getattr(fleet, SINGLES[word].part)))]
    blocks += [_block("site", _fields(site)) for site in fleet.sites]
    for word, kind in (("zone", Zone), ("tank", Tank), ("pool", SwimmingPool)):
        blocks += [_block(word, _fields(sink)) for sink in fleet.sinks if isinstance(sink, kind)]
    blocks += [_block("circuit", _fields(circuit)) for circuit in fleet.circuits]
    blocks += [_block("unit", _fields(unit)) for unit in fleet.units]
    for unit in fleet.units:
        alike = groupby(fleet.nodes_of(unit.id), key=lambda node: dataclasses.replace(node, id=NodeId("x")))
        blocks += [_block("node", _node_fields(model, [node.id for node in nodes])) for model, nodes in alike]
    blocks += [_request(fleet, request) for request in fleet.requests]
    blocks += [_block("connection", _fields(connection)) for connection in fleet.connections]
    blocks += [_block("binding", _fields(binding)) for binding in fleet.bindings]
    blocks += [_block("hardware", _fields(kind)) for kind in fleet.hardware]
    blocks += [_block("equipment", _fields(item)) for item in fleet.equipment]
    blocks += [_block("benchmark", _fields(one)) for one in fleet.benchmarks]
    return "\n\n".join(blocks) + "\n"


def _single(noun: Any) -> str:
    return "".join(f"\n{key} = {_value(value)}" for key, value in _fields(noun).items())


def _block(word: str, pairs: dict[str, Any]) -> str:
    return "\n".join([f"[[{word}]]", *(f"{key} = {_value(value)}" for key, value in pairs.items())])


def _fields(noun: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    pairs = {f.name: (getattr(noun, f.name), f.default) for f in dataclasses.fields(noun) if f.name not in without}
    told = {name: value for name, (value, default) in pairs.items() if value != default and value == value}  # noqa: PLR0124
    return {KEY_OF_FIELD.get(name, name): value for name, value in told.items()}  # NaN stands for nothing


def _node_fields(model: Node, ids: list[str]) -> dict[str, Any]:
    rest = _fields(model, without=("id", "unit_id", "curve"))
    mebibytes, odd = divmod(model.memory_bytes, 1 << 20)
    if "memory_bytes" in rest and not odd:
        del rest["memory_bytes"]
        rest["memory_mib"] = mebibytes
    return {"unit": model.unit_id, "ids": ids, "idle_w": model.curve.idle_w, "max_w": model.curve.max_w} | rest


def _request(fleet: Fleet, request: HeatRequest) -> str:
    pairs = _fields(request, without=("site_id", "schedule"))
    schedule: WeeklySchedule = request.schedule
    if schedule.timezone != fleet.site(request.site_id).timezone:
        pairs["timezone"] = schedule.timezone
    if request.kind == "energy":
        return _block("request", pairs)
    if len(schedule.slots) == 1 and schedule.slots[0].minute == 0:
        pairs["power_w" if request.kind == "power" else "setpoint_c"] = schedule.slots[0].value
        return _block("request", pairs)
    slots = [
        f"\n[[request.slot]]\ndays = {_value(days)}\nfrom = {_value(time)}\nvalue = {_value(value)}"
        for days, time, value in grouped(schedule)
    ]
    return "\n".join([_block("request", pairs), *slots])


def _value(value: object) -> str:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _CONTROL.sub(r"\\u007f", json.dumps(value, ensure_ascii=False))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return repr(value)
