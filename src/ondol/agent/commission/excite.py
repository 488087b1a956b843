"""Set-points that make a site tell how it is: up and down at random within the band that its host accepts anyway."""

from __future__ import annotations

import random
from dataclasses import replace

from ondol.model.checks import check_range, check_whole
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.schedule import WEEK_MINUTES, Slot, WeeklySchedule

REACH_SHARE = 0.5
"""Set-points move by half of the band: a room falls 0.4 K below a set-point that fell by 1 K, before heat is there."""

HOLD_MINUTES = 240
"""A bit lasts four hours: a room's air answers within one, its walls within a day."""


def excited(fleet: Fleet, seed: int, hold_minutes: int = HOLD_MINUTES) -> Fleet:
    """Give the fleet with every temperature request moved by a pseudo-random binary sequence within its band.

    Parameters
    ----------
    hold_minutes : length of one bit, 30 to 1440
    """
    check_whole("hold_minutes", hold_minutes, 30, 1440)
    requests = tuple(
        replace(one, schedule=excited_schedule(one, seed + number, hold_minutes)) if one.kind == "temperature" else one
        for number, one in enumerate(fleet.requests)
    )
    return replace(fleet, requests=requests)


def excited_schedule(request: HeatRequest, seed: int, hold_minutes: int) -> WeeklySchedule:
    """The week of a request with its set-points moved up or down by its band times `REACH_SHARE`."""
    check_range("request.band_k", request.band_k, 0.0, 20.0, "K")
    reach_k = REACH_SHARE * request.band_k
    draw = random.Random(seed)
    bits = [draw.random() < 0.5 for _ in range(0, WEEK_MINUTES, hold_minutes)]
    changes = sorted({*range(0, WEEK_MINUTES, hold_minutes), *(slot.minute for slot in request.schedule.slots)})
    slots = [
        Slot(
            minute, round(_held(request.schedule, minute) + (reach_k if bits[minute // hold_minutes] else -reach_k), 3)
        )
        for minute in changes
    ]
    return WeeklySchedule(slots=tuple(slots), timezone=request.schedule.timezone)


def _held(schedule: WeeklySchedule, minute: int) -> float:
    past = [slot.value for slot in schedule.slots if slot.minute <= minute]
    return past[-1] if past else schedule.slots[-1].value
