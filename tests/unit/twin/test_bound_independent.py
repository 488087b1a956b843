"""The bound against the same problem written down another way: no states, dense rows, scipy's solver."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from scipy.optimize import linprog

from ondol.thermal.arrays import Floats
from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.problem import BoundProblem, LinearSink
from unit.twin.bound_cases import const, random_problem


class Written:
    """A linear programme that grows by name; an expression is (coefficients by name, constant)."""

    def __init__(self) -> None:
        self.place: dict[tuple[object, ...], int] = {}
        self.cost: list[float] = []
        self.bounds: list[tuple[float, float | None]] = []
        self.rows: list[tuple[dict[int, float], float]] = []  # Σ coefficient · variable ≤ right side
        self.constant = 0.0

    def variable(self, *name: object, most: float | None = None, cost: float = 0.0) -> int:
        self.place[name] = len(self.cost)
        self.cost.append(cost)
        self.bounds.append((0.0, most))
        return self.place[name]

    def at_most(self, entries: dict[int, float], right: float) -> None:
        self.rows.append((entries, right))

    def optimum(self) -> float:
        matrix = np.zeros((len(self.rows), len(self.cost)))
        for i, (entries, _) in enumerate(self.rows):
            for j, value in entries.items():
                matrix[i, j] += value
        answer = linprog(self.cost, A_ub=matrix, b_ub=[right for _, right in self.rows], bounds=self.bounds)
        assert answer.status == 0, answer.message
        return float(answer.fun) + self.constant


def written(question: BoundProblem) -> float:
    """Optimum of the relaxation, every state replaced by the sum of responses to all decisions before it."""
    form, steps, step_s = Written(), question.steps, question.step_s
    for u, unit in enumerate(question.units):
        for t in range(steps):
            electric = float(unit.electric_cost[t]) * step_s
            points = [
                form.variable("point", u, t, j, cost=electric * float(watts)) for j, watts in enumerate(unit.speed_w)
            ]
            burn = form.variable("burn", u, t, cost=electric, most=None if unit.burns else 0.0)
            form.at_most(dict.fromkeys(points, 1.0), 1.0)
            power = dict(zip(points, map(float, unit.speed_w), strict=True)) | {burn: 1.0}
            form.at_most(power, float(unit.power_max_w))
    for site, limit in enumerate(question.limit_w):
        for t in range(steps):
            drawn: dict[int, float] = {}
            for u in np.flatnonzero(question.site == site):
                drawn |= power_of(form, question, int(u), t)
            form.at_most(drawn, float(limit))
    write_work(form, question)
    for s, sink in enumerate(question.sinks):
        write_sink(form, question, s, sink)
    return form.optimum()


def power_of(form: Written, question: BoundProblem, u: int, t: int, factor: float = 1.0) -> dict[int, float]:
    points = {form.place["point", u, t, j]: factor * float(w) for j, w in enumerate(question.units[u].speed_w)}
    return points | {form.place["burn", u, t]: factor}


def write_work(form: Written, question: BoundProblem) -> None:
    late = [form.variable("late", c, cost=float(one.late_cost)) for c, one in enumerate(question.work)]
    for t in range(question.steps):
        rate: dict[int, float] = {}
        for u, unit in enumerate(question.units):
            for j, speed in enumerate(unit.speed):
                rate[form.place["point", u, t, j]] = float(speed) * question.step_s
        parts = {form.variable("work", c, t): -1.0 for c in range(len(question.work))}
        form.at_most(rate | parts, 0.0)
        form.at_most({j: -value for j, value in (rate | parts).items()}, 0.0)
    for c, one in enumerate(question.work):
        for t in range(question.steps):
            done = {form.place["work", c, before]: 1.0 for before in range(t + 1)}
            form.at_most(done, float(one.released[t]))
            needed = float(one.released[t] if t == question.steps - 1 else one.due[t])
            form.at_most(dict.fromkeys(done, -1.0) | {late[c]: -1.0}, -needed)


def write_sink(form: Written, question: BoundProblem, s: int, sink: LinearSink) -> None:
    steps, k = question.steps, len(sink.start)
    responses: dict[int, list[tuple[int, Floats]]] = {t: [] for t in range(steps)}
    for t in range(steps):
        backup = float(sink.backup_cost[t]) * question.step_s
        form.constant += backup * float(sink.demand_w[t])
        # without a store what is taken is delivered, and saves its backup at once
        taken = form.variable(
            "taken", s, t, most=float(sink.demand_w[t]) if k == 0 else None, cost=0.0 if k else -backup
        )
        captured = {taken: 1.0}
        for u, unit in enumerate(question.units):
            if unit.sink == s:
                captured |= power_of(form, question, u, t, -unit.capture)
        form.at_most(captured, 0.0)
        if k == 0:
            continue
        inside = form.variable("inside", s, t, most=float(sink.backup_max_w), cost=backup)
        drawn = form.variable("drawn", s, t, most=float(sink.demand_w[t]), cost=-backup)
        responses[t] = [(taken, sink.heat), (inside, sink.backup), (drawn, sink.draw)]
        if sink.losses:
            responses[t].append((form.variable("loss", s, t), sink.loss_gain))
    for t in range(steps if k else 0):
        for slope, offset in sink.losses:
            entries, constant = state_at(sink, responses, t, np.asarray(slope))
            loss = form.place["loss", s, t]
            form.at_most(entries | {loss: entries.get(loss, 0.0) - 1.0}, -constant - float(offset))
        entries, constant = state_at(sink, responses, t + 1, sink.observe)
        cold = form.variable("cold", s, t, cost=question.discomfort_cost)
        form.at_most({j: -value for j, value in entries.items()} | {cold: -1.0}, constant - float(sink.lower_c[t]))
        if sink.upper_c[t] < inf:
            form.at_most(entries, float(sink.upper_c[t]) - constant)
    if k:
        entries, constant = state_at(sink, responses, steps, sink.end_value)
        form.constant -= constant
        for j, value in entries.items():
            form.cost[j] -= value


def state_at(
    sink: LinearSink, responses: dict[int, list[tuple[int, Floats]]], at: int, weights: Floats
) -> tuple[dict[int, float], float]:
    """weights·x at the start of step `at`, as coefficients of all decisions before, and a constant."""
    entries: dict[int, float] = {}
    constant = float(weights @ np.linalg.matrix_power(sink.A, at) @ sink.start)
    for t in range(at):
        carried = weights @ np.linalg.matrix_power(sink.A, at - 1 - t)
        constant += float(carried @ sink.drive[t])
        for j, response in responses[t]:
            entries[j] = entries.get(j, 0.0) + float(carried @ response)
    return entries, constant


def calm(question: BoundProblem) -> BoundProblem:
    """The same with limits that a sink without heat never passes, so that they say the same in any formulation."""
    sinks = []
    for sink in question.sinks:
        if sink.id == "room":
            sinks.append(replace(sink, upper_c=const(inf, question.steps)))
        else:
            sinks.append(
                replace(sink, start=np.minimum(sink.start, sink.upper_c[0]) if len(sink.start) else sink.start)
            )
    return replace(question, sinks=tuple(sinks))


@pytest.mark.parametrize("seed", range(40))
def test_another_formulation_has_the_same_optimum(seed: int) -> None:
    question = calm(random_problem(seed))
    expected = written(question)
    answer = lower_bound(question)
    size = 1.0 + abs(expected) + answer.costs.end_value
    assert answer.bound == pytest.approx(expected, abs=1e-6 * size)
    assert answer.near == pytest.approx(expected, abs=1e-6 * size)
