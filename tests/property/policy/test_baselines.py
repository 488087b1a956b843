"""What the baselines owe in every world beyond what all policies do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.decision import Pause, SetPower, Stop
from ondol.model.view import Phase, ServiceClass
from ondol.policy.fcfs import Fcfs
from ondol.policy.greedy import Greedy
from ondol.policy.thermostat_filler import ThermostatFiller
from ondol.policy.wait_awhile import WaitAwhile
from property.policy.test_decisions import POLICIES, worlds
from unit.policy.views import World, apply, of_kind, started

GENTLE = [Fcfs(), Greedy(), ThermostatFiller(), WaitAwhile()]


@pytest.mark.parametrize("policy", GENTLE, ids=lambda p: p.name)
@settings(max_examples=30, deadline=None)
@given(world=worlds() | worlds(constrained=True))
def test_work_that_would_lose_by_it_is_never_stopped(policy, world):
    memory = policy.fresh()
    for _ in range(3):
        resumable = {w.id: w.resumable for w in world.work}
        decision, memory = policy.decide(world.view(), memory)
        assert all(resumable[stop.instance_id] for stop in of_kind(decision, Stop))
        apply(world, decision)
        world.now_s += 1300.0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=30, deadline=None)
@given(world=worlds(constrained=True), shuffle=st.randoms(use_true_random=False))
def test_numbers_of_tasks_sets_and_inputs_are_only_labels(policy, world, shuffle):
    """Given tasks, allowances, inputs and sinks numbered anew, when the policy decides, then it decides the same."""
    view = world.view()
    task = list(range(3))
    shuffle.shuffle(task)
    sets = [0, *shuffle.sample(range(1, len(view.allowances)), len(view.allowances) - 1)]
    data = [0, *shuffle.sample(range(1, len(view.missing_bytes)), len(view.missing_bytes) - 1)]
    old = view.instances
    relabelled = dataclasses.replace(
        view,
        allowances=view.allowances[np.argsort(sets)],
        missing_bytes=view.missing_bytes[np.argsort(data)],
        instances=dataclasses.replace(
            old,
            task=np.array(task)[old.task],
            allowed=np.array(sets)[old.allowed],
            data=np.array(data)[old.data],
        ),
    )
    assert policy.decide(relabelled, policy.fresh()) == policy.decide(view, policy.fresh())


@settings(max_examples=50, deadline=None)
@given(world=worlds())
def test_greedy_freezes_only_heat_bound_work_and_runs_the_rest_at_full_power(world: World):
    view = world.view()
    decision, _ = Greedy().decide(view, Greedy().fresh())
    service = {w.id: w.service for w in world.work}
    assert all(service[p.instance_id] >= ServiceClass.HARVEST for p in of_kind(decision, Pause))
    most = dict(zip(view.units.ids, view.units.power_max_w, strict=True))
    assert all(p.power_w == most[p.unit_id] for p in of_kind(decision, SetPower))
    apply(world, decision)
    running = {w.node.rpartition("-")[0] for w in world.work if w.phase in (Phase.PLACED, Phase.RUNNING)}
    assert {p.unit_id for p in of_kind(decision, SetPower)} == running


@settings(max_examples=50, deadline=None)
@given(world=worlds())
def test_thermostats_are_filled_as_long_as_anything_waits(world: World):
    """Where anybody waits, no thermostat wants a whole free slot's watts more than it has.

    A unit in which something was stopped is left out: its slot is for the next decision.
    """
    before = world.view()
    decision, _ = ThermostatFiller().decide(before, ThermostatFiller().fresh())
    stopped = {stop.instance_id for stop in of_kind(decision, Stop)}
    making_room = {w.node.rpartition("-")[0] for w in world.work if w.id in stopped}
    apply(world, decision)
    if not any(
        w.phase is Phase.QUEUED and w.id not in {s.instance_id for s in of_kind(decision, Stop)} for w in world.work
    ):
        return
    after = world.view()
    for row, unit in enumerate(after.units.ids):
        if not after.units.heats[row] or unit in making_room:
            continue
        nodes = np.flatnonzero(after.nodes.unit == row)
        slot_w = (after.nodes.max_w - after.nodes.idle_w)[nodes] / after.nodes.slots[nodes]
        free = after.nodes.slots_free[nodes] * after.nodes.accepts[nodes]
        work = [w for w in world.work if w.node.startswith(f"{unit}-") and w.phase in (Phase.PLACED, Phase.RUNNING)]
        share = dict(zip((after.nodes.ids[n] for n in nodes), slot_w, strict=True))
        given_w = after.nodes.idle_w[nodes].sum() + sum(share[w.node] for w in work)
        open_w = min(after.units.wanted_w[row], after.units.power_max_w[row]) - given_w
        assert not (free > 0).any() or open_w < slot_w[free > 0].max()


@settings(max_examples=50, deadline=None)
@given(world=worlds())
def test_on_demand_waits_only_if_no_slot_is_free(world: World):
    view = world.view()
    free = int(view.nodes.slots_free[view.nodes.accepts].sum())
    urgent = {w.id for w in world.work if w.phase is Phase.QUEUED and w.service is ServiceClass.ON_DEMAND}
    for policy in (Greedy(), WaitAwhile()):
        placed = urgent & set(started(policy.decide(view, policy.fresh())[0]))
        assert len(placed) == min(len(urgent), free), policy.name
