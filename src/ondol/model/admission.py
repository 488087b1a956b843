"""What was said of a task when it was accepted: when it will start, and what happens if no heat is wanted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

VERDICTS = ("starts_now", "waits_for_slot", "waits_for_heat", "waits_for_server", "too_late", "by_policy", "in_pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much of a fleet there is.

    Parameters
    ----------
    slots, free_slots : that take work now
    heat_slots : of all slots, those whose heat is demanded now
    rack_slots : of all slots, those whose heat reaches nobody in any case
    worst_week : first day of the week of the coming year in which fewest are, None where that is not known
    worst_week_heat_slots : how many these are then
    """

    slots: int
    free_slots: int
    heat_slots: int | None = None
    rack_slots: int = 0
    worst_week: dt.date | None = None
    worst_week_heat_slots: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionNote:
    """The answer to a submission beyond its id.

    Parameters
    ----------
    said_at : platform time
    service : name of its class, "on_demand", "flex", "harvest" or "filler"
    verdict : one of `VERDICTS`
    heat : state of the fleet's heat signal, "" where there was none yet
    start_p50, start_p90 : expected start, None where nobody estimates
    latest_start : when a flex task starts whatever heat is wanted
    heat_wanted_at : when heat is wanted next where it is not wanted now, None for not within two days
    text : all of it for people
    """

    said_at: dt.datetime
    service: str
    verdict: str
    heat: str
    text: str
    capacity: Capacity
    start_p50: dt.datetime | None = None
    start_p90: dt.datetime | None = None
    latest_start: dt.datetime | None = None
    heat_wanted_at: dt.datetime | None = None
