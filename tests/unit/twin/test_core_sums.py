"""Lateness and the figures of a run, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ondol.accounting.backup_heat import GAS_EFFICIENCY, GAS_EUR_PER_KWH, GAS_G_PER_KWH, HEAT_PUMP_SCOP
from ondol.accounting.figures import J_PER_KWH
from ondol.model.view import ServiceClass
from ondol.twin.lateness import due_s, late_rate, unfinished_rate
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.backup import backup_rates
from ondol.twin.scenario.nouns import BackupSpec, OverflowSpec
from ondol.twin.summary import charges, summarise
from unit.twin.small_fleets import fleet, jobs_of, lived, network, pool, series_of, unit

END_S = 6 * 3600.0


def plain(**changes: Any) -> Scenario:
    """One network that wants nothing, one node that is always on and draws 50 to 100 W, six hours."""
    node = unit(nodes=1, idle_w=50.0, max_w=100.0, off_w=50.0, boot_s=0.0, **changes)
    heater = network(base_w=0.0, slope_w_per_k=0.0, unit=(node,))
    return fleet(heater, days=0.25, place_s=0.0, filler=False, overflow=OverflowSpec(nodes=0))


def test_due_times_by_hand() -> None:
    rows = ((0.0, 1000.0), (0.0, 1000.0), (0.0, 1000.0), (100.0, 1000.0))
    kinds = (ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST, ServiceClass.ON_DEMAND)
    trace = jobs_of(*rows, deadline_s=np.array([np.inf, 5000.0, np.inf, 1500.0]))
    trace.jobs.service[:] = [int(kind) for kind in kinds]
    # on-demand: 1.1 run times and a quarter of an hour, or its own deadline where that comes first
    assert due_s(trace.jobs).tolist() == [2000.0, 5000.0, np.inf, 1500.0]


def test_charges_by_hand() -> None:
    # given one node and four jobs in line: the first is done in time, the second 1,000 s late, the third is at work
    # when it is due and at the end, the fourth has all the time
    rows = ((0.0, 3000.0), (0.0, 2000.0), (0.0, 30_000.0), (0.0, 7000.0))
    trace = jobs_of(*rows, deadline_s=np.array([3000.0, 4000.0, 30_000.0, np.inf]))
    trace.jobs.deadline_s[2] = 10_000.0  # it could never have been met; that is for the sums alone
    twin = lived(plain(), trace)
    assert twin.attempts.end_s[:2].tolist() == [3000.0, 5000.0]
    owed = charges(twin)
    # then the second owes the 1,000 s that it still had to do, the third all of it, the fourth its work at the end
    assert owed.late_s == pytest.approx(1000.0 + 30_000.0)
    assert owed.unfinished_s == pytest.approx(7000.0)


def test_what_was_left_on_a_quick_node_counts_whole() -> None:
    # given a node of twice the speed that ends 1,000 s late: 2,000 s of work were left when it was due
    trace = jobs_of((0.0, 4000.0), (0.0, 6000.0), deadline_s=np.array([np.inf, 6000.0]))
    trace.jobs.deadline_s[1] = 4000.0
    twin = lived(plain(speed=2.0), trace)
    assert twin.attempts.end_s.tolist() == [2000.0, 5000.0]
    assert charges(twin).late_s == pytest.approx(2000.0)


def test_work_that_has_not_come_yet_owes_nothing() -> None:
    trace = jobs_of((0.0, 1000.0), (END_S + 5.0, 1000.0))
    owed = charges(lived(plain(), trace))
    assert (owed.late_s, owed.unfinished_s) == (0.0, 0.0)


def test_energy_carbon_and_money_by_hand() -> None:
    # given a node that runs an hour at full power and stands idle for five
    scenario = plain()
    twin = lived(scenario, jobs_of((0.0, 3600.0)))
    figures = summarise(twin)
    series = twin.series
    assert figures["electric_kwh"] == pytest.approx(0.1 + 5 * 0.05)
    # then carbon is energy by the grid of each step
    by_step_kwh = np.where(np.arange(24) < 4, 0.025, 0.0125)
    assert figures["electric_kg"] == pytest.approx(float((by_step_kwh * series.grid_g_per_kwh[:24]).sum()) / 1000.0)
    assert figures["total_eur"] == pytest.approx(0.35 * 0.20)
    assert figures["total_kg"] == pytest.approx(figures["electric_kg"])
    # all heat is for nobody: some is lost in the loop's case, the rest let out
    assert figures["heat_useful_kwh"] == figures["backup_kwh"] == figures["heat_wanted_kwh"] == 0.0
    assert figures["heat_given_kwh"] == pytest.approx(figures["heat_dumped_kwh"] + figures["heat_lost_kwh"])
    assert figures["heat_given_kwh"] == pytest.approx(0.35)
    assert figures["instances"] == figures["finished"] == 1.0
    assert figures["wait_mean_s"] == 0.0
    assert figures["node_starts_per_day"] == pytest.approx(4.0)


def test_waits_and_misses_by_hand() -> None:
    trace = jobs_of((0.0, 900.0), (0.0, 900.0), (0.0, 900.0), deadline_s=np.array([900.0, 1500.0, np.inf]))
    figures = summarise(lived(plain(), trace))
    assert figures["wait_mean_s"] == pytest.approx(900.0)
    assert figures["wait_flex_p50_s"] == pytest.approx(900.0)
    assert figures["deadline_misses"] == 1.0
    assert figures["deadline_miss_share"] == 0.5
    assert figures["late_h"] == pytest.approx(300.0 / 3600.0)


def test_rates_by_hand() -> None:
    scenario = plain()
    series = series_of(scenario)
    gas_g, gas_eur = backup_rates(scenario, series)
    assert gas_g[0] == GAS_G_PER_KWH["direct"] / GAS_EFFICIENCY
    assert gas_eur[0] == GAS_EUR_PER_KWH
    pump = fleet(network(), backup=BackupSpec(kind="heat_pump"))
    pump_g, pump_eur = backup_rates(pump, series)
    assert pump_g[5] == pytest.approx(series.grid_g_per_kwh[5] / HEAT_PUMP_SCOP)
    assert pump_eur[5] == pytest.approx(0.20 / HEAT_PUMP_SCOP)
    # unfinished work costs a second of the overflow site at full power; late work three times what could ever be spared
    rate = np.full(series.steps, 100.0)
    assert unfinished_rate(scenario, rate) == pytest.approx(84.0 * 1.4 * 100.0 / J_PER_KWH)
    assert late_rate(scenario, series, rate, gas_g) == pytest.approx(3.0 * 252.5 * 84.0 / J_PER_KWH)
    assert late_rate(scenario, series, 3.0 * rate, gas_g) == pytest.approx(3.0 * 420.0 * 84.0 / J_PER_KWH)


def test_stores_that_were_drained_are_made_up_for() -> None:
    # given a warm pool that nobody heats: it ends 0.5 K colder, at its limit
    scenario = fleet(pool(initial_temp_c=28.0, unit=()), days=2.0, filler=False, overflow=OverflowSpec(nodes=1))
    twin = lived(scenario, jobs_of((0.0, 10.0)))
    figures = summarise(twin)
    missing_kwh = 0.5 * 60.0 * 996.0 * 4181.0 / 3.6e6
    assert figures["stored_kwh"] == pytest.approx(-missing_kwh, rel=1e-6)
    assert figures["stored_kg"] == pytest.approx(-missing_kwh * 252.5 / 1000.0, rel=1e-6)
    parts = ("electric_kg", "overflow_kg", "backup_kg", "owed_kg")
    assert figures["total_kg"] == pytest.approx(sum(figures[one] for one in parts) - figures["stored_kg"])
