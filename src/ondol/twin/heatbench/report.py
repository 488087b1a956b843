"""The benchmark's results as one table, one page of plots, and a Parquet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pyarrow as pa
import pyarrow.parquet as pq

from ondol.twin.heatbench.running import Result
from ondol.twin.heatbench.standing import Line

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
    pq.write_table(pa.Table.from_pylist(rows), draft)
    draft.replace(path)


def markdown(lines: Sequence[Line]) -> str:
    """Give the table of all lines, a heading a case."""
    parts: list[str] = []
    for case in dict.fromkeys(line.case for line in lines):
        mine = [line for line in lines if line.case == case]
        note = "" if mine[0].counts else " (fcfs is within 3 % of the bound: counts for nothing)"
        parts.append(f"\n### {case}: bound {mine[0].bound_kg:.0f} kgCO2e{note}\n")
        head = ["policy", "captured", "gap", *(title for _, title, _ in COLUMNS)]
        parts.append("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        for line in sorted(mine, key=lambda one: one.total_kg):
            spread = f" ± {line.captured_spread / 2:.3f}" if line.seeds > 1 else ""
            cells = [line.policy, f"{line.captured:.3f}{spread}", f"{line.gap:.2f}"]
            cells += [format(line.figures.get(name, float("nan")), form) for name, _, form in COLUMNS]
            parts.append("| " + " | ".join(cells) + " |")
    return "\n".join(parts) + "\n"


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
