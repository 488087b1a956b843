"""How fast the fleet twin lives: a trace of two weeks, a year of 10,000 heaters, and how both grow.

Every run is a process of its own, so that its peak of memory is its own; a small fleet lives first, so that machine
code is there. Times are processor time of the loop alone: making the scenario, its series and its work are told
apart. Runs take turns, round by round, so that what else the machine does falls on all of them; medians are shown.

greco    15,922 jobs of the GRECO trace on 1,000 hosts, 14 days at 150 s, first come, first served, a decision at every
         event: what `bench_peers` asks of other simulators (needs the shared data)
year     10,000 heaters, four a building, a year at 5 min with 10⁶ made-up jobs, a decision every 5 min
nodes-N  N heaters, a day at 5 min with 10 jobs a heater, at least 100
jobs-N   4,000 heaters, 14 days at 5 min with N jobs

Run: python tests/benchmarks/bench_twin.py [--quick] [--rounds 3] [--policy fcfs] [--only year] [--json FILE]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from ondol.model.errors import InvalidFieldError
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.peer_run import peer_run
from ondol.twin.scenario.nouns import OverflowSpec, Scenario, SiteSpec, WorkSpec
from ondol.twin.scenario.series import make_series
from ondol.twin.scenario.sinks import RoomSpec, UnitSpec, enlarged
from ondol.twin.work_of import work_of

GRECO = Path(__file__).resolve().parents[3] / "shared" / "data" / "workloads" / "greco14d_jobs.csv"
HEATERS_A_BUILDING = 4
STEP_S = 300.0
YEAR_DAYS = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One size of run; 0 heaters for the GRECO trace."""

    name: str
    heaters: int = 0
    days: float = 14.0
    jobs: int = 15_922


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a run says of itself; times in seconds of processor time, memory in MB."""

    loop_s: float
    setup_s: float
    peak_mb: float
    steps: int
    decisions: int
    jobs: int
    finished: int


def rungs(quick: bool) -> list[Rung]:
    """All rungs; quick ones are shorter and smaller, never others."""
    days = 3.0 if quick else YEAR_DAYS
    most_nodes, most_jobs = (10_000, 100_000) if quick else (100_000, 1_000_000)
    nodes = [10**power for power in range(1, 6) if 10**power <= most_nodes]
    jobs = [10**power for power in range(4, 7) if 10**power <= most_jobs]
    return [
        Rung(name="greco"),
        Rung(name="year", heaters=10_000, days=days, jobs=round(1e6 * days / YEAR_DAYS)),
        *(Rung(name=f"nodes-{count}", heaters=count, days=1.0, jobs=max(100, 10 * count)) for count in nodes),
        *(Rung(name=f"jobs-{count}", heaters=4_000, days=14.0, jobs=count) for count in jobs),
    ]


def scenario(rung: Rung) -> Scenario:
    """Buildings of four heaters of one server each, two rooms' heat in a household's walls; begins on 1 January."""
    building = msgspec.structs.replace(
        enlarged(RoomSpec(id="rooms"), HEATERS_A_BUILDING),
        unit=(UnitSpec(count=HEATERS_A_BUILDING, idle_w=30.0, max_w=500.0, off_w=1.0),),
    )
    return Scenario(
        name=rung.name,
        begin=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        days=rung.days,
        step_s=STEP_S,
        place_s=STEP_S,
        filler=False,
        site=(SiteSpec(id="b", count=max(1, rung.heaters // HEATERS_A_BUILDING), sink=(building,)),),
        overflow=OverflowSpec(nodes=0),
        work=WorkSpec(source="generator", jobs=rung.jobs),
    )


def live(rung: Rung, policy: str) -> Lived:
    """Live through a rung in this process."""
    begun_s = time.process_time()
    if not rung.heaters:
        figures = peer_run(GRECO, 1_000, 150.0)
        spent_s = time.process_time() - begun_s
        steps = int(figures.end_s // 150.0) + 1
        return Lived(
            loop_s=figures.loop_cpu_s,
            setup_s=spent_s - figures.loop_cpu_s,
            peak_mb=_peak_mb(),
            steps=steps,
            decisions=0,
            jobs=rung.jobs,
            finished=rung.jobs,
        )
    asked = scenario(rung)
    series, trace = make_series(asked, Path()), work_of(asked, Path())
    _warm_up(policy)
    twin = FleetTwin(asked, series, trace, load_policy(policy))
    setup_s, begun_s = time.process_time() - begun_s, time.process_time()
    twin.live(series.steps)
    loop_s = time.process_time() - begun_s
    attempts = twin.attempts
    return Lived(
        loop_s=loop_s,
        setup_s=setup_s,
        peak_mb=_peak_mb(),
        steps=twin.step,
        decisions=twin.decisions,
        jobs=attempts.arrived,
        finished=int((attempts.end_s[: attempts.count] > 0.0).sum()),
    )


def _warm_up(policy: str) -> None:
    """Live a day of a small fleet, so that machine code of all that happens is there."""
    small = scenario(Rung(name="small", heaters=2 * HEATERS_A_BUILDING, days=1.0, jobs=100))
    FleetTwin(small, make_series(small, Path()), work_of(small, Path()), load_policy(policy)).live(small.steps)


def _peak_mb() -> float:
    """Most memory that this process had (Linux counts in KiB) [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0 / 1e6


def _measured(rung: Rung, policy: str, limit_s: float) -> Lived:
    command = [sys.executable, str(Path(__file__)), "--one", json.dumps(asdict(rung)), "--policy", policy]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=limit_s, env=os.environ | threads
    )
    if done.returncode:
        raise InvalidFieldError(rung.name, done.stderr.strip()[-500:], "a run that ends")
    return Lived(**json.loads(done.stdout.splitlines()[-1]))


def _median(runs: list[Lived], name: str) -> float:
    return statistics.median(float(getattr(run, name)) for run in runs)


def _table(measured: dict[Rung, list[Lived]], policy: str) -> Table:
    table = Table(title=f"fleet twin, policy {policy} (greco: fcfs); medians", title_justify="left")
    table.add_column("rung")
    for head in ("heaters", "days", "jobs", "loop [s]", "spread", "µs a step", "setup [s]", "peak [MB]", "rounds"):
        table.add_column(head, justify="right")
    for rung, runs in measured.items():
        loops_s = [run.loop_s for run in runs]
        loop_s = _median(runs, "loop_s")
        table.add_row(
            rung.name,
            f"{rung.heaters or 1_000:,}",
            f"{rung.days:g}",
            f"{runs[0].jobs:,}",
            f"{loop_s:.2f}",
            f"{min(loops_s):.2f}–{max(loops_s):.2f}",
            f"{1e6 * loop_s / max(runs[0].steps, 1):,.0f}",
            f"{_median(runs, 'setup_s'):.2f}",
            f"{_median(runs, 'peak_mb'):,.0f}",
            str(len(runs)),
        )
    return table


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="three days for the year, growth to 10^4 nodes, 10^5 jobs")
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--policy", default="fcfs")
    words.add_argument("--only", default="", help="rungs whose names begin so")
    words.add_argument("--limit-s", type=float, default=1800.0, help="wall time of one run")
    words.add_argument("--json", type=Path, help="where figures of all runs are written")
    words.add_argument("--one", help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.one:
        print(json.dumps(asdict(live(Rung(**json.loads(asked.one)), asked.policy))))
        return
    console = Console(width=120)
    chosen = [rung for rung in rungs(asked.quick) if rung.name.startswith(asked.only)]
    if not GRECO.exists():
        chosen = [rung for rung in chosen if rung.heaters]
        console.print("greco is left out: shared/data/workloads is not there")
    measured: dict[Rung, list[Lived]] = {rung: [] for rung in chosen}
    for number in range(asked.rounds):
        for rung in chosen:
            measured[rung].append(_measured(rung, asked.policy, asked.limit_s))
            console.print(f"round {number + 1}: {rung.name} {measured[rung][-1].loop_s:.2f} s", highlight=False)
    console.print(_table(measured, asked.policy))
    if (year := next((rung for rung in chosen if rung.name == "year"), None)) and year.days < YEAR_DAYS:
        scaled_s = _median(measured[year], "loop_s") * YEAR_DAYS / year.days
        console.print(f"year: {scaled_s:.0f} s of processor time, scaled from {year.days:g} days of January")
    if asked.json:
        rows = [{"rung": asdict(rung), "runs": [asdict(run) for run in runs]} for rung, runs in measured.items()]
        asked.json.write_text(json.dumps({"policy": asked.policy, "rungs": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
