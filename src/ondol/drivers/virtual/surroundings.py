"""What acts on the virtual plant from outside: weather, mains water and hot-water draws."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from ondol.model.ids import SinkId


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdoorState:
    """The weather at one time and place.

    Parameters
    ----------
    temp_c : outdoor air [°C]
    solar_w_m2 : sun on a mean façade, ≥ 0 [W/m²]
    """

    temp_c: float
    solar_w_m2: float = 0.0


class Surroundings(Protocol):
    """Source of all that the plant does not simulate."""

    def outdoor(self, at: dt.datetime) -> OutdoorState:
        """Weather at an aware time."""
        ...

    def mains_temp_c(self, at: dt.datetime) -> float:
        """Temperature of the cold water [°C]."""
        ...

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:
        """Hot water that is drawn from a tank between two times, ≥ 0 [L]."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadySurroundings:
    """Surroundings that never change; for tests and sizing.

    Parameters
    ----------
    outdoor_temp_c, solar_w_m2 : as in `OutdoorState`
    cold_water_c : mains [°C]
    draw_l_per_h : from every tank, all the time [L/h]
    """

    outdoor_temp_c: float = 5.0
    solar_w_m2: float = 0.0
    cold_water_c: float = 10.0
    draw_l_per_h: float = 0.0

    def outdoor(self, at: dt.datetime) -> OutdoorState:  # noqa: ARG002 - the same at all times
        return OutdoorState(temp_c=self.outdoor_temp_c, solar_w_m2=self.solar_w_m2)

    def mains_temp_c(self, at: dt.datetime) -> float:  # noqa: ARG002
        return self.cold_water_c

    def draw_l(self, sink_id: SinkId, start: dt.datetime, end: dt.datetime) -> float:  # noqa: ARG002
        return self.draw_l_per_h * (end - start).total_seconds() / 3600.0
