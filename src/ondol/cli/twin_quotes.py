"""`ondol twin quotes`: every task of a run quoted at its submission, held against what then happened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ondol.cli.listing import field, note, print_json, print_rows
from ondol.cli.output import SHOWN, Out
from ondol.cli.twin_check import Data
from ondol.cli.wording import UNKNOWN


def quotes(
    scenario: Path,
    /,
    *,
    tasks: int = 1000,
    seed: int | None = None,
    days: float | None = None,
    policy: str = "follow",
    declared: float = 0.5,
    slower: float = 0.0,
    rows: Annotated[bool, Parameter(negative="")] = False,
    data: Data = None,
    out: Out = SHOWN,
) -> None:
    """Quote the first tasks of a scenario when they are submitted, and say how often p90 was kept.

    The code that quotes is that of the platform, and it knows nothing beforehand: it learns from the tasks before.

    Parameters
    ----------
    scenario:
        The scenario file; docs/reference/scenario-file.md says what it holds.
    tasks:
        How many are quoted.
    seed:
        In place of the scenario's.
    days:
        In place of the scenario's.
    policy:
        What decides; 'ondol policy list' shows all.
    declared:
        Share of tasks whose users declare a run time, 0 to 1; they err by 30 %.
    slower:
        Share of tasks that take half of full speed, 0 to 1, where their deadline lets them; counted apart.
    rows:
        With --json: every task with what was quoted and what came.
    """
    from ondol.cli.twin import progress
    from ondol.twin.located import data_folder
    from ondol.twin.quotes.study import lines, plain, study

    with progress(f"{scenario.stem}, quotes", out) as tell:
        run, found = study(
            scenario,
            tasks=tasks,
            seed=seed,
            days=days,
            data=data_folder(data),
            policy=policy,
            declared=declared,
            slower=slower,
            tell=tell,
        )
    table = [plain(line) for line in lines(found.quoted, found.end_s)]
    if out.json:
        told: dict[str, Any] = {"scenario": run.identity.scenario, "seed": run.identity.seed, "lines": table}
        print_json(told | ({"tasks": found.rows()} if rows else {}))
        return
    columns = (
        field("CLASS", "service"),
        field("FIGURE", "figure"),
        field("TASKS", "tasks", right=True),
        field("OPEN", "open", right=True),
        field("NOT SAID", "unsaid", right=True),
        field("P50 KEPT", "p50_kept", _percent, right=True),
        field("P90 KEPT", "p90_kept", _percent, right=True),
        field("MEDIAN ERROR", "median_error", _percent, right=True),
    )
    print_rows(table, columns, out=out)
    if table[0]["unsaid"]:
        right = lines(found.quoted, found.end_s)[0].unsaid_right
        note(f"Of {table[0]['unsaid']} tasks it was said that no start is foreseen: they are not in P90 KEPT.", out)
        note(f"{100.0 * right:.1f} % of them did not start within the time of which that was said.", out)
    note(f"{len(found.quoted)} tasks quoted, seed {run.identity.seed}; 9 of 10 kept is what p90 says.", out)


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100.0 * value:.1f} %"
