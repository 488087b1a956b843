"""Fits a site's rooms, tanks and units to what was watched, and says how good the fit is: pure.

Rooms by `ondol.thermal.fit.room_fit`, tanks by `draws` over `ondol.thermal.fit.tank_fit`, lags by `lag_fit`. How good
they are is told by data that were not fitted: the last part of the watch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from ondol.agent.commission.draws import fit_tank_with_draws
from ondol.agent.commission.lag_fit import LagFit, fit_lag
from ondol.agent.commission.patch import Changes
from ondol.agent.commission.recording import Recording
from ondol.agent.layout import SinkLayout, SiteLayout, UnitLayout, lay_out
from ondol.model.errors import InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.model.sink import Tank, Zone
from ondol.thermal.arrays import Floats
from ondol.thermal.fit.room_fit import FIELDS, RoomFit, fit_room
from ondol.thermal.fit.room_open_loop import RoomOpenLoop, RoomReadings, usable_windows
from ondol.thermal.fit.tank_fit import TankReadings
from ondol.thermal.fit.windows import Windows

GRID_S = 900.0
FITTED_SHARE = 0.75
"""Share of the watch that the hold-out fit sees; the rest says how good it is. What is written is fitted to all."""

WORST_RMSE_K = 1.0
"""A day-ahead error above this helps no planner: a two-state room leaves 0.35 to 0.81 K (`reference/heat.md` §1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What was found of one thing.

    Parameters
    ----------
    entity_id, word : and its table in the fleet file: "zone", "tank" or "unit"
    values : fitted numbers by key; empty where nothing is to be believed
    before : the same keys as the fleet file has them
    rmse : error on data that were not fitted, in `unit`; nan where there were none
    accepted : whether the data can tell
    reason : why or why not, for a person
    """

    entity_id: str
    word: str
    values: dict[str, float]
    before: dict[str, float] = field(default_factory=dict)
    rmse: float = float("nan")
    unit: str = "K"
    accepted: bool
    reason: str


def identify(
    recording: Recording,
    fleet: Fleet,
    *,
    sun_w_per_m2: Callable[[float], float] | None = None,
    outdoor_c: Callable[[float], float] | None = None,
    drawn: tuple[int, int] | None = None,
) -> tuple[Identified, ...]:
    """Fit all that a watch can tell of a site, by id.

    Parameters
    ----------
    sun_w_per_m2, outdoor_c : by the time [s since the epoch], where the site has no instrument; without sun its gain
        is not told from that of people
    drawn : local hours between which hot water may be drawn, so that a tank is fitted on the others; None: at any hour.
        Draws are found and left out in any case, for few tanks have a draw meter
    """
    layout = lay_out(fleet, fleet.sites[0].id)
    grid = _Grid(recording, layout, sun_w_per_m2, outdoor_c)
    found: list[Identified] = []
    for group in layout.sinks:
        if isinstance(group.sink, Zone) and group.units:
            found.append(_room(grid, group, group.sink))
        elif isinstance(group.sink, Tank) and group.units:
            found.append(_tank(grid, group, group.sink, drawn))
    found += [_lag(recording, unit) for unit in layout.units if unit.sink is not None]
    return tuple(found)


def changes_of(found: tuple[Identified, ...]) -> Changes:
    """What a fleet file is to be told."""
    return {(one.word, one.entity_id): one.values for one in found if one.accepted and one.values}


class _Grid:
    """Means over even steps of `GRID_S`, values at their beginnings."""

    def __init__(
        self,
        recording: Recording,
        layout: SiteLayout,
        sun: Callable[[float], float] | None,
        outdoor: Callable[[float], float] | None,
    ) -> None:
        self.recording = recording
        self.times_s = np.arange(recording.times_s[0], recording.times_s[-1] - GRID_S, GRID_S)
        self.zone = ZoneInfo(layout.site.timezone)
        middles = self.times_s + GRID_S / 2
        measured = recording.of(layout.site.id, "outdoor_temperature")
        if measured is not None:
            self.outdoor_c = self.mean(measured)
        elif outdoor is not None:
            self.outdoor_c = np.array([outdoor(float(t)) for t in middles])
        else:
            raise InvalidFieldError("outdoor_c", None, "an outdoor sensor, or the weather of the site's climate")
        self.sun = np.zeros(middles.size) if sun is None else np.array([max(sun(float(t)), 0.0) for t in middles])

    def mean(self, series: Floats) -> Floats:
        """Mean over each step; nan where nothing was heard."""
        slot = np.floor((self.recording.times_s - self.times_s[0]) / GRID_S).astype(int)
        fine = ~np.isnan(series) & (slot >= 0) & (slot < self.times_s.size)
        count = np.bincount(slot[fine], minlength=self.times_s.size)
        total = np.bincount(slot[fine], weights=series[fine], minlength=self.times_s.size)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(count > 0, total / count, np.nan))

    def at(self, series: Floats) -> Floats:
        """Value at each step's beginning, between two samples."""
        fine = ~np.isnan(series)
        times = self.recording.times_s
        value = np.interp(self.times_s, times[fine], series[fine])
        near = np.interp(self.times_s, times[fine], times[fine])
        gap = np.abs(times[fine][np.clip(np.searchsorted(times[fine], self.times_s), 0, fine.sum() - 1)] - near)
        return np.asarray(np.where(gap > GRID_S, np.nan, value))

    def rate(self, counter: Floats) -> Floats:
        """Mean rate of a counter over each step."""
        fine = ~np.isnan(counter)
        edges = np.append(self.times_s, self.times_s[-1] + GRID_S)
        return np.asarray(np.diff(np.interp(edges, self.recording.times_s[fine], counter[fine])) / GRID_S)

    def heat_w(self, unit: UnitLayout) -> Floats | None:
        """Heat that a unit handed over: by its meter, its heat power, or its electric power and shell."""
        unit_id = unit.unit.id
        if (meter := self.recording.of(unit_id, "heat_meter")) is not None:
            return self.rate(meter)
        if (power := self.recording.of(unit_id, "heat_power")) is not None:
            return self.mean(power)
        electric = self.recording.of(unit_id, "electric_power")
        if electric is None:
            return None
        drawn_w = self.mean(electric) * unit.heat_share
        loop = self.recording.of(unit_id, "loop_temperature")
        if loop is None:
            return drawn_w
        edges = np.append(self.times_s, self.times_s[-1] + GRID_S)
        fine = ~np.isnan(loop)
        stored = np.diff(np.interp(edges, self.recording.times_s[fine], loop[fine]))
        return np.asarray(drawn_w - stored * unit.unit.heat_capacity_j_per_k / GRID_S)


def _heat(grid: _Grid, recordings: tuple[UnitLayout, ...]) -> Floats | None:
    told = [grid.heat_w(unit) for unit in recordings]
    known = [one for one in told if one is not None]
    return np.asarray(np.sum(known, axis=0)) if len(known) == len(told) and known else None


def _room(grid: _Grid, group: SinkLayout, zone: Zone) -> Identified:
    air, heat = grid.recording.of(zone.id, "temperature"), _heat(grid, group.units)
    if air is None or heat is None:
        return _refused(zone.id, "zone", "its temperature, or the heat of its units, was not read")
    readings = RoomReadings(
        step_s=GRID_S, temp_c=grid.at(air), heat_w=heat, outdoor_c=grid.outdoor_c, sun_w_per_m2=grid.sun
    )
    try:
        fit = fit_room(readings, zone)
    except InvalidFieldError as error:
        return _refused(zone.id, "zone", str(error))
    rmse_k = _room_rmse(readings, zone, fit)
    accepted = fit.identifiable and not rmse_k > WORST_RMSE_K
    reason = fit.reason if accepted or not fit.identifiable else f"it predicts a day ahead with {rmse_k:.2f} K only"
    return Identified(
        entity_id=zone.id,
        word="zone",
        values={name: float(getattr(fit.zone, name)) for name in FIELDS} if accepted else {},
        before={name: float(getattr(zone, name)) for name in FIELDS},
        rmse=rmse_k,
        accepted=accepted,
        reason=reason,
    )


def _room_rmse(readings: RoomReadings, prior: Zone, whole: RoomFit) -> float:
    """Error a day ahead on the last part, by a fit that has not seen it; of the fit of all where that is too short."""
    n = readings.temp_c.size
    split = int(n * FITTED_SHARE)
    early = RoomReadings(
        step_s=readings.step_s,
        temp_c=readings.temp_c[:split],
        heat_w=readings.heat_w[:split],
        outdoor_c=readings.outdoor_c[:split],
        sun_w_per_m2=readings.sun_w_per_m2[:split],
    )
    try:
        fit = fit_room(early, prior)
    except InvalidFieldError:
        return whole.rmse_k
    laid = usable_windows(readings)
    late = laid.start >= split
    if not late.any():
        return whole.rmse_k
    row = np.cumsum(late) - 1
    chosen = late[laid.window]
    kept = Windows(laid.start[late], laid.length[late], row[laid.window[chosen]], laid.step[chosen])
    errors = RoomOpenLoop(readings, kept).errors(fit.zone, fit.sun_air_share, 0.0)
    return float(np.sqrt(np.mean(errors**2)))


def _tank(grid: _Grid, group: SinkLayout, tank: Tank, drawn: tuple[int, int] | None) -> Identified:
    recording = grid.recording
    keys, heat = recording.sensors(tank.id), _heat(grid, group.units)
    if not keys or heat is None:
        return _refused(tank.id, "tank", "its temperatures, or the heat of its units, were not read")
    mean = np.mean([recording.values[key] for key in keys], axis=0)
    hours = np.array([dt.datetime.fromtimestamp(t, grid.zone).hour for t in grid.times_s])
    free = np.ones(hours.size, dtype=np.bool_) if drawn is None else (hours < drawn[0]) | (hours >= drawn[1])
    readings = TankReadings(
        step_s=GRID_S,
        temp_c=grid.at(mean),
        charge_w=heat,
        draw_w=np.where(free, 0.0, np.nan),
        ambient_c=np.full(free.size, tank.ambient_temp_c),
    )
    try:
        fit, left_out = fit_tank_with_draws(readings, tank)
    except InvalidFieldError as error:
        return _refused(tank.id, "tank", str(error))
    accepted = fit.identifiable and fit.rmse_k <= WORST_RMSE_K
    litres = fit.capacity_j_per_k / (4186.0 * 0.99)
    return Identified(
        entity_id=tank.id,
        word="tank",
        values={"ua_w_per_k": fit.ua_w_per_k} if accepted else {},
        before={"ua_w_per_k": tank.ua_w_per_k},
        rmse=fit.rmse_k,
        accepted=accepted,
        reason=f"{fit.reason}; its sensors stand for {litres:.0f} L; drawn from {100 * left_out:.0f} % of the time",
    )


def _lag(recording: Recording, unit: UnitLayout) -> Identified:
    unit_id = unit.unit.id
    power = recording.of(unit_id, "electric_power")
    heat, step_s = _even_heat(recording, unit)
    if power is None or heat is None:
        return _refused(unit_id, "unit", "its electric power, or its heat, was not read")
    times = recording.times_s
    edges = np.arange(times[0], times[-1], step_s)
    fine = ~np.isnan(power)
    # a power is read at a sample's end and held since the one before: the middle of the step is half a step earlier
    even = np.interp(edges[1:], times[fine], power[fine])
    try:
        fit: LagFit = fit_lag(even, heat, step_s)
    except InvalidFieldError as error:
        return _refused(unit_id, "unit", str(error))
    capacity = fit.lag_s * (unit.loop_w_per_k + (unit.unit.case_ua_w_per_k if unit.water else 0.0))
    capacity *= unit.heat_share if unit.water else 1.0
    return Identified(
        entity_id=unit_id,
        word="unit",
        values={"heat_capacity_j_per_k": capacity} if fit.identifiable else {},
        before={"heat_capacity_j_per_k": unit.unit.heat_capacity_j_per_k},
        rmse=fit.rmse_w,
        unit="W",
        accepted=fit.identifiable,
        reason=f"lag {fit.lag_s:.0f} s, delay {fit.delay_s:.0f} s, gain {fit.gain:.2f}; {fit.reason}",
    )


def _even_heat(recording: Recording, unit: UnitLayout) -> tuple[Floats | None, float]:
    """Heat over even steps as long as the samples, by the meter or by heat power."""
    times = recording.times_s
    step_s = float(np.median(np.diff(times))) if times.size > 1 else 1.0
    edges = np.arange(times[0], times[-1], step_s)
    meter = recording.of(unit.unit.id, "heat_meter")
    if meter is not None and len(np.unique(meter)) > times.size // 20:
        fine = ~np.isnan(meter)
        return np.asarray(np.diff(np.interp(edges, times[fine], meter[fine])) / step_s), step_s
    power = recording.of(unit.unit.id, "heat_power")
    if power is None:
        return None, step_s
    fine = ~np.isnan(power)
    return np.asarray(np.interp(edges[1:], times[fine], power[fine])), step_s


def _refused(entity_id: str, word: str, reason: str) -> Identified:
    return Identified(entity_id=entity_id, word=word, values={}, accepted=False, reason=reason)
