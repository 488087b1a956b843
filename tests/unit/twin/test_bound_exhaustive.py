"""The bound against every schedule there is, on cases small enough to try them all."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.problem import BoundProblem, WorkClass
from unit.twin.bound_cases import (
    STEP_S,
    Plan,
    const,
    cost_of,
    network,
    pool_loss_w,
    problem,
    random_problem,
    tank,
    unit,
    work,
)


def every_plan(question: BoundProblem) -> list[tuple[float, Plan]]:
    """All ways to have one-node units on or off, with the work to keep them busy, and what each costs."""
    steps, units, sinks = question.steps, len(question.units), len(question.sinks)
    released = sum((one.released for one in question.work), np.zeros(steps))
    watts = np.array([one.power_max_w for one in question.units])
    rates = np.array([one.speed[0] for one in question.units])
    ones = np.ones((steps, sinks))
    plans = []
    for bits in product((0.0, 1.0), repeat=steps * units):
        on = np.array(bits).reshape(steps, units)
        if (np.cumsum((on * rates).sum(axis=1)) * STEP_S > released + 1e-6).any():
            continue
        plan = Plan(on * watts, on * rates, ones, 0.0 * ones, ones)
        plans.append((cost_of(question, plan, {"pool": pool_loss_w}), plan))
    return plans


def jobs(rng: np.random.Generator, steps: int, count: int) -> WorkClass:
    """Jobs of one node for one step each; two nodes have time for four that come and are due together."""
    come = np.sort(rng.integers(0, steps - 1, count))
    due = np.minimum(come + rng.integers(1, 4, count), steps - 1)
    curve = [np.array([(at <= t).sum() * STEP_S for t in range(steps)], dtype=np.float64) for at in (come, due)]
    return WorkClass(released=curve[0], due=curve[1], late_cost=1.0)


@pytest.mark.parametrize("seed", range(8))
def test_assignment_of_whole_jobs_meets_the_bound(seed: int) -> None:
    # given jobs of one step each, networks that take any heat, and gas that is dearer or cheaper from hour to hour:
    # a network flow, whose fluid optimum is whole
    rng = np.random.default_rng(seed)
    steps = 5
    question = problem(
        [network(steps, const(5000.0, steps), rng.uniform(0, 6e-5, steps)) for _ in range(2)],
        [unit(steps, sink, cost=rng.uniform(1e-5, 8e-5, steps)) for sink in (0, 1)],
        [jobs(rng, steps, 4)],
    )
    best = min(cost for cost, _ in every_plan(question))
    # then the bound is the best schedule
    answer = lower_bound(question)
    assert answer.bound == pytest.approx(best, rel=1e-9)
    assert answer.near == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_no_schedule_of_whole_jobs_through_stores_beats_the_bound(seed: int) -> None:
    # given jobs of one step each, a leaky tank and a network, so that whole jobs are worse than fluid ones
    rng = np.random.default_rng(seed)
    steps = 5
    store = tank(
        steps,
        litres=60.0,
        ua_w_per_k=rng.uniform(5, 40),
        start=rng.uniform(46, 55, 1),
        demand_w=rng.uniform(0, 1500, steps),
        end_value=rng.uniform(0, 5, 1),
    )
    question = problem(
        [store, network(steps, rng.uniform(0, 900, steps), rng.uniform(2e-5, 8e-5, steps))],
        [unit(steps, sink, power_w=1200.0, cost=rng.uniform(1e-5, 5e-5, steps)) for sink in (0, 1)],
        [jobs(rng, steps, 4)],
        discomfort_cost=20.0,
    )
    costs = [cost for cost, _ in every_plan(question)]
    answer = lower_bound(question)
    assert len(costs) > 20
    assert answer.bound <= min(costs)
    # and it says more than that everything is free: it lies nearer to the best than the best to the typical
    assert min(costs) - answer.bound < np.median(costs) - min(costs)


def test_fluid_schedule_on_a_grid_meets_the_bound() -> None:
    # given a lossless tank in which 400 W for a step are 1 K, with backup inside, limits of whole kelvins, and burning
    steps, levels = 3, np.linspace(0.0, 1600.0, 9)
    gain = np.array([1.0 / 400.0])
    store = replace(
        tank(steps, start=np.array([50.0]), lower_c=np.array([48.0, 50.0, 51.0]), upper_c=np.array([51.0, 52.0, 52.0])),
        heat=gain,
        backup=gain,
        draw=-gain,
        drive=np.array([[-3.0], [-1.0], [-4.0]]),
        backup_max_w=1600.0,
        backup_cost=np.array([6e-5, 5e-5, 6e-5]),
        end_value=np.array([7.0]),
    )
    question = problem(
        [store], [unit(steps, power_w=1600.0, cost=np.array([2e-5, 5.5e-5, 4e-5]), burns=True)], discomfort_cost=1e4
    )
    # when every course of power and backup on a grid of half kelvins is tried
    grid = np.stack(np.meshgrid(*[levels] * (2 * steps), indexing="ij")).reshape(2 * steps, -1)
    temp, cost, lawful = np.full(grid.shape[1], 50.0), np.zeros(grid.shape[1]), np.ones(grid.shape[1], dtype=bool)
    for t in range(steps):
        power, backup = grid[2 * t], grid[2 * t + 1]
        # captured heat may be dumped: the least that is dumped is what keeps the upper limit
        heated = temp + store.drive[t, 0] + (power + backup) / 400.0
        lawful &= heated - power / 400.0 <= store.upper_c[t]
        temp = np.minimum(heated, store.upper_c[t])
        cost += STEP_S * (power * question.units[0].electric_cost[t] + backup * store.backup_cost[t])
        cost += np.maximum(store.lower_c[t] - temp, 0.0) * 1e4
    best = float((cost - 7.0 * temp)[lawful].min())
    # then the best of them is the bound, for the optimum lies on the grid
    assert lower_bound(question).bound == pytest.approx(best, rel=1e-9)


def test_simulator_of_these_tests_charges_the_schedule_of_the_bound_alike() -> None:
    # given problems whose best schedule needs no temperature above a limit and no share of a wish
    compared = 0
    for seed in range(60):
        question = random_problem(seed, sun=False)
        answer = lower_bound(question)
        course = answer.course
        with np.errstate(all="ignore"):
            captured = course.taken_w + course.dumped_w
            takes = np.where(captured > 0.0, course.taken_w / captured, 0.0)
            demand = np.stack([sink.demand_w for sink in question.sinks], axis=1)
            serves = np.where(demand > 0.0, course.delivered_w / demand, 0.0)
            most = np.array([sink.backup_max_w for sink in question.sinks])
            inside = course.backup_w - (demand - course.delivered_w)
            helps = np.where(most > 0.0, inside / most, 0.0)
        warm = np.stack([sink.upper_c for sink in question.sinks], axis=1) - course.temp_c
        stored = np.array([len(sink.start) > 0 for sink in question.sinks])
        if (warm[:, stored] < 1e-6).any():
            continue  # the simulator would refuse heat that rounding takes above a limit
        patient = replace(question, work=tuple(replace(one, late_cost=0.0) for one in question.work))
        cost = cost_of(patient, Plan(course.power_w, course.work_rate, takes, helps, serves))
        compared += 1
        # then its cost is that of the bound, late work aside, of which the simulator counts more
        assert cost == pytest.approx(answer.near - answer.costs.late, rel=1e-6, abs=1e-4)
    assert compared >= 10


def test_work_due_earlier_than_it_can_run_is_counted_like_the_simulator_counts() -> None:
    # given one node, and 900 node-s due at the end of each of two steps, both released at the start of the first
    question = problem([], [unit(2, -1)], [work(2, {0: 2700.0}, {0: 1800.0, 1: 900.0}, late=0.2)])
    full = Plan(const(1000.0, 2)[:, None], const(1.0, 2)[:, None], np.zeros((2, 0)), np.zeros((2, 0)), np.zeros((2, 0)))
    # then of 1800 due at once 900 are late either way; what runs late runs in place of work that would be in time
    assert cost_of(question, full) == pytest.approx(18.0 + 900 * 0.2 + 900 * 0.2)
    assert lower_bound(question).bound == pytest.approx(18.0 + 900 * 0.2)
