"""Given nodes with a cap of watts and tasks with caps of their own, when shares are told, then the lower one holds."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.storage.samples import NOON, make_task
from ondol.agent.orders import NodeOrder, SiteOrders
from ondol.control.caps import apply_caps, even_part
from ondol.control.columns import _by_cap
from ondol.model.compute import Attempt, Task
from ondol.model.ids import AttemptId, InstanceId, NodeId, TaskId, UnitId
from ondol.model.power import PowerCurve, dynamic_share
from ondol.model.site import Node
from ondol.model.view import Phase
from ondol.policy.heat_balance import CENTRAL, heat_balance
from ondol.policy.plan.field import field_of
from ondol.policy.plan.outline import Outline
from ondol.policy.standing import standing
from ondol.policy.urgency import STRETCH, left_s, queued_latest_start_s, work_left_s
from ondol.storage.rows import decode, encode
from unit.control.test_queue_ahead import running, view
from unit.policy.test_heat_balance import QUARTERS, house
from unit.policy.views import WorkRow

NODE = Node(id=NodeId("n"), unit_id=UnitId("u"), curve=PowerCurve(20.0, 120.0), slots=4, host_cores=0.8)
SLOT = NODE.host_cores / NODE.slots


class Told:
    """An engine that notes what it is told."""

    def __init__(self) -> None:
        self.cores: dict[str, float] = {}

    def limit_cpu(self, attempt_id: AttemptId, host_cores: float) -> None:
        self.cores[attempt_id] = host_cores


def orders(cap_w: float) -> tuple[SiteOrders, ...]:
    order = NodeOrder(node_id=NODE.id, cap_w=cap_w, hot=True, accepts=True)
    return (SiteOrders(now=NOON, dt_s=1.0, units=(), nodes=(order,), sinks=()),)


def attempt(number: int, **fields: Any) -> Attempt:
    return Attempt(
        id=AttemptId(f"a{number}"), instance_id=InstanceId(f"t{number}/0"), task_id=TaskId(f"t{number}"),
        node_id=NODE.id, number=1, created_at=NOON, since=NOON, **fields,
    )  # fmt: skip


def told(cap_w: float, caps: list[float], shared: int = 1) -> list[float]:
    """Shares that attempts end up with: what they were told, else what they were launched with."""
    engine, busy = Told(), [attempt(number) for number in range(len(caps))]
    of = dict(zip((one.id for one in busy), caps, strict=True))
    apply_caps(
        engine,  # type: ignore[arg-type]
        {NODE.id: NODE},
        orders(cap_w),
        {NODE.id: busy},
        {},
        sharers=lambda _one: shared,
        speed_cap=lambda one: of[one.id],
    )
    return [engine.cores.get(one.id, SLOT * of[one.id] / shared) for one in busy]


def test_a_task_keeps_to_its_cap_where_its_node_may_do_all() -> None:
    assert told(120.0, [1.0, 0.5]) == pytest.approx([SLOT, 0.5 * SLOT])
    assert told(120.0, [1.0], shared=2) == pytest.approx([SLOT / 2])


def test_the_lower_of_both_caps_holds_and_others_have_what_is_left() -> None:
    """Given half of a full node's load, when one of four may take a fifth, then three share the rest evenly."""
    cap_w = NODE.curve.power_w(0.5)
    shares = told(cap_w, [0.2, 1.0, 1.0, 1.0])
    assert shares == pytest.approx([0.2 * SLOT, *[0.6 * SLOT] * 3])
    assert sum(shares) == pytest.approx(0.5 * NODE.host_cores)
    assert told(NODE.curve.power_w(0.1), [0.5, 1.0, 1.0, 1.0]) == pytest.approx([0.1 * SLOT] * 4)


def test_without_caps_shares_are_what_they_were() -> None:
    for load in (0.3, 0.77):
        cap_w = NODE.curve.power_w(load)
        assert told(cap_w, [1.0] * 4) == [NODE.host_cores * NODE.curve.load_at(cap_w) / 4] * 4


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=12), st.floats(0.0, 1.2))
def test_the_even_part_fills_what_there_is_and_nobody_beyond_his_own(most: list[float], load: float) -> None:
    total = load * sum(most)
    part = even_part(total, most)
    given_ = [min(part, one) for one in most]
    assert sum(given_) == pytest.approx(min(total, sum(most)), abs=1e-9)


def test_a_capped_run_takes_longer_and_starts_earlier() -> None:
    """Given two runs that are alike, when one is held to half of its speed, then what is left of it counts double."""
    plain = view(running(0, left_s=1000.0), running(1, left_s=1000.0))
    capped = dataclasses.replace(plain, instances=dataclasses.replace(plain.instances, speed_cap=np.array([0.5, 1.0])))
    assert left_s(capped).tolist() == [2.0 * left_s(plain)[0], left_s(plain)[1]]
    assert work_left_s(capped).tolist() == left_s(plain).tolist()
    at_full = queued_latest_start_s(1e6, 0.0, 1000.0)
    assert at_full - queued_latest_start_s(1e6, 0.0, 1000.0, 0.5) == pytest.approx(STRETCH * 1000.0)
    assert queued_latest_start_s(math.inf, 5.0, 1000.0, 0.5) == queued_latest_start_s(math.inf, 5.0, 1000.0)


def test_heat_that_a_capped_run_does_not_give_is_given_by_others() -> None:
    """Given a unit that wants heat, when what runs there draws half of its range, then more is wanted than before."""
    plain = view(running(0), running(0), wanted_w=1e4, demand_w=500.0)
    drawn = dataclasses.replace(plain.instances, speed_cap=np.array([0.3, 1.0]), draw_cap=np.array([0.5, 1.0]))
    capped = dataclasses.replace(plain, instances=drawn)
    before, now = standing(plain), standing(capped)
    unit, slot_w = int(plain.nodes.unit[0]), float(before.slot_w[0])
    assert before.given_w[unit] - now.given_w[unit] == pytest.approx(0.5 * slot_w)
    assert (np.delete(before.given_w, unit) == np.delete(now.given_w, unit)).all()
    fields = [field_of(one, standing(one), Outline()) for one in (plain, capped)]
    assert (fields[0].useful_w - fields[1].useful_w).sum() == pytest.approx(0.5 * slot_w)


def test_capped_work_that_runs_covers_less_for_longer_and_keeps_its_slot() -> None:
    """Given 300 W of demand and a slot of 200 W with half an hour's work, when it runs at half speed for 70 % of them,
    then 160 W are wanted for an hour, of which the slot beside it can give all.
    """
    world = house(demand_w=300.0)
    world.work = [WorkRow("w", phase=Phase.RUNNING, node="u0-n0", expected_s=1800.0)]
    there = world.view()
    drawn = dataclasses.replace(there.instances, speed_cap=np.array([0.5]), draw_cap=np.array([0.7]))
    balance = heat_balance(dataclasses.replace(there, instances=drawn), QUARTERS)
    assert balance.work_w[0] == pytest.approx([140.0] * 4 + [0.0] * 12)
    assert balance.wanted_w[CENTRAL, 0] == pytest.approx([160.0] * 4 + [300.0] * 12)


def test_the_view_has_caps_only_where_a_task_has_one() -> None:
    tasks = [dataclasses.replace(make_task(number), speed_cap=cap) for number, cap in enumerate((1.0, 0.25))]
    rows = np.array([1, 0, 1])
    assert _by_cap(tasks, rows, lambda cap: cap).tolist() == [0.25, 1.0, 0.25]
    assert _by_cap(tasks, rows, dynamic_share).tolist() == [dynamic_share(0.25), 1.0, dynamic_share(0.25)]
    assert len(_by_cap(tasks[:1], np.array([0]), dynamic_share)) == 0
    assert len(_by_cap([], np.zeros(0, dtype=np.int64), dynamic_share)) == 0


def test_a_cap_is_stored_with_its_task_and_tasks_of_before_have_none() -> None:
    capped = dataclasses.replace(make_task(1), speed_cap=0.3)
    stored = encode(capped)
    assert decode(stored, Task) == capped
    assert stored.count(b'"speed_cap":0.3') == 1
    assert decode(stored.replace(b'"speed_cap":0.3,', b""), Task).speed_cap == 1.0
