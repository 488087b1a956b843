"""The drawings that set runs side by side: carbon by part, power against wanted heat, temperatures, waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ondol.report import words
from ondol.report.drawing import BAND, INK, MUTED, OVERHEAD, RULE, SERIES, blank, day, drawing, svg, time_axis

Floats = npt.NDArray[np.float64]

CARBON_PARTS = (
    ("electric_kg", "electricity at the sites", SERIES[0]),
    ("overflow_kg", "overflow site", SERIES[5]),
    ("backup_kg", "backup heat", SERIES[1]),
    ("owed_kg", "work late or not done", OVERHEAD),
)
STORED = ("stored_kg", "heat taken from the stores", SERIES[3])
_ZONE = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Temperatures:
    """A sink over time: what its host felt and asked for; nan where there is no such thing."""

    sink_id: str
    temp_c: Floats
    lower_c: Floats
    upper_c: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownRun:
    """What is drawn of a run.

    Parameters
    ----------
    times : of the series that follow, rising; each value is the mean of some steps from there on
    wanted_w, heat_w, backup_w : of all sinks
    waits_s : by service class, from submission to first start, sorted; inf for what never started
    """

    name: str
    figures: Mapping[str, float]
    times: tuple[dt.datetime, ...]
    wanted_w: Floats
    heat_w: Floats
    backup_w: Floats
    sinks: tuple[Temperatures, ...]
    waits_s: Mapping[str, Floats]


def carbon_bars(runs: Sequence[ShownRun], prefix: str) -> str:
    """Draw each run's carbon as a bar stacked by part; parts below zero go to the left."""
    with drawing():
        figure = blank(4.6, 0.7 + 0.4 * len(runs))
        axes = figure.subplots()
        widest, lowest = 1e-9, 0.0
        for row, run in enumerate(runs):
            right = left = 0.0
            parts = [(run.figures[key], colour) for key, _, colour in CARBON_PARTS]
            for amount, colour in [*parts, (-run.figures[STORED[0]], STORED[2])]:
                begin = right if amount >= 0 else left
                axes.barh(row, amount, left=begin, height=0.55, color=colour, linewidth=0)
                right, left = (right + amount, left) if amount >= 0 else (right, left + amount)
            widest, lowest = max(widest, right), min(lowest, left)
            axes.annotate(
                words.number(run.figures["total_kg"]),
                (right, row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=INK,
            )
        axes.set_yticks(range(len(runs)), [run.name for run in runs])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(runs) - 0.45, -0.55)
        axes.axvline(0.0, color=RULE, linewidth=0.8)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlim(lowest * 1.1, widest * 1.15)
        axes.set_title("kgCO2e, with the sum", loc="left", color=MUTED)
        return svg(figure, prefix, "carbon of each run by part")


def power_card(run: ShownRun, highest_w: float, prefix: str) -> str:
    """Draw compute heat and backup heat of all sinks against what they wanted.

    Parameters
    ----------
    highest_w : upper end of the axis, the same for all runs [W]
    """
    scale, unit = (1e3, "kW") if highest_w >= 2000 else (1.0, "W")
    times = [day(when) for when in run.times]
    with drawing():
        figure = blank(4.2, 2.2)
        axes = figure.subplots()
        axes.fill_between(times, 0.0, run.heat_w / scale, color=SERIES[0], alpha=0.35, linewidth=0)
        axes.plot(times, run.heat_w / scale, color=SERIES[0], linewidth=1.2)
        axes.plot(times, run.backup_w / scale, color=SERIES[1], linewidth=1.2)
        axes.plot(times, run.wanted_w / scale, color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.set_ylim(0.0, max(1.05 * highest_w / scale, 1e-3))
        axes.set_title(f"power, {unit}", loc="left", color=MUTED)
        time_axis(axes, _ZONE, run.times[0], run.times[-1])
        return svg(figure, prefix, f"{run.name}: compute heat, backup heat and wanted heat over time")


def temperature_card(runs: Sequence[ShownRun], sink: int, prefix: str) -> str:
    """Draw one sink's temperature in every run, over the band that its host asked for."""
    with drawing():
        figure = blank(4.2, 2.2)
        axes = figure.subplots()
        first = runs[0]
        times = [day(when) for when in first.times]
        band = first.sinks[sink]
        if np.isfinite(band.lower_c).all():
            axes.fill_between(times, band.lower_c, band.upper_c, color=BAND, linewidth=0)
        for rank, run in enumerate(runs):
            shown = [day(when) for when in run.times]
            axes.plot(shown, run.sinks[sink].temp_c, color=colour_of(rank), linewidth=1.3)
        axes.set_title("temperature, °C", loc="left", color=MUTED)
        axes.margins(y=0.12)
        time_axis(axes, _ZONE, first.times[0], first.times[-1])
        return svg(figure, prefix, f"{band.sink_id}: temperature over time in each run")


def waits_card(runs: Sequence[ShownRun], kind: str, prefix: str) -> str:
    """Draw which share of a class's instances had started within a time, the time on a logarithmic axis."""
    with drawing():
        figure = blank(4.2, 2.2)
        axes = figure.subplots()
        for rank, run in enumerate(runs):
            waits = run.waits_s.get(kind, np.zeros(0))
            begun = waits[np.isfinite(waits)]
            if not len(waits):
                continue
            shares = np.arange(1, len(begun) + 1) / len(waits)
            keep = np.unique(np.linspace(0, len(begun) - 1, 300).astype(np.int64)) if len(begun) else slice(0)
            axes.plot(np.maximum(begun, 1.0)[keep], 100.0 * shares[keep], color=colour_of(rank), linewidth=1.4)
        axes.set_xscale("log")
        axes.set_xlim(1.0, 4e5)
        axes.set_xticks([1, 60, 3600, 86_400], ["1 s", "1 min", "1 h", "1 day"])
        axes.minorticks_off()
        axes.set_ylim(0.0, 102.0)
        axes.set_title("started within, % of instances", loc="left", color=MUTED)
        return svg(figure, prefix, f"waiting times of {kind.replace('_', '-')} work in each run")


def colour_of(rank: int) -> str:
    """Stand-in colour of a run."""
    return SERIES[rank % len(SERIES)]
