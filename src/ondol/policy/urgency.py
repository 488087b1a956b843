"""Which work cannot wait any longer, and by when the rest must start."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ondol.model.view import Bools, Floats, Ints, Phase, ServiceClass, View
from ondol.policy.standing import Standing, queue

UNKNOWN_RUN_S = 2224.0  # mean run time of 15,922 instances of the public GRECO trace (landscape.md §2.4)
STRETCH = 1.3  # on expected run times: they are means, and a shared machine is slower than an empty one
MARGIN_S = 600.0  # for staging, uploading and one missed decision
PATIENCE_S = 900.0  # flex work without a deadline starts so soon: of what nobody declared, little is taken
LONGEST_S = 86_400.0  # and once it runs, its thermostat may slow it down for so long


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Urgency:
    """The queue by urgency.

    Parameters
    ----------
    latest_start_s : per instance, when work must begin, or go on, at full speed to be in time [s since the epoch]
    pressing : queued rows that cannot wait: on_demand first, then flex whose time has come
    patient : queued flex rows that can, the most urgent first
    pressing_held : per instance, whether it holds a slot and must run at full speed
    """

    latest_start_s: Floats
    pressing: Ints
    patient: Ints
    pressing_held: Bools


def queued_latest_start_s(deadline_s: float, submitted_s: float, expected_s: float, speed_cap: float = 1.0) -> float:
    """By when a queued instance must begin, as `urgency` says it: the order in which flex work is served.

    Parameters
    ----------
    deadline_s : inf where there is none [s since the epoch]
    expected_s : run time at full speed, nan where nothing is known [s]
    speed_cap : share of full speed that it takes at most, above 0 to 1
    """
    if math.isinf(deadline_s):
        return submitted_s + PATIENCE_S
    run_s = (UNKNOWN_RUN_S if math.isnan(expected_s) else expected_s) / speed_cap
    return deadline_s - STRETCH * run_s - MARGIN_S


def left_s(view: View) -> Floats:
    """Expected rest of every run where heat slows nothing down: at full speed, or at the cap of its task [s]."""
    work_s, speed_cap = work_left_s(view), view.instances.speed_cap
    return work_s / speed_cap if len(speed_cap) else work_s


def work_left_s(view: View) -> Floats:
    """Work that is left of every run, as seconds at full speed, a tenth at least: expectations are means [s]."""
    instances = view.instances
    expected_s = np.where(np.isnan(instances.expected_s), UNKNOWN_RUN_S, instances.expected_s)
    return np.maximum(expected_s - instances.done_s, 0.1 * expected_s)


def urgency(view: View, now: Standing, lag_s: float = 0.0) -> Urgency:
    """Sort work by how long it can wait.

    Latest start = deadline - 1.3 · what is left of the run - margin. Work without a deadline has one `LONGEST_S` after
    it was submitted, but waits in the queue for no more than `PATIENCE_S`.

    Parameters
    ----------
    lag_s : time until the next decision, beyond one that is missed: who would be late by then cannot wait [s]
    """
    instances = view.instances
    declared = np.isfinite(instances.deadline_s)
    deadline_s = np.where(declared, instances.deadline_s, instances.submitted_s + LONGEST_S)
    latest_start_s = deadline_s - STRETCH * left_s(view) - MARGIN_S - lag_s
    queued = instances.phase == Phase.QUEUED
    latest_start_s = np.where(~declared & queued, instances.submitted_s + PATIENCE_S, latest_start_s)
    flex = queue(view, ServiceClass.FLEX)
    flex = flex[np.argsort(latest_start_s[flex], kind="stable")]
    late = latest_start_s[flex] <= view.now_s
    must_run = (instances.service == ServiceClass.ON_DEMAND) | (
        (instances.service == ServiceClass.FLEX) & (latest_start_s <= view.now_s)
    )
    return Urgency(
        latest_start_s=latest_start_s,
        pressing=np.concatenate([queue(view, ServiceClass.ON_DEMAND), flex[late]]),
        patient=flex[~late],
        pressing_held=must_run & (now.active | (instances.phase == Phase.PAUSED)),
    )
