"""How heat hardware is read and driven: one small protocol per ability, each with its unit."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.points import Ability, PointKey, PointReading


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReading:
    """What the instruments of a sink say.

    Parameters
    ----------
    temp_c : the temperature that its host feels: room air, tank top, pool water [°C]
    layers_c : of a tank, top to bottom; empty for others [°C]
    measured_at : when; older than the agent's limit counts as lost
    ends_known : of a tank with layers: its highest and its lowest were measured, not filled in
    """

    sink_id: SinkId
    measured_at: dt.datetime
    temp_c: float
    layers_c: tuple[float, ...] = ()
    ends_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitReading:
    """What the instruments of a unit say.

    Parameters
    ----------
    heat_j : heat meter, cumulative, never falls, also over an exchange of the meter; nan where there is none [J]
    loop_temp_c : of a boiler's loop or a heater's shell; nan where there is no sensor [°C]
    surface_temp_c : of what people can touch; nan where there is no sensor [°C]
    supply_temp_c, return_temp_c : of the water to and from the exchanger; nan where there is no sensor [°C]
    flow_kg_s : measured flow; nan where there is no meter [kg/s]
    power_w : electric power by an instrument at the site; nan where there is none [W]
    """

    unit_id: UnitId
    measured_at: dt.datetime
    heat_j: float
    loop_temp_c: float
    surface_temp_c: float = math.nan
    supply_temp_c: float = math.nan
    return_temp_c: float = math.nan
    flow_kg_s: float = math.nan
    power_w: float = math.nan


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """How a connection stands.

    Parameters
    ----------
    connected : the peer answered last time
    since : when that became so
    detail : for a person: who answers, or why nobody does and what to do
    polls, errors : since it was opened
    """

    connected: bool
    since: dt.datetime
    detail: str = ""
    polls: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a value that was to be written: requested and accepted are kept apart.

    Parameters
    ----------
    accepted : what the device says it holds now, read back after writing; None where it could not be read
    reason : why it is not what was requested; "" where it is
    """

    key: PointKey
    requested: float
    accepted: float | None
    at: dt.datetime
    reason: str = ""

    def obeyed(self, tolerance: float = 1e-6) -> bool:
        """Whether the device holds what was requested."""
        return self.accepted is not None and abs(self.accepted - self.requested) <= tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that a person or a plant at the site asks for through a connection, e.g. a turned thermostat.

    Parameters
    ----------
    entity_id : site, unit or sink
    name : "setpoint" (number, °C), "preset" (text), "mode" (text: "off", "heat" or "auto"), "power_limit" (number, W;
        of a unit)
    """

    entity_id: str
    name: str
    number: float | None = None
    text: str = ""
    received_at: dt.datetime
    source: str


class Driver(Protocol):
    """One open connection. Construction does no input or output; a peer that is down is no error, but a status.

    Every driver does I/O in a thread of its own and tries again with growing waits; the methods are safe to call from
    any thread. Those of `readings`, `status` and `commands` are quick: they give what is known.
    """

    abilities: ClassVar[frozenset[Ability]]

    @property
    def connection_id(self) -> str:
        """Id of the connection that it serves."""
        ...

    def open(self) -> None:
        """Begin; returns at once."""
        ...

    def close(self) -> None:
        """End within a few seconds; may be called twice."""
        ...

    def status(self) -> LinkStatus:
        """How the connection stands."""
        ...


class ReadsPoints(Driver, Protocol):
    """Reads temperatures, heat, power, flow or states; which, `abilities` says."""

    def readings(self) -> tuple[PointReading, ...]:
        """Latest value of every bound point that ever spoke, by key, each with the time at which it was measured."""
        ...


class WritesPoints(Driver, Protocol):
    """Limits power, switches or sets temperatures; which, `abilities` says."""

    def write(self, key: PointKey, value: float) -> Written:
        """Write and read back; blocks up to the connection's timeout. Raises NotFoundError for a point not bound."""
        ...


class TakesCommands(Driver, Protocol):
    """Brings wishes of people at the site."""

    def commands(self) -> tuple[Command, ...]:
        """What came since the last call, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a host's own display is told of one sink or unit; None for what is not known.

    Of a sink: `temp_c`, `setpoint_c`, `lower_c`, `upper_c`, `mode` ("off" or "heat"), `preset`, `action` ("off",
    "idle", "heating" or "preheating"), layers as `layer_1_c` …, `backup` (bool), `hygiene_due_h`, `reason`.
    Of a unit: `power_w`, `target_w`, `power_limit_w`, `heat_w`, `heat_kwh`, `loop_temp_c`, `flow_kg_s`, `fault`
    (bool), `reason`.
    """

    entity_id: str
    at: dt.datetime
    values: Mapping[str, float | str | bool | None]


class ShowsState(Driver, Protocol):
    """Tells a host's display how things stand."""

    def show(self, shown: tuple[Shown, ...]) -> None:
        """Publish what changed; quick: sending happens elsewhere, and the latest wins where the link is down."""
        ...
