"""The clause of a contract that says whose a claimed heat is, as plain text."""

from __future__ import annotations

import textwrap

from ondol.model.claim import Claim, ClaimedAvoided, Withdrawal
from ondol.model.instant import said_utc
from ondol.report.statement_words import amount, band

_TITLE = "CLAUSE ON THE CLAIM OF USEFUL HEAT AND OF WHAT IT AVOIDS"
_USEFUL = (
    "Useful heat is heat that was metered where it is handed over, and demanded in the same quarter of an hour. Heat "
    "that nobody asked for is not in it."
)
_ONE_HOLDER = (
    "Each of these kilowatt-hours, and what it avoids, is claimed once. The parties do not claim them a second time, "
    "in any other register, report or advertisement, and do not pass them on without a withdrawal in the register. The "
    "shares of all holders in a kilowatt-hour sum to at most one."
)
_INVENTORY = (
    "What is avoided is no part of an inventory of emissions (GHG Protocol: it stands apart from scopes 1, 2 and 3), "
    "reduces no software carbon intensity (ISO/IEC 21031), and cancels nothing."
)
_WORDING = (
    'The holder says: "avoids, compared with X, under assumption Y", with the reference, its end date and the range '
    "beside the figure."
)
_VIRTUAL = "THE HEAT METER OF THIS CLAIM IS A SIMULATION, or not known to be none. The claim proves nothing."


def claim_clause(claim: Claim, site_name: str, *, withdrawal: Withdrawal | None, seal: str = "") -> str:
    """Write the clause for a claim.

    Parameters
    ----------
    withdrawal : how it was given up; None for a claim that stands
    seal : hash of the row of the register that holds it
    """
    parts = [
        f"Subject. {_subject(claim, site_name)}",
        f"Useful heat. {_USEFUL}",
        f"One holder. {_ONE_HOLDER}",
        f"Avoided emissions. {_avoided(claim)}",
        f"Inventory. {_INVENTORY}",
        f"Wording. {_WORDING}",
        f"Register. {_register(claim, seal)}",
    ]
    lines = [_TITLE, *(f"{number}. {part}" for number, part in enumerate(parts, 1))]
    if claim.virtual:
        lines.append(_VIRTUAL)
    if withdrawal is not None:
        lines.append(f"WITHDRAWN {said_utc(withdrawal.made_at)} by {withdrawal.made_by}: {withdrawal.reason}")
    return (
        "\n\n".join(textwrap.fill(line, 100, break_long_words=False, break_on_hyphens=False) for line in lines) + "\n"
    )


def _subject(claim: Claim, site_name: str) -> str:
    share = "all" if claim.share == 1.0 else f"a share of {claim.share:g}"
    return (
        f"{claim.holder} (the holder) claims {share} of the useful heat of {site_name} ({claim.site_id}) from "
        f"{claim.from_kwh:.3f} kWh to {claim.to_kwh:.3f} kWh of the period from {said_utc(claim.start)} to "
        f"{said_utc(claim.end)}: {claim.kwh:.3f} kWh."
    )


def _register(claim: Claim, seal: str) -> str:
    under = f", under {claim.contract}" if claim.contract else ""
    sealed = f"; seal {seal}" if seal else ""
    return f"Claim {claim.id}, registered {said_utc(claim.made_at)} by {claim.made_by}{under}{sealed}."


def _avoided(claim: Claim) -> str:
    saved: ClaimedAvoided | None = claim.avoided
    if saved is None:
        return f"None are claimed with it: {claim.no_avoided}."
    return (
        f"Under the assumption that {saved.reference} would have made this heat until "
        f"{saved.valid_until.date().isoformat()} ({saved.evidence}), it avoids, compared with that, "
        f"{amount(saved.g, 'gCO2e')} ({band(saved.low_g, saved.high_g, 'gCO2e')}); compared with a heat pump "
        f"{amount(saved.heat_pump_g, 'gCO2e')}. Factors: {saved.registry}. After that day nothing is avoided "
        "compared with it."
    )
