"""Let's Wait Awhile's second scenario: a year of machine-learning jobs in France, decided by our own `wait-awhile`.

Source: Wiesner, Behnke, Scheinert, Gontarska, Thamsen, "Let's Wait Awhile", Middleware 2021, doi
10.1145/3464298.3493399, and its repository dos-group/lets-wait-awhile (`simulate.py`, `strategy.py`,
`evaluation.ipynb`): 3,387 jobs of 4 to 90 h, submitted on workdays of 2020 between 9:00 and 17:00, each drawing the
same power on a machine of its own. A job that would end outside of working hours is to be done by 9:00 of the next
workday; any other starts at once. Forecasts are the intensities themselves with a normal error, drawn once for the
whole year, of a given share of its mean. Saved: carbon of all jobs against that of jobs that start when submitted.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondol.model.decision import Pause, Resume, Start
from ondol.model.ids import InstanceId, NodeId, SiteId, UnitId
from ondol.model.view import (
    Floats,
    InstanceColumns,
    Ints,
    NodeColumns,
    Phase,
    ServiceClass,
    SiteColumns,
    UnitColumns,
    View,
)
from ondol.policy.wait_awhile import WaitAwhile

STEP_S = 1800
JOBS = 3387
BEGIN = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - the series names no zone
SLOTS = 5000  # more than there are jobs: the paper knows no lack of machines
NEVER = 1e3  # beyond the end of the series nothing is clean [gCO2e/kWh]

PUBLISHED = {(0.0, False): 4.79, (0.0, True): 6.22, (0.05, False): 4.77, (0.05, True): 5.92}
"""Percent saved in France to the next workday, by error and whether jobs are interrupted: of the notebook's outputs
(5 %), and of a later run of the same code (joy-lewis/lets-wait-awhile, `img/2020/tons_co2.txt`: both)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MlJobs:
    """Jobs by submission, times in steps of half an hour from `BEGIN`. Arrays (n,)."""

    submitted: Ints
    length: Ints
    deadline: Ints


def read_intensity(path: Path) -> Floats:
    """Read the series from `BEGIN` on, half-hourly [gCO2e/kWh]."""
    with path.open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    first = next(place for place, row in enumerate(rows) if dt.datetime.fromisoformat(row[0]) == BEGIN)
    return np.array([float(row[1]) for row in rows[first:]])


def draw_jobs() -> MlJobs:
    """Draw the jobs as the paper does: how many a day, then their hours day by day, then their lengths; seed 0."""
    lots = np.random.default_rng(0)
    days = [BEGIN + dt.timedelta(days=number) for number in range(366)]
    workdays = [day for day in days if day.weekday() < 5]
    counts = dict(zip(workdays, lots.multinomial(JOBS, [1 / len(workdays)] * len(workdays)).tolist(), strict=True))
    submitted: list[int] = []
    for number, day in enumerate(days):
        minutes = np.sort(lots.choice(range(9 * 60, 17 * 60, 30), size=counts.get(day, 0)))
        submitted += (number * 48 + minutes // 30).tolist()
    length = lots.choice(range(4 * 60, 90 * 60, 30), size=JOBS) // 30
    deadline = [_next_workday(end) for end in (np.array(submitted) + length).tolist()]
    return MlJobs(submitted=np.array(submitted), length=length, deadline=np.array(deadline))


def _next_workday(end: int) -> int:
    """Give by when a job must be done that would end then if it started at once."""
    day, hour = divmod(end, 48)
    weekday = (BEGIN + dt.timedelta(days=day)).weekday()
    if weekday >= 5 or hour > 2 * 17:
        return (day + (7 - weekday if weekday >= 5 else 1)) * 48 + 18
    return max(end, day * 48 + 18)


def before(jobs: MlJobs, end: int) -> MlJobs:
    """Give those that must be done by a half hour."""
    kept = jobs.deadline <= end
    return MlJobs(submitted=jobs.submitted[kept], length=jobs.length[kept], deadline=jobs.deadline[kept])


def most_percent(intensity: Floats, jobs: MlJobs, *, interrupting: bool) -> float:
    """Give the most that can be saved, each job by itself with its run time and the intensity known [%].

    Interrupted: the cleanest half hours before its deadline. Else: the cleanest window. Without our policy.
    """
    total = np.concatenate([[0.0], np.cumsum(intensity)])
    at_once = shifted = 0.0
    for begin, length, end in zip(jobs.submitted.tolist(), jobs.length.tolist(), jobs.deadline.tolist(), strict=True):
        span = intensity[begin:end]
        now = float(total[min(begin + length, len(intensity))] - total[begin])
        at_once += now
        if len(span) < length:
            shifted += now
        elif interrupting:
            shifted += float(np.sort(span)[:length].sum())
        else:
            last = begin + len(span)
            shifted += float((total[begin + length : last + 1] - total[begin : last + 1 - length]).min())
    return 100.0 * (1.0 - shifted / at_once)


def saved_percent(
    intensity: Floats, jobs: MlJobs, *, interrupting: bool, error: float = 0.0, seed: int = 0, horizon: int = 400
) -> tuple[float, int]:
    """Let `wait-awhile` run the jobs, half hour by half hour; gives what is saved [%], and how many jobs end late.

    Parameters
    ----------
    intensity : half-hourly from `BEGIN` on [gCO2e/kWh]; jobs that still run at its end are cut off there
    error : standard deviation of forecasts as a share of the mean
    horizon : of the forecast [half hours]; 400 reach beyond every deadline
    """
    noise = np.random.default_rng(seed).normal(0.0, error * intensity.mean(), len(intensity))
    seen = np.concatenate([intensity + noise, np.full(horizon, NEVER)])
    policy = WaitAwhile(knows_run_times=True)
    memory = policy.fresh()
    done, phase = np.zeros_like(jobs.length), np.full(len(jobs.length), int(Phase.QUEUED))
    alive: Ints = np.zeros(0, dtype=np.int64)
    shifted, late, came = 0.0, 0, 0
    ends = jobs.submitted + jobs.length
    total = np.concatenate([[0.0], np.cumsum(intensity)])
    at_once = float((total[np.minimum(ends, len(intensity))] - total[jobs.submitted]).sum())
    for now in range(len(intensity)):
        new = int(np.searchsorted(jobs.submitted, now, side="right"))
        alive, came = np.concatenate([alive, np.arange(came, new)]), new
        if not len(alive):
            continue
        ahead = seen[now : now + horizon]
        decision, memory = policy.decide(_view(jobs, alive, phase, done, now, ahead, interrupting=interrupting), memory)
        for action in decision:
            if isinstance(action, Start | Resume):
                phase[int(action.instance_id[1:])] = Phase.RUNNING
            elif isinstance(action, Pause):
                phase[int(action.instance_id[1:])] = Phase.PAUSED
        running = alive[phase[alive] == Phase.RUNNING]
        shifted += float(intensity[now]) * len(running)
        done[running] += 1
        over = done[alive] == jobs.length[alive]
        late += int((now + 1 > jobs.deadline[alive[over]]).sum())
        alive = alive[~over]
    return 100.0 * (1.0 - shifted / at_once), late


def _view(jobs: MlJobs, alive: Ints, phase: Ints, done: Ints, now: int, ahead: Floats, *, interrupting: bool) -> View:
    """One site that heats nobody, with a slot for everybody; `now` is a count of half hours."""
    count = len(alive)
    nothing = np.full(1, np.nan)
    held = phase[alive] != Phase.QUEUED
    seconds = float(STEP_S)
    return View(
        now_s=now * seconds,
        step_s=seconds,
        seed=1,
        sites=SiteColumns(
            ids=(SiteId("site"),), pue=np.ones(1), grid_g_per_kwh=ahead[None, :1], electrical_limit_w=np.full(1, 1e9)
        ),
        units=UnitColumns(
            ids=(UnitId("rack"),),
            site=np.zeros(1, dtype=np.int64),
            heats=np.zeros(1, dtype=np.bool_),
            sink=np.full(1, -1),
            power_max_w=np.full(1, float(SLOTS)),
            power_w=np.zeros(1),
            wanted_w=np.zeros(1),
            wanted_ahead_w=np.zeros((1, 1)),
            temp_c=nothing,
            setpoint_c=nothing,
            lower_c=nothing,
            upper_c=nothing,
            room_j=np.zeros(1),
        ),
        nodes=NodeColumns(
            ids=(NodeId("rack-n0"),),
            unit=np.zeros(1, dtype=np.int64),
            slots=np.full(1, SLOTS),
            slots_free=np.full(1, SLOTS - int(held.sum())),
            idle_w=np.zeros(1),
            max_w=np.full(1, float(SLOTS)),
            cap_w=np.full(1, float(SLOTS)),
            accepts=np.ones(1, dtype=np.bool_),
        ),
        instances=InstanceColumns(
            ids=tuple(InstanceId(f"j{row:05d}") for row in alive.tolist()),
            task=alive,
            phase=phase[alive],
            service=np.full(count, int(ServiceClass.FLEX)),
            node=np.where(held, 0, -1),
            submitted_s=jobs.submitted[alive] * seconds,
            deadline_s=jobs.deadline[alive] * seconds,
            since_s=jobs.submitted[alive] * seconds,
            expected_s=jobs.length[alive] * seconds,
            done_s=done[alive] * seconds,
            attempts=held.astype(np.int64),
            resumable=np.full(count, interrupting),
            allowed=np.zeros(count, dtype=np.int64),
            data=np.zeros(count, dtype=np.int64),
        ),
        allowances=np.ones((1, 1), dtype=np.bool_),
        missing_bytes=np.zeros((1, 1)),
        ahead_s=np.full(len(ahead), seconds),
        ahead_grid_g_per_kwh=ahead[None, :],
    )
