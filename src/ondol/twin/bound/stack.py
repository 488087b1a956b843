"""All sinks, units and classes of a problem side by side, padded to one shape, so that steps go by in whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from ondol.model.view import Bools, Ints
from ondol.thermal.arrays import Floats
from ondol.twin.bound.problem import BoundProblem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SinkStack:
    """S sinks with K states and M tangents at most, over T steps; what is padding is 0 and `real` tells it.

    Parameters
    ----------
    real : (S, K) states that exist
    transition : (T, S, K, K)
    heat, backup, draw, loss_gain, drive : (T, S, K)
    start, observe, end_value, end_most_c : (S, K); inf in the last where each kelvin counts
    lower_c, upper_c, demand_w, backup_cost : (T, S)
    tangent : (S, M) tangents that exist; one of a sink with fewer stands in the places of those that do not
    slope, offset : (T, S, M, K), (T, S, M)
    loss_max_w, backup_max_w : (S,)
    """

    real: Bools
    transition: Floats
    heat: Floats
    backup: Floats
    draw: Floats
    loss_gain: Floats
    drive: Floats
    start: Floats
    observe: Floats
    end_value: Floats
    end_most_c: Floats
    lower_c: Floats
    upper_c: Floats
    demand_w: Floats
    backup_cost: Floats
    tangent: Bools
    slope: Floats
    offset: Floats
    loss_max_w: Floats
    backup_max_w: Floats

    @property
    def plain(self) -> Bools:
        """(S,) sinks without a store."""
        return np.asarray(~np.any(self.real, axis=1))

    @property
    def bends(self) -> Bools:
        """(S,) sinks with tangents."""
        return np.asarray(np.any(self.tangent, axis=1))

    def loss_w(self, t: int, state: Floats) -> Floats:
        """(S,) the least loss in step t that the tangents allow from (S, K) states; 0 where there are none [W]."""
        return np.asarray((np.einsum("smk,sk->sm", self.slope[t], state) + self.offset[t]).max(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitStack:
    """U units with J points at most.

    Parameters
    ----------
    sink, site : (U,) positions, −1 for none
    power_max_w, capture : (U,)
    burns : (U,)
    real : (U, J) points that exist and are not (0, 0)
    point_w, point_rate : (U, J) power [W] and work rate [node-s per s]
    electric_cost : (T, U)
    """

    sink: Ints
    site: Ints
    power_max_w: Floats
    capture: Floats
    burns: Bools
    real: Bools
    point_w: Floats
    point_rate: Floats
    electric_cost: Floats

    @property
    def most_w(self) -> Floats:
        """(U,) the most power that each may draw [W]."""
        return np.where(self.burns, self.power_max_w, self.point_w.max(axis=1, initial=0.0))


def stack_sinks(problem: BoundProblem) -> SinkStack:
    """Put the sinks of a checked problem side by side."""
    sinks, steps = problem.sinks, problem.steps
    n = len(sinks)
    k_max = max((len(sink.start) for sink in sinks), default=0)
    m_max = max((len(sink.losses) for sink in sinks), default=0) or 1
    per_state = {name: np.zeros((steps, n, k_max)) for name in ("heat", "backup", "draw", "loss_gain", "drive")}
    constant = {name: np.zeros((n, k_max)) for name in ("start", "observe", "end_value")}
    per_step = {name: np.zeros((steps, n)) for name in ("lower_c", "upper_c", "demand_w", "backup_cost")}
    constant["end_most_c"] = np.full((n, k_max), inf)
    transition = np.zeros((steps, n, k_max, k_max))
    slope, offset = np.zeros((steps, n, m_max, k_max)), np.zeros((steps, n, m_max))
    real, tangent = np.zeros((n, k_max), dtype=np.bool_), np.zeros((n, m_max), dtype=np.bool_)
    for s, sink in enumerate(sinks):
        k = len(sink.start)
        real[s, :k] = True
        transition[:, s, :k, :k] = sink.A
        for name, wide in per_state.items():
            if name != "loss_gain" or sink.losses:
                wide[:, s, :k] = getattr(sink, name)
        for name, row in constant.items():
            if name != "end_most_c" or len(sink.end_most_c):
                row[s, :k] = getattr(sink, name)
        for name, column in per_step.items():
            column[:, s] = getattr(sink, name)
        if not k:
            per_step["lower_c"][:, s], per_step["upper_c"][:, s] = -inf, inf
        for m in range(m_max if sink.losses else 0):
            one = sink.losses[min(m, len(sink.losses) - 1)]
            slope[:, s, m, :k], offset[:, s, m] = one
            tangent[s, m] = m < len(sink.losses)
    return SinkStack(
        real=real,
        transition=transition,
        tangent=tangent,
        slope=slope,
        offset=offset,
        loss_max_w=np.array([sink.loss_max_w for sink in sinks]),
        backup_max_w=np.array([float(sink.backup_max_w) for sink in sinks]),
        **per_state,
        **constant,
        **per_step,
    )


def stack_units(problem: BoundProblem) -> UnitStack:
    """Put the units of a checked problem side by side."""
    units = problem.units
    n, j_max = len(units), max((len(unit.speed_w) for unit in units), default=0)
    point_w, point_rate = np.zeros((n, j_max)), np.zeros((n, j_max))
    for u, unit in enumerate(units):
        point_w[u, : len(unit.speed_w)] = unit.speed_w
        point_rate[u, : len(unit.speed_w)] = unit.speed
    costs = [unit.electric_cost for unit in units]
    return UnitStack(
        sink=np.array([unit.sink for unit in units], dtype=np.int64),
        site=np.asarray(problem.site, dtype=np.int64) if len(problem.limit_w) else np.full(n, -1, dtype=np.int64),
        power_max_w=np.array([float(unit.power_max_w) for unit in units]),
        capture=np.array([float(unit.capture) for unit in units]),
        burns=np.array([unit.burns for unit in units], dtype=np.bool_),
        real=(point_w > 0.0) | (point_rate > 0.0),
        point_w=point_w,
        point_rate=point_rate,
        electric_cost=np.stack(costs, axis=1) if costs else np.zeros((problem.steps, 0)),
    )
