"""Base demand of the hours ahead: physics at first, corrected by what was measured, then learned from it.

Rooms and pools: physics times what measurements make of its scale; from a week of known hours on the forecaster of
`thermal.forecast` takes over evenly until two weeks are known. Tanks: draws by the hour of the week, a packaged
household's weeks standing in until measured ones outweigh them. All of this may take seconds for a fleet: it is done
once an hour, the learning once a day, away from the loop.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from ondol.control.clock import utc
from ondol.control.demand_log import HOUR_S, Readings
from ondol.control.sink_physics import SinkPhysics
from ondol.control.skies import Skies, Weather, one_sky
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, Ints
from ondol.signals.water import HOUSEHOLD_L_PER_DAY, SHIFT_WEEKS, HotWaterDraws
from ondol.thermal.forecast.conformal import errors_by_hour
from ondol.thermal.forecast.day_ahead import HALF_LIFE_D, MIN_DAYS, HeatForecaster
from ondol.thermal.forecast.hour_of_week import DrawForecaster
from ondol.thermal.forecast.series import HOURS_OF_WEEK, LONGEST_AHEAD_H, HeatHistory, WeatherAhead

_log = logging.getLogger(__name__)
DAY_H = 24
COLD_SPREAD = 0.5
"""Until a week is measured the 90 % quantile stands so far above the physics' mean. An assumption (data tier T5): the
parameters of a house are guesses by a third to a half (docs/reference/forecast.md, "Fitting a room")."""

_PRIOR_H = 48.0  # hours of measurement that weigh as much as the site's own parameters
_SCALES = (0.25, 4.0)  # beyond, the parameters or the meters are wrong, and scaling either is no cure
_HIGH = 2  # column of the 90 % quantile among `conformal.LEVELS`
_FIRST_WEEK = dt.datetime(2022, 1, 3, tzinfo=ZoneInfo("Europe/Paris"))  # the packaged draws' own year and clock
_PROFILE_WEEKS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Base demand of all sinks for 48 hours.

    Parameters
    ----------
    from_hour : number of the first hour since the epoch
    mean_w, high_w : (sinks, 48) mean and 90 % quantile, 0 or more [W]
    learned_share : (sinks,) 0 where physics speaks, 1 where what was learned does
    """

    from_hour: int
    mean_w: Floats
    high_w: Floats
    learned_share: Floats

    def at(self, now_s: float, steps: int, step_s: float) -> tuple[Floats, Floats] | None:
        """Mean and quantile of successive steps from now on; beyond its end the day before stands in; None if too old.

        Parameters
        ----------
        now_s : [s since the epoch]
        steps, step_s : how many, and their length [s]
        """
        middles = now_s + (np.arange(steps) + 0.5) * step_s
        hour = (middles // HOUR_S).astype(np.int64) - self.from_hour
        last = self.mean_w.shape[1]
        if hour[0] < 0 or hour[0] >= DAY_H:
            return None
        while (hour >= last).any():
            hour = np.where(hour >= last, hour - DAY_H, hour)
        return np.asarray(self.mean_w[:, hour]), np.asarray(self.high_w[:, hour])


@dataclass(frozen=True, slots=True, eq=False)
class _Past:
    """What is known of one sink: weather, what came, what its physics say of the same hours, and hours of the week."""

    outdoor_c: Floats
    sun_w_m2: Floats
    came_w: Floats
    said_w: Floats
    hour_of_week: Ints


class Lessons:
    """Draws up lessons, one at a time; what it learned it keeps for a day.

    Parameters
    ----------
    weather : skies over the sinks, or one weather for all of them at an aware time, as forecast
    stopped : whether nobody waits for lessons any more; asked before each sink, since learning one takes a while
    """

    def __init__(
        self,
        physics: SinkPhysics,
        weather: Skies | Weather,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._physics, self._stopped = physics, stopped
        self._skies = weather if isinstance(weather, Skies) else one_sky(weather, len(physics.layouts))
        self._heat: dict[int, HeatForecaster | None] = {}
        self._draws: dict[int, DrawForecaster] = {}
        self._learned_hour: int | None = None
        self._failing = False

    def by_physics(self, now_s: float) -> Lesson | None:
        """Forecast as on the first day, in less than a second for a fleet; None where it was stopped."""
        none = np.zeros((len(self._skies.names), 0))
        nothing = Readings(np.zeros(0, dtype=np.int64), none, none, np.zeros((len(self._physics.tank), 0)))
        return Lessons(self._physics, self._skies, self._stopped).draw_up(now_s, nothing)

    def draw_up(self, now_s: float, readings: Readings) -> Lesson | None:
        """Forecast the hours from the present one on; None where it was stopped.

        A sink from which nothing can be learned, whatever the cause, is left to its physics; the log says so once.

        Parameters
        ----------
        readings : up to the last whole hour before `now_s`
        """
        physics, first, known = self._physics, int(now_s // HOUR_S), len(readings.hours)
        begin = int(readings.hours[0]) if known else first
        hours = range(first, first + LONGEST_AHEAD_H)
        outdoor_c, sun_w_m2 = map(self._skies.over_sinks, self._skies.at([utc((h + 0.5) * HOUR_S) for h in hours]))
        outdoor_was_c, sun_was = map(self._skies.over_sinks, (readings.outdoor_c, readings.sun_w_m2))
        ahead = physics.clocks(utc(first * HOUR_S), len(hours), HOUR_S)
        past = physics.clocks(utc(begin * HOUR_S), known, HOUR_S)
        mean = np.maximum(physics.base_w(ahead, outdoor_c, sun_w_m2), 0.0)
        said = np.maximum(physics.base_w(past, outdoor_was_c, sun_was), 0.0)
        week, week_was = ahead.of_sinks() // 4, past.of_sinks() // 4
        if self._learned_hour is None or not 0 <= first - self._learned_hour < DAY_H:
            self._learned_hour, self._heat, self._draws = first, {}, {}
        high, share = mean.copy(), np.zeros(len(mean))
        failed: list[tuple[int, Exception]] = []
        for row in np.flatnonzero(~physics.wants).tolist():
            if self._stopped():
                return None
            known_of = _Past(outdoor_was_c[row], sun_was[row], readings.demand_w[row], said[row], week_was[row])
            try:
                if physics.tank[row]:
                    mean[row], high[row] = self._tank(row, mean[row], known_of, int(week[row, 0]))
                else:
                    weather = WeatherAhead(outdoor_c=outdoor_c[row], sun_w_per_m2=sun_w_m2[row], hour_of_week=week[row])
                    mean[row], high[row], share[row] = self._heated(row, mean[row], known_of, weather)
            except Exception as error:  # noqa: BLE001  # one bad instrument must not end planning for all
                high[row] = (1.0 + COLD_SPREAD) * mean[row]
                failed.append((row, error))
        self._tell(failed)
        return Lesson(first, mean, high, share)

    def _tell(self, failed: list[tuple[int, Exception]]) -> None:
        """Log the first of the sinks that failed, unless some failed the last time too."""
        if failed and not self._failing:
            row, error = failed[0]
            text = "nothing can be learned of sink %s, and of %d more; their physics go on"
            _log.error(text, self._physics.layouts[row].sink.id, len(failed) - 1, exc_info=error)
        self._failing = bool(failed)

    def _tank(self, row: int, standing_w: Floats, past: _Past, hour_of_week: int) -> tuple[Floats, Floats]:
        """Give what stands losses and draws take; the quantile is that of all water so far, hour by hour."""
        j_per_l, l_per_day = float(self._physics.j_per_l[row]), float(self._physics.l_per_day[row])
        draws = self._draws.get(row)
        if draws is None:
            litres = np.clip((past.came_w - past.said_w) * HOUR_S / j_per_l, 0.0, 1e6)
            weeks = _household_weeks(min(SHIFT_WEEKS, max(1, round(l_per_day / HOUSEHOLD_L_PER_DAY))))
            draws = self._draws[row] = DrawForecaster.fit(
                litres, past.hour_of_week, profile_l=weeks, l_per_day=l_per_day
            )
        ahead = draws.predict(hour_of_week, len(standing_w))
        mean_l = ahead.mean_l
        high_l = np.maximum(np.diff(ahead.total_p90_l, prepend=0.0), mean_l)
        return standing_w + mean_l * j_per_l / HOUR_S, standing_w + high_l * j_per_l / HOUR_S

    def _heated(self, row: int, physics_w: Floats, past: _Past, weather: WeatherAhead) -> tuple[Floats, Floats, float]:
        """Give mean and quantile of a room or a pool, and how much of them was learned."""
        came, said = past.came_w, past.said_w
        use = np.isfinite(came) & np.isfinite(said)
        days = float(use.sum()) / DAY_H
        weight = (0.5 ** (np.arange(len(came) - 1, -1, -1) / DAY_H / HALF_LIFE_D))[use]
        came, said, hour = came[use], said[use], past.hour_of_week[use] % DAY_H
        prior = _PRIOR_H * (float(said.mean()) if len(said) else 0.0)
        expected = prior + float(weight @ said)
        scale = float(np.clip((prior + float(weight @ came)) / expected, *_SCALES)) if expected > 0.0 else 1.0
        mean = scale * physics_w
        high = mean * (1.0 + COLD_SPREAD)
        if len(came):
            measured = min(days / MIN_DAYS, 1.0)
            error = errors_by_hour(came - scale * said, weight, hour)[weather.hour_of_week % DAY_H, _HIGH]
            high = np.maximum(measured * (mean + error) + (1.0 - measured) * high, mean)
        share = float(np.clip(days / MIN_DAYS - 1.0, 0.0, 1.0))
        if share <= 0.0:
            return mean, high, 0.0
        history = HeatHistory(
            demand_w=past.came_w,
            outdoor_c=past.outdoor_c,
            sun_w_per_m2=past.sun_w_m2,
            hour_of_week=past.hour_of_week,
        )
        try:
            if row not in self._heat:
                self._heat[row] = None
                self._heat[row] = HeatForecaster.fit(history)
            learned = self._heat[row]
            told = None if learned is None else learned.predict(weather, recent=history)
        except InvalidFieldError:  # too many gaps to learn from, or in the last week: physics go on
            told = None
        if told is None:
            return mean, high, 0.0
        mean = (1.0 - share) * mean + share * told.mean_w
        return mean, np.maximum((1.0 - share) * high + share * told.p90_w, mean), share


@lru_cache(maxsize=SHIFT_WEEKS)
def _household_weeks(households: int) -> Floats:
    """Some weeks of a year of so many households' draws, (weeks, 168), by the clock that people live by [L]."""
    draws = HotWaterDraws.load()
    hour = dt.timedelta(hours=1)
    weeks = np.zeros((_PROFILE_WEEKS, HOURS_OF_WEEK))
    for number in range(_PROFILE_WEEKS):
        monday = _FIRST_WEEK + dt.timedelta(weeks=number * 52 // _PROFILE_WEEKS)  # local midnight in any season
        begin = monday.astimezone(dt.UTC)
        for at in range(HOURS_OF_WEEK):
            start = begin + at * hour
            weeks[number, at] = draws.litres(start, start + hour, HOUSEHOLD_L_PER_DAY, households=households)
    return weeks
