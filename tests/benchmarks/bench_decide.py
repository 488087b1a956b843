"""How long a decision takes: 10,000 units and 100,000 queued instances, each policy; best, median and p99 of twenty.

Two worlds: a plain one, and one in which everything is in the way at once: hardware constraints, inputs that lie at
some sites, stores with forecasts, frozen work, a third of the queue pressing, and memories as long as they can be.

Run: python tests/benchmarks/bench_decide.py [units] [queued]
"""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import Any

import numpy as np

from ondol.model.ids import InstanceId, NodeId, SinkId, SiteId, UnitId
from ondol.model.view import InstanceColumns, NodeColumns, Phase, SinkColumns, SiteColumns, UnitColumns, View
from ondol.policy.fcfs import Fcfs
from ondol.policy.follow import Follow, FollowMemory
from ondol.policy.greco import STEPS, Greco, GrecoMemory
from ondol.policy.greco_locality import GrecoLocality
from ondol.policy.greedy import Greedy
from ondol.policy.thermostat_filler import ThermostatFiller
from ondol.policy.wait_awhile import WaitAwhile

NOW_S = 1_768_200_000.0
POLICIES = (Fcfs(), Greco(), GrecoLocality(), Follow(), Greedy(), ThermostatFiller(), WaitAwhile())


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


def hard(view: View) -> View:
    """Everything in the way at once; the fleet is the same."""
    draw = np.random.default_rng(2)
    units, sites, total = len(view.units.ids), len(view.sites.ids), len(view.instances.ids)
    held = view.instances.node >= 0
    return dataclasses.replace(
        view,
        allowances=np.concatenate([np.ones((1, units), dtype=bool), draw.random((7, units)) < 0.6]),
        missing_bytes=np.concatenate([np.zeros((1, sites)), np.where(draw.random((999, sites)) < 0.2, 0.0, 3e7)]),
        instances=dataclasses.replace(
            view.instances,
            phase=np.where(held & (draw.random(total) < 0.3), int(Phase.PAUSED), view.instances.phase),
            since_s=view.instances.since_s - 3600.0,
            allowed=np.where(draw.random(total) < 0.5, 0, (view.instances.task * 7919) % 8),
            data=(view.instances.task * 7919) % 1000,
            deadline_s=np.where(draw.random(total) < 0.3, NOW_S + 900.0, view.instances.deadline_s),
        ),
        sinks=SinkColumns(
            ids=tuple(SinkId(key) for key in view.units.ids),
            site=view.units.site,
            store_j=draw.uniform(0.0, 5e6, units),
            capacity_j=np.full(units, 5e6),
            loss_per_s=np.zeros(units),
            capture=np.ones(units),
            demand_w=np.zeros((units, 192)),
        ),
        ahead_s=np.full(192, 900.0),
        ahead_grid_g_per_kwh=draw.uniform(20.0, 90.0, (sites, 192)),
    )


def remembered(policy: Any, view: View) -> Any:
    """A memory that is as long as it can be."""
    if isinstance(policy, Follow):
        return FollowMemory(dict.fromkeys(view.units.ids, NOW_S - 7200.0))
    if isinstance(policy, Greco):
        held = {f"ended-{node}/000000": node for node in view.nodes.ids}
        return GrecoMemory(dict.fromkeys(view.units.ids, STEPS // 2), 0.0, held)
    return policy.fresh()


def main() -> None:
    words = [int(word) for word in sys.argv[1:]]
    units, queued = (*words, *(10_000, 100_000)[len(words) :])[:2]
    plain = view(units, queued)
    print(f"{units:,} units, {queued:,} queued, {units // 3:,} running")
    for name, world in (("plain", plain), ("hard", hard(plain))):
        for policy in POLICIES:
            memory = remembered(policy, world)
            taken_s = []
            for _ in range(20):
                begun_s = time.perf_counter()
                decision, _ = policy.decide(world, memory)
                taken_s.append(time.perf_counter() - begun_s)
            best, median, most = (1e3 * float(np.quantile(taken_s, share)) for share in (0.0, 0.5, 0.99))
            print(
                f"{name:6} {policy.name:18} best {best:7.1f} ms   median {median:7.1f} ms   p99 {most:7.1f} ms   "
                f"{len(decision):,} actions"
            )


if __name__ == "__main__":
    main()
