"""Claims of useful heat: who may say that a kilowatt-hour, and what it avoids, is theirs. Each one once."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import msgspec

from ondol.model.checks import check_id, check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SiteId

CHAIN_BEGIN = "0" * 64
"""What the first row of a site's register says of the row before it."""
LEAST_KWH = 1e-3
"""Least heat that is claimed: a watt-hour is far below what heat meters tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedAvoided:
    """What the claimed heat avoids, the claim's share of it; counted when the claim was made.

    Parameters
    ----------
    g, low_g, high_g : against the named heater [gCO2e]
    heat_pump_g : against a heat pump [gCO2e]
    reference, evidence, valid_until : the counterfactual
    registry : version of the factors
    """

    g: float
    low_g: float
    high_g: float
    heat_pump_g: float
    reference: str
    evidence: str
    valid_until: dt.datetime
    registry: str

    def __post_init__(self) -> None:
        """Make whole numbers floats and times UTC, as they are when they are read back: a hash is over their text."""
        for name in ("g", "low_g", "high_g", "heat_pump_g"):
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "valid_until", self.valid_until.astimezone(dt.UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A part of a site's useful heat of a period, and a share of it.

    Parameters
    ----------
    start, end : the period, whole quarters of an hour
    from_kwh, to_kwh : interval on the period's cumulative useful heat [kWh]
    first, last : the time in which that heat was delivered; on it claims of different periods are held apart
    share : of each of these kWh, above 0 up to 1
    holder : who may say that it is theirs, by name
    holder_email : their account here, "" for none
    contract : in which that was agreed, "" for none
    avoided : None where there is no counterfactual; `no_avoided` says why
    virtual : the heat meter is equations in place of hardware: the claim proves nothing
    """

    id: str
    site_id: SiteId
    start: dt.datetime
    end: dt.datetime
    from_kwh: float
    to_kwh: float
    first: dt.datetime
    last: dt.datetime
    share: float
    holder: str
    holder_email: str
    contract: str
    avoided: ClaimedAvoided | None
    no_avoided: str
    virtual: bool
    made_by: str
    made_at: dt.datetime

    def __post_init__(self) -> None:
        check_id("claim.id", self.id)
        check_text("claim.holder", self.holder)
        check_range("claim.share", self.share, 1e-6, 1.0)
        check_range("claim.from_kwh", self.from_kwh, 0.0, 1e15, "kWh")
        check_range("claim.to_kwh", self.to_kwh, self.from_kwh + LEAST_KWH, 1e15, "kWh (above from_kwh)")
        for name in (
            "from_kwh",
            "to_kwh",
            "share",
        ):  # as they are read back: a hash over 1 is not one over 1.0
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("start", "end", "first", "last", "made_at"):
            object.__setattr__(self, name, getattr(self, name).astimezone(dt.UTC))
        for early, late in (("start", "end"), ("first", "last")):
            if not getattr(self, early) < getattr(self, late):
                raise InvalidFieldError(f"claim.{late}", getattr(self, late), f"after {early}")
        if len(self.contract) > 500:
            raise InvalidFieldError("claim.contract", self.contract, "a text of at most 500 characters")

    @property
    def kwh(self) -> float:
        """Heat that is claimed, the share of it [kWh]."""
        return (self.to_kwh - self.from_kwh) * self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A claim that is given up; its row stays."""

    claim_id: str
    reason: str
    made_by: str
    made_at: dt.datetime

    def __post_init__(self) -> None:
        check_text("withdrawal.reason", self.reason, 500)
        object.__setattr__(self, "made_at", self.made_at.astimezone(dt.UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One line of a site's register, a claim or a withdrawal; never changed, `hash` seals it and all before it.

    Parameters
    ----------
    number : from 1 on, without gaps, by site
    before : hash of the row before, `CHAIN_BEGIN` for the first
    """

    site_id: SiteId
    number: int
    claim: Claim | None
    withdrawal: Withdrawal | None
    before: str

    def __post_init__(self) -> None:
        if (self.claim is None) == (self.withdrawal is None):
            raise InvalidFieldError("claim_row", self.number, "either a claim or a withdrawal")

    @property
    def at(self) -> dt.datetime:
        """When it was written, platform time."""
        entry = self.claim or self.withdrawal
        assert entry is not None  # noqa: S101  # held by __post_init__
        return entry.made_at

    @property
    def hash(self) -> str:
        """SHA-256 over all fields as JSON, in their order, times in ISO 8601 UTC."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()
