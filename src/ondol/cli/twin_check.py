"""`ondol twin check`: a scenario lived twice, to see whether the twin decides as the platform would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ondol.cli.listing import note, print_json, print_pairs
from ondol.cli.output import SHOWN, Out

if TYPE_CHECKING:
    from ondol.twin.same.check import Verdict

Data = Annotated[
    Path | None,
    Parameter(
        help="Folder of data, for paths that are not beside the scenario [default: ../shared/data if it is there]."
    ),
]
DIFFERS = 3  # as of `ondol replay`
_WORDS = {
    "moments": "moments decided at",
    "starts": "starts",
    "stops": "stops",
    "pauses": "pauses",
    "resumes": "resumes",
    "wait_s": "mean wait [s]",
    "electric_kwh": "electricity [kWh]",
    "heat_kwh": "heat [kWh]",
    "backup_kwh": "backup heat [kWh]",
}


def check(
    scenario: Path,
    /,
    *,
    policy: str,
    steady: Annotated[bool, Parameter(negative="")] = False,
    data: Data = None,
    seed: int | None = None,
    days: float | None = None,
    out: Out = SHOWN,
) -> int:
    """Live a scenario twice, by the twin and by the platform's own loop, and compare all decisions.

    Exit code 0 where all are equal, 3 where one differs. What only one side knows (boots, faults, inputs, wrong
    forecasts) is taken out before, and said. It takes some hundred times as long as the twin alone.

    Parameters
    ----------
    scenario:
        The scenario file; docs/reference/scenario-file.md says what it holds.
    policy:
        What decides; 'ondol policy list' shows all.
    steady:
        Let the twin's thermostats lead the platform's sites, in place of its agents.
    seed:
        In place of the scenario's.
    days:
        In place of the scenario's.
    """
    from dataclasses import asdict

    from ondol.twin.located import data_folder
    from ondol.twin.runs import prepare
    from ondol.twin.same.check import check as lived_twice

    ready = prepare(scenario, policy, data=data_folder(data), seed=seed, days=days)
    verdict = lived_twice(ready.scenario, ready.trace, policy, steady=steady)
    if out.json:
        shown: dict[str, Any] = asdict(verdict)
        told = {name: None if shown[name] is None else str(getattr(verdict, name)) for name in _DIFFERENCES}
        print_json(shown | told | {"same": verdict.same})
    elif not out.quiet:
        _print(verdict, out)
    return 0 if verdict.same else DIFFERS


_DIFFERENCES = ("acts", "moments", "floors")


def _print(verdict: Verdict, out: Out) -> None:
    twin, platform = verdict.twin, verdict.platform
    rows: list[tuple[str, object]] = [("", f"{'twin':>12}{'platform':>12}")]
    for name, words in _WORDS.items():
        rows.append((words, f"{getattr(twin, name):>12.6g}{getattr(platform, name):>12.6g}"))
    rows.append(("starts in common", f"{100.0 * verdict.shared:.1f} %"))
    rows.append(("temperatures", f"{verdict.temp_k:.2g} K apart at the end"))
    rows.append(("result", "every decision is equal" if verdict.same else "decisions differ"))
    for name, words in (("acts", "first act"), ("moments", "first moment"), ("floors", "first watts")):
        rows.append((words, getattr(verdict, name)))
    print_pairs(rows, out)
    for words in verdict.notes:
        note(f"Changed for both: {words}.", out)
