"""Reads text tables with a header and keeps the line of each row, for messages."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ondol.model.checks import check_choice
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import Floats, Ints

OnBad = Literal["error", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells by column, as written.

    Parameters
    ----------
    file : name of the file
    line : of each row, the first of the file is 1
    columns : name to cells, only the columns that there are
    remarks : lines before the header that begin with ``#``, without it
    notes : what was dropped
    """

    file: str
    line: Ints
    columns: dict[str, list[str]]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]


def lines_of(path: Path) -> list[str]:
    """Read the lines of a text file; a name that ends in ``.gz`` is unpacked.

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : not UTF-8, or not packed as its name says
    """
    try:
        packed = path.read_bytes()
        content = gzip.decompress(packed) if path.suffix == ".gz" else packed
        return content.decode("utf-8-sig").splitlines()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError("workload file", str(path)) from error
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidFieldError(path.name, str(error), "UTF-8 text, packed by gzip if its name ends in .gz") from error


def read_table(path: Path, required: tuple[str, ...], optional: tuple[str, ...], on_bad: OnBad) -> Table:
    """Read a CSV file whose header names all of `required`, any of `optional` and nothing else.

    Parameters
    ----------
    on_bad : what becomes of a row with another number of cells than the header: ``error`` or ``drop``

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : another header, or a row of another length
    """
    check_choice("on_bad", on_bad, ("error", "drop"))
    lines = lines_of(path)
    begin = next((k for k, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    rows_of_file = _rows(path.name, lines, begin)
    _, header = next(rows_of_file, (0, []))
    _check_header(path.name, header, required, optional)
    at: list[int] = []
    rows: list[list[str]] = []
    odd = 0
    for line, row in rows_of_file:
        if len(row) != len(header):
            if on_bad == "error":
                raise InvalidFieldError(f"{path.name}:{line}", ",".join(row), f"{len(header)} cells as in the header")
            odd += 1
            continue
        at.append(line)
        rows.append(row)
    cells = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in header]
    return Table(
        file=path.name,
        line=np.array(at, dtype=np.int64),
        columns=dict(zip(header, cells, strict=True)),
        remarks=tuple(line[1:].strip() for line in lines[:begin] if line.startswith("#")),
        notes=(f"dropped {odd} rows of another length than the header",) if odd else (),
    )


def numbers_of(cells: list[str], empty: float = np.nan) -> Floats:
    """Read cells as numbers: nan for what is none, `empty` for an empty cell."""
    return np.array([_number(cell, empty) for cell in cells], dtype=np.float64)


def _rows(file: str, lines: list[str], begin: int) -> Iterator[tuple[int, list[str]]]:
    """Give line and cells of each row that is not empty."""
    reader = csv.reader(lines[begin:])
    try:
        for row in reader:
            if row:
                yield begin + reader.line_num, [cell.strip() for cell in row]
    except csv.Error as error:
        raise InvalidFieldError(f"{file}:{begin + reader.line_num}", str(error), "a row of a CSV file") from error


def _number(cell: str, empty: float) -> float:
    if not cell:
        return empty
    try:
        return np.nan if "_" in cell else float(cell)  # Python reads 1_000, no table means it
    except ValueError:
        return np.nan


def _check_header(file: str, header: list[str], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    known = required + optional
    whole = all(name in header for name in required) and len(set(header)) == len(header)
    if not whole or any(name not in known for name in header):
        allowed = f"a header of {', '.join(required)}" + (f" and any of {', '.join(optional)}" if optional else "")
        raise InvalidFieldError(f"{file}: header", ",".join(header), f"{allowed}, each once")
