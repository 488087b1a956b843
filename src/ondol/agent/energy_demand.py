"""Heat for an energy request: so many kilowatt-hours by a time, spread evenly over what is left of it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ondol.agent.demand import HORIZON_STEPS, STEP_S, SinkDemand
from ondol.agent.owed_heat import J_PER_KWH, Owed, gained_j
from ondol.model.heat_request import HeatRequest

_MOST_SET_ASIDE = 8
_EARLY = 0.9  # work comes and goes: an even pace would be late by whatever lacked last


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Where a request stood when another one began to count; fields as those of `EnergyMemory`."""

    given_j: float
    meter_j: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyMemory:
    """What is kept of an energy request; all of it is JSON.

    Parameters
    ----------
    request_id : which one is counted, "" for none
    given_j : heat given to it so far, that of the backup as ordered (time × rated power) [J]
    meter_j : heat meters at the last step, None where one was silent [J]
    aside : requests that another one took the place of for a while, by id, the latest last
    """

    request_id: str = ""
    given_j: float = 0.0
    meter_j: float | None = None
    aside: Mapping[str, SetAside] = field(default_factory=dict)


def step_energy(
    request: HeatRequest,
    memory: EnergyMemory,
    *,
    now: dt.datetime,
    dt_s: float,
    meter_j: float | None,
    measured_w: float,
    backup_w: float = 0.0,
    heat_max_w: float,
    room_j: float,
    upper_c: float,
) -> tuple[SinkDemand, EnergyMemory]:
    """Say how much heat it wants: what is left over the time that is left; a firm request's over 9/10 of it.

    Heat given early, for a planner's floors, counts, and so does what its meters counted while another request did.

    Parameters
    ----------
    meter_j : heat meters of the sink's units together, None where one is silent [J]
    measured_w : heat by electric power, for the steps that no meter covers [W]
    backup_w : rated power of the other heater while it was ordered to run, else 0 [W]
    heat_max_w : most heat that the units can hand over [W]
    room_j, upper_c : what the sink can still take, and its hard limit
    """
    if memory.request_id != request.id:
        memory = _taken_up(memory, request.id, meter_j)
        dt_s = 0.0
    given_j = memory.given_j + gained_j(memory.meter_j, meter_j, measured_w, dt_s) + backup_w * dt_s
    left_j = max(request.energy_kwh * J_PER_KWH - given_j, 0.0)
    left_s = 0.0 if request.by is None else (request.by - now).total_seconds()
    pace_s = _EARLY * left_s if request.firm else left_s
    even_w = left_j / max(pace_s, 60.0) if left_s > 0 else 0.0
    heat_w = min(even_w, heat_max_w)
    demand = SinkDemand(
        heat_w=heat_w,
        demand_w=even_w,
        ahead_w=tuple(heat_w * min(max(left_s / STEP_S - k, 0.0), 1.0) for k in range(HORIZON_STEPS)),
        room_j=min(room_j, left_j),
        setpoint_c=math.nan,
        lower_c=math.nan,
        upper_c=upper_c,
        reason=f"asks for {left_j / J_PER_KWH:.2f} kWh more" if even_w > 0 else "has the energy that was asked for",
    )
    return demand, replace(memory, given_j=given_j, meter_j=meter_j)


def _taken_up(memory: EnergyMemory, request_id: str, meter_j: float | None) -> EnergyMemory:
    """Begin to count a request, or go on with one that was set aside."""
    aside = dict(memory.aside)
    if memory.request_id:
        aside[memory.request_id] = SetAside(given_j=memory.given_j, meter_j=memory.meter_j)
    stood = aside.pop(request_id, SetAside(given_j=0.0, meter_j=meter_j))
    kept = dict(list(aside.items())[-_MOST_SET_ASIDE:])
    return EnergyMemory(request_id=request_id, given_j=stood.given_j, meter_j=stood.meter_j, aside=kept)


def owed_energy(request: HeatRequest, memory: EnergyMemory, now: dt.datetime, compute_w: float) -> Owed | None:
    """Heat that a firm energy request still lacks; None where it is not firm, not this one's, or its time is over.

    Parameters
    ----------
    compute_w : what compute gives, mean of the last minutes [W]
    """
    if not request.firm or request.by is None or now >= request.by or memory.request_id != request.id:
        return None
    return Owed(
        lack_j=max(request.energy_kwh * J_PER_KWH - memory.given_j, 0.0),
        left_s=(request.by - now).total_seconds(),
        compute_w=compute_w,
        upper_c=math.inf,
        words=f"firm: {request.energy_kwh:g} kWh",
    )
