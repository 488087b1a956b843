"""`ondol twin signal`: how often the heat signal of a scenario comes true."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ondol.cli.listing import note, print_json
from ondol.cli.output import SHOWN, Out
from ondol.cli.twin_check import Data


def signal(
    scenario: Path,
    /,
    *,
    seed: int | None = None,
    days: float | None = None,
    learn: float = 3.0,
    policy: str = "follow",
    reliability: Annotated[bool, Parameter(negative="")] = False,
    data: Data = None,
    out: Out = SHOWN,
) -> None:
    """Hold the heat signal of a scenario, hour by hour, against what came; confidence is learned as on the platform.

    Parameters
    ----------
    scenario:
        The scenario file; docs/reference/scenario-file.md says what it holds.
    seed:
        In place of the scenario's.
    days:
        In place of the scenario's.
    learn:
        Days at the beginning that are learned from and not counted.
    policy:
        What decides; 'ondol policy list' shows all.
    reliability:
        What was said and what came, by tenths of the confidence.
    """
    from ondol.cli.signal import print_quality
    from ondol.cli.twin import progress
    from ondol.report.signal_quality import quality_json
    from ondol.twin.located import data_folder
    from ondol.twin.signal_truth.study import study

    with progress(f"{scenario.stem}, signal", out) as tell:
        run, found = study(
            scenario, seed=seed, days=days, data=data_folder(data), policy=policy, learn_days=learn, tell=tell
        )
    places = [quality_json(one.place, one.tallies) for one in found]
    if out.json:
        told: dict[str, Any] = {"scenario": run.identity.scenario, "seed": run.identity.seed, "places": places}
        print_json(told)
        return
    print_quality(places, out, reliability=reliability)
    note(f"{run.scenario.days:g} days, the first {learn:g} not counted; seed {run.identity.seed}.", out)
