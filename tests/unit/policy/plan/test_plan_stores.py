"""Plans of single stores: cases worked out by hand, the linear programme, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.policy.plan.problem import J_PER_KWH
from ondol.policy.plan.stores import StorePlan, plan_stores
from unit.policy.plan.problems import HOUR_S, Programme, one_store, random_problem, stacked

NO_WORK = (0.0, 0.0)


def priced(plan: StorePlan, price: float) -> float:
    """What the plan minimises."""
    return float(plan.emitted_g.sum() - price * plan.work_node_s.sum())


def test_a_store_is_charged_before_an_hour_of_dirty_electricity():
    problem = one_store(grid=[50.0, 400.0], demand=[0.0, 1000.0], rate=NO_WORK)
    plan = plan_stores(problem, 0.0)
    np.testing.assert_allclose(plan.power_w, [[1000.0, 0.0]])
    np.testing.assert_allclose(plan.level_j, [[0.0, 3.6e6, 0.0]])
    assert plan.backup_j.sum() == 0.0
    assert plan.emitted_g[0] == pytest.approx(50.0)  # 1 kWh at 50 g
    assert plan.value_g_per_j[0] == pytest.approx(50.0 / J_PER_KWH)  # one more joule spares its electricity


def test_a_store_is_not_charged_where_its_loss_eats_the_gain():
    leaky = one_store(grid=[50.0, 400.0], demand=[0.0, 1000.0], rate=NO_WORK, loss=0.8 / HOUR_S)
    plan = plan_stores(leaky, 0.0)  # 5 kWh at 50 g for one that the backup gives for 230 g
    assert plan.power_w.max() == 0.0
    assert plan.backup_j[0, 1] == pytest.approx(3.6e6)
    assert plan.value_g_per_j[0] == pytest.approx(0.2 * 0.2 * 230.0 / J_PER_KWH)
    tight = replace(leaky, loss_per_s=np.array([0.2 / HOUR_S]))
    plan = plan_stores(tight, 0.0)
    assert plan.power_w[0, 0] == pytest.approx(1250.0)  # a fifth is lost on the way
    assert plan.value_g_per_j[0] == pytest.approx(0.8 * 50.0 / J_PER_KWH)


def test_in_summer_nothing_runs_for_nothing():
    problem = one_store(grid=[300.0, 100.0, 300.0], demand=[0.0] * 3, capacity=1e6)
    plan = plan_stores(problem, 0.0)
    assert plan.power_w.max() == 0.0
    assert plan.value_g_per_j[0] == 0.0
    # 4 kW for 10 nodes at 300 g/kWh: what a node-second costs now
    assert plan.worth_g_per_node_s[0] == pytest.approx(-300.0 * 400.0 / J_PER_KWH)


def test_work_that_is_worth_its_electricity_runs_though_its_heat_is_dumped():
    problem = one_store(grid=[300.0, 100.0, 300.0], demand=[0.0] * 3, capacity=1e6)
    plan = plan_stores(problem, 101.0 * 400.0 / J_PER_KWH)
    np.testing.assert_allclose(plan.power_w, [[0.0, 4000.0, 0.0]])
    np.testing.assert_allclose(plan.work_node_s, [[0.0, 36_000.0, 0.0]])
    np.testing.assert_allclose(plan.dumped_j, [[0.0, 4000.0 * HOUR_S - 1e6, 0.0]])


@pytest.mark.parametrize(("grid", "runs"), [(400.0, False), (50.0, True)])
def test_power_burns_for_heat_alone_only_on_electricity_cleaner_than_the_backup(grid, runs):
    problem = one_store(grid=[grid] * 2, demand=[1000.0] * 2, heat=(0.0, 3600.0), capacity=0.0, burn=True)
    plan = plan_stores(problem, -1.0)  # there is no work
    assert plan.work_node_s.max() == 0.0
    np.testing.assert_allclose(plan.power_w, [[1000.0 / 0.9] * 2 if runs else [0.0] * 2])
    np.testing.assert_allclose(plan.backup_j, [[0.0] * 2 if runs else [3.6e6] * 2])


def test_part_load_that_heats_nothing_is_never_held():
    problem = one_store(
        grid=[50.0], demand=[1000.0], capacity=0.0, power=(0.0, 1000.0, 3000.0), heat=(0.0, 0.0, 2000.0), rate=(0, 0, 0)
    )
    plan = plan_stores(problem, 0.0)
    assert plan.power_w[0, 0] == pytest.approx(1500.0)  # half of the time at full load


def test_heat_is_stored_past_an_hour_of_clean_backup():
    """A heat pump at noon is clean, at night it is not; it never charges the store, and machines may do so."""
    problem = one_store(grid=[30.0, 30.0, 300.0], demand=[0.0, 0.0, 2000.0], backup=[10.0, 10.0, 100.0], rate=NO_WORK)
    plan = plan_stores(problem, 0.0, most_multipliers=None)
    assert plan.power_w[0, :2].sum() == pytest.approx(2000.0)
    assert plan.backup_j.sum() == pytest.approx(0.0, abs=1e-6)
    assert plan.value_g_per_j[0] == pytest.approx(30.0 / J_PER_KWH)


def test_what_is_left_counts_at_its_value():
    problem = one_store(grid=[50.0], demand=[0.0], capacity=7.2e6, rate=NO_WORK, end_value=100.0 / J_PER_KWH)
    plan = plan_stores(problem, 0.0)
    assert plan.level_j[0, 1] == pytest.approx(7.2e6)
    assert plan.emitted_g[0] == pytest.approx(2 * 50.0 - 2 * 100.0)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("burn", [True, False])
def test_with_all_multipliers_the_plan_is_the_linear_programmes(packed, burn):
    for seed in range(20):
        problem = random_problem(seed, steps=4 + seed, packed=packed, burn=burn)
        price = (seed % 3 - 1) * 0.004 * seed
        least = Programme(problem, price).least().cost_g
        plan = plan_stores(problem, price, most_multipliers=None)
        assert priced(plan, price) == pytest.approx(least, rel=1e-7, abs=1e-6), seed


def test_a_bounded_number_of_multipliers_costs_next_to_nothing():
    stores, price = 200, 0.01
    for packed in (True, False):
        problem = random_problem(7, stores=stores, steps=36, packed=packed)
        exact = plan_stores(problem, price, most_multipliers=None)
        plan = plan_stores(problem, price)
        scale = (
            exact.emitted_g + problem.end_value_g_per_j * exact.level_j[:, -1] + price * exact.work_node_s.sum(axis=1)
        )
        lost = plan.emitted_g - exact.emitted_g - price * (plan.work_node_s - exact.work_node_s).sum(axis=1)
        share = lost / np.maximum(scale, 1.0)
        assert share.min() > -1e-9
        assert share.max() < 0.02
        assert share.mean() < 1e-3


def test_a_backup_that_gets_dirtier_is_planned_nearly_as_well_as_by_branch_and_bound():
    shares = []
    for seed in range(24):
        problem = random_problem(seed, steps=4 + seed % 8, rising_backup=True)
        least = Programme(problem).least_without_charging()
        plan = plan_stores(problem, 0.0, most_multipliers=None)
        shares.append((priced(plan, 0.0) - least) / max(abs(least), 1.0))
    assert min(shares) > -1e-5
    assert max(shares) < 0.05
    assert np.median(shares) < 1e-6


def test_stores_planned_together_are_planned_as_alone():
    problem = random_problem(3, stores=400, steps=10, packed=False)
    together = plan_stores(problem, 0.01)
    for row in (0, 137, 399):
        alone = plan_stores(problem.take(np.array([row])), 0.01)
        np.testing.assert_allclose(together.power_w[row], alone.power_w[0], rtol=1e-9, atol=1e-6)


def test_no_stores_make_an_empty_plan():
    plan = plan_stores(random_problem(0).take(np.zeros(0, dtype=np.int64)), 0.0)
    assert plan.power_w.shape == (0, 12)


@pytest.mark.parametrize(
    ("field", "value", "names"),
    [
        ("store_j", np.array([2e8]), r"store_j\[0\] = 200000000.0"),
        ("loss_per_s", np.array([1.0 / HOUR_S]), r"loss_per_s\[0\]"),
        ("demand_w", np.array([[1.0, np.nan]]), r"demand_w\[0, 1\] = nan"),
        ("demand_w", np.array([[1.0]]), r"demand_w = \(1, 1\).*\(1, 2\)"),
        ("backup_g_per_kwh", np.array([[-1.0, 0.0]]), r"backup_g_per_kwh\[0, 0\] = -1"),
        ("power_levels_w", np.array([[1.0, 4000.0]]), r"power_levels_w\[0, 0\].*0 at level 0"),
        ("rate_levels", np.array([[0.0, np.inf]]), r"rate_levels\[0, 1\]"),
        ("step_s", np.array([3600.0, 0.0]), r"step_s\[1\]"),
    ],
)
def test_what_cannot_be_is_refused_by_name(field, value, names):
    problem = one_store(grid=[50.0] * 2, demand=[1.0] * 2)
    with pytest.raises(InvalidFieldError, match=names):
        replace(problem, **{field: value})


def test_levels_that_fall_are_refused():
    with pytest.raises(InvalidFieldError, match="heat_levels_w"):
        one_store(grid=[50.0], demand=[1.0], power=(0.0, 10.0, 20.0), heat=(0.0, 9.0, 8.0), rate=(0.0, 1.0, 2.0))


def test_prices_and_accuracies_that_mean_nothing_are_refused():
    problem = stacked(random_problem(1), random_problem(2))
    for price in (np.nan, np.zeros(3)):
        with pytest.raises(InvalidFieldError, match="price_g_per_node_s"):
            plan_stores(problem, price)
    with pytest.raises(InvalidFieldError, match="most_multipliers"):
        plan_stores(problem, 0.0, most_multipliers=3)
