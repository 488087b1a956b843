"""Rows of a register of claims: made, found again, and shown as stretches of heat."""

from __future__ import annotations

from collections.abc import Sequence

from ondol.accounting.claims import HeatAxis, Taken
from ondol.control.asked_claims import Room
from ondol.model.account import Account
from ondol.model.claim import CHAIN_BEGIN, Claim, ClaimRow, Withdrawal
from ondol.model.errors import ConflictError
from ondol.model.ids import SiteId


def holds(account: Account, claim: Claim) -> bool:
    """Whether an account is the holder of a claim."""
    return bool(claim.holder_email) and claim.holder_email == account.email


def claim_of(row: ClaimRow) -> str:
    """Claim that a row makes or withdraws."""
    if row.claim is not None:
        return row.claim.id
    return row.withdrawal.claim_id if row.withdrawal is not None else ""


def row_of(
    site_id: SiteId, seal: tuple[int, str] | None, *, claim: Claim | None = None, withdrawal: Withdrawal | None = None
) -> ClaimRow:
    """Make the row that follows the last one, which `seal` is of."""
    number, before = seal or (0, CHAIN_BEGIN)
    return ClaimRow(site_id=site_id, number=number + 1, claim=claim, withdrawal=withdrawal, before=before)


def same_request(rows: Sequence[ClaimRow], claim: Claim, *, whole: bool = False) -> Claim | None:
    """Give the claim that the same request made before.

    Parameters
    ----------
    whole : it asked for all that the ledger holds, which may be more by now

    Raises ConflictError for another claim under its id, and for one that was withdrawn: that id is used up.
    """
    asked = ["site_id", "start", "end", "from_kwh", "to_kwh", "share", "holder", "holder_email", "contract", "made_by"]
    if whole:
        asked.remove("to_kwh")
    gone = {row.withdrawal.claim_id for row in rows if row.withdrawal is not None}
    for row in rows:
        if row.claim is not None and row.claim.id == claim.id:
            if any(getattr(row.claim, name) != getattr(claim, name) for name in asked):
                raise ConflictError(f"There is another claim with the id {claim.id}")
            if claim.id in gone:
                raise ConflictError(f"The claim {claim.id} was withdrawn; to claim anew, take another id")
            return row.claim
    return None


def rooms_of(axis: HeatAxis, pieces: Sequence[Taken]) -> tuple[Room, ...]:
    """Turn stretches of time into stretches of a period's heat; those without heat are left out."""
    found = []
    for piece in pieces:
        from_kwh, to_kwh = axis.kwh_between(piece.first, piece.last)
        if to_kwh > from_kwh:
            found.append(Room(from_kwh=from_kwh, to_kwh=to_kwh, share=piece.share, claims=piece.claims))
    return tuple(found)
