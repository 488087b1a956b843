"""Thermal discomfort in kelvin hours, by the definition of BOPTEST's `tdis_tot`."""

from __future__ import annotations

import datetime as dt
import math

from ondol.model.schedule import WeeklySchedule


def discomfort_kh(temp_c: float, lower_c: float, upper_c: float, dt_s: float) -> float:
    """Deviation outside [lower_c, upper_c] times the step [K·h]; 0 where nothing is measured or asked.

    `tdis_tot` of BOPTEST (Blum et al., J. Building Performance Simulation 14, 2021; ibpsa/project1-boptest,
    core_kpi.rst), here for one sink and one step.

    Parameters
    ----------
    temp_c, lower_c, upper_c : nan means unknown or not asked [°C]
    dt_s : step, ≥ 0 [s]
    """
    if math.isnan(temp_c):
        return 0.0
    below = 0.0 if math.isnan(lower_c) else max(lower_c - temp_c, 0.0)
    above = 0.0 if math.isnan(upper_c) else max(temp_c - upper_c, 0.0)
    return (below + above) * dt_s / 3600.0


def comfort_band_c(schedule: WeeklySchedule, now: dt.datetime, band_k: float) -> tuple[float, float]:
    """Lower and upper end of what counts as comfortable now [°C].

    The lower end follows the schedule. The upper end stands on the highest set-point of the week: a set-back is an
    economy, not a wish for cold, so a room that is still (or, preheated, already) at day temperature is no discomfort.
    """
    return schedule.at(now) - band_k, max(slot.value for slot in schedule.slots) + band_k
