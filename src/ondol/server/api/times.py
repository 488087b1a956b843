"""Dates and durations as the wire has them: `YYYY-MM-DDTHH:MM:SSZ` and .NET's `[d.]hh:mm:ss`."""

from __future__ import annotations

import datetime as dt
import math
import re

from ondol.model.errors import InvalidFieldError

_SPAN = re.compile(r"(?:([0-9]{1,8})\.)?([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.[0-9]{1,7})?")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(min|[smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
LONGEST_S = 10 * 365 * 86_400  # ten years: nothing here is planned further ahead [s]


def wire_time(when: dt.datetime) -> str:
    """Whole seconds with a Z; more digits or another zone make the Python SDK raise (rule 6)."""
    utc = when if when.year == 1 else when.astimezone(dt.UTC)  # year 1 is "no date": it cannot be moved to another zone
    return f"{utc.year:04d}-{utc:%m-%dT%H:%M:%S}Z"


def wire_span(seconds: float) -> str:
    """Duration as `[d.]hh:mm:ss`, whole seconds; the Python SDK misreads fractions."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}.{clock}" if days else clock


def spent_span(seconds: float) -> str:
    """Time that was spent as `[d.]hh:mm:ss`, rounded up: what ran at all ran for a second, as clients divide by it."""
    return wire_span(math.ceil(seconds))


def read_span(field: str, text: str) -> int:
    """Seconds of a `[d.]hh:mm:ss`; raises InvalidFieldError for anything else."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise InvalidFieldError(field, text, "a duration [days.]hh:mm:ss, e.g. 00:30:00")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 86_400 + hours * 3600 + minutes * 60 + seconds


def read_life(field: str, text: str) -> int:
    """Seconds of a `[d.]hh:mm:ss` that something may last from now on; raises InvalidFieldError above ten years."""
    seconds = read_span(field, text)
    if seconds > LONGEST_S:
        raise InvalidFieldError(field, text, "at most ten years, 3650.00:00:00")
    return seconds


def read_time(field: str, text: str) -> dt.datetime:
    """Aware time of an ISO 8601 text, UTC where it names no zone; raises InvalidFieldError for anything else."""
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidFieldError(field, text, "a time like 2026-01-15T08:00:00Z") from error
    if when.tzinfo is None:
        return when.replace(tzinfo=dt.UTC)
    try:
        return when.astimezone(dt.UTC)
    except OverflowError as error:
        raise InvalidFieldError(field, text, "a time between the years 2 and 9998") from error


def read_deadline(field: str, text: str, now: dt.datetime) -> dt.datetime:
    """Read `+2h`, `+1h30m` (s, m or min, h, d; from now on the platform's clock) or an ISO time that lies ahead."""
    allowed = "a time ahead like 2026-01-15T08:00:00Z, or from now like +2h or +1d12h, at most ten years"
    stripped = text.strip()
    if not stripped.startswith("+"):
        when = read_time(field, stripped)
        if not now < when < now + dt.timedelta(seconds=LONGEST_S):
            raise InvalidFieldError(field, text, f"{allowed}; it is {wire_time(now)} now")
        return when
    parts = _PART.findall(stripped)
    if not parts or "+" + "".join(number + unit for number, unit in parts) != stripped:
        raise InvalidFieldError(field, text, allowed)
    ahead_s = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < ahead_s <= LONGEST_S:
        raise InvalidFieldError(field, text, allowed)
    return now + dt.timedelta(seconds=ahead_s)
