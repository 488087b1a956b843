"""First come, first served in LEAF, with its PowerMeter over all hosts: one peer of bench_peers.py.

Run in an environment with leafsim: python -m benchmarks.peers.leaf_fcfs JOBS.csv HOSTS STEP_S power|schedule
LEAF has nodes, tasks and power models on SimPy but no queue of jobs; that is the few lines below. They use callbacks of
SimPy's timeouts, which are quicker than a process for each job. LEAF reads power, not energy: its energy is each
reading times the time to the next one.
"""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Generator
from functools import partial
from heapq import heappop, heappush
from importlib.metadata import version
from pathlib import Path
from typing import Any

import simpy
from leaf.application import Task
from leaf.infrastructure import Node
from leaf.power import PowerMeter, PowerModelNode

from benchmarks.peers.workload import FULL_W, IDLE_W, J_PER_KWH, Job, Said, peak_rss_mib, read_jobs


class Fleet:
    """Nodes, the jobs that wait for them, and when the last one ended."""

    def __init__(self, env: simpy.Environment, jobs: list[Job], hosts: int) -> None:
        self.env = env
        self.jobs = jobs
        self.nodes = [
            Node(f"host-{number}", cu=1, power_model=PowerModelNode(max_power=FULL_W, static_power=IDLE_W))
            for number in range(hosts)
        ]
        self.idle = list(range(hosts))  # a heap: the lowest number first
        self.waiting: deque[Job] = deque()
        self.left = len(jobs)
        self.wait_s = 0.0
        self.over = env.event()

    def submit(self) -> Generator[Any, Any, None]:
        """Queue each job at its time."""
        for job in self.jobs:
            if job.submit_s > self.env.now:
                yield self.env.timeout(job.submit_s - self.env.now)
            self.waiting.append(job)
            self.place()

    def place(self) -> None:
        """Start what waits on what is idle."""
        while self.waiting and self.idle:
            job, host, task = self.waiting.popleft(), heappop(self.idle), Task(cu=1)
            self.wait_s += self.env.now - job.submit_s
            task.allocate(self.nodes[host])
            self.env.timeout(job.runtime_s).callbacks.append(partial(self.end, task, host))

    def end(self, task: Task, host: int, _event: Any) -> None:
        """Give the host back; the last one ends the simulation."""
        task.deallocate()
        heappush(self.idle, host)
        self.left -= 1
        if self.left:
            self.place()
        else:
            self.over.succeed()


def metered(watts: list[float], end_s: float, step_s: float) -> tuple[float, float]:
    """Energy and the sum of its running totals by readings of power [kWh], each reading held until the next."""
    energy_j = total_j = 0.0
    for number, power_w in enumerate(watts):
        total_j += energy_j
        energy_j += power_w * min(step_s, end_s - number * step_s)
    return energy_j / J_PER_KWH, total_j / J_PER_KWH


def main() -> None:
    jobs, hosts, step_s, rung = read_jobs(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    env = simpy.Environment()
    fleet = Fleet(env, jobs, hosts)
    # One meter of the whole list: it measures every node each time and keeps the sum.
    meter = PowerMeter(fleet.nodes, measurement_interval=step_s)
    if rung == "power":
        env.process(meter.run(env))
    env.process(fleet.submit())
    begun_s, spent_s = time.perf_counter(), time.process_time()
    env.run(until=fleet.over)
    loop_s, loop_cpu_s = time.perf_counter() - begun_s, time.process_time() - spent_s
    energy_kwh = sum_kwh = math.nan
    if rung == "power":
        energy_kwh, sum_kwh = metered([float(one) for one in meter.measurements], env.now, step_s)
    print(
        Said(
            loop_s=loop_s,
            loop_cpu_s=loop_cpu_s,
            mean_wait_s=fleet.wait_s / len(jobs),
            energy_kwh=energy_kwh,
            end_s=env.now,
            samples=hosts * len(meter.measurements),
            meter_sum_kwh=sum_kwh,
            peak_rss_mib=peak_rss_mib(),
            version=version("leafsim"),
        ).line()
    )


if __name__ == "__main__":
    main()
