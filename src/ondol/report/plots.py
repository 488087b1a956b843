"""The drawings of a statement: climate cards, Gantt chart, bars."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ondol.accounting.statement import SiteStatement
from ondol.model.ids import instance_number
from ondol.report import words
from ondol.report.bundle import FleetStatementBundle, JobRun, SinkSeries, UnitSeries
from ondol.report.drawing import BAND, INK, MUTED, OVERHEAD, SERIES, blank, colours, day, drawing, svg, thin, time_axis

SHARES = (
    ("job_kwh", "jobs", SERIES[0]),
    ("heat_only_kwh", "heat-only", SERIES[2]),
    ("idle_kwh", "idle", BAND),
    ("overhead_kwh", "overhead", OVERHEAD),
)
HEAT_PARTS = (("useful_kwh", "useful", SERIES[1]), ("not_useful_kwh", "not useful", BAND))


def climate_card(
    bundle: FleetStatementBundle, sink: SinkSeries | None, units: Sequence[UnitSeries], prefix: str
) -> str:
    """Draw one sink: its temperature against set-point and band, below it the power of each unit that heats it."""
    panels = (1 if sink is not None else 0) + len(units)
    with drawing():
        figure = blank(3.7, 0.3 + 1.1 * panels + (0.25 if sink is not None else 0.0))
        ratios = ([1.25] if sink is not None else []) + [1.0] * len(units)
        grid = figure.subplots(panels, 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})
        rows: list[Axes] = list(grid[:, 0])
        if sink is not None:
            _temperature(rows[0], sink)
        for axes, unit in zip(rows[-len(units) :] if units else [], units, strict=True):
            _power(axes, unit, named=len(units) > 1)
        for axes in rows:
            time_axis(axes, bundle.timezone, bundle.start, bundle.end)
        what = sink.name if sink is not None else units[0].name
        return svg(figure, prefix, f"{what}: temperature and power over time")


def _temperature(axes: Axes, sink: SinkSeries) -> None:
    keep = thin(len(sink.times))
    times = [day(when) for when in sink.times[keep]]
    axes.fill_between(times, sink.lower_c[keep], sink.upper_c[keep], color=BAND, linewidth=0, step="post")
    axes.plot(times, sink.setpoint_c[keep], color=INK, linewidth=0.9, linestyle=(0, (4, 2)), drawstyle="steps-post")
    axes.plot(times, sink.temp_c[keep], color=SERIES[1], linewidth=1.7)
    axes.set_title("temperature, °C", loc="left", color=MUTED, fontsize=9.0)
    axes.margins(y=0.12)


def _power(axes: Axes, unit: UnitSeries, *, named: bool) -> None:
    keep = thin(len(unit.times))
    times = [day(when) for when in unit.times[keep]]
    scale, unit_word = (1e3, "kW") if _largest(unit) >= 2000 else (1.0, "W")
    delivered, wanted, electric = (
        [value / scale for value in column[keep]] for column in (unit.delivered_w, unit.wanted_w, unit.electric_w)
    )
    axes.plot(times, electric, color=SERIES[0], linewidth=1.0)
    if unit.sink_id is not None:
        axes.fill_between(times, 0.0, delivered, color=SERIES[1], alpha=0.3, linewidth=0)
        axes.plot(times, delivered, color=SERIES[1], linewidth=1.3)
        axes.plot(times, wanted, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), drawstyle="steps-post")
    axes.set_title(
        f"{unit.name}, {unit_word}" if named else f"power, {unit_word}", loc="left", color=MUTED, fontsize=9.0
    )
    axes.set_ylim(bottom=0.0, top=max(1.08 * _largest(unit) / scale, 1e-3))


def _largest(unit: UnitSeries) -> float:
    values = (value for column in (unit.wanted_w, unit.delivered_w, unit.electric_w) for value in column)
    return max((value for value in values if math.isfinite(value)), default=0.0)


def gantt(bundle: FleetStatementBundle, prefix: str) -> str:
    """Draw where and when each job ran: a lane for each slot that was used, by site and node; the reason on hover."""
    colour = task_colours(bundle.runs)
    lanes = _lanes(bundle.runs, bundle.end)
    titles: dict[str, str] = {}
    with drawing():
        rows, labels, headings = _rows(lanes)
        figure = blank(9.6, 0.55 + 0.2 * (max(rows.values(), default=0.0) + 1.0))
        axes = figure.subplots()
        for number, (run, lane) in enumerate(lanes):
            start, end = day(run.start), day(run.end or bundle.end)
            done = run.outcome.lower() in ("succeeded", "running", "uploading")
            bar = Rectangle(
                (start, rows[run.site_id, run.node_id, lane] - 0.4),
                max(end - start, 1e-6),
                0.8,
                facecolor=colour[run.task_id],
                alpha=1.0 if done else 0.45,
                edgecolor=BAND if done else INK,
                linewidth=0.3 if done else 0.8,
            )
            bar.set_gid(f"run-{number}")
            titles[f"run-{number}"] = _hover(bundle, run)
            axes.add_patch(bar)
        axes.set_yticks([place for place, _ in labels], [text for _, text in labels])
        for place, text in headings:
            axes.annotate(
                text, (0.0, place), xycoords=("axes fraction", "data"), va="center", fontsize=9.0, weight="bold"
            )
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_ylim(max(rows.values(), default=0.0) + 0.7, -0.7)
        time_axis(axes, bundle.timezone, bundle.start, bundle.end, ticks=12)
        return svg(figure, prefix, "where and when each job ran, by site and node", titles)


def task_colours(runs: Sequence[JobRun]) -> dict[str, str]:
    """Give each task its colour, in order of first start."""
    return colours([run.task_id for run in sorted(runs, key=lambda run: (run.start, run.attempt_id))])


def _hover(bundle: FleetStatementBundle, run: JobRun) -> str:
    end = "now" if run.end is None else words.local(run.end, bundle.timezone, "%H:%M")
    when = f"{words.local(run.start, bundle.timezone, '%a %H:%M')} to {end}"
    name = f"{run.task_name} #{instance_number(run.instance_id)}" if "/" in run.instance_id else run.task_name
    return f"{name} on {run.node_id}, {when}: {run.outcome}. Why here: {run.reason or 'not recorded'}"


def _lanes(runs: Sequence[JobRun], until: dt.datetime) -> list[tuple[JobRun, int]]:
    """Give each run the lowest lane of its node that is free when it starts."""
    busy: dict[str, list[dt.datetime]] = {}
    placed: list[tuple[JobRun, int]] = []
    for run in sorted(runs, key=lambda run: (run.start, run.attempt_id)):
        ends = busy.setdefault(run.node_id, [])
        lane = next((number for number, end in enumerate(ends) if end <= run.start), len(ends))
        ends[lane:lane] = [until] if lane == len(ends) else []
        ends[lane] = run.end or until
        placed.append((run, lane))
    return placed


def _rows(
    lanes: Sequence[tuple[JobRun, int]],
) -> tuple[dict[tuple[str, str, int], float], list[tuple[float, str]], list[tuple[float, str]]]:
    """Give the height of each lane, the labels of nodes and the headings of sites."""
    used = sorted({(run.site_name, run.site_id, run.node_id, lane) for run, lane in lanes})
    rows: dict[tuple[str, str, int], float] = {}
    labels: list[tuple[float, str]] = []
    headings: list[tuple[float, str]] = []
    place = -1.0
    last_site = last_node = ""
    for site_name, site_id, node_id, lane in used:
        if site_id != last_site:
            place += 1.15
            headings.append((place - 0.05, site_name))
        place += 1.0
        rows[site_id, node_id, lane] = place
        if (site_id, node_id) != (last_site, last_node):
            labels.append((place, node_id))
        last_site, last_node = site_id, node_id
    return rows, labels, headings


def energy_bars(sites: Sequence[SiteStatement], prefix: str) -> str:
    """Draw electricity by site, stacked by share."""
    stacks = [
        (site.name, [(getattr(site.figures.energy, field), colour) for field, _, colour in SHARES], "")
        for site in sites
    ]
    return _bars(stacks, "electricity, kWh", prefix)


def heat_bars(sites: Sequence[SiteStatement], prefix: str) -> str:
    """Draw delivered heat by site, useful and not; a site without a meter says so."""
    stacks: list[tuple[str, list[tuple[float, str]], str]] = []
    for site in sites:
        heat = site.figures.heat
        parts = [] if heat is None else [(getattr(heat, field), colour) for field, _, colour in HEAT_PARTS]
        stacks.append((site.name, parts, "no heat meter" if heat is None else ""))
    return _bars(stacks, "heat delivered, kWh", prefix)


def _bars(stacks: Sequence[tuple[str, list[tuple[float, str]], str]], title: str, prefix: str) -> str:
    longest = max((sum(amount for amount, _ in parts) for _, parts, _ in stacks), default=0.0)
    with drawing():
        figure = blank(4.2, 0.6 + 0.42 * len(stacks))
        axes = figure.subplots()
        for row, (_, parts, remark) in enumerate(stacks):
            left = 0.0
            for amount, colour in parts:
                axes.barh(row, amount, left=left, height=0.55, color=colour, linewidth=0)
                left += amount
            text = remark or words.number(left)
            axes.annotate(
                text, (left, row), xytext=(4, 0), textcoords="offset points", va="center", color=MUTED, fontsize=9.0
            )
        axes.set_yticks(range(len(stacks)), [name for name, _, _ in stacks])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(stacks) - 0.45, -0.55)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0.0, max(longest * 1.15, 1e-6))
        axes.set_title(title, loc="left", color=MUTED, fontsize=9.0)
        return svg(figure, prefix, f"{title}, by site")
