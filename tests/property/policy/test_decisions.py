"""What every policy owes in every world."""

from __future__ import annotations

import copy
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.model.decision import SetPower, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.fcfs import Fcfs
from ondol.policy.follow import Follow
from ondol.policy.greco import Greco
from ondol.policy.greco_locality import GrecoLocality
from ondol.policy.greedy import Greedy
from ondol.policy.thermostat_filler import ThermostatFiller
from ondol.policy.wait_awhile import WaitAwhile
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, apply, of_kind, started

POLICIES = [Fcfs(), Greco(), GrecoLocality(), Follow(), Greedy(), ThermostatFiller(), WaitAwhile()]


@st.composite
def units(draw: st.DrawFn) -> list[UnitRow]:
    return [
        UnitRow(
            f"u{n}",
            site=draw(st.sampled_from(["s1", "s2"])),
            heats=draw(st.sampled_from([True, True, False])),
            wanted_w=draw(st.sampled_from([0.0, 60.0, 200.0, 450.0, 900.0])),
            ahead_w=draw(st.sampled_from([None, 0.0, 400.0])),
            temp_c=draw(st.sampled_from([8.0, 17.5, 18.9, 19.0, 20.0, 23.0, 31.0, math.nan])),
            room_j=draw(st.sampled_from([0.0, 1e5, 5e6])),
            slots=tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))),
            accepts=draw(st.sampled_from([True, True, True, False])),
            sink=draw(st.sampled_from([None, None, "tank"])),
            store_j=draw(st.sampled_from([0.0, 3e6, 1e7])),
            capacity_j=draw(st.sampled_from([0.0, 1e7])),
        )
        for n in range(draw(st.integers(1, 5)))
    ]


@st.composite
def worlds(draw: st.DrawFn, constrained: bool = False) -> World:
    only_on = st.one_of(st.none(), st.lists(st.sampled_from(["u0", "u1", "u2", "u3"]), max_size=3).map(tuple))
    ramp = [20.0 + 40.0 * n for n in range(8)]
    world = World(
        draw(units()),
        grid={"s1": draw(st.sampled_from([20.0, 300.0, ramp, ramp[::-1]]))},
        pue={"s2": 1.4},
        stores=draw(st.booleans()),
    )
    if draw(st.booleans()):
        world.ahead_s = [400.0, 900.0, 7200.0]
        world.ahead_grid = {"s1": [90.0, 30.0, draw(st.sampled_from([20.0, 300.0, math.nan]))]}
    slots = [f"{u.id}-n{n}" for u in world.units for n, count in enumerate(u.slots) for _ in range(count)]
    taken = draw(st.permutations(slots))
    for n in range(draw(st.integers(0, 12))):
        phase = draw(st.sampled_from(Phase))
        if phase is not Phase.QUEUED and not taken:
            phase = Phase.QUEUED
        world.work.append(
            WorkRow(
                f"w{n:02d}",
                draw(st.sampled_from(ServiceClass)),
                phase,
                "" if phase is Phase.QUEUED else taken.pop(),
                submitted_s=NOW_S - draw(st.sampled_from([0.0, 60.0, 90_000.0])),
                deadline_s=draw(st.sampled_from([math.inf, NOW_S - 10.0, NOW_S + 1500.0, NOW_S + 9e4])),
                since_s=NOW_S - draw(st.sampled_from([10.0, 2000.0])),
                expected_s=draw(st.sampled_from([math.nan, 30.0, 5000.0])),
                done_s=draw(st.sampled_from([0.0, 20.0])),
                resumable=draw(st.booleans()),
                task=draw(st.integers(0, 2)),
                only_on=draw(only_on) if constrained else None,
                missing=draw(st.sampled_from([{}, {"s1": 1e6}, {"s2": 5e6}, {"s1": math.nan}])) if constrained else {},
            )
        )
    return world


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
@settings(max_examples=60, deadline=None)
@given(world=worlds() | worlds(constrained=True), shuffle=st.randoms(use_true_random=False))
def test_decisions_are_sound(policy, world, shuffle):
    """Over four rounds: applicable, repeatable, whatever the order of rows; memory goes over the wire unchanged."""
    memory = policy.fresh()
    for _ in range(4):
        decision, after = policy.decide(world.view(), memory)
        again, after_again = policy.decide(world.view(), memory)
        assert (again, after_again) == (decision, after)
        mixed = copy.deepcopy(world)
        shuffle.shuffle(mixed.units)
        shuffle.shuffle(mixed.work)
        assert policy.decide(mixed.view(), memory) == (decision, after)
        assert msgspec.json.decode(msgspec.json.encode(after), type=type(after)) == after
        told = {i for a in of_kind(decision, Wait) for i in a.instance_ids} | set(started(decision))
        assert told == {w.id for w in world.work if w.phase is Phase.QUEUED}
        apply(world, decision)
        memory = after
        world.now_s += 400.0


@settings(max_examples=80, deadline=None)
@given(world=worlds())
def test_follow_keeps_its_promises(world):
    """on_demand waits only if no slot is free; only work that may be stopped is; thermostats are never lowered.

    Harvest that must begin anew is stopped only where work that cannot wait found no slot.
    """
    before = {w.id: copy.copy(w) for w in world.work}
    view = world.view()
    free = int(view.nodes.slots_free[view.nodes.accepts].sum())
    decision, _ = Follow().decide(view, Follow().fresh())
    urgent = sum(w.phase is Phase.QUEUED and w.service is ServiceClass.ON_DEMAND for w in world.work)
    placed = sum(before[i].service is ServiceClass.ON_DEMAND for i in started(decision))
    assert placed == min(urgent, free)
    waiting_now = any(
        w.phase is Phase.QUEUED and w.service <= ServiceClass.FLEX and w.id not in started(decision) for w in world.work
    )
    for stop in of_kind(decision, Stop):
        work = before[stop.instance_id]
        if work.service is not ServiceClass.FILLER and not work.resumable:
            assert work.service is ServiceClass.HARVEST
            assert waiting_now, "nobody needed its slot"
        assert work.service >= ServiceClass.FLEX
    wanted = dict(zip(view.units.ids, view.units.wanted_w, strict=True))
    assert all(power.power_w > wanted[power.unit_id] for power in of_kind(decision, SetPower))
    heats = {f"{u.id}-n{n}": u.heats and u.wanted_w > 0 for u in world.units for n in range(len(u.slots))}
    for key, node in started(decision).items():
        assert heats[node] or before[key].service < ServiceClass.HARVEST
