"""The plain reference: first come, first served with heapq in CPython; the oracle for mean wait and energy.

Run: python -m benchmarks.peers.reference JOBS.csv HOSTS STEP_S
Its loop is the schedule alone, the floor for what an event loop in CPython can take; energy is integrated after it.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from dataclasses import dataclass
from heapq import heapreplace
from pathlib import Path

from benchmarks.peers.workload import FULL_W, IDLE_W, J_PER_KWH, Job, Said, peak_rss_mib, read_jobs

REPEATS = 25  # the loop takes some milliseconds: one run of it would time the moment


@dataclass(frozen=True, slots=True)
class Schedule:
    """When and where each job began, in the order of the jobs."""

    start_s: list[float]
    host: list[int]


@dataclass(frozen=True, slots=True)
class Energy:
    """What the fleet consumed from 0 to the last end, and what reading its meters gives; see `Said`."""

    energy_kwh: float
    end_s: float
    readings: int
    meter_sum_kwh: float


def schedule(jobs: list[Job], hosts: int) -> Schedule:
    """Run jobs first come, first served, each on the host that is free first (of equals the lowest number).

    Parameters
    ----------
    jobs : by submission
    hosts : number of identical hosts, at least 1

    Raises
    ------
    ValueError : no host
    """
    if hosts < 1:
        raise ValueError(f"hosts is {hosts}; at least 1 is allowed")
    free = [(0.0, host) for host in range(hosts)]
    start_s, host_of = [], []
    for submit_s, runtime_s in jobs:
        free_s, host = free[0]
        begun_s = max(submit_s, free_s)
        heapreplace(free, (begun_s + runtime_s, host))
        start_s.append(begun_s)
        host_of.append(host)
    return Schedule(start_s, host_of)


def mean_wait_s(jobs: list[Job], done: Schedule) -> float:
    """Mean time from submission to start [s]."""
    return sum(start_s - job.submit_s for job, start_s in zip(jobs, done.start_s, strict=True)) / len(jobs)


def integrate(
    jobs: list[Job], done: Schedule, hosts: int, step_s: float, idle_w: float = IDLE_W, full_w: float = FULL_W
) -> Energy:
    """Integrate the power of the fleet piece by piece, from 0 to the last end.

    Between two changes the fleet draws hosts · idle_w + busy · (full_w - idle_w).

    Parameters
    ----------
    jobs, done, hosts : what ran, when, on how many hosts
    step_s : meters are read at 0, step_s, 2 step_s … up to the last end, over 0
    idle_w, full_w : power of one host [W], 0 ≤ idle_w ≤ full_w

    Raises
    ------
    ValueError : a step or power that is not allowed
    """
    if not step_s > 0.0:
        raise ValueError(f"step_s is {step_s}; over 0 is allowed")
    if not 0.0 <= idle_w <= full_w:
        raise ValueError(f"idle_w, full_w are {idle_w}, {full_w}; 0 ≤ idle_w ≤ full_w is allowed")
    changes = [(start_s, 1) for start_s in done.start_s]
    changes += [(start_s + job.runtime_s, -1) for job, start_s in zip(jobs, done.start_s, strict=True)]
    changes.sort()
    now_s = energy_j = meter_sum_j = 0.0
    busy = readings = 0
    for change_s, change in changes:
        power_w = hosts * idle_w + busy * (full_w - idle_w)
        while readings * step_s <= change_s:  # power is constant up to this change, so is the slope of the meter
            meter_sum_j += energy_j + power_w * (readings * step_s - now_s)
            readings += 1
        energy_j += power_w * (change_s - now_s)
        now_s = change_s
        busy += change
    return Energy(energy_j / J_PER_KWH, now_s, readings, meter_sum_j / J_PER_KWH)


def host_power_w(
    jobs: list[Job],
    done: Schedule,
    hosts: int,
    step_s: float,
    steps: int,
    idle_w: float = IDLE_W,
    full_w: float = FULL_W,
) -> list[list[float]]:
    """Give the mean power of each host over each of the first steps [W], a list by host of lists by step."""
    power_w = [[idle_w] * steps for _ in range(hosts)]
    for job, start_s, host in zip(jobs, done.start_s, done.host, strict=True):
        row, end_s = power_w[host], start_s + job.runtime_s
        for step in range(int(start_s // step_s), min(steps, int(end_s // step_s) + 1)):
            held_s = min(end_s, (step + 1) * step_s) - max(start_s, step * step_s)
            row[step] += (full_w - idle_w) * held_s / step_s
    return power_w


def main() -> None:
    jobs, hosts, step_s = read_jobs(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3])
    took_s, cpu_s = [], []
    for _ in range(REPEATS):
        begun_s, spent_s = time.perf_counter(), time.process_time()
        done = schedule(jobs, hosts)
        took_s.append(time.perf_counter() - begun_s)
        cpu_s.append(time.process_time() - spent_s)
    energy = integrate(jobs, done, hosts, step_s)
    print(
        Said(
            loop_s=statistics.median(took_s),
            loop_cpu_s=statistics.median(cpu_s),
            mean_wait_s=mean_wait_s(jobs, done),
            energy_kwh=energy.energy_kwh,
            end_s=energy.end_s,
            peak_rss_mib=peak_rss_mib(),
            version=f"CPython {platform.python_version()}",
        ).line()
    )


if __name__ == "__main__":
    main()
