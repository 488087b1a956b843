"""Which factors may stand together: of one scope, one mix and one calorific basis; all else is refused with words."""

from __future__ import annotations

import dataclasses

from ondol.accounting.registry import Registry, electricity_lca
from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import GRAMS, Factor, Heating, Mix


def combine(carrier: Factor, efficiency: Factor) -> Factor:
    """Give what a kilowatt-hour of useful heat costs: factor of the carrier / seasonal efficiency [kgCO2e/kWh].

    Range: from low factor with high efficiency to high factor with low efficiency.

    Parameters
    ----------
    carrier : per kWh taken in, in gCO2e or kgCO2e
    efficiency : useful kWh per kWh taken in, above 0; on the same calorific basis

    Raises
    ------
    InvalidFieldError : another calorific basis (a factor on the higher value with an efficiency on the lower one
        understates gas by 10 %), units that do not divide, a market-based carrier
    """
    if carrier.heating is not efficiency.heating:
        raise InvalidFieldError(
            f"factor[{efficiency.id}].heating",
            efficiency.heating.value,
            f"{carrier.heating.value}, as {carrier.id} is counted; convert one of them first (`on_heating`)",
        )
    if carrier.unit not in GRAMS or efficiency.unit != "kWh/kWh":
        raise InvalidFieldError(
            f"factor[{carrier.id}].unit",
            f"{carrier.unit} / {efficiency.unit}",
            "gCO2e/kWh or kgCO2e/kWh over an efficiency in kWh/kWh",
        )
    if carrier.mix is Mix.MARKET:
        raise InvalidFieldError(
            f"factor[{carrier.id}].mix", carrier.mix.value, "average: contracts are never used in a credit for heat"
        )
    if efficiency.low <= 0.0:
        raise InvalidFieldError(f"factor[{efficiency.id}].low", efficiency.low, "above 0")
    return Factor(
        id=f"{efficiency.id}-useful"[:63],
        value=carrier.g_per_kwh / 1e3 / efficiency.value,
        low=carrier.low_g_per_kwh / 1e3 / efficiency.high,
        high=carrier.high_g_per_kwh / 1e3 / efficiency.low,
        unit="kgCO2e/kWh",
        scope=carrier.scope,
        mix=carrier.mix,
        heating=Heating.NONE,
        year=min(carrier.year, efficiency.year),
        geography=carrier.geography,
        source=f"{carrier.source}; {efficiency.source}"[:500],
        licence=f"{carrier.licence}; {efficiency.licence}",
        note=f"{carrier.id} / {efficiency.id}, per kWh of useful heat",
    )


def check_together(*factors: Factor) -> None:
    """Refuse factors that must not be added, subtracted or compared.

    Raises
    ------
    InvalidFieldError : direct beside life cycle, average beside marginal, contracts beside the grid, or fuels on two
        calorific bases
    """
    if not factors:
        return
    first, *others = factors
    for other in others:
        for name, why in (
            ("scope", "scopes are never mixed"),
            ("mix", "average, marginal and market figures are never mixed"),
        ):
            own, theirs = getattr(first, name), getattr(other, name)
            if own is not theirs:
                raise InvalidFieldError(
                    f"factor[{other.id}].{name}", theirs.value, f"{own.value}, as {first.id} has it; {why}"
                )
    fuels = [factor for factor in factors if factor.heating is not Heating.NONE]
    for fuel in fuels[1:]:
        if fuel.heating is not fuels[0].heating:
            raise InvalidFieldError(
                f"factor[{fuel.id}].heating",
                fuel.heating.value,
                f"{fuels[0].heating.value}, as {fuels[0].id} has it; calorific bases are never mixed",
            )


def on_heating(factor: Factor, heating: Heating, hhv_per_lhv: float) -> Factor:
    """Give a factor per kWh of fuel, or an efficiency, on another calorific basis.

    A kWh on the lower value is `hhv_per_lhv` kWh on the higher one, so both become larger by it on the lower value.

    Parameters
    ----------
    hhv_per_lhv : 1 to 1.3; natural gas 1.111 (row "convert-gas-hhv-per-lhv")

    Raises
    ------
    InvalidFieldError : not of a fuel
    """
    check_range("hhv_per_lhv", hhv_per_lhv, 1.0, 1.3)
    if Heating.NONE in (factor.heating, heating):
        raise InvalidFieldError(f"factor[{factor.id}].heating", factor.heating.value, "lhv or hhv, to lhv or hhv")
    if factor.heating is heating:
        return factor
    scale = hhv_per_lhv if heating is Heating.LHV else 1.0 / hhv_per_lhv
    return dataclasses.replace(
        factor,
        id=f"{factor.id}-on-{heating.value}"[:63],
        value=factor.value * scale,
        low=factor.low * scale,
        high=factor.high * scale,
        heating=heating,
        note=f"{factor.id} converted with {hhv_per_lhv:g} kWh HHV per kWh LHV",
    )


def useful_heat(registry: Registry, heater_id: str, country: str) -> Factor:
    """Give what a kWh of useful heat from a reference heater costs, life cycle [kgCO2e/kWh].

    Parameters
    ----------
    heater_id : a row "heater-…" of the registry
    country : whose electricity an electric one takes, ISO 3166 alpha-2

    Raises
    ------
    NotFoundError : no such heater, no such carrier, no life-cycle factor of that country's electricity
    InvalidFieldError : not a heater, or one whose carrier does not go with it
    """
    efficiency = registry.get(heater_id)
    if not efficiency.carrier:
        raise InvalidFieldError("heater", heater_id, f"one of {', '.join(row.id for row in heaters(registry))}")
    if efficiency.carrier == "electricity":
        return combine(electricity_lca(registry, country), efficiency)
    return combine(registry.get(efficiency.carrier), efficiency)


def heaters(registry: Registry) -> tuple[Factor, ...]:
    """Give all reference heaters: rows "heater-…" with what they take in."""
    return tuple(row for row in registry.find("heater") if row.carrier)
