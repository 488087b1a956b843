"""Matplotlib figures as SVG inside a page: colours follow the page's theme, ids do not clash, no global state.

A figure is drawn with the stand-in colours of `INK`, `SERIES` …; `svg` turns them into CSS variables, so that one and
the same drawing is legible on a light and on a dark page. The palette is that of Okabe & Ito 2008 ("Color Universal
Design", jfly.uni-koeln.de/color), which people with colour-vision deficiencies can tell apart.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

INK, MUTED, RULE, BAND, OVERHEAD = "#fe0001", "#fe0002", "#fe0003", "#fe0004", "#fe0005"
SERIES = ("#fe0010", "#fe0011", "#fe0012", "#fe0013", "#fe0014", "#fe0015", "#fe0016")
_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", BAND: "--band", OVERHEAD: "--over"} | {
    stand_in: f"--s{rank}" for rank, stand_in in enumerate(SERIES)
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: sharp, selectable, read aloud
    "svg.hashsalt": "ondol",  # same figure, same bytes
    "text.parse_math": False,  # a task may be called "$x"
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0.0,
    "xtick.major.size": 3.0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_MATPLOTLIB_STYLE_IS_GLOBAL = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Hold the style for one drawing and give the former one back, whatever happens; one thread at a time."""
    with _MATPLOTLIB_STYLE_IS_GLOBAL, mpl.rc_context(_STYLE):
        yield


def blank(width_in: float, height_in: float) -> Figure:
    """Give a figure that no global registry knows of; call inside of `drawing`."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def time_axis(axes: Axes, timezone: str, start: dt.datetime, end: dt.datetime, ticks: int = 7) -> None:
    """Show platform time at the fleet's place from start to end."""
    zone = ZoneInfo(timezone)
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=ticks)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, tz=zone, show_offset=False)  # type: ignore[no-untyped-call]
    formatter.zero_formats[3] = "%a %d"  # at midnight, the new day
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlim(day(start), day(end))


def day(when: dt.datetime) -> float:
    """Give a time as matplotlib counts it, in days."""
    return float(date2num(when))  # type: ignore[no-untyped-call]


def thin(count: int, most: int = 400) -> slice:
    """Give the slice that keeps about `most` of `count` points, evenly: a phone needs no more."""
    return slice(None, None, max(1, -(-count // most)))


def svg(figure: Figure, prefix: str, label: str, titles: Mapping[str, str] | None = None) -> str:
    """Give the figure as an `<svg>` element for a page.

    Parameters
    ----------
    prefix : put before every id, one for each drawing of the page
    label : what it shows, for those who cannot see it
    titles : text to show on hover, by the gid of the artist
    """
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = sink.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    for gid, title in (titles or {}).items():
        text = text.replace(f'<g id="{gid}">', f'<g id="{gid}"><title>{escape(title)}</title>', 1)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, f"var({variable})")
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    opening = f'<svg role="img" aria-label="{escape(label, quote=True)}" '
    return re.sub(r'<svg (.*?)width="[^"]*"', opening + r"\1", _without_height(text), count=1, flags=re.DOTALL).strip()


def colours(keys: Sequence[str]) -> dict[str, str]:
    """Give each key a colour of the palette, in order of first appearance."""
    found: dict[str, str] = {}
    for key in keys:
        found.setdefault(key, SERIES[len(found) % len(SERIES)])
    return found


def variable(stand_in: str) -> str:
    """Give the CSS value of a stand-in colour, for legends in HTML."""
    return f"var({_VARIABLES[stand_in]})"


def _without_height(text: str) -> str:
    return re.sub(r'\sheight="[^"]*pt"', "", text, count=1)
