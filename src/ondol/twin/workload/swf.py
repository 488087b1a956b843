"""Standard Workload Format: logs of the Parallel Workloads Archive.

18 numbers a line, -1 for unknown, lines that begin with ``;`` are comments (Chapin et al., "Benchmarks and standards
for the evaluation of parallel job schedulers", JSSPP 1999; definition on the archive's page on the format).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ondol.model.checks import check_choice, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Bools, Floats, Ints
from ondol.twin.workload.arrange import one_slot_each
from ondol.twin.workload.jobs import Trace
from ondol.twin.workload.rows import Rows, to_trace
from ondol.twin.workload.table import OnBad, lines_of, numbers_of

FIELDS = 18
_ID, _SUBMIT, _RUN, _ALLOCATED, _REQUESTED, _REQUESTED_TIME, _STATUS, _USER = 0, 1, 3, 4, 7, 8, 10, 11
_FAILED, _PARTS, _CANCELLED = 0, (2, 3, 4), 5
_HEADER = re.compile(r";\s*(Computer|Installation|Acknowledge|Information|UnixStartTime)\s*:\s*(\S.*)")


def read_swf(path: Path | str, *, split: bool = True, cores_per_slot: int = 1, on_bad: OnBad = "error") -> Trace:
    """Read a log in the Standard Workload Format.

    A job takes ⌈processors / cores_per_slot⌉ slots: processors allocated, or requested where that is unknown. Failed
    jobs (status 0) are kept, for they took the machine. Left out, with a note: cancelled jobs (status 5) that never
    ran, and lines of parts of a job (status 2 to 4) beside the line of the whole. The requested time is not kept;
    the notes say how many jobs ran past theirs.

    Parameters
    ----------
    path : a file; packed by gzip where it ends in ``.gz``
    split : make of a rigid job of p slots p instances of one slot in one task. They then may start at different
        times and places, as the tasks of a heater fleet do; the work is the same. False: one job of p slots
    cores_per_slot : processors of the log that one slot stands for, 1 to 1024
    on_bad : ``error`` refuses a file with a bad line, ``drop`` leaves bad lines out and counts them in the notes

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : names file, line, field and value
    """
    path = Path(path)
    check_choice("on_bad", on_bad, ("error", "drop"))
    check_whole("cores_per_slot", cores_per_slot, 1, 1024)
    lines = lines_of(path)
    notes: list[str] = []
    at, cells = _cells(path.name, lines, on_bad, notes)
    values = [numbers_of(column) for column in cells]
    kept = np.flatnonzero(~_left_out(cells, values, notes))
    at = at[kept]
    columns = [[column[row] for row in kept.tolist()] for column in cells]
    values = [column[kept] for column in values]
    allocated = values[_ALLOCATED] > 0
    processors = np.where(allocated, values[_ALLOCATED], values[_REQUESTED])
    rows = Rows(
        file=path.name,
        at=at,
        id=columns[_ID],
        submitted_s=values[_SUBMIT],
        run_s=values[_RUN],
        slots=np.where(processors == np.floor(processors), np.ceil(processors / cores_per_slot), np.nan),
        task=columns[_ID],
        user=columns[_USER],
        written={
            "id": ("job number", columns[_ID]),
            "submitted_s": ("submit time", columns[_SUBMIT]),
            "run_s": ("run time", columns[_RUN]),
            "slots": (
                "processors",
                [columns[_ALLOCATED if ok else _REQUESTED][row] for row, ok in enumerate(allocated.tolist())],
            ),
        },
    )
    notes.extend(_facts(values))
    said = [f"{name}: {text}" for name, text in _headers(lines)]
    source = "; ".join([path.name, *(line for line in said if not line.startswith("UnixStartTime"))])
    notes.extend(f"0 s is {line}" for line in said if line.startswith("UnixStartTime"))
    trace = to_trace(rows, source=f"{source} (Standard Workload Format)", notes=notes, on_bad=on_bad)
    return one_slot_each(trace) if split else trace


def _headers(lines: list[str]) -> list[tuple[str, str]]:
    found = (_HEADER.match(line) for line in lines)
    return [(match[1], match[2].strip()) for match in found if match]


def _cells(file: str, lines: list[str], on_bad: OnBad, notes: list[str]) -> tuple[Ints, list[list[str]]]:
    at: list[int] = []
    rows: list[list[str]] = []
    odd = 0
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells or cells[0].startswith(";"):
            continue
        if len(cells) != FIELDS:
            if on_bad == "error":
                raise InvalidFieldError(f"{file}:{number}", line.strip(), f"{FIELDS} numbers with blanks between them")
            odd += 1
            continue
        at.append(number)
        rows.append(cells)
    if odd:
        notes.append(f"dropped {odd} lines without {FIELDS} fields")
    if not rows:
        raise InvalidFieldError(file, "no line of a job", f"lines of {FIELDS} numbers")
    return np.array(at, dtype=np.int64), [list(column) for column in zip(*rows, strict=True)]


def _left_out(cells: list[list[str]], values: list[Floats], notes: list[str]) -> Bools:
    """Mark lines that are no job of their own: parts of a job whose whole has a line, and jobs that never ran."""
    part = np.isin(values[_STATUS], _PARTS)
    whole = {cells[_ID][row] for row in np.flatnonzero(~part).tolist()}
    part &= np.array([label in whole for label in cells[_ID]], dtype=np.bool_)
    never = (values[_STATUS] == _CANCELLED) & (values[_RUN] <= 0)
    if part.any():
        notes.append(f"left out {int(part.sum())} lines of parts of jobs (status 2 to 4); their jobs have a line")
    if never.any():
        notes.append(f"left out {int(never.sum())} jobs that were cancelled before they ran (status 5)")
    return np.asarray(part | never)


def _facts(values: list[Floats]) -> list[str]:
    failed = int((values[_STATUS] == _FAILED).sum())
    asked = values[_REQUESTED_TIME] > 0
    past = int((asked & (values[_RUN] > values[_REQUESTED_TIME])).sum())
    out = []
    if failed:
        out.append(f"{failed} jobs failed (status 0); they are kept with the time that they ran")
    if asked.any():
        out.append(f"{int(asked.sum())} jobs asked for a time, {past} ran past it; requested times are not kept")
    return out
