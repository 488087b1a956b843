"""Reads the keys of one table of a fleet file: unknown, missing and of the wrong type, all are noted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ondol.model.errors import InvalidFieldError
from ondol.storage.fleet_file.lines import LineMap, Path
from ondol.storage.fleet_file.mistake import Mistake, did_you_mean, show
from ondol.storage.fleet_file.tables import Key

_WORDS = {
    "text": "a text in quotes",
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "time": "a time with its zone, such as 2026-01-15T08:00:00Z",
    "texts": 'a list of texts such as ["a", "b"]',
    "tables": "tables of their own, headed by double brackets",
}


@dataclass(slots=True)
class Notes:
    """What has been found wrong so far.

    Parameters
    ----------
    lines : where things stand
    after_syntax_errors : some keys could not be read at all, so that none is called missing
    """

    lines: LineMap
    after_syntax_errors: bool = False
    mistakes: list[Mistake] = field(default_factory=list)

    def add(self, path: Path, where: str, message: str) -> None:
        """Note a mistake; the same one twice counts once."""
        mistake = Mistake(where, self.lines.line_of(path), message)
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def refuse(self, path: Path, where: str, value: object, allowed: str) -> None:
        """Note a value that is not allowed, in the words of `InvalidFieldError`."""
        self.add(path, where, f"{where} = {show(value)} is not allowed; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Spot:
    """One table of the file: where it stands and what it is called in messages."""

    notes: Notes
    path: Path
    where: str

    def refuse(self, key: str, value: object, allowed: str) -> None:
        """Note the value of a key as not allowed."""
        self.notes.refuse((*self.path, key), f"{self.where}.{key}", value, allowed)

    def drop(self, values: dict[str, Any], key: str, allowed: str) -> None:
        """Refuse a value and take it out."""
        self.refuse(key, values.pop(key), allowed)

    def complain(self, message: str) -> None:
        """Note a mistake of the whole table; the message goes on after its name."""
        self.notes.add(self.path, self.where, f"{self.where} {message}")

    def within(self, *path: str | int, where: str) -> Spot:
        """Give a table inside this one."""
        return Spot(self.notes, (*self.path, *path), f"{self.where}.{where}")


def read_keys(spot: Spot, keys: Mapping[str, Key], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that can be used, by key; all others are noted and left out."""
    notes, path, where = spot.notes, spot.path, spot.where
    for given in raw:
        if given not in keys:
            hint = did_you_mean(given, keys) or f"; there are {', '.join(sorted(keys))}"
            notes.add((*path, given), f"{where}.{given}", f"{where} has no key {given}{hint}")
    values: dict[str, Any] = {}
    for name, key in keys.items():
        if name not in raw:
            if key.required and not notes.after_syntax_errors:
                notes.add(path, f"{where}.{name}", f"{where}.{name} is missing: {_WORDS[key.kind]} is needed")
            continue
        value = _typed(key.kind, raw[name])
        if value is None:
            spot.refuse(name, raw[name], _WORDS[key.kind])
        else:
            values[name] = value
    return values


def _typed(kind: str, value: object) -> Any:
    """Give the value in the type that the nouns have, None where it is of another."""
    if isinstance(value, bool):
        return value if kind == "flag" else None
    if kind == "number" and isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    if kind == "time":
        return value if isinstance(value, dt.datetime) and value.tzinfo is not None else None
    inside = {"texts": str, "tables": dict}.get(kind)
    if inside is not None:
        return value if isinstance(value, list) and all(isinstance(item, inside) for item in value) else None
    return value if isinstance(value, {"text": str, "whole": int}.get(kind, ())) else None


def key_of(error: InvalidFieldError) -> str:
    """Give the last part of the field that an error names, "" where it names a whole noun."""
    return error.field.rpartition(".")[2] if "." in error.field else ""
