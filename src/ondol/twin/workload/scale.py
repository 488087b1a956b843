"""Cuts a span out of a workload, and makes it heavier or lighter without changing what its jobs are like."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Bools, Floats, Ints
from ondol.twin.compiled import compiled
from ondol.twin.workload.arrange import arrange, caps_of, rearrange
from ondol.twin.workload.draws import uniforms
from ondol.twin.workload.jobs import JOBS_MAX, Trace

FACTOR_MAX = 1e5


def window(trace: Trace, begin_s: float, end_s: float) -> Trace:
    """Keep jobs submitted in [begin_s, end_s); times then count from begin_s.

    Of a task that reaches over an edge, the instances inside stay.

    Parameters
    ----------
    begin_s : 0 to 1e12 [s]
    end_s : above begin_s, to 1e12 [s]

    Raises
    ------
    InvalidFieldError : times out of range
    """
    check_range("begin_s", begin_s, 0.0, 1e12, "s")
    check_range("end_s", end_s, math.nextafter(begin_s, math.inf), 1e12, "s")
    jobs = trace.jobs
    inside = (jobs.submitted_s >= begin_s) & (jobs.submitted_s < end_s)
    note = f"cut to {begin_s:g} s … {end_s:g} s: {int(inside.sum())} of {len(jobs)} jobs"
    return rearrange(trace, inside, note, begin_s=begin_s)


def replicate(trace: Trace, factor: float, seed: int, jitter_s: float = 1800.0) -> Trace:
    """Multiply the work of a trace by a factor, by whole tasks.

    ⌊factor⌋ copies of all tasks and, for the rest, some of the tasks. Each task is chosen with a probability of about
    the rest; one that takes the work beyond its share makes those after it less likely (error diffusion from the
    heaviest task to the lightest), so that the work comes out within about the lightest tasks of what was asked. A
    task heavier than all the work that is to be chosen is not chosen, one heavier than all that is to be left is not
    left: no choice of others could make up for it.
    The first copy keeps its times. The tasks of further ones move by up to ±jitter_s, all instances of a task and
    their deadlines together, and stay between the begin and the last submission. Users, run times and sizes are kept;
    a copy of a data set is another one of the same size.

    Parameters
    ----------
    factor : above 0 to 1e5; below 1 thins
    seed : 0 to 2⁶³ − 1
    jitter_s : 0 to 1e7 [s]

    Raises
    ------
    InvalidFieldError : a number out of range, or a factor that leaves no task
    """
    check_range("factor", factor, math.ulp(0.0), FACTOR_MAX)
    if factor * len(trace.jobs) > JOBS_MAX:
        raise InvalidFieldError(
            "factor", factor, f"at most {JOBS_MAX} jobs in all; here {factor * len(trace.jobs):.3g}"
        )
    check_range("jitter_s", jitter_s, 0.0, 1e7, "s")
    check_whole("seed", seed, 0, (1 << 63) - 1)
    whole = math.floor(factor)
    chosen = _chosen(trace, factor - whole, seed, whole)[trace.jobs.task]
    if len(chosen) and not whole and not chosen.any():
        raise InvalidFieldError("factor", factor, "a factor that leaves work for at least one task")
    everyone = np.arange(len(trace.jobs))
    copies = [everyone] * whole + [np.flatnonzero(chosen)]
    rows = np.concatenate(copies)
    copy = np.repeat(np.arange(len(copies)), [len(part) for part in copies])
    before, after = trace.jobs.work_s, float((trace.jobs.run_s * trace.jobs.slots)[rows].sum())
    reached = after / before if before else factor
    note = f"load × {factor:g} (reached {reached:.6g}) by copies of tasks, seed {seed}, moved by up to {jitter_s:g} s"
    return _copied(trace, rows, copy, _moves(trace, copy, rows, seed, jitter_s), note)


def scale_load(
    trace: Trace, slots: int, load: float, *, span_s: float | None = None, seed: int = 0, jitter_s: float = 1800.0
) -> Trace:
    """Replicate or thin a trace so that Σ run_s · slots = load × slots × span_s.

    Parameters
    ----------
    slots : of the fleet, 1 to 1e9
    load : mean share of the slots that the work would keep busy, above 0 to 100
    span_s : over which the load is meant; default: up to the last submission [s]
    seed, jitter_s : see `replicate`

    Returns
    -------
    a trace whose last note says which load was reached: tasks are not divided

    Raises
    ------
    InvalidFieldError : a number out of range, no work, no span, or a factor beyond 1e5
    """
    check_whole("slots", slots, 1, 10**9)
    check_range("load", load, math.ulp(0.0), 100.0)
    if not len(trace.jobs):
        raise InvalidFieldError("trace", "0 jobs", "at least one job")
    over_s = float(trace.jobs.submitted_s[-1]) if span_s is None else span_s
    check_range("span_s", over_s, 1e-3, 1e12, "s")
    factor = load * slots * over_s / trace.jobs.work_s
    if not 0 < factor <= FACTOR_MAX:
        raise InvalidFieldError("load", load, f"a load for which the work is multiplied by at most {FACTOR_MAX:g}")
    scaled = replicate(trace, factor, seed, jitter_s)
    reached = scaled.jobs.work_s / (slots * over_s)
    note = f"load of {slots} slots over {over_s:g} s: asked {load:g}, reached {reached:.6g}"
    return replace(scaled, notes=(*scaled.notes, note))


def _chosen(trace: Trace, share: float, seed: int, copy: int) -> Bools:
    """Choose tasks that together have `share` of the work."""
    jobs = trace.jobs
    if share == 0.0:
        return np.zeros(jobs.tasks, dtype=np.bool_)
    if share > 0.5:
        return np.logical_not(_chosen(trace, 1.0 - share, seed, copy))
    work_s = np.bincount(jobs.task, jobs.run_s * jobs.slots, jobs.tasks).astype(np.float64)
    lots = uniforms(seed, f"keep in copy {copy}", np.arange(jobs.tasks))
    order = np.lexsort((lots, -work_s))
    order = order[work_s[order] <= share * work_s.sum()]
    kept = np.zeros(jobs.tasks, dtype=np.bool_)
    if len(order):
        share = min(1.0, share * work_s.sum() / work_s[order].sum())
        kept[order] = _diffuse(work_s[order], share, lots[order])
    return kept


@compiled
def _diffuse(work_s: Floats, share: float, lots: Floats) -> Bools:
    kept = np.zeros(len(work_s), dtype=np.bool_)
    kept_s = 0.0
    seen_s = 0.0
    for row in range(len(work_s)):
        seen_s += work_s[row]
        if kept_s + lots[row] * work_s[row] <= share * seen_s:
            kept[row] = True
            kept_s += work_s[row]
    return kept


def _moves(trace: Trace, copy: Ints, rows: Ints, seed: int, jitter_s: float) -> Floats:
    """By how much each row of the copies is moved; the first copy is not."""
    jobs = trace.jobs
    key = copy * jobs.tasks + jobs.task[rows]
    moved = jobs.submitted_s[rows] + (2.0 * uniforms(seed, "move", key) - 1.0) * jitter_s
    last_s = jobs.submitted_s[-1] if len(jobs) else 0.0
    moved = np.abs(moved)
    moved = np.clip(np.where(moved > last_s, 2.0 * last_s - moved, moved), 0.0, last_s)
    return np.where(copy == 0, 0.0, moved - jobs.submitted_s[rows])


def _copied(trace: Trace, rows: Ints, copy: Ints, moves_s: Floats, note: str) -> Trace:
    jobs, sets = trace.jobs, len(trace.data.bytes)
    data = jobs.data[rows]
    return arrange(
        submitted_s=np.maximum(jobs.submitted_s[rows] + moves_s, 0.0),
        run_s=jobs.run_s[rows],
        slots=jobs.slots[rows],
        task=copy * jobs.tasks + jobs.task[rows],
        user=jobs.user[rows],
        service=jobs.service[rows],
        deadline_s=jobs.deadline_s[rows] + moves_s,
        resumable=jobs.resumable[rows],
        data=np.where(data >= 0, copy * sets + data, -1),
        number=rows,
        data_bytes=np.tile(trace.data.bytes, int(copy.max(initial=0)) + 1),
        source=trace.source,
        notes=(*trace.notes, note),
        speed_cap=caps_of(jobs, rows),
    )
