"""Whether a run counts: the same schedule, the same energy over the same span, and meters that were really read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.reference import host_power_w, integrate, mean_wait_s, schedule
from benchmarks.peers.workload import IDLE_W, J_PER_KWH, Said, read_jobs

WAIT_TOLERANCE_S = 0.005
ENERGY_TOLERANCE = 0.005


@dataclass(frozen=True, slots=True)
class Expected:
    """What the reference says of a run; nan and 0 for what a peer cannot be asked.

    idle_kwh and idle_sum_kwh are the parts that idle power has in energy_kwh and meter_sum_kwh. On a fleet that is
    mostly idle they are nearly all of it, and half a per cent of the whole would let much of the load go astray:
    what is above them has to agree too.
    """

    energy_kwh: float
    idle_kwh: float
    end_s: float
    mean_wait_s: float = math.nan
    samples: int = 0
    reading: int = 1
    meter_sum_kwh: float = math.nan
    idle_sum_kwh: float = 0.0

    def load_deviation(self, said: Said) -> float:
        """Give how far the energy above idle is from the reference's, as a share of it; nan where not told."""
        return (said.energy_kwh - self.energy_kwh) / (self.energy_kwh - self.idle_kwh)

    def faults(self, said: Said) -> list[str]:
        """Say why a run does not count; empty where it does. Not to tell what was asked is a fault."""
        found = []
        if not math.isnan(self.mean_wait_s) and not abs(said.mean_wait_s - self.mean_wait_s) <= WAIT_TOLERANCE_S:
            found.append(f"mean wait {said.mean_wait_s:.3f} s, the reference's is {self.mean_wait_s:.3f} s")
        if not math.isnan(said.end_s) and abs(said.end_s - self.end_s) > 1.0:
            found.append(f"ends at {said.end_s:.0f} s, the reference at {self.end_s:.0f} s")
        if self.samples and not abs(said.samples - self.samples) <= self.reading:  # one reading more or less at the end
            found.append(f"{said.samples:,} readings, {self.samples:,} were asked")
        if self.samples or not math.isnan(said.energy_kwh):
            found += self._energy_faults(said)
        return found

    def _energy_faults(self, said: Said) -> list[str]:
        found = []
        for name, told, true, idle in (
            ("energy", said.energy_kwh, self.energy_kwh, self.idle_kwh),
            ("sum of readings", said.meter_sum_kwh, self.meter_sum_kwh, self.idle_sum_kwh),
        ):
            if name != "energy" and (math.isnan(told) or math.isnan(true)):
                continue
            for part, base in (("whole", true), ("above idle", true - idle)):
                share = (told - true) / base
                if not abs(share) <= ENERGY_TOLERANCE:
                    found.append(f"{name}, {part}: {share:+.2%} of the reference, {told:,.2f} and {true:,.2f} kWh")
        return found


def expect(path: Path, hosts: int, step_s: float) -> Expected:
    """Give what the reference says of the whole run, meters read."""
    jobs = read_jobs(path)
    done = schedule(jobs, hosts)
    energy = integrate(jobs, done, hosts, step_s)
    idle_kw = hosts * IDLE_W / 1e3
    return Expected(
        energy_kwh=energy.energy_kwh,
        idle_kwh=idle_kw * energy.end_s / 3600.0,
        end_s=energy.end_s,
        mean_wait_s=mean_wait_s(jobs, done),
        samples=hosts * energy.readings,
        reading=hosts,
        meter_sum_kwh=energy.meter_sum_kwh,
        idle_sum_kwh=idle_kw * step_s / 3600.0 * (energy.readings - 1) * energy.readings / 2.0,
    )


def expect_steps(path: Path, hosts: int, step_s: float, steps: int) -> Expected:
    """Give the reference's energy of the first steps, for a peer that is given the power of each host."""
    jobs = read_jobs(path)
    power_w = host_power_w(jobs, schedule(jobs, hosts), hosts, step_s, steps)
    return Expected(
        energy_kwh=sum(map(sum, power_w)) * step_s / J_PER_KWH,
        idle_kwh=hosts * IDLE_W * steps * step_s / J_PER_KWH,
        end_s=steps * step_s,
        samples=hosts * steps,
    )
