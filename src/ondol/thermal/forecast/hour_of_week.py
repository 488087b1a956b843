"""Hot-water draws by the hour of the week: what people did at this hour before, the latest weeks most.

Draws are many zeros and a few showers, so bands are quantiles of what was drawn, not of errors. A tank is planned with
the upper quantile (`reference/heat.md` §6), best with that of the running sum: showers of different hours do not all
fall on one day, so the sum of hourly quantiles says too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ondol.model.checks import check_range
from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats
from ondol.thermal.forecast.conformal import LEVELS, weighted_quantile
from ondol.thermal.forecast.series import (
    HOURS_OF_WEEK,
    LONGEST_AHEAD_H,
    Ints,
    frozen_hour_of_week,
    frozen_hours,
    same_lengths,
)

DAY_H = 24
HALF_LIFE_D = 42.0
SAME_KIND_OF_DAY = 0.25
"""Weight of the same hour of another working day (or of the other day of the weekend) against the same weekday's."""

_PROFILE_WEEKS = 2.0  # a profile's weeks together weigh as much as so many measured ones of today
_PROFILE_DAYS = 3.0  # measured days that weigh as much as the host's own word on the daily volume
_HIGH = 0.9

_WEEKEND = np.arange(HOURS_OF_WEEK) >= 5 * DAY_H


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawForecast:
    """Hot water of the hours ahead [L], all 0 or more.

    Parameters
    ----------
    mean_l, p10_l, p50_l, p90_l : of each hour by itself
    total_mean_l, total_p90_l : of all water from now to the end of each hour; never falling
    """

    mean_l: Floats
    p10_l: Floats
    p50_l: Floats
    p90_l: Floats
    total_mean_l: Floats
    total_p90_l: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawForecaster:
    """What was learned of one tank's draws; make it with `fit`.

    Parameters
    ----------
    mean_l, quantiles_l : by the hour of the week, shapes (168,) and (168, 3)
    draw_l, hour_of_week, weight : hours that running sums are taken from: measured ones (nan where unknown), then the
        profile's; weight 0 ends a run
    known_hours, unknown_hours : of the measured ones
    """

    mean_l: Floats
    quantiles_l: Floats
    draw_l: Floats
    hour_of_week: Ints
    weight: Floats
    known_hours: int
    unknown_hours: int

    @classmethod
    def fit(
        cls,
        draw_l: Floats,
        hour_of_week: Ints,
        *,
        profile_l: Floats | None = None,
        l_per_day: float | None = None,
        half_life_d: float = HALF_LIFE_D,
    ) -> DrawForecaster:
        """Learn from metered draws, hour by hour.

        Parameters
        ----------
        draw_l : drawn in each successive hour [L], nan where unknown; may be empty where there is a profile
        hour_of_week : 0 (Monday 00:00) to 167, by the clock that people live by
        profile_l : weeks of a like household, shape (weeks, 168), Monday first, any scale: cold start; fades as weeks
            come in
        l_per_day : the host's own word on the volume, which the profile is scaled to until measured [L/day]
        half_life_d : an hour so many days old counts half, 7 to 730 d

        Raises
        ------
        InvalidFieldError : impossible draws, numbers out of range, hours of the day of which nothing is known
        """
        check_range("half_life_d", float(half_life_d), 7.0, 730.0, "d")
        hours = frozen_hour_of_week("draws", hour_of_week)
        draws = frozen_hours("draws", "draw_l", draw_l, gaps=True) if hours.size else np.zeros(0)
        same_lengths("draws", hour_of_week=hours, draw_l=draws)
        age_d = np.arange(draws.size - 1, -1, -1) / DAY_H
        weight = 0.5 ** (age_d / half_life_d)
        known = int((~np.isnan(draws)).sum())
        if profile_l is not None:
            weeks = _profile_weeks(profile_l, l_per_day, draws, hours, weight)
            draws = np.concatenate([draws, [np.nan], weeks.ravel()])
            hours = np.concatenate([hours, [0], np.tile(np.arange(HOURS_OF_WEEK), len(weeks))])
            weight = np.concatenate([weight, [0.0], np.full(weeks.size, _PROFILE_WEEKS / len(weeks))])
        mean, quantiles = _by_hour(draws, hours, weight)
        return cls(
            mean_l=mean,
            quantiles_l=quantiles,
            draw_l=draws,
            hour_of_week=hours,
            weight=weight,
            known_hours=known,
            unknown_hours=int(np.size(hour_of_week)) - known,
        )

    def predict(self, hour_of_week: int, hours: int) -> DrawForecast:
        """Forecast successive hours.

        Parameters
        ----------
        hour_of_week : of the first hour, 0 to 167
        hours : 1 to 48

        Raises
        ------
        InvalidFieldError : out of range
        """
        check_range("hour_of_week", hour_of_week, 0, HOURS_OF_WEEK - 1)
        check_range("hours", hours, 1, LONGEST_AHEAD_H, "h")
        ahead = (hour_of_week + np.arange(hours)) % HOURS_OF_WEEK
        low, middle, high = self.quantiles_l[ahead].T
        mean = self.mean_l[ahead]
        total_mean = np.cumsum(mean)
        return DrawForecast(
            mean_l=mean,
            p10_l=low,
            p50_l=middle,
            p90_l=high,
            total_mean_l=total_mean,
            total_p90_l=self._total_high(ahead, np.cumsum(high)),
        )

    def _total_high(self, ahead: Ints, bound: Floats) -> Floats:
        """Quantile of the running sums after every like start; the sum of hourly quantiles where there is none."""
        n = ahead.size
        starts = np.arange(self.draw_l.size - n + 1)
        shift = (self.hour_of_week[starts] - ahead[0]) % HOURS_OF_WEEK
        # another day is alike only where working days and weekend lie the same way over all of the hours ahead
        like = np.where(shift == 0, 1.0, SAME_KIND_OF_DAY) * _alike(ahead)[shift]
        starts = starts[(like > 0.0) & (self.weight[starts] > 0.0)]
        if not starts.size:
            return bound
        runs = np.cumsum(self.draw_l[starts[:, None] + np.arange(n)], axis=1)
        whole = ~np.isnan(runs[:, -1])
        if not whole.any():
            return bound
        runs, weight = runs[whole], (like[starts] * self.weight[starts])[whole]
        return np.maximum.accumulate([weighted_quantile(column, weight, _HIGH) for column in runs.T])


def _alike(ahead: Ints) -> NDArray[np.bool_]:
    """Of each shift by so many hours, whether the hours ahead keep their hour of the day and their kind of day."""
    shifts = np.arange(HOURS_OF_WEEK)
    moved = _WEEKEND[(ahead[None, :] + shifts[:, None]) % HOURS_OF_WEEK]
    return np.asarray((moved == _WEEKEND[ahead]).all(axis=1) & (shifts % DAY_H == 0))


def _by_hour(draws: Floats, hours: Ints, weight: Floats) -> tuple[Floats, Floats]:
    """Mean and quantiles of each hour of the week, from it and from its like on other days of the same kind."""
    known = ~np.isnan(draws)
    draws, hours, weight = draws[known], hours[known], weight[known]
    mean, quantiles = np.empty(HOURS_OF_WEEK), np.empty((HOURS_OF_WEEK, len(LEVELS)))
    for hour in range(HOURS_OF_WEEK):
        of_day = hours % DAY_H == hour % DAY_H
        same_kind = of_day & (_WEEKEND[hours] == _WEEKEND[hour])
        rows = np.flatnonzero(same_kind if same_kind.any() else of_day)
        if not rows.size:
            raise InvalidFieldError(
                "draws.draw_l", f"none known at {hour % DAY_H} h", "each hour of the day known once, or a profile"
            )
        counts = np.where(hours[rows] == hour, 1.0, SAME_KIND_OF_DAY) * weight[rows]
        mean[hour] = counts @ draws[rows] / counts.sum()
        quantiles[hour] = [weighted_quantile(draws[rows], counts, level) for level in LEVELS]
    return mean, quantiles


def _profile_weeks(profile_l: Floats, l_per_day: float | None, draws: Floats, hours: Ints, weight: Floats) -> Floats:
    """The profile's weeks at the scale that the host's word and the measured draws together say."""
    weeks = np.asarray(profile_l, dtype=np.float64)
    allowed = "shape (weeks, 168) of finite draws of 0 L or more, not all 0"
    if weeks.ndim != 2 or weeks.shape[1] != HOURS_OF_WEEK or not weeks.size:
        raise InvalidFieldError("profile_l", weeks.shape, allowed)
    if not (np.all(np.isfinite(weeks)) and weeks.min() >= 0.0 and weeks.max() > 0.0):
        raise InvalidFieldError("profile_l", (float(weeks.min()), float(weeks.max())), allowed)
    if l_per_day is not None:
        check_range("l_per_day", float(l_per_day), 0.0, 1e7, "L/day")
        weeks = weeks * (l_per_day / (weeks.mean() * DAY_H))
    known = ~np.isnan(draws)
    prior = _PROFILE_DAYS * DAY_H * weeks.mean() if l_per_day is not None else 0.0
    said = prior + weight[known] @ weeks.mean(axis=0)[hours[known]]
    came = prior + weight[known] @ draws[known]
    return weeks * (came / said) if said > 0.0 else weeks
