"""How agents tell that their sinks stand: levels by hand, and nan where nobody measures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pytest

from ondol.agent.demand import no_demand
from ondol.agent.feed_forward import WATER_J_PER_L_K
from ondol.agent.heat_layer import SinkMemory
from ondol.agent.layout import SinkLayout, lay_out
from ondol.agent.orders import SinkReport
from ondol.agent.pool_demand import PoolMemory, loss_w, mean_loss_w, pool_capacity_j_per_k
from ondol.agent.stores import report_of
from ondol.agent.zone_demand import ZoneMemory
from ondol.demo.fleet import demo_fleet
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.ids import SinkId
from ondol.model.schedule import constant
from ondol.model.sink import SwimmingPool, Tank, Zone

NOON = dt.datetime.fromisoformat("2022-01-26T12:00+01:00")
FLEET = demo_fleet()


def layout_of(sink_id: str) -> SinkLayout:
    sink = FLEET.sink(SinkId(sink_id))
    return next(one for one in lay_out(FLEET, sink.site_id).sinks if one.sink.id == sink_id)


def report(
    layout: SinkLayout,
    temp_c: float | None,
    *,
    layers_c: tuple[float, ...] = (),
    memory: SinkMemory | None = None,
    shell_c: float = 20.0,
    outdoor_c: float = 0.0,
) -> SinkReport:
    reading = None
    if temp_c is not None:
        reading = SinkReading(sink_id=layout.sink.id, measured_at=NOON, temp_c=temp_c, layers_c=layers_c)
    units = {
        one.unit.id: UnitReading(unit_id=one.unit.id, measured_at=NOON, heat_j=7e6, loop_temp_c=shell_c)
        for one in layout.units
    }
    return report_of(
        layout,
        now=NOON,
        reading=reading,
        units=units,
        outdoor_c=outdoor_c,
        demand=dataclasses.replace(no_demand(), ahead_w=(300.0,) * 8),
        memory=memory or SinkMemory(),
    )


def test_a_tank_counts_from_its_set_point_to_the_upper_end_of_its_band() -> None:
    """Given 400 L that shall have 43 ± 3 °C, when its layers have 44.5 °C in the mean, then half the store is full."""
    layout = layout_of("preheat")
    tank = layout.sink
    assert isinstance(tank, Tank)
    told = report(layout, 46.0, layers_c=(46.0, 45.0, 44.0, 43.0))
    c = 400.0 * WATER_J_PER_L_K
    assert told.store_j == pytest.approx(1.5 * c)
    assert told.capacity_j == pytest.approx(3.0 * c)
    assert told.loss_per_s == pytest.approx(tank.ua_w_per_k / c)
    assert told.excess_w == pytest.approx(1.5 * tank.ua_w_per_k)
    assert (told.lacks_j, told.walls_lack_j, told.heat_j) == (0.0, 0.0, 7e6)
    cold = report(layout, 40.0)
    assert cold.store_j == 0.0
    assert cold.lacks_j == pytest.approx(3.0 * c)
    assert not cold.below_band, "3 K below are within the band"
    assert report(layout, 39.9).below_band


def test_a_tank_is_never_planned_above_what_its_hardware_reaches() -> None:
    layout = layout_of("preheat")
    assert layout.request is not None
    hot = dataclasses.replace(
        layout,
        request=dataclasses.replace(layout.request, schedule=constant(62.0), band_k=10.0),
        sink=dataclasses.replace(layout.sink, temp_max_c=90.0),
    )
    assert report(hot, 50.0).capacity_j == pytest.approx(1.0 * 400.0 * WATER_J_PER_L_K), "the loop has 65 °C at most"


def test_a_room_counts_air_shell_and_walls_and_tells_what_its_walls_will_take() -> None:
    layout = layout_of("flat-1")
    zone, model = layout.sink, layout.model
    assert isinstance(zone, Zone)
    assert model is not None
    rest_c = model.steady_walls_c(19.0, 0.0)
    warm = report(layout, 19.4, memory=SinkMemory(zone=ZoneMemory(temp_c=19.4, walls_c=rest_c + 0.2)), shell_c=19.4)
    held = 0.4 * zone.air_j_per_k + 0.2 * zone.mass_j_per_k
    assert warm.store_j == pytest.approx(min(held, 0.4 * model.store_j_per_k))
    assert warm.capacity_j == pytest.approx(0.5 * model.store_j_per_k)
    assert warm.walls_lack_j == 0.0
    # In the morning the air is there and the walls are not: nothing is stored, and they will take the difference.
    morning = report(layout, 19.1, memory=SinkMemory(zone=ZoneMemory(temp_c=19.1, walls_c=rest_c - 1.0)), shell_c=19.1)
    assert morning.store_j == 0.0
    assert morning.lacks_j == 0.0
    assert morning.walls_lack_j == pytest.approx(zone.mass_j_per_k - 0.1 * zone.air_j_per_k)
    cold = report(layout, 18.0, memory=SinkMemory(zone=ZoneMemory(temp_c=18.0, walls_c=rest_c)), shell_c=18.0)
    assert cold.lacks_j == pytest.approx(1.0 * zone.air_j_per_k)


def test_what_a_room_loses_is_what_its_balance_misses() -> None:
    """Given the agent's own model, when it lives an hour, then meter, held heat and excess give its demand."""
    layout = layout_of("flat-2")
    model, outdoor_c = layout.model, 2.0
    assert model is not None
    assert isinstance(layout.sink, Zone)
    state = np.array([20.0, 18.5, 20.0])
    power_w, excess_j, heat_j = 400.0, 0.0, 0.0
    first = report(layout, 20.0, memory=SinkMemory(zone=ZoneMemory(temp_c=20.0, walls_c=18.5)), outdoor_c=outdoor_c)
    last = first
    for _ in range(3600):
        heat_j += model.shell_ua_w_per_k * (float(state[2]) - float(state[0]))
        excess_j += last.excess_w
        state = model.advance(state, power_w, outdoor_c, 1.0)
        memory = SinkMemory(zone=ZoneMemory(temp_c=float(state[0]), walls_c=float(state[1])))
        last = report(layout, float(state[0]), memory=memory, shell_c=float(state[2]), outdoor_c=outdoor_c)
    demand_w = (heat_j - (last.held_j - first.held_j) - excess_j) / 3600.0
    assert demand_w == pytest.approx(model.ua_w_per_k * (19.5 - outdoor_c) - layout.sink.gains_w, rel=2e-3)


def test_a_pool_counts_from_its_set_point() -> None:
    layout = layout_of("basin")
    pool = layout.sink
    assert isinstance(pool, SwimmingPool)
    told = report(layout, 29.1, memory=SinkMemory(pool=PoolMemory(temp_c=29.1)))
    assert told.store_j == pytest.approx(0.1 * pool_capacity_j_per_k(pool))
    assert told.capacity_j == pytest.approx(0.2 * pool_capacity_j_per_k(pool))
    day = 0.5 * (loss_w(pool, 29.0, in_use=True) + loss_w(pool, 29.0, in_use=False))
    assert day == pytest.approx(mean_loss_w(pool, 29.0), rel=1e-6)


@pytest.mark.parametrize("sink", ["preheat", "flat-1", "basin"])
def test_a_lost_sensor_makes_everything_unknown_but_the_wants(sink: str) -> None:
    told = report(layout_of(sink), None)
    assert not told.known
    assert all(math.isnan(value) for value in (told.store_j, told.capacity_j, told.loss_per_s, told.lacks_j))
    assert told.wanted_ahead_w == (300.0,) * 8


@pytest.mark.parametrize("kind", ["power", "nothing"])
def test_a_sink_that_is_asked_for_watts_or_for_nothing_stores_nothing(kind: str) -> None:
    layout = layout_of("preheat")
    assert layout.request is not None
    request = dataclasses.replace(layout.request, kind="power", schedule=constant(500.0)) if kind == "power" else None
    told = report(dataclasses.replace(layout, request=request), 50.0)
    assert (told.store_j, told.capacity_j, told.loss_per_s) == (0.0, 0.0, 0.0)
    assert told.known
