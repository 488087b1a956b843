"""What the loop and the link of one agent both know of their site."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass, field

from ondol.agent.asked import Asked
from ondol.agent.body import BodyStep
from ondol.agent.orders import AlarmNote
from ondol.agent.plan import PlanNote
from ondol.agent.site_clock import ClockNote, SiteClock
from ondol.agent.wire import ReadingRow, Setup
from ondol.model.alarm import Severity
from ondol.model.errors import OndolError
from ondol.model.points import PointReading

_log = logging.getLogger(__name__)
SERVER_LOST_S = 600.0
"""Without a word from the server for this long an alarm tells so [s, platform]."""


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """Hold `lock` around every look at it and every change of it.

    Parameters
    ----------
    setup : what the site is, None before the first answer of the server
    fresh_setup : a newer one that the loop has not taken up yet
    refused_fleet : digest of one that could not be served, "" for none
    clock, clock_note : platform time at the site, and what it is kept by
    plan : what the server told last
    asked : what hosts ask for, None before the first setup
    step : the last one, None before the first and where time was set right
    pushed : readings of hosts that the loop has not taken yet
    refused : why the server refuses this agent, "" where it does not
    """

    setup: Setup | None
    plan: PlanNote
    clock_note: ClockNote | None
    lock: threading.RLock = field(default_factory=threading.RLock)
    fresh_setup: Setup | None = None
    refused_fleet: str = ""
    clock: SiteClock | None = None
    asked: Asked | None = None
    step: BodyStep | None = None
    pushed: tuple[ReadingRow, ...] = ()
    refused: str = ""

    def take_pushed(self) -> list[PointReading]:
        """Readings that hosts pushed since the last time; one that is none is passed over."""
        with self.lock:
            rows, self.pushed = self.pushed, ()
        found = []
        for row in rows:
            try:
                found.append(row.reading())
            except (OndolError, OverflowError, ValueError) as error:
                _log.warning("what was pushed for %s is passed over: %s", row.entity_id, error)
        return found

    def lost_notes(self, site_id: str, now: dt.datetime) -> tuple[AlarmNote, ...]:
        """The alarm that the server has not been heard for long; none where it has."""
        with self.lock:
            silent_s, refused = now.timestamp() - self.plan.told_s, self.refused
        if silent_s < SERVER_LOST_S:
            return ()
        text = refused or "The server does not answer. The site goes on by itself and sends its readings later."
        return (AlarmNote(entity_id=site_id, code="server-lost", severity=Severity.WARNING, text=text[:1000]),)
