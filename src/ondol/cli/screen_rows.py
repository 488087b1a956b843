"""The lines of the live view, one kind of row a function."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from ondol.cli.glyphs import COMFORT_STYLE, GREEN, ORANGE, PINK, RED, SKY, Glyphs, job_sign
from ondol.cli.screen_model import Comfort, DecisionRow, JobRow, SinkRow, SiteRow
from ondol.cli.screen_parts import bar, fit, gauge, power_bar
from ondol.cli.wording import power, temperature

_ACTIONS = {
    "Start": ("start", GREEN),
    "Stop": ("stop", RED),
    "Pause": ("pause", ORANGE),
    "Resume": ("resume", SKY),
    "SetPower": ("power", PINK),
    "Wait": ("wait", "dim"),
}


@dataclass(frozen=True, slots=True)
class SiteWidths:
    """Cells of the columns of the sites; a gap of one cell between them."""

    site: int
    sink: int
    setpoint: int
    gauge: int
    bar: int
    temp: int = 7
    power: int = 7

    @staticmethod
    def of(width: int, site_name: int = 17, sink_name: int = 15) -> SiteWidths:
        """Widths that fill a line of `width` cells, 76 or more.

        Parameters
        ----------
        site_name, sink_name : cells of the longest names; the drawings leave them what room they can
        """
        if width < 96:
            rest = max(0, width - 80)
            site, sink = _share_names(28 + rest, site_name, sink_name)
            return SiteWidths(site=site, sink=sink, setpoint=0, gauge=13, bar=9)
        spare = width - 58  # beyond the other columns and the least of the drawings: 13 and 8 cells
        names = min(site_name + sink_name, spare)
        drawn = spare - names
        gauge = 13 + 2 * min(drawn // 4, 6)
        site, sink = _share_names(names, site_name, sink_name)
        return SiteWidths(site=site, sink=sink, setpoint=7, gauge=gauge, bar=8 + drawn - (gauge - 13))


def _share_names(room: int, site_name: int, sink_name: int) -> tuple[int, int]:
    """Share the room for names: what one column does not need is the other's."""
    half = room // 2
    if site_name <= half:
        return (site_name, room - site_name) if sink_name > half else (half, room - half)
    if sink_name <= room - half:
        return room - sink_name, sink_name
    return half, room - half


def site_heading(widths: SiteWidths) -> Text:
    """Headings over the sites."""
    words = f"{'Site':{widths.site}} {'Place':{widths.sink}} {'temp.':>{widths.temp}}   "
    words += f"{'set to':>{widths.setpoint}}" if widths.setpoint else ""
    words += f" {'band':^{widths.gauge}} {'wanted':>{widths.power}} {'':{widths.bar}} {'power':>{widths.power}}"
    return Text(words, style="bold", no_wrap=True)


def sink_line(site_name: str, sink: SinkRow, widths: SiteWidths, glyphs: Glyphs) -> Text:
    """One heated place; the site's name stands on its first line only."""
    text = _names(site_name, sink.name, widths, glyphs)
    text.append(_temp(sink.temp_c, widths.temp, glyphs) + " ")
    text.append(glyphs.comfort[sink.comfort] + " ", style=COMFORT_STYLE[sink.comfort])
    if widths.setpoint:
        text.append(_temp(sink.setpoint_c, widths.setpoint, glyphs), style="dim")
    text.append(" ").append_text(gauge(glyphs, sink, widths.gauge))
    return _powers(text, sink.wanted_w, sink.delivered_w, widths, glyphs)


def site_line(site: SiteRow, widths: SiteWidths, glyphs: Glyphs) -> Text:
    """A whole site in one line: one without heat use, or one whose sinks have no room."""
    between = widths.gauge + widths.setpoint + 1
    if not site.sinks:
        text = _names(site.name, "no heat use", widths, glyphs, dim=True)
        text.append(" " * (widths.temp + 3 + between + 1 + widths.power + 1 + widths.bar + 1))
        return text.append(power(site.power_w).rjust(widths.power))
    worst = max(site.sinks, key=lambda sink: (sink.outside_k, sink.comfort is Comfort.UNKNOWN))
    inside = sum(sink.comfort is Comfort.IN_BAND for sink in site.sinks)
    text = _names(site.name, f"{inside} of {len(site.sinks)} in band", widths, glyphs)
    text.append(_temp(worst.temp_c, widths.temp, glyphs) + " ")
    text.append(glyphs.comfort[worst.comfort] + " ", style=COMFORT_STYLE[worst.comfort])
    if widths.setpoint:
        text.append(_temp(worst.setpoint_c, widths.setpoint, glyphs), style="dim")
    text.append(" ").append_text(gauge(glyphs, worst, widths.gauge))
    return _powers(text, site.wanted_w, site.power_w, widths, glyphs)


def more_line(sinks: Sequence[SinkRow], widths: SiteWidths, glyphs: Glyphs) -> Text:
    """The sinks of a site that have no line of their own."""
    inside = sum(sink.comfort is Comfort.IN_BAND for sink in sinks)
    words = f"and {len(sinks)} more, " + ("all" if inside == len(sinks) else f"{inside}") + " in band"
    text = Text(" " * (widths.site + 1) + glyphs.text(words), style="dim", no_wrap=True)
    wanted_w, delivered_w = (math.fsum(getattr(s, key) for s in sinks) for key in ("wanted_w", "delivered_w"))
    blank = widths.site + widths.sink + widths.temp + 5 + widths.setpoint + widths.gauge + 1
    text.append(" " * max(0, blank - text.cell_len))
    return _powers(text, wanted_w, delivered_w, widths, glyphs)


def job_lines(job: JobRow, width: int, glyphs: Glyphs, *, with_reason: bool) -> list[Text]:
    """One line a job, and where wished one with the reason."""
    sign, style = job_sign(job.state)
    wide = max(0, width - 80)
    name_width, bar_width = 18 + wide // 4, 16 + wide // 4
    text = Text(f"{glyphs.job[sign]} ", style=f"bold {style}", no_wrap=True)
    text.append(fit(glyphs, job.name, name_width), style="bold").append(" ")
    text.append(fit(glyphs, job.service, 9), style="dim").append(" ")
    text.append_text(bar(glyphs, job.progress, bar_width, style))
    text.append(f" {100 * job.progress:3.0f} % ")
    text.append(f"{job.done}/{job.total}".rjust(7) + " ", style="dim")
    place = job.place or _state_words(job.state)
    text.append(fit(glyphs, place, max(1, width - text.cell_len)).rstrip(), style="" if job.place else style)
    lines = [text]
    if with_reason and job.reason:
        reason = Text(f"  {glyphs.because} ", style="bright_black", no_wrap=True)
        reason.append(fit(glyphs, job.reason, width - reason.cell_len).rstrip(), style="dim")
        lines.append(reason)
    return lines


def subject_width(rows: Sequence[DecisionRow], width: int, glyphs: Glyphs) -> int:
    """Cells for what decisions are about: what they need, but no more than a third of a line or so."""
    return min(26 if width < 96 else 34, max((cell_len(glyphs.text(row.subject)) for row in rows), default=0))


def decision_line(row: DecisionRow, width: int, subject: int, glyphs: Glyphs, zone: dt.tzinfo) -> Text:
    """One decision: when, what, on what (in `subject` cells), why."""
    action, style = _ACTIONS.get(row.action, (row.action.lower(), ""))
    text = Text(f"{row.at.astimezone(zone):%H:%M} ", style="dim", no_wrap=True)
    text.append(fit(glyphs, action, 6), style=f"bold {style}" if style != "dim" else "dim").append(" ")
    text.append(fit(glyphs, row.subject, subject)).append(" ")
    text.append(fit(glyphs, row.reason, max(1, width - text.cell_len)).rstrip(), style="dim")
    return text


def _names(site: str, sink: str, widths: SiteWidths, glyphs: Glyphs, *, dim: bool = False) -> Text:
    text = Text(no_wrap=True)
    text.append(fit(glyphs, site, widths.site), style="bold").append(" ")
    return text.append(fit(glyphs, sink, widths.sink), style="dim" if dim else "").append(" ")


def _temp(temp_c: float | None, width: int, glyphs: Glyphs) -> str:
    return glyphs.text(temperature(temp_c)).rjust(width)


def _powers(text: Text, wanted_w: float, delivered_w: float, widths: SiteWidths, glyphs: Glyphs) -> Text:
    text.append(" " + power(wanted_w).rjust(widths.power) + " ", style="dim")
    text.append_text(power_bar(glyphs, wanted_w, delivered_w, widths.bar))
    return text.append(" " + power(delivered_w).rjust(widths.power))


def _state_words(state: str) -> str:
    """`PartiallyDispatched` → `partially dispatched`."""
    return "".join(f" {c.lower()}" if c.isupper() and k else c.lower() for k, c in enumerate(state))
