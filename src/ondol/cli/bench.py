"""`ondol bench`: how far from the optimum policies are, on scenarios in which they differ."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ondol.cli.listing import note, print_json, print_rich
from ondol.cli.output import SHOWN, Out

app = App(name="bench", help="How far from the optimum policies are, on scenarios in which they differ.")
Words = Annotated[tuple[str, ...], Parameter(consume_multiple=True)]


@app.command
def heat(
    *,
    to: Annotated[Path, Parameter(name="--out")] = Path("out/bench-heat"),
    data: Path | None = None,
    cases: Words = (),
    months: Words = (),
    loads: Annotated[tuple[float, ...], Parameter(consume_multiple=True)] = (),
    policies: Words = (),
    seeds: Annotated[tuple[int, ...], Parameter(consume_multiple=True)] = (1,),
    backups: Words = ("gas",),
    forecasts: Words = ("real",),
    objective: str = "both",
    scenario: Path | None = None,
    trace: str = "",
    trace_format: str = "",
    weather: str = "",
    carbon: str = "",
    carbon_method: str = "",
    prices: str = "",
    quick: Annotated[bool, Parameter(negative="")] = False,
    processes: int = 0,
    out: Out = SHOWN,
) -> None:
    """Run every policy on every case beside the bound of perfect foresight, and say how near they come.

    Results are kept one by one: a benchmark that was cut short goes on when it is asked for again.

    Parameters
    ----------
    to:
        Folder for results.parquet, BENCHMARK.md, index.html and captured.svg.
    data:
        Folder of traces, carbon and prices [default: ../shared/data].
    cases:
        Of months (months × loads), residence-year, pool-year, surf-year, heat-wave, cold-snap, and own (--scenario as
        it is) [default: all whose data are there; with --scenario: months].
    months:
        Of jan, apr, jul and oct, for the case "months" [default: all of them; with --quick apr and jul].
    loads:
        Work over the fleet's mean heat demand, for the case "months"; 0.03 is the trace as it was recorded
        [default: 0.03 0.3 0.7 1.0 1.3; with --quick 0.3 and 1.0].
    policies:
        Which to run beside fcfs, from which gains are counted [default: all of the published ones, and follow; with
        --quick greedy, thermostat-filler and follow].
    seeds:
        Each case is run for each.
    backups:
        Of gas, heat_pump and district.
    forecasts:
        Of real and perfect, and other kinds of forecast that a scenario may have.
    objective:
        Whose bound is asked for: carbon, cost or both.
    scenario:
        Another fleet: a scenario file whose begin and load the months and loads set; or as it is, with --cases own.
    trace:
        Another trace in all cases: CSV, SWF or SURF's Parquet.
    trace_format:
        csv, swf, surf, greco or azure, where the trace's ending does not tell.
    weather:
        H1a, H2b, H3, or a weather file, for all sites.
    carbon:
        BE, FR, NL, or a carbon file.
    carbon_method:
        direct or life-cycle, behind the carbon file [default: life-cycle].
    prices:
        Another price file.
    quick:
        Four days a case instead of fourteen or a year, and fewer of them.
    processes:
        That run at once; 0 for one a core.
    """
    from ondol.cli.bench_shown import bench_table, progress
    from ondol.twin.heatbench import cases as chosen
    from ondol.twin.heatbench.aims import AIMED, verdicts
    from ondol.twin.heatbench.available import available
    from ondol.twin.heatbench.changes import Changes
    from ondol.twin.heatbench.draw import draw
    from ondol.twin.heatbench.page import write_page
    from ondol.twin.heatbench.provenance import about
    from ondol.twin.heatbench.report import markdown, summary_markdown, write_parquet
    from ondol.twin.heatbench.running import OBJECTIVES, POLICIES, run_all
    from ondol.twin.heatbench.standing import REFERENCE, lines_of
    from ondol.twin.located import data_folder

    base = data_folder(data)
    world = chosen.World(
        file=scenario,
        changes=Changes(
            trace=trace, trace_format=trace_format, weather=weather, carbon=carbon, method=carbon_method, prices=prices
        ),
    )
    everything = (chosen.GRID,) if scenario else (chosen.GRID, *chosen.NAMED)
    asked = chosen.cases_of(
        months or (chosen.QUICK_MONTHS if quick else tuple(chosen.MONTHS)),
        loads or (chosen.QUICK_LOADS if quick else chosen.LOADS),
        seeds,
        backups,
        quick=quick,
        groups=cases or everything,
        forecasts=forecasts,
    )
    there, left_out = available(asked, world, base, strict=bool(cases) or scenario is not None)
    for line in left_out:
        note(f"Left out: {line}", out)
    usual = ("greedy", "thermostat-filler", "follow") if quick else POLICIES
    ran = tuple(dict.fromkeys((REFERENCE, *(policies or usual))))
    with progress(len(there) * (len(ran) + len(OBJECTIVES.get(objective, ()))), out) as tell:
        results = run_all(
            there, ran, base, to / "runs", world=world, objective=objective, processes=processes, tell=tell
        )
    lines = lines_of(results)
    found = verdicts(lines)
    made = about(shlex.join(["ondol", *sys.argv[1:]]), there, world, base) + [f"Left out: {line}" for line in left_out]
    write_parquet(results, to / "results.parquet")
    text = "# ondol bench heat\n\n" + summary_markdown(lines, found, AIMED) + markdown(lines)
    text += "\n## How it was made\n\n" + "".join(f"- {line}\n" for line in made)
    (to / "BENCHMARK.md").write_text(text, "utf-8")
    draw(lines, to / "captured.svg")
    write_page(to / "index.html", lines, found, policy=AIMED, about=made)
    if out.json:
        print_json([_told(line) for line in lines])
    else:
        print_rich(bench_table(lines), out)
        note(f"All figures: {to / 'results.parquet'}; tables: {to / 'BENCHMARK.md'}; page: {to / 'index.html'}", out)


def _told(line: Any) -> dict[str, object]:
    numbers = ("captured", "gap", "total_kg", "bound_kg", "captured_eur", "total_eur", "bound_eur")
    values = {name: getattr(line, name) for name in numbers}
    return {
        "case": line.case,
        "policy": line.policy,
        "counts": line.counts,
        **{name: None if math.isnan(value) else value for name, value in values.items()},
    }
