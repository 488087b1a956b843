"""The benchmark's results as Markdown tables and a Parquet file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ondol.storage.whole_files import replaced_by
from ondol.twin.heatbench.aims import Verdict
from ondol.twin.heatbench.cases import GRID
from ondol.twin.heatbench.running import Result
from ondol.twin.heatbench.standing import COUNTS_FROM, REFERENCE, Line

COLUMNS = (
    ("total_kg", "kgCO2e", ".0f"),
    ("backup_kwh", "backup kWh", ".0f"),
    ("useful_share", "useful", ".2f"),
    ("erf", "ERF", ".2f"),
    ("heat_dumped_kwh", "dumped kWh", ".0f"),
    ("discomfort_kh", "K·h", ".1f"),
    ("worst_sink_kh", "worst zone K·h", ".1f"),
    ("overflow_kwh", "overflow kWh", ".0f"),
    ("wait_on_demand_p90_s", "wait p90 s", ".0f"),
    ("deadline_miss_share", "late", ".3f"),
    ("kills", "kills", ".0f"),
    ("lost_work_h", "lost h", ".1f"),
    ("attempts_per_instance", "attempts", ".2f"),
    ("node_starts_per_day", "starts/day", ".0f"),
    ("moved_bytes", "bytes moved", ".2g"),
)
WAITS = tuple(f"wait_{kind}_p{share}_s" for kind in ("on_demand", "flex", "harvest") for share in (50, 90, 99))
KINDS = ("room", "tank", "pool", "network")

_SCHEMA = pa.schema(
    [
        ("case", pa.string()),
        ("month", pa.string()),
        ("load", pa.float64()),
        ("backup", pa.string()),
        ("forecast", pa.string()),
        ("days", pa.float64()),
        ("seed", pa.int64()),
        ("policy", pa.string()),
        ("figure", pa.string()),
        ("sink", pa.string()),
        ("value", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A policy over all cases that count: means, and the case in which it captures least."""

    policy: str
    cases: int
    captured: float
    gap: float
    captured_eur: float
    worst: str
    worst_captured: float


def standings(lines: Sequence[Line]) -> list[Standing]:
    """Sum policies up over the cases that count, the best first; where a figure is nan it is left out of its mean."""
    found = []
    for policy in dict.fromkeys(line.policy for line in lines):
        mine = [line for line in lines if line.policy == policy and line.counts]
        worst = min(mine, key=lambda line: (line.captured, line.case), default=None)
        found.append(
            Standing(
                policy=policy,
                cases=len(mine),
                captured=_mean([line.captured for line in mine]),
                gap=_mean([line.gap for line in mine]),
                captured_eur=_mean([line.captured_eur for line in mine]),
                worst=worst.case if worst else "",
                worst_captured=worst.captured if worst else math.nan,
            )
        )
    return sorted(found, key=lambda one: -one.captured if math.isfinite(one.captured) else math.inf)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def write_parquet(results: Sequence[Result], path: Path) -> None:
    """Write every figure of every run, one row each; of a single sink's, `sink` has its id."""
    rows = []
    for one in results:
        for name, value in sorted(one.figures.items()):
            figure, _, sink = name.partition("@")
            rows.append(
                {
                    "case": one.case.place,
                    "month": one.case.month or None,
                    "load": one.case.load if one.case.group == GRID else None,
                    "backup": one.case.backup,
                    "forecast": one.case.forecast,
                    "days": one.case.days,
                    "seed": one.case.seed,
                    "policy": one.policy,
                    "figure": figure,
                    "sink": sink or None,
                    "value": float(value),
                }
            )
    with replaced_by(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), partial)


def markdown(lines: Sequence[Line]) -> str:
    """Give the tables of all lines, a heading a case: what sums up, then waits and discomfort by kind."""
    parts: list[str] = []
    for case in dict.fromkeys(line.case for line in lines):
        mine = sorted((line for line in lines if line.case == case), key=lambda one: one.total_kg)
        note = "" if mine[0].counts else f" ({why_not(mine)})"
        euros = "" if math.isnan(mine[0].bound_eur) else f", {mine[0].bound_eur:.0f} €"
        parts.append(f"\n### {case}: bound {mine[0].bound_kg:.0f} kgCO2e{euros}{note}\n")
        head = ["policy", "captured", "gap", *(title for _, title, _ in COLUMNS)]
        money = any(math.isfinite(line.bound_eur) for line in mine)
        head += ["€", "captured €", "gap €"] if money else []
        rows = []
        for line in mine:
            cells = [line.policy, _spread(line.captured, line.captured_spread, line, ".3f")]
            cells.append(_spread(line.gap, line.gap_spread, line, ".2f"))
            cells += [number(line.figures.get(name, math.nan), form) for name, _, form in COLUMNS]
            if money:
                cells += [number(line.total_eur, ".0f"), number(line.captured_eur, ".3f"), number(line.gap_eur, ".2f")]
            rows.append(cells)
        parts.append(_table(head, rows))
        kinds = [kind for kind in KINDS if any(f"discomfort_{kind}_kh" in line.figures for line in mine)]
        waits = [name for name in WAITS if any(name in line.figures for line in mine)]
        if kinds or waits:
            names = [*waits, *(f"discomfort_{kind}_kh" for kind in kinds)]
            head = ["policy", *(_title(name) for name in names)]
            rows = [
                [
                    line.policy,
                    *(number(line.figures.get(n, math.nan), ".1f" if n.endswith("kh") else ".0f") for n in names),
                ]
                for line in mine
            ]
            parts.append("\n" + _table(head, rows))
    return "\n".join(parts) + "\n"


def summary_markdown(lines: Sequence[Line], found: Sequence[Verdict], policy: str) -> str:
    """Give what stands on top: each policy over the cases that count, and the aims."""
    cases = {line.case: line.counts for line in lines}
    parts = [f"{sum(cases.values())} of {len(cases)} cases count.\n"]
    rows = [
        [
            one.policy,
            str(one.cases),
            number(one.captured, ".3f"),
            number(one.gap, ".2f"),
            number(one.captured_eur, ".3f"),
            f"{number(one.worst_captured, '.3f')} ({one.worst})" if one.worst else "–",
        ]
        for one in standings(lines)
    ]
    parts.append(_table(["policy", "cases", "captured", "gap", "captured €", "least captured"], rows))
    if any(line.policy == policy for line in lines):
        parts.append(f"\n## Aims of {policy}\n")
        aims = [[v.aim, v.answer, f"{v.met} of {v.cases}", by_how_much(v)] for v in found]
        parts.append(_table(["aim", "met", "cases", "at its worst"], aims))
    return "\n".join(parts) + "\n"


def by_how_much(verdict: Verdict) -> str:
    """Say where an aim is missed by most, or met by least, and what was wanted there."""
    if not verdict.cases:
        return "–"
    unit = f" {verdict.unit}" if verdict.unit else ""
    value, wanted = (f"{round(one, 9):.4g}" for one in (verdict.value, verdict.wanted))  # a solver's 1e-14 is a 0
    return f"{value}{unit}, wanted {wanted}{unit} ({verdict.worst})"


def number(value: float, form: str) -> str:
    """Say a number; a dash where there is none."""
    return "–" if math.isnan(value) else format(value, form)


def why_not(lines: Sequence[Line]) -> str:
    """Say why a case counts for nothing."""
    if not any(line.policy == REFERENCE for line in lines):
        return f"{REFERENCE} was not run: nothing to compare with"
    return f"{REFERENCE} is within {COUNTS_FROM:.0%} of the bound: counts for nothing".replace("%", " %")


def _spread(value: float, spread: float, line: Line, form: str) -> str:
    beside = f" ± {spread / 2:{form}}" if line.seeds > 1 and math.isfinite(value) else ""
    return number(value, form) + beside


def _title(name: str) -> str:
    if name.startswith("wait_"):
        return name.removeprefix("wait_").removesuffix("_s").replace("on_demand", "on-demand").replace("_", " ") + " s"
    return name.removeprefix("discomfort_").removesuffix("_kh") + " K·h"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(cells) + " |" for cells in rows)])
