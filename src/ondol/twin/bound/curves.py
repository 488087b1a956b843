"""Work as cumulative curves: what can be done by each step, and what must be.

An instance runs in one go of its own: no more of it can be done by a time than the quickest node could have done since
it was submitted, and what it still lacks at a time must fit between that time and when it is due. Summed over a class
these are two ramps, and every schedule lies between them but for what it is charged for being late (`lateness`): an
instance of five days is not done in an hour by sixty nodes.
"""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints, ServiceClass
from ondol.twin.bound.problem import WorkClass
from ondol.twin.lateness import due_s
from ondol.twin.scenario.series import Series
from ondol.twin.workload.jobs import Jobs

_NEVER = -1  # the class of what is not due within the horizon
_GRAIN = 1e-9  # of all work: sums of floats


def work_of(jobs: Jobs, series: Series, quickest: float, *, late: float, unfinished: float) -> tuple[WorkClass, ...]:
    """Give the classes of a scenario's work.

    Parameters
    ----------
    quickest : speed of the quickest node, above 0 [node-s per s]
    late, unfinished : cost of a node-second that is late, and of one without a due time that is left at the end
    """
    ends_s = np.arange(1, series.steps + 1, dtype=np.float64) * float(series.step_s)
    due, work = due_s(jobs), jobs.run_s * jobs.slots
    inside = jobs.submitted_s < ends_s[-1]
    kinds = np.where(due <= ends_s[-1], jobs.service, _NEVER)
    classes: list[WorkClass] = []
    for kind in (ServiceClass.ON_DEMAND, ServiceClass.FLEX, ServiceClass.HARVEST, _NEVER):
        mine = np.flatnonzero(inside & (kinds == kind))
        if not len(mine):
            continue
        pace = np.asarray(quickest * jobs.slots[mine], dtype=np.float64)
        latest = np.zeros(series.steps)
        if kind != _NEVER:
            # who cannot be in time is charged for it: what is due of it is what it can have done
            in_time = np.minimum(work[mine], pace * np.maximum(due[mine] - jobs.submitted_s[mine], 0.0))
            latest = ramp(ends_s, np.asarray(due[mine] - in_time / pace, dtype=np.float64), pace, in_time)
        done = ramp(ends_s, jobs.submitted_s[mine], pace, work[mine])
        done[-1] = float(work[mine].sum())  # whatever is left is charged at the end
        grain = _GRAIN * done[-1]
        released = np.minimum(np.maximum.accumulate(done + grain), done[-1])
        due_by = np.clip(np.maximum.accumulate(latest - grain), 0.0, released)
        classes.append(WorkClass(released=released, due=due_by, late_cost=unfinished if kind == _NEVER else late))
    return tuple(classes)


def ramp(at_s: Floats, begin_s: Floats, pace: Floats, most: Floats) -> Floats:
    """Sum at each time, Σ min(most, pace · max(0, at − begin)) [node-s].

    Parameters
    ----------
    at_s : (T,) times, ascending
    begin_s, pace, most : (N,) when each begins, what it does per second, above 0, and all that it does
    """
    if not len(begin_s):
        return np.zeros(len(at_s))
    corners_s = np.concatenate([begin_s, begin_s + most / pace])
    order: Ints = np.argsort(corners_s, kind="stable")
    slopes = np.concatenate([pace, -pace])[order]
    # from the last corner before, so that no large times are multiplied
    corners_s = corners_s[order]
    steepness = np.cumsum(slopes)
    heights = np.concatenate([[0.0], np.cumsum(steepness[:-1] * np.diff(corners_s))])
    last = np.searchsorted(corners_s, at_s, side="right") - 1
    there = np.maximum(last, 0)
    values = heights[there] + steepness[there] * (at_s - corners_s[there])
    return np.asarray(np.where(last >= 0, values, 0.0))
