"""How heat hardware is read and driven: one small protocol per ability, each with its unit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from ondol.model.ids import NodeId, SinkId, UnitId


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReading:
    """What the instruments of a sink say.

    Parameters
    ----------
    temp_c : the temperature that its host feels: room air, tank top, pool water [°C]
    layers_c : of a tank, top to bottom; empty for others [°C]
    measured_at : when; older than the agent's limit counts as lost
    """

    sink_id: SinkId
    measured_at: dt.datetime
    temp_c: float
    layers_c: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitReading:
    """What the instruments of a unit say.

    Parameters
    ----------
    heat_j : heat meter, cumulative since installation, never falls [J]
    loop_temp_c : of a boiler's loop or a heater's shell [°C]
    """

    unit_id: UnitId
    measured_at: dt.datetime
    heat_j: float
    loop_temp_c: float


class ReadsHeat(Protocol):
    """Reads the instruments of a site."""

    def sinks(self) -> tuple[SinkReading, ...]:
        """Latest reading of every sink, by id; a sink whose sensor is lost is left out."""
        ...

    def units(self) -> tuple[UnitReading, ...]:
        """Latest reading of every unit, by id."""
        ...

    def outdoor_temp_c(self) -> float | None:
        """Outdoor temperature [°C], None where there is no sensor."""
        ...


class TakesPower(Protocol):
    """Hardware that is virtual, so that it must be told how much power its nodes really drew."""

    def advance(self, until: dt.datetime, energy_j: dict[NodeId, float]) -> None:
        """Let time pass until `until` with this electric energy per node spent meanwhile [J]."""
        ...
