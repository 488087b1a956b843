"""How a weekly schedule stands in a fleet file: ``days = "mon-fri", from = "06:30", value = 20.0``."""

from __future__ import annotations

import re

from ondol.model.errors import InvalidFieldError
from ondol.model.schedule import Slot, WeeklySchedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def read_days(text: str) -> tuple[int, ...]:
    """Give the days of "mon-fri", "sat,sun" or "all", Monday = 0; a span may go over Sunday.

    Raises
    ------
    InvalidFieldError : a word that is no day
    """
    if text.strip().lower() == "all":
        return tuple(range(7))
    found: set[int] = set()
    for piece in text.lower().split(","):
        first, dash, last = (word.strip() for word in piece.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise InvalidFieldError("days", text, '"all", or days of mon … sun such as "mon-fri" or "sat,sun"')
        start, stop = DAYS.index(first), DAYS.index(last if dash else first)
        found |= {(start + k) % 7 for k in range((stop - start) % 7 + 1)}
    return tuple(sorted(found))


def read_time(text: str) -> int:
    """Give the minute of the day of "06:30".

    Raises
    ------
    InvalidFieldError : not a time of day
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidFieldError("from", text, 'a time of day from "00:00" to "23:59"')
    return int(match[1]) * 60 + int(match[2])


def slots_of(days: tuple[int, ...], minute: int, value: float) -> list[Slot]:
    """Give one slot for each of the days."""
    return [Slot(day * 1440 + minute, value) for day in days]


def write_days(days: tuple[int, ...]) -> str:
    """Write days shortly: "all", "mon-fri", "sat,sun"."""
    if len(days) == len(DAYS):
        return "all"
    spans: list[list[int]] = []
    for day in days:
        if spans and day == spans[-1][-1] + 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return ",".join(
        f"{DAYS[span[0]]}-{DAYS[span[-1]]}" if len(span) > 2 else ",".join(DAYS[day] for day in span) for span in spans
    )


def grouped(schedule: WeeklySchedule) -> list[tuple[str, str, float]]:
    """Give a schedule as (days, from, value), equal times and values of several days together, by time."""
    groups: dict[tuple[int, float], list[int]] = {}
    for slot in schedule.slots:
        day, minute = divmod(slot.minute, 1440)
        groups.setdefault((minute, slot.value), []).append(day)
    return [
        (write_days(tuple(days)), f"{minute // 60:02d}:{minute % 60:02d}", value)
        for (minute, value), days in sorted(groups.items(), key=lambda item: (item[0][0], item[1]))
    ]
