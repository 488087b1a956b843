"""Jobs as a file has them become a trace: each value is checked, what is wrong is named with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ondol.model.checks import check_choice
from ondol.model.compute import SPEED_CAP_LEAST
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Bools, Floats, Ints, ServiceClass
from ondol.twin.workload.arrange import arrange
from ondol.twin.workload.jobs import ROUNDING_S, Trace
from ondol.twin.workload.table import OnBad

SLOTS_MAX = 2**31 - 1
_NONE = ("", "-1")
_WHOLE = re.compile(r"(0|-?[1-9]\d{0,17})?", re.ASCII)  # written in one way only, so that no two labels are one number
Labels = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Jobs in the order of their file, unchecked. Columns (n,); None: the file has no such column.

    Parameters
    ----------
    file : its name, for messages
    at : line, or row from 1 where a file has no lines
    id : no two the same
    submitted_s, run_s, slots, service, deadline_s, resumable, data_bytes, speed_cap : as in `Jobs`, nan where
        unreadable
    task, user, data : labels; empty or -1 for none, and then a row is a task of its own
    written : field to what the file calls it and how it writes each value, where these are not as here
    """

    file: str
    at: Ints
    id: Labels
    submitted_s: Floats
    run_s: Floats
    slots: Floats
    task: Labels | None = None
    user: Labels | None = None
    service: Floats | None = None
    deadline_s: Floats | None = None
    resumable: Floats | None = None
    data: Labels | None = None
    data_bytes: Floats | None = None
    speed_cap: Floats | None = None
    written: dict[str, tuple[str, Sequence[object] | Floats]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    field: str
    bad: Bools
    allowed: str


def to_trace(rows: Rows, *, source: str, notes: Sequence[str] = (), on_bad: OnBad = "error") -> Trace:
    """Check rows and make a trace of them.

    Parameters
    ----------
    source : attribution line
    notes : what the reader has to say
    on_bad : ``error`` refuses a file with a bad row; ``drop`` leaves bad rows out and counts them in the notes

    Raises
    ------
    InvalidFieldError : names file, line, field and value of the first bad row
    """
    check_choice("on_bad", on_bad, ("error", "drop"))
    said = list(notes)
    faults = list(_faults(rows))
    bad = np.logical_or.reduce([fault.bad for fault in faults])
    if bad.any():
        if on_bad == "error":
            _refuse(rows, faults, bad)
        said.append(_dropped(rows, faults, bad))
    keep = np.flatnonzero(~bad)
    if len(bad) and not len(keep):
        raise InvalidFieldError(rows.file, f"{len(bad)} rows", f"at least one row without fault; {said[-1]}")
    back = int((np.diff(rows.submitted_s[keep]) < 0).sum())
    if back:
        said.append(f"rows were not in the order of submission ({back} steps back in time) and were sorted")
    return _arranged(rows, keep, source, tuple(said))


def _faults(rows: Rows) -> Iterator[_Fault]:
    """Give what may be wrong with a row, the field that is named first first."""
    nobody = np.zeros(len(rows.at), dtype=np.bool_)
    yield _Fault(field="id", bad=_again(rows.id), allowed="not empty, and each id once")
    times = np.isfinite(rows.submitted_s) & (rows.submitted_s >= 0)
    yield _Fault(field="submitted_s", bad=~times, allowed="a number of 0 or more")
    yield _Fault(
        field="run_s", bad=~(np.isfinite(rows.run_s) & (rows.run_s > 0)), allowed="a number above 0 and finite"
    )
    yield _Fault(field="slots", bad=~_whole(rows.slots, 1, SLOTS_MAX), allowed=f"a whole number from 1 to {SLOTS_MAX}")
    if rows.service is not None:
        names = ", ".join(f"{kind.name.lower()} ({kind.value})" for kind in ServiceClass)
        yield _Fault(field="service", bad=~_whole(rows.service, 0, len(ServiceClass) - 1), allowed=f"one of {names}")
    run_s = rows.run_s
    if rows.speed_cap is not None:
        capped = (rows.speed_cap >= SPEED_CAP_LEAST) & (rows.speed_cap <= 1.0)
        yield _Fault(field="speed_cap", bad=~capped, allowed=f"a number from {SPEED_CAP_LEAST:g} to 1")
        run_s = rows.run_s / np.where(capped, rows.speed_cap, 1.0)
    if rows.deadline_s is not None:
        with np.errstate(invalid="ignore"):  # inf − inf: nan, which is no deadline
            late = rows.deadline_s >= rows.submitted_s + run_s - ROUNDING_S
        yield _Fault(field="deadline_s", bad=~late, allowed="submission + run time or later; empty or inf for none")
    if rows.resumable is not None:
        yield _Fault(field="resumable", bad=~_whole(rows.resumable, 0, 1), allowed="true, false, 1 or 0")
    linked = nobody if rows.data is None else ~_none(rows.data)
    sizes = np.full(len(rows.at), np.nan) if rows.data_bytes is None else rows.data_bytes
    yield _Fault(field="data", bad=~linked & ~np.isnan(sizes), allowed="a label where data_bytes is given")
    yield _Fault(
        field="data_bytes",
        bad=linked & (~(np.isfinite(sizes) & (sizes >= 0)) | _differs(rows.data or (), sizes, linked)),
        allowed="a number of 0 or more, the same in all rows of a data set",
    )


def _arranged(rows: Rows, keep: Ints, source: str, notes: tuple[str, ...]) -> Trace:
    n = len(keep)
    number = _ranks(_at(rows.id, keep))
    sets = _labels(rows.data, keep)
    sizes = np.zeros(int(sets.max(initial=-1)) + 1)
    if rows.data_bytes is not None:
        sizes[sets[sets >= 0]] = rows.data_bytes[keep][sets >= 0]
    tasks = _labels(rows.task, keep)
    return arrange(
        submitted_s=rows.submitted_s[keep] + 0.0,  # no -0.0
        run_s=rows.run_s[keep],
        slots=rows.slots[keep].astype(np.int64),
        task=np.where(tasks >= 0, tasks, number + n),
        user=_labels(rows.user, keep),
        service=_default(rows.service, keep, ServiceClass.ON_DEMAND).astype(np.int64),
        deadline_s=_default(rows.deadline_s, keep, np.inf),
        resumable=_default(rows.resumable, keep, 0.0).astype(np.bool_),
        data=sets,
        number=number,
        data_bytes=sizes,
        source=source,
        notes=notes,
        speed_cap=_caps(rows, keep),
    )


def _caps(rows: Rows, keep: Ints) -> Floats:
    """Caps of the rows that are kept; empty where none of them has one."""
    caps = _default(rows.speed_cap, keep, 1.0)
    return caps if (caps < 1.0).any() else np.zeros(0)


def _refuse(rows: Rows, faults: Sequence[_Fault], bad: Bools) -> None:
    row = int(np.argmax(bad))
    fault = next(fault for fault in faults if fault.bad[row])
    values: Sequence[object] | Floats = getattr(rows, fault.field)
    name, written = rows.written.get(fault.field, (fault.field, values))
    value = written[row]
    raise InvalidFieldError(
        f"{rows.file}:{int(rows.at[row])}.{name}",
        value.item() if isinstance(value, np.generic) else value,
        f'{fault.allowed} (bad rows in all: {int(bad.sum())}; on_bad="drop" leaves them out)',
    )


def _dropped(rows: Rows, faults: Sequence[_Fault], bad: Bools) -> str:
    """Count each bad row at its first fault."""
    left = bad.copy()
    counts = []
    for fault in faults:
        count = int((left & fault.bad).sum())
        if count:
            counts.append(f"{count} for {rows.written.get(fault.field, (fault.field,))[0]}")
        left &= ~fault.bad
    return f"dropped {int(bad.sum())} of {len(bad)} rows: {', '.join(counts)}"


def _whole(values: Floats, low: int, high: int) -> Bools:
    return np.asarray((values >= low) & (values <= high) & (values == np.floor(values)))


def _again(labels: Labels) -> Bools:
    """Mark labels that are empty or stood in a row before."""
    seen: set[str] = set()
    out = np.zeros(len(labels), dtype=np.bool_)
    for row, label in enumerate(labels):
        out[row] = not label or label in seen
        seen.add(label)
    return out


def _differs(labels: Labels, values: Floats, linked: Bools) -> Bools:
    """Mark rows whose value is not that of the first row with their label."""
    first: dict[str, float] = {}
    out = np.zeros(len(values), dtype=np.bool_)
    for row in np.flatnonzero(linked).tolist():
        out[row] = first.setdefault(labels[row], values[row]) != values[row]
    return out


def _none(labels: Labels) -> Bools:
    return np.array([label in _NONE for label in labels], dtype=np.bool_)


def _at(labels: Labels, keep: Ints) -> Labels:
    return [labels[row] for row in keep.tolist()]


def _labels(labels: Labels | None, keep: Ints) -> Ints:
    """Number labels; -1 where there is none."""
    if labels is None:
        return np.full(len(keep), -1, dtype=np.int64)
    kept = _at(labels, keep)
    return np.where(_none(kept), -1, _ranks(kept))


def _ranks(labels: Labels) -> Ints:
    """Number labels in their order: by value where all are whole numbers, else as text."""
    names = sorted(set(labels))
    if all(_WHOLE.fullmatch(name) for name in names):
        names.sort(key=lambda name: int(name or -1))
    rank = {name: row for row, name in enumerate(names)}
    return np.array([rank[label] for label in labels], dtype=np.int64)


def _default(values: Floats | None, keep: Ints, default: float) -> Floats:
    return np.full(len(keep), float(default)) if values is None else values[keep]
