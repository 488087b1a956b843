"""Reads a fleet file (TOML, `docs/reference/fleet-file.md`) and tells everything that is wrong in it at once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path as FilePath
from typing import Any

from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.storage.fleet_file.keys import Notes, Spot, read_keys
from ondol.storage.fleet_file.lines import find_lines
from ondol.storage.fleet_file.mistake import FleetFileError, Mistake, did_you_mean
from ondol.storage.fleet_file.nouns import Draft, read_single, read_table
from ondol.storage.fleet_file.tables import FLEET_KEYS, SINGLES, TABLES

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_FIELD = re.compile(r"(\w+)(?:\[(.+)\])?(?:\.(\w+))?")
_MOST_SYNTAX_ERRORS = 20


def load_fleet(text: str, origin: str) -> Fleet:
    """Read a fleet.

    Parameters
    ----------
    text : TOML
    origin : name for messages, usually the file's

    Raises
    ------
    FleetFileError : with every mistake
    """
    fleet, mistakes = _read(text)
    if mistakes or fleet is None:
        raise FleetFileError(origin, mistakes)
    return fleet


def read_fleet(path: FilePath) -> Fleet:
    """Read a fleet from a file in UTF-8.

    Raises
    ------
    NotFoundError : no such file
    FleetFileError : not readable as text, or with mistakes
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        raise NotFoundError("fleet file", str(path)) from error
    except OSError as error:
        raise FleetFileError(str(path), [Mistake("", None, f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}; save it as UTF-8"
        raise FleetFileError(str(path), [Mistake("", None, message)]) from error
    return load_fleet(text, str(path))


def check_fleet_text(text: str) -> list[Mistake]:
    """Give every mistake of a fleet file, by line; an empty list for a good one."""
    return _read(text)[1]


def _read(text: str) -> tuple[Fleet | None, list[Mistake]]:
    raw, syntax = _parse(text)
    if raw is None:
        return None, syntax
    draft = Draft(Notes(find_lines(text), after_syntax_errors=bool(syntax), mistakes=syntax))
    name = _read_head(draft.notes, raw)
    for table in TABLES.values():
        for number, entry in enumerate(_tables(draft.notes, raw, table.word)):
            read_table(draft, table, entry, (table.word, number))
    if not draft.parts["sites"] and "site" not in raw and not syntax:
        draft.notes.add((), "site", "the fleet has no site: at least one [[site]] is needed")
    parts: dict[str, Any] = {part: tuple(nouns) for part, nouns in draft.parts.items()}
    parts |= {table.part: read_single(draft.notes, table, raw[word]) for word, table in SINGLES.items() if word in raw}
    _note_references(draft, Fleet.survey(name=name, **parts))
    mistakes = sorted(draft.notes.mistakes, key=lambda m: m.line or 1 << 30)
    return (None if mistakes else Fleet(name=name, **parts)), mistakes


def _parse(text: str) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """Parse; a broken line that is a statement of its own is put aside, so that the rest can be read too."""
    lines, fresh, mistakes = text.split("\n"), find_lines(text).fresh, list[Mistake]()
    for _ in range(_MOST_SYNTAX_ERRORS):
        try:
            return tomllib.loads("\n".join(lines)), mistakes
        except tomllib.TOMLDecodeError as error:
            match = _AT_LINE.search(str(error))
            number = int(match[1]) if match else len(lines)
            reason = _AT_LINE.sub("", str(error)).strip()
        except RecursionError:
            return None, [Mistake("", None, "this is not TOML: brackets are nested too deep")]
        mistakes.append(Mistake("", number, f"this is not TOML: {reason}"))
        whole = number in fresh and (number + 1 in fresh or number >= len(lines))
        if not whole or "=" not in lines[number - 1] or lines[number - 1].lstrip().startswith("["):
            return None, mistakes
        lines[number - 1] = ""
    return None, mistakes


def _read_head(notes: Notes, raw: dict[str, Any]) -> str:
    """Read `[fleet]`, note unknown tables, and give the fleet's name."""
    for word in raw:
        if word != "fleet" and word not in TABLES and word not in SINGLES:
            known = ["fleet", *TABLES, *SINGLES]
            hint = did_you_mean(word, known) or f"; there are {', '.join(known)}"
            notes.add((word,), word, f"a fleet file has no table {word}{hint}")
    head = raw.get("fleet", {})
    if not isinstance(head, dict):
        notes.add(("fleet",), "fleet", "fleet must be one table: write [fleet]")
        head = {"name": "unread"}
    name = read_keys(Spot(notes, ("fleet",), "fleet"), FLEET_KEYS, head).get("name", "unread")
    if not name.strip() or len(name) > 200:
        notes.refuse(("fleet", "name"), "fleet.name", name, "a text of 1 to 200 characters")
    return str(name)


def _tables(notes: Notes, raw: dict[str, Any], word: str) -> list[dict[str, Any]]:
    entries = raw.get(word, [])
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        return entries
    notes.add((word,), word, f"{word} must be a list of tables: write [[{word}]] above each")
    return [entries] if isinstance(entries, dict) else []


def _note_references(draft: Draft, errors: list[InvalidFieldError]) -> None:
    """Note double ids and references to nothing, less those that only follow from a mistake already noted."""
    for error in sorted(errors, key=lambda error: not error.field.endswith(".site")):  # others follow from a wrong site
        match = _FIELD.fullmatch(error.field)
        word, noun_id, key = match.groups() if match else (error.field, None, None)
        if noun_id is None:
            _note_double(draft, word, str(error.value), error.allowed)
        else:
            _note_dangling(draft, word, noun_id, key, error)


def _note_double(draft: Draft, part: str, noun_id: str, allowed: str) -> None:
    first, *others = draft.places.get((part, noun_id), [()])
    for path in others:
        where, line = f"{path[0]}[{noun_id}].id", draft.notes.lines.line_of((*first, "id"))
        draft.notes.refuse((*path, "id"), where, noun_id, f"{allowed}; line {line} has it already")


def _note_dangling(draft: Draft, word: str, noun_id: str, key: str | None, error: InvalidFieldError) -> None:
    value, part = str(error.value), word if word == "equipment" else f"{word}s"
    ids = {some_id for _, some_id in draft.places}
    if value in draft.spoiled or noun_id in draft.spoiled or (word, key) == ("request", "site"):
        return  # a request takes the site of its target
    if key == "site":
        draft.unsure.add((part, noun_id))
    elif value in ids and ((part, noun_id) in draft.unsure or any(some_id == value for _, some_id in draft.unsure)):
        return
    path = next(iter(draft.places.get((part, noun_id), [])), ())
    if word == "binding":
        path = next(
            (("binding", k) for k, b in enumerate(draft.parts["bindings"]) if f"{b.entity_id}.{b.point}" == noun_id), ()
        )
    if word in ("hardware", "benchmark"):
        kinds = draft.parts["hardware" if word == "hardware" else "benchmarks"]
        path = next(((word, k) for k, one in enumerate(kinds) if one.specification == noun_id), ())
    where = f"{path[0] if path else word}[{noun_id}]" + (f".{key}" if key else "")
    draft.notes.refuse((*path, key or "id"), where, error.value, error.allowed + _hint(draft, key, value))


def _hint(draft: Draft, key: str | None, value: str) -> str:
    parts = {
        "site": "sites",
        "zone": "sinks",
        "sink": "sinks",
        "target": "sinks",
        "circuit": "circuits",
        "unit": "units",
    }
    known = [some_id for part, some_id in draft.places if part == parts.get(key or "", part)]
    return "" if value in known or key is None else did_you_mean(value, known)
