"""Time above temperatures at the coldest sensor of a tank, in a rolling window of bounded memory.

The window is kept in buckets of 15 minutes: at most 672 rows for a week. A bucket that is no longer wholly inside the
window does not count. Time is counted between two readings only, and only if both are above: a gap, a spike, a repeated
old value or a jump of the clock adds nothing.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace

from ondol.agent.hygiene.policy import LEVELS_C, HygienePolicy

BUCKET_S = 900.0
LONGEST_GAP_S = 180.0  # as `sensor_loss.FRESH_S`: an older reading counts as lost


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackMemory:
    """What is kept of a tank; all of it is JSON.

    Parameters
    ----------
    buckets : (number since the epoch, seconds above each of `LEVELS_C`), oldest first
    seen_s : when the last counted reading was measured, 0 for never [s since the epoch]
    stepped_s : time of the last step [s since the epoch]
    coldest_c : that reading, None while lost [°C]
    begun_s : when the tank was first watched, or last known to be under its outlet rule for a whole window
    outlet_since_s : since when the outlet has been hot enough without a gap, 0 where it is not
    """

    buckets: tuple[tuple[int, float, float, float], ...] = ()
    seen_s: float = 0.0
    stepped_s: float = 0.0
    coldest_c: float | None = None
    begun_s: float = 0.0
    outlet_since_s: float = 0.0


def track(
    policy: HygienePolicy,
    memory: TrackMemory,
    now: dt.datetime,
    *,
    measured_at: dt.datetime | None,
    coldest_c: float,
    outlet_c: float,
) -> tuple[TrackMemory, tuple[float, ...]]:
    """Count the time since the last step.

    Parameters
    ----------
    measured_at : of the reading, None where the sensor is lost
    coldest_c, outlet_c : coldest sensor of the store, and the one at its outlet; nan where lost [°C]

    Returns
    -------
    the memory, and the seconds just added above each of `LEVELS_C`
    """
    now_s = now.timestamp()
    lost = measured_at is None or not math.isfinite(coldest_c) or not math.isfinite(outlet_c)
    begun_s = memory.begun_s if 0.0 < memory.begun_s <= now_s else now_s
    measured_s = now_s if measured_at is None else min(measured_at.timestamp(), now_s)
    elapsed_s = min(measured_s - memory.seen_s, now_s - memory.stepped_s)
    steady = not lost and memory.coldest_c is not None and 0.0 <= elapsed_s <= LONGEST_GAP_S
    added = (0.0, 0.0, 0.0)
    if steady and memory.coldest_c is not None:
        low_c = min(memory.coldest_c, coldest_c)
        added = tuple(elapsed_s if low_c >= level_c else 0.0 for level_c in LEVELS_C)  # type: ignore[assignment]
    buckets = _within(memory.buckets, now_s, policy.window_s)
    if any(added):
        buckets = _added(buckets, int(now_s // BUCKET_S), added)
    since_s = 0.0
    if not lost and outlet_c >= policy.outlet_c:  # never for nan
        since_s = memory.outlet_since_s if steady and memory.outlet_since_s else now_s
    if since_s and now_s - since_s >= policy.window_s:
        begun_s = now_s
    return replace(
        memory,
        buckets=buckets,
        seen_s=memory.seen_s if lost else measured_s,
        stepped_s=now_s,
        coldest_c=None if lost else coldest_c,
        begun_s=begun_s,
        outlet_since_s=since_s,
    ), added


def above_s(memory: TrackMemory) -> tuple[float, ...]:
    """Seconds above each of `LEVELS_C` in the window [s]."""
    return tuple(sum(bucket[k + 1] for bucket in memory.buckets) for k in range(len(LEVELS_C)))


def due_s(policy: HygienePolicy, memory: TrackMemory) -> float:
    """By when the rule has to be met anew, so that it holds without a break [s since the epoch].

    A tank that is new to us has one window's time.
    """
    best_s = memory.begun_s
    for temp_c, need_s in policy.alternatives:
        k, sum_s = LEVELS_C.index(temp_c) + 1, 0.0
        for bucket in reversed(memory.buckets):
            sum_s += bucket[k]
            if sum_s >= need_s:
                best_s = max(best_s, bucket[0] * BUCKET_S)
                break
    return best_s + policy.window_s


def _within(
    buckets: tuple[tuple[int, float, float, float], ...], now_s: float, window_s: float
) -> tuple[tuple[int, float, float, float], ...]:
    """Without buckets that began before the window, or that a clock which was wrong left in the future."""
    first, last = (now_s - window_s) / BUCKET_S, now_s / BUCKET_S
    return tuple(bucket for bucket in buckets if first <= bucket[0] <= last)


def _added(
    buckets: tuple[tuple[int, float, float, float], ...], number: int, added: tuple[float, ...]
) -> tuple[tuple[int, float, float, float], ...]:
    old = buckets[-1] if buckets and buckets[-1][0] == number else (number, 0.0, 0.0, 0.0)
    kept = buckets[:-1] if buckets and buckets[-1][0] == number else buckets
    return (*kept, (number, old[1] + added[0], old[2] + added[1], old[3] + added[2]))
