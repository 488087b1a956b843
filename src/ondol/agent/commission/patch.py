"""Writes fitted numbers into the text of a fleet file, with all its comments kept, and shows what changes."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping

from ondol.model.errors import InvalidFieldError, NotFoundError

Changes = Mapping[tuple[str, str], Mapping[str, float]]
"""(word of the table, id) → key → number."""

_HEAD = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")


def patched(text: str, changes: Changes) -> str:
    """Give the text with these numbers set; a key that is not there is added below the table's id.

    Raises
    ------
    NotFoundError : a table that the text does not have
    InvalidFieldError : the text is no TOML, or what came out does not say what was meant
    """
    lines = text.splitlines(keepends=True)
    for (word, entity_id), values in sorted(changes.items()):
        for key, value in values.items():
            lines = _set(lines, word, entity_id, key, value)
    out = "".join(lines)
    _check(out, changes)
    return out


def diff(before: str, after: str, name: str) -> str:
    """Show what changes, as `diff -u` does."""
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            fromfile=name,
            tofile=f"{name} (fitted)",
            n=1,
        )
    )


def _set(lines: list[str], word: str, entity_id: str, key: str, value: float) -> list[str]:
    begin, end = _table(lines, word, entity_id)
    number = f"{value:.6g}"
    for at in range(begin + 1, end):
        match = re.match(rf"^(\s*{re.escape(key)}\s*=\s*)([^#\n]*?)(\s*(?:#.*)?)(\n?)$", lines[at])
        if match:
            new = f"{match[1]}{number}{match[3]}{match[4]}"
            return [*lines[:at], new, *lines[at + 1 :]]
    after = next(at for at in range(begin + 1, end) if re.match(r"^\s*id\s*=", lines[at]))
    return [*lines[: after + 1], f"{key} = {number}\n", *lines[after + 1 :]]


def _table(lines: list[str], word: str, entity_id: str) -> tuple[int, int]:
    heads = [(at, match[1]) for at, line in enumerate(lines) if (match := _HEAD.match(line))]
    for number, (at, name) in enumerate(heads):
        if name != word:
            continue
        end = heads[number + 1][0] if number + 1 < len(heads) else len(lines)
        for line in lines[at + 1 : end]:
            match = re.match(r"""^\s*id\s*=\s*["']([^"']*)["']""", line)
            if match and match[1] == entity_id:
                return at, end
    raise NotFoundError(f"[[{word}]] of the fleet file", entity_id)


def _check(text: str, changes: Changes) -> None:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidFieldError(
            "fleet file", str(error), "TOML as docs/reference/fleet-file.md describes it"
        ) from error
    for (word, entity_id), values in changes.items():
        table = next(one for one in read[word] if one.get("id") == entity_id)
        for key, value in values.items():
            if abs(float(table[key]) - value) > 1e-5 * max(abs(value), 1.0):
                raise InvalidFieldError(f"{word}[{entity_id}].{key}", table[key], f"{value:g}; write it by hand")
