"""Drawings of a whole statement: its course, who bears what by which view, and what makes it uncertain."""

from __future__ import annotations

import datetime as dt

from ondol.accounting.account.statement import Statement
from ondol.report.drawing import BAND, INK, MUTED, OVERHEAD, SERIES, blank, day, drawing, svg, time_axis
from ondol.report.statement_words import amount

SHARES = (
    ("job", "work of users", SERIES[0]),
    ("heat_only", "run for heat alone", SERIES[2]),
    ("idle", "idle", BAND),
    ("overhead", "overhead", OVERHEAD),
)
BEARERS = (("job_g", "work", SERIES[0]), ("heat_g", "heat", SERIES[1]), ("unallocated_g", "nobody (idle)", BAND))


def course(statement: Statement, prefix: str) -> str | None:
    """Bars of electricity by share, a line of useful heat [kWh]; None where there is a single bar."""
    points = statement.series
    if len(points) < 2:
        return None
    step = dt.timedelta(seconds=statement.step_s)
    with drawing():
        figure = blank(4.8, 1.9)
        axes = figure.subplots()
        middle = [day(point.start + step / 2) for point in points]
        width = 0.86 * statement.step_s / 86_400.0
        bottom = [0.0] * len(points)
        for share, _, colour in SHARES:
            heights = [point.kwh.get(share, 0.0) for point in points]
            axes.bar(middle, heights, bottom=bottom, width=width, color=colour, linewidth=0)
            bottom = [one + other for one, other in zip(bottom, heights, strict=True)]
        useful = [
            (x, point.useful_kwh) for x, point in zip(middle, points, strict=True) if point.useful_kwh is not None
        ]
        if useful:
            axes.plot([x for x, _ in useful], [kwh for _, kwh in useful], color=SERIES[1], linewidth=1.6)
        axes.set_title("kWh " + _each(statement.step_s), loc="left", color=MUTED, fontsize=9.0)
        axes.set_ylim(bottom=0.0)
        time_axis(axes, statement.timezone, points[0].start, points[-1].start + step)
        return svg(figure, prefix, "electricity by share, and useful heat, over the time of the statement")


def views(statement: Statement, prefix: str) -> str | None:
    """A bar for each available view: what work, heat and nobody bear; None where only A0 is there."""
    there = [view for view in statement.views if view.job_g is not None]
    if len(there) < 2 or there[0].total_g <= 0.0:
        return None
    with drawing():
        figure = blank(4.8, 0.55 + 0.34 * len(there))
        axes = figure.subplots()
        rows = list(range(len(there)))[::-1]
        left = [0.0] * len(there)
        for key, _, colour in BEARERS:
            parts = [100.0 * (getattr(view, key) or 0.0) / view.total_g for view in there]
            axes.barh(rows, parts, left=left, height=0.62, color=colour, linewidth=0)
            left = [one + other for one, other in zip(left, parts, strict=True)]
        axes.set_yticks(rows, [view.method for view in there], color=INK)
        axes.set_xlim(0.0, 100.0)
        axes.grid(visible=False)
        axes.set_xlabel("% of the inventory's total", fontsize=8.5)
        return svg(figure, prefix, "what work, heat and nobody bear in each allocation view, in per cent")


def drivers(statement: Statement, prefix: str) -> str | None:
    """A bar for each cause: by how much it may lower and raise the inventory's total; None where none is stated."""
    found = statement.drivers[:6]
    if not found:
        return None
    scale, unit = (1e3, "kgCO2e") if max(one.above_g for one in found) >= 1e3 else (1.0, "gCO2e")
    with drawing():
        figure = blank(4.8, 0.6 + 0.34 * len(found))
        axes = figure.subplots()
        rows = list(range(len(found)))[::-1]
        axes.barh(rows, [-one.below_g / scale for one in found], height=0.58, color=SERIES[5], linewidth=0)
        axes.barh(rows, [one.above_g / scale for one in found], height=0.58, color=SERIES[0], linewidth=0)
        axes.axvline(0.0, color=INK, linewidth=0.8)
        axes.set_yticks(rows, [one.cause for one in found], color=INK)
        axes.grid(visible=False)
        axes.set_xlabel(f"lowers or raises the total by … {unit}", fontsize=8.5)
        return svg(figure, prefix, "by how much each cause may lower or raise the total")


def comparison(statement: Statement, prefix: str) -> str | None:
    """Avoided emissions against the named heaters and against heat pumps, with their ranges; None without a box."""
    both = statement.avoided_total
    if both is None:
        return None
    scale, unit = (1e3, "kgCO2e") if max(abs(one.high_g) for one in both) >= 1e3 else (1.0, "gCO2e")
    with drawing():
        figure = blank(4.8, 1.15)
        axes = figure.subplots()
        for row, one, colour in ((1, both[0], SERIES[3]), (0, both[1], SERIES[4])):
            axes.plot([one.low_g / scale, one.high_g / scale], [row, row], color=colour, linewidth=2.2)
            axes.plot([one.g / scale], [row], marker="o", markersize=6.0, color=colour)
            axes.annotate(
                amount(one.g, "gCO2e"),
                (one.high_g / scale, row),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
            )
        axes.axvline(0.0, color=INK, linewidth=0.8)
        axes.set_yticks([1, 0], ["reference heaters", "heat pumps"], color=INK)
        axes.set_ylim(-0.6, 1.6)
        axes.margins(x=0.18)
        axes.grid(visible=False)
        axes.set_xlabel(f"avoided, {unit}", fontsize=8.5)
        return svg(figure, prefix, "avoided emissions against reference heaters and against heat pumps")


def _each(step_s: float) -> str:
    if step_s < 3600.0:
        return f"in {step_s / 60.0:g} minutes"
    if step_s < 86_400.0:
        return "an hour"
    return "a day" if step_s == 86_400.0 else f"in {step_s / 86_400.0:g} days"
