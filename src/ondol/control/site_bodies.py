"""Sites with real connections whose agent runs inside the platform: stepped with the others, readings kept."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ondol.agent.body import STAND_DOWN_S, BodyStep, SiteBody
from ondol.agent.orders import NodeStatus, SiteOrders, SiteReadings
from ondol.agent.plan import Guidance
from ondol.agent.recorder import Recorder
from ondol.agent.wire import readings_of
from ondol.control.heat_requests import HeatRequests
from ondol.control.silence import silent_orders
from ondol.model.errors import InvalidFieldError, OndolError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId, UnitId
from ondol.model.points import PointReading
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
_MOST_WAITING = 50_000  # readings of a site that are held in memory while storage does not answer


class SiteBodies:
    """All embedded sites with connections.

    Parameters
    ----------
    now : platform time
    outdoor_at : gives a site's forecast of the outdoor temperature at a time [°C]
    price_at : gives a site's price of heat or work at a time, in any unit
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        store: Store,
        requests: HeatRequests,
        now: Callable[[], dt.datetime],
        outdoor_at: Callable[[SiteId], Callable[[dt.datetime], float]] | None = None,
        price_at: Callable[[SiteId], Callable[[dt.datetime], float]] | None = None,
    ) -> None:
        self._store, self._requests, self._outdoor_at, self._price_at = store, requests, outdoor_at, price_at
        self._now = now
        self._bodies: dict[SiteId, SiteBody] = {}
        for site in fleet.sites:
            if site.agent != "embedded" or not fleet.connections_of(site.id):
                continue
            body = SiteBody(fleet.of_site(site.id), now=now)
            kept = store.document(_key(site.id))
            if kept is not None:
                try:
                    body.restore(msgspec.json.decode(kept))
                except (InvalidFieldError, msgspec.MsgspecError, TypeError) as error:
                    _log.warning("site %s begins afresh: %s", site.id, error)
            self._bodies[site.id] = body
        self._recorders = {site_id: Recorder() for site_id in self._bodies}
        self._waiting: dict[SiteId, list[PointReading]] = {site_id: [] for site_id in self._bodies}
        self._last: dict[SiteId, BodyStep] = {}
        self._failing: set[SiteId] = set()

    @property
    def site_ids(self) -> tuple[SiteId, ...]:
        """Whom it holds, by id."""
        return tuple(sorted(self._bodies))

    def open(self) -> None:
        """Open all connections; returns at once."""
        for body in self._bodies.values():
            body.open()

    def close(self) -> None:
        """Leave all sites safe without a watch, and close all connections."""
        driven = [body for site_id, body in self._bodies.items() if site_id in self._last]
        for body in driven:  # what was never driven is not touched
            body.stand_down(self._now())
        until_s = time.monotonic() + STAND_DOWN_S  # for all together: one device that hangs must not add up
        for body in driven:
            if not body.settle(max(until_s - time.monotonic(), 0.0)):
                _log.warning("site %s: not all that was ordered at the end could be written", body.site_id)
        for body in self._bodies.values():
            body.close()

    def step(
        self, site_id: SiteId, now: dt.datetime, nodes: Sequence[NodeStatus], floors: Mapping[UnitId, float]
    ) -> SiteOrders:
        """Let one site live a step; where that fails its orders of before stand, and the others live on.

        Where steps fail for long, or have never succeeded, it counts as silent, see `silent_orders`.
        """
        guidance = Guidance(
            nodes=tuple(nodes),
            floors=floors,
            requests=self._requests.effective(site_id, now),
            outdoor_ahead=None if self._outdoor_at is None else self._outdoor_at(site_id),
            price_ahead=None if self._price_at is None else self._price_at(site_id),
        )
        try:
            step = self._bodies[site_id].step(now, guidance, wish_of=self._requests.wish_of)
        except Exception:  # noqa: BLE001 - whatever one site's hardware makes us do, all others must live on
            _log.exception("site %s could not take a step", site_id)
            return self._failed(site_id, now)
        self._last[site_id] = step
        self._failing.discard(site_id)
        for wish in step.wishes:
            try:
                self._requests.add_wish(wish)
            except OndolError as error:
                _log.warning("a wish at site %s is lost: %s", site_id, error)
        self._keep(site_id, step)
        return step.orders

    def readings(self, site_id: SiteId) -> SiteReadings:
        """The latest readings of a site's sinks and units."""
        last = self._last.get(site_id)
        return SiteReadings(sinks=(), units=()) if last is None else last.sensed.readings

    def lives(self, site_id: SiteId) -> bool:
        """Whether its orders are those of a step of its own."""
        return site_id not in self._failing

    def pushed(self, site_id: SiteId, readings: Sequence[PointReading]) -> None:
        """Give readings that came over the API to the drivers that wait for them."""
        body = self._bodies.get(site_id)
        if body is not None:
            body.push(readings)

    def documents(self) -> dict[str, bytes]:
        """What of it must outlive the platform."""
        return {_key(site_id): _packed(body.snapshot()) for site_id, body in self._bodies.items()}

    def _failed(self, site_id: SiteId, now: dt.datetime) -> SiteOrders:
        body, last = self._bodies[site_id], self._last.get(site_id)
        note = body.failed(now)
        if note is None and last is not None:
            return last.orders
        self._failing.add(site_id)
        heard_at = None if last is None else last.orders.now
        notes = () if note is None else (note,)
        return silent_orders(body.fleet, None if last is None else last.orders, now, heard_at=heard_at, notes=notes)

    def _keep(self, site_id: SiteId, step: BodyStep) -> None:
        waiting = self._waiting[site_id]
        waiting += readings_of(self._recorders[site_id].take(step))
        del waiting[:-_MOST_WAITING]
        if not waiting:
            return
        try:
            self._store.add_readings(site_id, waiting)
        except UnavailableError as error:
            _log.warning("readings of site %s have to wait for storage: %s", site_id, error)
            return
        waiting.clear()


def _key(site_id: str) -> str:
    return f"body.{site_id}"


def _packed(snapshot: dict[str, Any]) -> bytes:
    return msgspec.json.encode(snapshot)
