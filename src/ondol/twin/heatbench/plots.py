"""The benchmark's drawings: captured gain by case, carbon by part, waits by class, discomfort."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ondol.report.comparison_plots import CARBON_PARTS, colour_of
from ondol.report.drawing import INK, MUTED, RULE, blank, drawing, svg
from ondol.report.words import number
from ondol.twin.heatbench.standing import Line


def captured(lines: Sequence[Line], prefix: str) -> str:
    """Draw captured gain of each case that counts, one mark a policy, a bar over the seeds' spread."""
    cases = list(dict.fromkeys(line.case for line in lines if line.counts))
    policies = list(dict.fromkeys(line.policy for line in lines))
    with drawing():
        figure = blank(7.2, 0.9 + 0.34 * max(len(cases), 2))
        axes = figure.subplots()
        for rank, policy in enumerate(policies):
            mine = [line for line in lines if line.policy == policy and line.counts and math.isfinite(line.captured)]
            rows = [cases.index(line.case) + 0.08 * (rank - (len(policies) - 1) / 2) for line in mine]
            axes.errorbar(
                [line.captured for line in mine],
                rows,
                xerr=[line.captured_spread / 2 for line in mine],
                fmt="o",
                markersize=4.5,
                linewidth=1.0,
                color=colour_of(rank),
            )
        axes.set_yticks(range(len(cases)), cases)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(max(len(cases), 1) - 0.4, -0.6)
        axes.set_xlim(left=-0.25)
        axes.axvline(1.0, color=INK, linewidth=1.0)
        axes.axvline(0.95, color=MUTED, linewidth=0.8, linestyle=":")
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_title("captured gain of all carbon: 0 = fcfs, 1 = the bound", loc="left", color=MUTED)
        return svg(figure, prefix, "captured gain by case and policy")


def carbon(lines: Sequence[Line], prefix: str) -> str:
    """Draw the carbon of each policy on one case as a bar stacked by part, and the bound as a line."""
    with drawing():
        figure = blank(4.6, 0.7 + 0.34 * len(lines))
        axes = figure.subplots()
        for row, line in enumerate(lines):
            left = 0.0
            for key, _, colour in CARBON_PARTS:
                amount = max(line.figures.get(key, 0.0), 0.0)
                axes.barh(row, amount, left=left, height=0.6, color=colour, linewidth=0)
                left += amount
            axes.annotate(
                number(line.total_kg), (left, row), xytext=(4, 0), textcoords="offset points", va="center", color=INK
            )
        axes.axvline(max(lines[0].bound_kg, 0.0), color=INK, linewidth=0.9, linestyle="--")
        axes.set_yticks(range(len(lines)), [line.policy for line in lines])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(lines) - 0.45, -0.55)
        axes.margins(x=0.15)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_title("kgCO2e; the dashed line is the bound", loc="left", color=MUTED)
        return svg(figure, prefix, f"carbon by part of each policy, {lines[0].case}")


def bars(lines: Sequence[Line], names: Sequence[tuple[str, str]], title: str, prefix: str, *, log: bool) -> str:
    """Draw figures of one case side by side, a group a figure and a bar a policy.

    Parameters
    ----------
    names : figure and its label
    log : whether on a logarithmic axis, from 1 on
    """
    with drawing():
        figure = blank(4.6, 2.3)
        axes = figure.subplots()
        width = 0.8 / len(lines)
        for rank, line in enumerate(lines):
            values = [line.figures.get(name, 0.0) for name, _ in names]
            places = [place + width * (rank - (len(lines) - 1) / 2) for place in range(len(names))]
            heights = [max(value, 1.0) if log else value for value in values]
            axes.bar(places, heights, width=width * 0.9, color=colour_of(rank), linewidth=0)
        if log:
            axes.set_yscale("log")
            axes.set_ylim(bottom=1.0)
            axes.minorticks_off()
            axes.yaxis.set_major_formatter(lambda value, _: number(value))
        axes.set_xticks(range(len(names)), [label for _, label in names])
        axes.axhline(1.0 if log else 0.0, color=RULE, linewidth=0.8)
        axes.set_title(title, loc="left", color=MUTED)
        return svg(figure, prefix, f"{title}, {lines[0].case}")
