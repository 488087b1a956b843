"""Comfort bands of rooms over time: day and setback, with a ramp that every backup can follow.

By night the lower limit falls and the upper one stays: nobody minds warmth that is left of the day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.scenario.nouns import SiteSpec
from ondol.twin.scenario.series import Series, local_hours
from ondol.twin.scenario.sinks import RoomSpec

RAMP_K_PER_H = 1.0
"""The morning's rise is spread over the hours before it: half of ASHRAE 55's limit on drifts (heat.md §2.1)."""


def room_limits(
    specs: tuple[RoomSpec, ...], sites: Sequence[SiteSpec | None], series: Series
) -> tuple[Ints, Floats, Floats]:
    """Give the profile of each room, and lower and upper limits of each profile at the end of each step [°C]."""
    known: dict[tuple[float, float, float, float, float, str], int] = {}
    lowers: list[Floats] = []
    uppers: list[Floats] = []
    profile: list[int] = []
    for spec, site in zip(specs, sites, strict=True):
        zone = "UTC" if site is None else site.timezone
        key = (spec.setpoint_c, spec.setback_c, spec.day_from_h, spec.day_to_h, spec.band_k, zone)
        if key not in known:
            known[key] = len(lowers)
            hours = series.hours if site is None else local_hours(series, site)
            day = _between(hours, spec.day_from_h, spec.day_to_h)
            middle = _ramped(np.where(day, spec.setpoint_c, spec.setback_c), series.step_s)
            lowers.append(middle - spec.band_k)
            uppers.append(np.full(series.length, max(spec.setpoint_c, spec.setback_c) + spec.band_k))
        profile.append(known[key])
    empty = np.zeros((0, series.length))
    return (
        np.array(profile, dtype=np.int64),
        np.stack(lowers) if lowers else empty,
        np.stack(uppers) if uppers else empty,
    )


def _between(hours: Floats, start_h: float, end_h: float) -> Floats:
    if start_h <= end_h:
        return np.asarray((hours >= start_h) & (hours < end_h))
    return np.asarray((hours >= start_h) | (hours < end_h))


def _ramped(middle: Floats, step_s: float) -> Floats:
    """Begin to rise early enough that no step rises by more than the ramp."""
    most = RAMP_K_PER_H * step_s / 3600.0
    ramped = middle.astype(np.float64).copy()
    for step in range(len(ramped) - 2, -1, -1):
        ramped[step] = max(ramped[step], ramped[step + 1] - most)
    return ramped
