"""Software carbon intensity of what the ledger holds (ISO/IEC 21031), without any credit for heat."""

from __future__ import annotations

from dataclasses import dataclass

from ondol.model.checks import check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Mix

SCI_BOUNDARY = "users' work and idle servers; work run for heat alone is another software and the heat's"
"""Of a place (ISO/IEC 21031 §5.1, software boundary): all hardware that is provided for the users' work, used or not.
Filler work is no part of that software. It has no user and no R, and is charged to the heat (`footprint.md` §0.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intensity:
    """SCI with its parts.

    Parameters
    ----------
    operational_g, embodied_g : O and M [gCO2e]; M is None where the hardware of some of it is not known
    units, unit : R, how many of what, e.g. 1 "task"
    per_unit_g : (O + M) / R [gCO2e per unit]; None without a unit, or where M is not known
    lower_bound_g : O / R, which the figure is at least where M is not known [gCO2e per unit]
    """

    operational_g: float
    embodied_g: float | None
    units: float
    unit: str
    per_unit_g: float | None
    lower_bound_g: float | None


def intensity(
    operational_g: float, embodied_g: float | None, *, units: float, unit: str, mix: Mix = Mix.AVERAGE
) -> Intensity:
    """Give the SCI of energy that was reserved, its overhead included (ISO/IEC 21031 §5: SCI = (O + M) per R).

    Parameters
    ----------
    operational_g : Σ energy × location-based intensity, ≥ 0 [gCO2e]
    embodied_g : share of making the hardware, ≥ 0 [gCO2e]; None where it is not known
    units, unit : functional units, ≥ 0, and what one is
    mix : of the electricity's factor; the standard excludes market-based ones

    Raises InvalidFieldError : a market-based mix, a negative amount.
    """
    if mix is Mix.MARKET:
        raise InvalidFieldError(
            "sci.mix", mix.value, "average or marginal: ISO/IEC 21031 excludes market-based measures"
        )
    check_range("sci.operational_g", operational_g, 0.0, 1e18, "g")
    check_range("sci.units", units, 0.0, 1e18)
    check_text("sci.unit", unit)
    if embodied_g is not None:
        check_range("sci.embodied_g", embodied_g, 0.0, 1e18, "g")
    known = embodied_g is not None and units > 0
    return Intensity(
        operational_g=operational_g,
        embodied_g=embodied_g,
        units=units,
        unit=unit,
        per_unit_g=(operational_g + (embodied_g or 0.0)) / units if known else None,
        lower_bound_g=operational_g / units if units > 0 else None,
    )
