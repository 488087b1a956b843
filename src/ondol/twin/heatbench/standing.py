"""What sums the benchmark up: relative gap and captured gain of every policy on every case, and their spread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ondol.model.errors import NotFoundError
from ondol.model.view import Floats
from ondol.twin.heatbench.running import BOUND, BOUND_EUR, Result

REFERENCE = "fcfs"
COUNTS_FROM = 0.03
"""A case in which fcfs is within so much of the bound tells nothing apart: it is shown and counts for nothing."""

NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A policy on a case; means over seeds, spread = largest less smallest.

    Parameters
    ----------
    gap : (J − bound)/bound; nan where the bound is 0 or less
    captured : (J_fcfs − J)/(J_fcfs − bound); nan where fcfs was not run, or is the bound itself
    counts : whether fcfs leaves anything to be captured, for every seed
    figures : means of all figures that every seed has; `bound` : those of the bound
    total_eur, bound_eur, gap_eur, captured_eur : the same of cost, against its own bound; nan where it was not asked
    place, forecast : what `case` is made of, beside the backup
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
    gap_spread: float = 0.0
    bound: dict[str, float] = field(default_factory=dict)
    total_eur: float = NAN
    bound_eur: float = NAN
    gap_eur: float = NAN
    captured_eur: float = NAN
    place: str = ""
    forecast: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One objective over the seeds of a policy on a case: totals, bounds, and the two figures of each."""

    totals: Floats
    least: Floats
    gap: Floats
    captured: Floats
    counts: bool


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
        for policy, runs in policies.items():
            if policy in (BOUND, BOUND_EUR):
                continue
            bounded = {one.case.seed for one in policies[BOUND]}
            for run in runs:
                if run.case.seed not in bounded:
                    raise NotFoundError("bound", f"of {name}, seed {run.case.seed}")
            carbon = _reached(runs, policies[BOUND], policies.get(REFERENCE, []), "total_kg")
            money = _reached(runs, policies.get(BOUND_EUR, []), policies.get(REFERENCE, []), "total_eur")
            lines.append(
                Line(
                    case=name,
                    policy=policy,
                    total_kg=float(carbon.totals.mean()),
                    bound_kg=float(carbon.least.mean()),
                    gap=float(carbon.gap.mean()),
                    captured=float(carbon.captured.mean()),
                    captured_spread=float(np.ptp(carbon.captured)),
                    gap_spread=float(np.ptp(carbon.gap)),
                    counts=carbon.counts,
                    seeds=len(runs),
                    figures=_means(runs),
                    bound=_means(policies[BOUND]),
                    total_eur=float(money.totals.mean()),
                    bound_eur=float(money.least.mean()),
                    gap_eur=float(money.gap.mean()),
                    captured_eur=float(money.captured.mean()),
                    place=runs[0].case.place,
                    forecast=runs[0].case.forecast,
                )
            )
    return lines


def _reached(runs: Sequence[Result], bounds: Sequence[Result], first: Sequence[Result], figure: str) -> Reached:
    least_of = {one.case.seed: one.figures[figure] for one in bounds}
    first_of = {one.case.seed: one.figures.get(figure, NAN) for one in first}
    totals = np.array([run.figures.get(figure, NAN) for run in runs])
    least = np.array([least_of.get(run.case.seed, NAN) for run in runs])
    start = np.array([first_of.get(run.case.seed, NAN) for run in runs])
    captured, gap = np.full(len(runs), NAN), np.full(len(runs), NAN)
    np.divide(start - totals, start - least, out=captured, where=start != least)
    if (least > 0).all():
        gap = (totals - least) / least
    counts = bool(((start - least) > COUNTS_FROM * np.abs(least)).all())
    return Reached(totals=totals, least=least, gap=gap, captured=captured, counts=counts)


def _means(runs: Sequence[Result]) -> dict[str, float]:
    names = sorted(set.intersection(*(set(run.figures) for run in runs)))
    return {name: float(np.mean([run.figures[name] for run in runs])) for name in names}
