"""Each site's forecasts are of its own weather and its own grid, also over a restart, and reach its agent."""

from __future__ import annotations

import dataclasses
import datetime as dt

import msgspec
import numpy as np
import pytest

from ondol.agent.plan import PlanNote, guidance_of
from ondol.agent.wire import Outlook
from ondol.control.demand_log import DemandLog, StoredDay
from ondol.control.grids import Grids
from ondol.control.lessons import Lessons
from ondol.control.sink_physics import SinkPhysics
from ondol.control.sites import Sites
from ondol.control.skies import Skies, one_sky
from ondol.control.surroundings import PackagedSurroundings
from ondol.drivers.virtual.surroundings import OutdoorState
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import constant
from unit.control.test_climates_of_sites import NORTH, SOUTH, house, merged

NOW_S = dt.datetime(2026, 1, 12, tzinfo=dt.UTC).timestamp()


def two_climates() -> Fleet:
    asked = tuple(
        HeatRequest(id=RequestId(f"r-{site}"), site_id=site, target_id=SinkId(f"{site}-room"), schedule=constant(20.0))
        for site in (NORTH, SOUTH)
    )
    return dataclasses.replace(merged(house("north", "H1a"), house("south", "H3")), requests=asked)


def row_of(fleet: Fleet, sink: str) -> int:
    return [one.id for one in fleet.sinks].index(SinkId(sink))


def test_a_room_in_the_north_is_expected_to_need_more_than_its_twin_in_the_south() -> None:
    fleet = two_climates()
    lesson = Lessons(SinkPhysics(fleet), PackagedSurroundings(fleet).skies).by_physics(NOW_S)
    assert lesson is not None
    north, south = lesson.mean_w[row_of(fleet, "north-room")], lesson.mean_w[row_of(fleet, "south-room")]
    assert north.mean() > south.mean() + 50.0
    alone = house("south", "H3")
    alone = dataclasses.replace(alone, requests=fleet.requests[1:])
    by_itself = Lessons(SinkPhysics(alone), PackagedSurroundings(alone).skies).by_physics(NOW_S)
    assert by_itself is not None
    assert south == pytest.approx(by_itself.mean_w[row_of(alone, "south-room")])


def test_sites_of_one_climate_share_a_sky() -> None:
    fleet = merged(house("north", "H1a"), house("south", "H1a"))
    assert PackagedSurroundings(fleet).skies.names == ("H1a",)
    assert PackagedSurroundings(fleet).skies.of_sink.tolist() == [0, 0, 0, 0]


def test_the_log_keeps_each_skys_weather_over_a_restart_and_a_change_of_sites() -> None:
    fleet = two_climates()
    skies = PackagedSurroundings(fleet).skies
    ids = [sink.id for sink in fleet.sinks]
    log = DemandLog(ids, skies)
    for hour in range(3):
        log.sample(3600.0 * hour, ())
    told = log.readings(2 * 3600.0)
    assert told.outdoor_c.shape == (2, 2)
    assert not np.allclose(told.outdoor_c[0], told.outdoor_c[1])
    kept = list(log.documents().values())
    again = DemandLog(ids, skies, kept)
    assert again.readings(2 * 3600.0).outdoor_c == pytest.approx(told.outdoor_c, abs=1e-5)
    other_way = Skies(names=skies.names[::-1], weathers=skies.weathers[::-1], of_sink=1 - skies.of_sink)
    assert DemandLog(ids, other_way, kept).readings(2 * 3600.0).outdoor_c[::-1] == pytest.approx(
        told.outdoor_c, abs=1e-5
    )


def test_days_that_were_written_for_one_sky_are_the_first_skys_only() -> None:
    day = np.full(24, 4.0, dtype="<f4").tobytes()
    old = msgspec.msgpack.encode(StoredDay(day=0, outdoor_c=day, sun_w_m2=day, demand_w={}))
    fleet = two_climates()
    log = DemandLog([sink.id for sink in fleet.sinks], PackagedSurroundings(fleet).skies, [old])
    told = log.readings(86_400.0)
    assert (told.outdoor_c[0] == 4.0).all()
    assert np.isnan(told.outdoor_c[1]).all(), "what was not kept is not known"


def test_one_weather_serves_all_sinks() -> None:
    skies = one_sky(lambda _: OutdoorState(temp_c=3.0), 2)
    assert skies.over_sinks(skies.at([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)])[0]).tolist() == [[3.0], [3.0]]
    assert DemandLog([SinkId("a")], lambda _: OutdoorState(temp_c=3.0)).sample(0.0, ()) is False


def test_each_site_asks_its_own_grid_what_a_cycle_costs() -> None:
    fleet = two_climates()
    sites = (fleet.sites[0], dataclasses.replace(fleet.sites[1], country="NL"))
    grids = Grids(dataclasses.replace(fleet, sites=sites))
    at = dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC)
    assert grids.at_site(NORTH)(at) == grids.at("FR", at.timestamp())
    assert grids.at_site(SOUTH)(at) == grids.at("NL", at.timestamp()) != grids.at_site(NORTH)(at)


class _Agent:
    """Says what it was told."""

    def __init__(self) -> None:
        self.told: dict[str, object] = {}

    def step(self, now: dt.datetime, **told: object) -> object:
        self.told = {"now": now} | told
        return None


class _Nothing:
    def outdoor_temp_c(self) -> None:
        return None

    def sinks(self) -> tuple[()]:
        return ()

    def units(self) -> tuple[()]:
        return ()


def test_the_agents_of_virtual_sites_are_told_the_price_ahead() -> None:
    fleet, agents = two_climates(), {NORTH: _Agent(), SOUTH: _Agent()}

    def price_at(site: SiteId):  # type: ignore[no-untyped-def]
        return lambda _: 1.0 if site == NORTH else 2.0

    sites = Sites(fleet, agents, _Nothing(), None, price_at=price_at)  # type: ignore[arg-type]
    now = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
    sites.step(now, {}, (), {})
    assert [agents[site].told["price_ahead"](now) for site in (NORTH, SOUTH)] == [1.0, 2.0]  # type: ignore[operator]


def test_an_agent_that_is_alone_goes_by_the_prices_that_it_was_told() -> None:
    hours = tuple(float(hour) for hour in range(25))
    note = PlanNote(outlook=Outlook(made_s=0.0, begin_s=0.0, step_s=3600.0, outdoor_c=(5.0,), price=hours))
    ahead = guidance_of(note, {}, dt.datetime.fromtimestamp(9e9, dt.UTC)).price_ahead
    assert ahead is not None
    assert ahead(dt.datetime.fromtimestamp(5400.0, dt.UTC)) == 1.5
    assert guidance_of(PlanNote(), {}, dt.datetime.fromtimestamp(0, dt.UTC)).price_ahead is None
