"""The temperature log of every tank with a hygiene rule: appended each minute and at every change, never rewritten."""

from __future__ import annotations

import datetime as dt
import logging
import math
import threading
from collections.abc import Iterable

from ondol.agent.orders import HygieneStatus
from ondol.model.errors import UnavailableError
from ondol.model.ids import SinkId, SiteId
from ondol.storage.heat_ports import CHAIN_BEGIN, HeatStore, HygieneRow

_log = logging.getLogger(__name__)
EVERY_S = 60.0
"""Longest time between rows where nothing changes [s, platform]."""


class HygieneBook:
    """Writes the log; every method is thread-safe."""

    def __init__(self, store: HeatStore) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._last: dict[SinkId, HygieneRow | None] = {}
        self._seals: dict[SinkId, str] = {}

    def note(
        self, site_id: SiteId, statuses: Iterable[HygieneStatus], at: dt.datetime, *, now: dt.datetime | None = None
    ) -> tuple[HygieneRow, ...]:
        """Take how the tanks of a site stand; gives the rows that were written.

        A row is due after `EVERY_S`, and at once where the rule is met or no longer met, its deadline moves by more
        than a minute, a cycle begins or ends, or the sensor is lost or found. What is older than the last row is passed
        over: it was written before. But where the last row lies in the future, a clock was ahead and is right again:
        then the log goes on, its numbers rising and its times going back once. Where storage does not answer, the next
        note tries again.

        Parameters
        ----------
        at : when the site says that this was
        now : platform time; `at` where left out
        """
        with self._lock:
            statuses, rows = tuple(statuses), []
            try:
                due = (self._next(site_id, status, at, at if now is None else now) for status in statuses)
                rows = [row for row in due if row is not None]
                if rows:
                    self._store.append_hygiene(rows)
            except UnavailableError as error:
                _log.warning("the hygiene log of site %s has to wait for storage: %s", site_id, error)
                for status in statuses:  # it may have been written all the same: ask before the next one
                    self._last.pop(status.sink_id, None)
                return ()
            self._last.update({row.sink_id: row for row in rows})
            self._seals.update({row.sink_id: row.hash for row in rows})
            return tuple(rows)

    def _next(self, site_id: SiteId, status: HygieneStatus, at: dt.datetime, now: dt.datetime) -> HygieneRow | None:
        if status.sink_id not in self._last:
            seal = self._store.hygiene_seal(status.sink_id)
            self._last[status.sink_id] = self._store.last_hygiene(status.sink_id)
            # As it was written: a last row that somebody changed is to be given away by the next one, not followed.
            self._seals[status.sink_id] = CHAIN_BEGIN if seal is None else seal[1]
        last = self._last[status.sink_id]
        row = HygieneRow(
            site_id=site_id,
            sink_id=status.sink_id,
            number=1 if last is None else last.number + 1,
            at=at,
            coldest_c=None if math.isnan(status.coldest_c) else round(status.coldest_c, 3),
            above_s=tuple((temp_c, round(above_s, 1)) for temp_c, above_s in status.above_s),
            kept=status.kept,
            due_at=status.due_at,
            cycle=status.cycle,
            before=self._seals[status.sink_id],
        )
        if last is None:
            return row
        if at <= last.at:
            return row if (last.at - now).total_seconds() > EVERY_S else None
        due = (at - last.at).total_seconds() >= EVERY_S
        return row if due or _told(row) != _told(last) or _moved(row.due_at, last.due_at) else None


def _told(row: HygieneRow) -> tuple[bool, bool, str]:
    return row.coldest_c is None, row.kept, row.cycle


def _moved(due_at: dt.datetime | None, before: dt.datetime | None) -> bool:
    if due_at is None or before is None:
        return due_at is not before
    return abs((due_at - before).total_seconds()) > EVERY_S
