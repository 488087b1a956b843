"""Temperatures of a window are those of all of it, however many readings it has."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control import heat_temps
from ondol.control.heat_temps import supply_and_return_c
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.points import PointKey, PointReading, Quality
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.storage.memory.store import MemoryStore

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SITE, POINTS = SiteId("s"), ("supply_temperature", "return_temperature")
FLEET = Fleet(
    name="f",
    sites=(Site(id=SITE, name="S"),),
    units=(Unit(id=UnitId("u"), site_id=SITE, kind=UnitKind.SERVER_RACK),),
    nodes=(Node(id=NodeId("n"), unit_id=UnitId("u"), curve=PowerCurve(100.0, 1000.0)),),
    connections=(Connection(id="c", site_id=SITE, driver="push"),),
    bindings=tuple(Binding(entity_id="u", point=point, connection_id="c", address="x") for point in POINTS),
)


def reading(point: str, hour: float, value: float, quality: Quality = Quality.GOOD) -> PointReading:
    at = START + dt.timedelta(hours=hour)
    return PointReading(key=PointKey("u", point), value=value, measured_at=at, quality=quality)


def test_a_month_of_which_the_second_half_was_warmer_has_the_mean_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more readings than are looked at, when the month is asked for, then its end counts as its beginning."""
    monkeypatch.setattr(heat_temps, "_PARTS", 24)
    monkeypatch.setattr(heat_temps, "_MOST", 3)
    store = MemoryStore()
    rows = [reading(POINTS[0], n / 10.0, 40.0 if n < 120 else 60.0) for n in range(240)]
    rows += [reading(POINTS[1], n / 10.0, 30.0 if n < 120 else 40.0) for n in range(240)]
    rows += [reading(POINTS[0], 5.0 + n / 1000.0, 999.0, Quality.SUSPECT) for n in range(1, 50)]
    store.add_readings(SITE, rows)
    found = supply_and_return_c(FLEET, store, FLEET.sites[0], START, START + dt.timedelta(hours=24))
    assert found == pytest.approx((50.4, 35.0), abs=0.5)


def test_a_window_of_few_readings_counts_them_all_and_one_of_none_tells_nothing() -> None:
    store = MemoryStore()
    store.add_readings(SITE, [reading(one, hour, 50.0 + hour) for one in POINTS for hour in (0.0, 1.0, 5.0)])
    end = START + dt.timedelta(hours=6)
    assert supply_and_return_c(FLEET, store, FLEET.sites[0], START, end) == pytest.approx((52.0, 52.0))
    assert supply_and_return_c(FLEET, store, FLEET.sites[0], end, end + dt.timedelta(days=1)) is None
