"""Work that comes too late, or not at all: charged alike to policies and to the bound."""

from __future__ import annotations

import numpy as np

from ondol.accounting.figures import J_PER_KWH
from ondol.model.view import Floats, ServiceClass
from ondol.twin.scenario.nouns import Scenario
from ondol.twin.scenario.series import Series
from ondol.twin.workload.jobs import Jobs

ON_DEMAND_STRETCH = 1.1
ON_DEMAND_SLACK_S = 900.0
"""On-demand work is to be done within 1.1 times its run time and a quarter of an hour after it was submitted."""

LATE_TIMES = 3.0
"""Late work costs so many times what heat or overflow could ever spare by it: nobody gains by being late."""


def due_s(jobs: Jobs) -> Floats:
    """By when each instance is to be done; inf where nothing says so [s from the begin]."""
    at_once = jobs.submitted_s + ON_DEMAND_STRETCH * jobs.least_run_s + ON_DEMAND_SLACK_S
    return np.where(jobs.service == ServiceClass.ON_DEMAND, np.minimum(at_once, jobs.deadline_s), jobs.deadline_s)


def unfinished_rate(scenario: Scenario, rate_per_kwh: Floats) -> float:
    """What a second of work costs that is left at the end: the overflow site at full power, at the mean rate.

    Parameters
    ----------
    rate_per_kwh : (steps,) carbon or price of electricity over the scenario
    """
    return scenario.overflow.max_w * scenario.overflow.pue * float(rate_per_kwh.mean()) / J_PER_KWH


def late_rate(scenario: Scenario, series: Series, rate_per_kwh: Floats, backup_per_kwh: Floats) -> float:
    """What a second of work costs that is not done when it is due."""
    steps = series.steps
    highest = max(float(rate_per_kwh[:steps].max()) * scenario.overflow.pue, float(backup_per_kwh[:steps].max()))
    return LATE_TIMES * highest * scenario.overflow.max_w / J_PER_KWH
