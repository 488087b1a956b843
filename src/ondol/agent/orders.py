"""What goes into a site's agent and what comes out of it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.alarm import Severity
from ondol.model.ids import NodeId, SinkId, UnitId
from ondol.model.view import ServiceClass


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What is known of a node.

    Parameters
    ----------
    power_w : measured since the last step, mean [W]
    busy_slots : slots with a running job; only a busy node can give more heat than its idle power
    service : the most urgent work on it, None where it is idle
    healthy : False where it failed or is being drained
    """

    node_id: NodeId
    power_w: float
    busy_slots: int = 0
    service: ServiceClass | None = None
    healthy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteReadings:
    """All instruments of a site at one time.

    Parameters
    ----------
    flow_lost : units whose flow switch says that their pump stands still
    """

    sinks: tuple[SinkReading, ...]
    units: tuple[UnitReading, ...]
    flow_lost: frozenset[UnitId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOrder:
    """What the agent wants of a unit and allows it.

    Parameters
    ----------
    wanted_w : electric power that the heat layer asks for, 0 to the unit's maximum [W]
    demand_w : the same before the maximum was applied [W]
    target_w : what the power layer aims at: wanted, raised by floors, bounded by safety and site limit [W]
    measured_w : what its nodes drew [W]
    wanted_ahead_w : expected mean of wanted over the next steps, the first begins now [W]
    temp_c, setpoint_c, lower_c, upper_c : of its sink; nan where there is none, or the sensor is lost
    room_j : heat that the sink can still take before its upper limit; a shared sink's is split by capacity [J]
    safety : whether safety bounds it now
    limited_by : the authority that changed what was wanted, "" for none
    reason : for a person to read
    """

    unit_id: UnitId
    wanted_w: float
    demand_w: float
    target_w: float
    measured_w: float
    wanted_ahead_w: tuple[float, ...]
    temp_c: float
    setpoint_c: float
    lower_c: float
    upper_c: float
    room_j: float
    safety: bool
    limited_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOrder:
    """What a node may draw.

    Parameters
    ----------
    cap_w : 0 means: no work at all [W]
    hot : whether it is meant to work at more than idle power
    accepts : whether new work may be placed on it
    """

    node_id: NodeId
    cap_w: float
    hot: bool
    accepts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkOrder:
    """How a sink fares.

    Parameters
    ----------
    heat_wanted_w : heat that it should get now, before any limit [W]
    comfort_lower_c, comfort_upper_c : the band that discomfort is counted against; nan where nothing is asked [°C]
    discomfort_kh : in this step [K·h]
    """

    sink_id: SinkId
    temp_c: float
    heat_wanted_w: float
    comfort_lower_c: float
    comfort_upper_c: float
    discomfort_kh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReport:
    """How a sink stands as a store of heat, for whoever plans ahead; see `SinkColumns` for level, capacity and loss.

    All temperatures are measured ones. Where the sensor is silent or old all numbers but the wants are nan.

    Parameters
    ----------
    store_j : heat above level 0, which is the set-point of now (`agent.stores` says why), ≥ 0 [J]
    capacity_j : the same at the upper limit, ≥ 0; 0 for a sink that is asked for watts, or for nothing [J]
    loss_per_s : share of the level lost per second [1/s]
    lacks_j : heat that is missing at once where the sink is below level 0, ≥ 0 [J]
    walls_lack_j : heat that the walls of a room will take up within hours until they rest, ≥ 0 [J]
    held_j : heat in the sink above 0 °C: by its change, heat given and heat lost can be told apart [J]
    excess_w : what the sink loses beyond what it would at level 0; below 0 where it is colder [W]
    wanted_ahead_w : heat that the thermostat wants over the next steps, the first one begins now [W]
    heat_j : heat meters of its units together, None where one is silent [J]
    below_band : whether it is colder than its host's band: another heater of the host's may run now
    """

    sink_id: SinkId
    store_j: float
    capacity_j: float
    loss_per_s: float
    lacks_j: float
    walls_lack_j: float
    held_j: float
    excess_w: float
    wanted_ahead_w: tuple[float, ...]
    heat_j: float | None
    below_band: bool = False

    @property
    def known(self) -> bool:
        """Whether it was measured."""
        return math.isfinite(self.store_j)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOrder:
    """Whether the other heater of a sink is to run, and why."""

    sink_id: SinkId
    on: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HygieneStatus:
    """How a tank stands against its hygiene rule.

    Parameters
    ----------
    coldest_c : coldest sensor of the store now; nan where lost [°C]
    above_s : seconds above each temperature of the rule in the rolling window, by temperature [°C → s]
    kept : whether the rule is met now
    due_at : by when it has to be met again; None where no rule applies
    cycle : "" for none, "planned" or "running"
    """

    sink_id: SinkId
    coldest_c: float
    above_s: tuple[tuple[float, float], ...]
    kept: bool
    due_at: dt.datetime | None
    cycle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmNote:
    """Something that is wrong at this step; one that is not noted again is over."""

    entity_id: str
    code: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOrders:
    """One step's orders, each table by id; `reports` say how sinks stand, `alarms` all that is wrong now."""

    now: dt.datetime
    dt_s: float
    units: tuple[UnitOrder, ...]
    nodes: tuple[NodeOrder, ...]
    sinks: tuple[SinkOrder, ...]
    reports: tuple[SinkReport, ...] = ()
    backups: tuple[BackupOrder, ...] = ()
    hygiene: tuple[HygieneStatus, ...] = ()
    alarms: tuple[AlarmNote, ...] = ()

    def unit(self, unit_id: UnitId) -> UnitOrder:
        """Give the order of a unit by its id."""
        return next(order for order in self.units if order.unit_id == unit_id)

    def node(self, node_id: NodeId) -> NodeOrder:
        """Give the order of a node by its id."""
        return next(order for order in self.nodes if order.node_id == node_id)

    def sink(self, sink_id: SinkId) -> SinkOrder:
        """Give the order of a sink by its id."""
        return next(order for order in self.sinks if order.sink_id == sink_id)
