"""Hands a programme to HiGHS, scaled by powers of two so that nothing is rounded on the way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import highspy
import numpy as np
from scipy import sparse

from ondol.model.checks import check_choice, check_range, check_whole
from ondol.model.errors import UnavailableError
from ondol.thermal.arrays import Floats
from ondol.twin.bound.programme import Programme

Method = Literal["ipm", "simplex", "pdlp"]
_METHODS: tuple[str, ...] = ("ipm", "simplex", "pdlp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard to try. The bound is true whatever stands here; only the gap grows.

    Parameters
    ----------
    method : dual simplex, interior point without crossover, or first-order (PDLP). On fleets of 24 sinks and 1,344
        steps the simplex took 19 to 41 s, the interior point 124 s; PDLP fell short of 1e-4 at a day of steps
    tolerance : relative, of feasibility and optimality, 1e-10 to 1e-1
    iterations : at most so many of the method's own, 1 to 1e9
    """

    method: Method = "simplex"
    tolerance: float = 1e-7
    iterations: int = 1_000_000

    def __post_init__(self) -> None:
        check_choice("method", self.method, _METHODS)
        check_range("tolerance", self.tolerance, 1e-10, 0.1)
        check_whole("iterations", self.iterations, 1, 1_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What the solver says, in the programme's own units; to be checked, not believed.

    Parameters
    ----------
    values : of the variables
    multipliers : of the rows: change of the objective per unit of the row's right side
    status : the solver's word for how it ended
    iterations : its count
    """

    values: Floats
    multipliers: Floats
    status: str
    iterations: int


def solve(programme: Programme, effort: Effort) -> Answer:
    """Solve; deterministic for the same programme and effort.

    Raises
    ------
    UnavailableError : the solver gave no numbers at all
    """
    rows, columns = programme.matrix.shape
    if not columns:
        return Answer(values=np.zeros(0), multipliers=np.zeros(rows), status="Nothing to decide", iterations=0)
    column, row, unit = _scales(programme)
    scaled = sparse.diags(1.0 / row) @ programme.matrix @ sparse.diags(column)
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in _options(effort).items():
        solver.setOptionValue(option, value)
    solver.passModel(_model(programme, scaled.tocsc(), column, row, unit))
    solver.run()
    solution, info = solver.getSolution(), solver.getInfo()
    status = str(solver.modelStatusToString(solver.getModelStatus()))
    values, multipliers = np.array(solution.col_value), np.array(solution.row_dual)
    if len(values) != len(column) or len(multipliers) != len(row):
        raise UnavailableError(f"HiGHS ended with '{status}' and no solution; try another method or a looser tolerance")
    iterations = max(info.ipm_iteration_count, info.simplex_iteration_count, info.pdlp_iteration_count)
    return Answer(
        values=np.nan_to_num(values) * column,
        multipliers=np.nan_to_num(multipliers) * unit / row,
        status=status,
        iterations=int(iterations),
    )


def _options(effort: Effort) -> dict[str, str | float | bool]:
    return {
        "output_flag": False,
        "solver": effort.method,
        "run_crossover": "off",
        "parallel": "off",
        f"{effort.method}_iteration_limit": min(effort.iterations, 2**31 - 1),
        "primal_feasibility_tolerance": effort.tolerance,
        "dual_feasibility_tolerance": effort.tolerance,
        "ipm_optimality_tolerance": min(max(effort.tolerance, 1e-12), 1.0),
        "pdlp_optimality_tolerance": effort.tolerance,
    }


def _scales(programme: Programme) -> tuple[Floats, Floats, float]:
    """Powers of two: each variable by its reach, each row by its largest entry, costs by their median."""
    reach = np.maximum(np.abs(programme.low), np.abs(programme.high))
    column = _power_of_two(np.where(reach > 0.0, reach, 1.0))
    state = programme.columns.state
    column[state[state >= 0]] = 1.0  # kelvins are of size 1 as they are, however far the bounds
    sized = abs(programme.matrix) @ sparse.diags(column)
    row = _power_of_two(np.asarray(sized.tocsr().max(axis=1).todense()).ravel())
    costs = np.abs(programme.cost * column)
    unit = _power_of_two(np.array([np.median(costs[costs > 0.0])]))[0] if costs.any() else 1.0
    return column, row, float(unit)


def _power_of_two(size: Floats) -> Floats:
    return np.asarray(np.exp2(np.round(np.log2(np.where(size > 0.0, size, 1.0)))))


def _model(
    programme: Programme, matrix: sparse.csc_matrix, column: Floats, row: Floats, unit: float
) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(column), len(row)
    model.col_cost_ = programme.cost * column / unit
    low, high = programme.low.copy(), programme.high.copy()
    state = programme.columns.state[programme.columns.state >= 0]
    # Bounds of states follow from the rows. Left in, they would share the multipliers that belong to the rows.
    low[state], high[state] = -highspy.kHighsInf, highspy.kHighsInf
    model.col_lower_, model.col_upper_ = low / column, high / column
    model.row_lower_, model.row_upper_ = programme.row_low / row, programme.row_high / row
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = matrix.indptr
    model.a_matrix_.index_ = matrix.indices
    model.a_matrix_.value_ = matrix.data
    return model
