"""Runs a room open loop: a day ahead from its measured air, on measured heat and weather, by its two masses.

Equations as in `ondol.thermal.fit.room_fit`. The walls are never measured: at the start of a window they are where the
measured air of all days before has brought them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from ondol.model.sink import Zone
from ondol.thermal.arrays import Floats
from ondol.thermal.fit.windows import Windows, checked_readings, windows
from ondol.thermal.forecast.features import without_gaps
from ondol.thermal.linear import mean_operators_network

_RESPONSE_S = 6 * 3600.0
_LONGEST_BRIDGED_S = 7200.0
_SETTLE_S = 86_400.0
_LEAST_SEEN = 0.75


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoomReadings:
    """Readings of one room at even steps, shape (n,), nan where unknown; see also `windows.gridded`.

    Parameters
    ----------
    step_s : 60 to 3600 s; 900 is right
    temp_c : air at the beginning of each step [°C]
    heat_w : heat that reached the room over each step, mean [W], below 0 cools
    outdoor_c, sun_w_per_m2 : means over each step; sun as `Zone.solar_aperture_m2` is meant for

    Raises
    ------
    InvalidFieldError : impossible values, lengths that differ
    """

    step_s: float
    temp_c: Floats
    heat_w: Floats
    outdoor_c: Floats
    sun_w_per_m2: Floats

    def __post_init__(self) -> None:
        read = checked_readings(
            "readings",
            self.step_s,
            {
                "temp_c": (self.temp_c, -40.0, 70.0, "°C"),
                "heat_w": (self.heat_w, -1e7, 1e7, "W"),
                "outdoor_c": (self.outdoor_c, -70.0, 60.0, "°C"),
                "sun_w_per_m2": (self.sun_w_per_m2, 0.0, 1500.0, "W/m²"),
            },
        )
        for field, series in read.items():
            object.__setattr__(self, field, series)


class RoomOpenLoop:
    """Predicts every window from its measured air temperature and from walls that followed the measured air so far."""

    def __init__(self, readings: RoomReadings, laid: Windows) -> None:
        self._step_s = readings.step_s
        self._laid = laid
        self._air = without_gaps(readings.temp_c)
        self._outdoor = without_gaps(readings.outdoor_c)
        self._sun = without_gaps(readings.sun_w_per_m2)
        self._heat = np.nan_to_num(readings.heat_w)
        longest = int(laid.length.max())
        self._at = np.minimum(laid.start[:, None] + np.arange(longest), self._air.size - 1)
        self._truth = self._air[laid.start[laid.window] + laid.step]

    def errors(self, zone: Zone, sun_air_share: float, start_offset_k: float) -> Floats:
        """Predicted less measured air temperature at every compared moment [K]."""
        transition, forced = two_masses(zone, self._step_s)
        sun = zone.solar_aperture_m2 * self._sun
        on_air = zone.ua_w_per_k * self._outdoor + sun_air_share * sun + zone.gains_w + self._heat
        on_mass = zone.mass_outside_ua_w_per_k * self._outdoor + (1.0 - sun_air_share) * sun
        push = np.stack([on_air, on_mass], axis=1) @ forced.T
        start = self._laid.start
        state = np.stack([self._air[start], self._walls(zone, on_mass, start_offset_k)[start]], axis=1)
        longest = self._at.shape[1]
        air = np.empty((start.size, longest + 1))
        air[:, 0] = state[:, 0]
        for k in range(longest):
            state = state @ transition.T + push[self._at[:, k]]
            air[:, k + 1] = state[:, 0]
        return np.asarray(air[self._laid.window, self._laid.step] - self._truth)

    def _walls(self, zone: Zone, on_mass: Floats, start_offset_k: float) -> Floats:
        """Wall temperature at every moment, exact for air and inputs held over a step."""
        links = zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k
        keep = float(np.exp(-links * self._step_s / zone.mass_j_per_k))
        between = 0.5 * (self._air[:-1] + self._air[1:])
        steady = (zone.mass_ua_w_per_k * between + on_mass[:-1]) / links
        day = max(1, round(_SETTLE_S / self._step_s))
        first = float(steady[:day].mean()) + start_offset_k
        later, _ = lfilter([1.0 - keep], [1.0, -keep], steady, zi=[keep * first])
        return np.concatenate(([first], later))


def two_masses(zone: Zone, step_s: float) -> tuple[Floats, Floats]:
    """Transition of (air, walls) over a step, and what a watt on each adds; exact."""
    link = zone.mass_ua_w_per_k
    conductance = np.array(
        [[link + zone.ua_w_per_k, -link], [-link, link + zone.mass_outside_ua_w_per_k]], dtype=np.float64
    )
    capacity = np.array([zone.air_j_per_k, zone.mass_j_per_k])
    mean_start, mean_forced = mean_operators_network(conductance[None], capacity[None], step_s)
    per_step = step_s / capacity[:, None]
    return np.eye(2) - per_step * (conductance @ mean_start[0]), per_step * (np.eye(2) - conductance @ mean_forced[0])


def loss_w_per_k(zone: Zone) -> float:
    """Whole steady loss: the air's own, and the walls' two links in series."""
    walls = zone.mass_ua_w_per_k + zone.mass_outside_ua_w_per_k
    return zone.ua_w_per_k + zone.mass_ua_w_per_k * zone.mass_outside_ua_w_per_k / walls


def capacity_6h_j_per_k(zone: Zone) -> float:
    """Heat over the air's rise after six hours of constant heat, what is lost meanwhile included."""
    _, forced = two_masses(zone, _RESPONSE_S)
    return float(_RESPONSE_S / forced[0, 0])


def usable_windows(readings: RoomReadings) -> Windows:
    """Windows that begin where the air of the day before is known and end where an input is not."""
    n, step_s = readings.temp_c.size, readings.step_s
    seen = ~np.isnan(readings.temp_c)
    weather = _bridged(readings.outdoor_c, step_s) & _bridged(readings.sun_w_per_m2, step_s)
    day = max(1, round(_SETTLE_S / step_s))
    sums = np.concatenate(([0], np.cumsum(seen & weather)))
    moments = np.arange(n)
    before = np.minimum(moments, day)
    share = (sums[moments] - sums[moments - before]) / np.maximum(before, 1)
    # walls follow the air, so a window begins only where the air of the day before is known
    start = seen & ((share >= _LEAST_SEEN) | (before == 0))
    return windows(weather & ~np.isnan(readings.heat_w), start, seen, step_s)


def _bridged(series: Floats, step_s: float) -> NDArray[np.bool_]:
    """Of each step, whether its value is known or lies in a gap of at most two hours between known ones."""
    known = np.flatnonzero(~np.isnan(series))
    if not known.size:
        return np.zeros(series.size, dtype=np.bool_)
    place = np.searchsorted(known, np.arange(series.size))
    before = known[np.maximum(place - 1, 0)]
    after = known[np.minimum(place, known.size - 1)]
    fine = np.asarray((after - before - 1) * step_s <= _LONGEST_BRIDGED_S)
    fine[: known[0]] = False
    fine[known[-1] + 1 :] = False
    fine[known] = True
    return fine
