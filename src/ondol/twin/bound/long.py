"""Bounds a long horizon: prices from a programme with longer steps, proved at the true ones.

A linear programme over a year of quarter hours takes hours: the simplex's time grows with the square of the steps. But
the certificate (`certificate`) makes a true bound of *any* multipliers, so that these need not come from the programme
that is to be bounded:

1. the same horizon with longer steps (`coarse`) is solved as a whole, and its multipliers of work, of temperature
   limits, of tangents and of sites' limits are laid onto the true steps;
2. given the prices of work that come of it, the best multipliers of releases and deadlines are found at the true steps:
   a programme of classes alone, which any market of work would solve;
3. `certificate.polish` finds the best multipliers of all that is local to sinks and units, backwards in time.

What comes out is `lagrangian` of the whole programme at its true step: nothing is relaxed beyond it. That prices were
made for means over longer steps makes the number smaller, never larger; the gap to a schedule that `repair` makes of
the coarse one tells by how much at most.
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
from ondol.twin.bound.coarse import coarsened
from ondol.twin.bound.problem import BoundProblem, LinearUnit
from ondol.twin.bound.programme import Programme, programme_of
from ondol.twin.bound.solving import Answer, Effort, solve
from ondol.twin.bound.sparse import pick

WHOLE_STEPS = 3000
"""A problem of so many steps (31 days of quarter hours) or fewer is solved as it is."""

COARSE_STEPS = 4500
"""At most so many steps a longer one is coarsened to: two hours each for a year."""


ENOUGH = Effort(method="ipm", tolerance=1e-5, iterations=200)
"""For the longer steps: over 60 days 1e-5 proved as much as 1e-7 to 2e-7, and a solver that stalls has to end."""


def bound_of(problem: BoundProblem, effort: Effort | None = None, *, times: int = 0) -> Bound:
    """Bound a problem of any length.

    Parameters
    ----------
    effort : None for the dual simplex where the problem is solved as it is, else for the interior point
    times : true steps in a longer one; 1 solves the problem as it is; 0 chooses

    Raises
    ------
    InvalidFieldError, UnavailableError : as of `lower_bound`
    """
    check_whole("times", times, 0, problem.steps)
    times = times or (1 if problem.steps <= WHOLE_STEPS else -(-problem.steps // COARSE_STEPS))
    if times == 1:
        return lower_bound(problem, effort)
    check_problem(problem)
    effort = effort or ENOUGH
    coarse = programme_of(coarsened(problem, times))
    answer = solve(coarse, effort)
    whole = programme_of(problem)
    values, multipliers = _laid(whole, coarse, answer, times)
    multipliers, more = _work_priced(whole, multipliers)
    polished = polish(whole, multipliers, values)
    laid = replace(answer, values=values, multipliers=polished, iterations=answer.iterations + more)
    return bound_by(whole, lagrangian(whole, polished), laid)


def _laid(whole: Programme, coarse: Programme, answer: Answer, times: int) -> tuple[Floats, Floats]:
    """Values and multipliers of the true steps; those that `polish` and `_work_priced` make are left at 0."""
    values, multipliers = np.zeros(len(whole.cost)), np.zeros(len(whole.row_low))
    steps, count = whole.problem.steps, coarse.problem.steps
    within = np.minimum(np.arange(steps) // times, count - 1)
    ends = np.arange(steps) % times == times - 1
    multipliers_at = polish(coarse, answer.multipliers, answer.values)

    def lay(to: Ints, at: Ints, target: Floats, source: Floats, share: float = 1.0) -> None:
        _put(to, pick(source, at)[within] * share, target)

    for name in ("rate", "tangent", "site"):
        share = 1.0 if name == "rate" else 1.0 / times
        lay(getattr(whole.rows, name), getattr(coarse.rows, name), multipliers, multipliers_at, share)
    _put(whole.rows.band, pick(multipliers_at, coarse.rows.band)[within] * ends[:, None], multipliers)
    _put(whole.rows.left, pick(multipliers_at, coarse.rows.left), multipliers)
    for name in ("taken", "inside", "loss", "point", "burn", "cold", "state"):
        lay(getattr(whole.columns, name), getattr(coarse.columns, name), values, answer.values)
    mean = coarse.sinks.demand_w
    met = np.divide(pick(answer.values, coarse.columns.drawn), mean, out=np.zeros_like(mean), where=mean > 0.0)
    _put(whole.columns.drawn, met[within] * whole.sinks.demand_w, values)
    lay(whole.columns.work, coarse.columns.work, values, answer.values, 1.0 / times)
    values[whole.columns.done] = np.cumsum(pick(values, whole.columns.work), axis=0)
    return values, multipliers


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
