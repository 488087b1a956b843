"""Half a year of the SURF Lisa cluster in the table that OpenDC uses, with deadlines and a deferrable flag."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from ondol.model.checks import check_whole
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.view import Floats, ServiceClass
from ondol.twin.workload.arrange import one_slot_each
from ondol.twin.workload.jobs import ROUNDING_S, Trace
from ondol.twin.workload.rows import Rows, to_trace
from ondol.twin.workload.table import OnBad

SOURCE = "SURF Lisa (NL) 2022, atlarge-research/opendc, MIT licence"
COLUMNS = ("id", "submission_time", "duration", "cpu_count", "deferrable", "deadline")
_DAY_S = 86_400.0


def read_surf(path: Path | str, *, cores_per_slot: int = 16, split: bool = True, on_bad: OnBad = "error") -> Trace:
    """Read `surf_halfyear_tasks.parquet`: id, submission_time, duration, deadline [ms], cpu_count, deferrable.

    0 s is midnight (UTC) of the day of the first submission, so that hours of the day stay. A deferrable task is
    FLEX with its deadline, another ON_DEMAND. In the half-year file every task is deferrable and its deadline is 24 h
    after its submission, whatever its length: one that is longer has no slack, is made ON_DEMAND without a deadline,
    and is counted in the notes. The table has neither users nor groups: each row is a task.

    Parameters
    ----------
    cores_per_slot : cores of the cluster that one slot stands for, 1 to 1024; a task takes ⌈cpu_count /
        cores_per_slot⌉ slots. Every task of the half-year file has 16 cores: by default one slot
    split : make of a task of p slots p instances of one slot
    on_bad : ``error`` refuses a file with a bad row, ``drop`` leaves bad rows out and counts them in the notes

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : names file, row (from 1), field and value
    """
    path = Path(path)
    check_whole("cores_per_slot", cores_per_slot, 1, 1024)
    columns = _read(path)
    submit_ms, run_ms, due_ms = columns["submission_time"], columns["duration"], columns["deadline"]
    first_s = float(np.nanmin(submit_ms)) / 1e3 if np.isfinite(submit_ms).any() else 0.0
    begin_s = np.floor(first_s / _DAY_S) * _DAY_S
    submitted_s = submit_ms / 1e3 - begin_s
    run_s = run_ms / 1e3
    cores = columns["cpu_count"]
    flex = columns["deferrable"] == 1
    due_s = np.where(np.isnan(due_ms) | ~flex, np.inf, due_ms / 1e3 - begin_s)
    hopeless = (due_s >= submitted_s) & (due_s < submitted_s + run_s - ROUNDING_S)
    rows = Rows(
        file=path.name,
        at=np.arange(1, len(cores) + 1),
        id=["" if np.isnan(label) else f"{label:.0f}" for label in columns["id"]],
        submitted_s=submitted_s,
        run_s=run_s,
        slots=np.where(cores == np.floor(cores), np.ceil(cores / cores_per_slot), np.nan),
        service=np.where(flex & ~hopeless, float(ServiceClass.FLEX), float(ServiceClass.ON_DEMAND)),
        deadline_s=np.where(hopeless, np.inf, due_s),
        written={
            "submitted_s": ("submission_time", submit_ms),
            "run_s": ("duration", run_ms),
            "slots": ("cpu_count", cores),
            "deadline_s": ("deadline", due_ms),
        },
    )
    notes = [
        f"0 s is {dt.datetime.fromtimestamp(begin_s, dt.UTC).isoformat()}",
        f"{int(hopeless.sum())} deferrable tasks cannot end by their deadline: made on_demand without a deadline",
        f"one slot stands for {cores_per_slot} cores",
    ]
    trace = to_trace(rows, source=SOURCE, notes=notes, on_bad=on_bad)
    return one_slot_each(trace) if split else trace


def _read(path: Path) -> dict[str, Floats]:
    """Read the columns as floats, nan where there is no value."""
    import pyarrow as pa  # late: it takes longer to load than all of the rest
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not path.is_file():
        raise NotFoundError("workload file", str(path))
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise InvalidFieldError(path.name, str(error), "a Parquet file") from error
    if not set(COLUMNS) <= set(table.column_names):
        raise InvalidFieldError(
            f"{path.name}: columns", ",".join(table.column_names), f"{', '.join(COLUMNS)} and others"
        )
    columns = {}
    for name in COLUMNS:
        try:
            column = pc.cast(table[name], pa.float64(), safe=False)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise InvalidFieldError(f"{path.name}: {name}", str(table[name].type), "numbers") from error
        columns[name] = np.array(column.to_numpy(), dtype=np.float64)
    return columns
