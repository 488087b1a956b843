"""How cold and how warm a sink can be, by hand and by trying."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from ondol.twin.bound.bound import lower_bound
from ondol.twin.bound.limits import Limits, limits_of
from ondol.twin.bound.problem import LinearSink
from ondol.twin.bound.stack import stack_sinks
from unit.twin.bound_cases import const, problem, random_problem, tank, unit


def lone(sink: LinearSink, heat_max_w: float) -> Limits:
    return limits_of(stack_sinks(problem([sink], [])), np.array([heat_max_w]))


def room(drive: list[float], upper: list[float]) -> LinearSink:
    """One state that keeps all its heat; 1 kW for a step is a kelvin."""
    steps = len(drive)
    return replace(
        tank(steps, start=np.array([20.0]), lower_c=const(-inf, steps), upper_c=np.array(upper)),
        heat=np.array([1e-3]),
        draw=np.zeros(1),
        drive=np.array(drive)[:, None],
    )


def test_limit_stands_where_a_sink_cools_by_itself() -> None:
    limits = lone(room([-1.0, -1.0], [21.0, 21.0]), 1500.0)
    assert limits.upper_c[:, 0] == pytest.approx([21.0, 21.0])
    assert limits.low_c[:, 0, 0] == pytest.approx([19.0, 18.0])
    assert limits.high_c[:, 0, 0] == pytest.approx([20.5, 21.0])


def test_sun_lifts_a_sink_above_its_limit_and_it_may_stay_there_until_it_has_cooled() -> None:
    # given a room that the sun lifts by 3 K in the second step, and that cools by 1 K in each of the others
    limits = lone(room([-1.0, 3.0, -1.0, -1.0, -1.0, -1.0], [21.0] * 6), 5000.0)
    assert limits.upper_c[:, 0] == pytest.approx([21.0, 24.0, 23.0, 22.0, 21.0, 21.0])


def test_limit_that_falls_in_the_evening_lets_the_warmth_of_the_day_go_slowly() -> None:
    limits = lone(room([-0.5] * 4, [23.0, 19.0, 19.0, 19.0]), 5000.0)
    assert limits.upper_c[:, 0] == pytest.approx([23.0, 22.5, 22.0, 21.5])


def test_heat_is_not_stored_above_the_limit_for_all_that() -> None:
    # given heat that is worth much at the end, electricity for nothing, and sun in the middle
    sunny = replace(room([-1.0, 3.0, -1.0], [21.0] * 3), end_value=np.array([100.0]))
    answer = lower_bound(problem([sunny], [unit(3, power_w=5000.0, cost=0.0, burns=True)]))
    # then the warmest that it can end is what the sun left of the limit
    assert answer.course.temp_c[-1, 0] == pytest.approx(23.0)
    assert answer.bound == pytest.approx(-2300.0)


@pytest.mark.parametrize("seed", range(25))
def test_no_lawful_course_leaves_the_limits(seed: int) -> None:
    # given sinks of one and two states, with sun, tangents and limits that move
    question = random_problem(seed)
    stack, rng = stack_sinks(question), np.random.default_rng(seed)
    heat_max = rng.uniform(0, 5000, len(question.sinks))
    limits = limits_of(stack, heat_max)
    for _ in range(20):
        state = stack.start
        for t in range(question.steps):
            # when any heat is given that does not take a sink above its limit, or none
            still = np.einsum("skj,sj->sk", stack.transition[t], state) + stack.drive[t]
            still += stack.loss_gain[t] * stack.loss_w(t, state)[:, None]
            still += stack.draw[t] * (rng.choice([0.0, 1.0], len(heat_max)) * stack.demand_w[t])[:, None]
            heat = rng.choice([0.0, 0.3, 1.0], len(heat_max)) * heat_max
            heated = still + stack.heat[t] * heat[:, None]
            lawful = np.einsum("sk,sk->s", stack.observe, heated) <= stack.upper_c[t]
            state = np.where(lawful[:, None], heated, still)
            # then states and temperatures lie within
            assert (state >= limits.low_c[t]).all()
            assert (state <= limits.high_c[t]).all()
            assert (np.einsum("sk,sk->s", stack.observe, state) <= limits.upper_c[t]).all()
