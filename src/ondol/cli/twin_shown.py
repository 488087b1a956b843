"""Tables of the twin's runs, in 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ondol.cli.harmless import harmless
from ondol.report.run_figures import FIGURES, Figure, best, cost_of

if TYPE_CHECKING:
    from ondol.twin.forecasting.cost import ForecastRun
    from ondol.twin.run_reading import FinishedRun

WIDTH = 80
_HEADING, _LEAST_CELL, _LONGEST_NOTE = 34, 10, 150


def run_table(summary: dict[str, Any], folder: Path) -> Group:
    """Give the main figures of a run, with its name above and its folder below."""
    figures = summary["figures"]
    table = _table()
    table.show_header = False
    table.add_column("", ratio=1)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for figure in FIGURES:
        if figure.main and figure.key in figures:
            unit = "%" if figure.share else "" if figure.unit == "s" else figure.unit
            table.add_row(figure.label, figure.text(figures[figure.key]), unit)
    days = f"{summary['days']:g} days from {summary['begin'][:10]}"
    words = f"{summary['scenario']}, policy {summary['policy']}, seed {summary['seed']}, {days}"
    parts: list[RenderableType] = [Text(harmless(words), style="bold"), table]
    notes = [_short(note) for note in (summary["source"], *summary["notes"])]
    parts += [Text(harmless(f"· {note}"), style="dim") for note in notes]
    return Group(*parts, Text(harmless(f"Written to {folder}")))


def comparison_table(names: Sequence[str], runs: Sequence[FinishedRun]) -> Group:
    """Give the figures of runs in columns, the best of each line marked; 80 columns wide for up to four runs."""
    table = _table(max(WIDTH, _HEADING + (_LEAST_CELL + 2) * len(runs)))
    table.add_column("", ratio=1, overflow="fold")
    for name in names:
        table.add_column(Text(harmless(name)), justify="right", overflow="fold", min_width=_LEAST_CELL)
    figures = [run.figures for run in runs]
    for figure in FIGURES:
        if not any(figure.key in run for run in figures):
            continue
        winners = best(figure, figures)
        cells = [figure.text(run.get(figure.key)) for run in figures]
        marked = [Text(f"* {cell}", style="bold") if rank in winners else Text(cell) for rank, cell in enumerate(cells)]
        table.add_row(figure.heading, *marked)
    parts: list[RenderableType] = [table, Text("* the best of its line", style="dim")]
    costs = _costs_rows(runs)
    if costs:
        less = _table(max(WIDTH, _HEADING + (_LEAST_CELL + 2) * len(runs)))
        less.add_column("cost of forecast errors: more than with perfect ones", ratio=1, overflow="fold")
        for name in names:
            less.add_column(Text(harmless(name)), justify="right", overflow="fold", min_width=_LEAST_CELL)
        for figure, cells in costs:
            less.add_row(figure.heading, *cells)
        parts.append(less)
    return Group(*parts)


def forecast_table(runs: Sequence[ForecastRun]) -> Group:
    """Give what forecasts of each kind got wrong, and what that cost against the first run, which knew all."""
    table = _table(max(WIDTH, _HEADING + (_LEAST_CELL + 2) * len(runs)))
    table.add_column("", ratio=1, overflow="fold")
    for run in runs:
        table.add_column(Text(run.kind), justify="right", min_width=_LEAST_CELL)
    for figure in FIGURES:
        if figure.key.startswith("forecast_") and any(figure.key in run.figures for run in runs):
            table.add_row(figure.heading, *(figure.text(run.figures.get(figure.key)) for run in runs))
    table.add_section()
    costs = [run.cost(runs[0]) for run in runs]
    for figure in FIGURES:
        if figure.key in costs[0]:
            cells = [figure.text(runs[0].figures[figure.key]), *(_signed(figure, cost) for cost in costs[1:])]
            table.add_row(figure.heading, *cells)
    return Group(table, Text("below: the figure itself, then by how much it is more than that", style="dim"))


def _costs_rows(runs: Sequence[FinishedRun]) -> list[tuple[Figure, list[str]]]:
    """Rows of what errors of forecasts cost, where some run knew all: against that one of the same policy."""
    perfect = {run.identity.policy: run.figures for run in runs if run.identity.forecast == "perfect"}
    compared = [run.identity.forecast != "perfect" and run.identity.policy in perfect for run in runs]
    if not any(compared):
        return []
    costs = [
        cost_of(run.figures, perfect[run.identity.policy]) if counts else {}
        for run, counts in zip(runs, compared, strict=True)
    ]
    keys = {key for cost in costs for key in cost}
    return [
        (figure, [_signed(figure, cost) if figure.key in cost else "" for cost in costs])
        for figure in FIGURES
        if figure.key in keys
    ]


def _signed(figure: Figure, cost: Mapping[str, float]) -> str:
    difference = cost[figure.key]
    return figure.text(difference) if difference <= 0.0 else f"+{figure.text(difference)}"


def _short(note: str) -> str:
    """A note in two lines at most; summary.json has it whole."""
    return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1].rstrip() + "…"


def _table(width: int = WIDTH) -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold", width=width)
