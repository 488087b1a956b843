"""The small drawings of the live view: bars and band gauges, each one line high."""

from __future__ import annotations

from rich.text import Text

from ondol.cli.glyphs import COMFORT_STYLE, GREEN, ORANGE, SKY, Glyphs
from ondol.cli.screen_model import SinkRow

_OUTER = 2  # cells on either side of the band


def bar(glyphs: Glyphs, fraction: float, width: int, style: str) -> Text:
    """A bar that is `fraction` full, 0 to 1, exact to an eighth of a cell where the signs allow it."""
    fraction = min(1.0, max(0.0, fraction))
    steps = len(glyphs.eighths) + 1
    whole, part = divmod(round(fraction * width * steps), steps)
    drawn = glyphs.bar * whole + (glyphs.eighths[part - 1] if part else "")
    text = Text(drawn, style=style)
    text.append(glyphs.bar_rest * (width - len(drawn)), style="bright_black")
    return text


def power_bar(glyphs: Glyphs, wanted_w: float, delivered_w: float, width: int) -> Text:
    """How much of the wanted power is there; another colour where it is more than wanted."""
    if wanted_w < 1.0:
        style = "bright_black" if delivered_w < 1.0 else ORANGE
        return bar(glyphs, 0.0 if delivered_w < 1.0 else 1.0, width, style)
    met = delivered_w / wanted_w
    return bar(glyphs, met, width, ORANGE if met > 1.15 else GREEN if met > 0.85 else SKY)


def gauge(glyphs: Glyphs, sink: SinkRow, width: int) -> Text:
    """The band with the set-point in it, and a dot where the temperature is; ≥ 9 cells."""
    inner = width - 2 * _OUTER - 2
    begin, end = _OUTER, _OUTER + inner + 1
    cells = [" "] * width
    cells[begin], cells[end] = glyphs.gauge_ends
    cells[begin + 1 : end] = glyphs.gauge_line * inner
    span_k = max(sink.upper_c - sink.lower_c, 1e-6)
    set_at = begin + 1 + round((sink.setpoint_c - sink.lower_c) / span_k * (inner - 1))
    if begin < set_at < end:
        cells[set_at] = glyphs.gauge_setpoint
    text = Text("".join(cells), style="bright_black")
    if sink.temp_c is None:
        return text
    at = begin + 1 + round((sink.temp_c - sink.lower_c) / span_k * (inner - 1))
    if sink.temp_c < sink.lower_c:
        at = max(0, min(at, begin - 1))
    elif sink.temp_c > sink.upper_c:
        at = min(width - 1, max(at, end + 1))
    drawn = Text("".join(cells[:at]), style="bright_black")
    drawn.append(glyphs.gauge_dot, style=COMFORT_STYLE[sink.comfort])
    drawn.append("".join(cells[at + 1 :]), style="bright_black")
    return drawn


def fit(glyphs: Glyphs, words: str, width: int) -> str:
    """Words in exactly `width` cells, cut with dots where they are longer."""
    from rich.cells import cell_len, set_cell_size

    shown = glyphs.text(words)
    if cell_len(shown) <= width:
        return set_cell_size(shown, width)
    dots = "…" if glyphs.unicode else ".."
    return set_cell_size(set_cell_size(shown, max(0, width - len(dots))) + dots, width)
