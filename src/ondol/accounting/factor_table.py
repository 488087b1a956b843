"""Reads a table of factors (CSV) and tells everything that is wrong in it at once, each with its line."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields

from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError, OndolError
from ondol.model.factor import MOST_YEAR, Factor, Heating, Mix, Scope

VERSION_MARK = "# ondol factors "
COLUMNS = tuple(field.name for field in fields(Factor))
_OPTIONAL = ("note", "carrier")
_CHOICES = {"scope": Scope, "mix": Mix, "heating": Heating}


@dataclass(frozen=True, slots=True)
class TableMistake:
    """One thing that is wrong in a table of factors, with its line, from 1."""

    line: int
    message: str


class FactorTableError(OndolError, ValueError):
    """A table of factors with mistakes; `mistakes` has them all, by line.

    Parameters
    ----------
    origin : name of the file
    mistakes : at least one
    """

    def __init__(self, origin: str, mistakes: Sequence[TableMistake]) -> None:
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
        lines = "\n".join(f"  {origin}:{mistake.line}: {mistake.message}" for mistake in mistakes)
        super().__init__(f"The table of factors {origin} has {count}:\n{lines}")
        self.origin = origin
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class FactorTable:
    """A table that was read: its version ("" where it states none) and its rows in their order."""

    version: str
    rows: tuple[Factor, ...]


def read_table(text: str, origin: str, onto: Registry | None = None, *, until: int = MOST_YEAR) -> FactorTable:
    """Read a table of factors.

    A first line "# ondol factors VERSION" states its version; other lines that begin with # are passed over. The header
    names the columns, of which only note and carrier may be missing.

    Parameters
    ----------
    text : CSV with commas, quotes where a cell has commas
    origin : name for messages
    onto : registry that an operator's own rows go onto; those that may not stand there are mistakes of their lines
    until : latest year that data may be of: what was measured is not of the future

    Raises
    ------
    FactorTableError : with every mistake
    """
    lines = text.splitlines()
    version = lines[0].removeprefix(VERSION_MARK).strip() if lines and lines[0].startswith(VERSION_MARK) else ""
    mistakes: list[TableMistake] = []
    found: dict[str, tuple[int, Factor]] = {}
    header: list[str] | None = None
    for number, cells in _records(lines, mistakes):
        if header is None:
            header = [cell.strip() for cell in cells]
            mistakes += [TableMistake(number, message) for message in _header_mistakes(header)]
            if mistakes:
                break
            continue
        row = _row(number, header, cells, mistakes)
        if row is None:
            continue
        if row.id in found:
            mistakes.append(TableMistake(number, f"id = {row.id!r} is used once only; line {found[row.id][0]} has it"))
        else:
            found[row.id] = (number, row)
        if row.year > until:
            message = (
                f"factor[{row.id}].year = {row.year} is not allowed; allowed: the year of its data, {until} at most"
            )
            mistakes.append(TableMistake(number, message))
    if header is None:
        mistakes.append(TableMistake(1, f"there is no header; the columns are {', '.join(COLUMNS)}"))
    mistakes += _heater_mistakes(found)
    mistakes += _carrier_mistakes(found) if onto is None else _standing_mistakes(found, onto)
    if mistakes:
        raise FactorTableError(origin, sorted(mistakes, key=lambda mistake: mistake.line))
    return FactorTable(version, tuple(row for _, row in found.values()))


def _records(lines: list[str], mistakes: list[TableMistake]) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            cells = next(csv.reader([line], strict=True))
        except csv.Error as error:
            mistakes.append(TableMistake(number, f"this is not a line of CSV: {error}; a row stands on one line"))
        else:
            found.append((number, cells))
    return found


def _header_mistakes(header: list[str]) -> list[str]:
    missing = [column for column in COLUMNS if column not in header and column not in _OPTIONAL]
    found = [f"the column {column} is missing" for column in missing]
    for column in header:
        if column not in COLUMNS:
            close = difflib.get_close_matches(column, COLUMNS, n=1)
            hint = f" (did you mean {close[0]}?)" if close else f"; there are {', '.join(COLUMNS)}"
            found.append(f"there is no column {column}{hint}")
    return found + [f"the column {column} stands twice" for column in sorted(set(header)) if header.count(column) > 1]


def _row(number: int, header: list[str], cells: list[str], mistakes: list[TableMistake]) -> Factor | None:
    if len(cells) != len(header):
        message = f"{len(cells)} cells where the header has {len(header)}; put quotes round a cell with a comma"
        mistakes.append(TableMistake(number, message))
        return None
    raw = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    before = len(mistakes)
    values: dict[str, object] = {}
    for column, text in raw.items():
        value = _value(column, text)
        if value is None:
            mistakes.append(TableMistake(number, _refusal(raw, column, text)))
        else:
            values[column] = value
    if len(mistakes) > before:
        return None
    try:
        return Factor(**values)  # type: ignore[arg-type]
    except InvalidFieldError as error:
        mistakes.append(TableMistake(number, str(error)))
        return None


def _value(column: str, text: str) -> object | None:
    """Give a cell in the type of its column, None where it cannot be."""
    if column in _CHOICES:
        return next((one for one in _CHOICES[column] if one.value == text), None)
    if "_" in text and column in ("value", "low", "high", "year"):
        return None  # Python reads 1_000 as a number, no spreadsheet does
    try:
        if column in ("value", "low", "high"):
            return float(text)
        if column == "year":
            return int(text)
    except ValueError:
        return None
    return text


def _refusal(raw: dict[str, str], column: str, text: str) -> str:
    if column in _CHOICES:
        allowed = "one of " + ", ".join(one.value for one in _CHOICES[column])
    else:
        allowed = "a year" if column == "year" else "a number"
    return f"factor[{raw.get('id', '?')}].{column} = {text!r} is not allowed; allowed: {allowed}"


def _heater_mistakes(found: dict[str, tuple[int, Factor]]) -> list[TableMistake]:
    """An efficiency needs what it is the efficiency of."""
    return [
        TableMistake(
            number,
            f"factor[{row.id}].carrier = '' is not allowed; allowed: the id of what it takes in, or electricity",
        )
        for number, row in found.values()
        if row.id.startswith("heater-") and not row.carrier
    ]


def _standing_mistakes(found: dict[str, tuple[int, Factor]], onto: Registry) -> list[TableMistake]:
    """Own rows that would change the meaning of a packaged one, or take in what is not there."""
    rows = {**onto.rows, **{key: row for key, (_, row) in found.items()}}
    return [TableMistake(number, str(error)) for number, row in found.values() for error in onto.mistakes(row, rows)]


def _carrier_mistakes(found: dict[str, tuple[int, Factor]]) -> list[TableMistake]:
    """A factor and an efficiency on two calorific bases, where this table has both rows."""
    mistakes = []
    for number, row in found.values():
        carrier = found.get(row.carrier)
        if carrier is not None and carrier[1].heating is not row.heating:
            mistakes.append(
                TableMistake(
                    number,
                    f"factor[{row.id}].heating = {row.heating.value!r} is not allowed; allowed: that of its carrier "
                    f"{row.carrier}, {carrier[1].heating.value}",
                )
            )
    return mistakes
