"""The one drawing that stands alone: captured gain by case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from ondol.twin.heatbench.standing import Line


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
