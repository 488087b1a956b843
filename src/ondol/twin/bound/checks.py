"""Refuses a problem that is not one, before anything is solved."""

from __future__ import annotations

from math import inf

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Ints
from ondol.thermal.arrays import LONGEST_STEP_S, Floats
from ondol.twin.bound.problem import BoundProblem, LinearSink, LinearUnit, WorkClass

_SAME = 1e-9  # relative; what running sums of the same numbers in another order may differ by
_MOST = 1e18


def check_problem(problem: BoundProblem) -> None:
    """Refuse what has no meaning.

    Raises
    ------
    InvalidFieldError : nothing to bound, shapes that do not fit together, numbers that are not finite, signs that the
        fields of `LinearSink`, `LinearUnit`, `WorkClass` and `BoundProblem` do not allow, a lower limit above an upper,
        demand on a store that nothing can be drawn from, curves of work that fall, work that is due before it came
    """
    check_range("step_s", float(problem.step_s), 1e-3, LONGEST_STEP_S, "s")
    check_range("discomfort_cost", problem.discomfort_cost, 0.0, _MOST)
    if not problem.sinks and not problem.units:
        raise InvalidFieldError("problem", "no sink and no unit", "one sink or unit at least")
    steps = problem.steps
    if steps < 1:
        raise InvalidFieldError("problem", "no step", "one step at least")
    for i, sink in enumerate(problem.sinks):
        _check_sink(f"sinks[{i}]", sink, steps)
    for i, unit in enumerate(problem.units):
        _check_unit(f"units[{i}]", unit, steps, len(problem.sinks))
    for i, work in enumerate(problem.work):
        _check_work(f"work[{i}]", work, steps)
    _check_sites(problem)


def _check_sink(name: str, sink: LinearSink, steps: int) -> None:
    k = len(sink.start)
    _numbers(f"{name}.A", sink.A, ((k, k), (steps, k, k)), low=0.0)
    _numbers(f"{name}.start", sink.start, ((k,),))
    _numbers(f"{name}.observe", sink.observe, ((k,),), low=0.0)
    _numbers(f"{name}.end_value", sink.end_value, ((k,),), low=0.0)
    if len(sink.end_most_c):
        _numbers(f"{name}.end_most_c", sink.end_most_c, ((k,),))
    each = ((k,), (steps, k))
    _numbers(f"{name}.heat", sink.heat, each, low=0.0)
    _numbers(f"{name}.backup", sink.backup, each, low=0.0)
    _numbers(f"{name}.draw", sink.draw, each, high=0.0)
    _numbers(f"{name}.drive", sink.drive, ((steps, k),))
    _numbers(f"{name}.demand_w", sink.demand_w, ((steps,),), low=0.0)
    _numbers(f"{name}.backup_cost", sink.backup_cost, ((steps,),))
    check_range(f"{name}.backup_max_w", float(sink.backup_max_w), 0.0, _MOST, "W")
    for field, limit, never in (("lower_c", sink.lower_c, inf), ("upper_c", sink.upper_c, -inf)):
        _shape(f"{name}.{field}", limit, ((steps,),))
        if np.isnan(limit).any() or (limit == never).any():
            raise InvalidFieldError(f"{name}.{field}", limit, f"numbers, or {-never} for no limit")
    if (sink.lower_c > sink.upper_c).any():
        raise InvalidFieldError(f"{name}.lower_c", sink.lower_c, "temperatures up to upper_c")
    if k and not sink.draw.any() and sink.demand_w.any():
        raise InvalidFieldError(f"{name}.draw", sink.draw, "numbers below 0 where there is demand")
    if sink.losses:
        _check_losses(name, sink, steps, k)


def _check_losses(name: str, sink: LinearSink, steps: int, k: int) -> None:
    _numbers(f"{name}.loss_gain", sink.loss_gain, ((k,), (steps, k)), high=0.0)
    for j, (slope, offset) in enumerate(sink.losses):
        field = f"{name}.losses[{j}]"
        _numbers(field, slope, ((k,), (steps, k)))
        _numbers(field, np.asarray(offset), ((), (steps,)))
        gain = np.broadcast_to(sink.loss_gain, (steps, k))[:, :, None]
        # else a warmer start could end colder, which no heat store does: the step is too long for the tangents
        if (sink.A + gain * np.broadcast_to(slope, (steps, k))[:, None, :] < 0.0).any():
            raise InvalidFieldError(field, slope, "slopes with A + loss_gain·slope of 0 or more; take a shorter step")
    if np.isnan(sink.loss_max_w) or sink.loss_max_w < 0.0:
        raise InvalidFieldError(f"{name}.loss_max_w", sink.loss_max_w, "0 W or more")
    if sink.loss_max_w == inf and (k > 1 or (sink.backup_cost < 0.0).any()):
        raise InvalidFieldError(f"{name}.loss_max_w", inf, "a finite loss where k > 1 or a backup_cost is below 0")


def _check_unit(name: str, unit: LinearUnit, steps: int, sinks: int) -> None:
    if not -1 <= unit.sink < sinks:
        raise InvalidFieldError(f"{name}.sink", unit.sink, f"-1 to {sinks - 1}")
    check_range(f"{name}.power_max_w", float(unit.power_max_w), 0.0, _MOST, "W")
    check_range(f"{name}.capture", float(unit.capture), 0.0, 100.0)  # above 1: with a heat pump behind it
    _numbers(f"{name}.speed_w", unit.speed_w, ((len(unit.speed_w),),), low=0.0, high=float(unit.power_max_w))
    _numbers(f"{name}.speed", unit.speed, ((len(unit.speed_w),),), low=0.0)
    _numbers(f"{name}.electric_cost", unit.electric_cost, ((steps,),))


def _check_work(name: str, work: WorkClass, steps: int) -> None:
    for field, curve in (("released", work.released), ("due", work.due)):
        _numbers(f"{name}.{field}", curve, ((steps,),), low=0.0)
        if (np.diff(curve) < 0.0).any():
            raise InvalidFieldError(f"{name}.{field}", curve, "a sum that never falls")
    if (work.due > work.released * (1.0 + _SAME)).any():
        raise InvalidFieldError(f"{name}.due", work.due, "no more than what is released by then")
    check_range(f"{name}.late_cost", float(work.late_cost), 0.0, _MOST)


def _check_sites(problem: BoundProblem) -> None:
    sites, units = len(problem.limit_w), len(problem.units)
    _shape("limit_w", problem.limit_w, ((sites,),))
    if np.isnan(problem.limit_w).any() or (problem.limit_w < 0.0).any():
        raise InvalidFieldError("limit_w", problem.limit_w, "0 W or more, inf for no limit")
    if not sites and not len(problem.site):
        return
    _shape("site", problem.site, ((units,),))
    if units and not (problem.site.min() >= -1 and problem.site.max() < sites):
        raise InvalidFieldError("site", problem.site, f"-1 to {sites - 1}")


def _shape(field: str, value: Floats | Ints, shapes: tuple[tuple[int, ...], ...]) -> None:
    if not isinstance(value, np.ndarray) or value.shape not in shapes:
        raise InvalidFieldError(field, getattr(value, "shape", value), "shape " + " or ".join(map(str, shapes)))


def _numbers(
    field: str, value: Floats, shapes: tuple[tuple[int, ...], ...], low: float = -_MOST, high: float = _MOST
) -> None:
    _shape(field, value, shapes)
    if not np.all((value >= low) & (value <= high)):
        raise InvalidFieldError(field, value, f"finite numbers from {low:g} to {high:g}")
