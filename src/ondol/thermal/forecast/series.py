"""Hourly series that forecasts are made of and made from: history with gaps, the weather ahead, the forecast itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats

Ints: TypeAlias = NDArray[np.int64]

HOURS_OF_WEEK = 168
LONGEST_AHEAD_H = 48

_SPANS: dict[str, tuple[float, float, str]] = {
    "demand_w": (0.0, 1e9, "W"),
    "outdoor_c": (-70.0, 60.0, "°C"),
    "sun_w_per_m2": (0.0, 1500.0, "W/m²"),
    "draw_l": (0.0, 1e6, "L"),
}


def frozen_hours(owner: str, field: str, value: object, *, gaps: bool) -> Floats:
    """Read an hourly series as a read-only copy and refuse what cannot be.

    Parameters
    ----------
    owner, field : where the value stands
    value : numbers; nan for an unknown hour where `gaps` are allowed

    Raises
    ------
    InvalidFieldError : not one axis of numbers, empty, out of range, or unknown where all has to be known
    """
    low, high, unit = _SPANS[field]
    allowed = f"hourly numbers from {low:g} to {high:g} {unit}" + (", nan where unknown" if gaps else ", none unknown")
    try:
        hours = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidFieldError(f"{owner}.{field}", value, allowed) from error
    if hours.ndim != 1 or hours.size == 0:
        raise InvalidFieldError(f"{owner}.{field}", hours.shape, allowed)
    fine = (hours >= low) & (hours <= high)
    if gaps:
        fine |= np.isnan(hours)
    if not fine.all():
        worst = int(np.flatnonzero(~fine)[0])
        raise InvalidFieldError(f"{owner}.{field}[{worst}]", float(hours[worst]), allowed)
    hours.flags.writeable = False
    return hours


def frozen_hour_of_week(owner: str, value: object) -> Ints:
    """Read hours of the week, 0 (Monday 00:00) to 167, as a read-only copy.

    Raises
    ------
    InvalidFieldError : anything else
    """
    hours = np.array(value)
    allowed = "whole hours of the week, 0 (Monday 00:00) to 167"
    if hours.ndim != 1 or not np.issubdtype(hours.dtype, np.integer):
        raise InvalidFieldError(f"{owner}.hour_of_week", value, allowed)
    if hours.size and not 0 <= int(hours.min()) <= int(hours.max()) < HOURS_OF_WEEK:
        raise InvalidFieldError(f"{owner}.hour_of_week", (int(hours.min()), int(hours.max())), allowed)
    hours = hours.astype(np.int64)
    hours.flags.writeable = False
    return hours


def same_lengths(owner: str, **series: Floats | Ints) -> None:
    """Refuse series of different lengths.

    Raises
    ------
    InvalidFieldError : names the first that differs
    """
    names = list(series)
    for name in names[1:]:
        if len(series[name]) != len(series[names[0]]):
            raise InvalidFieldError(f"{owner}.{name}", len(series[name]), f"{len(series[names[0]])} hours")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatHistory:
    """Successive hours up to the time of issue, the last one being the last that is known.

    Parameters
    ----------
    demand_w : mean heat demand of each hour [W], nan where unknown
    outdoor_c, sun_w_per_m2 : weather of each hour, sun on a level surface; nan where unknown
    hour_of_week : 0 (Monday 00:00) to 167 by the clock that people live by; a holiday may be given as a Sunday

    Raises
    ------
    InvalidFieldError : impossible values (a demand below 0, infinities), lengths that do not fit
    """

    demand_w: Floats
    outdoor_c: Floats
    sun_w_per_m2: Floats
    hour_of_week: Ints

    def __post_init__(self) -> None:
        for field in ("demand_w", "outdoor_c", "sun_w_per_m2"):
            object.__setattr__(self, field, frozen_hours("history", field, getattr(self, field), gaps=True))
        object.__setattr__(self, "hour_of_week", frozen_hour_of_week("history", self.hour_of_week))
        same_lengths(
            "history",
            demand_w=self.demand_w,
            outdoor_c=self.outdoor_c,
            sun_w_per_m2=self.sun_w_per_m2,
            hour_of_week=self.hour_of_week,
        )

    def __len__(self) -> int:
        return len(self.demand_w)

    def part(self, start: int, stop: int) -> HeatHistory:
        """Hours `start` to before `stop`."""
        return HeatHistory(
            demand_w=self.demand_w[start:stop],
            outdoor_c=self.outdoor_c[start:stop],
            sun_w_per_m2=self.sun_w_per_m2[start:stop],
            hour_of_week=self.hour_of_week[start:stop],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeatherAhead:
    """The weather as forecast for the hours right after a history, 1 to 48 of them, none unknown.

    Parameters
    ----------
    outdoor_c, sun_w_per_m2, hour_of_week : as in `HeatHistory`

    Raises
    ------
    InvalidFieldError : impossible or unknown values, too many hours, lengths that do not fit
    """

    outdoor_c: Floats
    sun_w_per_m2: Floats
    hour_of_week: Ints

    def __post_init__(self) -> None:
        for field in ("outdoor_c", "sun_w_per_m2"):
            object.__setattr__(self, field, frozen_hours("ahead", field, getattr(self, field), gaps=False))
        object.__setattr__(self, "hour_of_week", frozen_hour_of_week("ahead", self.hour_of_week))
        same_lengths("ahead", outdoor_c=self.outdoor_c, sun_w_per_m2=self.sun_w_per_m2, hour_of_week=self.hour_of_week)
        if len(self.outdoor_c) > LONGEST_AHEAD_H:
            raise InvalidFieldError("ahead.outdoor_c", len(self.outdoor_c), f"1 to {LONGEST_AHEAD_H} hours")

    def __len__(self) -> int:
        return len(self.outdoor_c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """What of a history could be used, in hours.

    Parameters
    ----------
    hours : all
    used : learned from
    demand_unknown, weather_unknown : hours left out for that; an hour may count in both
    level_unknown : hours left out because the demand of the day before was not known either
    """

    hours: int
    used: int
    demand_unknown: int
    weather_unknown: int
    level_unknown: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeatForecast:
    """Heat demand of the hours ahead, mean of each hour [W], all 0 or more; p10 ≤ p50 ≤ p90.

    Parameters
    ----------
    mean_w : expected value
    p10_w, p50_w, p90_w : of each hour by itself; a day's sum lies within a narrower band than the sum of these
    learned_share : 0 (profile alone) to 1 (learned from the history alone)
    """

    mean_w: Floats
    p10_w: Floats
    p50_w: Floats
    p90_w: Floats
    learned_share: float
