"""A year of virtual machines: the sample of the Azure trace that the GAIA study uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ondol.model.checks import check_whole
from ondol.twin.workload.arrange import one_slot_each
from ondol.twin.workload.jobs import Trace
from ondol.twin.workload.rows import Rows, to_trace
from ondol.twin.workload.table import OnBad, numbers_of, read_table

SOURCE = "Microsoft Azure public dataset (CC-BY), sample of 100,000 by umassos/GAIA (MIT licence)"
_HOUR_S = 3600.0


def read_azure(path: Path | str, *, cores_per_slot: int = 1, split: bool = True, on_bad: OnBad = "error") -> Trace:
    """Read `gaia_azure-100k.csv`: arrival_time [h], length [h], cpus.

    A length is the life of a virtual machine; taken as run time at full speed it is the most work that it can have
    done. The table has no ids, users or classes: each row is an on-demand task.

    Parameters
    ----------
    cores_per_slot : virtual cores that one slot stands for, 1 to 1024; a job takes ⌈cpus / cores_per_slot⌉ slots.
        The sizes in the sample are 2, 4, 8, 24 and 30
    split : make of a job of p slots p instances of one slot in one task
    on_bad : ``error`` refuses a file with a bad row, ``drop`` leaves bad rows out and counts them in the notes

    Raises
    ------
    NotFoundError : no such file
    InvalidFieldError : names file, line, field and value
    """
    path = Path(path)
    check_whole("cores_per_slot", cores_per_slot, 1, 1024)
    table = read_table(path, ("arrival_time", "length", "cpus"), (), on_bad)
    cells = table.columns
    cpus = numbers_of(cells["cpus"])
    rows = Rows(
        file=table.file,
        at=table.line,
        id=[str(line) for line in table.line.tolist()],
        submitted_s=numbers_of(cells["arrival_time"]) * _HOUR_S,
        run_s=numbers_of(cells["length"]) * _HOUR_S,
        slots=np.where(cpus == np.floor(cpus), np.ceil(cpus / cores_per_slot), np.nan),
        written={
            "submitted_s": ("arrival_time", cells["arrival_time"]),
            "run_s": ("length", cells["length"]),
            "slots": ("cpus", cells["cpus"]),
        },
    )
    notes = [
        *table.notes,
        "0 s is the begin of the sample; its hour of the day is not stated",
        f"lives of virtual machines are taken as run times; one slot stands for {cores_per_slot} virtual cores",
    ]
    trace = to_trace(rows, source=SOURCE, notes=notes, on_bad=on_bad)
    return one_slot_each(trace) if split else trace
