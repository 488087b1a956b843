"""Draws the live view: exactly as many lines as fit, from 80 × 24 up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from ondol.cli.glyphs import GREEN, ORANGE, RED, SKY, Glyphs
from ondol.cli.screen_model import ScreenModel, SiteRow
from ondol.cli.screen_rows import (
    SiteWidths,
    decision_line,
    job_lines,
    more_line,
    sink_line,
    site_heading,
    site_line,
    subject_width,
)
from ondol.cli.wording import energy, power

_BOXED_FROM = (100, 34)  # width and height from which sections have frames and jobs their reasons
_LEAST_DECISIONS, _LEAST_JOBS = 3, 3
_NOTES = 2


@dataclass(frozen=True, slots=True)
class _Budget:
    sites: int
    jobs: int
    decisions: int


def draw(model: ScreenModel, width: int, height: int, glyphs: Glyphs) -> RenderableType:
    """Give one frame of at most `height` lines and `width` cells."""
    boxed = width >= _BOXED_FROM[0] and height >= _BOXED_FROM[1]
    inner = width - 4 if boxed else width
    notes = [Text(glyphs.text(note)[:width], style=ORANGE, no_wrap=True) for note in model.notes[-_NOTES:]]
    head = [_header(model, width, glyphs), _totals(model, width, glyphs), *notes]
    left = height - len(head) - (9 if boxed else 3)
    jobs = _job_lines(model, inner, glyphs, with_reason=boxed)
    budget = _share(left, sum(max(1, len(s.sinks)) for s in model.sites), len(jobs))
    widths = _widths(inner, model.sites, glyphs)
    sites = _site_lines(model.sites, budget.sites, widths, glyphs)
    jobs = _cut(jobs, budget.jobs, "lines", glyphs)
    newest = model.decisions[-max(budget.decisions, 0) :] if budget.decisions > 0 else ()
    subject, zone = subject_width(newest, inner, glyphs), ZoneInfo(model.timezone)
    decisions = [decision_line(row, inner, subject, glyphs, zone) for row in newest]
    if budget.decisions > 0 and not decisions:
        decisions = [_dim("none yet")]
    heading = site_heading(widths)
    parts: list[RenderableType] = list(head)
    if boxed:
        frame = box.ROUNDED if glyphs.unicode else box.ASCII
        parts.append(_panel("Sites", [heading, *sites], width, frame))
        parts.append(_panel("Jobs", jobs, width, frame))
        parts.append(_panel("Last decisions", decisions, width, frame))
    else:
        parts += [heading, *sites, _title("Jobs", width, glyphs), *jobs]
        parts += [_title("Last decisions", width, glyphs), *decisions]
    return Group(*parts)


def _share(left: int, site_lines: int, job_lines: int) -> _Budget:
    """Share the lines: sites first, then jobs, decisions have the rest."""
    sites = min(site_lines, max(1, left - _LEAST_DECISIONS - min(job_lines or 1, _LEAST_JOBS)))
    jobs = min(job_lines or 1, max(1, left - sites - _LEAST_DECISIONS))
    return _Budget(sites, jobs, max(0, left - sites - jobs))


def _widths(width: int, sites: Sequence[SiteRow], glyphs: Glyphs) -> SiteWidths:
    site_name = max((cell_len(glyphs.text(site.name)) for site in sites), default=4)
    sink_name = max((cell_len(glyphs.text(sink.name)) for site in sites for sink in site.sinks), default=5)
    return SiteWidths.of(width, site_name, sink_name)


def _site_lines(sites: Sequence[SiteRow], most: int, widths: SiteWidths, glyphs: Glyphs) -> list[Text]:
    """One line a sink; where there is no room, the sites with most sinks name only those furthest off their band."""
    shown = [max(1, len(site.sinks)) for site in sites]
    while sum(shown) > most and max(shown) > 1:
        shown[max(range(len(shown)), key=lambda k: (shown[k], -k))] -= 1
    lines: list[Text] = []
    for site, room in zip(sites, shown, strict=True):
        lines += _lines_of(site, room, widths, glyphs)
    return _cut(lines, most, "sites", glyphs)


def _lines_of(site: SiteRow, room: int, widths: SiteWidths, glyphs: Glyphs) -> list[Text]:
    """The lines of one site, at most `room`."""
    if not site.sinks or (room == 1 and len(site.sinks) > 1):
        return [site_line(site, widths, glyphs)]
    count = len(site.sinks)
    named = set(range(count))
    if room < count:
        named = set(sorted(named, key=lambda k: (-site.sinks[k].outside_k, k))[: room - 1])
    lines = [
        sink_line(site.name if first else "", site.sinks[number], widths, glyphs)
        for first, number in zip([True] + [False] * count, sorted(named), strict=False)
    ]
    rest = [sink for number, sink in enumerate(site.sinks) if number not in named]
    return [*lines, more_line(rest, widths, glyphs)] if rest else lines


def _job_lines(model: ScreenModel, width: int, glyphs: Glyphs, *, with_reason: bool) -> list[Text]:
    if not model.jobs:
        return [_dim("no jobs yet")]
    lines: list[Text] = []
    for job in model.jobs:
        lines += job_lines(job, width, glyphs, with_reason=with_reason)
    return lines


def _dim(words: str) -> Text:
    return Text(words, style="dim")


def _cut(lines: list[Text], most: int, what: str, glyphs: Glyphs) -> list[Text]:
    if len(lines) <= most:
        return lines
    kept = lines[: max(0, most - 1)]
    return [*kept, Text(glyphs.text(f"… {len(lines) - len(kept)} more {what}"), style="dim")]


def _header(model: ScreenModel, width: int, glyphs: Glyphs) -> Text:
    text = Text(no_wrap=True, overflow="crop")
    text.append(" ondol ", style=f"bold black on {ORANGE}")
    text.append(f"  {model.at.astimezone(ZoneInfo(model.timezone)):%a %d %b %Y  %H:%M:%S}", style="bold")
    rate = "real time" if model.clock_rate == 1 else f"{model.clock_rate:g} × wall time"
    right = glyphs.text(f"{rate}   policy {model.policy} ")
    text.append(right.rjust(max(len(right) + 2, width - text.cell_len)), style="dim")
    text.truncate(width)
    return text


def _totals(model: ScreenModel, width: int, glyphs: Glyphs) -> Text:
    sums = model.totals
    useful, label = energy(sums.useful_heat_kwh), "useful heat" if width >= 96 else "useful"
    if sums.useful_heat_kwh is not None and sums.energy_kwh:
        useful += f" ({100 * sums.useful_heat_kwh / sums.energy_kwh:.0f} %)"
    discomfort = "–" if sums.discomfort_kh is None else f"{sums.discomfort_kh:.2f} K·h"
    text = Text(" ", no_wrap=True, overflow="crop")
    for name, value, style in (
        ("power", power(sums.power_w), f"bold {SKY}"),
        ("energy", energy(sums.energy_kwh), "bold"),
        (label, useful, f"bold {GREEN}"),
        ("discomfort", discomfort, f"bold {RED}" if (sums.discomfort_kh or 0) >= 0.005 else "bold"),
    ):
        text.append(f"{name} ", style="dim").append(glyphs.text(value), style=style).append("   ")
    text.rstrip()
    text.truncate(width)
    return text


def _title(words: str, width: int, glyphs: Glyphs) -> Text:
    line = "─" if glyphs.unicode else "-"
    return Text(f"{words} ", style="bold").append(line * max(0, width - len(words) - 1), style="bright_black")


def _panel(title: str, lines: Sequence[Text], width: int, frame: box.Box) -> Panel:
    return Panel(
        Group(*lines),
        title=f"[bold]{title}[/]",
        title_align="left",
        box=frame,
        width=width,
        border_style="bright_black",
    )
