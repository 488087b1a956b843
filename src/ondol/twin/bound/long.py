"""Bounds a long horizon: prices from windows that follow each other, proved for the whole.

A linear programme over a year of quarter hours takes hours: the simplex's time grows with the square of the steps. But
the certificate (`certificate`) makes a true bound of *any* multipliers, so that these need not come from the programme
that is to be bounded:

1. the horizon is solved window by window, each with a look ahead (`windows`), and the multipliers of work, of
   temperature limits, of tangents and of sites' limits are put together;
2. given the prices of work that come of it, the best multipliers of releases and deadlines are found for the whole: a
   programme of classes alone, which any market of work would solve;
3. `certificate.polish` finds the best multipliers of all that is local to sinks and units, backwards in time.

What comes out is `lagrangian` of the whole programme: nothing is relaxed beyond it. That a window sees no further than
its look ahead makes the number smaller, never larger; the gap to the schedule that the windows make together tells by
how much at most.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ondol.model.checks import check_whole
from ondol.model.view import Ints
from ondol.thermal.arrays import Floats
from ondol.twin.bound.bound import Bound, bound_by, lower_bound
from ondol.twin.bound.certificate import lagrangian, polish
from ondol.twin.bound.checks import check_problem
from ondol.twin.bound.problem import BoundProblem, LinearUnit
from ondol.twin.bound.programme import Programme, programme_of
from ondol.twin.bound.solving import Answer, Effort, solve
from ondol.twin.bound.sparse import pick
from ondol.twin.bound.windows import Window, windows_of

WHOLE_STEPS = 3000
"""A problem of so many steps (31 days of quarter hours) or fewer is solved as it is."""

WINDOW_STEPS = 1344
"""A longer one in windows of so many (14 days), each with half as much to look ahead: more than the longest job of the
traces and than any store lasts. Of 28 days in two windows the bound lost 2e-5."""

_PRICES = ("rate", "tangent", "site", "band")
_COURSE = ("taken", "inside", "drawn", "loss", "point", "burn", "cold", "state", "work")


def bound_of(problem: BoundProblem, effort: Effort | None = None, *, window: int = 0) -> Bound:
    """Bound a problem of any length.

    Parameters
    ----------
    effort : None for the dual simplex
    window : steps of a window; as many as the problem has solve it as it is; 0 chooses

    Raises
    ------
    InvalidFieldError, UnavailableError : as of `lower_bound`
    """
    check_whole("window", window, 0, problem.steps)
    window = window or (problem.steps if problem.steps <= WHOLE_STEPS else WINDOW_STEPS)
    if window == problem.steps:
        return lower_bound(problem, effort)
    check_problem(problem)
    effort = effort or Effort()
    whole = programme_of(problem)
    values, multipliers = np.zeros(len(whole.cost)), np.zeros(len(whole.row_low))
    iterations, status = 0, "Optimal"
    for one in windows_of(problem, window, window // 2, effort):
        _lay(whole, one, values, multipliers)
        iterations += one.answer.iterations
        status = one.answer.status if one.answer.status != "Optimal" else status
    values[whole.columns.done] = np.cumsum(pick(values, whole.columns.work), axis=0)
    multipliers, more = _work_priced(whole, multipliers)
    polished = polish(whole, multipliers, values)
    laid = Answer(values=values, multipliers=polished, status=status, iterations=iterations + more)
    return bound_by(whole, lagrangian(whole, polished), laid)


def _lay(whole: Programme, window: Window, values: Floats, multipliers: Floats) -> None:
    """Lay the steps of a window that count onto those of the whole, and what its last state is worth at the end."""
    mine, counted, part = slice(window.first, window.first + window.steps), slice(0, window.steps), window.programme
    prices = polish(part, window.answer.multipliers, window.answer.values)
    for name in _PRICES:
        _put(getattr(whole.rows, name)[mine], pick(prices, getattr(part.rows, name))[counted], multipliers)
    for name in _COURSE:
        of_part = pick(window.answer.values, getattr(part.columns, name))[counted]
        _put(getattr(whole.columns, name)[mine], of_part, values)
    if window.first + window.steps == whole.problem.steps:
        _put(whole.rows.left, pick(prices, part.rows.left), multipliers)


def _put(to: Ints, values: Floats, target: Floats) -> None:
    target[to[to >= 0]] = values[to >= 0]


def _work_priced(whole: Programme, multipliers: Floats) -> tuple[Floats, int]:
    """Give the best multipliers of work for the prices of work as they are, and the iterations that it took.

    A market sells any amount of work at the price of its step: then classes are all that there is to decide.
    """
    problem, rows = whole.problem, whole.rows
    rate = float(sum(work.released[-1] for work in problem.work)) / problem.step_s
    if rate <= 0.0:
        return multipliers, 0
    market = LinearUnit(
        sink=-1,
        power_max_w=rate,
        speed_w=np.array([rate]),
        speed=np.array([rate]),
        capture=0.0,
        electric_cost=pick(multipliers, rows.rate),
        burns=False,
    )
    alone = programme_of(
        replace(problem, sinks=(), units=(market,), limit_w=np.zeros(0), site=np.zeros(0, dtype=np.int64))
    )
    answer, priced = solve(alone, Effort()), multipliers.copy()
    for name in ("carry", "due", "end"):
        _put(getattr(rows, name), pick(answer.multipliers, getattr(alone.rows, name)), priced)
    return priced, answer.iterations
