"""Stratified water tank of equal layers: conduction, loss, draws, a charge circuit, heat per layer, natural mixing.

Layer i (0 = top): ``C dT_i/dt = G (T_{i−1} − 2 T_i + T_{i+1}) − UA_i (T_i − T_amb) + Q_i`` with upwind advection: a
draw takes water at the top and lets mains water in at the bottom; the charge circuit takes water at its outlet, heats
it by a given power and gives it back at its inlet above. Between flow changes this is linear and solved by the matrix
exponential; then layers that would lie warm below cold are pooled (EN 15316-5:2017 annex C).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np

from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike, check_flow, check_step, per_unit
from ondol.thermal.linear import mean_operators
from ondol.thermal.tank_parameters import TankParameters

LONGEST_SUBSTEP_S = 60.0
"""Mixing acts between substeps, so a heated lower layer may run ahead of its neighbours for this long at most."""


@dataclass(frozen=True, slots=True, eq=False)
class TankInputs:
    """What acts on the tanks over a step; numbers for all tanks, or arrays (n,).

    Parameters
    ----------
    ambient_c : surroundings of the tank
    mains_c : temperature of the water that replaces a draw
    draw_kg_s : draw at the top, 0 or more
    charge_flow_kg_s : flow of the charge circuit, 0 or more
    charge_heat_w : heat given to the charge circuit; with no flow it goes into the inlet layer
    node_heat_w : heat into each layer (elements, coils), shape (n, nodes) or 0
    """

    ambient_c: FloatsLike = 20.0
    mains_c: FloatsLike = 12.0
    draw_kg_s: FloatsLike = 0.0
    charge_flow_kg_s: FloatsLike = 0.0
    charge_heat_w: FloatsLike = 0.0
    node_heat_w: FloatsLike = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TankFluxes:
    """What flowed over a step, each of shape (n,): ``heat_j − drawn_j − loss_j = stored_j``.

    Parameters
    ----------
    heat_j : charge circuit and layer heat
    drawn_j : heat in the drawn water above mains
    loss_j : heat to the surroundings
    stored_j : gain of the water
    drawn_kg : water drawn
    mean_outlet_temp_c : mean temperature of the top layer, at which water was drawn
    mean_charge_return_temp_c : mean temperature of the water that the charge circuit takes from the tank
    """

    heat_j: Floats
    drawn_j: Floats
    loss_j: Floats
    stored_j: Floats
    drawn_kg: Floats
    mean_outlet_temp_c: Floats
    mean_charge_return_temp_c: Floats


def step_tank(params: TankParameters, temp_c: Floats, inputs: TankInputs, dt_s: float) -> tuple[Floats, TankFluxes]:
    """Let n tanks go one step with their inputs held.

    Each substep (60 s at most) is exact; mixing follows it.

    Parameters
    ----------
    params : the tanks
    temp_c : layer temperatures at the start, top first, shape (n, nodes)
    inputs : what acts on them
    dt_s : step, above 0 to 86 400 s

    Returns
    -------
    layer temperatures at the end and `TankFluxes`

    Raises
    ------
    InvalidFieldError : a negative flow, a wrong shape, a step out of range
    """
    check_step(dt_s)
    n, k = params.count, params.nodes
    if temp_c.shape != (n, k):
        raise InvalidFieldError("temp_c", temp_c.shape, f"shape ({n}, {k}): tanks, layers")
    draw, charge = per_unit(inputs.draw_kg_s, n), per_unit(inputs.charge_flow_kg_s, n)
    check_flow("draw_kg_s", draw)
    check_flow("charge_flow_kg_s", charge)
    ambient, mains = per_unit(inputs.ambient_c, n), per_unit(inputs.mains_c, n)
    heat_w = np.array(np.broadcast_to(np.asarray(inputs.node_heat_w, dtype=np.float64), (n, k)))
    heat_w[:, params.charge_inlet_node] += per_unit(inputs.charge_heat_w, n)
    loss_w_per_k, draw_w_per_k = params.node_loss_w_per_k, draw * params.cp_j_per_kg_k
    capacity = params.node_capacity_j_per_k[:, None]
    gain_w = heat_w + loss_w_per_k * ambient[:, None]
    gain_w[:, -1] += draw_w_per_k * mains
    drive = gain_w / capacity

    substeps = ceil(dt_s / LONGEST_SUBSTEP_S)
    h = dt_s / substeps
    parts = [_operators(params, row, float(draw[row]), float(charge[row]), h) for row in range(n)]
    matrix, mean_start, mean_forced = (np.stack([part[i] for part in parts]) for i in range(3))
    forced = _apply(mean_forced, drive)
    temps, sum_of_means = np.array(temp_c, dtype=np.float64), np.zeros((n, k))
    for _ in range(substeps):
        mean = _apply(mean_start, temps) + forced
        sum_of_means += mean
        temps = mix(temps + h * (_apply(matrix, mean) + drive))
    mean = sum_of_means / substeps

    heat_j = heat_w.sum(axis=1) * dt_s
    drawn_j = draw_w_per_k * (mean[:, 0] - mains) * dt_s
    loss_j = (loss_w_per_k * (mean - ambient[:, None])).sum(axis=1) * dt_s
    return temps, TankFluxes(
        heat_j=heat_j,
        drawn_j=drawn_j,
        loss_j=loss_j,
        stored_j=((temps - temp_c) * capacity).sum(axis=1),
        drawn_kg=draw * dt_s,
        mean_outlet_temp_c=mean[:, 0].copy(),
        mean_charge_return_temp_c=mean[:, params.charge_out].copy(),
    )


def mix(temp_c: Floats) -> Floats:
    """Pool neighbouring layers until no layer is warmer than the one above; keeps every tank's heat.

    Pool adjacent violators (Barlow et al., Statistical Inference under Order Restrictions, 1972) on equal layers.

    Parameters
    ----------
    temp_c : layer temperatures, top first, shape (n, nodes)
    """
    unstable = np.flatnonzero((np.diff(temp_c, axis=1) > 0.0).any(axis=1))
    if unstable.size == 0:
        return temp_c
    mixed = temp_c.copy()
    for row in unstable:
        mixed[row] = _pool(temp_c[row])
    return mixed


def _pool(temps: Floats) -> Floats:
    sums: list[float] = []
    sizes: list[int] = []
    for temp in temps.tolist():
        total, size = temp, 1
        while sums and total * sizes[-1] > sums[-1] * size:
            total += sums.pop()
            size += sizes.pop()
        sums.append(total)
        sizes.append(size)
    return np.repeat(np.asarray(sums) / np.asarray(sizes), sizes)


def _apply(matrix: Floats, vector: Floats) -> Floats:
    return np.asarray((matrix @ vector[:, :, None])[:, :, 0])


@lru_cache(maxsize=4096)
def _operators(p: TankParameters, row: int, draw_kg_s: float, charge_kg_s: float, dt_s: float) -> tuple[Floats, ...]:
    """System matrix of one tank in one flow state, and its two mean operators."""
    k = p.nodes
    cp = float(np.asarray(p.cp_j_per_kg_k)[row])
    link, draw, charge = float(p.node_link_w_per_k[row]), draw_kg_s * cp, charge_kg_s * cp
    matrix = np.diag(-p.node_loss_w_per_k[row])
    for i in range(k - 1):
        matrix[i, i] -= link
        matrix[i, i + 1] += link
        matrix[i + 1, i + 1] -= link
        matrix[i + 1, i] += link
    # Draw and charge meet in the tank: what moves between two layers is their difference, upwards where above 0
    matrix[0, 0] -= draw
    inlet, outlet = p.charge_inlet_node, p.charge_out
    for i in range(k - 1):
        upwards = draw - (charge if inlet <= i < outlet else 0.0)
        upper, lower = i, i + 1
        source = lower if upwards > 0.0 else upper
        matrix[upper, source] += upwards
        matrix[lower, source] -= upwards
    matrix[outlet, outlet] -= charge
    matrix[inlet, outlet] += charge  # the water comes back with its heat; the heater's part stands in the drive
    matrix /= p.node_capacity_j_per_k[row]
    return (matrix, *mean_operators(matrix, dt_s))
