"""Power that an ideal heater or cooler needs to hold a room at its set point (VDI 6007-1 cases 6, 7 and 11)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, FloatsLike, per_unit
from ondol.thermal.room import RoomInputs, RoomState, step_room
from ondol.thermal.room_parameters import RoomParameters

_PROBE_W = 1000.0


@dataclass(frozen=True, slots=True)
class Emission:
    """Where an emitter's heat goes; what is left of 1 goes to the interior surface (floor, ceiling).

    Parameters
    ----------
    convective_share : to the air, 0 to 1
    radiant_share : to all surfaces, 0 to 1; a finned convector gives 0.3 to 0.5

    Raises
    ------
    InvalidFieldError : a share outside [0, 1], or the two above 1 together
    """

    convective_share: float = 1.0
    radiant_share: float = 0.0

    def __post_init__(self) -> None:
        check_range("Emission.convective_share", self.convective_share, 0.0, 1.0)
        check_range("Emission.radiant_share", self.radiant_share, 0.0, 1.0)
        if self.convective_share + self.radiant_share > 1.0 + 1e-12:
            raise InvalidFieldError("Emission.radiant_share", self.radiant_share, "at most 1 − convective_share")


def with_emitter(
    params: RoomParameters,
    inputs: RoomInputs,
    power_w: FloatsLike,
    emission: Emission,
    *,
    cooling_emission: Emission | None = None,
) -> RoomInputs:
    """Add an emitter's power to the inputs of the rooms.

    Parameters
    ----------
    params, inputs : as for `step_room`
    power_w : below 0 cools
    emission : where the heat goes
    cooling_emission : where cooling acts, as ``Emission(0.0, 0.0)`` for a cooled ceiling; as ``emission`` where None
    """
    n = params.count
    power = per_unit(power_w, n)
    cooling = emission if cooling_emission is None else cooling_emission
    convective = np.where(power < 0.0, cooling.convective_share, emission.convective_share) * power
    radiant = np.where(power < 0.0, cooling.radiant_share, emission.radiant_share) * power
    return replace(
        inputs,
        convective_w=per_unit(inputs.convective_w, n) + convective,
        radiant_w=per_unit(inputs.radiant_w, n) + radiant,
        interior_surface_w=per_unit(inputs.interior_surface_w, n) + (power - convective - radiant),
    )


def ideal_power_w(
    params: RoomParameters,
    state: RoomState,
    inputs: RoomInputs,
    set_temp_c: FloatsLike,
    dt_s: float,
    *,
    heating_max_w: FloatsLike = np.inf,
    cooling_max_w: FloatsLike = 0.0,
    emission: Emission | None = None,
    cooling_emission: Emission | None = None,
) -> Floats:
    """Constant power over the step that brings each room to its set point, within the limits.

    With air that has mass the air is at the set point at the end of the step; without mass its mean over the step is.
    The room is linear, so a probing step with the emitter and one without give the answer exactly.

    Parameters
    ----------
    params, state, inputs, dt_s : as for `step_room`; ``inputs`` without the heater
    set_temp_c : wanted air temperature
    heating_max_w : greatest heating power, 0 or more, may be infinite
    cooling_max_w : greatest cooling power as a number of 0 or more; 0 heats only
    emission : where the heat goes; all to the air where None
    cooling_emission : where cooling acts, if elsewhere than the heat; give it to `with_emitter` too

    Returns
    -------
    power in W, shape (n,), below 0 cools

    Raises
    ------
    InvalidFieldError : a limit below 0
    """
    n = params.count
    heating, cooling = per_unit(heating_max_w, n), per_unit(cooling_max_w, n)
    for field, limit in (("heating_max_w", heating), ("cooling_max_w", cooling)):
        if not np.all(limit >= 0.0):
            raise InvalidFieldError(field, limit, "0 W or more")
    without = _air_reached(params, state, inputs, dt_s)
    missing = per_unit(set_temp_c, n) - without

    def wanted_w(way: Emission) -> Floats:
        probed = _air_reached(params, state, with_emitter(params, inputs, _PROBE_W, way), dt_s)
        return np.asarray(missing * _PROBE_W / (probed - without))

    wanted = wanted_w(emission or Emission())
    if cooling_emission is not None:
        wanted = np.where(missing < 0.0, wanted_w(cooling_emission), wanted)
    return np.clip(wanted, -cooling, heating)


def _air_reached(params: RoomParameters, state: RoomState, inputs: RoomInputs, dt_s: float) -> Floats:
    after, fluxes = step_room(params, state, inputs, dt_s)
    return np.where(np.asarray(params.air_capacity_j_per_k) > 0.0, after.air_temp_c, fluxes.mean_air_temp_c)
