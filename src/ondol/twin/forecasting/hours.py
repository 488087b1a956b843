"""Means of series of one width over spans of another: steps to hours, hours to the spans of a forecast."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np

from ondol.model.view import Floats, Ints

HOUR_S = 3600.0
DAY_H = 24


def means_over(values: Floats, width_s: float, edges_s: Floats) -> Floats:
    """Means of rows of held values between edges.

    Parameters
    ----------
    values : (rows, n), each held for `width_s` from 0 on; (n,) is taken as one row
    edges_s : (m + 1,) rising, within 0 to ``n · width_s``; what lies beyond is cut off there

    Returns
    -------
    (rows, m); the value at its place where a span has no length
    """
    rows = np.atleast_2d(values)
    count = rows.shape[1]
    place = np.clip(edges_s / width_s, 0.0, count)
    whole = np.minimum(place.astype(np.int64), count - 1)
    sums = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows, axis=1)], axis=1)
    at = sums[:, whole] + (place - whole) * rows[:, whole]
    length = np.diff(place)
    safe = np.where(length > 0.0, length, 1.0)
    return np.asarray(np.where(length > 0.0, np.diff(at, axis=1) / safe, rows[:, whole[:-1]]))


def hourly(values: Floats, step_s: float) -> Floats:
    """Means of each hour from the first step on, (rows, hours); the last one may be of a part of an hour."""
    hours = int(np.ceil(np.atleast_2d(values).shape[1] * step_s / HOUR_S - 1e-9))
    return means_over(values, step_s, np.asarray(np.arange(hours + 1) * HOUR_S, dtype=np.float64))


def hours_of_week(begin_s: float, hours: int, timezone: str) -> Ints:
    """Hour of the week, 0 from Monday 00:00, of each hour from a moment on, by a place's clock.

    Parameters
    ----------
    begin_s : of the first hour [s since the epoch]
    timezone : name of the IANA database
    """
    zone = ZoneInfo(timezone)
    found = np.empty(hours, dtype=np.int64)
    for day in range(-(-hours // DAY_H)):
        at = dt.datetime.fromtimestamp(begin_s + day * DAY_H * HOUR_S, dt.UTC).astimezone(zone)
        part = slice(day * DAY_H, min((day + 1) * DAY_H, hours))
        found[part] = (at.weekday() * DAY_H + at.hour + np.arange(part.stop - part.start)) % (7 * DAY_H)
    return found
