"""The run that other simulators are asked for too: jobs first come, first served on alike hosts, with all their heat.

Every host is a heater of its own: 100 W idle, 200 W busy, always on, with no time to boot. A hundred of them stand in
the rooms of a building part, whose temperature is computed step by step. What the peers are asked and how they are
compared is in tests/benchmarks/peers.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np

from ondol.accounting.figures import J_PER_KWH
from ondol.model.checks import check_range, check_whole
from ondol.model.errors import InvalidFieldError
from ondol.model.view import Floats
from ondol.policy.fcfs import Fcfs
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario.nouns import GridSpec, OverflowSpec, Scenario, SiteSpec, WorkSpec
from ondol.twin.scenario.series import make_series
from ondol.twin.scenario.sinks import RoomSpec, UnitSpec, enlarged
from ondol.twin.workload import Trace, read_greco

IDLE_W, FULL_W = 100.0, 200.0
HOSTS_A_SITE = 100
_DAY_S = 86_400.0
# A building part that 100 heaters of 100 to 200 W keep warm in winter: 400 W/K for 8 kW at 20 K of difference; time
# constants as of `RoomSpec`'s own room, 20 times as large.
_ROOM_TIMES = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFigures:
    """What a peer says at its end; see tests/benchmarks/peers/workload.py.

    Parameters
    ----------
    loop_s, loop_cpu_s : wall and processor time of the simulation alone, without starting, reading and printing
    mean_wait_s : from submission to start
    energy_kwh : of all hosts, from 0 to the last end
    end_s : the last end
    samples : readings of hosts' meters, at 0, step_s, 2 step_s … up to the last end
    meter_sum_kwh : sum over all of them of what had been consumed by then
    room_heat_kwh : heat that the hosts gave to their rooms up to the end of the last step
    """

    loop_s: float
    loop_cpu_s: float
    mean_wait_s: float
    energy_kwh: float
    end_s: float
    samples: int
    meter_sum_kwh: float
    room_heat_kwh: float

    def words(self) -> dict[str, float]:
        """Give the figures by name."""
        return asdict(self)


def peer_run(jobs: Path, hosts: int, step_s: float) -> PeerFigures:
    """Live through a trace of GRECO's form until its last job has ended.

    Parameters
    ----------
    hosts : ≥ 1
    step_s : thermal step, and time between readings of the meters, 10 to 3600 [s]

    Raises
    ------
    NotFoundError, InvalidFieldError : as of `read_greco`; a job on several hosts; a run above ten years
    """
    check_whole("--hosts", hosts, 1, 1_000_000)
    check_range("--step-s", step_s, 10.0, 3600.0, "s")
    trace = read_greco(jobs)
    several = np.flatnonzero(trace.jobs.slots != 1)
    if len(several):
        raise InvalidFieldError("--jobs", f"{len(several)} jobs with nres above 1", "jobs on one host each")
    _lives_through(_twin(trace, min(hosts, 2), step_s, steps=2), steps=2)  # so that machine code is there
    twin = _twin(trace, hosts, step_s, steps=_steps(trace, hosts, step_s))
    begun_s, spent_s = time.perf_counter(), time.process_time()
    meter_j = _lives_through(twin, steps=twin.series.steps)
    loop_s, loop_cpu_s = time.perf_counter() - begun_s, time.process_time() - spent_s
    return _figures(twin, meter_j, loop_s, loop_cpu_s)


def peak_rss_mib() -> float:
    """Most memory that this process had resident [MiB], as Linux tells it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024.0 for line in lines if line.startswith("VmHWM:"))


def _twin(trace: Trace, hosts: int, step_s: float, steps: int) -> FleetTwin:
    scenario = Scenario(
        name="first come, first served",
        begin=dt.datetime(2026, 1, 5, tzinfo=dt.UTC),
        days=max(steps * step_s / _DAY_S, 0.01),
        step_s=step_s,
        place_s=0.0,
        filler=False,
        site=_sites(hosts),
        overflow=OverflowSpec(nodes=0),
        work=WorkSpec(on_demand=0.0, flex=0.0, harvest=0.0),
        grid=GridSpec(),
    )
    return FleetTwin(scenario, make_series(scenario, Path()), trace, Fcfs())


def _sites(hosts: int) -> tuple[SiteSpec, ...]:
    whole, rest = divmod(hosts, HOSTS_A_SITE)
    sites = [SiteSpec(id="a", count=whole, sink=(_room(HOSTS_A_SITE),))] if whole else []
    return (*sites, *([SiteSpec(id="b", sink=(_room(rest),))] if rest else []))


def _room(hosts: int) -> RoomSpec:
    size = RoomSpec(id="rooms")
    # The walls grow with the rooms, the heaters' shells with the hosts.
    return msgspec.structs.replace(
        enlarged(size, _ROOM_TIMES * hosts / HOSTS_A_SITE),
        shell_j_per_k=hosts * size.shell_j_per_k,
        shell_ua_w_per_k=hosts * size.shell_ua_w_per_k,
        unit=(UnitSpec(count=hosts, idle_w=IDLE_W, max_w=FULL_W, off_w=IDLE_W, boot_s=0.0, off_after_s=float("inf")),),
    )


def _steps(trace: Trace, hosts: int, step_s: float) -> int:
    """Steps within which the last job ends: no host idles while one waits (Graham 1969, doi:10.1137/0117039)."""
    jobs = trace.jobs
    latest_s = float(jobs.submitted_s[-1]) + float(jobs.run_s.sum()) / hosts + float(jobs.run_s.max())
    return int(np.ceil(latest_s / step_s)) + 1


def _lives_through(twin: FleetTwin, steps: int) -> Floats:
    """Live until all have ended; gives what all meters stand at, at each step's beginning and the last one's end."""
    total_j, meter_j = 0.0, [0.0]
    attempts = twin.attempts
    while twin.step < steps and not (attempts.arrived == attempts.count and _idle(twin)):
        twin.live(1)
        total_j += float(twin.unit_energy_j.sum())
        meter_j.append(total_j)
    return np.array(meter_j)


def _idle(twin: FleetTwin) -> bool:
    return not len(twin.attempts.held) and not any(len(line) for line in twin.attempts.lines.values())


def _figures(twin: FleetTwin, meter_j: Floats, loop_s: float, loop_cpu_s: float) -> PeerFigures:
    attempts, step_s, hosts = twin.attempts, twin.series.step_s, len(twin.layout.node_ids)
    if np.isnan(attempts.end_s).any():
        left = int(np.isnan(attempts.end_s).sum())
        raise InvalidFieldError("--jobs", f"{left} jobs did not end", "jobs that end within ten years")
    end_s = float(attempts.end_s.max())
    readings = int(end_s // step_s) + 1
    # After the last end all hosts idle to the end of the step.
    after_j = (twin.step * step_s - end_s) * hosts * IDLE_W
    return PeerFigures(
        loop_s=loop_s,
        loop_cpu_s=loop_cpu_s,
        mean_wait_s=float((attempts.first_start_s - attempts.submitted_s).mean()),
        energy_kwh=(float(meter_j[-1]) - after_j) / J_PER_KWH,
        end_s=end_s,
        samples=hosts * readings,
        meter_sum_kwh=float(meter_j[:readings].sum()) / J_PER_KWH,
        room_heat_kwh=float(twin.score.heat_j.sum()) / J_PER_KWH,
    )
