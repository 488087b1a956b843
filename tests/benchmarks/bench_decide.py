"""How long a decision takes: 10,000 units and 100,000 queued instances, each policy; best, median and p99 of twenty.

Three worlds: a plain one; one in which everything is in the way at once: hardware constraints, inputs that lie at
some sites, stores without forecasts, frozen work, a third of the queue pressing, and memories as long as they can be;
and one of a sink to every five units with forecasts of two days, in which `follow` plans: timed with the plan in force
and, by itself, with a new one.

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
from ondol.policy.plan.forecasts import plannable
from ondol.policy.plan.outline import Outline, draw_up
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


def planned(view: View) -> View:
    """Heat stores with forecasts: five units to a sink, 64 steps over two days; some filler runs and some waits."""
    draw = np.random.default_rng(3)
    units, sites = len(view.units.ids), len(view.sites.ids)
    sinks = units // 5
    steps_s = np.repeat([900.0, 1800.0, 7200.0], [16, 24, 24])
    begin_h = (np.cumsum(steps_s) - steps_s) / 3600.0
    peak_w = draw.uniform(0.0, 2500.0, sinks)
    demand_w = peak_w[:, None] * (
        0.6 + 0.4 * np.cos(2.0 * np.pi * (begin_h + draw.uniform(0.0, 24.0, (sinks, 1))) / 24.0)
    )
    capacity_j = draw.choice([0.0, 2e7, 1e8], sinks)
    # Units are dealt out to sinks by site: number n heats sink (n mod sites) + sites · (n // sites // 5).
    number = np.arange(units)
    sink = np.minimum(number % sites + sites * (number // sites // 5), sinks - 1)
    return dataclasses.replace(
        view,
        units=dataclasses.replace(view.units, sink=np.where(view.units.heats, sink, -1)),
        sinks=SinkColumns(
            ids=tuple(SinkId(f"k{n:05d}") for n in range(sinks)),
            site=np.arange(sinks) % sites,
            store_j=capacity_j * draw.random(sinks),
            capacity_j=capacity_j,
            loss_per_s=draw.uniform(0.0, 1e-5, sinks),
            capture=draw.uniform(0.8, 1.0, sinks),
            demand_w=demand_w,
            demand_high_w=1.2 * demand_w,
            backup_g_per_kwh=np.full((sinks, len(steps_s)), 230.0),
            backup_eur_per_kwh=np.full((sinks, len(steps_s)), 0.1),
        ),
        ahead_s=steps_s,
        ahead_grid_g_per_kwh=draw.uniform(20.0, 90.0, (sites, len(steps_s))),
        ahead_work_s=np.zeros((4, len(steps_s))),
    )


def remembered(policy: Any, view: View) -> Any:
    """A memory that is as long as it can be."""
    if isinstance(policy, Follow):
        outline = draw_up(view, Outline()) if plannable(view) else Outline()
        return FollowMemory(dict.fromkeys(view.units.ids, NOW_S - 7200.0), outline)
    if isinstance(policy, Greco):
        held = {f"ended-{node}/000000": node for node in view.nodes.ids}
        return GrecoMemory(dict.fromkeys(view.units.ids, STEPS // 2), 0.0, held)
    return policy.fresh()


def timed(name: str, policy: Any, world: View, memory: Any) -> None:
    """Decide twenty times and say how long it took."""
    taken_s = []
    for _ in range(20):
        begun_s = time.perf_counter()
        decision, _ = policy.decide(world, memory)
        taken_s.append(time.perf_counter() - begun_s)
    best, median, most = (1e3 * float(np.quantile(taken_s, share)) for share in (0.0, 0.5, 0.99))
    print(
        f"{name:18} {policy.name:18} best {best:7.1f} ms   median {median:7.1f} ms   p99 {most:7.1f} ms   "
        f"{len(decision):,} actions"
    )


def main() -> None:
    words = [int(word) for word in sys.argv[1:]]
    units, queued = (*words, *(10_000, 100_000)[len(words) :])[:2]
    plain = view(units, queued)
    print(f"{units:,} units, {queued:,} queued, {units // 3:,} running")
    for name, world in (("plain", plain), ("hard", hard(plain)), ("planned", planned(plain))):
        for policy in POLICIES:
            timed(name, policy, world, remembered(policy, world))
    both = planned(hard(plain))
    timed("planned, hard", Follow(), both, remembered(Follow(), both))
    timed("with a new plan", Follow(), planned(plain), FollowMemory())


if __name__ == "__main__":
    main()
