"""Alarms of all sites and of budgets: raised once, cleared once, seen by somebody; durable at every change."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import logging
import threading
from collections.abc import Iterable

from ondol.agent.orders import AlarmNote
from ondol.model.alarm import NO_SITE, Alarm, alarm_id
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.model.ids import SiteId
from ondol.storage.heat_ports import HeatStore

_log = logging.getLogger(__name__)
_MOST_ACTIVE = 100_000  # of all sites together, read at the start


class AlarmBook:
    """Turns what is noted step by step into alarms with a beginning and an end; every method is thread-safe."""

    def __init__(self, store: HeatStore) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._active: dict[SiteId, dict[tuple[str, str], Alarm]] = {}
        lasting = (store.alarms(site_id, active=True, limit=_MOST_ACTIVE) for site_id in (None, NO_SITE))
        for alarm in itertools.chain.from_iterable(lasting):
            self._active.setdefault(alarm.site_id, {})[alarm.entity_id, alarm.code] = alarm

    def note(self, site_id: SiteId, notes: Iterable[AlarmNote], at: dt.datetime) -> tuple[Alarm, ...]:
        """Take all that is wrong at a site at a time: raise what is new, clear what is no longer noted.

        `NO_SITE` stands for all budgets together. Of one entity and code one alarm is active at a time. A text that
        changes while it lasts does not: what is wrong stays what it is. A severity that rises does, and has to be
        acknowledged again. Where storage does not answer nothing changes here either, and the next note tries again.

        Returns
        -------
        what was raised, changed or cleared by this
        """
        noted = {(note.entity_id, note.code): note for note in notes}
        with self._lock:
            active = self._active.get(site_id, {})
            if not noted and not active:
                return ()
            after: dict[tuple[str, str], Alarm] = {}
            changed = [
                dataclasses.replace(alarm, cleared_at=max(at, alarm.raised_at))
                for key, alarm in sorted(active.items())
                if key not in noted
            ]
            for key, note in sorted(noted.items()):
                before = active.get(key)
                after[key] = _raised(site_id, note, at) if before is None else _risen(before, note)
                if after[key] is not before:
                    changed.append(after[key])
            if changed:
                try:
                    self._store.put_alarms(changed)
                except UnavailableError as error:
                    _log.warning("alarms of site %s have to wait for storage: %s", site_id, error)
                    return ()
                self._active[site_id] = after
            return tuple(changed)

    def ack(self, alarm_key: str, who: str, at: dt.datetime) -> Alarm:
        """Have somebody seen an alarm; it may last on. The first who saw it stays named.

        Raises
        ------
        NotFoundError : there is no such alarm
        """
        with self._lock:
            alarm = self._store.alarm(alarm_key)
            if alarm is None:
                raise NotFoundError("alarm", alarm_key)
            if alarm.acknowledged_at is not None:
                return alarm
            seen = dataclasses.replace(alarm, acknowledged_at=at, acknowledged_by=who)
            self._store.put_alarms([seen])
            own = self._active.get(alarm.site_id, {})
            if (alarm.entity_id, alarm.code) in own and own[alarm.entity_id, alarm.code].id == alarm.id:
                own[alarm.entity_id, alarm.code] = seen
            return seen

    def active(self, site_id: SiteId) -> tuple[Alarm, ...]:
        """What is wrong at a site now, by entity and code."""
        with self._lock:
            return tuple(alarm for _, alarm in sorted(self._active.get(site_id, {}).items()))


def _raised(site_id: SiteId, note: AlarmNote, at: dt.datetime) -> Alarm:
    return Alarm(
        id=alarm_id(site_id, note.entity_id, note.code, at),
        site_id=site_id,
        entity_id=note.entity_id,
        code=note.code,
        severity=note.severity,
        text=note.text,
        raised_at=at,
    )


def _risen(alarm: Alarm, note: AlarmNote) -> Alarm:
    if note.severity <= alarm.severity:
        return alarm
    return dataclasses.replace(alarm, severity=note.severity, text=note.text, acknowledged_at=None, acknowledged_by="")
