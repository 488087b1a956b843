"""How the heat of each unit gets into the ledger: metered, computed from flow and temperatures, or estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ondol.control.sites import virtual_sites
from ondol.model.fleet import Fleet
from ondol.model.ids import UnitId
from ondol.model.ledger import Tier
from ondol.model.site import Unit, UnitKind

PLANT_ROOM_TEMP_C = 20.0
"""Of the room that a boiler stands in, where nobody measures it; as `drivers.virtual.loops` has it [°C]."""


@dataclass(frozen=True, slots=True)
class HeatWay:
    """How a unit's heat is got.

    Parameters
    ----------
    tier : T1 a heat meter, T2 flow × temperature difference (or a heat power by instrument), T4 an estimate
    virtual : of equations that stand for hardware
    """

    tier: Tier
    virtual: bool = False


def heat_ways(fleet: Fleet) -> Mapping[UnitId, HeatWay]:
    """Say it of every unit, by what is bound to it or to its circuit."""
    simulated = frozenset(virtual_sites(fleet))
    bound = {(binding.entity_id, binding.point) for binding in fleet.bindings if binding.connection_id}

    def way(unit: Unit) -> HeatWay:
        if unit.site_id in simulated:
            return HeatWay(Tier.T1_METER, virtual=True)
        entities = [str(unit.id)] if unit.circuit_id is None else [str(unit.id), str(unit.circuit_id)]
        if any((entity, "heat_meter") in bound for entity in entities):
            return HeatWay(Tier.T1_METER)
        for entity in entities:
            water = ("flow", "supply_temperature", "return_temperature")
            if (entity, "heat_power") in bound or all((entity, point) in bound for point in water):
                return HeatWay(Tier.T2_BMC)
        return HeatWay(Tier.T4_CURVE)

    return {unit.id: way(unit) for unit in fleet.units}


def case_loss_w(unit: Unit, loop_temp_c: float) -> float:
    """What a boiler loses to its room, UA × (loop − room), ≥ 0 [W]; a heater loses nothing: its case heats its room.

    Parameters
    ----------
    loop_temp_c : nan where nothing measures it; then it counts as hot as it may be, so that too little is claimed [°C]
    """
    if unit.kind is not UnitKind.DIGITAL_BOILER:
        return 0.0
    hot_c = loop_temp_c if loop_temp_c == loop_temp_c else unit.loop_temp_max_c  # noqa: PLR0124  # nan
    return unit.case_ua_w_per_k * max(0.0, hot_c - PLANT_ROOM_TEMP_C)


def estimated_heat_j(unit: Unit, electric_j: float, loss_j: float) -> float:
    """Heat of a unit that nothing measures: electricity × captured share − case loss, never below 0 [J]."""
    return max(0.0, unit.capture_fraction * electric_j - loss_j)
