"""Promised kilowatt-hours: what was asked for and what came, and from when on the backup has to make up for compute."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from ondol.model.heat_request import HeatRequest

J_PER_KWH = 3.6e6
_SPARE = 1.1  # heat on its way in pipes and shells, and a rated power that is not quite reached
_SPARE_S = 300.0
_RELEASE_S = 1_200.0  # a backup that began rests only once its latest start has moved so far away
_RELEASE_SHARE = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMemory:
    """What is kept of a local day; all of it is JSON.

    Parameters
    ----------
    date : the day, "" for none
    asked_j, given_j, backup_j : asked for, given by compute, and by the backup as ordered (time × rated power) [J]
    meter_j : heat meters at the last step, None where one was silent [J]
    """

    date: str = ""
    asked_j: float = 0.0
    given_j: float = 0.0
    backup_j: float = 0.0
    meter_j: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Heat that is still to come by a time.

    Parameters
    ----------
    lack_j : of it [J]
    left_s : until then [s]
    compute_w : what compute gives, mean of the last minutes [W]
    upper_c : no backup above it, inf for no such bound [°C]
    words : what was promised, for a person to read
    """

    lack_j: float
    left_s: float
    compute_w: float
    upper_c: float
    words: str


def step_day(
    memory: DayMemory,
    *,
    now: dt.datetime,
    timezone: str,
    dt_s: float,
    demand_w: float,
    meter_j: float | None,
    measured_w: float,
    backup_w: float,
) -> DayMemory:
    """Count a step to the local day in which it ends, as far as it lies in it.

    Parameters
    ----------
    timezone : IANA name of the site's zone
    demand_w : heat that was asked for [W]
    meter_j : heat meters of the sink's units together, None where one is silent [J]
    measured_w : heat by electric power, for the steps that no meter covers [W]
    backup_w : rated power of the other heater while it was ordered to run, else 0 [W]
    """
    zone = ZoneInfo(timezone)
    day, inside_s = now.astimezone(zone).date(), dt_s
    if memory.date != day.isoformat():
        memory = DayMemory(date=day.isoformat(), meter_j=memory.meter_j)
        inside_s = min(dt_s, (now - dt.datetime(day.year, day.month, day.day, tzinfo=zone)).total_seconds())
    gained = gained_j(memory.meter_j, meter_j, measured_w, dt_s)
    return replace(
        memory,
        asked_j=memory.asked_j + max(demand_w, 0.0) * inside_s,
        given_j=memory.given_j + gained * (inside_s / dt_s if dt_s > 0.0 else 1.0),
        backup_j=memory.backup_j + backup_w * inside_s,
        meter_j=meter_j,
    )


def gained_j(before_j: float | None, meter_j: float | None, measured_w: float, dt_s: float) -> float:
    """Heat of a step by its meters, else by electric power, never below 0 [J]."""
    if meter_j is not None and before_j is not None:
        return max(meter_j - before_j, 0.0)
    return max(measured_w, 0.0) * dt_s


def owed_by_day(
    request: HeatRequest, memory: DayMemory, *, now: dt.datetime, timezone: str, compute_w: float, upper_c: float
) -> Owed:
    """Heat that a guarantee by day still owes, as far as it was asked for, until the day's end in local time."""
    zone = ZoneInfo(timezone)
    following = now.astimezone(zone).date() + dt.timedelta(days=1)
    end = dt.datetime(following.year, following.month, following.day, tzinfo=zone)
    wanted_j = min(request.guaranteed_kwh_per_day * J_PER_KWH, memory.asked_j)
    return Owed(
        lack_j=max(wanted_j - memory.given_j - memory.backup_j, 0.0),
        left_s=(end - now).total_seconds(),
        compute_w=compute_w,
        upper_c=upper_c,
        words=f"guaranteed {request.guaranteed_kwh_per_day:g} kWh a day",
    )


def needs_backup(owed: Owed, temp_c: float, backup_w: float, *, runs: bool) -> tuple[bool, str]:
    """Say whether the backup has to run now, and why.

    It begins at its latest start, ``1.1 · lack / P + 5 min`` before the end, where compute at its present pace would
    not give what lacks. It rests where that moment has moved away by 20 min, or compute gives a fifth more than that.

    Parameters
    ----------
    temp_c : of the sink, nan where it is lost: then nothing is heated blindly [°C]
    backup_w : its rated power [W]
    runs : whether it runs now
    """
    said = f"{owed.words}, {owed.lack_j / J_PER_KWH:.2f} kWh lacking"
    if owed.lack_j <= 0.0:
        return False, f"{owed.words}: has come, as far as asked for"
    if not temp_c < owed.upper_c:
        return False, f"{said}: warm enough" if temp_c >= owed.upper_c else f"{said}: sensor lost, cannot be seen"
    if owed.compute_w * owed.left_s >= owed.lack_j * (_RELEASE_SHARE if runs else 1.0):
        return False, f"{said}: compute gives it in time"
    need_s = _SPARE * owed.lack_j / backup_w + _SPARE_S
    if owed.left_s > need_s + (_RELEASE_S if runs else 0.0):
        return False, f"{said}: its latest start is in {(owed.left_s - need_s) / 60.0:.0f} min"
    return True, f"{said}: compute cannot give it within {owed.left_s / 60.0:.0f} min"
