"""Gives tasks input data where a trace has sizes of data sets but does not say who read them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, Ints
from ondol.twin.workload.arrange import rearrange
from ondol.twin.workload.draws import uniforms
from ondol.twin.workload.jobs import DataSets, Trace

SEVERAL = 0.54
"""Share of jobs that use more than one data set (GRECO notes, `infra/data_analysis.tex`, AdwaitB/greco-notes)."""

SHARED = 0.16
"""Share of data sets that more than one job uses, five months (same; 0.33 in its two weeks)."""

FADES_S = 80 * 86_400.0
"""Popularity of a data set fades after 80 days (same) [s]."""

_GOES_ON = 0.5  # assumption: a further set, or a further task that reads it, is as likely as not


def attach_data(trace: Trace, sizes: Floats, seed: int, *, several: float = SEVERAL, shared: float = SHARED) -> Trace:
    """Give each task one row of data: synthetic links, real sizes.

    A row stands for all that a task reads: one data set, or with probability `several` the sum of 2, 3, 4 … of them
    (geometric), their sizes drawn from `sizes`. Of the rows, a share `shared` is read by 2, 3, 4 … tasks (geometric),
    the later ones up to 80 days after the first. Which task reads what is drawn; all else it replaces was not known.

    Parameters
    ----------
    sizes : to draw from, finite, 0 or more, at least one [bytes]
    seed : 0 to 2⁶³ − 1
    several, shared : 0 to 1

    Returns
    -------
    the trace with data, and a note that says that the links are synthetic

    Raises
    ------
    InvalidFieldError : a number out of range
    """
    check_range("several", several, 0.0, 1.0)
    check_range("shared", shared, 0.0, 1.0)
    DataSets(bytes=sizes)
    if not len(sizes):
        raise InvalidFieldError("sizes", "none", "at least one size in bytes")
    jobs = trace.jobs
    row_of_task = _readers(trace, seed, shared)
    rows = int(row_of_task.max(initial=-1)) + 1
    note = (
        f"links of tasks to data are synthetic (seed {seed}): {rows} inputs for {jobs.tasks} tasks, {several:.0%} of "
        f"them of several data sets, {shared:.0%} read by several tasks; drawn from {len(sizes)} sizes"
    )
    linked = replace(
        trace,
        jobs=replace(jobs, data=row_of_task[jobs.task]),
        data=DataSets(bytes=_sums(sizes, rows, seed, several)),
    )
    return rearrange(linked, np.ones(len(jobs), dtype=np.bool_), note)


def _readers(trace: Trace, seed: int, shared: float) -> Ints:
    """Draw which row each task reads: rows are first read at even times, and later readers follow."""
    jobs = trace.jobs
    rows = np.arange(jobs.tasks)  # as many as tasks are surely enough
    further = np.where(uniforms(seed, "shared", rows) < shared, 1 + _geometric(uniforms(seed, "readers", rows)), 0)
    reads = np.repeat(rows, 1 + further)[: jobs.tasks]
    first = np.diff(reads, prepend=-1) > 0
    span_s = float(jobs.submitted_s[-1]) if len(jobs) else 0.0
    first_s = uniforms(seed, "first read", rows) * span_s
    later_s = uniforms(seed, "later read", np.arange(len(reads))) * min(FADES_S, span_s)
    order = np.argsort(first_s[reads] + np.where(first, 0.0, later_s), kind="stable")
    return np.asarray(reads[order])


def _sums(sizes: Floats, rows: int, seed: int, several: float) -> Floats:
    numbers = np.arange(rows)
    more = uniforms(seed, "several", numbers) < several
    count = np.where(more, 2 + _geometric(uniforms(seed, "sets", numbers)), 1)
    row = np.repeat(numbers, count)
    pick = (uniforms(seed, "size", np.arange(len(row))) * len(sizes)).astype(np.int64)
    return np.bincount(row, sizes[pick], rows).astype(np.float64)


def _geometric(lots: Floats) -> Ints:
    """0, 1, 2 …: how often it goes on."""
    return np.floor(np.log(lots) / math.log(_GOES_ON)).astype(np.int64)
