"""The twin's own CSV of jobs: what is written is read again to the last bit."""

from __future__ import annotations

import csv
import io
from itertools import repeat
from pathlib import Path

import numpy as np

from ondol.model.view import Floats, ServiceClass
from ondol.twin.workload.jobs import Trace
from ondol.twin.workload.rows import Rows, to_trace
from ondol.twin.workload.table import OnBad, numbers_of, read_table

REQUIRED = ("id", "submitted_s", "run_s")
OPTIONAL = ("slots", "task", "user", "service", "deadline_s", "resumable", "data", "data_bytes", "speed_cap")
_SOURCE, _NOTE = "source: ", "note: "
_SERVICES = {kind.name.lower(): float(kind) for kind in ServiceClass} | {
    str(kind.value): float(kind) for kind in ServiceClass
}
_FLAGS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "": 0.0}


def read_csv(path: Path | str, *, on_bad: OnBad = "error") -> Trace:
    """Read jobs of a CSV file with a header.

    Columns: `id`, `submitted_s`, `run_s`; and any of `slots` (default 1), `task` (instances of one task share it;
    default: each job its own), `user`, `service` (on_demand, flex, harvest, filler or 0 to 3; default on_demand),
    `deadline_s` (default none), `resumable` (default false), `data` with `data_bytes`,
    `speed_cap` (share of full speed that it takes at most, 0.1 to 1; default 1). An empty cell is the default.
    Lines ``# source: …`` and ``# note: …`` before the header become those of the trace.

    Parameters
    ----------
    path : a file; packed by gzip where it ends in ``.gz``
    on_bad : ``error`` refuses a file with a bad row, ``drop`` leaves bad rows out and counts them in the notes

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : names file, line, field and value
    """
    path = Path(path)
    table = read_table(path, REQUIRED, OPTIONAL, on_bad)
    cells = table.columns
    numbers = {name: numbers_of(cells[name]) for name in ("submitted_s", "run_s")}
    optional: dict[str, Floats] = {}
    for name, empty in (("deadline_s", np.inf), ("data_bytes", np.nan), ("speed_cap", 1.0)):
        if name in cells:
            optional[name] = numbers_of(cells[name], empty)
    for name, words in (("service", _SERVICES | {"": 0.0}), ("resumable", _FLAGS)):
        if name in cells:
            optional[name] = np.array([words.get(cell.lower(), np.nan) for cell in cells[name]], dtype=np.float64)
    rows = Rows(
        file=table.file,
        at=table.line,
        id=cells["id"],
        submitted_s=numbers["submitted_s"],
        run_s=numbers["run_s"],
        slots=numbers_of(cells["slots"], 1.0) if "slots" in cells else np.ones(len(table.line)),
        task=cells.get("task"),
        user=cells.get("user"),
        service=optional.get("service"),
        deadline_s=optional.get("deadline_s"),
        resumable=optional.get("resumable"),
        data=cells.get("data"),
        data_bytes=optional.get("data_bytes"),
        speed_cap=optional.get("speed_cap"),
        written={name: (name, column) for name, column in cells.items()},
    )
    source = next((line[len(_SOURCE) :] for line in table.remarks if line.startswith(_SOURCE)), "")
    notes = [line[len(_NOTE) :] for line in table.remarks if line.startswith(_NOTE)]
    return to_trace(
        rows, source=source or f"{path.name}, source not stated", notes=[*notes, *table.notes], on_bad=on_bad
    )


def write_csv(trace: Trace, path: Path | str) -> None:
    """Write a trace so that `read_csv` gives it back: each column to the last bit, source and notes too.

    The id of a job is its row.
    """
    jobs = trace.jobs
    names = [kind.name.lower() for kind in ServiceClass]
    out = io.StringIO()
    for line in (f"{_SOURCE}{trace.source}", *(f"{_NOTE}{note}" for note in trace.notes)):
        out.write(f"# {' '.join(line.split())}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*REQUIRED, *OPTIONAL))
    sizes = [*trace.data.bytes.tolist(), None]  # row -1 is the last: none
    writer.writerows(
        zip(
            range(len(jobs)),
            jobs.submitted_s.tolist(),
            jobs.run_s.tolist(),
            jobs.slots.tolist(),
            jobs.task.tolist(),
            (user if user >= 0 else None for user in jobs.user.tolist()),
            (names[service] for service in jobs.service.tolist()),
            (due_s if due_s < np.inf else None for due_s in jobs.deadline_s.tolist()),
            (int(flag) for flag in jobs.resumable.tolist()),
            (row if row >= 0 else None for row in jobs.data.tolist()),
            (sizes[row] for row in jobs.data.tolist()),
            jobs.speed_cap.tolist() or repeat(None, len(jobs)),
            strict=True,
        )
    )
    Path(path).write_text(out.getvalue(), encoding="utf-8")
