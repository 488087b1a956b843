"""The two weeks that the GRECO project replayed in Batsim, once more in the twin: the published run of Qarnot's rules.

Source: repository AdwaitB/greco-notes, `infra/Data/batsim_2_week/out_schedule.csv` and the `out_jobs.csv` beside it
(commits 2c1d00e, 005671f; Batsim 3.0.0-185, 2019). `PUBLISHED` is the one row of the former; what the latter says of
the platform is in the constants below. The jobs are `greco14d_jobs.csv`, which was made from that very `out_jobs.csv`.

Which job read what is not in the jobs' file, but the sets of `greco_datasets.json` are named after the job that asked
for them, `QJOB-0306-1547-…`, by month, day, hour and minute of its submission. The trace's clock, which starts with its
first job, is `CLOCK_S` behind: then 737 of its 950 moments of submission have data under their minute, by any other
shift of up to ten minutes less than 380. The first three days have none; nor have they waits in the published run.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import OverflowSpec, SiteSpec
from ondol.twin.scenario.series import make_series
from ondol.twin.scenario.sinks import RoomSpec, UnitSpec
from ondol.twin.workload.greco import read_greco
from ondol.twin.workload.jobs import DataSets, Trace

DAYS = 14.0
BOARDS = 1010
IDLE_W, BUSY_W = 10.0, 90.0
"""A board: 90 J for each second of work (`consumed_energy` of every job); the whole of 15.05 GJ leaves 9.993 W idle."""

LINKS_BYTES_PER_S = (25e6,) * 5 + (12.5e6,) * 7 + (62.5e6,)
"""Of the 13 sites: by the transfers of `out_jobs.csv` 5 at 200 Mbit/s, 5 at 100, 1 at 500; of 2 none was read: 100."""

SMALL_AND_LARGE = (270, 230, 200, 136, 90, 40, 20, 9, 3, 3, 3, 3, 3)
"""Boards a site: an assumption. The log shows sites of three boards and some of hundreds, not how many each has."""

ALIKE = (78,) * 9 + (77,) * 4
"""The other extreme."""

CLOCK_S = 240.0  # 1 March 2019, midnight UTC, to the first job
_NAME = re.compile(r"(QJOB|QSES)-03(\d\d)-(\d\d)(\d\d)-([0-9a-f-]+):")  # day, hour, minute in UTC+1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is compared.

    Parameters
    ----------
    wait_s, wait_p50_s, wait_p90_s, wait_max_s : from submission until work runs, stagings left out [s]
    slowdown, slowdown_max : (wait + run) / run, mean and most
    energy_kwh : of all boards over 14 days
    busy_share : of all boards' time
    """

    wait_s: float
    wait_p50_s: float
    wait_p90_s: float
    wait_max_s: float
    slowdown: float
    slowdown_max: float
    energy_kwh: float
    busy_share: float


JOBS, STAGINGS = 15_922, 2_032
"""Of the 17,954 rows that `out_schedule.csv` averages over; a staging waits for nothing, and its slowdown is 1."""

PUBLISHED = Figures(
    wait_s=172.909027 * (JOBS + STAGINGS) / JOBS,
    wait_p50_s=51.0,  # this and the next from `out_jobs.csv`, jobs alone
    wait_p90_s=539.0,
    wait_max_s=6060.0,
    slowdown=1.0 + 0.667171 * (JOBS + STAGINGS) / JOBS,
    slowdown_max=327.366391,
    energy_kwh=15_046_780_801.84 / 3.6e6,
    busy_share=35_480_616.09 / (BOARDS * DAYS * 86_400.0),
)


def scenario(sizes: tuple[int, ...]) -> Scenario:
    """Give the platform: sites whose air never leaves its set-point, since that run knew no temperatures.

    Parameters
    ----------
    sizes : boards of each of the 13 sites
    """
    still = {"ua_w_per_k": 0.0, "mass_outside_ua_w_per_k": 0.0, "solar_aperture_m2": 0.0, "gains_w": 0.0}
    vast = {"air_j_per_k": 1e12, "mass_j_per_k": 1e13, "shell_j_per_k": 0.0}
    board = {"idle_w": IDLE_W, "max_w": BUSY_W, "off_w": IDLE_W, "boot_s": 0.0, "off_after_s": float("inf")}
    sites = tuple(
        SiteSpec(
            id=f"qbox-{number:02d}",
            link_bytes_per_s=link,
            sink=(RoomSpec(id="room", setback_c=20.0, unit=(UnitSpec(nodes=boards, **board),), **still, **vast),),
        )
        for number, (boards, link) in enumerate(zip(sizes, LINKS_BYTES_PER_S, strict=True))
    )
    return Scenario(
        name="two weeks of Qarnot",
        begin=dt.datetime(2019, 3, 1, 0, 4, tzinfo=dt.UTC),
        days=DAYS,
        step_s=900.0,
        place_s=0.0,
        filler=False,
        site=sites,
        overflow=OverflowSpec(nodes=0),
    )


def jobs_with_data(jobs: Path, datasets: Path) -> Trace:
    """Read the jobs, each with the sets that are named after its minute.

    Of several jobs in one minute each gets an even share of the minute's instances, in their order. What has no set to
    its minute reads none.
    """
    trace = read_greco(jobs)
    submitted_s = trace.jobs.submitted_s
    of_minute = _sets_by_minute(datasets)
    task, data = np.zeros(len(submitted_s), dtype=np.int64), np.full(len(submitted_s), -1)
    sizes: list[float] = []
    tasks = 0
    for begin, end in _runs(submitted_s):
        known = of_minute.get(float(submitted_s[begin]), {})
        share = np.arange(end - begin) * max(len(known), 1) // (end - begin)
        _, within = np.unique(share, return_inverse=True)  # fewer instances than jobs: some jobs get none
        task[begin:end] = tasks + within
        if known:
            data[begin:end] = len(sizes) + share
            sizes += known.values()
        tasks += int(within[-1]) + 1
    linked = dataclasses.replace(trace.jobs, task=task, data=data)
    return dataclasses.replace(trace, jobs=linked, data=DataSets(bytes=np.array(sizes)))


def replicated(trace: Trace) -> tuple[Trace, float]:
    """Give the work with all data at all sites beforehand (`FullReplicate`); and the bytes that this moves."""
    read = np.unique(trace.jobs.data[trace.jobs.data >= 0])
    moved_bytes = float(trace.data.bytes[read].sum()) * len(LINKS_BYTES_PER_S)
    jobs = dataclasses.replace(trace.jobs, data=np.full(len(trace.jobs), -1))
    return dataclasses.replace(trace, jobs=jobs, data=DataSets()), moved_bytes


def _sets_by_minute(path: Path) -> dict[float, dict[str, float]]:
    """Bytes of each job of March, by the second of the trace at which its minute begins."""
    of_minute: dict[float, dict[str, float]] = {}
    for line in path.read_text("utf-8").splitlines():
        one = json.loads(line)
        if found := _NAME.match(one["id"]):
            kind, day, hour, minute, job = found.groups()
            at_s = (int(day) - 1) * 86_400.0 + (int(hour) - 1) * 3600.0 + int(minute) * 60.0 - CLOCK_S
            jobs = of_minute.setdefault(at_s, {})
            jobs[kind + job] = jobs.get(kind + job, 0.0) + float(one["size"])
    return of_minute


def _runs(values: Floats) -> list[tuple[int, int]]:
    """Begin and end of each run of equal values."""
    edges: Ints = np.flatnonzero(np.diff(values, prepend=-1.0, append=np.inf))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def live(trace: Trace, sizes: tuple[int, ...], policy: str = "greco") -> tuple[Figures, FleetTwin]:
    """Run the two weeks."""
    fleet = scenario(sizes)
    twin = FleetTwin(fleet, make_series(fleet, Path()), trace, load_policy(policy))
    twin.live(twin.series.steps)
    attempts = twin.attempts
    begun_s = attempts.end_s - attempts.run_s  # every board runs at full speed, and nothing is killed
    over = np.isfinite(begun_s)
    wait_s = np.maximum(begun_s - attempts.submitted_s, 0.0)[over]
    slowdown = 1.0 + wait_s / attempts.run_s[over]
    return (
        Figures(
            wait_s=float(wait_s.mean()),
            wait_p50_s=float(np.quantile(wait_s, 0.5)),
            wait_p90_s=float(np.quantile(wait_s, 0.9)),
            wait_max_s=float(wait_s.max()),
            slowdown=float(slowdown.mean()),
            slowdown_max=float(slowdown.max()),
            energy_kwh=twin.score.electric_j / 3.6e6,
            busy_share=float(np.nansum(attempts.energy_j)) / (BUSY_W - IDLE_W) / (BOARDS * DAYS * 86_400.0),
        ),
        twin,
    )
