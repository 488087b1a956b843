"""What placing under a plan owes in every world."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.decision import Pause, Resume, SetPower, Start, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.follow import Follow, FollowMemory
from ondol.policy.plan.forecasts import plannable
from ondol.policy.plan.outline import Outline
from property.policy.test_decisions import worlds
from unit.policy.views import NOW_S, World, apply, of_kind, started

W = [0.0, 200.0, 450.0, 1000.0, 2500.0]


@st.composite
def planned_worlds(draw: st.DrawFn) -> tuple[World, Outline]:
    """A world with stores and forecasts, and a plan of now that may be anything."""
    world = draw(worlds() | worlds(constrained=True))
    world.stores = True
    world.ahead_s = world.ahead_s or [3600.0, 3600.0, 7200.0]
    if world.units and not any(unit.heats for unit in world.units):
        world.units[0].heats = True
    with_power = draw(st.booleans())
    for unit in world.units:
        unit.demand_w = draw(st.sampled_from([0.0, 300.0, 2000.0]))
        unit.capture = draw(st.sampled_from([0.0, 0.8, 1.0]))
        unit.store_j = min(unit.store_j, unit.capacity_j)
        unit.up = draw(st.booleans()) if with_power else None
    sinks = sorted({unit.sink or unit.id for unit in world.units if unit.heats})
    planned_w = {sink: draw(st.sampled_from(W)) for sink in sinks}
    value = {sink: draw(st.sampled_from([0.0, 48.0, 55.0, 90.0, 230.0, 800.0])) for sink in sinks}
    return world, Outline(issued_s=NOW_S, power_w=planned_w, soon_w=planned_w, value_g_per_kwh=value)


@settings(max_examples=150, deadline=None)
@given(case=planned_worlds(), shuffle=st.randoms(use_true_random=False))
def test_placing_is_sound(case, shuffle):
    world, outline = case
    memory = FollowMemory(outline=outline)
    view = world.view()
    decision, after = Follow().decide(view, memory)
    assert plannable(view)
    assert after.outline is outline
    before = {work.id: copy.copy(work) for work in world.work}

    # The order of rows does not count, and everybody in the queue starts or is told why not
    mixed = copy.deepcopy(world)
    shuffle.shuffle(mixed.units)
    shuffle.shuffle(mixed.work)
    assert Follow().decide(mixed.view(), memory)[0] == decision
    starts = started(decision)
    told = [key for wait in of_kind(decision, Wait) for key in wait.instance_ids]
    queued = sorted(work.id for work in world.work if work.phase is Phase.QUEUED)
    assert sorted([*told, *starts]) == queued

    # Nobody is named twice; only nodes that are free, open and allowed are used (`apply` refuses the rest)
    named = [action.instance_id for action in decision if isinstance(action, (Start, Stop, Pause, Resume))]
    assert len(named) == len(set(named))
    nodes = {key: view.nodes.ids.index(node) for key, node in starts.items()}
    for key, node in nodes.items():
        only_on = before[key].only_on
        assert only_on is None or view.units.ids[view.nodes.unit[node]] in only_on

    # Only filler, and what goes on from a checkpoint, is stopped
    for stop in of_kind(decision, Stop):
        work = before[stop.instance_id]
        assert work.service is ServiceClass.FILLER or (work.resumable and work.service >= ServiceClass.FLEX)

    # Who waits for heat starts within the plan
    for power in of_kind(decision, SetPower):
        assert 0.0 < power.power_w <= view.units.power_max_w[view.units.ids.index(power.unit_id)] + 1e-6
    for key, node in nodes.items():
        if before[key].service is ServiceClass.FILLER:
            sink = view.sinks.ids[view.units.sink[view.nodes.unit[node]]]
            assert outline.value_g_per_kwh[sink] > 50.0 * 0.4
        if before[key].service >= ServiceClass.HARVEST:
            sink = view.sinks.ids[view.units.sink[view.nodes.unit[node]]]
            assert outline.soon_w[sink] > 0.0
    assert not any("nan" in action.reason for action in decision)
    apply(world, decision)


@settings(max_examples=150, deadline=None)
@given(case=planned_worlds())
def test_placing_comes_to_rest(case):
    """While nothing changes but what is decided, decisions end within a few rounds: nobody starts and stops in turn."""
    world, outline = case
    memory = FollowMemory(outline=outline)
    held = {work.id for work in world.work if work.phase is Phase.LEAVING}
    world.work = [work for work in world.work if work.id not in held]
    starts: dict[str, int] = {}
    for _ in range(8):
        decision, memory = Follow().decide(world.view(), memory)
        for key in started(decision):
            starts[key] = starts.get(key, 0) + 1
        apply(world, decision)
    last, _ = Follow().decide(world.view(), memory)
    assert (of_kind(last, Start), of_kind(last, Stop)) == ([], [])
    assert max(starts.values(), default=0) <= 2
