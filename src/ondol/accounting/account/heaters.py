"""Reference heaters by their rows in the registry: efficiency, and the carrier that it burns or draws."""

from __future__ import annotations

from ondol.accounting.avoided import ReferenceHeater
from ondol.accounting.factor_combine import heaters
from ondol.accounting.registry import Registry, electricity_lca
from ondol.model.errors import InvalidFieldError
from ondol.model.factor import Factor

HEAT_PUMP = "heater-heat-pump-radiators-55"
"""Air to water on radiators at 55 °C: the strictest common counterfactual (`reference/footprint.md` §0, §2.2)."""
_GRID = "electricity"


def reference_heater(
    registry: Registry, heater_id: str, country: str, *, grid: Factor | None = None
) -> ReferenceHeater:
    """Give a heater of the registry; an electric one draws from the average of its country's grid, life cycle.

    Parameters
    ----------
    grid : electricity that it draws in place of the country's

    Raises
    ------
    InvalidFieldError : no such heater, or one without a carrier; the message lists those that there are
    NotFoundError : its carrier, or the grid of its country, has no row
    """
    row = registry.rows.get(heater_id)
    if row is None or not heater_id.startswith("heater-"):
        raise InvalidFieldError(
            "reference_heater", heater_id, "one of " + ", ".join(one.id for one in heaters(registry))
        )
    carrier = row.carrier
    if not carrier:
        raise InvalidFieldError(f"factor[{heater_id}].carrier", carrier, f'the id of a carrier, or "{_GRID}"')
    electric = carrier == _GRID
    factor: Factor = (grid or electricity_lca(registry, country)) if electric else registry.get(carrier)
    return ReferenceHeater(name=said(heater_id), carrier=factor, efficiency=row, electric=electric)


def said(heater_id: str) -> str:
    """A heater's id as words: "heater-heat-pump-radiators-55" is "heat pump, radiators 55"."""
    words = heater_id.removeprefix("heater-").replace("heat-pump-", "heat pump, ").replace("-", " ")
    return f"{words} °C" if words[-2:].isdigit() else words
