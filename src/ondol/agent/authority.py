"""Who may narrow a unit's power: safety > hygiene > user > schedule > planner > grid, fixed."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass


class Authority(enum.IntEnum):
    """Higher overrides lower."""

    GRID = 1
    PLANNER = 2
    SCHEDULE = 3
    USER = 4
    HYGIENE = 5
    SAFETY = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One authority's bounds on a unit's power.

    Parameters
    ----------
    low_w, high_w : the power shall lie between them [W]
    reason : for a person to read
    """

    authority: Authority
    low_w: float = 0.0
    high_w: float = math.inf
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The power that remains when all claims were heard.

    Parameters
    ----------
    power_w : [W]
    limited_by : the authority that had the last word, in lower case; "" where nobody changed what was wanted
    reason : its words
    """

    power_w: float
    limited_by: str = ""
    reason: str = ""


def resolve(wanted_w: float, claims: Iterable[Claim]) -> Verdict:
    """Apply the claims from the lowest to the highest authority; the last one that changes the power is named."""
    verdict = Verdict(power_w=wanted_w)
    for claim in sorted(claims, key=lambda claim: claim.authority):
        power_w = min(max(verdict.power_w, claim.low_w), claim.high_w)
        if power_w != verdict.power_w:
            verdict = Verdict(power_w=power_w, limited_by=claim.authority.name.lower(), reason=claim.reason)
    return verdict
