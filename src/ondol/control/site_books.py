"""What sites tell step by step, written down: alarms, the hygiene log, and when other heaters ran."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable

from ondol.agent.orders import BackupOrder, SiteOrders
from ondol.control.alarm_book import AlarmBook
from ondol.control.hygiene_book import HygieneBook
from ondol.model.errors import UnavailableError
from ondol.model.ids import SinkId, SiteId
from ondol.model.points import PointKey, PointReading, Quality
from ondol.storage.heat_ports import HeatStore

_log = logging.getLogger(__name__)
BACKUP_S = 600.0
"""The state of another heater is written at every change, and so often [s, platform]; a longer silence is a gap."""


def backup_key(sink_id: str) -> PointKey:
    """The point under which it is kept whether a sink's other heater was ordered to run."""
    return PointKey(sink_id, "backup")


class SiteBooks:
    """The books of all sites; `note` is to be called with every step's orders of a site."""

    def __init__(self, store: HeatStore, *, alarms: AlarmBook | None = None) -> None:
        self._store = store
        self.alarms = alarms or AlarmBook(store)
        self.hygiene = HygieneBook(store)
        self._backups: dict[SinkId, tuple[bool, dt.datetime]] = {}

    def note(self, site_id: SiteId, orders: SiteOrders, *, now: dt.datetime | None = None) -> None:
        """Write down what a site's step told; nothing is raised where storage does not answer.

        Parameters
        ----------
        now : platform time; that of the orders where left out
        """
        self.alarms.note(site_id, orders.alarms, orders.now)
        self.hygiene.note(site_id, orders.hygiene, orders.now, now=now)
        self._note_backups(site_id, orders.backups, orders.now)

    def _note_backups(self, site_id: SiteId, backups: Iterable[BackupOrder], at: dt.datetime) -> None:
        fresh: list[BackupOrder] = []
        for order in backups:
            on, since = self._backups.get(order.sink_id, (None, at))
            if on is not order.on or not 0.0 <= (at - since).total_seconds() < BACKUP_S:  # a clock may be set back
                fresh.append(order)
        if not fresh:
            return
        readings = [
            PointReading(
                key=backup_key(order.sink_id), value=float(order.on), measured_at=at, quality=Quality.ESTIMATED
            )
            for order in fresh
        ]
        try:
            self._store.add_readings(site_id, readings)
        except UnavailableError as error:
            _log.warning("when other heaters of site %s ran has to wait for storage: %s", site_id, error)
            return
        self._backups.update({order.sink_id: (order.on, at) for order in fresh})
