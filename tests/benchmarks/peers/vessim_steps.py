"""Vessim stepping the hosts of the run, their power given: one peer of bench_peers.py, not equivalent in schedule.

Run in an environment with vessim: python -m benchmarks.peers.vessim_steps JOBS.csv HOSTS STEP_S STEPS
Vessim has no jobs: it is given what the reference's schedule makes each host draw, as one consumer a host on 24
microgrids, each with its connection to the grid; no recorder and no controller, which would only slow it. So its figure
is a rate of host-steps, its energy is compared with the reference's over the same steps, and it has no mean wait.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import vessim

from benchmarks.peers.reference import host_power_w, schedule
from benchmarks.peers.workload import J_PER_KWH, Said, peak_rss_mib, read_jobs

MICROGRIDS = 24  # the sites of the trace, ../shared/data/NOTES.md


class MeteredGrid(vessim.GridConnection):
    """A connection that adds up what was drawn from it; Vessim's own keeps energy only in a recorder."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn_j = 0.0

    def step(self, duration: float) -> None:
        self.drawn_j -= self.current_power * duration
        super().step(duration)


def main() -> None:
    jobs, hosts, steps = read_jobs(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[4])
    step_s = int(float(sys.argv[3]))  # Vessim steps by whole seconds
    power_w = host_power_w(jobs, schedule(jobs, hosts), hosts, step_s, steps)
    columns = {f"host-{number}": row for number, row in enumerate(power_w)}
    trace = vessim.Trace(pd.DataFrame(columns, index=range(0, steps * step_s, step_s)))
    env = vessim.Environment(sim_start="2019-01-01", step_size=step_s)
    names, grids = list(columns), []
    for site in range(min(MICROGRIDS, hosts)):
        consumers = [vessim.Consumer(name, trace.select(name)) for name in names[site::MICROGRIDS]]
        grids.append(MeteredGrid())
        env.add_microgrid(consumers, dispatchables=[grids[-1]], name=f"site-{site}")
    begun_s, spent_s = time.perf_counter(), time.process_time()
    env.run(until=steps * step_s)
    loop_s, loop_cpu_s = time.perf_counter() - begun_s, time.process_time() - spent_s
    print(
        Said(
            loop_s=loop_s,
            loop_cpu_s=loop_cpu_s,
            energy_kwh=sum(grid.drawn_j for grid in grids) / J_PER_KWH,
            end_s=float(steps * step_s),
            samples=hosts * steps,
            peak_rss_mib=peak_rss_mib(),
            version=version("vessim"),
        ).line()
    )


if __name__ == "__main__":
    main()
