"""The page that sets finished runs side by side, with what is to be said about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ondol.report.comparison import write_comparison_html
from ondol.signals.attribution import attributions
from ondol.twin.run_reading import FinishedRun, shown_runs

_METHOD = (
    "Carbon in all: electricity of all sites at the grid's intensity of each step, backup heat, and work that is late.",
    "Work that was late or not done is charged to every policy by the same rule.",
    "Heat that stores hold less at the end than at the beginning is in the sum, at the backup's rate.",
    "Useful compute heat is what sinks took in; heat that they let out because they were full or too warm is not.",
    "Discomfort counts only kelvin-hours that compute heat or a missing backup caused.",
    "Carbon of operation alone: no embodied carbon, no credit for heat beside the backup that is in the sum.",
)


def write_page(path: Path, runs: Sequence[FinishedRun]) -> None:
    """Write the page; errors as of the readers of series.

    Parameters
    ----------
    runs : at least one, in the order of the columns
    """
    first = runs[0].summary
    worlds = {run.identity.world for run in runs}
    about = [f"{first['days']:g} days from {first['begin'][:10]} (UTC), seed {first['seed']}, Ondol {first['ondol']}"]
    if len(worlds) > 1:
        about.append(
            "These runs are of different scenarios, spans or seeds: their figures cannot be set against each other."
        )
    said: list[str] = []
    for run in runs:
        said += [run.summary["source"], *run.summary["notes"]]
    notes = [*_METHOD, *dict.fromkeys(said), *attributions()]
    write_comparison_html(path, shown_runs(runs), title=f"Runs of {first['scenario']}", about=about, notes=notes)
