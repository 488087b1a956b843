"""Asks for the bound of a problem: solve, certify, repair."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ondol.thermal.arrays import Floats
from ondol.twin.bound.certificate import lagrangian, polish
from ondol.twin.bound.checks import check_problem
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.programme import Programme, programme_of
from ondol.twin.bound.repair import Costs, Course, repair
from ondol.twin.bound.solving import Answer, Effort, solve
from ondol.twin.bound.sparse import pick


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bound:
    """What no schedule can beat, and a fluid schedule that comes near.

    Parameters
    ----------
    bound : no schedule has a lower objective; certified, rounding included
    near : objective of `course`, which keeps every row; the optimum of the relaxed problem lies between the two
    course, costs : that schedule and the parts of its objective
    work_price : (T,) what a node-second more in a step costs in the optimum, objective units per node-s
    heat_price : (T, S) what a J of heat that is captured in a step is worth to the sink, objective units per J
    status, iterations : how the solver ended
    """

    bound: float
    near: float
    course: Course
    costs: Costs
    work_price: Floats
    heat_price: Floats
    status: str
    iterations: int

    @property
    def gap(self) -> float:
        """How far the two numbers lie apart, in objective units, 0 or more."""
        return self.near - self.bound


def lower_bound(problem: BoundProblem, effort: Effort | None = None) -> Bound:
    """Bound the objective of every schedule of a problem from below; the package's docstring states what is relaxed.

    Parameters
    ----------
    problem : sinks, units and work
    effort : how hard to try; None for the dual simplex at 1e-7

    Raises
    ------
    InvalidFieldError : a problem that is not one, see `check_problem`; nothing has been solved then
    UnavailableError : the solver gave no numbers
    """
    check_problem(problem)
    programme = programme_of(problem)
    answer = solve(programme, effort or Effort())
    raw = lagrangian(programme, answer.multipliers)
    better = polish(programme, answer.multipliers, answer.values)
    polished = lagrangian(programme, better)
    certified = replace(answer, multipliers=better) if polished >= raw else answer
    return bound_by(programme, max(raw, polished), certified)


def bound_by(programme: Programme, bound: float, answer: Answer) -> Bound:
    """Put what was certified beside the schedule that is made of an answer's values.

    Parameters
    ----------
    bound : `lagrangian` of the answer's multipliers
    answer : values and multipliers of this programme
    """
    course, costs = repair(programme, answer.values)
    return Bound(
        bound=bound,
        near=costs.total,
        course=course,
        costs=costs,
        work_price=pick(answer.multipliers, programme.rows.rate),
        heat_price=-pick(answer.multipliers, programme.rows.captured) / programme.problem.step_s,
        status=answer.status,
        iterations=answer.iterations,
    )
