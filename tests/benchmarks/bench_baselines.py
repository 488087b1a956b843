"""Baselines against the figures that their sources publish: Qarnot's rules (`greco`), Let's Wait Awhile.

Sources, what is compared and why it differs: docs/reference/baselines.md. The runs are in `benchmarks.baselines`.

Run: python tests/benchmarks/bench_baselines.py [--only weeks|week|learning], four minutes in all; needs ../shared/data.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.table import Table

from benchmarks.baselines import machine_learning, one_week, two_weeks

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
JOBS, DATASETS = DATA / "workloads" / "greco14d_jobs.csv", DATA / "workloads" / "greco_datasets.json"
INTENSITY = DATA / "carbon" / "lwa_fr_ci_2020.csv"
SHARES_ON = (1.0, 0.9, 0.8)  # of the boards, that external events had not shut off
TWO_DAYS = 96  # half hours: as far as the fleet's forecasts reach


def weeks(table: Table) -> None:
    """Two weeks of March 2019."""
    trace = two_weeks.jobs_with_data(JOBS, DATASETS)
    for share in SHARES_ON:
        sizes = tuple(max(1, round(boards * share)) for boards in two_weeks.SMALL_AND_LARGE)
        figures, _ = two_weeks.live(trace, sizes)
        for name, published in asdict(two_weeks.PUBLISHED).items():
            ours = asdict(figures)[name]
            if share == 1.0 or name.startswith(("wait", "slowdown")):
                add(table, f"two weeks, {sum(sizes)} boards: {name}", published, ours)
    standard, twin = two_weeks.live(trace, two_weeks.SMALL_AND_LARGE)
    at_hand, everywhere_bytes = two_weeks.replicated(trace)
    full, _ = two_weeks.live(at_hand, two_weeks.SMALL_AND_LARGE)
    add(table, "two weeks, FullReplicate / standard: slowdown", 0.5, full.slowdown / standard.slowdown)
    add(table, "two weeks, FullReplicate / standard: wait_s", 0.5, full.wait_s / standard.wait_s)
    add(table, "two weeks, FullReplicate / standard: bytes", 5.0, everywhere_bytes / twin.caches.moved_bytes)
    figures, _ = two_weeks.live(trace, two_weeks.ALIKE)
    add(table, "two weeks, sites alike: wait_s", two_weeks.PUBLISHED.wait_s, figures.wait_s)


def week(table: Table) -> None:
    """A week of May 2019, drawn; LocalityBased over the standard scheduler."""
    for seed in (1, 2, 3):
        trace = one_week.draw_jobs(JOBS, DATASETS, 7.0, seed)
        standard = one_week.live(trace, 7.0, "greco")
        near = one_week.live(trace, 7.0, "greco-locality")
        said = one_week.PUBLISHED["week of 3 May"]
        add(table, f"week, seed {seed}: mean wait, standard [s]", 39.43, standard[0])
        add(table, f"week, seed {seed}: wait, locality / standard", said.wait, near[0] / standard[0])
        add(table, f"week, seed {seed}: bytes, locality / standard", said.moved, near[1] / standard[1])
        add(table, f"week, seed {seed}: preempted, standard", 54.0, standard[2])


def learning(table: Table) -> None:
    """A year of machine-learning jobs in France."""
    intensity, jobs = machine_learning.read_intensity(INTENSITY), machine_learning.draw_jobs()
    for (error, interrupting), published in machine_learning.PUBLISHED.items():
        saved, late = machine_learning.saved_percent(intensity, jobs, interrupting=interrupting, error=error)
        kind = "interrupting" if interrupting else "non-interrupting"
        add(table, f"machine learning, {kind}, error {error:.0%}: saved [%] ({late} late)", published, saved)
    for interrupting in (False, True):
        saved, late = machine_learning.saved_percent(intensity, jobs, interrupting=interrupting, horizon=TWO_DAYS)
        published = machine_learning.PUBLISHED[0.0, interrupting]
        kind = "interrupting" if interrupting else "non-interrupting"
        add(table, f"the same, {kind}, forecast of 48 h: saved [%] ({late} late)", published, saved)


def add(table: Table, name: str, published: float, ours: float) -> None:
    """Add a row."""
    table.add_row(name, f"{published:.4g}", f"{ours:.4g}", f"{ours / published:.3f}")


PARTS = {"weeks": weeks, "week": week, "learning": learning}


def main() -> None:
    """Run what is asked for and print published figure, ours, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(PARTS))
    only = parser.parse_args().only
    if not DATA.is_dir():
        raise SystemExit(f"{DATA} is not there; the traces may not travel in the repository")
    table = Table()
    for head in ("figure", "published", "ours", "ratio"):
        table.add_column(head, justify="left" if head == "figure" else "right")
    for name, part in PARTS.items():
        if only in (None, name):
            part(table)
    Console().print(table)


if __name__ == "__main__":
    main()
