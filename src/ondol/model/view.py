"""The frozen, columnar picture of the world that every policy decides on.

One numpy array per field, rows in id order, so that the same code decides for 3 nodes and for 100,000. `now_s` is the
only clock a policy sees. References between tables are row numbers (-1 = none).
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ondol.model.ids import InstanceId, NodeId, SinkId, SiteId, UnitId

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class ServiceClass(enum.IntEnum):
    """How soon work must run, and on whose account its heat goes. Lower is more urgent."""

    ON_DEMAND = 0  # now
    FLEX = 1  # by a deadline, when heat is wanted
    HARVEST = 2  # only on heat, may be stopped
    FILLER = 3  # useful spare work run for heat alone, charged to the heat


class Phase(enum.IntEnum):
    """Where an instance stands, as far as deciding needs to know."""

    QUEUED = 0
    PLACED = 1  # staging in, not yet running
    RUNNING = 2
    PAUSED = 3
    LEAVING = 4  # stopping or uploading; its slot is still taken


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SiteColumns:
    """Sites by id. Arrays (n,) unless noted.

    `grid_g_per_kwh` is (n, horizon): carbon intensity now and in the next steps [gCO2e/kWh].
    """

    ids: tuple[SiteId, ...]
    pue: Floats
    grid_g_per_kwh: Floats
    electrical_limit_w: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitColumns:
    """Units by id. Arrays (n,) unless noted.

    Parameters
    ----------
    site : row of its site
    heats : whether somebody wants its heat (False for a rack)
    sink : number of its sink, shared by units that heat the same one; -1 for none
    power_max_w : all nodes at full load [W]
    power_w : measured [W]
    wanted_w : what the heat layer asks of it now [W]; 0 for a rack
    wanted_ahead_w : (n, horizon) expected mean of the same over the next steps, first step = now [W]
    temp_c, setpoint_c, lower_c, upper_c : of its sink; nan for a rack or where the sensor is lost
    room_j : heat that the sink can still take before its upper limit, ≥ 0 [J]
    """

    ids: tuple[UnitId, ...]
    site: Ints
    heats: Bools
    sink: Ints
    power_max_w: Floats
    power_w: Floats
    wanted_w: Floats
    wanted_ahead_w: Floats
    temp_c: Floats
    setpoint_c: Floats
    lower_c: Floats
    upper_c: Floats
    room_j: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeColumns:
    """Nodes by id. Arrays (n,).

    Parameters
    ----------
    unit : row of its unit
    slots, slots_free : instances that may run at once, and how many more may now
    idle_w, max_w : ends of the power curve [W]
    cap_w : accepted power cap [W]
    accepts : may new work be placed (not draining, not failed, safety allows)
    up : has power, so that work runs at once; empty where nodes are never switched off
    """

    ids: tuple[NodeId, ...]
    unit: Ints
    slots: Ints
    slots_free: Ints
    idle_w: Floats
    max_w: Floats
    cap_w: Floats
    accepts: Bools
    up: Bools = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstanceColumns:
    """Instances that wait or hold a slot, by id. Arrays (n,).

    Parameters
    ----------
    task : a number per task, same for instances of one task
    phase : Phase
    service : ServiceClass
    node : row of the node it holds, -1 while queued
    submitted_s, deadline_s : seconds since the epoch; deadline inf where there is none
    since_s : when it entered this phase
    expected_s : expected run time at full speed [s]; nan while nothing is known
    done_s : full-speed seconds of work the present attempt has done [s]
    attempts : tries so far
    resumable : a stopped attempt loses no work (it checkpoints)
    allowed : row of `View.allowances` that says where it may run
    data : row of `View.missing_bytes`
    speed_cap : share of full speed that its task takes at most, above 0 to 1; empty where no task has a cap
    draw_cap : share of a slot's range from idle to full power that it draws at that speed; empty likewise
    """

    ids: tuple[InstanceId, ...]
    task: Ints
    phase: Ints
    service: Ints
    node: Ints
    submitted_s: Floats
    deadline_s: Floats
    since_s: Floats
    expected_s: Floats
    done_s: Floats
    attempts: Ints
    resumable: Bools
    allowed: Ints
    data: Ints
    speed_cap: Floats = field(default_factory=lambda: np.zeros(0))
    draw_cap: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SinkColumns:
    """Sinks as stores of heat, by id, for whoever plans ahead. Arrays (n,) unless noted.

    A store's level counts from the temperature at which the backup heater must run. Level after a step of Δ s, with
    compute heat q and demand d [W]: ``e⁺ = e·(1 − loss_per_s·Δ) + (q − d)·Δ``; below 0 the backup gives what is
    missing, above `capacity_j` heat is dumped.

    Parameters
    ----------
    site : row of its site
    store_j : heat held above the level at which the backup runs, ≥ 0 [J]
    capacity_j : the same at the upper limit, ≥ 0; 0 for a sink that stores nothing [J]
    loss_per_s : share of the level lost per second [1/s]
    capture : heat that reaches the sink per electric joule of its units at full load, 0 to 1
    demand_w : (n, horizon) heat that the sink needs in each step to stay at level 0 with no compute, mean [W]
    demand_high_w : (n, horizon) the 90 % quantile of the same [W]
    backup_g_per_kwh : (n, horizon) carbon of a kWh of heat from the backup [gCO2e/kWh]
    backup_eur_per_kwh : (n, horizon) its price [€/kWh]
    """

    ids: tuple[SinkId, ...] = ()
    site: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    store_j: Floats = field(default_factory=lambda: np.zeros(0))
    capacity_j: Floats = field(default_factory=lambda: np.zeros(0))
    loss_per_s: Floats = field(default_factory=lambda: np.zeros(0))
    capture: Floats = field(default_factory=lambda: np.zeros(0))
    demand_w: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    demand_high_w: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    backup_g_per_kwh: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    backup_eur_per_kwh: Floats = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """One consistent snapshot.

    Parameters
    ----------
    now_s : seconds since the epoch, platform time
    step_s : length of a step of the `(n, horizon)` arrays [s]
    seed : for a policy that draws lots
    allowances : (n, nodes) sets of nodes on which work may run (hardware, reservations); row 0 allows every node
    missing_bytes : (n, sites) bytes of a task's inputs that a site does not hold; row 0 is of tasks without inputs,
        nan where the size is not known yet
    beyond : (4,) per service class, queued instances that the columns leave out: however many there are, policies see
        of each class and allowance at least as many as there are slots, the first ones first
    sinks : heat stores with their forecasts, row = `UnitColumns.sink`; empty where nothing is known of them
    ahead_s : (horizon,) lengths of the steps of the sinks' forecasts and of `ahead_grid_g_per_kwh`, the first one from
        now on [s]
    ahead_grid_g_per_kwh : (sites, horizon) forecast carbon intensity over the same steps [gCO2e/kWh]
    ahead_work_s : (4, horizon) per service class, full-speed seconds of work that are expected to be submitted in each
        of the same steps; 0 where nobody forecasts [s]
    """

    now_s: float
    step_s: float
    seed: int
    sites: SiteColumns
    units: UnitColumns
    nodes: NodeColumns
    instances: InstanceColumns
    allowances: Bools
    missing_bytes: Floats
    beyond: Ints = field(default_factory=lambda: np.zeros(len(ServiceClass), dtype=np.int64))
    sinks: SinkColumns = field(default_factory=SinkColumns)
    ahead_s: Floats = field(default_factory=lambda: np.zeros(0))
    ahead_grid_g_per_kwh: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    ahead_work_s: Floats = field(default_factory=lambda: np.zeros((len(ServiceClass), 0)))

    @property
    def now(self) -> dt.datetime:
        """`now_s` as aware UTC."""
        return dt.datetime.fromtimestamp(self.now_s, dt.UTC)
