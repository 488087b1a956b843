"""Work runs only where it may, whatever the policy and the world; and those who may go anywhere lose nothing by it."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.decision import Stop
from ondol.model.view import Phase, ServiceClass, View
from ondol.policy.fit import fit
from ondol.policy.follow import Follow
from property.policy.test_decisions import POLICIES, worlds
from unit.policy.views import World, apply, of_kind, started


def may_run(view: View, instance: str, node: str) -> bool:
    row = view.instances.ids.index(instance)
    return bool(view.allowances[view.instances.allowed[row], view.nodes.ids.index(node)])


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=80, deadline=None)
@given(world=worlds(constrained=True))
def test_nothing_starts_where_it_may_not(policy, world):
    """Over three rounds, since what is stopped to make room starts elsewhere later."""
    memory = policy.fresh()
    for _ in range(3):
        view = world.view()
        decision, memory = policy.decide(view, memory)
        assert all(may_run(view, key, node) for key, node in started(decision).items())
        apply(world, decision)
        world.now_s += 1300.0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=60, deadline=None)
@given(world=worlds(), numbers=st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_constraints_that_every_node_meets_change_nothing(policy, world, numbers):
    """Given three sets that all hold every node, when work names any of them, then all is as if it named none."""
    view = world.view()
    several = dataclasses.replace(
        view,
        allowances=np.ones((3, len(view.nodes.ids)), dtype=bool),
        instances=dataclasses.replace(view.instances, allowed=np.array(numbers[: len(view.instances.ids)], dtype=int)),
    )
    assert policy.decide(several, policy.fresh()) == policy.decide(view, policy.fresh())


@settings(max_examples=80, deadline=None)
@given(world=worlds(constrained=True))
def test_fit_serves_the_first_of_each_set_and_leaves_no_slot_that_somebody_could_use(world):
    view = world.view()
    line = np.flatnonzero(view.instances.phase == Phase.QUEUED)
    nodes = np.repeat(np.arange(len(view.nodes.ids)), view.nodes.slots_free)
    fitted = fit(view, line, nodes, np.zeros(len(nodes), dtype=np.int64))
    assert sorted([*fitted.rows, *fitted.rows_left]) == list(line)
    assert sorted([*fitted.slots, *fitted.slots_left]) == list(range(len(nodes)))
    sets = view.instances.allowed
    for row in fitted.rows_left:
        assert not view.allowances[sets[row]][nodes[fitted.slots_left]].any()
        assert not any(sets[later] == sets[row] and later > row for later in fitted.rows)


@settings(max_examples=80, deadline=None)
@given(world=worlds(constrained=True))
def test_work_that_may_go_anywhere_and_cannot_wait_takes_any_free_slot(world):
    """Under follow, as long as a slot is free, on-demand work without constraints starts."""
    view = world.view()
    decision, _ = Follow().decide(view, Follow().fresh())
    placed = started(decision)
    free = int(view.nodes.slots_free[view.nodes.accepts].sum()) - len(placed)
    waiting = [
        w
        for w in world.work
        if w.phase is Phase.QUEUED and w.service is ServiceClass.ON_DEMAND and w.only_on is None and w.id not in placed
    ]
    assert free == 0 or not waiting


@settings(max_examples=80, deadline=None)
@given(world=worlds(constrained=True))
def test_nothing_is_stopped_for_work_that_may_not_go_there(world):
    """Under follow, every heat-bound attempt that loses work gives up its slot to somebody who may use it."""
    view = world.view()
    before: World = copy.deepcopy(world)
    decision, _ = Follow().decide(view, Follow().fresh())
    waiting = [w.id for w in before.work if w.phase is Phase.QUEUED and w.id not in started(decision)]
    node_of = {w.id: w.node for w in before.work}
    for stop in of_kind(decision, Stop):
        if "makes room" in stop.reason or "gives the heat" in stop.reason:
            assert any(may_run(view, key, node_of[stop.instance_id]) for key in waiting)
