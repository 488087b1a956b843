"""Cuts a horizon into windows that follow each other, and asks for the prices of each with a look ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.twin.bound.problem import BoundProblem, LinearSink, WorkClass
from ondol.twin.bound.programme import Programme, programme_of
from ondol.twin.bound.solving import Answer, Effort, solve
from ondol.twin.bound.sparse import pick


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """One window as it was solved.

    Parameters
    ----------
    first, steps : its first step in the whole, and how many of its steps count; those after them were only looked at
    """

    first: int
    steps: int
    programme: Programme
    answer: Answer


def windows_of(problem: BoundProblem, steps: int, ahead: int, effort: Effort) -> Iterator[Window]:
    """Solve window after window; each begins where the schedule of the one before has come to.

    Parameters
    ----------
    steps : that count of each window, 1 or more; ahead : that it looks further, 0 or more
    """
    starts = [sink.start for sink in problem.sinks]
    done = np.zeros(len(problem.work))
    for first in range(0, problem.steps, steps):
        count = min(steps, problem.steps - first)
        programme = programme_of(cut(problem, first, min(problem.steps, first + count + ahead), starts, done))
        answer = solve(programme, effort)
        yield Window(first=first, steps=count, programme=programme, answer=answer)
        state = pick(answer.values, programme.columns.state[count - 1])
        starts = [state[row, : len(sink.start)] for row, sink in enumerate(problem.sinks)]
        done = done + pick(answer.values, programme.columns.done[count - 1])


def cut(problem: BoundProblem, first: int, end: int, starts: list[Floats], done: Floats) -> BoundProblem:
    """Give the steps from `first` to before `end` as a problem of their own.

    Parameters
    ----------
    starts : state of each sink when they begin; done : work of each class that is done by then [node-s]
    """
    mine = slice(first, end)
    return replace(
        problem,
        sinks=tuple(_sink(sink, mine, start) for sink, start in zip(problem.sinks, starts, strict=True)),
        units=tuple(replace(unit, electric_cost=_along(unit.electric_cost, mine)) for unit in problem.units),
        work=tuple(_work(one, mine, so_far) for one, so_far in zip(problem.work, done.tolist(), strict=True)),
    )


def _along(values: Floats, mine: slice) -> Floats:
    return values if len(values) == 1 else np.ascontiguousarray(values[mine])


def _work(one: WorkClass, mine: slice, done: float) -> WorkClass:
    released = np.maximum(one.released[mine] - done, 0.0)
    if one.due[-1] > 0.0:  # what is due after the window need not be done in it, and is left to those that follow
        released = np.minimum(released, max(float(one.due[mine][-1]) - done, 0.0))
    return WorkClass(released=released, due=np.clip(one.due[mine] - done, 0.0, released), late_cost=one.late_cost)


def _sink(sink: LinearSink, mine: slice, start: Floats) -> LinearSink:
    responses = {
        name: value[mine]
        for name in ("heat", "backup", "draw", "loss_gain")
        if (value := getattr(sink, name)).ndim == 2
    }
    return replace(
        sink,
        A=sink.A[mine] if sink.A.ndim == 3 else sink.A,
        drive=sink.drive[mine],
        start=start,
        lower_c=sink.lower_c[mine],
        upper_c=sink.upper_c[mine],
        losses=tuple(
            (slope[mine] if np.ndim(slope) == 2 else slope, np.asarray(offset)[mine] if np.ndim(offset) else offset)
            for slope, offset in sink.losses
        ),
        demand_w=sink.demand_w[mine],
        backup_cost=sink.backup_cost[mine],
        **responses,
    )
