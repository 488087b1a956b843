"""Optimal start: raise a room's target early enough that it is warm when its people come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from ondol.agent.zone_model import ZoneModel
from ondol.model.schedule import WeeklySchedule
from ondol.thermal.arrays import Floats

OutdoorAt = Callable[[dt.datetime], float]
"""Outdoor temperature [°C] expected at an aware time."""

_SCAN_S = 300.0
_MODEL_STEP_S = 120.0
_POWER_SHARE = 0.85  # of the installed power: some node is always between two jobs
_REACHED_K = 0.1
_APPROACH = 1.15  # near the target the controller eases off, which the warm-up at full power does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """The next higher set-point.

    Parameters
    ----------
    at : when the schedule asks for it
    setpoint_c : what it asks for [°C]
    lead_s : how long before that heating must begin [s]
    """

    at: dt.datetime
    setpoint_c: float
    lead_s: float

    def begun(self, now: dt.datetime) -> bool:
        """Whether it is time."""
        return now >= self.at - dt.timedelta(seconds=self.lead_s)


def next_rise(schedule: WeeklySchedule, now: dt.datetime, horizon_s: float) -> tuple[dt.datetime, float] | None:
    """First time within the horizon at which the schedule asks for more than now, to 5 min, and how much [°C]."""
    present = schedule.at(now)
    for k in range(1, int(horizon_s // _SCAN_S) + 1):
        at = now + dt.timedelta(seconds=k * _SCAN_S)
        value = schedule.at(at)
        if value > present:
            while schedule.at(at - dt.timedelta(seconds=60)) == value:
                at -= dt.timedelta(seconds=60)
            return at.replace(second=0, microsecond=0), value
    return None


def warm_up_s(
    model: ZoneModel, state: Floats, *, setpoint_c: float, power_w: float, outdoor_c: float, longest_s: float
) -> float:
    """Time that most of the installed power needs to bring the room to a set-point, at most `longest_s` [s]."""
    elapsed_s = 0.0
    while elapsed_s < longest_s and float(state[0]) < setpoint_c - _REACHED_K:
        state = model.advance(state, power_w * _POWER_SHARE, outdoor_c, _MODEL_STEP_S)
        elapsed_s += _MODEL_STEP_S
    return elapsed_s


def plan_preheat(
    model: ZoneModel,
    state: Floats,
    *,
    schedule: WeeklySchedule,
    now: dt.datetime,
    power_w: float,
    outdoor_at: OutdoorAt,
    horizon_s: float = 10_800.0,
) -> Rise | None:
    """Give the next rise of the set-point with the lead that the room needs; None where none is near.

    Parameters
    ----------
    state : air, walls and shell now [°C]
    power_w : installed electric power of its heaters [W]
    horizon_s : longest lead [s]
    """
    found = next_rise(schedule, now, horizon_s)
    if found is None:
        return None
    at, setpoint_c = found
    midway = now + (at - now) / 2
    lead_s = warm_up_s(
        model, state, setpoint_c=setpoint_c, power_w=power_w, outdoor_c=outdoor_at(midway), longest_s=horizon_s
    )
    return Rise(at=at, setpoint_c=setpoint_c, lead_s=min(lead_s * _APPROACH, horizon_s))
