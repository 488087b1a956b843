"""What is wanted and what is wasted, by hand and at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ondol.model.view import Phase, ServiceClass
from ondol.policy.heat_balance import CENTRAL, HIGH, LOW, heat_balance, horizon_s
from ondol.policy.heat_work import LEVELS
from property.policy.test_decisions import worlds
from unit.policy.views import UnitRow, WorkRow, World

HOURS = [3600.0] * 4
QUARTERS = np.full(16, 900.0)


def house(**unit: object) -> World:
    """One tank heated by one node of two slots, 0 W idle and 400 W at full load: 200 W a slot."""
    row = UnitRow("u0", slots=(2,), idle_w=0.0, max_w=400.0, sink="tank", **{"capacity_j": 3.6e6, **unit})
    return World([row], grid={"home": 60.0}, stores=True, ahead_s=list(HOURS), ahead_grid={"home": [60.0] * 4})


def test_a_store_covers_its_demand_until_it_is_empty():
    """Given 0.25 kWh stored and 250 W of demand, when nobody works, then heat is wanted from the second hour on."""
    balance = heat_balance(house(store_j=0.9e6, demand_w=250.0).view(), QUARTERS)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx([0.0] * 4 + [250.0] * 12)
    assert not balance.wasted_w.any()
    assert balance.grid_g_per_kwh[0] == pytest.approx(60.0)


def test_only_what_own_units_could_give_is_wanted():
    """Given 1 kW of demand above 400 W of units, then the backup's other 600 W are not asked of work."""
    balance = heat_balance(house(demand_w=1000.0).view(), QUARTERS)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx(400.0)


def test_work_that_runs_covers_to_its_end():
    """Given one slot at work for half an hour more, then 200 W less are wanted until then."""
    world = house(demand_w=300.0)
    world.work = [WorkRow("w", phase=Phase.RUNNING, node="u0-n0", expected_s=1800.0)]
    balance = heat_balance(world.view(), QUARTERS)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx([100.0] * 2 + [300.0] * 14)
    assert balance.work_w[0] == pytest.approx([200.0] * 2 + [0.0] * 14)


def test_heat_of_work_beyond_demand_and_store_is_wasted_and_idle_power_is_not_work():
    """Given a full store, no demand and one slot at work, then its 200 W are wasted; the idle node's 50 W are not."""
    world = house(demand_w=0.0, store_j=3.6e6)
    world.units[0].idle_w = 50.0
    world.work = [WorkRow("w", phase=Phase.RUNNING, node="u0-n0", expected_s=7200.0)]
    balance = heat_balance(world.view(), QUARTERS)
    assert balance.wasted_w[CENTRAL, 0] == pytest.approx([175.0] * 8 + [0.0] * 8)


@pytest.mark.parametrize("service", [ServiceClass.HARVEST, ServiceClass.FLEX])
def test_queued_work_that_can_wait_covers_what_is_missing_and_wastes_nothing(service):
    """Given an hour of queued work, one slot wide, and 200 W of demand, then the first hour is covered, no more."""
    world = house(demand_w=200.0)
    world.work = [WorkRow("w", service, expected_s=3600.0, deadline_s=world.now_s + 1e6)]
    balance = heat_balance(world.view(), QUARTERS)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx([0.0] * 4 + [200.0] * 12)
    summer = house(demand_w=0.0, store_j=3.6e6)
    summer.work = list(world.work)
    assert not heat_balance(summer.view(), QUARTERS).wasted_w.any()


def test_what_cannot_wait_is_wasted_where_no_heat_is_wanted_but_goes_to_a_rack_first():
    world = house(demand_w=0.0, store_j=3.6e6)
    world.work = [WorkRow("w", ServiceClass.ON_DEMAND, expected_s=1800.0)]
    assert heat_balance(world.view(), QUARTERS).wasted_w[CENTRAL, 0].max() > 0.0
    world.units.append(UnitRow("rack", heats=False, slots=(4,)))
    assert not heat_balance(world.view(), QUARTERS).wasted_w.any()


def test_filler_neither_covers_nor_wastes():
    """Given filler at work, then the heat that it gives is still wanted: useful work could give it."""
    world = house(demand_w=200.0)
    world.work = [WorkRow("w", ServiceClass.FILLER, Phase.RUNNING, "u0-n0", expected_s=1e5)]
    assert heat_balance(world.view(), QUARTERS).wanted_w[CENTRAL, 0] == pytest.approx(200.0)


def test_work_that_may_not_run_there_covers_nothing():
    world = house(demand_w=200.0)
    world.units.append(UnitRow("u1", site="other", slots=(1,), sink="else", demand_w=0.0, capacity_j=0.0))
    world.ahead_grid["other"] = [60.0] * 4
    world.work = [WorkRow("w", ServiceClass.HARVEST, expected_s=36_000.0, only_on=("u1-n0",))]
    balance = heat_balance(world.view(), QUARTERS)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx(200.0)


def test_the_quantiles_of_demand_come_out_as_quantiles_of_what_is_wanted():
    """Given no store, a mean of 100 W and a 90 % quantile of 150 W, then that is what is wanted at these levels."""
    balance = heat_balance(house(demand_w=100.0, demand_high_w=150.0, capacity_j=0.0).view(), QUARTERS)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx(100.0)
    assert balance.wanted_w[HIGH, 0] == pytest.approx(150.0)
    assert balance.wanted_w[LOW, 0] == pytest.approx(50.0)
    assert balance.forecast


def test_without_forecasts_thermostats_speak_for_as_far_as_they_look():
    world = World([UnitRow("u0", wanted_w=300.0, slots=(2,), idle_w=0.0, max_w=400.0)])
    view = world.view()
    assert horizon_s(view) == 8 * 900.0
    balance = heat_balance(view, np.full(8, 900.0))
    assert not balance.forecast
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx(300.0)


@settings(max_examples=60, deadline=None)
@given(world=worlds() | worlds(constrained=True))
def test_figures_are_sound_in_every_world(world):
    """Nothing below 0, nothing that is no number; more demand never wants less; no more than units give."""
    view = world.view()
    steps = np.full(4, 100.0)
    balance = heat_balance(view, steps)
    for values in (balance.wanted_w, balance.wasted_w, balance.work_w):
        assert np.isfinite(values).all()
        assert (values >= 0.0).all()
    assert balance.wanted_w.shape == (len(LEVELS), len(view.sites.ids), 4)
    assert (np.diff(balance.wanted_w.sum(axis=1), axis=0) >= -1e-6).all()
    assert (balance.wanted_w.max(axis=(0, 2)) <= balance.power_w + 1e-6).all()
