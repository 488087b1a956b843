"""A week of Qarnot in May 2019, as near as its published description goes: the standard scheduler beside LocalityBased.

Source: A. A. da Silva's master's thesis on the simulator of SBAC-PAD 2020 (hal-02915346), repository
andersonandrei/uga-master-thesis, commit efa0aad: chapter 7 (platform; number, quartiles, mean and most of run times;
how many instances read the most popular data sets) and `tables.tex` (the schedulers' results, `PUBLISHED`). Targets of
heaters: the first 115 events of 9 May 2019 in AdwaitB/greco-p2p-analysis, `data/3d_09-05-2019/events.json`.

The jobs themselves are not in our data. Here they are drawn: moments of submission and the sizes of bags from a week of
`greco14d_jobs.csv`, run times by the published quartiles, data by the published popularity with sizes of
`greco_datasets.json`; a share of a fifth in class HIGH, and buildings of the twin's default envelope, are assumptions.
What is compared is therefore LocalityBased against the standard scheduler, not one number against another.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ondol.model.view import Floats, Ints, ServiceClass
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import OverflowSpec, SiteSpec
from ondol.twin.scenario.series import make_series
from ondol.twin.scenario.sinks import RoomSpec, UnitSpec
from ondol.twin.workload.greco import read_greco
from ondol.twin.workload.jobs import DataSets, Jobs, Trace

SITES, HEATERS, BOARDS = 20, 669, 5  # 3,390 boards at 669 heaters: five each
QUANTILES = ((0.0, 1.0), (0.25, 132.0), (0.5, 235.0), (0.75, 635.0), (1.0, 35_372.0))  # week of 3 May [s]
MEAN_RUN_S = 465.96
INSTANCES, SETS = 7350, 60
POPULAR = (0.91, 0.68)  # shares of instances that read the first set, and the second as well
TARGETS_C = ((26.0, 0.36), (16.0, 0.29), (21.0, 0.35))  # of heaters: at the top, off, in between
HIGH = 0.2  # assumption
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """LocalityBased over the standard scheduler: ratios of mean wait, of bytes moved and of preempted jobs."""

    wait: float
    moved: float
    preempted: float


PUBLISHED = {
    "one day": Change(wait=22.94 / 35.9, moved=114.98 / 164.54, preempted=3 / 3),
    "three days": Change(wait=42.58 / 47.22, moved=64.96 / 57.5, preempted=65 / 49),
    "week of 3 May": Change(wait=38.56 / 39.43, moved=375.87 / 363.62, preempted=41 / 54),
    "week of 10 May": Change(wait=117.69 / 117.68, moved=353.15 / 289.81, preempted=232 / 153),
}


def scenario(days: float) -> Scenario:
    """Give 20 buildings in May, each with its heaters in three groups of rooms by their targets."""
    sites = []
    for number in range(SITES):
        heaters = HEATERS // SITES + (number < HEATERS % SITES)
        counts = [round(heaters * share) for _, share in TARGETS_C[:-1]]
        counts.append(heaters - sum(counts))
        rooms = tuple(
            RoomSpec(
                id=f"at-{target_c:.0f}",
                setpoint_c=target_c,
                setback_c=target_c,
                air_j_per_k=5e5 * count,
                mass_j_per_k=4e6 * count,
                ua_w_per_k=20.0 * count,
                mass_ua_w_per_k=120.0 * count,
                mass_outside_ua_w_per_k=13.0 * count,
                solar_aperture_m2=1.0 * count,
                gains_w=60.0 * count,
                shell_j_per_k=22_500.0 * count,
                shell_ua_w_per_k=15.0 * count,
                backup_max_w=0.0,
                initial_temp_c=20.0,
                unit=(UnitSpec(count=count, nodes=BOARDS, idle_w=10.0, max_w=90.0, off_w=1.0),),
            )
            for (target_c, _), count in zip(TARGETS_C, counts, strict=True)
        )
        sites.append(SiteSpec(id=f"qbox-{number:02d}", link_bytes_per_s=12.5e6 * (1 + number % 2), sink=rooms))
    return Scenario(
        name="a week of Qarnot",
        begin=dt.datetime(2019, 5, 3, tzinfo=dt.UTC),
        days=days,
        step_s=600.0,
        place_s=30.0,
        site=tuple(sites),
        overflow=OverflowSpec(nodes=0),
    )


def run_time_s(rank: Floats) -> Floats:
    """Run times by their quantiles; beyond the third quartile with the exponent that gives the published mean [s]."""
    shares, values = (np.array(column) for column in zip(*QUANTILES, strict=True))
    body = np.exp(np.interp(rank, shares, np.log(values)))
    low, high = 0.0, 60.0
    within = np.clip((rank - 0.75) / 0.25, 0.0, 1.0)
    for _ in range(60):
        power = 0.5 * (low + high)
        times_s = np.where(rank > 0.75, values[3] * (values[4] / values[3]) ** (within**power), body)
        low, high = (power, high) if times_s.mean() > MEAN_RUN_S else (low, power)
    return np.maximum(np.round(times_s), 1.0)


def draw_jobs(jobs: Path, datasets: Path, days: float, seed: int = 1) -> Trace:
    """Draw the work of as many days, the share of a week's instances that falls to them."""
    lots = np.random.default_rng(seed)
    submitted_s = read_greco(jobs).jobs.submitted_s - 4 * DAY_S  # from its fifth day on
    of_week = submitted_s[(submitted_s >= 0) & (submitted_s < 7 * DAY_S)]
    chosen = np.sort(lots.choice(len(of_week), INSTANCES, replace=len(of_week) < INSTANCES))
    submitted_s = of_week[chosen]
    run_s = run_time_s((lots.permutation(INSTANCES) + 0.5) / INSTANCES)
    moments, bag = np.unique(submitted_s, return_inverse=True)
    reads = _reads(bag, len(moments), lots)
    high = lots.random(len(moments))[bag] < HIGH
    sizes = np.array([json.loads(line)["size"] for line in datasets.read_text("utf-8").splitlines()], dtype=np.float64)
    drawn = lots.choice(sizes[sizes > 1e6], SETS)
    rows = np.concatenate([drawn[:1], drawn[:1] + drawn[1:2], drawn[2:]])
    kept = submitted_s < days * DAY_S
    _, task = np.unique(bag[kept], return_inverse=True)
    count = int(kept.sum())
    return Trace(
        jobs=Jobs(
            submitted_s=submitted_s[kept],
            run_s=run_s[kept],
            slots=np.ones(count, dtype=np.int64),
            task=task,
            user=np.full(count, -1),
            service=np.where(high, int(ServiceClass.ON_DEMAND), int(ServiceClass.FLEX))[kept],
            deadline_s=np.full(count, np.inf),
            resumable=np.zeros(count, dtype=np.bool_),
            data=reads[kept],
        ),
        data=DataSets(bytes=rows),
        source="drawn after a published description",
    )


def _reads(bag: Ints, bags: int, lots: np.random.Generator) -> Ints:
    """Give every bag one row: the first set, the first two, or one of the others, by their shares of instances."""
    size = np.bincount(bag, minlength=bags)
    order = lots.permutation(bags)
    share = np.cumsum(size[order]) / size.sum()
    row = np.where(share <= POPULAR[1], 1, np.where(share <= POPULAR[0], 0, lots.integers(2, SETS, bags)))
    of_bag = np.empty(bags, dtype=np.int64)
    of_bag[order] = row
    return of_bag[bag]


def live(trace: Trace, days: float, policy: str) -> tuple[float, float, float]:
    """Run it; gives the mean wait until work runs [s], what was moved [B], and how many jobs were preempted."""
    fleet = scenario(days)
    twin = FleetTwin(fleet, make_series(fleet, Path()), trace, load_policy(policy))
    twin.live(twin.series.steps)
    attempts = twin.attempts
    jobs = slice(0, attempts.count)
    over = np.isfinite(attempts.end_s[jobs])
    wait_s = (attempts.ready_s - attempts.submitted_s)[jobs][over]  # of the last attempt, when its inputs were there
    return float(wait_s.mean()), twin.caches.moved_bytes, attempts.kills
