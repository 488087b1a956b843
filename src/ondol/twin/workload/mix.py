"""Says which work must run at once, which has time and which runs on heat alone, where a trace does not say it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import ndtri

from ondol.model.checks import check_choice, check_range
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, Ints, ServiceClass
from ondol.twin.workload.draws import uniforms
from ondol.twin.workload.jobs import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMix:
    """Shares of tasks by service class. An assumption of a study: no public trace states them for heat-led work.

    Parameters
    ----------
    on_demand, flex, harvest, filler : shares of the tasks, 0 to 1, together 1
    slack_p50 : median of the slack of flexible work, above 1: the time to the deadline is slack × run time
    slack_sigma : spread of ln(slack − 1), normal; 0 to 5
    slack_choices : if given, slacks of 1 or more that are equally likely, in place of the two above
    slack_min_s : least time to spare before the deadline, so that work of seconds may wait too; 0 to 1e9 [s]
    resumable : share of the tasks whose stopped attempts lose no work, 0 to 1
    by : ``task``: each task draws; ``user``: all tasks of a known user are of the class that the user drew

    Raises
    ------
    InvalidFieldError : a number out of range, or shares that do not add up
    """

    on_demand: float = 1.0
    flex: float = 0.0
    harvest: float = 0.0
    filler: float = 0.0
    slack_p50: float = 4.0
    slack_sigma: float = 0.8
    slack_choices: tuple[float, ...] = ()
    slack_min_s: float = 0.0
    resumable: float = 0.0
    by: Literal["task", "user"] = "task"

    def __post_init__(self) -> None:
        for name in ("on_demand", "flex", "harvest", "filler", "resumable"):
            check_range(f"mix.{name}", getattr(self, name), 0.0, 1.0)
        if abs(sum(self.shares) - 1.0) > 1e-9:
            raise InvalidFieldError("mix", self.shares, "shares on_demand, flex, harvest and filler that add up to 1")
        check_range("mix.slack_p50", self.slack_p50, 1.0 + 1e-6, 1e6)
        check_range("mix.slack_sigma", self.slack_sigma, 0.0, 5.0)
        for slack in self.slack_choices:
            check_range("mix.slack_choices", slack, 1.0, 1e6)
        check_range("mix.slack_min_s", self.slack_min_s, 0.0, 1e9, "s")
        check_choice("mix.by", self.by, ("task", "user"))

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """Shares in the order of ServiceClass."""
        return (self.on_demand, self.flex, self.harvest, self.filler)


def classify(trace: Trace, mix: ServiceMix, seed: int) -> Trace:
    """Give each task a service class, a deadline if it is flexible, and a word on whether it is resumable.

    What a task draws depends on its number (by user: its user's) and the seed alone. All instances of a task get the
    same: class, deadline = last submission in the task + max(slack × longest run, longest run + slack_min_s), flag.
    What the trace said before of the three is replaced.

    Parameters
    ----------
    seed : 0 to 2⁶³ − 1

    Raises
    ------
    InvalidFieldError : a seed out of range
    """
    jobs = trace.jobs
    tasks = np.arange(jobs.tasks)
    task_class = np.minimum(
        np.searchsorted(np.cumsum(mix.shares), uniforms(seed, "class", tasks), side="right"), _last_used(mix)
    )
    service: Ints = task_class[jobs.task]
    if mix.by == "user":
        users = np.arange(int(jobs.user.max(initial=-1)) + 1)
        user_class = np.searchsorted(np.cumsum(mix.shares), uniforms(seed, "class of user", users), side="right")
        drawn = np.append(np.minimum(user_class, _last_used(mix)), -1)[jobs.user]
        service = np.where(jobs.user >= 0, drawn, service)
    last_s, longest_s = np.zeros(len(tasks)), np.zeros(len(tasks))
    np.maximum.at(last_s, jobs.task, jobs.submitted_s)
    np.maximum.at(longest_s, jobs.task, jobs.least_run_s)
    spare_s = np.maximum((_slack(mix, tasks, seed) - 1.0) * longest_s, mix.slack_min_s)
    due_s = (last_s + longest_s + spare_s)[jobs.task]
    counts = np.bincount(service, minlength=len(ServiceClass))
    said = ", ".join(f"{int(counts[kind])} {kind.name.lower()}" for kind in ServiceClass)
    return replace(
        trace,
        jobs=replace(
            jobs,
            service=service.astype(np.int64),
            deadline_s=np.where(service == ServiceClass.FLEX, due_s, np.inf),
            resumable=(uniforms(seed, "resumable", tasks) < mix.resumable)[jobs.task],
        ),
        notes=(*trace.notes, f"service classes are drawn (seed {seed}), by instances: {said}"),
    )


def _slack(mix: ServiceMix, tasks: Ints, seed: int) -> Floats:
    lots = uniforms(seed, "slack", tasks)
    if mix.slack_choices:
        choices = np.array(mix.slack_choices)
        return np.asarray(choices[(lots * len(choices)).astype(np.int64)])
    return np.asarray(1.0 + np.exp(math.log(mix.slack_p50 - 1.0) + mix.slack_sigma * ndtri(lots)))


def _last_used(mix: ServiceMix) -> int:
    """Last class with a share: where the sum of shares is a rounding below 1, a lot above it is of that class."""
    return max(kind for kind, share in enumerate(mix.shares) if share > 0)
