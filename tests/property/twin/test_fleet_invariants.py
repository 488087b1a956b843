"""Whatever a policy decides: slots, power, work and instances of a fleet add up at every moment."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.lifecycle.attempt import ATTEMPT_TABLE
from ondol.model.compute import AttemptState, InstanceState
from ondol.model.decision import Action, Decision, Pause, Resume, SetPower, Start, Stop
from ondol.model.view import Phase, View
from ondol.policy.registry import load_policy
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.scenario import Scenario
from ondol.twin.scenario.nouns import BackupSpec, FaultSpec, ForecastSpec, OverflowSpec, SiteSpec
from ondol.twin.summary import summarise
from ondol.twin.transitions import NO_ATTEMPT, attempt_code, instance_code
from unit.twin.small_fleets import POLICIES, fleet, network, pool, room, series_of, tank, unit, work


class Chaos:
    """Decides by lot, but nothing that the contract forbids: starts, stops, freezes, thaws and asks for power."""

    name = "chaos"

    def fresh(self) -> int:
        return 0

    def decide(self, view: View, memory: int) -> tuple[Decision, int]:
        lots = np.random.default_rng([view.seed, memory])
        phase, ids = view.instances.phase, view.instances.ids
        actions: list[Action] = []
        running, frozen = np.flatnonzero(phase == Phase.RUNNING), np.flatnonzero(phase == Phase.PAUSED)
        for row in np.flatnonzero(phase != Phase.QUEUED).tolist():
            lot = lots.random()
            if lot < 0.02:
                actions.append(Stop(ids[row], "by lot"))
            elif lot < 0.1 and row in running:
                actions.append(Pause(ids[row], "by lot"))
            elif lot < 0.3 and row in frozen:
                actions.append(Resume(ids[row], "by lot"))
        free = np.repeat(np.arange(len(view.nodes.ids)), np.where(view.nodes.accepts, view.nodes.slots_free, 0))
        queued = lots.permutation(np.flatnonzero(phase == Phase.QUEUED))
        chosen = lots.permutation(free)[: int(lots.integers(0, len(free) + 1))]
        actions += [
            Start(ids[row], view.nodes.ids[node], "by lot")
            for row, node in zip(queued.tolist(), chosen.tolist(), strict=False)
        ]
        actions += [
            SetPower(view.units.ids[row], float(lots.uniform(0.0, 1.2) * view.units.power_max_w[row]), "by lot")
            for row in np.flatnonzero(lots.random(len(view.units.ids)) < 0.6).tolist()
        ]
        return tuple(actions), memory + 1


UNITS = st.builds(
    unit,
    nodes=st.integers(1, 4),
    slots=st.integers(1, 3),
    idle_w=st.sampled_from([0.0, 30.0]),
    off_w=st.sampled_from([0.0]),
    boot_s=st.sampled_from([0.0, 100.0, 2000.0]),
    off_after_s=st.sampled_from([0.0, 600.0, float("inf")]),
    capture=st.sampled_from([0.8, 1.0]),
    case_ua_w_per_k=st.sampled_from([0.0, 3.0]),
    speed=st.sampled_from([0.5, 1.0, 2.0]),
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    make = draw(st.sampled_from([room, tank, pool, network]))
    units = tuple(draw(st.lists(UNITS, min_size=1, max_size=2)))
    home = SiteSpec(
        id="home",
        sink=(make(unit=units),),
        rack=tuple(draw(st.lists(UNITS, max_size=1))),
        electrical_limit_w=draw(st.sampled_from([1e9, 150.0])),
    )
    return fleet(
        site=(home, SiteSpec(id="other", sink=(room(),))),
        overflow=OverflowSpec(nodes=draw(st.integers(0, 3)), off_w=0.0),
        begin=dt.datetime(2026, draw(st.integers(1, 12)), 4, tzinfo=dt.UTC),
        days=0.25,
        step_s=draw(st.sampled_from([300.0, 900.0])),
        place_s=draw(st.sampled_from([60.0, 150.0, 300.0])),
        filler=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
        backup=BackupSpec(kind=draw(st.sampled_from(["gas", "heat_pump"]))),
        forecast=ForecastSpec(kind=draw(st.sampled_from(["perfect", "real"]))),
        fault=FaultSpec(node_mtbf_h=draw(st.sampled_from([float("inf"), 2.0]))),
    )


def check(twin: FleetTwin, done_before_s: np.ndarray) -> None:
    """What must hold between two steps."""
    attempts, machines, layout = twin.attempts, twin.machines, twin.layout
    rows = np.arange(len(attempts.run_s))
    holds = attempts.node >= 0
    # slots: who holds one stands in `held`, nodes count them, and none has more than it has
    assert np.array_equal(attempts.held, np.flatnonzero(holds))
    on_node = np.bincount(attempts.node[holds], minlength=len(layout.node_ids))
    assert np.array_equal(machines.held, on_node)
    assert (machines.held <= layout.node_slots).all()
    assert (machines.up[on_node > 0] == 1).all()
    # instances: each is in its line, holds a slot, is over, or has not come yet
    queued = np.concatenate(list(attempts.lines.values()))
    assert len(np.unique(queued)) == len(queued)
    over = attempts.instance == instance_code(InstanceState.SUCCEEDED)
    come = (rows < attempts.arrived) | (rows >= attempts.count)
    assert np.array_equal(np.sort(np.concatenate([queued, attempts.held, np.flatnonzero(over)])), np.flatnonzero(come))
    assert np.array_equal(over[: attempts.count], ~np.isnan(attempts.end_s[: attempts.count]))
    # states agree with slots, and are states of the table
    active = attempts.instance == instance_code(InstanceState.ACTIVE)
    assert np.array_equal(active, holds)
    living = {attempt_code(state) for state in (AttemptState.STAGING, AttemptState.RUNNING, AttemptState.PAUSED)}
    assert set(attempts.attempt[holds].tolist()) <= living
    known = {NO_ATTEMPT} | {attempt_code(state) for state in ATTEMPT_TABLE.values()}
    assert set(attempts.attempt.tolist()) <= known
    # work: never more than there is, and only frozen or capped work stands still
    assert (attempts.done_s[over] == attempts.run_s[over]).all()
    assert (attempts.done_s <= attempts.run_s).all()
    assert (attempts.done_s >= 0.0).all()
    assert (attempts.done_s[attempts.resumable] >= done_before_s[attempts.resumable] - 1e-9).all()
    ends = attempts.end_s[over]
    assert (ends >= attempts.submitted_s[over] + attempts.run_s[over] / layout.node_speed.max() - 1e-3).all()
    # power: idle nodes come first; what is above stays under the unit's target and the site's limit
    power_w = machines.power_w()
    units = len(layout.unit_ids)
    idle_w = np.bincount(layout.node_unit, np.where(machines.up > 0, layout.node_idle_w, 0.0), units)
    off_w = np.bincount(layout.node_unit, np.where(machines.up > 0, 0.0, layout.node_off_w), units)
    assert (power_w <= np.maximum(machines.target_w, idle_w) + off_w + 1e-6).all()
    assert (power_w <= layout.unit_max_w + 1e-6).all()
    site_w, standing_w = (np.bincount(layout.unit_site, one, len(layout.site_ids)) for one in (power_w, idle_w + off_w))
    assert (site_w <= np.maximum(layout.site_limit_w, standing_w) + 1e-6).all()
    # numbers are numbers
    for values in (*twin.plant.state().values(), attempts.energy_j, twin.score.heat_j, twin.score.backup_j):
        assert not np.isinf(values).any()
    assert np.isfinite(twin.plant.heat_w).all()


@settings(max_examples=25)
@given(scenarios(), st.integers(1, 40), st.sampled_from([*POLICIES, "chaos", "chaos", "chaos"]))
def test_a_fleet_adds_up_at_every_step(scenario: Scenario, count: int, name: str) -> None:
    # given a fleet and a policy, or pure chance
    trace = work(count, scenario.days * 86_400.0, scenario.seed)
    policy: Any = Chaos() if name == "chaos" else load_policy(name)
    twin = FleetTwin(scenario, series_of(scenario), trace, policy)
    energy_j = np.zeros(len(twin.layout.unit_ids))
    while not twin.over:
        before_s = twin.attempts.done_s.copy()
        twin.live(1)
        energy_j += twin.unit_energy_j
        check(twin, before_s)
    # then units drew at least what attempts did, no more than all nodes at full load, and the books agree
    assert float(twin.attempts.energy_j.sum()) <= float(energy_j.sum()) * (1.0 + 1e-9) + 1e-6
    assert (energy_j <= twin.layout.unit_max_w * scenario.days * 86_400.0 * (1.0 + 1e-9)).all()
    figures = summarise(twin)
    assert all(np.isfinite(value) for value in figures.values())
    own_kwh = float((energy_j * twin.layout.site_pue[twin.layout.unit_site]).sum()) / 3.6e6
    assert figures["electric_kwh"] + figures["overflow_kwh"] == pytest.approx(own_kwh, rel=1e-9)
    given = figures["heat_useful_kwh"] + figures["heat_dumped_kwh"] + figures["heat_lost_kwh"]
    assert given == pytest.approx(figures["heat_given_kwh"], rel=1e-9, abs=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_frozen_work_makes_no_progress(seed: int) -> None:
    # given chance as a policy
    scenario = fleet(days=0.25, seed=seed)
    twin = FleetTwin(scenario, series_of(scenario), work(30, 20_000.0, seed), Chaos())
    paused = attempt_code(AttemptState.PAUSED)
    seen = 0
    while not twin.over:
        attempts = twin.attempts
        before, attempt, tries = attempts.done_s.copy(), attempts.attempt.copy(), attempts.attempts.copy()
        decided = twin.decisions
        twin._begin(twin.step, twin.step * twin.series.step_s)
        twin._next_decide_s = np.inf  # nobody thaws it within this step
        twin._live_through(twin.step * twin.series.step_s, (twin.step + 1) * twin.series.step_s)
        still = (attempt == paused) & (attempts.attempts == tries)
        assert twin.decisions == decided
        assert np.array_equal(attempts.done_s[still], before[still])
        seen += int(still.sum())
        twin._next_decide_s = 0.0
        twin._close(twin.step)
        twin.step += 1
        if not twin.over:
            twin.live(1)
    assert seen > 0


@settings(max_examples=10)
@given(scenarios(), st.sampled_from([*POLICIES, "chaos"]))
def test_the_same_run_twice_is_the_same(scenario: Scenario, name: str) -> None:
    trace = work(20, scenario.days * 86_400.0, scenario.seed)
    runs = []
    for _ in range(2):
        policy: Any = Chaos() if name == "chaos" else load_policy(name)
        twin = FleetTwin(scenario, series_of(scenario), trace, policy)
        twin.live(twin.series.steps)
        runs.append(twin)
    one, other = runs
    for field in ("end_s", "done_s", "energy_j", "first_start_s", "node", "attempts"):
        assert np.array_equal(getattr(one.attempts, field), getattr(other.attempts, field), equal_nan=True), field
    assert summarise(one) == summarise(other)
    assert one.memory == other.memory
