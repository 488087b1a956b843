"""The question: sinks, units and work as arrays over the steps of a horizon."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from ondol.model.view import Ints
from ondol.thermal.arrays import Floats


def _none() -> Floats:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearSink:
    """One heat sink as a linear system at the twin's own step; k states, T steps.

    What is given as (k,) or (k, k) holds for all steps; (T, k) or (T, k, k) gives each step its own.

    Parameters
    ----------
    id : name
    A : state transition over one step, no entry below 0; k = 0 is a sink without a store, such as a heat network
    heat : change of state per W of compute heat held over the step, 0 or more [K/W]
    backup : the same per W of backup heat given to the store; all 0 where the backup works outside of it [K/W]
    draw : the same per W that is taken out as delivered heat, 0 or less; all 0 where nothing is taken out [K/W]
    drive : (T, k) change per step from weather, gains, ambient, … [K]
    start : (k,) state at the start [°C]
    observe : (k,) weights, 0 or more: limits apply to the temperature observe·x
    lower_c : (T,) least temperature at the end of each step, −inf where there is none [°C]
    upper_c : (T,) temperature that heat does not take the sink above, inf where there is none [°C]
    losses : tangents of a convex loss, each (slope (k,) or (T, k) [W/K], offset () or (T,) [W]), on the state at the
        start of the step: loss ≥ slope·x + offset
    loss_gain : change of state per W of that loss, 0 or less; may be left out where there are no tangents [K/W]
    loss_max_w : the most that the loss ever is; inf, which needs k = 1: as given by the tangents [W]
    demand_w : (T,) heat asked by draws or a network, 0 or more; the backup outside gives what is not delivered [W]
    backup_max_w : of the backup inside the store, 0 or more [W]
    backup_cost : (T,) objective units per J of backup heat, inside or outside
    end_value : (k,) objective units per K of state left at the end, 0 or more
    end_most_c : (k,) a state above it at the end is worth no more than at it; empty where each kelvin counts [°C]
    """

    id: str
    A: Floats
    heat: Floats
    backup: Floats
    draw: Floats
    drive: Floats
    start: Floats
    observe: Floats
    lower_c: Floats
    upper_c: Floats
    losses: tuple[tuple[Floats, Floats | float], ...] = ()
    loss_gain: Floats = field(default_factory=_none)
    loss_max_w: float = inf
    demand_w: Floats
    backup_max_w: float
    backup_cost: Floats
    end_value: Floats
    end_most_c: Floats = field(default_factory=_none)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearUnit:
    """One unit, or several like ones of one sink.

    Parameters
    ----------
    sink : position of the sink that it heats, −1 for a rack that heats nobody
    power_max_w : electric power of all nodes at full load [W]
    speed_w, speed : points of electric power [W] and work rate [node-s per s] that its nodes can be run at together;
        any convex combination of them and of (0, 0) may be used
    capture : most heat that reaches the sink per W electric, 0 or more
    electric_cost : (T,) objective units per J electric, with what cooling and supply add
    burns : whether any power up to `power_max_w` may be drawn for heat alone
    """

    sink: int
    power_max_w: float
    speed_w: Floats
    speed: Floats
    capture: float
    electric_cost: Floats
    burns: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WorkClass:
    """Work as cumulative curves.

    Parameters
    ----------
    released : (T,) work that came in or before step t; it may run from step t on [node-s]
    due : (T,) work whose deadline lies at or before the end of step t [node-s]
    late_cost : 0 or more, objective units per node-s that is not done by its deadline, or by the end. A schedule that
        is held against the bound has to be charged with it too; where lateness costs nothing, leave `due` at 0
    """

    released: Floats
    due: Floats
    late_cost: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundProblem:
    """What the bound is asked for.

    Parameters
    ----------
    step_s : length of a step, above 0 to a day [s]
    sinks, units, work : see there; all over the same T steps
    discomfort_cost : 0 or more, objective units per K and step below `lower_c`
    limit_w : (sites,) most electric power of the units of each site, inf where there is none; empty for no sites [W]
    site : (units,) position of each unit's site, −1 for none; empty for no sites

    Raises
    ------
    `check_problem` tells what is allowed; it is asked by whoever solves
    """

    step_s: float
    sinks: tuple[LinearSink, ...]
    units: tuple[LinearUnit, ...]
    work: tuple[WorkClass, ...]
    discomfort_cost: float
    limit_w: Floats = field(default_factory=_none)
    site: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def steps(self) -> int:
        """T, as the first unit's costs or the first sink's demand tell."""
        return len(self.units[0].electric_cost) if self.units else len(self.sinks[0].demand_w)
