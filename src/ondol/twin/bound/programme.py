"""Lays a problem out as `minimise c·v, low ≤ v ≤ high, row_low ≤ M v ≤ row_high`, every variable with finite bounds."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from scipy import sparse

from ondol.model.view import Ints
from ondol.thermal.arrays import Floats
from ondol.twin.bound.limits import Limits, limits_of
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.sparse import Numbering, Triplets
from ondol.twin.bound.stack import SinkStack, UnitStack, stack_sinks, stack_units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Number of each variable, −1 where there is none. States stand at the end of their step.

    Parameters
    ----------
    state : (T, S, K) [°C]
    left : (S, K) what of the last state counts [°C]
    taken, inside, drawn, cold, loss : (T, S) compute heat, backup inside, delivered heat [W], missing [K], loss [W]
    point, burn : (T, U, J) share of each point, (T, U) power for heat alone [W]
    work, done : (T, C) work of the step and up to its end [node-s]
    late : (C,) late or undone work [node-s]
    """

    state: Ints
    left: Ints
    taken: Ints
    inside: Ints
    drawn: Ints
    cold: Ints
    loss: Ints
    point: Ints
    burn: Ints
    work: Ints
    done: Ints
    late: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Number of each row, −1 where there is none.

    Parameters
    ----------
    balance : (T, S, K) states
    left : (S, K) what counts of the last state is no more than it
    band, captured : (T, S) temperature limits; heat taken is at most heat captured
    tangent : (T, S, M) losses
    share, ceiling : (T, U) shares add up to 1 at most; power at most the unit's
    site : (T, sites) limits of sites
    rate : (T,) work rate of units is work of classes
    carry, due : (T, C) running sum; deadlines
    end : (C,) all work by the end
    """

    balance: Ints
    left: Ints
    band: Ints
    captured: Ints
    tangent: Ints
    share: Ints
    ceiling: Ints
    site: Ints
    rate: Ints
    carry: Ints
    due: Ints
    end: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Programme:
    """A problem as a linear programme; `offset` is the part of the objective that nothing changes."""

    problem: BoundProblem
    sinks: SinkStack
    units: UnitStack
    limits: Limits
    columns: Columns
    rows: Rows
    matrix: sparse.csc_matrix
    cost: Floats
    low: Floats
    high: Floats
    row_low: Floats
    row_high: Floats
    offset: float


def programme_of(problem: BoundProblem) -> Programme:
    """Write a checked problem as a linear programme; the equations stand in the package's docstring."""
    sinks, units = stack_sinks(problem), stack_units(problem)
    heat_max_w = np.zeros(len(problem.sinks))
    heating = units.sink >= 0
    np.add.at(heat_max_w, units.sink[heating], (units.capture * units.most_w)[heating])
    limits = limits_of(sinks, heat_max_w)
    columns, low, high = _columns(problem, sinks, units, limits, heat_max_w)
    rows, row_low, row_high = _rows(problem, sinks, units, limits, columns)
    triplets = Triplets()
    _enter_sinks(triplets, sinks, columns, rows)
    _enter_units(triplets, problem, units, columns, rows)
    _enter_work(triplets, columns, rows)
    cost, offset = _costs(problem, sinks, units, columns, len(low))
    return Programme(
        problem=problem,
        sinks=sinks,
        units=units,
        limits=limits,
        columns=columns,
        rows=rows,
        matrix=triplets.matrix(len(row_low), len(low)),
        cost=cost,
        low=low,
        high=high,
        row_low=row_low,
        row_high=row_high,
        offset=offset,
    )


def _columns(
    problem: BoundProblem, sinks: SinkStack, units: UnitStack, limits: Limits, heat_max_w: Floats
) -> tuple[Columns, Floats, Floats]:
    numbers, steps, sink_count = Numbering(), problem.steps, len(problem.sinks)
    shape = (steps, sink_count)
    demand, plain = sinks.demand_w, sinks.plain
    taken_max = np.where(plain, np.minimum(heat_max_w, demand), heat_max_w)
    coldest = np.einsum("tsk,sk->ts", limits.low_c, sinks.observe)
    cold_max = np.maximum(sinks.lower_c - coldest, 0.0)
    released = np.stack([work.released for work in problem.work], axis=1) if problem.work else np.zeros((steps, 0))
    by_the_end = np.array([max(float(work.released[-1]), float(work.due[-1])) for work in problem.work])
    real = np.broadcast_to(units.real, (steps, *units.real.shape))
    warmed = sinks.heat.any(axis=(0, 2)) | plain
    most_c = np.maximum(limits.high_c[-1], limits.low_c[-1])
    columns = Columns(
        state=numbers.take(np.broadcast_to(sinks.real, limits.low_c.shape), limits.low_c, limits.high_c),
        left=numbers.take(np.isfinite(sinks.end_most_c), limits.low_c[-1], np.minimum(sinks.end_most_c, most_c)),
        taken=numbers.take((taken_max > 0.0) & warmed, 0.0, taken_max),
        inside=numbers.take(np.broadcast_to(sinks.backup.any(axis=2), shape), 0.0, sinks.backup_max_w),
        drawn=numbers.take((demand > 0.0) & ~plain, 0.0, demand),
        cold=numbers.take(cold_max > 0.0, 0.0, cold_max),
        loss=numbers.take(np.broadcast_to(sinks.bends, shape), limits.loss_low_w, limits.loss_high_w),
        point=numbers.take(real, 0.0, 1.0),
        burn=numbers.take(np.broadcast_to(units.burns, (steps, len(units.burns))), 0.0, units.power_max_w),
        work=numbers.take(np.ones_like(released, dtype=np.bool_), 0.0, released),
        done=numbers.take(np.ones_like(released, dtype=np.bool_), 0.0, released),
        late=numbers.take(np.ones(len(by_the_end), dtype=np.bool_), 0.0, by_the_end),
    )
    return columns, *numbers.bounds()


def _rows(
    problem: BoundProblem, sinks: SinkStack, units: UnitStack, limits: Limits, columns: Columns
) -> tuple[Rows, Floats, Floats]:
    numbers, steps = Numbering(), problem.steps
    start = sinks.drive.copy()
    start[0] += np.einsum("skj,sj->sk", sinks.transition[0], sinks.start)
    offset = sinks.offset.copy()
    offset[0] += np.einsum("smk,sk->sm", sinks.slope[0], sinks.start)
    several = units.real.sum(axis=1) > 1
    due = np.stack([work.due for work in problem.work], axis=1) if problem.work else np.zeros((steps, 0))
    rises = np.diff(due, axis=0, prepend=0.0) > 0.0
    whole = np.array([float(work.released[-1]) for work in problem.work])
    limited = np.broadcast_to(np.isfinite(problem.limit_w), (steps, len(problem.limit_w)))
    per_unit = (steps, len(units.burns))
    # where the coldest course is warm enough, the lower limit says nothing
    lower = np.where(columns.cold >= 0, sinks.lower_c, -inf)
    banded = np.isfinite(lower) | np.isfinite(limits.upper_c)
    rows = Rows(
        balance=numbers.take(columns.state >= 0, start, start),
        left=numbers.take(columns.left >= 0, 0.0, inf),
        band=numbers.take(banded, lower, limits.upper_c),
        captured=numbers.take(columns.taken >= 0, -inf, 0.0),
        tangent=numbers.take(np.broadcast_to(sinks.tangent, offset.shape), offset, inf),
        share=numbers.take(np.broadcast_to(several, per_unit), -inf, 1.0),
        ceiling=numbers.take(np.broadcast_to(units.burns, per_unit), -inf, units.power_max_w),
        site=numbers.take(limited, -inf, problem.limit_w),
        rate=numbers.take(np.ones(steps, dtype=np.bool_), 0.0, 0.0),
        carry=numbers.take(columns.work >= 0, 0.0, 0.0),
        due=numbers.take(rises, due, inf),
        end=numbers.take(columns.late >= 0, whole, inf),
    )
    return rows, *numbers.bounds()


def _enter_sinks(triplets: Triplets, sinks: SinkStack, columns: Columns, rows: Rows) -> None:
    balance = rows.balance
    triplets.add(balance, columns.state, 1.0)
    triplets.add(rows.left, columns.state[-1], 1.0)
    triplets.add(rows.left, columns.left, -1.0)
    triplets.add(balance[1:, :, :, None], columns.state[:-1, :, None, :], -sinks.transition[1:])
    for number, response in (
        (columns.taken, sinks.heat),
        (columns.inside, sinks.backup),
        (columns.drawn, sinks.draw),
        (columns.loss, sinks.loss_gain),
    ):
        triplets.add(balance, number[:, :, None], -response)
    triplets.add(rows.band[:, :, None], columns.state, sinks.observe)
    triplets.add(rows.band, columns.cold, 1.0)
    triplets.add(rows.tangent, columns.loss[:, :, None], 1.0)
    triplets.add(rows.tangent[1:, :, :, None], columns.state[:-1, :, None, :], -sinks.slope[1:])


def _enter_units(triplets: Triplets, problem: BoundProblem, units: UnitStack, columns: Columns, rows: Rows) -> None:
    triplets.add(rows.captured, columns.taken, 1.0)
    heating = np.flatnonzero(units.sink >= 0)
    captured = np.full(columns.burn.shape, -1, dtype=np.int64)
    captured[:, heating] = rows.captured[:, units.sink[heating]]
    site = np.full(columns.burn.shape, -1, dtype=np.int64)
    housed = np.flatnonzero(units.site >= 0)
    site[:, housed] = rows.site[:, units.site[housed]]
    for row, factor in ((captured, -units.capture), (site, np.ones(len(units.burns))), (rows.ceiling, np.ones(1))):
        triplets.add(row[:, :, None], columns.point, factor[:, None] * units.point_w)
        triplets.add(row, columns.burn, factor)
    triplets.add(rows.share[:, :, None], columns.point, 1.0)
    triplets.add(rows.rate[:, None, None], columns.point, units.point_rate * problem.step_s)


def _enter_work(triplets: Triplets, columns: Columns, rows: Rows) -> None:
    triplets.add(rows.rate[:, None], columns.work, -1.0)
    triplets.add(rows.carry, columns.done, 1.0)
    triplets.add(rows.carry[1:], columns.done[:-1], -1.0)
    triplets.add(rows.carry, columns.work, -1.0)
    triplets.add(rows.due, columns.done, 1.0)
    triplets.add(rows.due, columns.late, 1.0)
    triplets.add(rows.end, columns.done[-1], 1.0)
    triplets.add(rows.end, columns.late, 1.0)


def _costs(
    problem: BoundProblem, sinks: SinkStack, units: UnitStack, columns: Columns, count: int
) -> tuple[Floats, float]:
    cost, step_s = np.zeros(count), problem.step_s

    def put(numbers: Ints, values: Floats | float) -> None:
        there = numbers >= 0
        cost[numbers[there]] = np.broadcast_to(values, numbers.shape)[there]

    backup = sinks.backup_cost * step_s
    electric = units.electric_cost * step_s
    put(columns.point, electric[:, :, None] * units.point_w)
    put(columns.burn, electric)
    put(columns.inside, backup)
    put(columns.drawn, -backup)
    put(np.where(sinks.plain, columns.taken, -1), -backup)
    put(columns.cold, problem.discomfort_cost)
    put(columns.late, np.array([float(work.late_cost) for work in problem.work]))
    put(np.where(columns.left >= 0, -1, columns.state[-1]), -sinks.end_value)
    put(columns.left, -sinks.end_value)
    return cost, float((sinks.demand_w * backup).sum())
