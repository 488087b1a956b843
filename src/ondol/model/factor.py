"""Factors: what one unit of something costs the environment, with all that is needed to use it rightly."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from ondol.model.checks import check_id, check_text, check_whole
from ondol.model.errors import InvalidFieldError

MOST_YEAR = 2100
GRAMS = {"gCO2e/kWh": 1.0, "kgCO2e/kWh": 1000.0}
"""Units of carbon by kilowatt-hour, each in gCO2e/kWh."""
_MOST = 1e9  # far above any factor per kWh, per kg or per piece: more is a slip of the pen


class Scope(enum.Enum):
    """Which part of the life cycle a factor covers. Values of different scope are never put beside each other."""

    DIRECT = "direct"  # combustion, or the fleet of power plants while it runs
    UPSTREAM = "upstream"  # fuel supply, building plants, losses of the grid
    LCA = "lca"  # both


class Mix(enum.Enum):
    """Whose electricity or fuel it is."""

    AVERAGE = "average"
    MARGINAL = "marginal"  # scenario only, never in an inventory
    MARKET = "market"  # by contract: GO, PPA, supplier; never in SCI, never in a credit for heat


class Heating(enum.Enum):
    """Calorific basis of a factor per kWh of fuel; factor and efficiency must share it."""

    LHV = "lhv"
    HHV = "hhv"
    NONE = "none"  # not a fuel


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One row of the registry.

    Parameters
    ----------
    id : stable name, e.g. "electricity-fr-lca-average"
    value : in `unit`, finite, ≥ 0
    low, high : range in which it may lie, low ≤ value ≤ high; how it was got is in `note`
    unit : e.g. "gCO2e/kWh", "kgCO2e/kWh", "kgSb/cm2", "L/kWh"
    year : of the data
    geography : ISO 3166 alpha-2, "EU" or "world"
    source : who says so, with an address or a clause; never empty
    licence : under which the row may be passed on
    carrier : of the efficiency of a heater, the row of what it takes in; "electricity" for the country's
    """

    id: str
    value: float
    low: float
    high: float
    unit: str
    scope: Scope
    mix: Mix
    heating: Heating
    year: int
    geography: str
    source: str
    licence: str
    note: str = ""
    carrier: str = ""

    def __post_init__(self) -> None:
        check_id("factor.id", self.id)
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if not (math.isfinite(number) and 0.0 <= number <= _MOST):
                raise InvalidFieldError(f"factor[{self.id}].{name}", number, f"a number from 0 to {_MOST:g}")
        if not self.low <= self.value <= self.high:
            raise InvalidFieldError(f"factor[{self.id}].value", self.value, f"from low {self.low} to high {self.high}")
        check_whole(f"factor[{self.id}].year", self.year, 1990, MOST_YEAR)
        for name in ("unit", "source", "licence", "geography"):
            check_text(f"factor[{self.id}].{name}", getattr(self, name), 500)

    def check_carbon(self, field: str) -> None:
        """Refuse, as a field, a factor that is not of carbon by kilowatt-hour."""
        if self.unit not in GRAMS:
            raise InvalidFieldError(field, self.unit, f"in {' or '.join(GRAMS)}")

    @property
    def g_per_kwh(self) -> float:
        """The value, of a factor of carbon by kilowatt-hour [gCO2e/kWh]."""
        return self.value * GRAMS[self.unit]

    @property
    def low_g_per_kwh(self) -> float:
        """The lower end of its range [gCO2e/kWh]."""
        return self.low * GRAMS[self.unit]

    @property
    def high_g_per_kwh(self) -> float:
        """The upper end of its range [gCO2e/kWh]."""
        return self.high * GRAMS[self.unit]
