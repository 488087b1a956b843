"""The heat signal as an iCalendar feed (RFC 5545): one event for each stretch of heat wanted, or wasted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from ondol.model.heat_signal import AreaSignal, HeatState, SignalStep

WORDS = {HeatState.WANTED: "Heat wanted", HeatState.WASTED: "Heat wasted"}
_ADVICE = {
    HeatState.WANTED: "Work that can choose its time replaces a backup heater now.",
    HeatState.WASTED: "Heat of work under way is lost already; work that can wait had better wait.",
}
_AHEAD = dt.timedelta(hours=72)  # no event is told of so early: its sequence begins above 0
_LONGEST = 75  # octets of a line, RFC 5545 §3.1


def signal_calendar(signal: AreaSignal) -> str:
    """Give the feed; neutral hours have no event.

    An event keeps its UID as long as its stretch begins in the same hour, also while that stretch goes on: then it
    begins when its state began, not when the feed was fetched. Its SEQUENCE
    grows with every making (RFC 5545 §3.8.7.4).
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Ondol//heat signal//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text(f'Heat signal {signal.area}')}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
        "X-PUBLISHED-TTL:PT15M",
    ]
    for state, steps in _stretches(signal.steps):
        lines += _event(signal, state, steps)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _stretches(steps: tuple[SignalStep, ...]) -> Iterator[tuple[HeatState, list[SignalStep]]]:
    stretch: list[SignalStep] = []
    for step in steps:
        if stretch and step.state is not stretch[0].state:
            if stretch[0].state in WORDS:
                yield stretch[0].state, stretch
            stretch = []
        stretch.append(step)
    if stretch and stretch[0].state in WORDS:
        yield stretch[0].state, stretch


def _event(signal: AreaSignal, state: HeatState, steps: list[SignalStep]) -> list[str]:
    begin, end = steps[0].start, steps[-1].end
    if steps[0] is signal.now and signal.since is not None:
        begin = min(begin, signal.since)
    hour = begin.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    watts = [(step.wanted_w if state is HeatState.WANTED else step.wasted_w).central for step in steps]
    sure = [step.confidence for step in steps if step.confidence is not None]
    said = f"{_ADVICE[state]} Up to {max(watts):.0f} W" + (f", confidence from {min(sure):.0%}." if sure else ".")
    return [
        "BEGIN:VEVENT",
        f"UID:{hour:%Y%m%dT%H}-{state.value}-{signal.area.lower().replace('/', '-')}@ondol",
        f"SEQUENCE:{max(int((signal.issued_at - hour + _AHEAD).total_seconds() // 60), 0)}",
        f"DTSTAMP:{_utc(signal.issued_at)}",
        f"LAST-MODIFIED:{_utc(signal.issued_at)}",
        f"DTSTART:{_utc(begin)}",
        f"DTEND:{_utc(end)}",
        f"SUMMARY:{_text(f'{WORDS[state]} ({signal.area})')}",
        f"DESCRIPTION:{_text(said)}",
        f"CATEGORIES:{state.value.upper()}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _utc(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    """Escape a text value, RFC 5545 §3.3.11."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Fold a long line; no character is cut in two."""
    rest, first = line, True
    while rest:
        room, cut = _LONGEST - (not first), 0
        while cut < len(rest) and len(rest[: cut + 1].encode()) <= room:
            cut += 1
        yield rest[:cut] if first else f" {rest[:cut]}"
        rest, first = rest[cut:], False
