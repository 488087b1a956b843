"""Weekly set-point schedules in the local time of a site."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.zones import check_timezone

WEEK_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Slot:
    """From this minute of the local week on, hold this value.

    Parameters
    ----------
    minute : minute of the week, Monday 00:00 = 0, in [0, 10079]
    value : set-point [°C], or watts for a power request
    """

    minute: int
    value: float

    def __post_init__(self) -> None:
        check_whole("minute", self.minute, 0, WEEK_MINUTES - 1)


@dataclass(frozen=True, slots=True)
class WeeklySchedule:
    """A value for every minute of the week; it wraps around Sunday midnight.

    Parameters
    ----------
    slots : at least one, minutes strictly rising
    timezone : IANA name of the site's zone
    """

    slots: tuple[Slot, ...]
    timezone: str = "Europe/Paris"

    def __post_init__(self) -> None:
        check_timezone("timezone", self.timezone)
        if not self.slots:
            raise InvalidFieldError("slots", self.slots, "at least one slot")
        minutes = [slot.minute for slot in self.slots]
        if minutes != sorted(set(minutes)):
            raise InvalidFieldError("slots", minutes, "minutes of the week, strictly rising")
        for slot in self.slots:
            check_range("slots.value", slot.value, -50.0, 1e6)

    def at(self, when: dt.datetime) -> float:
        """Value at an aware time."""
        local = when.astimezone(ZoneInfo(self.timezone))
        minute = local.weekday() * 1440 + local.hour * 60 + local.minute
        current = self.slots[-1].value
        for slot in self.slots:
            if slot.minute > minute:
                break
            current = slot.value
        return current


def constant(value: float, timezone: str = "Europe/Paris") -> WeeklySchedule:
    """Give a schedule that holds one value all week."""
    return WeeklySchedule(slots=(Slot(0, value),), timezone=timezone)


def daily(changes: tuple[tuple[int, float], ...], timezone: str = "Europe/Paris") -> WeeklySchedule:
    """Give a schedule that repeats (minute of the day, value) every day."""
    slots = tuple(Slot(day * 1440 + minute, value) for day in range(7) for minute, value in changes)
    return WeeklySchedule(slots=slots, timezone=timezone)
