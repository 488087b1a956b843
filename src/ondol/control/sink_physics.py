"""Heat that a fleet's sinks will need, by the physics of their own parameters: all at once, by quarters of an hour.

Demand is what holds a sink at level 0 (`SinkColumns`), its set-point (`agent.stores`). It has two parts. The **base**
is what the surroundings take from it there: weather, sun, people, draws, bathers. This part is what is learned of a
sink. The **rise** is what its own schedule asks for when the band moves, and what it lacks now: known, not learned.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from ondol.agent.feed_forward import MAINS_TEMP_C, WATER_J_PER_L_K
from ondol.agent.layout import PLANT_ROOM_TEMP_C, SinkLayout, lay_out
from ondol.agent.pool_demand import loss_w, pool_capacity_j_per_k
from ondol.agent.stores import upper_c
from ondol.drivers.virtual.rooms import AIR_SHARE_OF_SUN
from ondol.drivers.virtual.waters import CLOSE_HOUR, OPEN_HOUR
from ondol.model.fleet import Fleet
from ondol.model.schedule import WeeklySchedule
from ondol.model.sink import SwimmingPool, Tank
from ondol.model.view import Floats, Ints
from ondol.thermal.forecast.spans import QUARTER_S

WEEK_QUARTERS = 672
_LACK_S = 3600.0  # what is missing at once shall be there within an hour


@dataclass(frozen=True, slots=True, eq=False)
class Clocks:
    """Local quarters of the week of some moments, (zones, moments); `zone` is the row of each sink's."""

    quarters: Ints
    zone: Ints

    def of_sinks(self) -> Ints:
        """Give them for each sink, (sinks, moments)."""
        return np.asarray(self.quarters[self.zone])


class SinkPhysics:
    """What a fleet's sinks need, as far as their parameters tell.

    `wants` marks sinks that are planned by what they are asked for in watts, or for which nobody asks: they are no
    stores. `tank` marks tanks, whose draws are not part of `base_w`; `l_per_day` is what these are said to draw, and
    `j_per_l` heat that a drawn litre takes [J/L].
    """

    def __init__(self, fleet: Fleet) -> None:
        layouts = {layout.sink.id: layout for site in fleet.sites for layout in lay_out(fleet, site.id).sinks}
        self.layouts = tuple(layouts[sink.id] for sink in fleet.sinks)
        count = len(self.layouts)
        zones = [_timezone(fleet, layout) for layout in self.layouts]
        self._zones = tuple(sorted(set(zones)))
        self.zone = np.array([self._zones.index(name) for name in zones], dtype=np.int64)
        self.lower_c = np.zeros((count, WEEK_QUARTERS))
        self._watts = np.zeros((count, WEEK_QUARTERS))
        self.wants = np.array([_wants(layout) for layout in self.layouts], dtype=np.bool_)
        self.tank = np.zeros(count, dtype=np.bool_)
        self.l_per_day, self.j_per_l = np.zeros(count), np.zeros(count)
        self.capture = np.array([_capture(layout) for layout in self.layouts]).reshape(count)
        self._fast_j_per_k, self._slow_j_per_k, self._slow_s = np.zeros(count), np.zeros(count), np.ones(count)
        self._ua, self._base_c, self._gains_w, self._sun_m2 = (np.zeros(count) for _ in range(4))
        self._weather = np.zeros(count)  # 1 where the loss goes to outdoors, 0 where to a room of constant temperature
        self._pools: list[tuple[int, SwimmingPool]] = []
        for row, layout in enumerate(self.layouts):
            self._read(row, layout)

    def clocks(self, begin: dt.datetime, steps: int, step_s: float = QUARTER_S) -> Clocks:
        """Local quarters of the week of the middles of successive steps."""
        moments = [begin + dt.timedelta(seconds=(k + 0.5) * step_s) for k in range(steps)]
        quarters = [local_quarters(moments, name) for name in self._zones]  # none of a fleet without sinks
        return Clocks(np.array(quarters, dtype=np.int64).reshape(len(quarters), steps), self.zone)

    def base_w(self, at: Clocks, outdoor_c: Floats, sun_w_m2: Floats) -> Floats:
        """Give the base of demand without tanks' draws, (sinks, moments); below 0 where the sun gives too much [W].

        Rooms: ``UA (L − To) − gains − (a + (1 − a) f) A I``, f being how far the walls at rest follow the air and a the
        sun's share that warms the air at once; tanks: ``UA (L − Tambient)``; pools: what the open or the closed water
        loses at L, less what the old plant gives. Sinks that are asked for watts: these.

        Parameters
        ----------
        outdoor_c, sun_w_m2 : (moments,) or (sinks, moments) weather; the sun on a mean façade
        """
        quarter = at.of_sinks()
        lower = np.take_along_axis(self.lower_c, quarter, axis=1)
        outside = np.where(self._weather[:, None] > 0.0, np.atleast_2d(outdoor_c), self._base_c[:, None])
        need = (
            self._ua[:, None] * (lower - outside)
            - self._gains_w[:, None]
            - self._sun_m2[:, None] * np.atleast_2d(sun_w_m2)
        )
        for row, pool in self._pools:
            hour = quarter[row] % 96 // 4
            each, place = np.unique(lower[row], return_inverse=True)
            used = np.array([loss_w(pool, c, in_use=True) for c in each.tolist()])[place]
            closed = np.array([loss_w(pool, c, in_use=False) for c in each.tolist()])[place]
            need[row] = np.where((hour >= OPEN_HOUR) & (hour < CLOSE_HOUR), used, closed) - pool.other_heat_w
        watts = np.take_along_axis(self._watts, quarter, axis=1)
        return np.asarray(np.where(self.wants[:, None], watts, need))

    def rise_w(self, at: Clocks, now_lower_c: Floats, lacks_j: Floats, walls_lack_j: Floats) -> Floats:
        """Give the demand of what is lacking now and of bands that move, (sinks, quarters) [W].

        A kelvin more at level 0 takes the heat of air or water at once, that of the walls over their time constant;
        a kelvin less gives it back, whence values below 0.

        Parameters
        ----------
        at : successive quarters of an hour from now on
        now_lower_c : lower limit of now, what the lacks count from [°C]
        lacks_j, walls_lack_j : as in `SinkReport`; 0 where unknown [J]
        """
        lower = np.take_along_axis(self.lower_c, at.of_sinks(), axis=1)
        steps_k = np.diff(lower, axis=1, prepend=now_lower_c[:, None])
        steps_k[self.wants] = 0.0
        need = self._fast_j_per_k[:, None] * steps_k / QUARTER_S
        first = max(1, round(_LACK_S / QUARTER_S))
        need[:, :first] += lacks_j[:, None] / (first * QUARTER_S)
        goes = -np.expm1(-QUARTER_S / self._slow_s)
        pending = walls_lack_j.copy()
        for quarter in range(need.shape[1]):
            pending += self._slow_j_per_k * steps_k[:, quarter]
            given = pending * goes
            need[:, quarter] += given / QUARTER_S
            pending -= given
        return need

    def now_lower_c(self, now: dt.datetime) -> Floats:
        """Lower limits of now [°C]; 0 where nothing is asked."""
        at = np.array([local_quarters([now], name)[0] for name in self._zones], dtype=np.int64)
        return (
            np.asarray(self.lower_c[np.arange(len(self.layouts)), at[self.zone]]) if len(self.layouts) else np.zeros(0)
        )

    def _read(self, row: int, layout: SinkLayout) -> None:
        sink, request = layout.sink, layout.request
        if request is None:
            return
        asked = _by_quarter(request.schedule)
        if self.wants[row]:
            self._watts[row] = asked if request.kind == "power" else 0.0
            return
        self.lower_c[row] = np.minimum(asked, upper_c(layout, request))
        if isinstance(sink, Tank):
            self.tank[row] = True
            self._ua[row], self._base_c[row] = sink.ua_w_per_k, sink.ambient_temp_c
            self._fast_j_per_k[row] = sink.volume_l * WATER_J_PER_L_K
            self.l_per_day[row] = sink.draw_l_per_day
            self.j_per_l[row] = WATER_J_PER_L_K * max(float(asked.mean()) - MAINS_TEMP_C, 1.0)
        elif isinstance(sink, SwimmingPool):
            self._fast_j_per_k[row] = pool_capacity_j_per_k(sink)
            self._pools.append((row, sink))
        elif layout.model is not None:
            model = layout.model
            self._weather[row] = 1.0
            self._ua[row], self._gains_w[row] = model.ua_w_per_k, sink.gains_w
            kept = AIR_SHARE_OF_SUN + (1.0 - AIR_SHARE_OF_SUN) * model.walls_follow
            self._sun_m2[row] = kept * sink.solar_aperture_m2
            self._fast_j_per_k[row] = sink.air_j_per_k
            self._slow_j_per_k[row] = sink.mass_j_per_k * model.walls_follow
            self._slow_s[row] = model.walls_time_s


def local_quarters(moments: list[dt.datetime], timezone: str) -> Ints:
    """Quarters of the local week that hold these moments, 0 (Monday 00:00) to 671."""
    zone = ZoneInfo(timezone)
    local = [moment.astimezone(zone) for moment in moments]
    return np.array([one.weekday() * 96 + one.hour * 4 + one.minute // 15 for one in local], dtype=np.int64)


def _wants(layout: SinkLayout) -> bool:
    return layout.request is None or layout.request.kind != "temperature" or not layout.units


def _timezone(fleet: Fleet, layout: SinkLayout) -> str:
    return fleet.site(layout.sink.site_id).timezone if layout.request is None else layout.request.schedule.timezone


def _by_quarter(schedule: WeeklySchedule) -> Floats:
    """Values of a schedule in the middles of the quarters of its week."""
    minutes = np.array([slot.minute for slot in schedule.slots])
    values = np.array([slot.value for slot in schedule.slots])
    at = np.searchsorted(minutes, 15.0 * np.arange(WEEK_QUARTERS) + 7.5, side="right") - 1
    return np.asarray(values[at])  # before the first slot of the week its last one holds


def _capture(layout: SinkLayout) -> float:
    """Heat at the sink per electric joule of its units at full load: what they capture, less what hot cases lose."""
    full_w = sum(unit.power_max_w for unit in layout.units)
    if full_w <= 0.0:
        return 1.0
    request = layout.request
    base_c = PLANT_ROOM_TEMP_C
    if request is not None and request.kind == "temperature":
        base_c = max(slot.value for slot in request.schedule.slots)
    heat_w = 0.0
    for unit in layout.units:
        heat_w += unit.heat_share * unit.power_max_w
        if unit.water:
            loop_c = min(base_c + unit.power_max_w / max(unit.loop_w_per_k, 1e-9), unit.unit.loop_temp_max_c)
            heat_w -= unit.unit.case_ua_w_per_k * max(loop_c - PLANT_ROOM_TEMP_C, 0.0)
    return min(max(heat_w / full_w, 0.0), 1.0)
