"""Small problems for the bound, and a simulator of its own that charges any schedule of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, inf
from typing import Any

import numpy as np

from ondol.thermal.arrays import Floats
from ondol.twin.bound.problem import BoundProblem, LinearSink, LinearUnit, WorkClass

STEP_S = 900.0
WATER = 4180.0


def const(value: float, steps: int) -> Floats:
    return np.full(steps, value)


def tank(steps: int, *, litres: float = 1000.0, ua_w_per_k: float = 0.0, **other: Any) -> LinearSink:
    """A mixed tank that is drawn from, its backup outside; with no loss a W over a step is STEP_S/C kelvins."""
    capacity = litres * WATER
    keep = exp(-ua_w_per_k * STEP_S / capacity)
    gain = STEP_S / capacity if ua_w_per_k == 0.0 else (1.0 - keep) / ua_w_per_k
    plain = LinearSink(
        id="tank",
        A=np.array([[keep]]),
        heat=np.array([gain]),
        backup=np.zeros(1),
        draw=np.array([-gain]),
        drive=const((1.0 - keep) * 15.0, steps)[:, None],
        start=np.array([50.0]),
        observe=np.ones(1),
        lower_c=const(45.0, steps),
        upper_c=const(60.0, steps),
        demand_w=np.zeros(steps),
        backup_max_w=0.0,
        backup_cost=const(6e-5, steps),
        end_value=np.zeros(1),
    )
    return replace(plain, **other)


def network(steps: int, demand_w: Floats, backup_cost: Floats) -> LinearSink:
    """A heat network without a store."""
    none = np.zeros(0)
    return LinearSink(
        id="network",
        A=np.zeros((0, 0)),
        heat=none,
        backup=none,
        draw=none,
        drive=np.zeros((steps, 0)),
        start=none,
        observe=none,
        lower_c=const(-inf, steps),
        upper_c=const(inf, steps),
        demand_w=demand_w,
        backup_max_w=0.0,
        backup_cost=backup_cost,
        end_value=none,
    )


def unit(
    steps: int, sink: int = 0, *, power_w: float = 1000.0, rate: float = 1.0, cost: Floats | float = 1e-5, **other: Any
) -> LinearUnit:
    """One node with one point: on or off."""
    plain = LinearUnit(
        sink=sink,
        power_max_w=power_w,
        speed_w=np.array([power_w]),
        speed=np.array([rate]),
        capture=1.0 if sink >= 0 else 0.0,
        electric_cost=np.broadcast_to(np.asarray(cost, dtype=np.float64), (steps,)).copy(),
        burns=False,
    )
    return replace(plain, **other)


def work(steps: int, released: dict[int, float], due: dict[int, float] | None = None, late: float = 1.0) -> WorkClass:
    """Work by the step that it comes in, and by the step at whose end it is due [node-s]."""
    curves = []
    for amounts in (released, due or {}):
        curve = np.zeros(steps)
        for t, amount in amounts.items():
            curve[t:] += amount
        curves.append(curve)
    return WorkClass(released=curves[0], due=curves[1], late_cost=late)


def problem(
    sinks: list[LinearSink], units: list[LinearUnit], classes: list[WorkClass] | None = None, **other: Any
) -> BoundProblem:
    plain = BoundProblem(
        step_s=STEP_S, sinks=tuple(sinks), units=tuple(units), work=tuple(classes or []), discomfort_cost=1e3
    )
    return replace(plain, **other)


def pool_loss_w(temp_c: float) -> float:
    """What a pool loses: grows with vapour pressure, so faster than linear."""
    return 3000.0 * (0.6108 * exp(17.27 * temp_c / (temp_c + 237.3)) - 2.0)


def random_problem(seed: int, *, sun: bool = True) -> BoundProblem:
    """Tank, pool, room and network, a unit at each and a rack, two classes of work; `seed` draws the numbers."""
    rng = np.random.default_rng(seed)
    steps = int(rng.integers(3, 7))
    grid = rng.uniform(0.5e-5, 8e-5, steps)
    sinks: list[LinearSink] = []
    if rng.random() < 0.8:
        sinks.append(
            tank(
                steps,
                litres=rng.uniform(100, 600),
                ua_w_per_k=rng.uniform(0, 20),
                start=rng.uniform(40, 60, 1),
                demand_w=rng.uniform(0, 3000, steps) * (rng.random(steps) < 0.7),
                backup_cost=const(rng.uniform(2e-5, 8e-5), steps),
                end_value=rng.uniform(0, 20, 1),
            )
        )
    if rng.random() < 0.8:
        sinks.append(_pool(rng, steps))
    if rng.random() < 0.8 or not sinks:
        sinks.append(_room(rng, steps, sun=sun))
    if rng.random() < 0.5:
        sinks.append(network(steps, rng.uniform(0, 3000, steps), rng.uniform(2e-5, 8e-5, steps)))
    units = [_unit(rng, steps, sink, grid) for sink in [*range(len(sinks)), 0, -1]]
    most = sum(float(one.speed.max()) for one in units) * STEP_S
    classes = [_work(rng, steps, most) for _ in range(2)]
    limits = (const(rng.uniform(1000, 4000), 1), rng.integers(-1, 1, len(units))) if rng.random() < 0.5 else None
    other = {"limit_w": limits[0], "site": limits[1]} if limits else {}
    return problem(sinks, units, classes, discomfort_cost=rng.uniform(50, 500), **other)


def _pool(rng: np.random.Generator, steps: int) -> LinearSink:
    gain = STEP_S / (rng.uniform(2, 20) * 1000 * WATER)
    at = (24.0, 27.0, 29.0, 31.0, 34.0)
    slopes = [(pool_loss_w(x + 1e-4) - pool_loss_w(x - 1e-4)) / 2e-4 for x in at]
    return LinearSink(
        id="pool",
        A=np.eye(1),
        heat=np.array([gain]),
        backup=np.array([gain]),
        draw=np.zeros(1),
        drive=rng.uniform(0, 3000, (steps, 1)) * gain,
        start=rng.uniform(27, 30, 1),
        observe=np.ones(1),
        lower_c=const(28.0, steps),
        upper_c=const(29.0, steps),
        losses=tuple(
            (np.array([s]), pool_loss_w(x) - s * x - 1e-3) for x, s in zip(at, slopes, strict=True)
        ),  # a mW under the curve, so that the differences that make the slopes do not lift a tangent above it
        loss_gain=np.array([-gain]),
        demand_w=np.zeros(steps),
        backup_max_w=rng.uniform(0, 10_000),
        backup_cost=rng.uniform(2e-5, 8e-5, steps),
        end_value=rng.uniform(0, 100, 1),
    )


def _room(rng: np.random.Generator, steps: int, *, sun: bool) -> LinearSink:
    """Air and mass, by one implicit step, which keeps order; the sun may take it above its limit."""
    air, mass, link, out = rng.uniform(1e6, 3e6), rng.uniform(5e6, 2e7), rng.uniform(100, 400), rng.uniform(20, 80)
    system = np.array([[-(link + out) / air, link / air], [link / mass, -link / mass]])
    step = np.linalg.inv(np.eye(2) - STEP_S * system)
    gains = rng.uniform(0, 6000, steps) if sun else np.zeros(steps)
    weather = np.stack([out * rng.uniform(-5, 15, steps) / air, gains / mass], axis=1)
    lower = rng.uniform(17, 20, steps)
    return LinearSink(
        id="room",
        A=step,
        heat=STEP_S * step[:, 0] / air,
        backup=STEP_S * step[:, 0] / air,
        draw=np.zeros(2),
        drive=STEP_S * weather @ step.T,
        start=rng.uniform(18, 23, 2),
        observe=np.array([0.6, 0.4]),
        lower_c=lower,
        upper_c=lower + rng.uniform(1, 5),
        demand_w=np.zeros(steps),
        backup_max_w=rng.uniform(0, 3000),
        backup_cost=rng.uniform(2e-5, 8e-5, steps),
        end_value=rng.uniform(0, 5, 2),
    )


def _unit(rng: np.random.Generator, steps: int, sink: int, grid: Floats) -> LinearUnit:
    power = rng.uniform(500, 3000)
    points = int(rng.integers(1, 4))
    rate = rng.uniform(1, 8)
    share = np.array([0.3, 0.6, 1.0])[-points:]
    speed = np.array([0.0, 0.7, 1.0])[-points:] * rate  # the first of three points is idling
    return LinearUnit(
        sink=sink,
        power_max_w=power,
        speed_w=share * power,
        speed=speed,
        capture=rng.uniform(0.5, 1.0) if sink >= 0 else 0.0,
        electric_cost=grid * rng.uniform(1.0, 1.5),
        burns=bool(rng.random() < 0.4),
    )


def _work(rng: np.random.Generator, steps: int, most: float) -> WorkClass:
    released = np.cumsum(rng.uniform(0, 0.5, steps) * most * (rng.random(steps) < 0.6))
    due = np.minimum.accumulate(rng.uniform(0, 1, steps)[::-1])[::-1] * released
    return WorkClass(released=released, due=np.maximum.accumulate(due), late_cost=float(rng.uniform(0.0, 0.2)))


@dataclass(frozen=True)
class Plan:
    """Decisions of a schedule: power [W] and work rate [node-s/s] per step and unit, then rules of each sink's store.

    `takes`, `helps`, `serves`: shares (T, S) of captured heat, backup and demand that are wished for.
    """

    power_w: Floats
    rate: Floats
    takes: Floats
    helps: Floats
    serves: Floats


def cost_of(question: BoundProblem, plan: Plan, losses: dict[str, Callable[[float], float]] | None = None) -> float:
    """Charge a schedule, step by step and sink by sink. Work that is not there to be done is an error of the plan.

    Heat goes in only where the step does not end above the upper limit; the loss is the true curve where one is given.
    """
    steps, step_s = question.steps, question.step_s
    total = sum(
        float(one.electric_cost[t]) * step_s * plan.power_w[t, u]
        for u, one in enumerate(question.units)
        for t in range(steps)
    )
    for s, sink in enumerate(question.sinks):
        captured = sum(
            (one.capture * plan.power_w[:, u] for u, one in enumerate(question.units) if one.sink == s), np.zeros(steps)
        )
        total += _sink_cost(question, sink, captured, [plan.takes[:, s], plan.helps[:, s], plan.serves[:, s]], losses)
    return total + late_cost(question, (plan.rate * step_s).sum(axis=1))


def _sink_cost(
    question: BoundProblem,
    sink: LinearSink,
    captured: Floats,
    wishes: list[Floats],
    losses: dict[str, Callable[[float], float]] | None,
) -> float:
    x, total = sink.start.copy(), 0.0
    for t in range(question.steps):
        takes, helps, serves = (float(wish[t]) for wish in wishes)
        demand = float(sink.demand_w[t])
        if len(x) == 0:
            total += (demand - min(demand, takes * captured[t])) * question.step_s * float(sink.backup_cost[t])
            continue
        lost = 0.0
        if sink.losses:
            curve = (losses or {}).get(sink.id)
            lost = curve(x[0]) if curve else max(float(slope @ x + offset) for slope, offset in sink.losses)
        still = sink.A @ x + sink.drive[t] + (sink.loss_gain * lost if sink.losses else 0.0)
        y = serves * demand
        q, b = takes * captured[t], helps * sink.backup_max_w if sink.backup.any() else 0.0
        if sink.observe @ (still + sink.heat * q + sink.backup * b + sink.draw * y) > sink.upper_c[t]:
            b = 0.0
        if sink.observe @ (still + sink.heat * q + sink.draw * y) > sink.upper_c[t]:
            q = 0.0
        x = still + sink.heat * q + sink.backup * b + sink.draw * y
        cold = max(0.0, float(sink.lower_c[t] - sink.observe @ x))
        total += (b + demand - y) * question.step_s * float(sink.backup_cost[t]) + cold * question.discomfort_cost
    return total - float(sink.end_value @ x)


def late_cost(question: BoundProblem, rate: Floats) -> float:
    """Deal work out, the class with the nearest deadline first; charge every node-second that misses, once."""
    done = np.zeros((question.steps, len(question.work)))
    so_far = np.zeros(len(question.work))
    for t, can in enumerate(rate):
        left = float(can)
        ahead = [int(np.searchsorted(w.due, so_far[c], side="right")) for c, w in enumerate(question.work)]
        for c in np.argsort(ahead, kind="stable"):
            some = min(left, float(question.work[c].released[t]) - so_far[c])
            so_far[c] += some
            left -= some
        if left > 1e-6 * max(1.0, float(can)):
            raise ValueError(f"no work left for {left} node-s in step {t}")
        done[t] = so_far
    total = 0.0
    for c, one in enumerate(question.work):
        before = np.concatenate([[0.0], one.due[:-1]])
        missed = np.maximum(one.due - np.maximum(before, done[:, c]), 0.0).sum()
        missed += max(0.0, one.released[-1] - max(one.due[-1], done[-1, c]))
        total += one.late_cost * float(missed)
    return total


def random_plan(question: BoundProblem, seed: int) -> Plan:
    """Any schedule: nodes on one of their points, idling, burning or off, within the limits of units and sites."""
    rng = np.random.default_rng(seed)
    steps, units, sinks = question.steps, len(question.units), len(question.sinks)
    power, rate = np.zeros((steps, units)), np.zeros((steps, units))
    done, keen = 0.0, rng.random()
    released = sum((w.released for w in question.work), np.zeros(steps))
    for t in range(steps):
        for u in rng.permutation(units):
            one = question.units[u]
            if rng.random() > keen:
                continue
            point = int(rng.integers(len(one.speed_w)))
            watts, speed = float(one.speed_w[point]), float(one.speed[point])
            if speed * question.step_s > released[t] - done:
                watts, speed = (float(one.power_max_w) if one.burns else 0.0), 0.0
            elif one.burns and rng.random() < 0.3:
                watts = float(rng.uniform(watts, one.power_max_w))
            if len(question.limit_w) and question.site[u] >= 0:
                here = question.site == question.site[u]
                if power[t, here].sum() + watts > question.limit_w[question.site[u]]:
                    continue
            power[t, u], rate[t, u] = watts, speed
            done += speed * question.step_s
    wishes = [rng.choice([0.0, 0.5, 1.0], size=(steps, sinks), p=p) for p in ([0.1, 0.1, 0.8], [0.5, 0.2, 0.3])]
    return Plan(power, rate, wishes[0], wishes[1], rng.choice([0.0, 0.6, 1.0], size=(steps, sinks)))
