"""Weekly schedules out of iCalendar (RFC 5545): events that repeat each week or day, with a set-point each."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from ondol.model.errors import InvalidFieldError
from ondol.model.schedule import WEEK_MINUTES, Slot, WeeklySchedule
from ondol.model.zones import check_timezone

_LARGEST = 200_000  # characters; a week has 672 quarters, an event some 150 characters
_MOST_EVENTS = 1000
_MOST_TIMES = 2016  # at which events begin in a week: one every five minutes; the work grows with their square
_NUMBER = re.compile(r"(?<![\w.,-])-?\d+(?:[.,]\d+)?(?![\w.,]|\.)")
_TIME = re.compile(r"[0-9]{8}(?:T[0-9]{6}Z?)?")
_SPAN = re.compile(r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:\d{1,6}S)?)?", re.ASCII)
_EXCEPTIONS = ("EXDATE", "EXRULE", "RDATE", "RECURRENCE-ID")
_MINUTE = dt.timedelta(minutes=1)
_WEEK = dt.timedelta(days=7)


@dataclass(slots=True)
class _Line:
    """A content line: its name in capitals, parameters, value, and where it stands."""

    number: int
    name: str
    parameters: dict[str, str]
    value: str

    def refuse(self, allowed: str) -> InvalidFieldError:
        return InvalidFieldError(f"ical line {self.number}, {self.name}", self.value[:80], allowed)


@dataclass(slots=True)
class _Event:
    line: int
    lines: dict[str, _Line] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Span:
    """A value from one minute of the week on, for so many minutes; None until the next one begins."""

    start: int
    minutes: int | None
    value: float
    line: int


def schedule_of_ical(text: str, timezone: str) -> WeeklySchedule:
    """Read a weekly schedule from an iCalendar text.

    Each VEVENT has a DTSTART, an RRULE with FREQ=WEEKLY or DAILY, and its set-point as X-ONDOL-VALUE or as the number
    in its SUMMARY ("Comfort 20.5 °C"). With DTEND or DURATION it ends there, else it holds wherever no later one does.
    Where several overlap the one counts that began last, of those the one that ends first. Where there is none,
    X-ONDOL-VALUE of the calendar itself counts.

    Parameters
    ----------
    timezone : IANA name of the schedule's zone; times in another zone are converted as of their DTSTART

    Raises
    ------
    InvalidFieldError : names the line, what stands there and what is allowed
    """
    if len(text) > _LARGEST:
        raise InvalidFieldError("ical", f"{len(text)} characters", f"at most {_LARGEST} characters")
    zone = ZoneInfo(timezone)
    calendar, events = _events(_content(text))
    if not events:
        raise InvalidFieldError("ical", text[:40], "a VCALENDAR with at least one VEVENT")
    if len(events) > _MOST_EVENTS:
        raise InvalidFieldError("ical", f"{len(events)} events", f"at most {_MOST_EVENTS} events")
    resting = None if "X-ONDOL-VALUE" not in calendar else _number(calendar["X-ONDOL-VALUE"], whole=True)
    spans = list(itertools.islice((span for event in events for span in _spans(event, zone)), _MOST_TIMES + 1))
    if len(spans) > _MOST_TIMES:
        raise InvalidFieldError("ical", "too many times", f"events that begin at most {_MOST_TIMES} times a week")
    return WeeklySchedule(_slots(spans, resting), timezone)


def _content(text: str) -> Iterator[_Line]:
    """Content lines with continuation lines joined (RFC 5545 §3.1), each with the number of its first line."""
    joined: list[tuple[int, str]] = []
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if raw[:1] in (" ", "\t") and joined:
            joined[-1] = (joined[-1][0], joined[-1][1] + raw[1:])
        elif raw.strip():
            joined.append((number, raw.strip()))
    for number, line in joined:
        head, colon, value = line.partition(":")
        name, *parameters = head.split(";")
        if not colon:
            raise InvalidFieldError(f"ical line {number}", line[:80], "NAME:VALUE")
        pairs = (parameter.partition("=") for parameter in parameters)
        yield _Line(number, name.upper(), {key.upper(): given.strip('"') for key, _, given in pairs}, value.strip())


def _events(lines: Iterable[_Line]) -> tuple[dict[str, _Line], list[_Event]]:
    """Properties of the calendar, and its events; alarms and time zones are passed over."""
    calendar: dict[str, _Line] = {}
    events: list[_Event] = []
    inside: list[str] = []
    for line in lines:
        if line.name == "BEGIN":
            inside.append(line.value.upper())
            if inside[-1] == "VEVENT":
                events.append(_Event(line.number))
        elif line.name == "END":
            if not inside or inside.pop() != line.value.upper():
                raise line.refuse("the end of what began last")
        elif inside == ["VCALENDAR"]:
            calendar[line.name] = line
        elif inside[-1:] == ["VEVENT"]:
            if line.name in events[-1].lines and line.name in ("DTSTART", "DTEND", "DURATION", "RRULE"):
                raise line.refuse("once only in an event")
            events[-1].lines[line.name] = line
    if inside:
        raise InvalidFieldError("ical", f"BEGIN:{inside[-1]}", f"END:{inside[-1]} before the end of the text")
    return calendar, events


def _spans(event: _Event, zone: ZoneInfo) -> Iterator[_Span]:
    lines = event.lines
    for name in ("DTSTART", "RRULE"):
        if name not in lines:
            raise InvalidFieldError(f"ical line {event.line}, VEVENT", "", f"a line {name}")
    for name in _EXCEPTIONS:
        if name in lines:
            raise lines[name].refuse("no exceptions: every week has to be like the others")
    value = _value(event)
    start = _time(lines["DTSTART"], zone)
    minutes = _minutes(event, start, zone)
    for when in _week(lines["RRULE"], start):
        yield _Span(when.weekday() * 1440 + when.hour * 60 + when.minute, minutes, value, event.line)


def _value(event: _Event) -> float:
    if "X-ONDOL-VALUE" in event.lines:
        return _number(event.lines["X-ONDOL-VALUE"], whole=True)
    if "SUMMARY" not in event.lines:
        raise InvalidFieldError(f"ical line {event.line}, VEVENT", "", "a line X-ONDOL-VALUE, or a number in SUMMARY")
    return _number(event.lines["SUMMARY"])


def _number(line: _Line, *, whole: bool = False) -> float:
    found = _NUMBER.findall(line.value)
    if len(found) != 1 or (whole and found[0] != line.value):
        raise line.refuse("one number, e.g. 20.5" if whole else "a text with one number in it, e.g. Comfort 20.5 °C")
    return float(found[0].replace(",", "."))


def _time(line: _Line, zone: ZoneInfo) -> dt.datetime:
    """Local time in the schedule's zone, without a zone of its own."""
    text, allowed = line.value, "a time like 20260105T063000, perhaps with Z or TZID, or a date like 20260105"
    if not _TIME.fullmatch(text):  # strptime alone would take fewer digits than there have to be
        raise line.refuse(allowed)
    try:
        if len(text) == 8:
            return dt.datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007  # local in the schedule's zone
        if text.endswith("Z"):
            when = dt.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
            return when.astimezone(zone).replace(tzinfo=None)
        local = dt.datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007  # as above
        named = line.parameters.get("TZID", zone.key)
        check_timezone("ical.TZID", named)
        return local.replace(tzinfo=ZoneInfo(named)).astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError, LookupError, OSError) as error:
        raise line.refuse(allowed) from error


def _minutes(event: _Event, start: dt.datetime, zone: ZoneInfo) -> int | None:
    end, duration = event.lines.get("DTEND"), event.lines.get("DURATION")
    if end is not None:
        length, line = _time(end, zone) - start, end
    elif duration is not None:
        found = _SPAN.fullmatch(duration.value)
        weeks, days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
        length, line = dt.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes), duration
    elif len(event.lines["DTSTART"].value) == 8:
        return 1440
    else:
        return None
    if not dt.timedelta() < length <= _WEEK:
        raise line.refuse("an end after the beginning, at most a week later")
    return length // _MINUTE


def _week(line: _Line, start: dt.datetime) -> list[dt.datetime]:
    """When an event begins in a week like any other."""
    allowed = "FREQ=WEEKLY or FREQ=DAILY, perhaps with BYDAY, BYHOUR, BYMINUTE, WKST"
    keys = {part.partition("=")[0].upper(): part.partition("=")[2].upper() for part in line.value.split(";")}
    if keys.get("FREQ") not in ("WEEKLY", "DAILY"):
        raise line.refuse(allowed)
    strange = sorted(set(keys) - {"FREQ", "BYDAY", "BYHOUR", "BYMINUTE", "WKST", "INTERVAL"})
    if strange or keys.get("INTERVAL", "1") != "1":
        raise line.refuse(
            f"{allowed}; without {', '.join(strange) or 'INTERVAL'}: every week has to be like the others"
        )
    try:
        monday = start - dt.timedelta(days=start.weekday(), hours=start.hour, minutes=start.minute) + _WEEK
        found = rrulestr(line.value, dtstart=start).between(monday, monday + _WEEK - _MINUTE, inc=True)
    except (ValueError, TypeError, OverflowError) as error:
        raise line.refuse(f"{allowed} ({error})") from error
    if not found:
        raise line.refuse(f"{allowed}, on at least one day")
    return list(found)


def _slots(spans: list[_Span], resting: float | None) -> tuple[Slot, ...]:
    """Turn spans that may overlap into slots: of those in force the one that began last counts."""
    edges = {span.start for span in spans}
    edges |= {(span.start + span.minutes) % WEEK_MINUTES for span in spans if span.minutes is not None}
    slots: list[Slot] = []
    for minute in sorted(edges):
        ages = [((minute - span.start) % WEEK_MINUTES, span) for span in spans]
        # One without an end is always in force, only that others are younger.
        within = [(age, span) for age, span in ages if span.minutes is None or age < span.minutes]
        if within:
            value = min(within, key=lambda one: (one[0], one[1].minutes or WEEK_MINUTES, one[1].line))[1].value
        elif resting is not None:
            value = resting
        else:
            last = min(ages, key=lambda one: (one[0] - (one[1].minutes or 0), one[1].line))[1]
            raise InvalidFieldError(
                f"ical line {last.line}, VEVENT",
                "its end",
                "no gap after it: let another event begin there, or give the calendar a line X-ONDOL-VALUE",
            )
        if not slots or slots[-1].value != value:
            slots.append(Slot(minute, value))
    if len(slots) > 1 and slots[0].value == slots[-1].value:
        slots = slots[1:]
    return tuple(slots) if len(slots) > 1 else (Slot(0, slots[0].value),)
