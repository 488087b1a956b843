"""What holds for plans of any stores at any price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.policy.plan.price import price_of_work
from ondol.policy.plan.problem import J_PER_KWH, StoreProblem
from ondol.policy.plan.stores import StorePlan, plan_stores, plans_at
from unit.policy.plan.problems import most_work, random_problem

PROBLEMS = st.builds(
    random_problem,
    st.integers(0, 10**6),
    stores=st.integers(1, 6),
    steps=st.integers(1, 20),
    packed=st.booleans(),
    rising_backup=st.booleans(),
    burn=st.booleans(),
)
PRICES = st.floats(-0.1, 0.1)


def check_plan(problem: StoreProblem, plan: StorePlan) -> None:
    """Every joule is somewhere, levels and powers are within their limits, and the carbon is that of what flows."""
    step = problem.step_s
    keep = 1.0 - problem.loss_per_s[:, None] * step
    flow = (plan.heat_w - problem.demand_w) * step + plan.backup_j - plan.dumped_j
    scale = problem.capacity_j[:, None] + (problem.heat_levels_w[:, -1:] + problem.demand_w) * step
    assert (np.abs(plan.level_j[:, 1:] - plan.level_j[:, :-1] * keep - flow) <= 1e-9 * scale + 1e-9).all()
    np.testing.assert_array_equal(plan.level_j[:, 0], problem.store_j)
    assert (plan.level_j >= 0.0).all()
    assert (plan.level_j <= problem.capacity_j[:, None]).all()
    assert (plan.backup_j >= 0.0).all()
    assert (plan.dumped_j >= 0.0).all()
    assert ((plan.backup_j == 0.0) | (plan.level_j[:, 1:] == 0.0)).all()  # the backup charges nothing
    for value, levels in ((plan.power_w, problem.power_levels_w), (plan.heat_w, problem.heat_levels_w)):
        assert (value >= 0.0).all()
        assert (value <= levels[:, -1:] * (1.0 + 1e-9)).all()
    assert (plan.work_node_s <= problem.rate_levels[:, -1:] * step * (1.0 + 1e-9)).all()
    electricity = (problem.electricity_g_per_kwh * plan.power_w * step).sum(axis=1)
    backup = (problem.backup_g_per_kwh * plan.backup_j).sum(axis=1)
    left = problem.end_value_g_per_j * plan.level_j[:, -1]
    np.testing.assert_allclose(plan.emitted_g, (electricity + backup) / J_PER_KWH - left, rtol=1e-9, atol=1e-6)
    assert (plan.value_g_per_j >= 0.0).all()
    highest = np.maximum(problem.backup_g_per_kwh.max(axis=1) / J_PER_KWH, problem.end_value_g_per_j)
    assert (plan.value_g_per_j <= highest * (1.0 + 1e-6)).all()


@settings(max_examples=80, deadline=None)
@given(problem=PROBLEMS, price=PRICES, most=st.sampled_from([None, 64, 16, 4]))
def test_joules_are_kept_and_limits_too(problem, price, most):
    """However few values of heat a plan tells apart."""
    check_plan(problem, plan_stores(problem, price, most_multipliers=most))


@settings(max_examples=40, deadline=None)
@given(problem=PROBLEMS, share=st.floats(0.0, 1.2), cap=st.none() | st.floats(0.0, 0.1))
def test_the_plan_of_wanted_work_is_a_plan_and_does_it(problem, share, cap):
    wanted = share * most_work(problem)
    priced = price_of_work(problem, wanted, overflow_price_g_per_node_s=cap)
    check_plan(problem, priced.plan)
    done = priced.plan.work_node_s.sum() + priced.overflow_node_s
    assert abs(done - wanted) <= 1e-9 * max(wanted, 1.0)
    assert priced.iterations <= 25


@settings(max_examples=40, deadline=None)
@given(problem=PROBLEMS, price=PRICES, data=st.data())
def test_the_order_of_stores_is_only_their_order(problem, price, data):
    order = np.array(data.draw(st.permutations(range(problem.stores))))
    plan, shuffled = plan_stores(problem, price), plan_stores(problem.take(order), price)
    np.testing.assert_allclose(shuffled.power_w, plan.power_w[order], rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(shuffled.value_g_per_j, plan.value_g_per_j[order], rtol=1e-9, atol=1e-15)
    wanted = 0.4 * most_work(problem)
    priced, mixed = price_of_work(problem, wanted), price_of_work(problem.take(order), wanted)
    np.testing.assert_allclose(mixed.price_g_per_node_s, priced.price_g_per_node_s, rtol=1e-6)
    # Where the last work is worth the same in several stores or steps it goes by id, and ids were shuffled.
    assert mixed.plan.work_node_s.sum() == pytest.approx(priced.plan.work_node_s.sum(), rel=1e-6)
    assert mixed.plan.emitted_g.sum() == pytest.approx(priced.plan.emitted_g.sum(), rel=1e-4, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    problem=PROBLEMS.filter(lambda p: np.ptp(p.backup_g_per_kwh, axis=1).max() == 0.0),
    price=PRICES,
    more_w=st.floats(0.0, 2e4),
    step=st.integers(0, 19),
)
def test_more_demand_never_makes_heat_worth_less(problem, price, more_w, step):
    """With a steady backup: where it is cleaner now than later, demand that it meets may well make heat worth less."""
    demand = problem.demand_w.copy()
    demand[:, step % problem.steps] += more_w
    before = plan_stores(problem, price, most_multipliers=None)
    after = plan_stores(replace(problem, demand_w=demand), price, most_multipliers=None)
    highest = problem.backup_g_per_kwh.max() / J_PER_KWH
    assert (after.value_g_per_j >= before.value_g_per_j - 1e-6 * highest).all()
    assert (after.worth_g_per_node_s >= before.worth_g_per_node_s - 1e-9).all()


@settings(max_examples=40, deadline=None)
@given(problem=PROBLEMS.filter(lambda p: np.ptp(p.backup_g_per_kwh, axis=1).max() == 0.0))
def test_a_higher_price_never_brings_less_work(problem):
    prices = np.repeat(np.linspace(-0.1, 0.1, 9)[:, None], problem.steps, axis=1)
    work = [plan.work_node_s.sum(axis=1) for plan in plans_at(problem, prices, most_multipliers=None)]
    assert (np.diff(work, axis=0) >= -1e-9 * most_work(problem)).all()


@settings(max_examples=30, deadline=None)
@given(
    problem=PROBLEMS.filter(lambda p: np.ptp(p.backup_g_per_kwh, axis=1).max() == 0.0),
    shares=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)
def test_more_wanted_work_never_lowers_its_price(problem, shares):
    """But for the width of the bracket within which a plan is good enough."""
    less, more = (price_of_work(problem, share * most_work(problem)) for share in sorted(shares))
    dearest_w = (problem.power_levels_w[:, -1:] / problem.rate_levels[:, -1:]).max()
    scale = problem.electricity_g_per_kwh.max() * dearest_w / J_PER_KWH
    assert more.price_g_per_node_s[0] >= less.price_g_per_node_s[0] - 0.05 * scale
