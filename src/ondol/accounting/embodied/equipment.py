"""What making the heat side's hardware costs: exchangers, tanks, boilers, by rows of the registry."""

from __future__ import annotations

from ondol.accounting.embodied.impact import CRITERIA, Band, Impacts
from ondol.accounting.registry import Registry
from ondol.model.errors import InvalidFieldError
from ondol.model.hardware_parts import HeatEquipment


def equipment_rate(equipment: HeatEquipment, registry: Registry) -> Impacts:
    """Give the impacts of one hour of a piece of equipment: rows "<factor>-gwp", "-adpe", "-pe" × amount / lifetime.

    A criterion without a row is left out (None). [kgCO2e/h, kgSb/h, MJ/h]

    Raises
    ------
    InvalidFieldError : no row for its carbon; where no source gives one, the operator has to, as an own row
    """
    found: dict[str, Band] = {}
    for one in CRITERIA:
        row = registry.rows.get(f"{equipment.factor}-{one}")
        if row is not None:
            found[one] = Band(row.value, row.low, row.high) * (equipment.amount / equipment.lifetime_h)
    if "gwp" not in found:
        known = ", ".join(row.id.removesuffix("-gwp") for row in registry.find("equipment") if row.id.endswith("-gwp"))
        raise InvalidFieldError(
            f"equipment[{equipment.id}].factor",
            equipment.factor,
            f"one of {known}; or an own row {equipment.factor}-gwp with its source",
        )
    return Impacts(**found)
