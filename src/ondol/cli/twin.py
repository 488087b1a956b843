"""`ondol twin`: lives through scenarios on a clock that leaps, and sets runs side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ondol.cli.listing import note, print_json, print_pairs, print_rich, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.selection import WrongUsageError
from ondol.cli.twin_check import Data, check
from ondol.cli.twin_faults import faults
from ondol.cli.twin_ledger import ledger
from ondol.cli.twin_quotes import quotes
from ondol.cli.twin_signal import signal

app = App(name="twin", help="Live through scenarios on a clock that leaps, and set runs side by side.")
app.command(check)
app.command(faults)
app.command(quotes)
app.command(signal)
app.command(ledger)

Tell = Callable[[int, int], None]


@app.command
def run(
    scenario: Path,
    /,
    *,
    policy: str,
    to: Annotated[Path, Parameter(name="--out")],
    data: Data = None,
    seed: int | None = None,
    days: float | None = None,
    forecast: str | None = None,
    record: Annotated[bool, Parameter(negative="")] = False,
    fresh: Annotated[bool, Parameter(negative="")] = False,
    out: Out = SHOWN,
) -> None:
    """Live through a scenario with a policy; what came of it goes to a folder.

    A run that was cut short goes on where it stood when it is asked for again, and ends with the same bytes.

    Parameters
    ----------
    scenario:
        The scenario file; docs/reference/scenario-file.md says what it holds.
    policy:
        What decides; 'ondol policy list' shows all.
    to:
        Folder for series, instances and summary; made where it is not there.
    seed:
        In place of the scenario's.
    days:
        In place of the scenario's.
    forecast:
        Kind of forecasts in place of the scenario's: perfect, real, learned or persistence.
    record:
        Record every tick in OUT/ticks.gz, which 'ondol replay' decides again.
    fresh:
        Begin anew; a run that OUT holds is removed.
    """
    from ondol.cli.twin_shown import run_table
    from ondol.twin.located import data_folder
    from ondol.twin.runs import live_into, prepare

    ready = prepare(scenario, policy, data=data_folder(data), seed=seed, days=days, forecast=forecast, record=record)
    try:
        with progress(f"{ready.scenario.name}, {policy}", out) as tell:
            summary = live_into(ready, to, fresh=fresh, tell=tell)
    except KeyboardInterrupt:
        note(f"Cut short; the same command goes on from the last whole day in {to}.", out)
        raise
    if out.json:
        print_json(summary)
    elif out.quiet:
        print_text(str(to))
    else:
        print_rich(run_table(summary, to), out)


@app.command
def compare(
    *folders: Path,
    html: Path | None = None,
    anyway: Annotated[bool, Parameter(negative="")] = False,
    out: Out = SHOWN,
) -> None:
    """Set finished runs side by side: figures, and with --html a page with drawings.

    Parameters
    ----------
    folders:
        Folders of runs of the same scenario, span and seed.
    html:
        Write one page that needs nothing else to this file.
    anyway:
        Compare runs of different scenarios, spans or seeds too.
    """
    if not folders:
        raise WrongUsageError("Name the folder of at least one run ('ondol twin compare --help' shows how)")
    from ondol.cli.twin_shown import comparison_table
    from ondol.twin.run_reading import check_alike, names_of, read_run

    runs = [read_run(folder) for folder in folders]
    if not anyway:
        check_alike(runs)
    if html is not None:
        from ondol.twin.run_page import write_page

        write_page(html, runs)
    if out.json:
        print_json([run.summary for run in runs])
    elif not out.quiet:
        print_rich(comparison_table(names_of(runs), runs), out)
    if html is not None:
        note(f"Written: {html}", out)


@app.command
def forecasts(
    scenario: Path,
    /,
    *kinds: str,
    policy: str = "follow",
    history_days: int = 0,
    data: Data = None,
    seed: int | None = None,
    days: float | None = None,
    out: Out = SHOWN,
) -> None:
    """Live through a scenario with forecasts of each kind: how wrong they are, and what that costs.

    Costs are the differences to the run with perfect forecasts. Nothing is written.

    Parameters
    ----------
    scenario:
        The scenario file; docs/reference/scenario-file.md says what it holds.
    kinds:
        Of forecasts; perfect, real, learned and persistence where none is named. Perfect is always among them.
    policy:
        What decides; 'ondol policy list' shows all.
    history_days:
        Days before the begin in which the sensors were read already, for kinds that learn.
    seed:
        In place of the scenario's.
    days:
        In place of the scenario's.
    """
    from ondol.cli.twin_shown import forecast_table
    from ondol.twin.forecasting.cost import PERFECT, live_with
    from ondol.twin.located import data_folder
    from ondol.twin.runs import prepare
    from ondol.twin.scenario.nouns import FORECASTS

    ready = prepare(scenario, policy, data=data_folder(data), seed=seed, days=days)
    asked = tuple(dict.fromkeys((PERFECT, *(kinds or FORECASTS))))
    with progress(f"{ready.scenario.name}, {policy}", out) as tell:
        runs = live_with(
            ready,
            asked,
            lambda kind, done, span: tell(asked.index(kind) * span + done, len(asked) * span),
            history_days=history_days,
        )
    if out.json:
        print_json(
            [
                {"kind": run.kind, "figures": run.figures, "cost": run.cost(runs[0]), "by_sink": run.by_sink}
                for run in runs
            ]
        )
    else:
        print_rich(forecast_table(runs), out)


@app.command(name="bench-greco")
def bench_greco(
    *,
    jobs: Path,
    hosts: int = 1000,
    step_s: float = 150.0,
    out: Out = SHOWN,
) -> None:
    """Run jobs first come, first served on alike hosts, as the peers of tests/benchmarks/peers do, and time it.

    Hosts draw 100 W idle and 200 W busy, are always on, and heat rooms whose temperatures are computed.

    Parameters
    ----------
    jobs:
        CSV with id, submit, nres and runtime.
    hosts:
        How many; one job at a time on each.
    step_s:
        Thermal step, and time between readings of the meters [s].
    """
    import json
    from importlib.metadata import version

    from ondol.twin.peer_run import peak_rss_mib, peer_run

    told = {**peer_run(jobs, hosts, step_s).words(), "peak_rss_mib": peak_rss_mib(), "version": version("ondol")}
    if out.json:
        print_text(json.dumps(told))  # on one line, as the peers do
    else:
        print_pairs([(name.replace("_", " "), value) for name, value in told.items()], out)


@contextmanager
def progress(title: str, out: Out) -> Iterator[Tell]:
    """Give what is to be told of steps: a bar with the time that is left, where somebody looks."""
    if not out.progress:
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr, highlight=False, no_color=None if out.color else True),
        transient=True,
    )
    row = bar.add_task(title, total=None)
    with bar:
        yield lambda done, steps: bar.update(row, completed=done, total=steps)
