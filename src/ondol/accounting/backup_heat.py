"""What a kilowatt-hour of useful heat from a sink's backup costs in carbon and money; each number with its source."""

from __future__ import annotations

from ondol.model.errors import InvalidFieldError
from ondol.model.ledger import Metered
from ondol.model.view import Floats

GAS_EFFICIENCY = 0.80
"""Collective condensing boiler over a season, lower heating value (France Chaleur Urbaine; footprint.md §2.2)."""

GAS_G_PER_KWH = {"direct": 202.0, "life-cycle": 239.0}
"""Natural gas on the lower heating value: combustion 56.1 kg/GJ (IPCC 2006, vol. 2, table 2.2); whole life cycle
0.215 kg/kWh on the higher value × 1.111 (Base Empreinte; footprint.md §2.1)."""

GAS_EUR_PER_KWH = 0.13
"""Per kWh of heat, a French household tariff with taxes (heat.md §3.4)."""

HEAT_PUMP_SCOP = 2.78
"""Air to water, radiators at 55 °C (France Chaleur Urbaine; footprint.md §2.2)."""

DISTRICT_G_PER_KWH = 113.0
"""Mean of the French networks as delivered (FEDENE survey 2024, data of 2023; footprint.md §2.1), life cycle."""

DISTRICT_EFFICIENCY = 0.86
"""Substation (France Chaleur Urbaine; footprint.md §2.2)."""

DISTRICT_EUR_PER_KWH = 0.11
"""Mean of the French networks 2023, about 110 €/MWh with taxes (AMORCE survey; rounded)."""

KINDS = ("gas", "heat_pump", "district")

_HEAT_PER_METERED = {
    ("electric", Metered.BACKUP_ELECTRICITY_J): 1.0,
    ("heat_pump", Metered.BACKUP_ELECTRICITY_J): HEAT_PUMP_SCOP,
    ("gas", Metered.BACKUP_FUEL_J): GAS_EFFICIENCY,
    ("district", Metered.BACKUP_FUEL_J): DISTRICT_EFFICIENCY,
}


def heat_per_metered(kind: str, metered: Metered) -> float | None:
    """Heat of a backup over what its own meter counts, over a season; None for a meter that it does not have.

    All electricity of an element becomes heat in its sink; the others by the efficiencies above, gas counted on the
    lower heating value. In one cold or mild week a heat pump or a boiler does better or worse.

    Parameters
    ----------
    kind : of the backup, as fleet files name it
    """
    return _HEAT_PER_METERED.get((kind, metered))


def backup_heat_rates(
    kind: str, method: str, grid_g_per_kwh: Floats, price_eur_per_kwh: Floats
) -> tuple[Floats, Floats]:
    """Give carbon [gCO2e/kWh] and price [€/kWh] of backup heat, shaped as the grid's.

    Parameters
    ----------
    kind : gas (condensing, collective), heat_pump (air to water) or district
    method : of the grid's factors, direct or life-cycle; the backup's are of the same
    grid_g_per_kwh, price_eur_per_kwh : electricity over the same steps [gCO2e/kWh, €/kWh]

    Raises
    ------
    InvalidFieldError : another kind or method; district heat with direct factors, of which there are none
    """
    grid, price = grid_g_per_kwh, price_eur_per_kwh
    if kind not in KINDS:
        raise InvalidFieldError("backup.kind", kind, f"one of {', '.join(KINDS)}")
    if method not in GAS_G_PER_KWH:
        raise InvalidFieldError("grid.method", method, f"one of {', '.join(GAS_G_PER_KWH)}")
    if kind == "heat_pump":
        return grid / HEAT_PUMP_SCOP, price / HEAT_PUMP_SCOP
    if kind == "gas":
        return grid * 0.0 + GAS_G_PER_KWH[method] / GAS_EFFICIENCY, price * 0.0 + GAS_EUR_PER_KWH
    if method != "life-cycle":
        raise InvalidFieldError("backup.kind", kind, "gas or heat_pump with direct factors: networks have none")
    rate_g = DISTRICT_G_PER_KWH / DISTRICT_EFFICIENCY
    return grid * 0.0 + rate_g, price * 0.0 + DISTRICT_EUR_PER_KWH
