"""The benchmark's results as one table, one page of plots, and a Parquet file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pyarrow as pa
import pyarrow.parquet as pq

from ondol.twin.heatbench.running import Result
from ondol.twin.heatbench.standing import COUNTS_FROM, REFERENCE, Line

COLUMNS = (
    ("total_kg", "kgCO2e", ".0f"),
    ("backup_kwh", "backup kWh", ".0f"),
    ("useful_share", "useful", ".2f"),
    ("heat_dumped_kwh", "dumped kWh", ".0f"),
    ("discomfort_kh", "K·h", ".1f"),
    ("overflow_kwh", "overflow kWh", ".0f"),
    ("wait_on_demand_p90_s", "wait p90 s", ".0f"),
    ("deadline_miss_share", "late", ".3f"),
    ("kills", "kills", ".0f"),
    ("node_starts_per_day", "starts/day", ".0f"),
)


_SCHEMA = pa.schema(
    [
        ("month", pa.string()),
        ("load", pa.float64()),
        ("backup", pa.string()),
        ("forecast", pa.string()),
        ("days", pa.float64()),
        ("seed", pa.int64()),
        ("policy", pa.string()),
        ("figure", pa.string()),
        ("value", pa.float64()),
    ]
)


def write_parquet(results: Sequence[Result], path: Path) -> None:
    """Write every figure of every run, one row each."""
    rows = [
        {
            "month": one.case.month,
            "load": one.case.load,
            "backup": one.case.backup,
            "forecast": one.case.forecast,
            "days": one.case.days,
            "seed": one.case.seed,
            "policy": one.policy,
            "figure": name,
            "value": float(value),
        }
        for one in results
        for name, value in sorted(one.figures.items())
    ]
    draft = path.with_suffix(".draft")
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), draft)
    draft.replace(path)


def markdown(lines: Sequence[Line]) -> str:
    """Give the table of all lines, a heading a case."""
    parts: list[str] = []
    for case in dict.fromkeys(line.case for line in lines):
        mine = [line for line in lines if line.case == case]
        note = "" if mine[0].counts else f" ({_why_not(mine)})"
        parts.append(f"\n### {case}: bound {mine[0].bound_kg:.0f} kgCO2e{note}\n")
        head = ["policy", "captured", "gap", *(title for _, title, _ in COLUMNS)]
        parts.append("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        for line in sorted(mine, key=lambda one: one.total_kg):
            spread = f" ± {line.captured_spread / 2:.3f}" if line.seeds > 1 else ""
            cells = [line.policy, _number(line.captured, ".3f") + spread, _number(line.gap, ".2f")]
            cells += [_number(line.figures.get(name, math.nan), form) for name, _, form in COLUMNS]
            parts.append("| " + " | ".join(cells) + " |")
    return "\n".join(parts) + "\n"


def _number(value: float, form: str) -> str:
    """Say a number; a dash where there is none."""
    return "–" if math.isnan(value) else format(value, form)


def _why_not(lines: Sequence[Line]) -> str:
    if not any(line.policy == REFERENCE for line in lines):
        return f"{REFERENCE} was not run: nothing to compare with"
    return f"{REFERENCE} is within {COUNTS_FROM:.0%} of the bound: counts for nothing".replace("%", " %")


def draw(lines: Sequence[Line], path: Path) -> None:
    """Draw captured gain by case, one mark a policy."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    cases = list(dict.fromkeys(line.case for line in lines if line.counts))
    policies = list(dict.fromkeys(line.policy for line in lines))
    figure, axes = plt.subplots(figsize=(9, 0.45 * max(len(cases), 2) + 1.6), layout="constrained")
    for policy in policies:
        mine = {line.case: line.captured for line in lines if line.policy == policy and line.counts}
        axes.plot([mine.get(case, float("nan")) for case in cases], range(len(cases)), "o", label=policy)
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.axvline(1.0, color="black", linewidth=1)
    axes.axvline(0.95, color="grey", linewidth=0.8, linestyle=":")
    axes.set_xlabel("captured gain of total kgCO2e: 0 = fcfs, 1 = bound")
    axes.set_xlim(left=-0.1)
    axes.legend(loc="lower left", fontsize=8)
    figure.savefig(path)
    plt.close(figure)
