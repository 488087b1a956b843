"""What is asked of the registers of claims, and what they answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ondol.accounting.avoided import Avoided
from ondol.model.claim import ClaimRow
from ondol.model.ids import SiteId
from ondol.model.ledger import HeatRow
from ondol.storage.claim_ports import ClaimStore


class ClaimGround(ClaimStore, Protocol):
    """What the book needs of the store: the registers, and the ledger's heat."""

    def heat(
        self, *, site_id: SiteId | None = None, start: dt.datetime | None = None, end: dt.datetime | None = None
    ) -> Iterator[HeatRow]: ...


AvoidedOf = Callable[[SiteId, dt.datetime, dt.datetime, float], Avoided | str]
"""What useful heat [kWh] of a site, delivered from then to then, avoids, or why nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedClaim:
    """A claim that somebody asks for.

    Parameters
    ----------
    id : given by who asks, so that the same request sent again makes no second claim; "" for a new one
    from_kwh, to_kwh : of the period's useful heat; `to_kwh` None for all that the ledger holds
    """

    site_id: SiteId
    start: dt.datetime
    end: dt.datetime
    holder: str
    from_kwh: float = 0.0
    to_kwh: float | None = None
    share: float = 1.0
    holder_email: str = ""
    contract: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A stretch of a period's useful heat with what of it is claimed.

    Parameters
    ----------
    from_kwh, to_kwh : of the period's useful heat [kWh]
    share : that is claimed, 0 to 1
    """

    from_kwh: float
    to_kwh: float
    share: float
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A site's register over a period.

    Parameters
    ----------
    rows : of all times, withdrawals too
    whole : nobody changed a row
    useful_kwh, claimed_kwh : of the period [kWh]
    """

    site_id: SiteId
    rows: tuple[ClaimRow, ...]
    whole: bool
    useful_kwh: float
    claimed_kwh: float
    rooms: tuple[Room, ...]
