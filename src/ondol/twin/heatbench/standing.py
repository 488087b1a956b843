"""What sums the benchmark up: relative gap and captured gain of every policy on every case, and their spread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ondol.model.errors import NotFoundError
from ondol.twin.heatbench.running import BOUND, Result

REFERENCE = "fcfs"
COUNTS_FROM = 0.03
"""A case in which fcfs is within so much of the bound tells nothing apart: it is shown and counts for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A policy on a case; means over seeds, spread = largest less smallest.

    Parameters
    ----------
    gap : (J − bound)/bound; nan where the bound is 0 or less
    captured : (J_fcfs − J)/(J_fcfs − bound); nan where fcfs was not run, or is the bound itself
    counts : whether fcfs leaves anything to be captured, for every seed
    figures : means of all figures that every seed has
    """

    case: str
    policy: str
    total_kg: float
    bound_kg: float
    gap: float
    captured: float
    captured_spread: float
    counts: bool
    seeds: int
    figures: dict[str, float]


def lines_of(results: Sequence[Result]) -> list[Line]:
    """Sum up results, cases and policies in the order in which they come.

    Raises
    ------
    NotFoundError : a run whose case and seed have no bound
    """
    by_case: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        by_case[result.case.name][result.policy].append(result)
    lines = []
    for name, policies in by_case.items():
        bounds = {one.case.seed: one.figures["total_kg"] for one in policies[BOUND]}
        first = {one.case.seed: one.figures["total_kg"] for one in policies.get(REFERENCE, [])}
        for policy, runs in policies.items():
            if policy == BOUND:
                continue
            for run in runs:
                if run.case.seed not in bounds:
                    raise NotFoundError("bound", f"of {name}, seed {run.case.seed}")
            totals = np.array([run.figures["total_kg"] for run in runs])
            least = np.array([bounds[run.case.seed] for run in runs])
            start = np.array([first.get(run.case.seed, np.nan) for run in runs])
            captured = np.full(len(runs), np.nan)
            np.divide(start - totals, start - least, out=captured, where=start != least)
            lines.append(
                Line(
                    case=name,
                    policy=policy,
                    total_kg=float(totals.mean()),
                    bound_kg=float(least.mean()),
                    gap=float(((totals - least) / least).mean()) if (least > 0).all() else float("nan"),
                    captured=float(captured.mean()),
                    captured_spread=float(captured.max() - captured.min()),
                    counts=bool(((start - least) > COUNTS_FROM * np.abs(least)).all()),
                    seeds=len(runs),
                    figures=_means(runs),
                )
            )
    return lines


def _means(runs: Sequence[Result]) -> dict[str, float]:
    names = sorted(set.intersection(*(set(run.figures) for run in runs)))
    return {name: float(np.mean([run.figures[name] for run in runs])) for name in names}
