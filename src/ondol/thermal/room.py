"""Two-element room after VDI 6007-1: exact steps of any length for n rooms.

Surfaces (and air without mass) are eliminated from the heat balance, what stays is a passive network of two or three
masses, solved by its eigenvalues. Parameters: `ondol.thermal.room_parameters`; set points: `ondol.thermal.ideal_load`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ondol.thermal.arrays import Floats, FloatsLike, check_flow, check_step, per_unit
from ondol.thermal.linear import mean_operators_network
from ondol.thermal.room_parameters import RoomParameters

_AIR, _EXT, _INT, _EXT_SURFACE, _INT_SURFACE = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class RoomState:
    """Temperatures of n rooms in °C, each of shape (n,).

    Parameters
    ----------
    air_temp_c : air; where it has no mass this is a reading, not a memory: the next step does not depend on it
    exterior_temp_c : mass of the exterior element
    interior_temp_c : mass of the interior element
    """

    air_temp_c: Floats
    exterior_temp_c: Floats
    interior_temp_c: Floats

    @classmethod
    def uniform(cls, temp_c: FloatsLike, count: int = 1) -> RoomState:
        """All three at one temperature."""
        temps = np.array(per_unit(temp_c, count))
        return cls(temps, temps.copy(), temps.copy())


@dataclass(frozen=True, slots=True, eq=False)
class RoomInputs:
    """What acts on the rooms over a step; numbers for all rooms, or arrays (n,). Powers in W, below 0 cools.

    Parameters
    ----------
    outdoor_temp_c : outdoor air: windows, ventilation and, unless told otherwise, the wall
    convective_w : gain of the air
    radiant_w : gain of the surfaces, split by ``radiant_exterior_share``
    irradiance_w_per_m2 : sun on the glazing behind any blind, times ``solar_aperture_m2``
    exterior_surface_w, interior_surface_w : gain of one surface alone (floor heating, cooled ceiling)
    wall_outdoor_temp_c : equivalent temperature outside of the wall (sun, ground); outdoor air where None
    ventilation_w_per_k : air exchange in this step; that of the parameters where None
    """

    outdoor_temp_c: FloatsLike
    convective_w: FloatsLike = 0.0
    radiant_w: FloatsLike = 0.0
    irradiance_w_per_m2: FloatsLike = 0.0
    exterior_surface_w: FloatsLike = 0.0
    interior_surface_w: FloatsLike = 0.0
    wall_outdoor_temp_c: FloatsLike | None = None
    ventilation_w_per_k: FloatsLike | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RoomFluxes:
    """What flowed over a step, each of shape (n,): ``gain_j`` less the three losses is ``stored_j``.

    Parameters
    ----------
    gain_j : all gains, sun included
    wall_loss_j : from the exterior mass to outside
    window_loss_j, ventilation_loss_j : from the air to outdoors
    stored_j : gain of all masses
    mean_air_temp_c : mean air temperature
    mean_operative_temp_c : half air, half the surfaces by area (ISO 7726's form at low air speed)
    """

    gain_j: Floats
    wall_loss_j: Floats
    window_loss_j: Floats
    ventilation_loss_j: Floats
    stored_j: Floats
    mean_air_temp_c: Floats
    mean_operative_temp_c: Floats


class _Operators(NamedTuple):
    """What a step needs of parameters, ventilation and step length alone."""

    surface_solve: Floats  # (n, 2, 2): surface temperatures from their balance
    surface_link: Floats  # (n, 2, 3): conductances between surfaces and (air, ext, int)
    network: Floats  # (n, 3, 3): conductance of (air, ext, int), surfaces eliminated, air too where it has no mass
    air_row: Floats  # (n, 3): the air's own balance before it was eliminated
    massless: NDArray[np.bool_]  # (n,): rooms whose air has no mass
    capacity: Floats  # (n, 3)
    mean_start: Floats  # (n, 3, 3)
    mean_forced: Floats  # (n, 3, 3)


def _conductances(p: RoomParameters, ventilation: Floats) -> Floats:
    """Conductance matrix of (air, ext, int, ext surface, int surface), links to outdoors on the diagonal."""
    exterior, interior = np.asarray(p.exterior_area_m2), np.asarray(p.interior_area_m2)
    matrix = np.zeros((p.count, 5, 5))
    links = (
        (_AIR, _EXT_SURFACE, p.h_con_ext_w_per_m2_k * exterior),
        (_AIR, _INT_SURFACE, p.h_con_int_w_per_m2_k * interior),
        (_EXT_SURFACE, _INT_SURFACE, p.h_rad_w_per_m2_k * np.minimum(exterior, interior)),
        (_EXT, _EXT_SURFACE, 1.0 / np.asarray(p.r_ext_k_per_w)),
        (_INT, _INT_SURFACE, 1.0 / np.asarray(p.r_int_k_per_w)),
    )
    for i, j, link in links:
        matrix[:, i, i] += link
        matrix[:, j, j] += link
        matrix[:, i, j] -= link
        matrix[:, j, i] -= link
    matrix[:, _AIR, _AIR] += ventilation + p.window_w_per_k
    matrix[:, _EXT, _EXT] += p.outer_link_w_per_k
    return matrix


@lru_cache(maxsize=64)
def _operators(p: RoomParameters, ventilation_bytes: bytes, dt_s: float) -> _Operators:
    matrix = _conductances(p, np.frombuffer(ventilation_bytes))
    surface_solve: Floats = np.asarray(np.linalg.inv(matrix[:, 3:, 3:]), dtype=np.float64)
    surface_link = matrix[:, 3:, :3]
    network = matrix[:, :3, :3] - surface_link.transpose(0, 2, 1) @ surface_solve @ surface_link
    air_row = network[:, _AIR, :].copy()
    capacity: Floats = np.stack([np.asarray(c) for c in (p.air_capacity_j_per_k, p.c_ext_j_per_k, p.c_int_j_per_k)], 1)
    massless = capacity[:, _AIR] == 0.0
    without = network - air_row[:, :, None] * air_row[:, None, :] / air_row[:, _AIR][:, None, None]
    without[:, _AIR, :] = 0.0
    without[:, :, _AIR] = 0.0
    network = np.where(massless[:, None, None], without, network)
    capacity[massless, _AIR] = 1.0  # a dummy that nothing acts on
    mean_start, mean_forced = mean_operators_network(network, capacity, dt_s)
    return _Operators(surface_solve, surface_link, network, air_row, massless, capacity, mean_start, mean_forced)


def _apply(matrix: Floats, vector: Floats) -> Floats:
    return np.asarray((matrix @ vector[:, :, None])[:, :, 0])


def step_room(
    params: RoomParameters, state: RoomState, inputs: RoomInputs, dt_s: float
) -> tuple[RoomState, RoomFluxes]:
    """Let n rooms go one step with their inputs held; exact at any step length.

    Parameters
    ----------
    params : the rooms
    state : temperatures at the start
    inputs : what acts on them
    dt_s : step, above 0 to 86 400 s

    Returns
    -------
    temperatures at the end and `RoomFluxes`

    Raises
    ------
    InvalidFieldError : a step out of range, a negative ventilation, lengths that do not fit
    """
    check_step(dt_s)
    n = params.count
    outdoor = per_unit(inputs.outdoor_temp_c, n)
    wall = outdoor if inputs.wall_outdoor_temp_c is None else per_unit(inputs.wall_outdoor_temp_c, n)
    asked = params.ventilation_w_per_k if inputs.ventilation_w_per_k is None else inputs.ventilation_w_per_k
    ventilation = per_unit(asked, n)
    check_flow("ventilation_w_per_k", ventilation)
    op = _operators(params, np.ascontiguousarray(ventilation).tobytes(), float(dt_s))

    gains, surface_gains = _gains(params, inputs)
    forcing = np.zeros((n, 3))
    forcing[:, _AIR] = gains + (ventilation + params.window_w_per_k) * outdoor
    forcing[:, _EXT] = params.outer_link_w_per_k * wall
    forcing -= _apply(op.surface_link.transpose(0, 2, 1), _apply(op.surface_solve, surface_gains))
    air_forcing = forcing[:, _AIR].copy()
    share = op.air_row / op.air_row[:, _AIR, None]
    without_air = forcing - share * air_forcing[:, None]
    without_air[:, _AIR] = 0.0
    forcing = np.where(op.massless[:, None], without_air, forcing)

    start = np.stack([state.air_temp_c, state.exterior_temp_c, state.interior_temp_c], axis=1)
    mean = _apply(op.mean_start, start) + _apply(op.mean_forced, forcing)
    stored = (forcing - _apply(op.network, mean)) * dt_s
    after = start + stored / op.capacity
    for temps in (mean, after):
        still = (
            air_forcing - op.air_row[:, _EXT] * temps[:, _EXT] - op.air_row[:, _INT] * temps[:, _INT]
        ) / op.air_row[:, _AIR]
        temps[:, _AIR] = np.where(op.massless, still, temps[:, _AIR])

    surfaces = _apply(op.surface_solve, surface_gains - _apply(op.surface_link, mean))
    areas = np.stack([params.exterior_area_m2, params.interior_area_m2], axis=1)
    radiant_temp = (surfaces * areas).sum(axis=1) / areas.sum(axis=1)
    fluxes = RoomFluxes(
        gain_j=(gains + surface_gains.sum(axis=1)) * dt_s,
        wall_loss_j=params.outer_link_w_per_k * (mean[:, _EXT] - wall) * dt_s,
        window_loss_j=params.window_w_per_k * (mean[:, _AIR] - outdoor) * dt_s,
        ventilation_loss_j=ventilation * (mean[:, _AIR] - outdoor) * dt_s,
        stored_j=stored.sum(axis=1),
        mean_air_temp_c=mean[:, _AIR].copy(),
        mean_operative_temp_c=0.5 * (mean[:, _AIR] + radiant_temp),
    )
    return RoomState(after[:, _AIR].copy(), after[:, _EXT].copy(), after[:, _INT].copy()), fluxes


def _gains(p: RoomParameters, inputs: RoomInputs) -> tuple[Floats, Floats]:
    """Gains of the air (n,) and of the two surfaces (n, 2), in W."""
    n = p.count
    sun = per_unit(inputs.irradiance_w_per_m2, n) * p.solar_aperture_m2
    sun_on_surfaces = sun * (1.0 - np.asarray(p.solar_convective_share))
    radiant, on_wall = per_unit(inputs.radiant_w, n), np.asarray(p.radiant_exterior_share, dtype=np.float64)
    on_exterior = radiant * on_wall + sun_on_surfaces * p.solar_exterior_share + per_unit(inputs.exterior_surface_w, n)
    on_interior = (
        radiant * (1.0 - on_wall)
        + sun_on_surfaces * (1.0 - np.asarray(p.solar_exterior_share))
        + per_unit(inputs.interior_surface_w, n)
    )
    return per_unit(inputs.convective_w, n) + sun * p.solar_convective_share, np.stack(
        [on_exterior, on_interior], axis=1
    )
