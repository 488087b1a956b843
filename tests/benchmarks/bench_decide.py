"""How long a decision takes: 10,000 units and 100,000 queued instances, each policy, best and median of five.

Run: python tests/benchmarks/bench_decide.py [units] [queued]
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from ondol.model.ids import InstanceId, NodeId, SiteId, UnitId
from ondol.model.view import InstanceColumns, NodeColumns, Phase, SiteColumns, UnitColumns, View
from ondol.policy.registry import load_policy

NOW_S = 1_768_200_000.0


def view(units: int, queued: int) -> View:
    """A winter morning: one-slot heaters on a hundred sites, a third of them at work, one unit in a hundred a rack."""
    draw = np.random.default_rng(1)
    running = units // 3
    total = queued + running
    heats = np.arange(units) % 100 != 0
    wanted_w = np.where(heats, draw.uniform(0.0, 500.0, units), 0.0)
    order = draw.permutation(total)
    held = order < running
    node = np.where(held, order, -1)
    free = np.ones(units, dtype=np.int64)
    free[:running] = 0
    return View(
        now_s=NOW_S,
        step_s=900.0,
        seed=1,
        sites=SiteColumns(
            ids=tuple(SiteId(f"s{n:03d}") for n in range(100)),
            pue=np.ones(100),
            grid_g_per_kwh=np.full((100, 96), 50.0),
            electrical_limit_w=np.full(100, 1e6),
        ),
        units=UnitColumns(
            ids=tuple(UnitId(f"u{n:06d}") for n in range(units)),
            site=np.arange(units) % 100,
            heats=heats,
            sink=np.where(heats, np.arange(units), -1),
            power_max_w=np.full(units, 500.0),
            power_w=np.full(units, 60.0),
            wanted_w=wanted_w,
            wanted_ahead_w=np.repeat(wanted_w[:, None], 96, axis=1),
            temp_c=np.where(heats, draw.normal(19.0, 1.0, units), np.nan),
            setpoint_c=np.where(heats, 19.0, np.nan),
            lower_c=np.where(heats, 18.5, np.nan),
            upper_c=np.where(heats, 21.0, np.nan),
            room_j=draw.uniform(0.0, 5e6, units),
        ),
        nodes=NodeColumns(
            ids=tuple(NodeId(f"n{n:06d}") for n in range(units)),
            unit=np.arange(units),
            slots=np.ones(units, dtype=np.int64),
            slots_free=free,
            idle_w=np.full(units, 60.0),
            max_w=np.full(units, 500.0),
            cap_w=np.full(units, 500.0),
            accepts=np.ones(units, dtype=bool),
        ),
        instances=InstanceColumns(
            ids=tuple(InstanceId(f"i{n:07d}") for n in range(total)),
            task=np.arange(total) // 100,
            phase=np.where(held, int(Phase.RUNNING), int(Phase.QUEUED)),
            service=draw.choice(4, total, p=[0.05, 0.6, 0.3, 0.05]),
            node=node,
            submitted_s=NOW_S - draw.uniform(0.0, 36_000.0, total),
            deadline_s=np.where(draw.random(total) < 0.5, NOW_S + draw.uniform(0.0, 1e5, total), np.inf),
            since_s=np.full(total, NOW_S - 100.0),
            expected_s=draw.lognormal(6.5, 1.0, total),
            done_s=np.zeros(total),
            attempts=held.astype(np.int64),
            resumable=draw.random(total) < 0.5,
            allowed=np.zeros(total, dtype=np.int64),
            data=np.zeros(total, dtype=np.int64),
        ),
        allowances=np.ones((1, units), dtype=bool),
        missing_bytes=np.zeros((1, 100)),
    )


def main() -> None:
    words = [int(word) for word in sys.argv[1:]]
    units, queued = (*words, *(10_000, 100_000)[len(words) :])[:2]
    world = view(units, queued)
    print(f"{units:,} units, {queued:,} queued, {units // 3:,} running")
    for name in ("fcfs", "greco", "follow"):
        policy = load_policy(name)
        taken_s = []
        for _ in range(5):
            begun_s = time.perf_counter()
            decision, _ = policy.decide(world, policy.fresh())
            taken_s.append(time.perf_counter() - begun_s)
        best, median = min(taken_s) * 1e3, statistics.median(taken_s) * 1e3
        print(f"{name:8} best {best:7.1f} ms   median {median:7.1f} ms   {len(decision):,} actions")


if __name__ == "__main__":
    main()
