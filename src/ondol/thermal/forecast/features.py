"""What tomorrow's heat demand hangs on, hour by hour: weather now and before, the clock, and the last known day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from ondol.thermal.arrays import Floats
from ondol.thermal.forecast.ar1 import SUN_PHI, SUN_SIGMA, TEMP_PHI, TEMP_SIGMA_K, shocks
from ondol.thermal.forecast.series import LONGEST_AHEAD_H, HeatHistory, Ints, WeatherAhead

FAST_H, SLOW_H = 6.0, 36.0
"""Time constants of air with furniture and of walls: two low-passes of the outdoor temperature (Bacher et al., Energy
and Buildings 65, 2013, filter the inputs likewise; measured gain in `reference/heat.md` §6)."""

DAY_H = 24
_LEAST_OF_DAY_H = 12
_STALE_AFTER_H = 168
_GOLDEN = 0.6180339887498949  # leads spread evenly and fall into no step with the hour of the day

OUTDOOR, FAST, SLOW, SUN, SUN_FAST, HOUR, WEEKEND, LEVEL, LEVEL_TEMP = range(9)
"""Columns of a feature table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherErrors:
    """How wrong weather forecasts are, so that the forecaster neither trusts them too much nor its bands too little.

    Parameters
    ----------
    temp_sigma_k, temp_phi : stationary error of the temperature [K], and what is left of it after an hour
    sun_sigma, sun_phi : the same of the sun, as a share of it
    seed : of the errors that the forecaster learns with
    """

    temp_sigma_k: float = TEMP_SIGMA_K
    temp_phi: float = TEMP_PHI
    sun_sigma: float = SUN_SIGMA
    sun_phi: float = SUN_PHI
    seed: int = 0


PERFECT_WEATHER = WeatherErrors(temp_sigma_k=0.0, sun_sigma=0.0)
"""For forecasts that are the very series that comes."""


def low_pass(series: Floats, time_constant_h: float) -> Floats:
    """First-order low-pass of an hourly series without gaps, settled on its first value.

    Parameters
    ----------
    series : any unit
    time_constant_h : above 0
    """
    keep = float(np.exp(-1.0 / time_constant_h))
    filtered, _ = lfilter([1.0 - keep], [1.0, -keep], series, zi=[keep * series[0]])
    return np.asarray(filtered)


def without_gaps(series: Floats) -> Floats:
    """Bridge unknown hours by a straight line, hold the ends; nan throughout where nothing is known."""
    known = np.flatnonzero(~np.isnan(series))
    if not known.size or known.size == series.size:
        return series
    return np.interp(np.arange(series.size), known, series[known])


def last_known_day(demand_w: Floats, outdoor_c: Floats) -> tuple[Floats, Floats]:
    """Mean demand of the 24 hours that end with each hour, and the mean outdoor temperature of the same hours.

    A day with fewer than 12 known hours is replaced by the last better one, up to a week old; nan before there is any.
    """
    known = ~np.isnan(demand_w)
    count = _trailing_sum(known.astype(np.float64))
    total = _trailing_sum(np.where(known, demand_w, 0.0))
    warmth = _trailing_sum(outdoor_c) / np.minimum(np.arange(1, demand_w.size + 1), DAY_H)
    good = count >= min(_LEAST_OF_DAY_H, demand_w.size)
    place = np.arange(demand_w.size)
    last = np.maximum.accumulate(np.where(good, place, -1))
    fresh = (last >= 0) & (place - last <= _STALE_AFTER_H)
    at = np.maximum(last, 0)
    level = np.where(fresh, total[at] / np.maximum(count[at], 1.0), np.nan)
    return level, np.where(fresh, warmth[at], np.nan)


def training_table(history: HeatHistory, errors: WeatherErrors) -> Floats:
    """Features of every hour of a history as they would have stood in a forecast of it, issued 1 to 48 hours before.

    Each hour gets one lead, spread evenly over 1 to 48, and weather with forecast errors grown since its issue.

    Parameters
    ----------
    history : with gaps
    errors : of the weather forecasts

    Returns
    -------
    shape (hours, 9); rows with nan are not to be learned from
    """
    n = len(history)
    place = np.arange(n)
    lead = 1 + np.floor(np.mod(place * _GOLDEN, 1.0) * LONGEST_AHEAD_H).astype(np.int64)
    issue = place - lead
    outdoor, sun = without_gaps(history.outdoor_c), without_gaps(history.sun_w_per_m2)
    table = np.empty((n, 9))
    table[:, :HOUR] = _weather_columns(outdoor, sun) + _grown_errors(sun, issue, lead, errors)
    table[:, SUN:HOUR] = np.maximum(table[:, SUN:HOUR], 0.0)
    level, level_temp = last_known_day(history.demand_w, outdoor)
    had = issue >= 0
    table[:, LEVEL] = np.where(had, level[np.maximum(issue, 0)], np.nan)
    table[:, LEVEL_TEMP] = np.where(had, level_temp[np.maximum(issue, 0)], np.nan)
    _clock_columns(table, history.hour_of_week)
    table[np.isnan(history.outdoor_c) | np.isnan(history.sun_w_per_m2), :HOUR] = np.nan
    return table


def ahead_table(recent: HeatHistory, ahead: WeatherAhead) -> Floats:
    """Features of the hours after `recent`, from what is known at its end and the weather forecast.

    Returns
    -------
    shape (hours ahead, 9); columns LEVEL and LEVEL_TEMP are nan where the last week of `recent` is unknown
    """
    past_c, past_sun = without_gaps(recent.outdoor_c), without_gaps(recent.sun_w_per_m2)
    # where all of the past weather is unknown, the forecast starts the filters by itself
    outdoor = np.concatenate([past_c if not np.isnan(past_c[0]) else past_c[:0], ahead.outdoor_c])
    sun = np.concatenate([past_sun if not np.isnan(past_sun[0]) else past_sun[:0], ahead.sun_w_per_m2])
    h = len(ahead)
    table = np.empty((h, 9))
    table[:, OUTDOOR], table[:, SUN] = ahead.outdoor_c, ahead.sun_w_per_m2
    table[:, FAST], table[:, SLOW] = low_pass(outdoor, FAST_H)[-h:], low_pass(outdoor, SLOW_H)[-h:]
    table[:, SUN_FAST] = low_pass(sun, FAST_H)[-h:]
    level, level_temp = last_known_day(recent.demand_w, past_c)
    table[:, LEVEL], table[:, LEVEL_TEMP] = level[-1], level_temp[-1]
    _clock_columns(table, ahead.hour_of_week)
    return table


def _clock_columns(table: Floats, hour_of_week: Ints) -> None:
    table[:, HOUR] = hour_of_week % DAY_H
    table[:, WEEKEND] = hour_of_week >= 5 * DAY_H


def _weather_columns(outdoor: Floats, sun: Floats) -> Floats:
    return np.stack([outdoor, low_pass(outdoor, FAST_H), low_pass(outdoor, SLOW_H), sun, low_pass(sun, FAST_H)], axis=1)


def _grown_errors(sun: Floats, issue: Ints, lead: Ints, errors: WeatherErrors) -> Floats:
    """Errors of the five weather columns of each row, whose forecast was issued `lead` hours before; (rows, 5)."""
    n = issue.size
    grown = np.zeros((n, 5))
    if errors.temp_sigma_k == 0.0 and errors.sun_sigma == 0.0:
        return grown
    first = LONGEST_AHEAD_H  # issues before the history's first hour have shocks of their own
    temp_shock = shocks(0, n + first, errors.seed) * errors.temp_sigma_k * np.sqrt(1.0 - errors.temp_phi**2)
    sun_shock = shocks(0, n + first, errors.seed + 1) * errors.sun_sigma * np.sqrt(1.0 - errors.sun_phi**2)
    keep = np.exp(-1.0 / np.array([FAST_H, SLOW_H]))
    now = np.zeros((n, 5))
    cloud = np.zeros(n)
    for k in range(1, LONGEST_AHEAD_H + 1):
        hour = issue + k
        now[:, OUTDOOR] = errors.temp_phi * now[:, OUTDOOR] + temp_shock[np.minimum(hour + first, n + first - 1)]
        cloud = errors.sun_phi * cloud + sun_shock[np.minimum(hour + first, n + first - 1)]
        now[:, SUN] = np.maximum(cloud, -1.0) * sun[np.clip(hour, 0, n - 1)]
        now[:, FAST] = keep[0] * now[:, FAST] + (1.0 - keep[0]) * now[:, OUTDOOR]
        now[:, SLOW] = keep[1] * now[:, SLOW] + (1.0 - keep[1]) * now[:, OUTDOOR]
        now[:, SUN_FAST] = keep[0] * now[:, SUN_FAST] + (1.0 - keep[0]) * now[:, SUN]
        here = lead == k
        grown[here] = now[here]
    return grown


def _trailing_sum(series: Floats) -> Floats:
    sums = np.concatenate(([0.0], np.cumsum(series)))
    return sums[1:] - sums[np.maximum(np.arange(1, series.size + 1) - DAY_H, 0)]
