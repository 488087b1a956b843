"""The server's side of sites whose agent is a process of its own: what they tell, what they are told."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec

from ondol.agent.orders import AlarmNote, NodeStatus, SiteOrders, SiteReadings
from ondol.agent.wire import Down, NodeState, ReadingRow, Setup, Up, read_up
from ondol.control.heat_requests import HeatRequests
from ondol.control.remote_answers import Answers, AtSite
from ondol.control.remote_items import ItemsIn, key_of
from ondol.control.remote_site import RemoteSite, remote_site
from ondol.control.remote_told import check_orders, own_orders
from ondol.control.silence import SILENT_S, silent_note, silent_orders, twins_note
from ondol.control.site_books import SiteBooks
from ondol.control.site_tokens import SiteTokens
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId, UnitId
from ondol.model.points import PointReading
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
EXCHANGES_PER_S = 100.0
"""With more sites than this they are asked to come less often than every second [1/s, all together]."""
_COMING_S = 2.0  # an agent asks one thing at a time; a second one waits so long for the first [s, wall]
_LIVES = 8  # of the last agents of a site are known: so many may come in turns
_TWINS_TOLD_S = 600.0  # so long after two agents came in turns [s, platform]
_MISSED = 5.0  # exchanges that a site may miss before it is silent
_OUTLOOK_HOURS, _OUTLOOK_EVERY_S = 96, 3600.0
_OUTBOXES = 8  # whose last number is remembered: a folder that was put back from a backup may come back


class Clock(Protocol):
    """Platform time and how fast it goes."""

    rate: float

    def now_s(self) -> float: ...

    def now(self) -> dt.datetime: ...


class RemoteSites:
    """Where agents of their own come to; every method is thread-safe.

    Parameters
    ----------
    fleet : its sites with `agent = "own"` are served here
    outdoor_at, price_at : give a site's forecast of the outdoor temperature [°C], and its price of heat or work, which
        agents keep for when they are alone
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        store: Store,
        requests: HeatRequests,
        books: SiteBooks,
        clock: Clock,
        outdoor_at: AtSite | None = None,
        price_at: AtSite | None = None,
    ) -> None:
        self._books, self._clock = books, clock
        self._tokens = SiteTokens(store)
        self._lock = threading.Lock()
        self._begun_s = clock.now_s()
        self._sites = {
            site.id: remote_site(fleet.of_site(site.id), store.document(key_of(site.id)))
            for site in fleet.sites
            if site.agent == "own"
        }
        self._items = ItemsIn(
            store, requests, books, lock=self._lock, notes_of=self._notes, now=clock.now, rate=clock.rate
        )
        self._answers = Answers(
            requests, lock=self._lock, now_s=clock.now_s, rate=clock.rate, outdoor_at=outdoor_at, price_at=price_at
        )

    @property
    def site_ids(self) -> tuple[SiteId, ...]:
        """Whom it serves, by id."""
        return tuple(sorted(self._sites))

    # -- what agents ask --

    def site_of(self, token: str) -> SiteId | None:
        """Whose token it is, None where it is no site's."""
        return self._tokens.site_of(token)

    def setup(self, site_id: SiteId) -> Setup:
        """What an agent has to know before its first step.

        Raises
        ------
        NotFoundError : no site here has this id and an agent of its own
        """
        site = self._known(site_id)
        return Setup(
            site_id=site_id,
            fleet_file=site.setup,
            fleet=site.digest,
            platform_s=self._clock.now_s(),
            rate=self._clock.rate,
        )

    def exchange(self, site_id: SiteId, body: bytes) -> Down:
        """Take what a site tells, durably, and answer with what it is to know.

        Raises
        ------
        NotFoundError : as `setup`
        ConflictError : it speaks another version
        InvalidFieldError : what it says cannot be
        UnavailableError : storage does not answer; nothing is acknowledged
        """
        site = self._known(site_id)
        up = read_up(body)
        if up.orders is not None:
            check_orders(up.orders)
            up = msgspec.structs.replace(up, orders=own_orders(up.orders, site.ids))
        if not site.coming.acquire(timeout=_COMING_S):  # else one site could hold all threads of the server
            raise UnavailableError(f"An exchange of site {site_id} is still under way: come again later")
        try:
            number = self._items.take(site_id, site, up)
            with self._lock:
                self._hear(site_id, site, up)
            return self._answers.answer(site_id, site, up, number, next_s=self._next_s())
        finally:
            site.coming.release()

    def states(self, site_id: SiteId) -> tuple[NodeState, ...]:
        """Limits of a site's nodes as it told last: requested, accepted, measured."""
        return self._known(site_id).nodes

    def pushed(self, site_id: SiteId, readings: Sequence[PointReading]) -> None:
        """Hand readings that came over the API on to the site's agent."""
        with self._lock:
            site = self._sites.get(site_id)
            if site is not None:
                site.pushed.update((reading.key, ReadingRow.of(reading)) for reading in readings)

    # -- what the loop asks --

    def tell(self, site_id: SiteId, status: Sequence[NodeStatus], floors: Mapping[UnitId, float]) -> None:
        """Note what the next answers tell a site."""
        with self._lock:
            site = self._sites[site_id]
            site.status, site.floors = tuple(status), dict(floors)

    def orders(self, site_id: SiteId, now: dt.datetime) -> tuple[SiteOrders, bool]:
        """Give a site's orders, and whether they are its own: else those of `silent_orders`."""
        with self._lock:
            site = self._sites[site_id]
            now_s = now.timestamp()
            patience_s = max(SILENT_S, _MISSED * self._next_s() * self._clock.rate)
            since_s = self._begun_s if site.heard_s is None else site.heard_s
            late = site.left or now_s - since_s > patience_s
            if late and not site.silent:
                _log.warning("site %s is silent", site_id)
            site.silent = late
            notes = self._notes(site)
            if site.orders is not None and not late:
                return replace(site.orders, alarms=notes), True
            heard_at = None if site.heard_s is None else dt.datetime.fromtimestamp(site.heard_s, dt.UTC)
            return silent_orders(site.part, site.orders, now, heard_at=heard_at, notes=notes, left=site.left), False

    def readings(self, site_id: SiteId) -> SiteReadings:
        """The latest readings of a site's sinks and units."""
        with self._lock:
            site = self._sites[site_id]
            return SiteReadings(sinks=site.sinks, units=site.units)

    def note_alarms(self, site_id: SiteId, now: dt.datetime) -> None:
        """Write down whether a site is silent, beside the alarms that it told."""
        with self._lock:
            notes = self._notes(self._sites[site_id])
        self._books.alarms.note(site_id, notes, now)

    # -- inside --

    def _known(self, site_id: SiteId) -> RemoteSite:
        site = self._sites.get(site_id)
        if site is None:
            raise NotFoundError('site with agent = "own"', site_id)
        return site

    def _notes(self, site: RemoteSite) -> tuple[AlarmNote, ...]:
        notes = site.notes
        if site.twins_s is not None and 0.0 <= self._clock.now_s() - site.twins_s < _TWINS_TOLD_S:
            notes = (*notes, twins_note(site.part))
        if not site.silent:
            return notes
        heard_at = None if site.heard_s is None else dt.datetime.fromtimestamp(site.heard_s, dt.UTC)
        return (*notes, silent_note(site.part, heard_at, left=site.left))

    def _hear(self, site_id: SiteId, site: RemoteSite, up: Up) -> None:
        site.waiting, site.program = up.waiting, up.program
        if up.life != site.lives[-1]:
            if up.life in site.lives:  # a restart is new for good; who comes back after another one never left
                site.twins_s = self._clock.now_s()
            site.lives = (*[life for life in site.lives if life != up.life][1 - _LIVES :], up.life)
        site.left = up.leaving
        if up.leaving:
            _log.info("the agent of site %s ended in order", site_id)
        if up.orders is None or up.leaving:
            return
        units = {str(order.unit_id) for order in up.orders.units}
        nodes = {str(order.node_id) for order in up.orders.nodes}
        if units != site.unit_ids or nodes != site.node_ids:
            _log.warning("site %s still has another fleet; its orders do not count until it has this one", site_id)
            return
        if site.orders is not None and up.orders.now == site.orders.now:
            return  # its link lives, but its loop does not step: that is silence
        now_s = self._clock.now_s()
        if site.silent:
            _log.info("site %s is heard again, %d items wait there", site_id, up.waiting)
        site.heard_s, site.silent = now_s, False
        site.orders = up.orders
        site.sinks = tuple(reading for reading in up.sinks if reading.sink_id in site.ids)
        site.units = tuple(reading for reading in up.units if reading.unit_id in site.unit_ids)
        site.nodes = tuple(state for state in up.nodes if state.node_id in site.node_ids)

    def _next_s(self) -> float:
        return max(1.0, len(self._sites) / EXCHANGES_PER_S)
