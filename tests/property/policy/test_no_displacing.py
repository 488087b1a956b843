"""Harvest and filler give way, and never the other way round.

Which policies promise it is the table of `docs/explanation/service-classes.md`.
"""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings

from ondol.model.decision import Pause, Stop
from ondol.model.view import Phase, ServiceClass
from ondol.policy.follow import Follow
from ondol.policy.greedy import Greedy
from ondol.policy.standing import standing
from ondol.policy.urgency import urgency
from ondol.policy.wait_awhile import WaitAwhile
from property.policy.test_decisions import POLICIES, worlds
from unit.policy.views import apply, of_kind, started

BETTER = (ServiceClass.ON_DEMAND, ServiceClass.FLEX)
FAIR = [Follow(), Greedy(), WaitAwhile()]
"""fcfs, greco, greco-locality and thermostat-filler serve harvest in the order in which it came: it may take a slot for
which later work that cannot wait then has to wait, though never one that such work has."""


@pytest.mark.parametrize("policy", FAIR, ids=lambda p: p.name)
@settings(max_examples=60, deadline=None)
@given(world=worlds() | worlds(constrained=True))
def test_no_slot_goes_to_heat_bound_work_while_work_that_cannot_wait_could_have_it(policy, world):
    """Given any world, when harvest or filler starts on a node, then nobody waits who may run there and cannot wait."""
    memory = policy.fresh()
    for _ in range(3):
        view = world.view()
        decision, memory = policy.decide(view, memory)
        begun = started(decision)
        row = {key: number for number, key in enumerate(view.instances.ids)}
        node = {key: number for number, key in enumerate(view.nodes.ids)}
        waiting = [r for r in urgency(view, standing(view)).pressing.tolist() if view.instances.ids[r] not in begun]
        for key, where in begun.items():
            if view.instances.service[row[key]] >= ServiceClass.HARVEST:
                could = [r for r in waiting if view.allowances[view.instances.allowed[r], node[where]]]
                assert not could, f"{key} starts on {where}, {[view.instances.ids[r] for r in could]} cannot wait"
        apply(world, decision)
        world.now_s += 400.0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=30, deadline=None)
@given(world=worlds() | worlds(constrained=True))
def test_nobody_better_is_stopped_or_frozen_because_heat_bound_work_waits(policy, world):
    """Given any world, then on_demand and flex are stopped and frozen just as if no harvest and filler waited."""
    without = copy.deepcopy(world)
    without.work = [w for w in without.work if w.service in BETTER or w.phase is not Phase.QUEUED]
    service = {w.id: w.service for w in world.work}

    def ended(decision):
        ends = [*of_kind(decision, Stop), *of_kind(decision, Pause)]
        return {action.instance_id for action in ends if service[action.instance_id] in BETTER}

    mine = ended(policy.decide(world.view(), policy.fresh())[0])
    alone = ended(policy.decide(without.view(), policy.fresh())[0])
    assert mine <= alone
