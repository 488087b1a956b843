"""What sites keep until the server has it: readings, alarms, hygiene and wishes, each taken once, durably."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable

import msgspec

from ondol.agent.orders import AlarmNote, SiteOrders
from ondol.agent.site_clock import ASTRAY_S
from ondol.agent.wire import Item, Up, pack_any
from ondol.control.heat_requests import HeatRequests
from ondol.control.remote_site import RemoteSite, Taken
from ondol.control.remote_told import own
from ondol.control.site_books import SiteBooks
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId
from ondol.model.points import PointReading
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)
_OUTBOXES = 8  # whose last number is remembered: a folder that was put back from a backup may come back


def key_of(site_id: str) -> str:
    """The document in which is written up to which number a site was taken."""
    return f"remote.{site_id}"


class ItemsIn:
    """Takes the items of all sites.

    Parameters
    ----------
    lock : held while a site's state is changed
    notes_of : all alarms of a site, its own and the server's
    now, rate : platform time, and its seconds per second
    """

    def __init__(
        self,
        store: Store,
        requests: HeatRequests,
        books: SiteBooks,
        *,
        lock: threading.Lock,
        notes_of: Callable[[RemoteSite], tuple[AlarmNote, ...]],
        now: Callable[[], dt.datetime],
        rate: float,
    ) -> None:
        self._store, self._requests, self._books = store, requests, books
        self._lock, self._notes = lock, notes_of
        self._now, self._ahead_s = now, 2.0 * ASTRAY_S * rate

    def take(self, site_id: SiteId, site: RemoteSite, up: Up) -> int:
        """Take what is new among a site's items, in order; gives the number up to which all is durable."""
        before = site.taken.outboxes.get(up.outbox, 0)
        fresh = sorted((item for item in up.items if item.number > before), key=lambda item: item.number)
        if not fresh:
            return before
        readings: list[PointReading] = []
        for item in fresh:
            readings += self._readings(site_id, site, item)
            self._write_down(site_id, site, item)
        number = fresh[-1].number
        others = [one for one in site.taken.outboxes.items() if one[0] != up.outbox][-_OUTBOXES:]
        taken = Taken(outboxes={**dict(others), up.outbox: number})
        # What was written down above does no harm a second time; the number and the readings are one commit.
        self._store.add_readings(site_id, readings, documents={key_of(site_id): pack_any(taken)})
        site.taken = taken
        return number

    def _readings(self, site_id: SiteId, site: RemoteSite, item: Item) -> list[PointReading]:
        found = []
        for row in item.readings:
            if row.entity_id not in site.ids:
                _log.warning("site %s tells readings of %s, which is not its own", site_id, row.entity_id)
                continue
            try:
                found.append(row.reading())
            except (InvalidFieldError, OverflowError, ValueError) as error:
                _log.warning("site %s tells a reading that is none: %s", site_id, error)
        return found

    def _write_down(self, site_id: SiteId, site: RemoteSite, item: Item) -> None:
        """Write alarms, hygiene, backups and wishes; what cannot be is passed over, so that it holds up nothing."""
        try:
            if item.told is not None:
                told = own(item.told, site.ids)
                now = self._now()
                if (told.at - now).total_seconds() > self._ahead_s:
                    _log.warning("site %s tells of %s, which is not yet: its clock is wrong", site_id, told.at)
                    told = msgspec.structs.replace(told, hygiene=(), backups=())
                with self._lock:
                    site.notes = told.alarms
                    notes = self._notes(site)
                self._books.note(
                    site_id,
                    SiteOrders(
                        now=told.at,
                        dt_s=0.0,
                        units=(),
                        nodes=(),
                        sinks=(),
                        backups=told.backups,
                        hygiene=told.hygiene,
                        alarms=notes,
                    ),
                    now=now,
                )
            if item.wish is not None and item.wish.site_id == site_id:
                self._requests.add_wish(item.wish)
        except InvalidFieldError as error:
            _log.warning("site %s tells what cannot be, it is passed over: %s", site_id, error)
