"""`ondol bench`: how far from the optimum policies are, on scenarios in which they differ."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ondol.cli.listing import note, print_json, print_rich
from ondol.cli.output import SHOWN, Out

app = App(name="bench", help="How far from the optimum policies are, on scenarios in which they differ.")


@app.command
def heat(
    *,
    to: Annotated[Path, Parameter(name="--out")] = Path("out/bench-heat"),
    data: Path | None = None,
    scenario: Path | None = None,
    policies: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    months: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ("jan", "apr", "jul", "oct"),
    loads: Annotated[tuple[float, ...], Parameter(consume_multiple=True)] = (0.03, 0.3, 0.7, 1.0, 1.3),
    seeds: Annotated[tuple[int, ...], Parameter(consume_multiple=True)] = (1,),
    backups: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = ("gas",),
    quick: Annotated[bool, Parameter(negative="")] = False,
    processes: int = 0,
    out: Out = SHOWN,
) -> None:
    """Run every policy on every case beside the bound of perfect foresight, and say how near they come.

    Results are kept one by one: a benchmark that was cut short goes on when it is asked for again.

    Parameters
    ----------
    to:
        Folder for results.parquet, BENCHMARK.md and captured.svg.
    data:
        Folder of traces, carbon and prices [default: ../shared/data].
    scenario:
        Another fleet, climate, grid or trace: a scenario file whose begin and load the cases set.
    policies:
        Which to run beside fcfs, from which gains are counted [default: all of the published ones, and follow].
    months:
        Of jan, apr, jul and oct.
    loads:
        Work over the fleet's mean heat demand; 0.03 is the trace as it was recorded.
    seeds:
        Each case is run for each.
    backups:
        Of gas, heat_pump and district.
    quick:
        Four days a case instead of fourteen.
    processes:
        That run at once; 0 for one a core.
    """
    from ondol.cli.bench_shown import bench_table, progress
    from ondol.twin.heatbench.cases import cases_of
    from ondol.twin.heatbench.report import draw, markdown, write_parquet
    from ondol.twin.heatbench.running import POLICIES, run_all
    from ondol.twin.heatbench.standing import REFERENCE, lines_of
    from ondol.twin.located import data_folder

    base = data_folder(data)
    cases = cases_of(months, loads, seeds, backups, quick=quick)
    chosen = tuple(dict.fromkeys((REFERENCE, *(policies or POLICIES))))
    with progress(len(cases) * (len(chosen) + 1), out) as tell:
        results = run_all(cases, chosen, base, to / "runs", file=scenario, processes=processes, tell=tell)
    lines = lines_of(results)
    write_parquet(results, to / "results.parquet")
    (to / "BENCHMARK.md").write_text("# ondol bench heat\n" + markdown(lines), "utf-8")
    draw(lines, to / "captured.svg")
    if out.json:
        print_json(
            [
                {
                    "case": line.case,
                    "policy": line.policy,
                    "captured": None if math.isnan(line.captured) else line.captured,
                    "counts": line.counts,
                    "total_kg": line.total_kg,
                    "bound_kg": line.bound_kg,
                }
                for line in lines
            ]
        )
    else:
        print_rich(bench_table(lines), out)
        note(f"All figures: {to / 'results.parquet'}; table: {to / 'BENCHMARK.md'}; plot: {to / 'captured.svg'}", out)
