"""Purchased electricity, location-based and market-based side by side (GHG Protocol Scope 2 Guidance, ch. 6)."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ondol.model.checks import check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor, Heating, Mix, Scope
from ondol.model.site import Site

_ROUNDING = 1e-9
NO_MIX = "since no residual mix is known"


class Instrument(enum.Enum):
    """How electricity was contracted; kept apart in REF and in EU 2024/1364."""

    GOO = "goo"  # guarantees of origin
    PPA = "ppa"
    SUPPLIER = "supplier"  # a supplier's own factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Electricity of a window that an instrument covers.

    Parameters
    ----------
    kwh : covered, ≥ 0 [kWh]
    factor : of the instrument, market-based
    renewable : whether it counts in REF
    evidence : register and number of the certificates, or the contract
    """

    instrument: Instrument
    kwh: float
    factor: Factor
    renewable: bool
    evidence: str

    def __post_init__(self) -> None:
        check_range("contract.kwh", self.kwh, 0.0, 1e15, "kWh")
        check_text("contract.evidence", self.evidence, 500)
        if self.factor.mix is not Mix.MARKET:
            raise InvalidFieldError("contract.factor", self.factor.mix.value, "market")
        self.factor.check_carbon("contract.factor")


def site_contract(site: Site, kwh: float, year: int) -> Contract | None:
    """Give what a site's operator stated by `market_g_per_kwh` for all of its electricity, None where nothing.

    Parameters
    ----------
    kwh : of the window
    year : of the window, in which the contract held
    """
    if site.market_g_per_kwh is None:
        return None
    factor = stated_factor(
        f"market-{site.id}",
        site.market_g_per_kwh,
        site.market_evidence,
        year=year,
        geography=site.country,
        licence="the operator's own",
    )
    return Contract(
        instrument=Instrument.SUPPLIER, kwh=kwh, factor=factor, renewable=False, evidence=site.market_evidence
    )


def stated_factor(
    factor_id: str, g_per_kwh: float, source: str, *, year: int, geography: str, licence: str = "as declared"
) -> Factor:
    """Give the market-based factor of direct emissions that somebody states for bought electricity, without a range."""
    return Factor(
        id=factor_id[:63],
        value=g_per_kwh,
        low=g_per_kwh,
        high=g_per_kwh,
        unit="gCO2e/kWh",
        scope=Scope.DIRECT,
        mix=Mix.MARKET,
        heating=Heating.NONE,
        year=year,
        geography=geography,
        source=source,
        licence=licence,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeTwo:
    """Dual reporting of one window's electricity.

    Parameters
    ----------
    kwh : bought [kWh]
    location_g : average of the grid in the hours in which it was used [gCO2e]
    market_g : Σ contracts, and the rest at the residual mix [gCO2e]; None where nothing is contracted and no residual
        mix is known
    contracted_kwh : of `kwh` [kWh]
    note : how the rest was counted
    """

    kwh: float
    location_g: float
    market_g: float | None
    contracted_kwh: float
    note: str


def scope_two(
    kwh: float,
    location_g: float,
    contracts: Sequence[Contract] = (),
    residual: Factor | None = None,
    *,
    scope: Scope = Scope.DIRECT,
) -> ScopeTwo:
    """Put both methods side by side; the market-based figure never goes into a credit for heat or into SCI.

    Parameters
    ----------
    kwh, location_g : electricity of the window and its location-based carbon, ≥ 0
    contracts : what covers it
    residual : mix of what nobody contracted, market-based (AIB in Europe); without one the location-based average
        stands for the rest, as the guidance allows, and that is said
    scope : of `location_g`; contracts and residual mix have to be of the same

    Raises InvalidFieldError : contracts over more than was used; factors of another scope.
    """
    check_range("scope_two.kwh", kwh, 0.0, 1e15, "kWh")
    check_range("scope_two.location_g", location_g, 0.0, 1e18, "g")
    covered_kwh = math.fsum(one.kwh for one in contracts)
    if covered_kwh > kwh * (1.0 + _ROUNDING):
        raise InvalidFieldError("contracts.kwh", covered_kwh, f"at most what was used, {kwh:g} kWh")
    for factor in (*(one.factor for one in contracts), *([residual] if residual else [])):
        if factor.scope is not scope:
            raise InvalidFieldError(f"factor[{factor.id}].scope", factor.scope.value, scope.value)
        if factor.mix is not Mix.MARKET:
            raise InvalidFieldError(f"factor[{factor.id}].mix", factor.mix.value, "market")
    if not contracts and residual is None:
        note = "no contracts and no residual mix are known: no market-based figure"
        return ScopeTwo(kwh=kwh, location_g=location_g, market_g=None, contracted_kwh=0.0, note=note)
    rest_kwh = max(0.0, kwh - covered_kwh)
    if rest_kwh <= kwh * _ROUNDING:
        rest_g, note = 0.0, "contracts cover all of it"
    elif residual is not None:
        rest_g, note = rest_kwh * residual.g_per_kwh, f"the rest at the residual mix {residual.id}"
    else:
        rest_g = location_g * rest_kwh / kwh if kwh > 0 else 0.0
        note = f"the rest at the location-based average, {NO_MIX}"
    return ScopeTwo(
        kwh=kwh,
        location_g=location_g,
        market_g=math.fsum([*(one.kwh * one.factor.g_per_kwh for one in contracts), rest_g]),
        contracted_kwh=covered_kwh,
        note=note,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """Electricity of one site.

    Parameters
    ----------
    kwh, location_g : of the window, and its location-based carbon [kWh], [gCO2e]
    contract : what covers it; None for nothing
    residual : mix of its country that stands for the rest; None where none is known
    """

    kwh: float
    location_g: float
    contract: Contract | None = None
    residual: Factor | None = None


def scope_two_of(parts: Sequence[Bought]) -> ScopeTwo:
    """Put both methods side by side for several sites, each with its own grid and the contract of its own.

    What is not contracted at a site is at the residual mix of its country, where one is known, else at the
    location-based average of that site's grid; never at the mean of all.
    """
    found = [
        scope_two(one.kwh, one.location_g, [one.contract] if one.contract is not None else [], one.residual)
        for one in parts
    ]
    bare = [one for one in found if one.market_g is None]
    residual = sorted({one.residual.id for one in parts if one.residual is not None})
    if len(bare) == len(found):
        note = scope_two(0.0, 0.0).note
    elif residual:
        note = f"the rest at the residual mix {', '.join(residual)}"
        if bare:
            note += f"; {len(bare)} of {len(found)} sites, of which none is known, at the location-based average"
    elif bare:
        note = f"the rest, {len(bare)} of {len(found)} sites, at the location-based average of its grid, since no "
        note += "residual mix is known"
    else:
        note = "contracts cover all of it"
    return scope_two_sum(found, note)


def scope_two_sum(found: Sequence[ScopeTwo], note: str) -> ScopeTwo:
    """Sum up both methods; who has no market-based figure stands at its own location-based one, where another has."""
    known = any(one.market_g is not None for one in found)
    return ScopeTwo(
        kwh=math.fsum(one.kwh for one in found),
        location_g=math.fsum(one.location_g for one in found),
        market_g=math.fsum(one.location_g if one.market_g is None else one.market_g for one in found)
        if known
        else None,
        contracted_kwh=math.fsum(one.contracted_kwh for one in found),
        note=note,
    )
