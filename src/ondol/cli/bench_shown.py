"""The benchmark on a terminal: progress, and a table that fits it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ondol.cli.output import Out
from ondol.twin.heatbench.running import Result
from ondol.twin.heatbench.standing import Line

Tell = Callable[[int, int, Result], None]


@contextmanager
def progress(total: int, out: Out) -> Iterator[Tell]:
    """Show how many runs are done and how long the rest may take; nothing where nobody looks."""
    if out.quiet or not sys.stderr.isatty():
        yield lambda _done, _all, _result: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("runs", total=total)

        def tell(done: int, _all: int, result: Result) -> None:
            bar.update(task, completed=done, description=f"{result.case.name}: {result.policy}")

        yield tell


def bench_table(lines: Sequence[Line]) -> Table:
    """Give one row a case and policy: captured gain, gap, carbon, and what it cost others."""
    table = Table(box=None, pad_edge=False)
    for title in ("CASE", "POLICY", "CAPTURED", "GAP", "KGCO2E", "CAPT €", "BACKUP KWH", "K·H", "P90 S", "LATE"):
        table.add_column(title, justify="left" if title in ("CASE", "POLICY") else "right", no_wrap=True)
    last = ""
    for line in lines:
        figures = line.figures
        table.add_row(
            line.case if line.case != last else "",
            line.policy,
            f"{line.captured:.3f}" if line.counts else f"({line.captured:.3f})",
            f"{line.gap:.2f}",
            f"{line.total_kg:.0f}",
            f"{line.captured_eur:.3f}" if line.captured_eur == line.captured_eur else "–",
            f"{figures.get('backup_kwh', 0.0):.0f}",
            f"{figures.get('discomfort_kh', 0.0):.1f}",
            f"{figures.get('wait_on_demand_p90_s', 0.0):.0f}",
            f"{figures.get('deadline_miss_share', 0.0):.3f}",
        )
        last = line.case
    return table
