"""Given sinks in any state, silent ones among them, then every column of the outlook is whole and in bounds."""

from __future__ import annotations

import datetime as dt
import functools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.orders import SiteOrders, SiteReadings
from ondol.agent.site_agent import SiteAgent
from ondol.control.grids import Grids
from ondol.control.outlook import Outlook
from ondol.control.surroundings import PackagedSurroundings
from ondol.control.work_log import WorkLog
from ondol.demo.fleet import demo_fleet
from ondol.drivers.ports import SinkReading
from ondol.model.view import ServiceClass
from ondol.thermal.forecast.spans import SPANS_S

FLEET = demo_fleet()
BEGIN = dt.datetime.fromisoformat("2022-01-26T05:30+01:00")


@functools.cache
def surroundings() -> PackagedSurroundings:
    return PackagedSurroundings(FLEET)


@functools.cache
def grids() -> Grids:
    return Grids(FLEET)


def orders_of(temps_c: list[float | None], now: dt.datetime) -> list[SiteOrders]:
    readings = tuple(
        SinkReading(sink_id=sink.id, measured_at=now, temp_c=temp_c)
        for sink, temp_c in zip(FLEET.sinks, temps_c, strict=True)
        if temp_c is not None
    )
    told = []
    for site in FLEET.sites:
        own = tuple(one for one in readings if FLEET.sink(one.sink_id).site_id == site.id)
        agent = SiteAgent(FLEET, site.id)
        told.append(agent.step(now, readings=SiteReadings(sinks=own, units=()), nodes=(), outdoor_temp_c=3.0))
    return told


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.none() | st.floats(-20.0, 95.0), min_size=len(FLEET.sinks), max_size=len(FLEET.sinks)),
    st.integers(0, 8759),
    st.floats(0.0, 1e7),
)
def test_forecasts_are_whole_whatever_is_measured(temps_c: list[float | None], hour: int, known_work_s: float) -> None:
    now = BEGIN + dt.timedelta(hours=hour, minutes=hour % 60)
    now_s, orders = now.timestamp(), orders_of(temps_c, now)
    work = WorkLog({}, clock_rate=1.0, now_s=now_s)
    outlook = Outlook(FLEET, grids(), weather=surroundings().outdoor, work=work)
    outlook.note(now_s, orders)
    ahead = outlook.ahead(now_s, orders, known_work_s)
    assert ahead is not None
    sinks, shape = ahead.sinks, (len(FLEET.sinks), len(SPANS_S))
    for column in (sinks.store_j, sinks.capacity_j, sinks.loss_per_s, sinks.capture):
        assert np.isfinite(column).all()
        assert (column >= 0.0).all()
    assert (sinks.store_j <= sinks.capacity_j).all()
    assert (sinks.capture <= 1.0).all()
    for ahead_of in (sinks.demand_w, sinks.demand_high_w, sinks.backup_g_per_kwh):
        assert ahead_of.shape == shape
        assert np.isfinite(ahead_of).all()
    assert (sinks.demand_high_w >= sinks.demand_w).all()
    assert (sinks.backup_g_per_kwh > 0.0).all()
    assert (np.diff(sinks.backup_g_per_kwh, axis=1) <= 0.0).all(), "what is missing sooner counts more"
    assert (ahead.ahead_work_s >= 0.0).all()
    assert not ahead.ahead_work_s[ServiceClass.FILLER].any()
    for row, temp_c in enumerate(temps_c):
        if temp_c is None:
            assert sinks.store_j[row] == sinks.capacity_j[row] == 0.0
