"""What making something costs, by criterion, each with the range in which it may lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ondol.model.errors import InvalidFieldError

CRITERIA = ("gwp", "adpe", "pe")
UNITS = {"gwp": "kgCO2e", "adpe": "kgSb", "pe": "MJ"}
NAMES = {
    "gwp": "global warming potential",
    "adpe": "abiotic depletion of elements, kg antimony equivalent",
    "pe": "primary energy",
}


@dataclass(frozen=True, slots=True)
class Band:
    """A value with the range in which it may lie, low ≤ value ≤ high."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.value <= self.high < math.inf:
            raise InvalidFieldError("band", self.value, f"0 ≤ low {self.low} ≤ value ≤ high {self.high}")

    def __add__(self, other: Band) -> Band:
        """Sum, low with low and high with high: errors of the same model are not independent."""
        return Band(self.value + other.value, self.low + other.low, self.high + other.high)

    def __mul__(self, factor: float) -> Band:
        """Scale by a factor ≥ 0 that is known exactly."""
        return Band(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impacts:
    """By criterion; None where no source gives it: left out and named, never 0.

    Parameters
    ----------
    gwp : global warming potential [kgCO2e]
    adpe : abiotic depletion, minerals and metals [kgSb]
    pe : primary energy [MJ]
    """

    gwp: Band | None = None
    adpe: Band | None = None
    pe: Band | None = None

    def of(self, criterion: str) -> Band | None:
        """One criterion of `CRITERIA`."""
        found: Band | None = getattr(self, criterion)
        return found

    def __add__(self, other: Impacts) -> Impacts:
        """Sum; a criterion that one of them lacks is lacking in the sum."""
        return Impacts(gwp=_plus(self.gwp, other.gwp), adpe=_plus(self.adpe, other.adpe), pe=_plus(self.pe, other.pe))

    def __mul__(self, factor: float) -> Impacts:
        """Scale by a factor ≥ 0."""
        return Impacts(gwp=_times(self.gwp, factor), adpe=_times(self.adpe, factor), pe=_times(self.pe, factor))

    @property
    def missing(self) -> tuple[str, ...]:
        """Criteria without a value."""
        return tuple(name for name in CRITERIA if self.of(name) is None)


_ZERO = Band(0.0, 0.0, 0.0)
NOTHING = Impacts(gwp=_ZERO, adpe=_ZERO, pe=_ZERO)
"""Sum of nothing, all criteria 0."""


def _plus(one: Band | None, other: Band | None) -> Band | None:
    return None if one is None or other is None else one + other


def _times(one: Band | None, factor: float) -> Band | None:
    return None if one is None else one * factor
