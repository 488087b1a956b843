"""What every kind of sink is asked and answers: how much heat it wants now and soon."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass

HORIZON_STEPS = 8
STEP_S = 900.0
MEMORY_REFRESH_S = 300.0  # look-ahead is recomputed this often: cheaper, and its inputs hardly move faster


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a sink's demand is computed from in one step.

    Parameters
    ----------
    dt_s : since the last step, ≥ 0 [s]
    temp_c : of the host's sensor, finite [°C]
    layers_c : of a tank, top to bottom, else empty [°C]
    loop_c : mean of the heater shells or loops, None where unknown [°C]
    heat_meter_j : sum of the units' heat meters, None where one is silent [J]
    heat_max_w : most heat that the units can hand over [W]
    outdoor_c : now, as well as it is known [°C]
    outdoor_at : expected outdoor temperature [°C] at a time
    delivered_share : measured over wanted power of the last minutes, None where nothing was wanted
    """

    now: dt.datetime
    dt_s: float
    temp_c: float
    layers_c: tuple[float, ...] = ()
    loop_c: float | None = None
    heat_meter_j: float | None = None
    heat_max_w: float
    outdoor_c: float
    outdoor_at: Callable[[dt.datetime], float]
    delivered_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkDemand:
    """How much heat a sink wants.

    Parameters
    ----------
    heat_w : now, within what the units can hand over [W]
    demand_w : now, unbounded above [W]
    ahead_w : expected mean over the next steps of `STEP_S` [W]
    room_j : heat it can still take before `upper_c`, ≥ 0 [J]
    setpoint_c : what control aims at now, preheat included; nan where nothing is asked [°C]
    lower_c, upper_c : band around it; nan where nothing is asked [°C]
    """

    heat_w: float
    demand_w: float
    ahead_w: tuple[float, ...]
    room_j: float
    setpoint_c: float
    lower_c: float
    upper_c: float
    reason: str


def smooth(previous: float | None, value: float, dt_s: float, time_constant_s: float) -> float:
    """First-order low-pass of a reading; the first value is taken as it is."""
    if previous is None:
        return value
    return previous + (value - previous) * -math.expm1(-dt_s / time_constant_s)


def no_demand(room_j: float = 0.0, upper_c: float = math.nan, reason: str = "nobody asks for heat") -> SinkDemand:
    """Give the answer of a sink that has no request."""
    return SinkDemand(
        heat_w=0.0,
        demand_w=0.0,
        ahead_w=(0.0,) * HORIZON_STEPS,
        room_j=room_j,
        setpoint_c=math.nan,
        lower_c=math.nan,
        upper_c=upper_c,
        reason=reason,
    )
