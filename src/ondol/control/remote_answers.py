"""What sites are told: their requests and wishes, their plan, weather and prices for when they are alone."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Callable

from ondol.agent.wire import Down, Outlook, Up, pack_any
from ondol.control.heat_requests import HeatRequests
from ondol.control.remote_site import RemoteSite
from ondol.model.heat_request import HeatRequest, HostWish
from ondol.model.ids import SiteId
from ondol.model.site import Site

_OUTLOOK_HOURS, _OUTLOOK_EVERY_S = 96, 3600.0
AtSite = Callable[[SiteId], Callable[[dt.datetime], float]]
"""Gives a value at a site and a time."""


class Answers:
    """Puts together what each site does not have yet.

    Parameters
    ----------
    lock : held while a site's state is looked at
    now_s, rate : platform time [s since the epoch], and its seconds per second
    outdoor_at, price_at : forecast of the outdoor temperature [°C], and price of heat or work, None for nothing
    """

    def __init__(
        self,
        requests: HeatRequests,
        *,
        lock: threading.Lock,
        now_s: Callable[[], float],
        rate: float,
        outdoor_at: AtSite | None,
        price_at: AtSite | None,
    ) -> None:
        self._requests, self._lock, self._now_s, self._rate = requests, lock, now_s, rate
        self._outdoor_at, self._price_at = outdoor_at, price_at
        self._outlooks: dict[tuple[str, str], Outlook] = {}  # by climate and country

    def answer(self, site_id: SiteId, site: RemoteSite, up: Up, number: int, *, next_s: float) -> Down:
        """Answer one exchange.

        Parameters
        ----------
        number : up to which all that the site told is durable
        next_s : when it is to come again [s, wall]
        """
        version, digest, requests = self._asked(site_id, site)
        site.requests = (version, digest, requests)
        outlook = self._weather(site.part.sites[0])
        recent = outlook is None or outlook.made_s <= up.have.outlook_s
        with self._lock:
            status, floors, pushed = site.status, dict(site.floors), tuple(site.pushed.values())
        return Down(
            platform_s=self._now_s(),
            rate=self._rate,
            acknowledged=number,
            nodes=status,
            floors=floors,
            fleet=site.digest,
            requests=None if up.have.requests == digest else requests,
            requests_digest=digest,
            wishes=self._wishes(site_id, site, version, up.have.wishes_after),
            outlook=None if recent else outlook,
            pushed=pushed,
            next_s=next_s,
        )

    def _asked(self, site_id: SiteId, site: RemoteSite) -> tuple[int, str, tuple[HeatRequest, ...]]:
        version = self._requests.version(site_id)
        if site.requests[0] == version:
            return site.requests
        requests = self._requests.requests(site_id)
        return version, hashlib.sha256(pack_any(requests)).hexdigest()[:16], requests

    def _wishes(self, site_id: SiteId, site: RemoteSite, version: int, after: int) -> tuple[tuple[int, HostWish], ...]:
        """Wishes above a number; storage is not asked again where it had none and nothing came since that version."""
        if site.no_wishes == (version, after):
            return ()
        found = self._requests.wishes(site_id, after)
        if not found:
            site.no_wishes = (version, after)
        return found

    def _weather(self, site: Site) -> Outlook | None:
        if self._outdoor_at is None:
            return None
        now_s = self._now_s()
        outlook = self._outlooks.get((site.climate, site.country))
        if outlook is None or not 0.0 <= now_s - outlook.made_s < _OUTLOOK_EVERY_S:
            begin_s = now_s - now_s % 3600.0
            hours = [dt.datetime.fromtimestamp(begin_s + 3600.0 * k, dt.UTC) for k in range(_OUTLOOK_HOURS)]
            outdoor_ahead = self._outdoor_at(site.id)
            outdoor_c = tuple(float(outdoor_ahead(hour)) for hour in hours)
            price_at = None if self._price_at is None else self._price_at(site.id)
            price = () if price_at is None else tuple(float(price_at(hour)) for hour in hours)
            outlook = Outlook(made_s=now_s, begin_s=begin_s, step_s=3600.0, outdoor_c=outdoor_c, price=price)
            self._outlooks[site.climate, site.country] = outlook
        return outlook
