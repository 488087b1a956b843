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

from ondol.model.ids import InstanceId, NodeId, SiteId, UnitId

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
    """

    ids: tuple[NodeId, ...]
    unit: Ints
    slots: Ints
    slots_free: Ints
    idle_w: Floats
    max_w: Floats
    cap_w: Floats
    accepts: Bools


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

    @property
    def now(self) -> dt.datetime:
        """`now_s` as aware UTC."""
        return dt.datetime.fromtimestamp(self.now_s, dt.UTC)
