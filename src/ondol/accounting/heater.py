"""Reference heaters: what would make the heat otherwise, who stands for it and until when, on which footing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ondol.model.checks import check_range, check_text
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor, Heating, Mix, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceHeater:
    """What would make the heat otherwise: an energy carrier and the efficiency over a season.

    Parameters
    ----------
    carrier : by kWh of fuel or electricity, average mix
    efficiency : useful heat by kWh of carrier, a SCOP for heat pumps; its calorific basis is the carrier's
    electric : the carrier is electricity of the site's grid
    """

    name: str
    carrier: Factor
    efficiency: Factor
    electric: bool = False

    def __post_init__(self) -> None:
        check_text("reference_heater.name", self.name)
        self.carrier.check_carbon("reference_heater.carrier")
        if self.carrier.heating is not self.efficiency.heating:
            raise InvalidFieldError(
                "reference_heater.efficiency",
                self.efficiency.heating.value,
                f"{self.carrier.heating.value}, the calorific basis of {self.carrier.id}: mixed, both are wrong",
            )
        if self.electric and self.carrier.heating is not Heating.NONE:
            raise InvalidFieldError("reference_heater.carrier", self.carrier.heating.value, "none for electricity")
        if self.carrier.mix is Mix.MARKET:
            raise InvalidFieldError(
                "reference_heater.carrier",
                self.carrier.mix.value,
                "average: contracts never stand in a credit for heat",
            )
        check_range("reference_heater.efficiency", self.efficiency.low, 0.05, 20.0)

    @property
    def id(self) -> str:
        """Row of its efficiency in the registry."""
        return self.efficiency.id

    @property
    def g_per_kwh(self) -> float:
        """Per kWh of useful heat [gCO2e/kWh]."""
        return self.carrier.g_per_kwh / self.efficiency.value

    @property
    def low_g_per_kwh(self) -> float:
        """The least that its factor and its efficiency allow [gCO2e/kWh]."""
        return self.carrier.low_g_per_kwh / self.efficiency.high

    @property
    def high_g_per_kwh(self) -> float:
        """The most that its factor and its efficiency allow [gCO2e/kWh]."""
        return self.carrier.high_g_per_kwh / self.efficiency.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """A reference heater that a site's operator stands for.

    Parameters
    ----------
    evidence : what shows that this heater would run otherwise: a heat contract, an audit; never empty
    valid_until : until when it would, with its zone, e.g. the end of the boiler's life; later another one is needed
    valid_from : since when it is there, with its zone; None for always
    equipment_g_per_kwh : making the heater, by kWh of its heat; only where its purchase was really avoided, ≥ 0 [g/kWh]
    """

    heater: ReferenceHeater
    evidence: str
    valid_until: dt.datetime
    equipment_g_per_kwh: float = 0.0
    valid_from: dt.datetime | None = None

    def __post_init__(self) -> None:
        check_text("counterfactual.evidence", self.evidence, 1000)
        if self.valid_until.tzinfo is None:
            raise InvalidFieldError("counterfactual.valid_until", self.valid_until, "a time with its zone")
        if self.valid_from is not None and (self.valid_from.tzinfo is None or self.valid_from >= self.valid_until):
            raise InvalidFieldError(
                "counterfactual.valid_from", self.valid_from, f"a time with its zone before {self.valid_until}"
            )
        check_range("counterfactual.equipment_g_per_kwh", self.equipment_g_per_kwh, 0.0, 1000.0, "g/kWh")

    def check_valid(self, end: dt.datetime, start: dt.datetime | None = None) -> None:
        """Refuse a window that ends later than the heater would have been there, or begins before it was."""
        if start is not None and self.valid_from is not None and start < self.valid_from:
            raise InvalidFieldError(
                "counterfactual.valid_from",
                self.valid_from.isoformat(),
                f"not after the begin of the window, {start.isoformat()}: {self.heater.name} was not there yet; "
                "begin the window later",
            )
        if end > self.valid_until:
            raise InvalidFieldError(
                "counterfactual.valid_until",
                self.valid_until.isoformat(),
                f"not before the end of the window, {end.isoformat()}; {self.heater.name} would not be there any more: "
                "take a heat pump or district heat as the reference, or end the window earlier",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """On which footing the burden's electricity was counted; the other side has to stand on the same.

    Parameters
    ----------
    scope : of the factors; a whole life cycle on both sides
    mix : average or marginal, the same on both sides; market-based is refused
    """

    scope: Scope = Scope.LCA
    mix: Mix = Mix.AVERAGE

    def check(self, factor: Factor) -> None:
        """Refuse a factor of another footing than that of the burden's electricity."""
        if self.mix is Mix.MARKET:
            raise InvalidFieldError(
                "avoided.mix", self.mix.value, "average or marginal: contracts never stand in a credit for heat"
            )
        if factor.scope is not self.scope:
            raise InvalidFieldError(
                f"factor[{factor.id}].scope", factor.scope.value, f"{self.scope.value}, as the electricity was counted"
            )
        if factor.mix is not self.mix:
            raise InvalidFieldError(
                f"factor[{factor.id}].mix",
                factor.mix.value,
                f"{self.mix.value}, as the electricity was counted: average goes with average, marginal with marginal",
            )
