"""Tables of the twin's runs, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ondol.cli.harmless import harmless
from ondol.report.run_figures import FIGURES, best

if TYPE_CHECKING:
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
    return Group(table, Text("* the best of its line", style="dim"))


def _short(note: str) -> str:
    """A note in two lines at most; summary.json has it whole."""
    return note if len(note) <= _LONGEST_NOTE else note[: _LONGEST_NOTE - 1].rstrip() + "…"


def _table(width: int = WIDTH) -> Table:
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold", width=width)
