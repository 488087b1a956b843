"""Alarms: what is wrong at a site or with a budget, since when, and who has seen it."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from ondol.model.checks import check_id, check_text
from ondol.model.ids import SiteId

NO_SITE = SiteId("")
"""Of alarms about what is at no site: budgets."""


class Severity(enum.IntEnum):
    """How bad it is; a higher one is shown first."""

    INFO = 1
    WARNING = 2
    FAULT = 3  # something does not work; heat goes on another way
    DANGER = 4  # a limit is at stake


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm. The same code of the same entity is one alarm until it is cleared.

    Parameters
    ----------
    id : unique for ever, made of site, entity, code and time of raising
    site_id : `NO_SITE` where it is about a budget
    entity_id : what it is about: site, unit, node, sink, circuit, connection or budget
    code : a word for programs, e.g. "sensor-lost", "limit-disobeyed", "hygiene-due", "budget-used-80"
    text : for a person: what is wrong and what to do
    cleared_at : when it was over, None while it lasts
    acknowledged_at, acknowledged_by : who has seen it; it may last on
    """

    id: str
    site_id: SiteId
    entity_id: str
    code: str
    severity: Severity
    text: str
    raised_at: dt.datetime
    cleared_at: dt.datetime | None = None
    acknowledged_at: dt.datetime | None = None
    acknowledged_by: str = ""

    def __post_init__(self) -> None:
        check_text("alarm.id", self.id, 300)
        if self.site_id != NO_SITE:
            check_id("alarm.site", self.site_id)
        check_id("alarm.code", self.code)
        check_text("alarm.text", self.text, 1000)

    @property
    def active(self) -> bool:
        """Whether it lasts."""
        return self.cleared_at is None


def alarm_id(site_id: str, entity_id: str, code: str, raised_at: dt.datetime) -> str:
    """Give the id of an alarm; raised again at another time it is another one."""
    return f"{site_id or 'budget'}.{entity_id}.{code}.{int(raised_at.timestamp() * 1000)}"
