"""Makes of the solver's point a schedule that keeps every row, so that its cost lies at or above the optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.twin.bound.programme import Programme
from ondol.twin.bound.sparse import pick


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A schedule of the relaxed problem, with what it leads to. U units, S sinks, C classes, K states at most.

    Parameters
    ----------
    power_w, work_rate : (T, U) electric power [W] and node-s per s
    work : (T, C) work of each class in each step [node-s]
    late : (C,) work that missed a deadline or the end, counted once [node-s]
    taken_w, dumped_w : (T, S) compute heat that the sink took, and captured heat that it had no room for [W]
    backup_w : (T, S) backup heat, inside and outside [W]
    delivered_w : (T, S) heat that met demand from store or units [W]
    state_c : (T, S, K) states at the end of each step, 0 where there is none
    temp_c : (T, S) observed temperature at the end of each step
    cold_k : (T, S) by how much it lies below the lower limit
    """

    power_w: Floats
    work_rate: Floats
    work: Floats
    late: Floats
    taken_w: Floats
    dumped_w: Floats
    backup_w: Floats
    delivered_w: Floats
    state_c: Floats
    temp_c: Floats
    cold_k: Floats


@dataclass(frozen=True, slots=True)
class Costs:
    """What a course costs, in objective units; `end_value` is a credit."""

    electric: float
    backup: float
    late: float
    discomfort: float
    end_value: float

    @property
    def total(self) -> float:
        """The objective."""
        return self.electric + self.backup + self.late + self.discomfort - self.end_value


def repair(programme: Programme, values: Floats) -> tuple[Course, Costs]:
    """Follow the solver's decisions as closely as every row allows.

    Parameters
    ----------
    programme : the programme
    values : (columns,) the solver's point, which may break rows and bounds a little, or a lot

    Returns
    -------
    the course and what it costs
    """
    point, burn = _unit_use(programme, values)
    point, work, late = _work_done(programme, values, point)
    power = np.einsum("tuj,uj->tu", point, programme.units.point_w) + burn
    heat = _sinks(programme, values, power)
    course = Course(
        power_w=power,
        work_rate=np.einsum("tuj,uj->tu", point, programme.units.point_rate),
        work=work,
        late=late,
        **heat,
    )
    return course, costs_of(programme, course)


def costs_of(programme: Programme, course: Course) -> Costs:
    """Charge a course as the objective does."""
    problem, step_s = programme.problem, programme.problem.step_s
    last = course.state_c[-1]
    return Costs(
        electric=float((programme.units.electric_cost * course.power_w).sum()) * step_s,
        backup=float((programme.sinks.backup_cost * course.backup_w).sum()) * step_s,
        late=float(sum(work.late_cost * missed for work, missed in zip(problem.work, course.late, strict=True))),
        discomfort=float(course.cold_k.sum()) * problem.discomfort_cost,
        end_value=float((programme.sinks.end_value * np.minimum(last, programme.sinks.end_most_c)).sum()),
    )


def _unit_use(programme: Programme, values: Floats) -> tuple[Floats, Floats]:
    """Shares of points and burnt power within what units and sites allow."""
    units, columns = programme.units, programme.columns
    point = np.clip(pick(values, columns.point), 0.0, 1.0)
    point /= np.maximum(point.sum(axis=2, keepdims=True), 1.0)
    drawn = np.einsum("tuj,uj->tu", point, units.point_w)
    burn = np.clip(pick(values, columns.burn), 0.0, np.maximum(units.power_max_w - drawn, 0.0))
    for site, limit_w in enumerate(programme.problem.limit_w):
        here = units.site == site
        total = (drawn + burn)[:, here].sum(axis=1)
        factor = np.minimum(1.0, np.divide(limit_w, total, out=np.ones_like(total), where=total > 0.0))
        point[:, here] *= factor[:, None, None]
        burn[:, here] *= factor[:, None]
    return point, burn


def _work_done(programme: Programme, values: Floats, point: Floats) -> tuple[Floats, Floats, Floats]:
    """Deal the units' work out to classes, each up to what is released; units with no work left slow down."""
    problem, steps = programme.problem, programme.problem.steps
    classes = len(problem.work)
    released = np.stack([w.released for w in problem.work], axis=1) if classes else np.zeros((steps, 0))
    due = np.stack([w.due for w in problem.work], axis=1) if classes else np.zeros((steps, 0))
    wanted = np.maximum(pick(values, programme.columns.work), 0.0)
    can = np.einsum("tuj,uj->t", point, programme.units.point_rate) * problem.step_s
    work, done = np.zeros_like(wanted), np.zeros(classes)
    for t in range(steps):
        room = np.maximum(released[t] - done, 0.0)
        some = np.minimum(wanted[t], room)
        some *= min(1.0, can[t] / some.sum()) if some.sum() > 0.0 else 1.0
        for c in range(classes):
            some[c] += max(0.0, min(room[c] - some[c], can[t] - some.sum()))
        work[t] = some
        done = done + some
    used = np.divide(work.sum(axis=1), can, out=np.zeros(steps), where=can > 0.0)
    working = programme.units.point_rate > 0.0
    point = np.where(working, point * np.minimum(used, 1.0)[:, None, None], point)
    so_far = np.cumsum(work, axis=0)
    late = np.maximum((due - so_far).max(axis=0), released[-1] - so_far[-1]) if classes else np.zeros(0)
    return point, work, np.maximum(late, 0.0)


def _sinks(programme: Programme, values: Floats, power_w: Floats) -> dict[str, Floats]:
    """Step all sinks through the horizon: limits first, then the solver's wish."""
    sinks, columns, upper_c = programme.sinks, programme.columns, programme.limits.upper_c
    steps, n, k = sinks.drive.shape
    wish = {
        name: np.maximum(pick(values, getattr(columns, name)), 0.0) for name in ("taken", "inside", "drawn", "cold")
    }
    here = programme.units.sink >= 0
    captured = np.zeros((steps, n))
    np.add.at(captured.T, programme.units.sink[here], (power_w * programme.units.capture).T[here])
    out = {name: np.zeros((steps, n)) for name in ("taken_w", "backup_w", "delivered_w", "temp_c", "cold_k")}
    states, state, plain = np.zeros((steps, n, k)), sinks.start, sinks.plain
    for t in range(steps):
        demand = sinks.demand_w[t]
        most = np.where(plain, np.minimum(captured[t], demand), np.where(columns.taken[t] >= 0, captured[t], 0.0))
        backup_max = np.where(columns.inside[t] >= 0, sinks.backup_max_w, 0.0)
        heat, inside = np.minimum(wish["taken"][t], most), np.minimum(wish["inside"][t], backup_max)
        drawn = np.where(plain, heat, np.minimum(wish["drawn"][t], demand))
        still = np.einsum("skj,sj->sk", sinks.transition[t], state) + sinks.drive[t]
        still += sinks.loss_gain[t] * sinks.loss_w(t, state)[:, None]

        def after(h: Floats, b: Floats, y: Floats, t: int = t, still: Floats = still) -> Floats:
            forced = sinks.heat[t] * h[:, None] + sinks.backup[t] * b[:, None] + sinks.draw[t] * y[:, None]
            return np.asarray(still + forced)

        per_heat, per_backup, per_drawn = (
            np.einsum("sk,sk->s", sinks.observe, response[t]) for response in (sinks.heat, sinks.backup, -sinks.draw)
        )
        wanted_c = sinks.lower_c[t] - wish["cold"][t]  # the solver may find a little cold cheaper than its heat
        short = np.maximum(wanted_c - _seen(sinks.observe, after(heat, inside, drawn)), 0.0)
        heat, short = _up(heat, most, per_heat, short)
        inside, short = _up(inside, backup_max, per_backup, short)
        drawn = np.where(plain, heat, _down(drawn, per_drawn, short)[0])
        over = np.maximum(_seen(sinks.observe, after(heat, inside, drawn)) - upper_c[t], 0.0)
        inside, over = _down(inside, per_backup, over)
        heat, _ = _down(heat, per_heat, over)
        state = after(heat, inside, drawn)
        states[t] = state
        out["taken_w"][t], out["delivered_w"][t] = heat, drawn
        out["backup_w"][t] = inside + demand - drawn
        out["temp_c"][t] = _seen(sinks.observe, state)
        out["cold_k"][t] = np.maximum(sinks.lower_c[t] - out["temp_c"][t], 0.0)
    return {**out, "dumped_w": captured - out["taken_w"], "state_c": states}


def _seen(observe: Floats, state: Floats) -> Floats:
    return np.asarray(np.einsum("sk,sk->s", observe, state))


def _up(value: Floats, most: Floats, effect: Floats, gap: Floats) -> tuple[Floats, Floats]:
    """Raise `value` towards `most` until `effect` per unit closes the gap."""
    wanted = np.divide(gap, effect, out=np.zeros_like(gap), where=effect > 0.0)
    more = np.minimum(wanted, most - value)
    return value + more, np.maximum(gap - more * effect, 0.0)


def _down(value: Floats, effect: Floats, gap: Floats) -> tuple[Floats, Floats]:
    """Lower `value` towards 0 until `effect` per unit closes the gap."""
    wanted = np.divide(gap, effect, out=np.zeros_like(gap), where=effect > 0.0)
    less = np.minimum(wanted, value)
    return value - less, np.maximum(gap - less * effect, 0.0)
