"""Finds the line on which each table and key of a TOML text stands, which `tomllib` does not tell."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Where something stands: ``("unit", 2, "zone")`` is the key `zone` of the third `[[unit]]`."""

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


@dataclass(slots=True)
class LineMap:
    """Line numbers by path, from 1; `fresh` are the lines on which a new statement begins."""

    lines: dict[Path, int] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)

    def line_of(self, path: Path) -> int | None:
        """Line of a path, or of the nearest thing around it; None where nothing of it is in the text."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def find_lines(text: str) -> LineMap:
    """Map tables and keys of a TOML text to their lines; broken text gives what can be found in it."""
    found = LineMap()
    counts: dict[Path, int] = {}
    table: Path = ()
    value = _Value()
    for number, line in enumerate(text.split("\n"), start=1):
        if value.goes_on:
            value.feed(line)
            continue
        found.fresh.add(number)
        if header := _HEADER.match(line):
            table = _enter(_parts(header[2]), counts, is_array=header[1] == "[[")
            found.lines.setdefault(table, number)
            if table and isinstance(table[-1], int):
                found.lines.setdefault(table[:-1], number)
        elif key := _KEY.match(line):
            found.lines.setdefault((*table, *_parts(key[1])), number)
            value.feed(line[key.end() :])
    return found


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _enter(parts: list[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    path: Path = ()
    for rank, part in enumerate(parts, start=1):
        path = (*path, part)
        if rank == len(parts) and is_array:
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


@dataclass(slots=True)
class _Value:
    """A value being read, which may still be open at the end of the line: brackets, or a text of several lines."""

    depth: int = 0
    quote: str = ""

    @property
    def goes_on(self) -> bool:
        return self.depth > 0 or self.quote != ""

    def feed(self, line: str) -> None:
        at = 0
        while at < len(line):
            if self.quote:
                at = self._leave_quote(line, at)
            elif line[at] == "#":
                return
            elif line[at] in "\"'":
                tripled = line[at] * 3
                self.quote = tripled if line.startswith(tripled, at) else line[at]
                at += len(self.quote)
            else:
                self.depth = max(0, self.depth + (line[at] in "[{") - (line[at] in "]}"))
                at += 1
        if len(self.quote) == 1:  # such a text cannot go on: the line is broken, the next is a new statement
            self.quote = ""

    def _leave_quote(self, line: str, at: int) -> int:
        while at < len(line):
            if line[at] == "\\" and self.quote[0] == '"':
                at += 2
            elif line.startswith(self.quote, at):
                at += len(self.quote)
                self.quote = ""
                return at
            else:
                at += 1
        return at
