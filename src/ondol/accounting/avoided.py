"""Avoided emissions of useful heat, in a box of their own: compared with a named heater, to a stated day, never netted.

avoided = (Q − losses that stay with the backup) · EF_ref − auxiliary electricity · EF_el, EF_ref = carrier / efficiency
(substitution, view A4 of `reference/footprint.md` §1.5, §5). A heat pump always stands beside the named heater, since
against it the same heat avoids little. GHG Protocol and WBCSD 2023: such figures never belong in an inventory.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from ondol.accounting.heater import Counterfactual, Footing, ReferenceHeater
from ondol.model.checks import check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Scope

__all__ = [
    "Avoided",
    "ContractShares",
    "Counterfactual",
    "Footing",
    "ReferenceHeater",
    "Span",
    "UsefulHeat",
    "avoided",
    "sentence",
]
_SUMS_TO = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class UsefulHeat:
    """Heat that took the place of other heat.

    Parameters
    ----------
    kwh : metered, demanded and delivered in the same bin, ≥ 0 [kWh]
    uncertainty : relative, of the heat meter, 0 to 1
    standby_kwh : losses of the backup that stay, though it runs less: subtracted, 0 to `kwh` [kWh]
    auxiliary_kwh : electricity of pumps for this heat that is not in the site's own account, ≥ 0 [kWh]
    auxiliary_g_per_kwh : its factor, average mix [gCO2e/kWh]
    """

    kwh: float
    uncertainty: float = 0.0
    standby_kwh: float = 0.0
    auxiliary_kwh: float = 0.0
    auxiliary_g_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        check_range("useful_heat.kwh", self.kwh, 0.0, 1e15, "kWh")
        check_range("useful_heat.uncertainty", self.uncertainty, 0.0, 1.0)
        check_range("useful_heat.standby_kwh", self.standby_kwh, 0.0, self.kwh, "kWh (at most the heat)")
        check_range("useful_heat.auxiliary_kwh", self.auxiliary_kwh, 0.0, 1e15, "kWh")
        check_range("useful_heat.auxiliary_g_per_kwh", self.auxiliary_g_per_kwh, 0.0, 3000.0, "g/kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A central figure with the range in which it may lie [gCO2e]."""

    g: float
    low_g: float
    high_g: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoided:
    """The box of avoided emissions.

    Parameters
    ----------
    reference, reference_id : the heater that the heat is compared with
    evidence, valid_until : of the counterfactual; None where the reference is a scenario and nobody stands for it
    useful_heat_kwh : what was counted, losses of the backup subtracted [kWh]
    named : avoided against the reference
    heat_pump, heat_pump_name : avoided against a heat pump on the same grid, always given
    net : burden − avoided (view A4), may be below zero; None where no burden was given. Not for any inventory
    changes_sign : the net figure is below zero against the reference and above against the heat pump
    scope : of the factors on both sides
    sentence : how it may be said
    """

    reference: str
    reference_id: str
    evidence: str | None
    valid_until: dt.datetime | None
    useful_heat_kwh: float
    named: Span
    heat_pump: Span
    heat_pump_name: str
    net: Span | None
    net_heat_pump: Span | None
    changes_sign: bool
    scope: Scope
    sentence: str


def avoided(
    heat: UsefulHeat,
    counterfactual: Counterfactual,
    heat_pump: ReferenceHeater,
    *,
    end: dt.datetime,
    start: dt.datetime | None = None,
    burden: Span | None = None,
    footing: Footing | None = None,
) -> Avoided:
    """Give what useful heat avoids, compared with a named heater and with a heat pump.

    Parameters
    ----------
    heat : of the window
    counterfactual : what would have made it
    heat_pump : on the same grid, with its seasonal performance
    end, start : of the window; without its start nobody asks whether the heater was there already
    burden : of the same electricity, operational and embodied, for the net figure
    footing : how that burden's electricity was counted

    Raises
    ------
    InvalidFieldError : a window that ends after the counterfactual does, or begins before it; factors of another scope
        or mix than the burden's; a heat pump that does not run on electricity
    """
    footing = footing or Footing()
    if not heat_pump.electric:
        raise InvalidFieldError("heat_pump.carrier", heat_pump.carrier.id, "electricity of the site's grid")
    for heater in (counterfactual.heater, heat_pump):
        footing.check(heater.carrier)
    counterfactual.check_valid(end, start)
    named = _against(heat, counterfactual.heater, counterfactual.equipment_g_per_kwh)
    pump = _against(heat, heat_pump, 0.0)
    net, net_pump = (None, None) if burden is None else (_net(burden, named), _net(burden, pump))
    return Avoided(
        reference=counterfactual.heater.name,
        reference_id=counterfactual.heater.id,
        evidence=counterfactual.evidence,
        valid_until=counterfactual.valid_until,
        useful_heat_kwh=heat.kwh - heat.standby_kwh,
        named=named,
        heat_pump=pump,
        heat_pump_name=heat_pump.name,
        net=net,
        net_heat_pump=net_pump,
        changes_sign=net is not None and net_pump is not None and net.g < 0 < net_pump.g,
        scope=footing.scope,
        sentence=sentence(named, counterfactual),
    )


def sentence(span: Span, counterfactual: Counterfactual) -> str:
    """Say it as it may be said: avoids, compared with X, under assumption Y (`reference/footprint.md` §5 rule 12)."""
    verb = "avoids" if span.g >= 0 else "causes more than it avoids, by"
    amount = _amount(span.g, span.low_g, span.high_g) if span.g >= 0 else _amount(-span.g, -span.high_g, -span.low_g)
    return (
        f"The useful heat {verb} {amount}, compared with {counterfactual.heater.name}, under the assumption that it "
        f"would have made it until {counterfactual.valid_until.date().isoformat()} ({counterfactual.evidence})."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractShares:
    """View A6: a contract shares what is avoided between who takes the heat and who computes; never without one.

    Parameters
    ----------
    heat, compute : shares, 0 to 1, which sum to 1
    contract : what it was agreed in
    """

    heat: float
    compute: float
    contract: str

    def __post_init__(self) -> None:
        check_range("shares.heat", self.heat, 0.0, 1.0)
        check_range("shares.compute", self.compute, 0.0, 1.0)
        check_text("shares.contract", self.contract, 500)
        if not math.isclose(self.heat + self.compute, 1.0, rel_tol=_SUMS_TO):
            raise InvalidFieldError("shares.compute", self.compute, f"1 − shares.heat = {1.0 - self.heat:g}")

    def of(self, span: Span) -> tuple[Span, Span]:
        """Give the parts of the heat side and of the compute side; their sum is the whole."""
        return _scaled(span, self.heat), _scaled(span, self.compute)


def _scaled(span: Span, share: float) -> Span:
    return Span(g=span.g * share, low_g=span.low_g * share, high_g=span.high_g * share)


def _against(heat: UsefulHeat, heater: ReferenceHeater, equipment_g_per_kwh: float) -> Span:
    kwh = heat.kwh - heat.standby_kwh
    auxiliary_g = heat.auxiliary_kwh * heat.auxiliary_g_per_kwh
    few_kwh, many_kwh = kwh * (1.0 - heat.uncertainty), kwh * (1.0 + heat.uncertainty)
    return Span(
        g=kwh * (heater.g_per_kwh + equipment_g_per_kwh) - auxiliary_g,
        low_g=few_kwh * (heater.low_g_per_kwh + equipment_g_per_kwh) - auxiliary_g,
        high_g=many_kwh * (heater.high_g_per_kwh + equipment_g_per_kwh) - auxiliary_g,
    )


def _net(burden: Span, saved: Span) -> Span:
    return Span(g=burden.g - saved.g, low_g=burden.low_g - saved.high_g, high_g=burden.high_g - saved.low_g)


def _amount(grams: float, low_g: float, high_g: float) -> str:
    """A figure with its range, all in one unit: kg from a kilogram on, as wherever carbon is shown."""
    scale, unit = (1000.0, "kgCO2e") if abs(grams) >= 1000.0 else (1.0, "gCO2e")
    central, low, high = (_digits(value / scale) for value in (grams, low_g, high_g))
    return f"{central} {unit} ({low} to {high})"


def _digits(value: float) -> str:
    return (
        f"{value:#.3g}".rstrip(".")
        if 1e-4 <= abs(value) < 1e3
        else f"{value:.0f}"
        if abs(value) >= 1e3
        else f"{value:.3g}"
    )
