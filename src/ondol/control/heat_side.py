"""The heat side of a running platform, put together: what is asked for, who steps which site, where it is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from ondol.agent.site_agent import SiteAgent
from ondol.control.clock import PlatformClock
from ondol.control.heat_requests import HeatRequests
from ondol.control.host_desk import PlatformHosts
from ondol.control.readings_in import KEPT_DAYS, ReadingsIn
from ondol.control.remote_sites import RemoteSites
from ondol.control.request_book import RequestBook
from ondol.control.site_bodies import SiteBodies
from ondol.control.site_books import SiteBooks
from ondol.control.sites import Sites
from ondol.control.surroundings import PackagedSurroundings
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.storage.ports import Store


class HeatSide:
    """Requests, books, readings and sites of one platform.

    Parameters
    ----------
    agents, plant : of virtual sites
    surroundings : tells every site what weather to expect
    price_at : gives the price of heat or work at a site and a time, in any unit; None where nobody knows
    keep_readings_days : older readings are removed, 0 for never [d]
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        clock: PlatformClock,
        *,
        agents: Mapping[SiteId, SiteAgent],
        plant: VirtualPlant,
        surroundings: PackagedSurroundings,
        price_at: Callable[[SiteId], Callable[[dt.datetime], float]] | None = None,
        keep_readings_days: float = KEPT_DAYS,
    ) -> None:
        self.requests = HeatRequests(fleet, store, clock.now)
        self.request_book = RequestBook(fleet, clock.now(), self.requests)
        books = SiteBooks(store)
        self.readings = readings = ReadingsIn(fleet, store, clock.now, kept_days=keep_readings_days)

        def outdoor_at(site_id: SiteId) -> Callable[[dt.datetime], float]:
            return surroundings.at_site(site_id).outdoor_temp_c

        self.bodies = SiteBodies(
            fleet, store=store, requests=self.requests, now=clock.now, outdoor_at=outdoor_at, price_at=price_at
        )
        self.remote = RemoteSites(
            fleet,
            store=store,
            requests=self.requests,
            books=books,
            clock=clock,
            outdoor_at=outdoor_at,
            price_at=price_at,
        )
        readings.listeners += [self.bodies.pushed, self.remote.pushed]
        self.sites = Sites(
            fleet,
            agents,
            plant,
            plant,
            outdoor_at=outdoor_at,
            price_at=price_at,
            asked=self.requests.effective,
            bodies=self.bodies,
            remote=self.remote,
            books=books,
        )
        self.hosts = PlatformHosts(fleet, store, clock.now, requests=self.requests, books=books, readings=readings)
