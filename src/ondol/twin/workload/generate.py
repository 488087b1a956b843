"""Made-up work that looks like the jobs of a computing-heater fleet: office hours, bags of like jobs, long tails."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats, Ints, ServiceClass
from ondol.twin.workload.arrange import arrange
from ondol.twin.workload.draws import uniforms
from ondol.twin.workload.jobs import JOBS_MAX, Trace
from ondol.twin.workload.mix import ServiceMix, classify
from ondol.twin.workload.run_times import fit_run_times

OFFICE_HOURS = (4.0, *(1.0,) * 7, 2.0, 3.0, *(4.0,) * 6, 3.0, 2.0, *(1.0,) * 6)
"""Relative rate of submissions by hour of the day.

Users submit from 10 to 16 h, and a background peak stands between 0 h and 1 h (GRECO notes,
`infra/data_analysis.tex`, in AdwaitB/greco-notes). The notes give the hours, not the heights: 4 to 1 is an assumption.
"""

_HOUR_S, _DAY_H = 3600.0, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """What made-up work is like. Defaults are those of the two weeks of the GRECO trace (`read_greco`).

    Parameters
    ----------
    span_s : submissions lie in [0, span_s), 1 to 1e9 [s]
    tasks_per_day : mean, above 0 to 1e8; trace: 950 instants in 13.96 days
    instances_mean : mean of the geometric number of instances of a task, 1 to 1e5; trace: 15,922 in 950
    run_p50_s, run_p90_s, run_mean_s : of the run times of instances, see `fit_run_times` [s]
    alike : correlation of the normal scores of run times in a task, 0 to 1; trace: 0.88
    hourly : relative rate of submissions in each hour of the day, 24 numbers of 0 or more
    begin_h : hour of the day at 0 s, 0 to 24 [h]
    slots : that each instance takes, 1 to 1024
    users : how many there are, 1 to 1e6; the k-th most active one has 1/k of the tasks of the first (assumption)
    mix : service classes
    """

    span_s: float = 14 * 86_400.0
    tasks_per_day: float = 68.0
    instances_mean: float = 16.76
    run_p50_s: float = 652.0
    run_p90_s: float = 6_039.0
    run_mean_s: float | None = 2_224.0
    alike: float = 0.88
    hourly: tuple[float, ...] = OFFICE_HOURS
    begin_h: float = 0.0
    slots: int = 1
    users: int = 40
    mix: ServiceMix = field(default_factory=ServiceMix)

    def __post_init__(self) -> None:
        check_range("span_s", self.span_s, 1.0, 1e9, "s")
        check_range("tasks_per_day", self.tasks_per_day, 1e-9, 1e8)
        check_range("instances_mean", self.instances_mean, 1.0, 1e5)
        fit_run_times(self.run_p50_s, self.run_p90_s, self.run_mean_s)
        check_range("alike", self.alike, 0.0, 1.0)
        if len(self.hourly) != _DAY_H:
            raise InvalidFieldError("hourly", self.hourly, "24 numbers, one for each hour of the day")
        for hour, rate in enumerate(self.hourly):
            check_range(f"hourly[{hour}]", rate, 0.0, 1e9)
        if not sum(self.hourly) > 0:
            raise InvalidFieldError("hourly", self.hourly, "a rate above 0 in at least one hour")
        check_range("begin_h", self.begin_h, 0.0, 24.0, "h")
        check_whole("slots", self.slots, 1, 1024)
        check_whole("users", self.users, 1, 1_000_000)
        if self.jobs_mean > JOBS_MAX:
            raise InvalidFieldError("span_s", self.span_s, f"at most {JOBS_MAX} jobs in all; here {self.jobs_mean:.3g}")

    @property
    def jobs_mean(self) -> float:
        """Expected number of jobs where the span is of whole days."""
        return self.span_s / 86_400.0 * self.tasks_per_day * self.instances_mean

    @property
    def work_mean_s(self) -> float:
        """Expected slot-seconds of them [s]."""
        run_times = fit_run_times(self.run_p50_s, self.run_p90_s, self.run_mean_s)
        return self.jobs_mean * run_times.mean_s * self.slots


def generate(spec: GeneratorSpec, seed: int) -> Trace:
    """Make up work; the same spec and seed give the same work.

    Tasks arrive as an inhomogeneous Poisson process: arrivals of a process of rate 1 at sums of −ln u, carried over
    to time by the inverse of the cumulative rate. A task has a geometric number of instances that are submitted
    together, and their run times are of one distribution, coupled by a normal copula.

    Parameters
    ----------
    seed : 0 to 2⁶³ − 1

    Raises
    ------
    InvalidFieldError : a seed out of range
    """
    submitted_s = _arrivals(spec, seed)
    tasks = np.arange(len(submitted_s))
    sizes = _sizes(spec.instances_mean, uniforms(seed, "instances", tasks))
    task = np.repeat(tasks, sizes)
    jobs = np.arange(len(task))
    normal = math.sqrt(spec.alike) * ndtri(uniforms(seed, "run of task", tasks))[task]
    normal += math.sqrt(1.0 - spec.alike) * ndtri(uniforms(seed, "run", jobs))
    run_times = fit_run_times(spec.run_p50_s, spec.run_p90_s, spec.run_mean_s)
    activity = np.cumsum(1.0 / np.arange(1, spec.users + 1))
    user = np.searchsorted(activity, uniforms(seed, "user", tasks) * activity[-1])
    trace = arrange(
        submitted_s=submitted_s[task],
        # ndtr of a normal beyond 8.3 is 1, whose quantile would be the end of an uncut distribution: inf
        run_s=run_times.quantile_s(np.minimum(ndtr(normal), 1.0 - 2.0**-53)),
        slots=np.full(len(jobs), spec.slots, dtype=np.int64),
        task=task,
        user=np.minimum(user, spec.users - 1)[task],
        service=np.full(len(jobs), ServiceClass.ON_DEMAND, dtype=np.int64),
        deadline_s=np.full(len(jobs), np.inf),
        resumable=np.zeros(len(jobs), dtype=np.bool_),
        data=np.full(len(jobs), -1, dtype=np.int64),
        number=jobs,
        data_bytes=np.zeros(0),
        source=f"made up by ondol.twin.workload.generate, seed {seed}: {spec}",
        notes=("synthetic: no job of it was ever submitted by anyone",),
    )
    return classify(trace, spec.mix, seed)


def _arrivals(spec: GeneratorSpec, seed: int) -> Floats:
    edges_s = np.minimum(
        np.arange(math.ceil(spec.span_s / _HOUR_S) + 2) * _HOUR_S - spec.begin_h % 1 * _HOUR_S, spec.span_s
    )
    edges_s = np.maximum(edges_s, 0.0)
    hour = (math.floor(spec.begin_h) + np.arange(len(edges_s) - 1)) % _DAY_H
    rates_per_s = np.array(spec.hourly)[hour] * (spec.tasks_per_day / 86_400.0 * _DAY_H / sum(spec.hourly))
    expected = np.concatenate(([0.0], np.cumsum(rates_per_s * np.diff(edges_s))))
    draws = math.ceil(expected[-1] + 8.0 * math.sqrt(expected[-1]) + 32.0)  # more are needed once in 10¹⁵ seeds
    arrivals = np.cumsum(-np.log(uniforms(seed, "arrival", np.arange(draws))))
    while arrivals[-1] < expected[-1]:
        more = np.arange(len(arrivals), len(arrivals) + draws)
        arrivals = np.append(arrivals, arrivals[-1] + np.cumsum(-np.log(uniforms(seed, "arrival", more))))
    return np.asarray(np.interp(arrivals[arrivals < expected[-1]], expected, edges_s))


def _sizes(mean: float, lots: Floats) -> Ints:
    if mean == 1.0:
        return np.ones(len(lots), dtype=np.int64)
    return 1 + np.floor(np.log(lots) / math.log1p(-1.0 / mean)).astype(np.int64)
