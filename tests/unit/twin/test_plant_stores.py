"""Sinks as stores: levels move by heat, demand and loss, and demand is what the backup alone really needs."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.twin.layout import Layout, SinkKind, lay_out
from ondol.twin.plant.plant import Plant
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.scenario.sinks import SinkSpec
from ondol.twin.stores import Stores
from unit.twin.small_fleets import fleet, network, pool, room, series_of, tank


def house(scenario: Scenario) -> tuple[Layout, Series, Plant, Stores]:
    layout, series = lay_out(scenario), series_of(scenario)
    plant = Plant(layout, series)
    return layout, series, plant, Stores(layout, plant, series)


def demand_w(series: Series, stores: Stores, first: int, last: int) -> np.ndarray:
    steps = np.arange(first, last)
    weather = slice(first, last)
    # a tank that nobody heats loses nothing: what it would lose at level 0 is left out
    return stores.demand_w(
        steps,
        steps + 1,
        series.outdoor_c[:, weather],
        series.solar_w_m2[:, weather],
        series.draws[:, weather],
        standing=False,
    )


@pytest.mark.parametrize(
    ("sink", "tolerance"),
    [
        (room(solar_aperture_m2=0.3), 0.05),
        (room(setback_c=20.0, solar_aperture_m2=0.3), 0.05),
        (tank(), 0.05),
        (pool(), 0.05),
        (network(), 1e-9),
    ],
    ids=["room", "steady room", "tank", "pool", "network"],
)
def test_demand_is_what_the_backup_alone_gives(sink: SinkSpec, tolerance: float) -> None:
    # given a winter's week without compute heat, the first day to settle
    scenario = fleet(sink, days=8.0)
    _, series, plant, stores = house(scenario)
    none = np.zeros(1)
    backup_j = 0.0
    day = round(86_400.0 / series.step_s)
    for step in range(series.steps):
        plant.step(step, none, none)
        if step >= day:
            backup_j += float(plant.backup_w[0]) * series.step_s
    # then the backup gave what the store was said to need
    expected_j = float(demand_w(series, stores, day, series.steps)[0].sum()) * series.step_s
    assert backup_j == pytest.approx(expected_j, rel=tolerance)


def test_demand_over_spans_is_the_mean_of_its_steps() -> None:
    _, series, _, stores = house(fleet())
    fine = demand_w(series, stores, 8, 72)
    first = np.array([8, 10, 16, 40])
    last = np.array([10, 16, 40, 72])
    weather = slice(8, 72)
    coarse = stores.demand_w(
        first,
        last,
        series.outdoor_c[:, weather],
        series.solar_w_m2[:, weather],
        series.draws[:, weather],
        standing=False,
    )
    edges = first - 8
    means = np.add.reduceat(fine, edges, axis=1) / (last - first)
    # a pool's demand is linear in its hours and nearly so in the mains
    assert coarse == pytest.approx(means, rel=1e-3, abs=1.0)


def test_a_rooms_store_moves_by_heat_demand_and_loss() -> None:
    # given a room that has long been held at its limit, the same by day and night
    scenario = fleet(room(setback_c=20.0, initial_temp_c=19.0, solar_aperture_m2=0.0, unit=()), days=2.0)
    _, series, plant, stores = house(scenario)
    begin, end = 96, 192
    heat_w = float(demand_w(series, stores, begin, end)[0].mean()) + 60.0
    for step in range(begin):
        plant.step(step, np.zeros(0), np.zeros(0))
    # when it is heated for a day by 60 W more than it needs
    level_j = [float(stores.levels(begin).store_j[0])]
    for step in range(begin, end):
        outdoor_c, solar = plant.room_weather(step)
        assert plant.rooms.step(step, np.array([heat_w]), outdoor_c, solar).dumped_w[0] == 0.0
        level_j.append(float(stores.levels(step + 1).store_j[0]))
    # then its level rises by what came, less demand, less loss of what was there, to some percent
    loss_per_s = float(stores.levels(begin).loss_per_s[0])
    lost_j = loss_per_s * float(np.mean(level_j)) * (end - begin) * series.step_s
    needed_j = float(demand_w(series, stores, begin, end)[0].sum()) * series.step_s
    given_j = heat_w * (end - begin) * series.step_s
    assert level_j[-1] < float(stores.levels(end).capacity_j[0])
    assert level_j[-1] - level_j[0] == pytest.approx(given_j - needed_j - lost_j, abs=0.05 * given_j)


def test_a_tanks_store_is_the_heat_of_its_mean() -> None:
    # given a tank that is charged above its set-point and nobody draws from
    scenario = fleet(tank(draw_l_per_day=0.0, initial_temp_c=58.0, ambient_c=20.0), days=1.0)
    layout, series, plant, stores = house(scenario)
    before = stores.levels(0)
    plant.step(0, layout.unit_max_w, np.ones(1))
    after = stores.levels(1)
    taken_j = float(plant.heat_w[0] - plant.dumped_w[0]) * series.step_s
    lost_j = 6.35 * (58.0 - 20.0) * series.step_s
    assert 0.0 < before.store_j[0] < after.store_j[0] < after.capacity_j[0]
    assert after.store_j[0] - before.store_j[0] == pytest.approx(taken_j - lost_j, rel=0.002)


def test_a_pools_store_moves_by_heat_demand_and_loss() -> None:
    scenario = fleet(pool(initial_temp_c=27.8), days=1.0)
    layout, series, plant, stores = house(scenario)
    level_j, given_j, begin, end = [float(stores.levels(0).store_j[0])], 0.0, 0, 24
    loss_j = 0.0
    for step in range(begin, end):
        before = stores.levels(step)
        loss_j += float(before.loss_per_s[0] * before.store_j[0]) * series.step_s
        plant.step(step, layout.unit_max_w, np.ones(1))
        given_j += float(plant.heat_w[0] - plant.dumped_w[0] + plant.backup_w[0]) * series.step_s
        level_j.append(float(stores.levels(step + 1).store_j[0]))
    needed_j = float(demand_w(series, stores, begin, end)[0].sum()) * series.step_s
    assert min(level_j) >= 0.0
    assert level_j[-1] - level_j[0] == pytest.approx(given_j - needed_j - loss_j, abs=0.02 * (needed_j + loss_j))


@settings(max_examples=25)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30), st.integers(1, 12))
def test_levels_stay_between_nothing_and_full(shares: list[float], month: int) -> None:
    # given any course of heat in any month
    layout, _, plant, stores = house(fleet(begin=dt.datetime(2026, month, 3, tzinfo=dt.UTC)))
    for step, share in enumerate(shares):
        plant.step(step, 3.0 * share * layout.unit_max_w, np.ones(len(layout.unit_ids)))
        levels = stores.levels(step + 1)
        assert (levels.store_j >= 0.0).all()
        assert (levels.store_j <= levels.capacity_j * (1.0 + 1e-9)).all()
        assert (levels.capacity_j[layout.sink_kind != SinkKind.NETWORK] > 0.0).all()
        assert (levels.loss_per_s >= 0.0).all()
        assert np.isfinite(levels.temp_c).all()
        assert (levels.lower_c < levels.upper_c).all()


def test_heat_in_parts_is_capacity_by_temperature() -> None:
    # given all parts of all stores 1 K warmer
    _, _, plant, stores = house(fleet())
    before_j = stores.parts_j()
    plant.rooms.state += 1.0
    plant.tanks.state += 1.0
    assert plant.pools is not None
    plant.pools.state += 1.0
    # then they hold their capacities more: a room, a tank of 1,000 L, a pool of 60 m³
    grown_j = stores.parts_j() - before_j
    capacities = 5e5 + 4e6 + 22_500.0 + 988.0 * 4181.0 + 60.0 * 996.0 * 4181.0
    assert (grown_j >= 0.0).all()
    assert float(grown_j.sum()) == pytest.approx(capacities)
