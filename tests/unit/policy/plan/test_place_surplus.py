"""More work than heat: what a sink without a store can use, and flex that begins early to run thriftily."""

from __future__ import annotations

import dataclasses

from ondol.model.decision import SetPower, Start, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.follow import LONGEST_LAG_S, Follow
from ondol.policy.plan.thrift import THRIFTY_SPEED
from ondol.policy.urgency import MARGIN_S, STRETCH
from unit.policy.plan.outlines import placed
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, of_kind, started

OD, FLEX = ServiceClass.ON_DEMAND, ServiceClass.FLEX
W = 450.0
RACK = UnitRow("rack", site="dc", heats=False, slots=(4,), max_w=850.0)
LONG_S = 36_000.0
THRIFTY_START_S = STRETCH * LONG_S / THRIFTY_SPEED + MARGIN_S


def network(demand_w: float, slots: int = 6) -> UnitRow:
    return UnitRow("net", slots=(1,) * slots, demand_w=demand_w, capacity_j=0.0)


def bath(slots: int = 6) -> UnitRow:
    return UnitRow("bath", slots=(1,) * slots, demand_w=2000.0, capacity_j=1e9, store_j=5e8)


def test_work_that_cannot_wait_fills_a_network_only_as_far_as_it_can_use_the_heat() -> None:
    # given a network whose next kWh is worth most, but which takes two servers' heat, and a bath that stores it
    world = World([network(1.9 * W), bath()], [WorkRow(f"j{n}", OD) for n in range(4)])
    decision = placed(world, {"net": 6 * W, "bath": 0.0}, {"net": 215.0, "bath": 175.0})
    # then it gets two of the four, and the bath the others
    assert sorted(node[:3] for node in started(decision).values()) == ["bat", "bat", "net", "net"]


def test_a_network_that_is_served_is_worth_no_more() -> None:
    held = [WorkRow(f"h{n}", OD, Phase.RUNNING, f"net-n{n}") for n in range(2)]
    world = World([network(1.9 * W), bath()], [*held, WorkRow("j", OD)])
    decision = placed(world, {"net": 6 * W, "bath": 0.0}, {"net": 215.0, "bath": 60.0})
    assert started(decision) == {"j": "bath-n0"}


def test_long_flex_begins_while_thrift_is_in_time_and_runs_thriftily() -> None:
    # given a summer, and ten hours of work that a thrifty node has just time for
    soon = WorkRow("j", FLEX, deadline_s=NOW_S + THRIFTY_START_S, expected_s=LONG_S)
    world = World([UnitRow("a", slots=(1,) * 8)], [soon])
    decision = placed(world, {"a": 0.0})
    # then it starts, and its unit is told to be thrifty
    assert started(decision) == {"j": "a-n0"}
    (power,) = of_kind(decision, SetPower)
    assert power.power_w < 8 * 50.0 + 0.5 * W
    assert power.reason.startswith("thrift")
    # and a minute more of time, it waits
    world.work = [dataclasses.replace(soon, deadline_s=NOW_S + THRIFTY_START_S + 60.0)]
    assert started(placed(world, {"a": 0.0})) == {}


def test_it_does_not_begin_thriftily_beside_work_that_cannot_wait() -> None:
    # given a unit that on-demand work keeps at full speed, and a rack with nobody
    held = WorkRow("h", OD, Phase.RUNNING, "a-n0")
    soon = WorkRow("j", FLEX, deadline_s=NOW_S + THRIFTY_START_S, expected_s=LONG_S)
    assert started(placed(World([UnitRow("a", slots=(1,) * 8), RACK], [held, soon]), {"a": 0.0})) == {"j": "rack-n0"}
    decision = placed(World([UnitRow("a", slots=(1,) * 8)], [held, soon]), {"a": 0.0})
    assert started(decision) == {}
    assert of_kind(decision, Wait)


def test_who_would_be_late_by_the_next_decision_cannot_wait() -> None:
    # given decisions a quarter of an hour apart, and flex whose latest start comes before the next
    work = WorkRow("j", FLEX, deadline_s=NOW_S + STRETCH * 300.0 + MARGIN_S + 600.0, expected_s=300.0)
    plain = dataclasses.replace(bath(2), store_j=1e9, backup_g=0.0)
    world = World([plain], [work], stores=True, ahead_s=[3600.0] * 4)
    policy = Follow()
    for ago_s, starts in ((900.0, True), (60.0, False), (LONGEST_LAG_S + 1.0, False)):
        _, memory = policy.decide(World([plain], [], now_s=NOW_S - ago_s).view(), policy.fresh())
        decision, _ = policy.decide(world.view(), memory)
        assert bool(of_kind(decision, Start)) is starts
