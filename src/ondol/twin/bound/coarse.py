"""Makes of a problem one of fewer, longer steps."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.twin.bound.problem import BoundProblem, LinearSink, LinearUnit, WorkClass


def coarsened(problem: BoundProblem, times: int) -> BoundProblem:
    """Give a problem whose steps are `times` as long: inputs are held over each, means take the place of courses.

    It bounds nothing, but its prices are near. Steps at the end that do not fill a long one are left out.

    Parameters
    ----------
    times : 1 to the problem's steps
    """
    count = problem.steps // times
    used = count * times
    work = tuple(
        WorkClass(
            released=np.ascontiguousarray(
                one.released[times - 1 : used : times]
            ),  # else what is due at once could not be done
            due=np.ascontiguousarray(one.due[times - 1 : used : times]),
            late_cost=one.late_cost,
        )
        for one in problem.work
    )
    return replace(
        problem,
        step_s=problem.step_s * times,
        sinks=tuple(_coarse_sink(sink, times, count) for sink in problem.sinks),
        units=tuple(_coarse_unit(unit, times, count) for unit in problem.units),
        work=work,
        discomfort_cost=problem.discomfort_cost * times,
    )


def _coarse_unit(unit: LinearUnit, times: int, count: int) -> LinearUnit:
    return replace(unit, electric_cost=_means(unit.electric_cost, times, count))


def _coarse_sink(sink: LinearSink, times: int, count: int) -> LinearSink:
    k, used = len(sink.start), times * count
    transition = np.broadcast_to(sink.A, (len(sink.drive), k, k))
    responses = {
        name: np.broadcast_to(value, (len(sink.drive), k))
        for name in ("heat", "backup", "draw", "drive", "loss_gain")
        if (value := getattr(sink, name)).shape[-1] == k
    }
    keep = np.broadcast_to(np.eye(k), (count, k, k)).copy()
    summed: dict[str, Any] = {name: np.zeros((count, k)) for name in responses}
    for step in range(times):
        mine = slice(step, used, times)
        keep = transition[mine] @ keep
        for name, response in responses.items():
            summed[name] = np.einsum("tij,tj->ti", transition[mine], summed[name]) + response[mine]
    losses = tuple(
        (_means(slope, times, count) if np.ndim(slope) == 2 else slope, _means(np.atleast_1d(offset), times, count))
        for slope, offset in sink.losses
    )
    losses = tuple(_flattened(keep, summed["loss_gain"], sink.start, *loss) for loss in losses)
    last = slice(times - 1, used, times)
    return replace(
        sink,
        A=keep,
        losses=losses,
        lower_c=np.ascontiguousarray(sink.lower_c[last]),
        upper_c=np.ascontiguousarray(sink.upper_c[last]),
        demand_w=_means(sink.demand_w, times, count),
        backup_cost=_means(sink.backup_cost, times, count),
        **summed,
    )


def _flattened(keep: Floats, gain: Floats, around: Floats, slope: Floats, offset: Floats) -> tuple[Floats, Floats]:
    """A tangent so flat, turned around a state, that a warmer start does not end colder over the longer step."""
    count, k = gain.shape
    slopes, offsets = np.broadcast_to(slope, (count, k)), np.broadcast_to(offset, (count,))
    falls = -gain[:, :, None] * slopes[:, None, :]
    ratio = np.divide(keep, falls, out=np.full(keep.shape, inf), where=falls > 0.0)
    share = np.clip(ratio.reshape(count, -1).min(axis=1, initial=1.0), 0.0, 1.0)
    flat = slopes * (share * (1.0 - 1e-12))[:, None]
    return flat, offsets + (slopes - flat) @ around


def _means(values: Floats, times: int, count: int) -> Floats:
    if len(values) == 1:
        return np.repeat(values, count, axis=0)
    return np.asarray(values[: times * count].reshape(count, times, *values.shape[1:]).mean(axis=1))
