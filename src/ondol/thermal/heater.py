"""Digital heater: electric power warms a metal shell, the shell warms the room.

``Ch dTh/dt = P − UAh (Th − Ti)`` (the heater state of TiTeTh in Bacher & Madsen, Energy and Buildings 43, 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ondol.thermal.arrays import Floats, FloatsLike, check_step, freeze_arrays, per_unit
from ondol.thermal.linear import mean_first_order


@dataclass(frozen=True, slots=True, eq=False)
class HeaterParameters:
    """Shells of n heaters.

    Parameters
    ----------
    capacity_j_per_k : heat capacity of boards, sink and case; 100 to 1e7 (about 22 500 for 25–30 kg of aluminium)
    ua_w_per_k : shell to room, convection and radiation together; 0.1 to 1e4 (12 to 20 at 650 W)

    Raises
    ------
    InvalidFieldError : a value out of its range, or lengths that do not fit
    """

    capacity_j_per_k: FloatsLike = 22_500.0
    ua_w_per_k: FloatsLike = 15.0

    RANGES: ClassVar[dict[str, tuple[float, float, str]]] = {
        "capacity_j_per_k": (100.0, 1e7, "J/K"),
        "ua_w_per_k": (0.1, 1e4, "W/K"),
    }

    def __post_init__(self) -> None:
        freeze_arrays(self, self.RANGES)


@dataclass(frozen=True, slots=True, eq=False)
class HeaterFluxes:
    """What flowed over a step, each of shape (n,): ``electric_j − heat_to_room_j = stored_j``.

    Parameters
    ----------
    electric_j : electric energy that the boards took
    heat_to_room_j : heat that left the shell
    stored_j : gain of the shell
    mean_heat_w : ``heat_to_room_j`` over the step, the gain to hand to the room
    mean_temp_c : mean shell temperature
    """

    electric_j: Floats
    heat_to_room_j: Floats
    stored_j: Floats
    mean_heat_w: Floats
    mean_temp_c: Floats


def step_heater(
    params: HeaterParameters, temp_c: Floats, power_w: FloatsLike, room_temp_c: FloatsLike, dt_s: float
) -> tuple[Floats, HeaterFluxes]:
    """Let n shells go one step with power and room temperature held; exact.

    Parameters
    ----------
    params : the shells
    temp_c : shell temperatures at the start, shape (n,)
    power_w : electric power, W
    room_temp_c : room air temperature, °C
    dt_s : step, above 0 to 86 400 s

    Returns
    -------
    shell temperatures at the end and `HeaterFluxes`
    """
    check_step(dt_s)
    capacity, ua = per_unit(params.capacity_j_per_k, temp_c.size), per_unit(params.ua_w_per_k, temp_c.size)
    power, room = per_unit(power_w, temp_c.size), per_unit(room_temp_c, temp_c.size)
    mean_above = mean_first_order(temp_c - room, power / capacity, ua / capacity, dt_s)
    electric_j = power * dt_s
    heat_j = ua * mean_above * dt_s
    stored_j = electric_j - heat_j
    after = temp_c + stored_j / capacity
    return after, HeaterFluxes(electric_j, heat_j, stored_j, heat_j / dt_s, room + mean_above)
