"""The heat signal as a page for an `<iframe>`: no script, nothing fetched, its style named by hash."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from html import escape

from ondol.model.heat_signal import AreaSignal, HeatState, SignalStep

WORDS = {
    HeatState.WANTED: "Heat is wanted",
    HeatState.NEUTRAL: "Neither wanted nor wasted",
    HeatState.WASTED: "Heat is wasted",
}
_MEANING = {
    HeatState.WANTED: "Computing now replaces a backup heater.",
    HeatState.NEUTRAL: "Computing now neither helps nor wastes heat.",
    HeatState.WASTED: "Computing now adds to heat that nobody can use: what can wait had better wait.",
}
_MARKS = {HeatState.WANTED: "▲", HeatState.NEUTRAL: "–", HeatState.WASTED: "▼"}
_WIDTH, _HEIGHT = 360, 64
# Colours of Okabe & Ito (2008), told apart with any common colour blindness; each state has a place of its own, too.
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#5a5a5a;--page:#fff;--line:#bbb;--wanted:#00795a;--wasted:#b34700;
--neutral:#767676}
@media(prefers-color-scheme:dark){:root{--ink:#f2f2f2;--soft:#b5b5b5;--page:#161616;--line:#555;--wanted:#2fc99b;
--wasted:#ff9248;--neutral:#9a9a9a}}
*{box-sizing:border-box}body{margin:0;padding:12px 14px;font:15px/1.4 system-ui,sans-serif;color:var(--ink);
background:var(--page)}
h1{font-size:1.15rem;margin:0}p{margin:.25rem 0}.soft{color:var(--soft);font-size:.82rem}
svg{display:block;width:100%;height:auto;margin:.5rem 0 .1rem}
.heat_wanted{fill:var(--wanted);color:var(--wanted)}.heat_wasted{fill:var(--wasted);color:var(--wasted)}
.neutral{fill:var(--neutral);color:var(--neutral)}line{stroke:var(--line);stroke-width:1}text{fill:var(--soft);
font:10px system-ui,sans-serif}
summary{cursor:pointer}table{border-collapse:collapse;font-size:.82rem;width:100%}td,th{text-align:left;padding:1px 6px
1px 0;font-weight:normal}td:nth-child(3),th:nth-child(3){text-align:right}
""".replace("\n", "")

STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors *"
"""Content-Security-Policy of the page: it may be framed by anybody and may load and run nothing."""


def signal_widget(signal: AreaSignal, refresh_s: int) -> str:
    """Give the page.

    Parameters
    ----------
    signal : by the hour
    refresh_s : after how long the page asks for itself anew [s, wall]
    """
    now = signal.now
    name = escape(signal.area)
    sure = "" if now.confidence is None else f", {now.confidence:.0%} sure"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="refresh" content="{max(refresh_s, 30)}"><title>Heat signal {name}</title>
<style>{_STYLE}</style></head><body><main>
<h1><span class="{now.state.value}" aria-hidden="true">{_MARKS[now.state]}</span> {WORDS[now.state]}</h1>
<p>{_MEANING[now.state]}</p>
<p class="soft">{name}{sure}; {_foreseen(signal.steps)}</p>
{_strip(signal)}
<details><summary class="soft">In words</summary>{_table(signal.steps)}</details>
<p class="soft">Made {_clock(signal.issued_at)} for the next {_hours(signal.steps):.0f} h, times in UTC. \
▲ wanted, – neither, ▼ wasted.</p>
</main></body></html>
"""


def _strip(signal: AreaSignal) -> str:
    """One bar an hour: up where heat is wanted, down where it is wasted, a dash between; paler where less sure."""
    begin, end = signal.steps[0].start, signal.steps[-1].end
    scale = _WIDTH / max((end - begin).total_seconds(), 1.0)
    most_w = max((max(one.wanted_w.central, one.wasted_w.central) for one in signal.steps), default=0.0) or 1.0
    middle = (_HEIGHT - 14) / 2
    bars = []
    for one in signal.steps:
        left = (one.start - begin).total_seconds() * scale
        width = max((one.end - one.start).total_seconds() * scale - 1.0, 0.5)
        top, height = middle - 1.0, 2.0
        if one.state is not HeatState.NEUTRAL:
            watts = (one.wanted_w if one.state is HeatState.WANTED else one.wasted_w).central
            height = 4.0 + (middle - 4.0) * min(watts / most_w, 1.0)
            top = middle - height if one.state is HeatState.WANTED else middle
        pale = "" if one.confidence is None else f' fill-opacity="{0.35 + 0.65 * one.confidence:.2f}"'
        bars.append(
            f'<rect class="{one.state.value}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}"{pale}/>'
        )
    marks = []
    for one in signal.steps:
        if one.start.hour % 12 == 0 and one.start.minute == 0:
            left = (one.start - begin).total_seconds() * scale
            label = f"{one.start:%d %b}" if one.start.hour == 0 else "12:00"
            marks.append(f'<line x1="{left:.1f}" y1="0" x2="{left:.1f}" y2="{_HEIGHT - 12}"/>')
            if left < _WIDTH - 30:
                marks.append(f'<text x="{left + 2:.1f}" y="{_HEIGHT - 2}">{label}</text>')
    said = escape(_in_words(signal.steps))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">'
        f'<line x1="0" y1="{middle:.1f}" x2="{_WIDTH}" y2="{middle:.1f}"/>{"".join(marks)}{"".join(bars)}</svg>'
    )


def _stretches(steps: tuple[SignalStep, ...]) -> list[list[SignalStep]]:
    found: list[list[SignalStep]] = []
    for one in steps:
        if found and found[-1][0].state is one.state:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _in_words(steps: tuple[SignalStep, ...]) -> str:
    parts = [
        f"{WORDS[one[0].state].lower()} {_clock(one[0].start)} to {_clock(one[-1].end)}" for one in _stretches(steps)
    ]
    return "The hours ahead: " + "; ".join(parts)


def _table(steps: tuple[SignalStep, ...]) -> str:
    rows = []
    for one in _stretches(steps):
        watts = max(max(step.wanted_w.central, step.wasted_w.central) for step in one)
        shown = "" if one[0].state is HeatState.NEUTRAL else f"{watts:.0f} W"
        rows.append(
            f"<tr><td>{_clock(one[0].start)} – {_clock(one[-1].end)}</td><td>{WORDS[one[0].state]}</td>"
            f"<td>{shown}</td></tr>"
        )
    head = "<tr><th>When</th><th>State</th><th>Up to</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _foreseen(steps: tuple[SignalStep, ...]) -> str:
    """How long the state of now will last, and how sure its least sure hour is."""
    stretch = _stretches(steps)[0]
    sure = [one.confidence for one in stretch if one.confidence is not None]
    least = f" ({min(sure):.0%} sure at least)" if sure else ""
    return f"foreseen until {_clock(stretch[-1].end)}{least}"


def _hours(steps: tuple[SignalStep, ...]) -> float:
    return (steps[-1].end - steps[0].start).total_seconds() / 3600.0


def _clock(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC):%d %b %H:%M}"
