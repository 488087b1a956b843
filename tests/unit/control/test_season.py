"""A year ahead: how many slots heat carries."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control.season import WEEKS, Season
from ondol.control.surroundings import PackagedSurroundings
from ondol.demo.fleet import demo_fleet
from ondol.drivers.virtual.surroundings import OutdoorState

JANUARY = dt.datetime(2022, 1, 24, 9, tzinfo=dt.UTC)


def test_a_summer_fleet_is_a_smaller_one() -> None:
    """Given the demonstration's rooms, tank and pool, then the worst week lies in summer."""
    fleet = demo_fleet()
    surroundings = PackagedSurroundings(fleet)
    season = Season(fleet, lambda site, at: surroundings.at_site(site).outdoor(at))
    weeks, worst = season.weeks(JANUARY), season.worst(JANUARY)
    assert worst is not None
    assert len(weeks) == WEEKS
    assert worst.start.month in (6, 7, 8)
    assert worst.heat_slots < 0.7 * weeks[0].heat_slots
    slots = sum(node.slots for node in fleet.nodes)
    assert all(0.0 <= week.heat_slots <= slots - season.rack_slots for week in weeks)
    assert season.weeks(JANUARY + dt.timedelta(hours=3)) is weeks
    assert season.weeks(JANUARY + dt.timedelta(days=7))[0].start == weeks[1].start


def test_the_colder_it_is_the_more_slots_heat_carries() -> None:
    fleet = demo_fleet()
    means = [
        Season(fleet, lambda _site, _at, c=c: OutdoorState(temp_c=c, solar_w_m2=0.0)).weeks(JANUARY)[0].heat_slots
        for c in (25.0, 15.0, 5.0, -5.0)
    ]
    assert means == sorted(means)
    assert means[0] < means[-1]


def test_a_fleet_without_sinks_has_no_season() -> None:
    fleet = demo_fleet()
    racks = {unit.id for unit in fleet.units if unit.zone_id is None and unit.circuit_id is None}
    bare = type(fleet)(
        name="racks",
        sites=fleet.sites,
        units=tuple(unit for unit in fleet.units if unit.id in racks),
        nodes=tuple(node for node in fleet.nodes if node.unit_id in racks),
    )
    season = Season(bare, lambda _site, _at: pytest.fail("not asked"))
    assert season.worst(JANUARY) is None
    assert season.rack_slots == sum(node.slots for node in bare.nodes)
