"""The common price of work: against the linear programme of all stores, by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ondol.model.errors import InvalidFieldError
from ondol.policy.plan.price import overflow_g_per_node_s, price_of_work
from ondol.policy.plan.problem import J_PER_KWH
from ondol.policy.plan.stores import plan_stores
from unit.policy.plan.problems import Programme, most_work, one_store, random_problem, stacked


def test_work_without_heat_waits_for_the_cleanest_hour():
    """In summer ten nodes of 400 W do an hour's work; the last quarter is done in the next clean hour."""
    problem = one_store(grid=[300.0, 100.0, 200.0, 300.0], demand=[0.0] * 4, capacity=1e6)
    priced = price_of_work(problem, 1.25 * 36_000.0)
    np.testing.assert_allclose(priced.plan.work_node_s, [[0.0, 36_000.0, 9_000.0, 0.0]], rtol=1e-6)
    assert priced.plan.emitted_g[0] == pytest.approx(4.0 * 100.0 + 200.0)
    assert priced.price_g_per_node_s[0] == pytest.approx(overflow_g_per_node_s(200.0, 400.0), rel=0.05)
    assert priced.overflow_node_s == 0.0


def test_work_that_is_cleaner_elsewhere_is_left_to_the_overflow_site():
    problem = one_store(grid=[300.0, 100.0, 300.0], demand=[0.0] * 3, capacity=1e6)
    cap = overflow_g_per_node_s(200.0, 400.0)
    priced = price_of_work(problem, 2.0 * 36_000.0, overflow_price_g_per_node_s=cap)
    np.testing.assert_allclose(priced.plan.work_node_s, [[0.0, 36_000.0, 0.0]], rtol=1e-6)
    assert priced.overflow_node_s == pytest.approx(36_000.0)
    np.testing.assert_allclose(priced.price_g_per_node_s, cap)


def test_more_work_than_all_machines_can_do_is_told():
    problem = one_store(grid=[300.0, 100.0], demand=[0.0] * 2)
    priced = price_of_work(problem, 100_000.0)
    assert priced.plan.work_node_s.sum() == pytest.approx(72_000.0)
    assert priced.overflow_node_s == pytest.approx(28_000.0)


def test_beside_a_heat_pump_only_wanted_work_runs():
    """A heat pump gives heat for a third of the grid's carbon: compute heat pays for a part of the work, no more."""
    problem = one_store(grid=[210.0] * 4, demand=[5000.0] * 4, backup=70.0, capacity=0.0, heat=(0.0, 3600.0), burn=True)
    priced = price_of_work(problem, 50_000.0)
    assert priced.plan.work_node_s.sum() == pytest.approx(50_000.0)
    assert priced.plan.power_w.mean() == pytest.approx(4000.0 * 50_000.0 / (4 * 36_000.0))  # none for heat alone
    per_node_s = (210.0 - 0.9 * 70.0) * 400.0 / J_PER_KWH
    assert priced.price_g_per_node_s[0] == pytest.approx(per_node_s, rel=0.05)
    assert priced.plan.worth_g_per_node_s[0] == pytest.approx(-per_node_s)


def test_scarce_work_goes_where_its_heat_saves_most_and_the_rest_burns_where_it_may():
    gas = one_store(grid=[50.0] * 2, demand=[5000.0] * 2, backup=230.0, capacity=0.0)
    oil = one_store(grid=[50.0] * 2, demand=[5000.0] * 2, backup=300.0, capacity=0.0)
    burns = one_store(grid=[50.0] * 2, demand=[5000.0] * 2, backup=400.0, capacity=0.0, burn=True)
    priced = price_of_work(stacked(gas, oil, burns), 72_000.0)
    # The one that may burn loses nothing without work, although its heat is worth most.
    np.testing.assert_allclose(priced.plan.work_node_s.sum(axis=1), [0.0, 72_000.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(priced.plan.power_w[2], 4000.0)
    assert priced.price_g_per_node_s[0] < 0.0


def test_equal_stores_are_served_by_id_and_one_of_them_in_part():
    alike = [one_store(grid=[50.0], demand=[5000.0], capacity=0.0) for _ in range(4)]
    priced = price_of_work(stacked(*alike), 2.25 * 36_000.0)
    np.testing.assert_allclose(priced.plan.work_node_s[:, 0], [36_000.0, 36_000.0, 9_000.0, 0.0])


@pytest.mark.parametrize("packed", [True, False])
def test_many_stores_together_cost_what_the_linear_programme_costs(packed):
    gaps = []
    for seed in range(18):
        problem = random_problem(seed, stores=1 + seed % 5, steps=4 + seed % 9, packed=packed, burn=seed % 2 == 0)
        wanted = most_work(problem) * (0.05 + 0.9 * (seed * 7 % 18) / 18)
        cap = None if seed % 3 else overflow_g_per_node_s(float(np.median(problem.electricity_g_per_kwh)), 600.0)
        least = Programme(problem).least(wanted=wanted, overflow=cap)
        priced = price_of_work(problem, wanted, overflow_price_g_per_node_s=cap)
        done = priced.plan.work_node_s.sum() + priced.overflow_node_s
        assert done == pytest.approx(wanted, rel=1e-9)
        cost = priced.plan.emitted_g.sum() + (cap or 0.0) * priced.overflow_node_s
        gaps.append((cost - least.cost_g) / abs(least.cost_g))
        dearest = problem.electricity_g_per_kwh.max() / J_PER_KWH
        scale = float((dearest * problem.power_levels_w[:, -1] / problem.rate_levels[:, -1]).max())
        assert priced.price_g_per_node_s[0] == pytest.approx(least.price_g_per_node_s, abs=0.03 * scale), seed
        assert priced.iterations <= 25
    assert min(gaps) > -1e-7
    assert max(gaps) < 5e-3
    assert np.median(gaps) < 1e-4


def test_work_keeps_to_what_is_released_and_due_at_about_the_least_cost():
    """Half of the work comes late, and a third of it is due early: the programme sets the price of that."""
    extra, off = [], []
    for seed in range(8):
        problem = random_problem(seed, stores=12, steps=14, packed=True)
        most = np.cumsum(problem.rate_levels[:, -1].sum() * problem.step_s)
        wanted = 0.4 * most[-1]
        released = wanted * np.where(np.arange(14) < 9, 0.5, 1.0)
        due = np.minimum(wanted * np.where(np.arange(14) < 6, 0.0, 0.3), 0.8 * most)
        least = Programme(problem).least(wanted=wanted, released=released, due=due)
        priced = price_of_work(problem, wanted, released_node_s=released, due_node_s=due)
        assert priced.plan.work_node_s.sum() == pytest.approx(wanted)
        extra.append((priced.plan.emitted_g.sum() - least.cost_g) / abs(least.cost_g))
        off.append(priced.off_curve_node_s / wanted)
        assert len(np.unique(priced.price_g_per_node_s)) <= 4
    # With twelve stores the work of a bucket comes in lumps: one of them goes over whole.
    assert max(off) < 0.1
    assert np.median(off) < 0.02
    assert max(extra) < 0.02


def test_one_price_ignores_what_four_prices_keep():
    problem = random_problem(5, stores=12, steps=14)
    wanted = 0.3 * most_work(problem)
    released = wanted * np.where(np.arange(14) < 9, 0.2, 1.0)
    one = price_of_work(problem, wanted, released_node_s=released, most_buckets=1)
    four = price_of_work(problem, wanted, released_node_s=released)
    assert one.off_curve_node_s > 0.05 * wanted > four.off_curve_node_s
    assert (
        four.price_g_per_node_s[0] < four.price_g_per_node_s[-1]
    )  # what is not here yet has to wait for a later price


def test_a_sample_finds_the_price_of_many_stores():
    problem = random_problem(4, stores=600, steps=16)
    wanted = 0.3 * most_work(problem)
    priced = price_of_work(problem, wanted)
    assert priced.plan.work_node_s.sum() == pytest.approx(wanted)
    assert priced.iterations <= 10
    # The Lagrangian at any price bounds the cost of all plans from below.
    price = float(priced.price_g_per_node_s[0])
    relaxed = plan_stores(problem, price, most_multipliers=None)
    bound = relaxed.emitted_g.sum() + price * (wanted - relaxed.work_node_s.sum())
    assert bound <= priced.plan.emitted_g.sum() <= bound + 5e-3 * abs(bound)


def test_no_work_and_no_stores_are_no_trouble():
    problem = random_problem(1, stores=3)
    assert price_of_work(problem, 0.0).plan.work_node_s.sum() == 0.0
    nothing = price_of_work(problem.take(np.zeros(0, dtype=np.int64)), 10.0)
    assert nothing.overflow_node_s == 10.0


@pytest.mark.parametrize(
    ("wanted", "options", "names"),
    [
        (-1.0, {}, "wanted_node_s = -1"),
        (np.nan, {}, "wanted_node_s"),
        (10.0, {"overflow_price_g_per_node_s": -1.0}, "overflow_price_g_per_node_s"),
        (10.0, {"most_buckets": 0}, "most_buckets"),
        (10.0, {"released_node_s": np.array([5.0, 4.0])}, r"released_node_s\[1\] = 4.0"),
        (10.0, {"released_node_s": np.array([5.0, 8.0])}, "wanted_node_s = 10.0"),
        (10.0, {"due_node_s": np.array([5.0, 12.0])}, r"due_node_s\[1\]"),
        (10.0, {"due_node_s": np.array([5.0])}, r"due_node_s = \(1,\)"),
        (10.0, {"released_node_s": np.array([1.0, 10.0]), "due_node_s": np.array([2.0, 2.0])}, r"due_node_s\[0\]"),
    ],
)
def test_what_contradicts_itself_is_refused(wanted, options, names):
    problem = one_store(grid=[50.0] * 2, demand=[1.0] * 2)
    with pytest.raises(InvalidFieldError, match=names):
        price_of_work(problem, wanted, **options)
