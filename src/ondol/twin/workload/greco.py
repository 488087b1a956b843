"""The trace of the GRECO project: two weeks of jobs that were submitted to a fleet of computing heaters in 2019."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np

from ondol.model.checks import check_choice
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats
from ondol.twin.workload.attach import attach_data
from ondol.twin.workload.jobs import Trace
from ondol.twin.workload.rows import Rows, to_trace
from ondol.twin.workload.table import OnBad, lines_of, numbers_of, read_table

SOURCE = (
    "GRECO project (Inria, Qarnot), repository AdwaitB/greco-notes, batsim_2_week, 2019; no licence stated: "
    "for study, not for redistribution"
)


def read_greco(
    path: Path | str,
    datasets_path: Path | str | None = None,
    *,
    tasks: Literal["instant", "job"] = "instant",
    seed: int = 0,
    on_bad: OnBad = "error",
) -> Trace:
    """Read `greco14d_jobs.csv`: id, submit, nres, runtime, walltime [s].

    What the file holds: one-board jobs with ids 1, 2, 3 … that name neither task nor user, submitted at 950 instants
    on a grid of 60 s. Jobs of an instant have like run times (intraclass correlation of their normal scores 0.88),
    so an instant is taken for a task. `walltime` is 2·runtime + 60 s throughout and says nothing. Which jobs
    were killed and which data sets they read is not in it.

    Parameters
    ----------
    datasets_path : JSON lines of data sets; given, `attach_data` draws from their sizes with `seed`
    tasks : ``instant``: jobs submitted together are one task; ``job``: each is its own
    on_bad : ``error`` refuses a file with a bad row, ``drop`` leaves bad rows out and counts them in the notes

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : names file, line, field and value
    """
    path = Path(path)
    check_choice("tasks", tasks, ("instant", "job"))
    table = read_table(path, ("id", "submit", "nres", "runtime"), ("walltime",), on_bad)
    cells = table.columns
    submitted_s = numbers_of(cells["submit"])
    notes = [
        *table.notes,
        "run times are those of a Batsim replay on 1,010 boards; 600 jobs were killed there, which ones is unknown",
        "users are unknown",
    ]
    if tasks == "instant":
        notes.append(f"jobs of one submission instant are one task: {len(np.unique(submitted_s))} tasks")
    rows = Rows(
        file=table.file,
        at=table.line,
        id=cells["id"],
        submitted_s=submitted_s,
        run_s=numbers_of(cells["runtime"]),
        slots=numbers_of(cells["nres"]),
        task=cells["submit"] if tasks == "instant" else None,
        written={
            "submitted_s": ("submit", cells["submit"]),
            "run_s": ("runtime", cells["runtime"]),
            "slots": ("nres", cells["nres"]),
        },
    )
    trace = to_trace(rows, source=SOURCE, notes=notes, on_bad=on_bad)
    return trace if datasets_path is None else attach_data(trace, read_greco_sizes(datasets_path), seed)


def read_greco_sizes(path: Path | str) -> Floats:
    """Read the sizes of `greco_datasets.json`, one JSON object with `id` and `size` a line [bytes].

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : names file, line and value
    """
    path = Path(path)
    sizes = []
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip():
            continue
        try:
            size = json.loads(line)["size"]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidFieldError(f"{path.name}:{number}", line.strip(), "a JSON object with id and size") from error
        if isinstance(size, bool) or not isinstance(size, int | float) or not 0 <= size < np.inf:
            raise InvalidFieldError(f"{path.name}:{number}.size", size, "a number of 0 or more [bytes]")
        sizes.append(float(size))
    if not sizes:
        raise InvalidFieldError(path.name, "no data set", "at least one line")
    return np.array(sizes)
