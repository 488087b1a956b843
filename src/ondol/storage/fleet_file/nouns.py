"""Makes nouns of the tables of a fleet file; what a noun refuses is noted, and reading goes on without it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ondol.model.checks import check_id, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.power import PowerCurve
from ondol.model.site import Node, UnitKind
from ondol.signals.weather import ZONES
from ondol.storage.fleet_file.keys import Notes, Spot, key_of, read_keys
from ondol.storage.fleet_file.lines import Path
from ondol.storage.fleet_file.requests import check_timezone, request_schedule
from ondol.storage.fleet_file.tables import REFERENCES, TABLES, Table

STAND_IN = "stand-in"
MOST_NODES_A_TABLE = 10_000
_NAMED_BY = {  # what messages call a table by
    "node": "unit",
    "binding": "entity",
    "hardware": "specification",
    "benchmark": "specification",
}


@dataclass(slots=True)
class Draft:
    """The fleet as far as it has been read.

    Parameters
    ----------
    parts : nouns by the part of `Fleet` they go to
    places : by (part, id), the paths of the tables that claim that id
    spoiled : ids that were refused, and stand-ins: a reference to one is no mistake of its own
    unsure : (part, id) of nouns with a mistake in a reference
    """

    notes: Notes
    parts: dict[str, list[Any]] = field(default_factory=lambda: {table.part: [] for table in TABLES.values()})
    places: dict[tuple[str, str], list[Path]] = field(default_factory=dict)
    spoiled: set[str] = field(default_factory=lambda: {STAND_IN})
    unsure: set[tuple[str, str]] = field(default_factory=set)
    numbered: Counter[str] = field(default_factory=Counter)

    def keep(self, table: Table, noun: Any, path: Path, *, sure: bool) -> None:
        """Take a noun in."""
        self.parts[table.part].append(noun)
        if hasattr(noun, "id"):
            self.places.setdefault((table.part, noun.id), []).append(path)
            if not sure:
                self.unsure.add((table.part, noun.id))


def read_table(draft: Draft, table: Table, raw: Mapping[str, Any], path: Path) -> None:
    """Read one table into the draft."""
    name = raw.get(_NAMED_BY.get(table.word, "id"))
    label = name if isinstance(name, str) else f"number {int(path[1]) + 1}"
    spot = Spot(draft.notes, path, f"{table.word}[{label}]")
    values = read_keys(spot, table.keys, raw)
    references = {key for key in table.keys if key in REFERENCES and (key in raw or table.keys[key].required)}
    sure = references <= set(values)
    match table.word:
        case "site":
            check_timezone(spot, values)
            if values.get("climate", ZONES[0]) not in ZONES:
                spot.drop(values, "climate", "one of " + ", ".join(ZONES))
        case "unit":
            _take_kind(spot, values)
        case "request":
            values |= request_schedule(spot, values, draft.parts["sites"], draft.parts["sinks"])
            values.setdefault("site_id", STAND_IN)
        case "node":
            for node in _nodes(draft, table, values, spot):
                draft.keep(table, node, path, sure=sure)
            return
    draft.keep(table, _build(draft, table, values, spot), path, sure=sure)


def read_single(notes: Notes, table: Table, raw: object) -> Any:
    """Read a table that a file has once; what it refuses is noted, its default stands in."""
    spot = Spot(notes, (table.word,), table.word)
    if not isinstance(raw, dict):
        notes.add((table.word,), table.word, f"{table.word} must be one table: write [{table.word}]")
        return table.noun()
    return _build(Draft(notes), table, read_keys(spot, table.keys, raw), spot)


def _build(draft: Draft, table: Table, values: Mapping[str, Any], spot: Spot) -> Any:
    """Construct a noun; every field that it refuses is noted and replaced, until it stands."""
    fields = {table.keys[key].field if key in table.keys else key: value for key, value in values.items()}
    own_id = f"{STAND_IN}-{'-'.join(map(str, spot.path))}"
    stand_ins: dict[str, object] = {"id": own_id, **table.stand_ins}
    needed = {
        f.name
        for f in dataclasses.fields(table.noun)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    for name in needed - set(fields):
        fields[name] = stand_ins.get(name, STAND_IN)
    while True:
        try:
            noun = table.noun(**fields)
        except InvalidFieldError as error:
            key = key_of(error)
            name = table.keys[key].field if key in table.keys else key
            if name not in fields and table.word == "unit":  # a kind of unit that does not go with what it heats
                spot.notes.refuse(spot.path, spot.where, error.value, error.allowed)
                fields["kind"] = _kind_that_fits(fields, "zone_id", "circuit_id")
                continue
            if name not in fields:  # a key that another one needs: go on with what any such noun has
                spot.notes.refuse(spot.path, f"{spot.where}.{key}", error.value, error.allowed)
                fields = {**{name: fields[name] for name in fields if name in needed}, **table.stand_ins}
                continue
            spot.refuse(key, fields[name], error.allowed)
            if key == "id":
                draft.spoiled.add(str(fields[name]))
            if name in needed:
                fields[name] = stand_ins.get(name, STAND_IN)
            else:
                del fields[name]
        else:
            if fields.get("id") == own_id:
                draft.spoiled.add(own_id)
            return noun


def _take_kind(spot: Spot, values: dict[str, Any]) -> None:
    kinds = [kind.value for kind in UnitKind]
    if values.get("kind") in kinds:
        values["kind"] = UnitKind(values["kind"])
        return
    if "kind" in values:
        spot.drop(values, "kind", "one of " + ", ".join(kinds))
    values["kind"] = _kind_that_fits(values, "zone", "circuit")


def _kind_that_fits(values: dict[str, Any], zone: str, circuit: str) -> UnitKind:
    """Give the kind that goes with what a unit says it heats, so that its references are still looked at."""
    if values.get(zone) is not None and values.get(circuit) is not None:
        del values[zone], values[circuit]
    if values.get(zone) is not None:
        return UnitKind.DIGITAL_HEATER
    return UnitKind.SERVER_RACK if values.get(circuit) is None else UnitKind.DIGITAL_BOILER


def _nodes(draft: Draft, table: Table, values: dict[str, Any], spot: Spot) -> list[Node]:
    """Make all nodes of a table: one for each of `ids`, or `count` of them numbered on within their unit."""
    if "ids" in values and "count" in values:
        spot.drop(values, "count", "left out where ids are given")
    ids, count = values.pop("ids", None), values.pop("count", 1)
    _take_memory(spot, values)
    values["curve"] = _curve(spot, values)
    model: Node = _build(draft, table, {**values, "id": STAND_IN}, spot)
    if not _is_whole(spot, "count", count, 1, MOST_NODES_A_TABLE):
        count = 1
    if ids is not None and not ids:
        spot.refuse("ids", ids, "at least one id, or left out")
    if not ids:
        first = draft.numbered[model.unit_id] + 1
        draft.numbered[model.unit_id] += count
        ids = [f"{model.unit_id}-n{number}" for number in range(first, first + count)]
    return [_named(draft, model, node_id, spot) for node_id in ids]


def _named(draft: Draft, model: Node, node_id: str, spot: Spot) -> Node:
    try:
        check_id("ids", node_id)
    except InvalidFieldError as error:
        if model.unit_id not in draft.spoiled:
            spot.refuse("ids", node_id, error.allowed)
        node_id = f"{STAND_IN}-{len(draft.places)}"
        draft.spoiled.add(node_id)
    return dataclasses.replace(model, id=node_id)  # type: ignore[arg-type]


def _take_memory(spot: Spot, values: dict[str, Any]) -> None:
    if "memory_mib" not in values:
        return
    if "memory_bytes" in values:
        spot.drop(values, "memory_bytes", "left out where memory_mib is given")
    mebibytes = values.pop("memory_mib")
    if _is_whole(spot, "memory_mib", mebibytes, 1, 1 << 30):
        values["memory_bytes"] = mebibytes << 20


def _is_whole(spot: Spot, key: str, value: int, low: int, high: int) -> bool:
    try:
        check_whole(key, value, low, high)
    except InvalidFieldError as error:
        spot.refuse(key, value, error.allowed)
        return False
    return True


def _curve(spot: Spot, values: dict[str, Any]) -> PowerCurve:
    idle_w, max_w = values.pop("idle_w", 0.0), values.pop("max_w", 20_000.0)
    try:
        return PowerCurve(idle_w=idle_w, max_w=max_w)
    except InvalidFieldError as error:
        spot.refuse(error.field, error.value, error.allowed)
        if error.field == "max_w":  # idle power may be wrong as well
            return _curve(spot, {"idle_w": idle_w})
        return PowerCurve(idle_w=0.0, max_w=1.0)
