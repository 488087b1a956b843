"""What the agent believes of a room: air, walls and heater shell, stepped exactly.

``Ci dTi/dt = UAh (Th − Ti) + UAm (Tm − Ti) + UA (To − Ti) + gains``, ``Cm dTm/dt = UAm (Ti − Tm) + UAo (To − Tm)``,
``Ch dTh/dt = P − UAh (Th − Ti)``: TiTeTh of Bacher & Madsen, Energy and Buildings 43, 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ondol.model.sink import Zone
from ondol.model.site import Unit
from ondol.thermal.arrays import Floats
from ondol.thermal.linear import mean_operators

_HOUR_S = 3600.0


class ZoneModel:
    """The agent's model of one room; state is the array (air, walls, shell) [°C].

    Parameters
    ----------
    zone : the room
    units : heaters in it, taken together as one shell; at least one
    """

    def __init__(self, zone: Zone, units: Sequence[Unit]) -> None:
        self.zone = zone
        self.shell_ua_w_per_k = sum(unit.shell_ua_w_per_k for unit in units)
        self.shell_j_per_k = sum(unit.heat_capacity_j_per_k for unit in units)
        self._capacity = np.array([zone.air_j_per_k, zone.mass_j_per_k, self.shell_j_per_k])
        air_ua = zone.ua_w_per_k + zone.mass_ua_w_per_k + self.shell_ua_w_per_k
        mass_ua = zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k
        conductance = np.array(
            [
                [-air_ua, zone.mass_ua_w_per_k, self.shell_ua_w_per_k],
                [zone.mass_ua_w_per_k, -mass_ua, 0.0],
                [self.shell_ua_w_per_k, 0.0, -self.shell_ua_w_per_k],
            ]
        )
        self._rate = conductance / self._capacity[:, None]
        self._operators = lru_cache(maxsize=8)(self._discretise)

    @property
    def ua_w_per_k(self) -> float:
        """Steady loss of the room to outside, walls in series with their inner side [W/K]."""
        zone = self.zone
        walls = zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k
        return zone.ua_w_per_k + zone.mass_ua_w_per_k * zone.mass_outside_ua_w_per_k / walls

    @property
    def capacity_1h_j_per_k(self) -> float:
        """Heat that lifts the air by 1 K when an hour is given: the air and what the walls take meanwhile [J/K]."""
        zone = self.zone
        return zone.air_j_per_k - zone.mass_j_per_k * float(
            np.expm1(-zone.mass_ua_w_per_k * _HOUR_S / zone.mass_j_per_k)
        )

    @property
    def walls_follow(self) -> float:
        """Kelvins by which the walls at rest follow a kelvin of the air, 0 to 1."""
        zone = self.zone
        return zone.mass_ua_w_per_k / (zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k)

    @property
    def walls_time_s(self) -> float:
        """Time constant of the walls with the air held [s]."""
        zone = self.zone
        return zone.mass_j_per_k / (zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k)

    @property
    def store_j_per_k(self) -> float:
        """Heat that lifts the air by 1 K for good: the air and as much of the walls as follows [J/K]."""
        return self.zone.air_j_per_k + self.zone.mass_j_per_k * self.walls_follow

    def steady_walls_c(self, air_c: float, outdoor_c: float) -> float:
        """Wall temperature that neither rises nor falls [°C]."""
        zone = self.zone
        inner, outer = zone.mass_ua_w_per_k, zone.mass_outside_ua_w_per_k
        return (inner * air_c + outer * outdoor_c) / (inner + outer)

    def follow_walls_c(self, walls_c: float, air_c: float, outdoor_c: float, dt_s: float) -> float:
        """Wall temperature after a step with the air held at its measured temperature [°C]."""
        zone = self.zone
        rate = (zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k) / zone.mass_j_per_k
        steady = self.steady_walls_c(air_c, outdoor_c)
        return steady + (walls_c - steady) * float(np.exp(-rate * dt_s))

    def advance(self, state: Floats, power_w: float, outdoor_c: float, dt_s: float) -> Floats:
        """Let the room go one step with a constant electric power [W] and outdoor temperature [°C]."""
        zone = self.zone
        transition, forced = self._operators(dt_s)
        drive = np.array(
            [
                (zone.ua_w_per_k * outdoor_c + zone.gains_w) / zone.air_j_per_k,
                zone.mass_outside_ua_w_per_k * outdoor_c / zone.mass_j_per_k,
                power_w / self.shell_j_per_k,
            ]
        )
        return np.asarray(transition @ state + forced @ drive)

    def _discretise(self, dt_s: float) -> tuple[Floats, Floats]:
        mean_start, mean_drive = mean_operators(self._rate, dt_s)
        one = np.eye(3)
        return one + dt_s * self._rate @ mean_start, dt_s * (self._rate @ mean_drive + one)
