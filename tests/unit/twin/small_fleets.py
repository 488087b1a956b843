"""Small fleets with a sink of each kind, work for them, and policies to let them live."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ondol.model.view import ServiceClass
from ondol.policy.contract import Policy
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin, Watch
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import OverflowSpec, SiteSpec
from ondol.twin.scenario.series import Series, make_series
from ondol.twin.scenario.sinks import NetworkSpec, PoolSpec, RoomSpec, SinkSpec, TankSpec, UnitSpec
from ondol.twin.workload import Jobs, Trace

BASE = Path()
JANUARY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
POLICIES = ("fcfs", "follow", "greco", "greedy", "thermostat-filler", "wait-awhile")


def unit(**changes: Any) -> UnitSpec:
    return UnitSpec(**({"nodes": 2} | changes))


def room(**changes: Any) -> RoomSpec:
    return RoomSpec(**({"id": "room", "unit": (unit(nodes=4),)} | changes))


def tank(**changes: Any) -> TankSpec:
    return TankSpec(**({"id": "tank", "unit": (unit(nodes=6, case_ua_w_per_k=2.0),)} | changes))


def pool(**changes: Any) -> PoolSpec:
    small = {"area_m2": 40.0, "volume_m3": 60.0, "bathers_per_day": 20.0}
    return PoolSpec(**({"id": "pool", "unit": (unit(nodes=8, case_ua_w_per_k=2.0),)} | small | changes))


def network(**changes: Any) -> NetworkSpec:
    small = {"base_w": 300.0, "slope_w_per_k": 40.0}
    return NetworkSpec(**({"id": "network", "unit": (unit(nodes=6, case_ua_w_per_k=2.0),)} | small | changes))


def site(*sinks: SinkSpec, **changes: Any) -> SiteSpec:
    return SiteSpec(**({"id": "house", "sink": sinks} | changes))


def fleet(*sinks: SinkSpec, **changes: Any) -> Scenario:
    """One house with these sinks, one of each kind where none is given."""
    sinks = sinks or (room(), tank(), pool(), network())
    plain = {
        "name": "small",
        "begin": JANUARY,
        "days": 1.0,
        "step_s": 900.0,
        "place_s": 150.0,
        "site": (site(*sinks),),
        "overflow": OverflowSpec(nodes=8),
    }
    return Scenario(**(plain | changes))


def work(count: int, span_s: float, seed: int, *, longest_s: float = 3 * 3600.0) -> Trace:
    """Tasks of one instance at random moments, of all classes; half of them lose what they did when stopped."""
    lots = np.random.default_rng(seed)
    submitted_s = np.sort(np.floor(lots.uniform(0.0, span_s, count)))
    run_s = np.ceil(lots.uniform(10.0, longest_s, count))
    service = lots.integers(0, 3, count)
    slack_s = lots.choice([3600.0, 6 * 3600.0, 24 * 3600.0], count)
    deadline_s = np.where(service == ServiceClass.FLEX, submitted_s + 1.3 * run_s + slack_s, np.inf)
    jobs = Jobs(
        submitted_s=submitted_s,
        run_s=run_s,
        slots=np.ones(count, dtype=np.int64),
        task=np.arange(count),
        user=np.zeros(count, dtype=np.int64),
        service=service.astype(np.int64),
        deadline_s=deadline_s,
        resumable=lots.random(count) < 0.5,
        data=np.full(count, -1, dtype=np.int64),
    )
    return Trace(jobs=jobs, source="made for this test")


def jobs_of(*rows: tuple[float, float], service: ServiceClass = ServiceClass.FLEX, **columns: Any) -> Trace:
    """Work of (submitted_s, run_s), no deadlines, resumable."""
    count = len(rows)
    plain = {
        "submitted_s": np.array([row[0] for row in rows], dtype=np.float64),
        "run_s": np.array([row[1] for row in rows], dtype=np.float64),
        "slots": np.ones(count, dtype=np.int64),
        "task": np.arange(count),
        "user": np.zeros(count, dtype=np.int64),
        "service": np.full(count, int(service)),
        "deadline_s": np.full(count, np.inf),
        "resumable": np.ones(count, dtype=np.bool_),
        "data": np.full(count, -1, dtype=np.int64),
    }
    return Trace(jobs=Jobs(**(plain | columns)), source="made for this test")


@lru_cache(maxsize=4)
def series_of(scenario: Scenario) -> Series:
    """Its series; a year of sun takes longer to lay out than a small fleet to live."""
    return make_series(scenario, BASE)


def lived(
    scenario: Scenario, trace: Trace, policy: str | Policy[Any] = "fcfs", watch: Watch | None = None
) -> FleetTwin:
    """A fleet after its whole span."""
    chosen = load_policy(policy) if isinstance(policy, str) else policy
    twin = FleetTwin(scenario, series_of(scenario), trace, chosen, watch)
    twin.live(twin.series.steps)
    return twin
