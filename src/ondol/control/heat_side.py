"""The heat side of a running platform, put together: what is asked for, who steps which site, where it is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from ondol.agent.site_agent import SiteAgent
from ondol.control.clock import PlatformClock
from ondol.control.heat_requests import HeatRequests
from ondol.control.host_desk import PlatformHosts
from ondol.control.readings_in import ReadingsIn
from ondol.control.remote_sites import RemoteSites
from ondol.control.request_book import RequestBook
from ondol.control.site_bodies import SiteBodies
from ondol.control.site_books import SiteBooks
from ondol.control.sites import Sites
from ondol.drivers.virtual.plant import VirtualPlant
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.storage.ports import Store


class HeatSide:
    """Requests, books, readings and sites of one platform.

    Parameters
    ----------
    agents, plant : of virtual sites
    outdoor_ahead : forecast of the outdoor temperature at a time [°C]
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        clock: PlatformClock,
        *,
        agents: Mapping[SiteId, SiteAgent],
        plant: VirtualPlant,
        outdoor_ahead: Callable[[dt.datetime], float],
    ) -> None:
        self.requests = HeatRequests(fleet, store, clock.now)
        self.request_book = RequestBook(fleet, clock.now(), self.requests)
        books = SiteBooks(store)
        readings = ReadingsIn(fleet, store, clock.now)
        self.bodies = SiteBodies(fleet, store=store, requests=self.requests, now=clock.now, outdoor_ahead=outdoor_ahead)
        self.remote = RemoteSites(
            fleet, store=store, requests=self.requests, books=books, clock=clock, outdoor_ahead=outdoor_ahead
        )
        readings.listeners += [self.bodies.pushed, self.remote.pushed]
        self.sites = Sites(
            fleet,
            agents,
            plant,
            plant,
            outdoor_ahead,
            asked=self.requests.effective,
            bodies=self.bodies,
            remote=self.remote,
            books=books,
        )
        self.hosts = PlatformHosts(fleet, store, clock.now, requests=self.requests, books=books, readings=readings)
