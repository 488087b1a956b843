"""Stretches of readings over which a model runs open loop: from a measured start, on measured inputs, uncorrected."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ondol.model.errors import InvalidFieldError
from ondol.thermal.arrays import Floats, check_step
from ondol.thermal.forecast.series import Ints

WINDOW_S = 86_400.0
STRIDE_S = 21_600.0
POINT_S = 3_600.0
"""Windows of a day begin every six hours and are compared every hour."""

TOGETHER = 24.0
"""Residuals that say what one independent one would: four windows overlap, and an error lasts some six hours."""


class Windows(NamedTuple):
    """Windows of different lengths and the moments at which they are compared.

    Parameters
    ----------
    start, length : first step and number of steps, shape (windows,)
    window, step : of each compared moment: row of its window, steps after its start
    """

    start: Ints
    length: Ints
    window: Ints
    step: Ints


def windows(
    inputs_known: NDArray[np.bool_], start_known: NDArray[np.bool_], seen: NDArray[np.bool_], step_s: float
) -> Windows:
    """Lay windows over the readings; a gap in the inputs ends a window early, one of under 2 h is not used.

    Parameters
    ----------
    inputs_known : of each step, whether all that acts in it is known, shape (n,)
    start_known : of each moment, whether a window may begin there, shape (n,)
    seen : of each moment, whether the temperature was measured, shape (n,)
    step_s : between readings
    """
    n = inputs_known.size
    full, stride = round(WINDOW_S / step_s), max(1, round(STRIDE_S / step_s))
    every = max(1, round(POINT_S / step_s))
    broken = np.flatnonzero(~inputs_known)
    starts, lengths = [], []
    at = 0
    while at < n - 1:
        if not start_known[at]:
            at += 1
            continue
        ahead = broken[np.searchsorted(broken, at) :]
        end = int(ahead[0]) if ahead.size else n - 1  # moment `end` is the last that the inputs reach
        reach = min(full, end - at)
        if reach >= 2 * every:
            starts.append(at)
            lengths.append(reach)
        at += stride if reach == full else max(1, reach)
    start, length = np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64)
    rows = [np.arange(every, reach + 1, every) for reach in lengths]
    window = np.repeat(np.arange(len(rows)), [row.size for row in rows])
    step = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    kept = seen[start[window] + step] if rows else np.zeros(0, dtype=np.bool_)
    return Windows(start, length, window[kept], step[kept])


def covered_days(laid: Windows, step_s: float) -> float:
    """Days that lie in any window."""
    if not laid.start.size:
        return 0.0
    covered = np.zeros(int((laid.start + laid.length).max()), dtype=np.bool_)
    for first, length in zip(laid.start.tolist(), laid.length.tolist(), strict=True):
        covered[first : first + length] = True
    return float(covered.sum()) * step_s / WINDOW_S


def checked_readings(
    owner: str, step_s: float, spans: dict[str, tuple[Floats, float, float, str]]
) -> dict[str, Floats]:
    """Read series of one length as read-only copies, nan for gaps.

    Parameters
    ----------
    owner : for messages
    step_s : between readings, 60 to 3600 s
    spans : field → (values, lowest, highest, unit)

    Raises
    ------
    InvalidFieldError : infinities, values out of range, lengths that differ, steps too short or too long
    """
    check_step(step_s)
    if not 60.0 <= step_s <= 3600.0:
        raise InvalidFieldError(f"{owner}.step_s", step_s, "60 to 3600 s")
    read: dict[str, Floats] = {}
    for field, (values, low, high, unit) in spans.items():
        series = np.array(values, dtype=np.float64)
        allowed = f"numbers from {low:g} to {high:g} {unit}, nan where unknown"
        if series.ndim != 1 or series.size < 2:
            raise InvalidFieldError(f"{owner}.{field}", series.shape, allowed)
        bad = np.flatnonzero(~(np.isnan(series) | ((series >= low) & (series <= high))))
        if bad.size:
            raise InvalidFieldError(f"{owner}.{field}[{bad[0]}]", float(series[bad[0]]), allowed)
        first = next(iter(read.values()), series)
        if series.size != first.size:
            raise InvalidFieldError(f"{owner}.{field}", series.size, f"{first.size} readings")
        series.flags.writeable = False
        read[field] = series
    return read


def gridded(time_s: Floats, values: Floats, step_s: float, start_s: float, count: int) -> Floats:
    """Mean of irregular readings in each step; nan where none fell.

    Parameters
    ----------
    time_s, values : readings; those outside of the grid or nan are left out
    step_s, start_s, count : step k reaches from ``start_s + k step_s`` to before ``start_s + (k + 1) step_s``

    Raises
    ------
    InvalidFieldError : lengths that differ, a time that is not finite
    """
    times, series = np.asarray(time_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if times.shape != series.shape or times.ndim != 1 or not np.all(np.isfinite(times)):
        raise InvalidFieldError("time_s", times.shape, f"finite times, one for each of {series.shape} readings")
    step = np.floor((times - start_s) / step_s)
    fine = (step >= 0) & (step < count) & ~np.isnan(series)
    place = step[fine].astype(np.int64)
    hits = np.bincount(place, minlength=count)
    sums = np.bincount(place, weights=series[fine], minlength=count)
    return np.where(hits > 0, sums / np.maximum(hits, 1), np.nan)
