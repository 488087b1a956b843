"""Whatever a pool's rules, slots and queue: the target keeps to the bounds, only idle slots go, no slot is too full."""

from __future__ import annotations

import dataclasses
import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.lifecycle.dispatch import ReadySlot, Waiting, dispatch
from ondol.lifecycle.scaling import SlotUse, given_up, target_slots
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, PoolId, TaskId
from ondol.model.pool import ComputePool, Scaling

T0 = dt.datetime(2026, 1, 12, 8, tzinfo=dt.UTC)
USES = st.lists(st.tuples(st.integers(0, 4), st.floats(0, 2000)), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    bounds=st.tuples(st.integers(0, 8), st.integers(0, 8)).map(sorted),
    idle=st.tuples(st.integers(0, 3), st.floats(0, 1000)),
    factor=st.floats(0.05, 1.0),
    per_node=st.integers(1, 4),
    before=st.tuples(st.integers(0, 12), st.floats(0, 200), st.booleans()),
    uses=USES,
    queued=st.integers(0, 60),
    elastic=st.booleans(),
)
def test_scaling_keeps_to_its_bounds_and_settles(bounds, idle, factor, per_node, before, uses, queued, elastic):
    least, most = bounds
    rule = Scaling(
        name="q", queue_driven=True, least=least, most=most, idle_least=idle[0], idle_least_s=idle[1], factor=factor
    )
    pool = ComputePool(
        id=PoolId("p"), account_id=AccountId("a"), name="p", profile="x", slots_per_node=per_node,
        elastic=rule if elastic else None, scaling=() if elastic else (rule,), target_slots=before[0],
        active_policy="q" if before[2] else "", scaled_at=T0 - dt.timedelta(seconds=before[1]),
        created_at=T0, modified_at=T0, state_since=T0,
    )  # fmt: skip
    slots = [
        SlotUse(holder=TaskId(f"{n}"), number=n, running=running, idle_since=T0 - dt.timedelta(seconds=since))
        for n, (running, since) in enumerate(uses)
    ]
    target, name = target_slots(pool, slots, queued, T0)
    assert name == "q"
    assert least <= target <= most
    scaled = dataclasses.replace(pool, target_slots=target, active_policy=name, scaled_at=T0)
    gone = given_up(scaled, slots, T0)
    by_id = {slot.holder: slot for slot in slots}
    assert all(by_id[holder].running == 0 for holder in gone)
    assert len(gone) <= max(0, len(slots) - target)
    numbers = [by_id[holder].number for holder in gone]
    assert numbers == sorted(numbers, reverse=True)
    # Left alone, with all the time it wants, it comes to rest within the bounds and stays there.
    at, seen = T0, []
    for _ in range(60):
        at += dt.timedelta(seconds=scaled.elastic_period_s)
        seen.append(target_slots(scaled, slots, queued, at)[0])
        scaled = dataclasses.replace(scaled, target_slots=seen[-1], scaled_at=at)
    assert len(set(seen[-20:])) == 1


@settings(max_examples=200, deadline=None)
@given(
    free=st.lists(st.tuples(st.integers(-1, 4), st.booleans()), max_size=8),
    line=st.lists(st.booleans(), max_size=30),
)
def test_nobody_is_overtaken_and_no_slot_is_too_full(free, line):
    slots = [
        ReadySlot(attempt_id=AttemptId(f"s{n}"), number=n, node_id=NodeId("n"), free=room, syncing=syncing)
        for n, (room, syncing) in enumerate(free)
    ]
    waiting = [Waiting(InstanceId(f"i{n}"), for_resources) for n, for_resources in enumerate(line)]
    starts = dispatch(slots, waiting)
    assert [key for key, _ in starts] == [one.instance_id for one in waiting[: len(starts)]]
    for slot in slots:
        assert sum(one is slot for _, one in starts) <= max(0, slot.free)
    assert not any(one.syncing and line[n] for n, (_, one) in enumerate(starts))
    if len(starts) < len(waiting):
        left = [slot for slot in slots if slot.free > sum(one is slot for _, one in starts)]
        assert all(slot.syncing for slot in left)
        assert not left or line[len(starts)]
