"""Nothing beats the bound, more freedom never raises it, and how a question is written down does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.certificate import lagrangian
from ondol.twin.bound.problem import BoundProblem
from ondol.twin.bound.programme import programme_of
from ondol.twin.bound.repair import repair
from ondol.twin.bound.solving import Effort
from unit.twin.bound_cases import cost_of, pool_loss_w, random_plan, random_problem, unit

SEEDS = st.integers(0, 2**31)


def rounding(value: float) -> float:
    return 1e-9 * (1.0 + abs(value))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.lists(SEEDS, min_size=1, max_size=20))
def test_no_schedule_beats_the_bound(seed: int, plans: list[int]) -> None:
    # given a fleet whose pools lose by the true curve and whose rooms may be warmed above their limits by the sun
    question = random_problem(seed)
    answer = lower_bound(question)
    for one in plans:
        # when any schedule is followed through by a simulator of its own
        cost = cost_of(question, random_plan(question, one), {"pool": pool_loss_w})
        # then it costs no less
        assert cost >= answer.bound - rounding(cost)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_bound_and_its_own_schedule_meet(seed: int) -> None:
    answer = lower_bound(random_problem(seed))
    assert answer.bound <= answer.near + rounding(answer.near)
    assert answer.gap <= 1e-6 * (1.0 + sum(map(abs, (answer.near, answer.costs.end_value))))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([1e-1, 1e-2, 1e-3]), st.integers(1, 30), st.sampled_from(["simplex", "ipm"]))
def test_a_careless_solver_only_widens_the_gap(seed: int, tolerance: float, iterations: int, method: str) -> None:
    question = random_problem(seed)
    careful = lower_bound(question)
    careless = lower_bound(question, Effort(method=method, tolerance=tolerance, iterations=iterations))  # type: ignore[arg-type]
    assert careless.bound <= careful.near + rounding(careful.near)
    assert careless.near >= careful.bound - rounding(careful.bound)


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS)
def test_any_multipliers_give_a_true_bound(seed: int, other: int) -> None:
    # given multipliers that no solver has seen
    question = random_problem(seed)
    programme = programme_of(question)
    rng = np.random.default_rng(other)
    multipliers = rng.standard_normal(len(programme.row_low)) * 10.0 ** rng.uniform(-6, 3, len(programme.row_low))
    # then what they prove is finite and true
    proved = lagrangian(programme, multipliers)
    assert np.isfinite(proved)
    assert proved <= lower_bound(question).near


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS)
def test_any_point_is_made_a_schedule_that_keeps_its_rows(seed: int, other: int) -> None:
    # given a point that breaks every row
    question = random_problem(seed)
    programme = programme_of(question)
    rng = np.random.default_rng(other)
    course, costs = repair(programme, rng.uniform(-0.5, 1.5, len(programme.low)) * programme.high)
    # then what is made of it draws no more than units and sites allow, on their points
    for u, one in enumerate(question.units):
        assert (course.power_w[:, u] <= one.power_max_w * (1 + 1e-12)).all()
        assert (course.work_rate[:, u] <= one.speed.max() * (1 + 1e-12)).all()
    for site, limit_w in enumerate(question.limit_w):
        assert (course.power_w[:, question.site == site].sum(axis=1) <= limit_w * (1 + 1e-12)).all()
    # and does work that is there, all that units do and no more
    done = np.cumsum(course.work, axis=0)
    assert (done <= np.stack([one.released for one in question.work], axis=1) * (1 + 1e-9) + 1e-6).all()
    assert course.work.sum(axis=1) == pytest.approx(course.work_rate.sum(axis=1) * question.step_s, abs=1e-6)
    # and takes heat that is there, up to the limits
    assert (course.dumped_w >= -1e-9).all()
    assert (course.temp_c <= programme.limits.upper_c + 1e-9).all()
    # so that it costs no less than the optimum
    bound = lower_bound(question).bound
    assert costs.total >= bound - rounding(bound)


def wider(question: BoundProblem) -> BoundProblem:
    sinks = (replace(sink, lower_c=sink.lower_c - 0.5, upper_c=sink.upper_c + 0.5) for sink in question.sinks)
    return replace(question, sinks=tuple(sinks))


def later(question: BoundProblem) -> BoundProblem:
    return replace(
        question, work=tuple(replace(one, due=np.concatenate([[0.0], one.due[:-1]])) for one in question.work)
    )


def larger(question: BoundProblem) -> BoundProblem:
    more = unit(question.steps, 0, power_w=700.0, cost=question.units[0].electric_cost)
    return replace(
        question,
        units=(*question.units, more),
        site=np.append(question.site, -1) if len(question.limit_w) else question.site,
    )


def freer(question: BoundProblem) -> BoundProblem:
    return replace(question, units=tuple(replace(one, burns=True) for one in question.units))


def unlimited(question: BoundProblem) -> BoundProblem:
    return replace(question, limit_w=np.zeros(0), site=np.zeros(0, dtype=np.int64))


@pytest.mark.parametrize("relax", [wider, later, larger, freer, unlimited])
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_more_freedom_never_raises_the_bound(relax, seed: int) -> None:  # type: ignore[no-untyped-def]
    question = random_problem(seed)
    tight, loose = lower_bound(question), lower_bound(relax(question))
    assert loose.bound <= tight.near + rounding(tight.near)
    assert loose.near <= tight.near + 1e-6 * (1.0 + abs(tight.near) + abs(tight.costs.end_value))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_order_of_sinks_units_and_classes_changes_nothing(seed: int) -> None:
    question = random_problem(seed)
    order = np.random.default_rng(seed).permutation(len(question.sinks))
    place = np.argsort(order)
    units = [replace(one, sink=int(place[one.sink]) if one.sink >= 0 else -1) for one in question.units]
    mixed = replace(
        question,
        sinks=tuple(question.sinks[s] for s in order),
        units=tuple(units[::-1]),
        site=question.site[::-1],
        work=question.work[::-1],
    )
    one, other = lower_bound(question), lower_bound(mixed)
    assert other.bound == pytest.approx(one.bound, rel=1e-7, abs=1e-6 * (1.0 + one.costs.end_value))
