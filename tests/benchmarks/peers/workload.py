"""The workload that all peers of bench_peers.py run, and what each says at its end. Standard library only.

Every peer runs the same jobs, first come, first served, on the same hosts; an idle host draws IDLE_W, a busy one
FULL_W. These two are not measurements but a round pair that all peers share: the figures compare programs.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

HOSTS = 1_000
STEP_S = 150.0  # how often the node scheduler of Qarnot's public Batsim policy wakes, reference/simulators.md §1.2
IDLE_W, FULL_W = 100.0, 200.0
J_PER_KWH = 3.6e6
COLUMNS = frozenset(("id", "submit", "nres", "runtime"))


class Job(NamedTuple):
    """One job on one host."""

    submit_s: float
    runtime_s: float


def read_jobs(path: Path) -> list[Job]:
    """Read jobs from a CSV with a head line and the columns id, submit, nres and runtime.

    Parameters
    ----------
    path : the file; its rows stand by submission

    Raises
    ------
    ValueError : a missing column, no job, a job on more than one host or with no time to run, rows out of order
    """
    jobs: list[Job] = []
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if absent := COLUMNS.difference(rows.fieldnames or ()):
            raise ValueError(f"{path} has no column {min(absent)}; {', '.join(sorted(COLUMNS))} are needed")
        for row in rows:
            job = Job(float(row["submit"]), float(row["runtime"]))
            if row["nres"] != "1":
                raise ValueError(f"nres of job {row['id']} is {row['nres']}; 1 is allowed")
            if not (0.0 < job.runtime_s < math.inf and 0.0 <= job.submit_s < math.inf):
                told = f"submit {row['submit']} and runtime {row['runtime']}"
                raise ValueError(f"job {row['id']} has {told}; 0 or more and over 0 are allowed")
            if jobs and job.submit_s < jobs[-1].submit_s:
                raise ValueError(f"job {row['id']} was submitted before the one above it; rows stand by submission")
            jobs.append(job)
    if not jobs:
        raise ValueError(f"no job in {path}")
    return jobs


@dataclass(frozen=True, slots=True)
class Said:
    """What a peer prints at its end, one JSON object on the last line of its standard output.

    loop_s is the wall time of the simulation itself, without starting, reading and printing, loop_cpu_s its CPU time,
    which on a machine that others use says more. meter_sum_kwh is the sum
    over all readings of what the fleet had consumed by then: who reads stale meters gets it wrong. What a peer does
    not tell is nan (numbers) or empty (version); samples is 0 where nothing was read.
    """

    loop_s: float
    loop_cpu_s: float = math.nan
    mean_wait_s: float = math.nan
    energy_kwh: float = math.nan
    end_s: float = math.nan
    samples: int = 0
    meter_sum_kwh: float = math.nan
    peak_rss_mib: float = math.nan
    version: str = ""

    def line(self) -> str:
        """Give the line to print; what is not told is left out of it."""
        return json.dumps({name: value for name, value in asdict(self).items() if value == value})  # noqa: PLR0124

    @classmethod
    def of_output(cls, output: str) -> Said:
        """Read the last line of what a peer printed.

        Raises
        ------
        ValueError : that line is no JSON object with loop_s
        """
        lines = output.strip().splitlines()
        try:
            told = json.loads(lines[-1]) if lines else {}
            names = {field.name for field in fields(cls)}
            return cls(**{name: value for name, value in told.items() if name in names})
        except (json.JSONDecodeError, AttributeError, TypeError) as error:
            raise ValueError(f"not what a peer prints: {lines[-1][:200] if lines else 'nothing'}") from error


def peak_rss_mib() -> float:
    """Give the most memory that this process had resident [MiB]; nan where Linux does not tell.

    Not getrusage: its figure outlives exec, so that a small child would be told the size of its parent.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return math.nan
    return next((float(line.split()[1]) / 1024.0 for line in lines if line.startswith("VmHWM:")), math.nan)
