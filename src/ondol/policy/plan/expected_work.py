"""Work that is expected to come: what came in the same hours of the days before."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints

MOST_DAYS = 7
"""Days before that are looked at: a whole week, so that each kind of day has its part."""


def expected_work_s(sums: Floats, first: Ints, ends: Ints, day: int) -> Floats:
    """Give the work that will come in some spans: the mean of what came in them on the days before, at most a week.

    On the first day it is the mean so far; before anything could come it is 0.

    Parameters
    ----------
    sums : (kinds, steps + 1) full-speed seconds of work submitted before each step; known up to now at least [s]
    first, ends : steps at which the spans begin and end, one after the other; now is `first[0]`
    day : steps of a day

    Returns
    -------
    (kinds, spans) [s]
    """
    now = int(first[0])
    if now == 0:
        return np.zeros((len(sums), len(first)))
    days = min(MOST_DAYS, now // day)
    if days == 0:
        return np.asarray(sums[:, now : now + 1] / now * (ends - first))
    total = np.zeros((len(sums), len(first)))
    ahead = (ends - 1 - now) // day  # a span of the day after tomorrow is looked up a day further back
    for back in range(1, days + 1):
        shift = day * (back + ahead)
        total += sums[:, np.maximum(ends - shift, 0)] - sums[:, np.maximum(first - shift, 0)]
    return np.asarray(total / days)
