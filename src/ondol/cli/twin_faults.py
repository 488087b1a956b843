"""`ondol twin faults`: random faults at random sites, to see whether the site's agent keeps its limits."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ondol.cli.listing import print_json, print_pairs, print_text
from ondol.cli.output import SHOWN, Out

if TYPE_CHECKING:
    from ondol.twin.faults.campaign import Campaign
    from ondol.twin.faults.life import Outcome

MISSED = 3  # as of `ondol twin check`
_SHOWN_ROWS = 20


def faults(
    *,
    sequences: int = 200,
    seed: int = 1,
    first: int = 0,
    hours: float = 12.0,
    processes: int = 1,
    only: int | None = None,
    trace: Annotated[bool, Parameter(negative="")] = False,
    out: Out = SHOWN,
) -> int:
    """Live through random faults at random sites under the very agent of production, and check what may never be.

    Progress is told on stderr every 100 sequences; ctrl-C ends a campaign with what it has found so far.
    Exit code 0 where all demands were met, 3 where one was not. The same seed gives the same result.

    Parameters
    ----------
    sequences:
        How many sites with their faults.
    seed:
        Of all draws.
    first:
        Number of the first sequence: an interrupted campaign goes on from there.
    hours:
        Length of each sequence.
    processes:
        How many at once; 0 for as many as there are processors.
    only:
        Live through this sequence alone.
    trace:
        With --only: tell every step.
    """
    from ondol.twin.faults.campaign import Campaign, run_campaign
    from ondol.twin.faults.life import live

    begin_s = time.perf_counter()

    def tell(done: Campaign, of: int) -> None:
        rate = len(done.outcomes) / (time.perf_counter() - begin_s)
        missed = ", ".join(str(outcome.number) for outcome in done.failed) or "none"
        text = f"{len(done.outcomes)} of {of} sequences, {rate:.1f} a second; a demand was not met in {missed}"
        print(text, file=sys.stderr, flush=True)

    if only is not None:
        outcome = live(seed, only, hours=hours, tell=print_text if trace and not out.json else None)
        campaign = Campaign(seed=seed, hours=hours, outcomes=(outcome,))
    else:
        told = None if out.quiet else tell
        campaign = run_campaign(sequences, seed, first=first, hours=hours, processes=processes, tell=told)
    if out.json:
        print_json(_told(campaign))
    elif not out.quiet:
        _print(campaign, time.perf_counter() - begin_s, out)
    return MISSED if campaign.failed else 0


def _told(campaign: Campaign) -> dict[str, Any]:
    return {
        "seed": campaign.seed,
        "hours": campaign.hours,
        "sequences": len(campaign.outcomes),
        "failed": len(campaign.failed),
        "by_demand": campaign.by_demand(),
        "by_fault": {code: {"sequences": met, "failed": missed} for code, (met, missed) in campaign.by_fault().items()},
        "by_kind": {kind: {"sequences": met, "failed": missed} for kind, (met, missed) in campaign.by_kind().items()},
        "alarms": campaign.alarms(),
        "violations": [
            {"sequence": outcome.number, "kind": outcome.kind, "faults": list(map(str, outcome.faults)), **asdict(one)}
            for outcome in campaign.failed
            for one in outcome.violations
        ],
    }


def _print(campaign: Campaign, took_s: float, out: Out) -> None:
    number = len(campaign.outcomes)
    rows: list[tuple[str, object]] = [
        ("sequences", f"{number} of {campaign.hours:g} h, seed {campaign.seed}, {number / took_s:.1f} a second"),
        ("demands not met", f"in {len(campaign.failed)} of them"),
    ]
    rows += [(f"  {code}", count) for code, count in campaign.by_demand().items()]
    rows.append(("by site", ""))
    rows += [(f"  {kind}", f"{missed} of {met}") for kind, (met, missed) in campaign.by_kind().items()]
    rows.append(("by fault", ""))
    rows += [(f"  {code}", f"{missed} of {met}") for code, (met, missed) in campaign.by_fault().items()]
    print_pairs(rows, out)
    for outcome in campaign.failed[:_SHOWN_ROWS]:
        print_text(_row(outcome, campaign))
    if len(campaign.failed) > _SHOWN_ROWS:
        print_text(f"… and {len(campaign.failed) - _SHOWN_ROWS} more; --json tells all.")


def _row(outcome: Outcome, campaign: Campaign) -> str:
    found = "; ".join(f"{one.code} at {one.at_s / 3600.0:.2f} h: {one.text}" for one in outcome.violations)
    again = f"ondol twin faults --seed {campaign.seed} --hours {campaign.hours:g} --only {outcome.number} --trace"
    return f"{outcome.number} ({outcome.kind}): {found}\n    {'; '.join(map(str, outcome.faults))}\n    {again}"
