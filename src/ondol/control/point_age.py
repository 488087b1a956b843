"""Latest values of points as they are told: one that is older than it may be is stale, whatever it was when it came."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ondol.agent.recorder import BACKUP_S
from ondol.model.binding import Binding
from ondol.model.points import PointReading, Quality

LEAST_S = 600.0
"""A value that is younger is never stale here: sites tell theirs in batches, over links that come and go [s]."""
_INTERVALS = 3.0  # as `Binding.stale_after_s` says


def as_aged(
    reading: PointReading | None, now: dt.datetime, *, binding: Binding | None, interval_s: float
) -> PointReading | None:
    """Give a latest reading with the quality that it has by now.

    Parameters
    ----------
    binding, interval_s : of its point, None where it is not bound, and between two polls of its connection [s]
    """
    if reading is None or reading.quality is Quality.SUSPECT:
        return reading
    usual_s = max(_INTERVALS * interval_s, LEAST_S)
    if reading.quality is Quality.ESTIMATED:  # what other heaters were told is written at changes, and so often
        usual_s = max(usual_s, 2.0 * BACKUP_S)
    if binding is not None and binding.stale_after_s > 0.0:
        usual_s = max(binding.stale_after_s, LEAST_S)
    old = (now - reading.measured_at).total_seconds() > usual_s
    return dataclasses.replace(reading, quality=Quality.STALE) if old else reading
