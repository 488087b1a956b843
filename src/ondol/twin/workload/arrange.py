"""Puts jobs in their order and numbers tasks, users and data sets, so that equal workloads have equal columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ondol.model.view import Bools, Floats, Ints
from ondol.twin.workload.jobs import DataSets, Jobs, Trace

_NO_CAPS = np.zeros(0)


def arrange(
    *,
    submitted_s: Floats,
    run_s: Floats,
    slots: Ints,
    task: Ints,
    user: Ints,
    service: Ints,
    deadline_s: Floats,
    resumable: Bools,
    data: Ints,
    number: Ints,
    data_bytes: Floats,
    source: str,
    notes: tuple[str, ...] = (),
    speed_cap: Floats = _NO_CAPS,
) -> Trace:
    """Make a trace of rows in whatever order; the same rows in another order give the same trace.

    Tasks are numbered by first submission, ties by their label; users and data sets by first use in the order of
    the jobs. Data sets that no job reads are left out. What is arranged already stays as it is.

    Parameters
    ----------
    task : label of the task of each row, any integers
    user, data : label of each row's user and data set, -1 none
    number : orders the rows of a task that are submitted together
    data_bytes : size of each data label, row = label
    speed_cap : as in `Jobs`; empty for none

    Raises
    ------
    InvalidFieldError : see `Jobs`
    """
    rank = _rank_by_first(task, submitted_s)
    order = np.lexsort((number, rank, submitted_s))
    users, _ = _by_first_use(user[order])
    sets, used = _by_first_use(data[order])
    jobs = Jobs(
        submitted_s=submitted_s[order],
        run_s=run_s[order],
        slots=slots[order],
        task=rank[order],
        user=users,
        service=service[order],
        deadline_s=deadline_s[order],
        resumable=resumable[order],
        data=sets,
        speed_cap=speed_cap[order] if len(speed_cap) else speed_cap,
    )
    return Trace(jobs=jobs, data=DataSets(bytes=data_bytes[used]), source=source, notes=notes)


def rearrange(trace: Trace, rows: Bools, *notes: str, begin_s: float = 0.0) -> Trace:
    """Keep the rows of a mask, numbered anew, their times counted from `begin_s` [s]."""
    jobs = trace.jobs
    return arrange(
        submitted_s=jobs.submitted_s[rows] - begin_s,
        run_s=jobs.run_s[rows],
        slots=jobs.slots[rows],
        task=jobs.task[rows],
        user=jobs.user[rows],
        service=jobs.service[rows],
        deadline_s=jobs.deadline_s[rows] - begin_s,
        resumable=jobs.resumable[rows],
        data=jobs.data[rows],
        number=np.flatnonzero(rows),
        data_bytes=trace.data.bytes,
        source=trace.source,
        notes=(*trace.notes, *notes),
        speed_cap=caps_of(jobs, rows),
    )


def one_slot_each(trace: Trace) -> Trace:
    """Make of each job of p slots p instances of one slot in the same task; they need not run together any more."""
    jobs = trace.jobs
    if not (jobs.slots > 1).any():
        return trace
    rows = np.repeat(np.arange(len(jobs)), jobs.slots)
    note = (
        f"{int((jobs.slots > 1).sum())} jobs of several slots became {int(jobs.slots[jobs.slots > 1].sum())} "
        "instances of one slot that may run at different times"
    )
    split = Jobs(
        submitted_s=jobs.submitted_s[rows],
        run_s=jobs.run_s[rows],
        slots=np.ones(len(rows), dtype=np.int64),
        task=jobs.task[rows],
        user=jobs.user[rows],
        service=jobs.service[rows],
        deadline_s=jobs.deadline_s[rows],
        resumable=jobs.resumable[rows],
        data=jobs.data[rows],
        speed_cap=caps_of(jobs, rows),
    )
    return replace(trace, jobs=split, notes=(*trace.notes, note))


def caps_of(jobs: Jobs, rows: Ints | Bools) -> Floats:
    """Caps of some rows; empty where no job has one."""
    return jobs.speed_cap[rows] if len(jobs.speed_cap) else jobs.speed_cap


def _rank_by_first(task: Ints, submitted_s: Floats) -> Ints:
    labels, at = np.unique(task, return_inverse=True)
    first_s = np.full(len(labels), np.inf)
    np.minimum.at(first_s, at, submitted_s)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[np.argsort(first_s, kind="stable")] = np.arange(len(labels))
    return rank[at]


def _by_first_use(labels: Ints) -> tuple[Ints, Ints]:
    """Number labels ≥ 0 by where they stand first; returns the numbers and the label of each."""
    numbers = np.full(len(labels), -1, dtype=np.int64)
    known = np.flatnonzero(labels >= 0)
    names, first, at = np.unique(labels[known], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    numbers[known] = rank[at]
    return numbers, names[order]
