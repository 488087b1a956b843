"""Whatever a policy decides: no attempt is faster than its cap, and energy and work add up all the same."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario
from property.twin.test_fleet_invariants import Chaos, check, scenarios
from unit.twin.small_fleets import series_of, work


@settings(max_examples=8, deadline=None)
@given(scenarios(), st.integers(0, 1000), st.floats(0.1, 1.0))
def test_no_attempt_is_faster_than_its_cap(scenario: Scenario, seed: int, least: float) -> None:
    trace = work(25, scenario.days * 86_400.0, seed, longest_s=7200.0)
    caps = np.random.default_rng(seed).uniform(least, 1.0, 25)
    jobs = dataclasses.replace(trace.jobs, speed_cap=caps, deadline_s=np.full(25, np.inf))
    twin = FleetTwin(scenario, series_of(scenario), dataclasses.replace(trace, jobs=jobs), Chaos())
    attempts, step_s = twin.attempts, twin.series.step_s
    fastest = float(twin.layout.node_speed.max())
    while not twin.over:
        before_s, node, tries = attempts.done_s.copy(), attempts.node.copy(), attempts.attempts.copy()
        twin.live(1)
        check(twin, before_s)
        same = (attempts.attempts == tries)[: attempts.count] & (node[: attempts.count] >= 0)
        rows = np.flatnonzero(same)
        speed = twin.layout.node_speed[node[rows]]
        gained = attempts.done_s[rows] - before_s[rows]
        assert (gained <= speed * caps[rows] * step_s * (1.0 + 1e-9) + 1e-6).all()
    assert (attempts.done_s[:25] <= fastest * caps * twin.series.steps * step_s + 1e-6).all()
    drawn_w = twin.machines.power_w()
    assert (drawn_w <= twin.layout.unit_max_w + 1e-6).all()
