"""`ondol twin ledger`: a scenario lived through with its ledger, to see whether every joule is owned once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ondol.cli.listing import print_json, print_pairs, print_text
from ondol.cli.output import SHOWN, Out
from ondol.cli.twin_check import DIFFERS, Data

_FINDINGS = 20  # that are shown
_J_PER_KWH = 3.6e6
_ALLOWED = 1e-9


def ledger(
    scenario: Path,
    /,
    *,
    policy: Annotated[str, Parameter(help="What decides; 'ondol policy list' shows all.")] = "follow",
    data: Data = None,
    seed: int | None = None,
    days: float | None = None,
    out: Out = SHOWN,
) -> int:
    """Live through a scenario, write its ledger in memory, and say whether it adds up; exit code 3 where it does not.

    Parameters
    ----------
    scenario:
        The scenario file; docs/reference/scenario-file.md says what it holds.
    seed:
        In place of the scenario's.
    days:
        In place of the scenario's; the ledger of a week of a town takes some gigabytes.
    """
    from ondol.accounting.conservation import check, joules_by_share, worst_residual
    from ondol.model.ledger import EnergyRow, HeatRow, LedgerRow, Share
    from ondol.twin.ledger import LedgerTwin, against_score
    from ondol.twin.located import data_folder
    from ondol.twin.runs import prepare

    ready = prepare(scenario, policy, data=data_folder(data), seed=seed, days=days)
    rows: list[LedgerRow] = []
    twin = LedgerTwin(ready.scenario, ready.series, ready.trace, ready.policy, rows.extend)
    twin.live(ready.series.steps)
    total_j = math.fsum(row.energy_j for row in rows if isinstance(row, EnergyRow))
    by_site = joules_by_share(rows)
    shares = {share: math.fsum(site[share] for site in by_site.values()) / _J_PER_KWH for share in Share}
    heat_kwh = math.fsum(row.delivered_j for row in rows if isinstance(row, HeatRow)) / _J_PER_KWH
    findings, residual, beside = check(rows), worst_residual(rows), against_score(twin, total_j)
    sound = not findings and residual < _ALLOWED and beside < _ALLOWED
    if out.json:
        told = {f"{share.value}_kwh": kwh for share, kwh in shares.items()}
        told |= {"total_kwh": total_j / _J_PER_KWH, "delivered_kwh": heat_kwh}
        told |= {"worst_residual": residual, "beside_the_twins_sum": beside}
        print_json(told | {"rows": len(rows), "findings": [f"{one.kind}: {one.detail}" for one in findings]})
    elif not out.quiet:
        pairs: list[tuple[str, object]] = [("ledger rows", len(rows))]
        pairs += [(f"{share.value} [kWh]", f"{kwh:.6g}") for share, kwh in shares.items()]
        pairs += [("site total [kWh]", f"{total_j / _J_PER_KWH:.6g}"), ("heat delivered [kWh]", f"{heat_kwh:.6g}")]
        pairs += [("worst residual", f"{residual:.1e} relative ({_ALLOWED:.0e} is allowed)")]
        pairs += [("beside the twin's own sum", f"{beside:.1e}")]
        pairs += [("verdict", "everything adds up" if sound else f"{len(findings)} findings")]
        print_pairs(pairs, out)
        for finding in findings[:_FINDINGS]:
            print_text(f"  {finding.kind} {finding.subject}: {finding.detail}")
    return 0 if sound else DIFFERS
