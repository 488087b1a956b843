"""The outline: when a plan is made, what it holds, and what becomes of views that are odd."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import numpy as np
import pytest

from ondol.control.record import pack_decision, pack_view, unpack_view
from ondol.model.view import Phase, ServiceClass, View
from ondol.policy.follow import Follow, FollowMemory
from ondol.policy.plan.forecasts import demand_w, electricity_g_per_kwh, plannable
from ondol.policy.plan.outline import EASE, EASED_FROM_S, PLAN_S, PRUDENCE, Outline, draw_up, due
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, started

OD, FLEX, HARVEST, FILLER = ServiceClass
HOUR_S = 3600.0
W = 450.0
STORE_J = 4e7  # over six hours of a unit of four nodes


def boiler(key: str, demand: float | list[float] = 900.0, **changes) -> UnitRow:
    plain = {"slots": (1, 1, 1, 1), "capacity_j": STORE_J, "store_j": 0.0, "demand_w": demand}
    return UnitRow(key, **(plain | changes))


def world_of(*units: UnitRow, work: list[WorkRow] | None = None, hours: int = 6) -> World:
    return World(list(units), work or [], stores=True, ahead_s=[HOUR_S] * hours)


def much_work(count: int = 12, service: ServiceClass = HARVEST) -> list[WorkRow]:
    return [WorkRow(f"w{n:02d}", service, expected_s=HOUR_S) for n in range(count)]


# Plans


def test_power_goes_where_heat_is_asked_for():
    # Given two equal boilers, one of which is asked for no heat
    view = world_of(boiler("a", 0.0), boiler("b", 900.0), work=much_work(6)).view()
    made = draw_up(view, Outline())
    # Then the work of six node-hours is planned in the other
    assert made.issued_s == NOW_S
    assert made.power_w.keys() == made.soon_w.keys() == made.value_g_per_kwh.keys() == {"a", "b"}
    assert made.soon_w["a"] == 0.0
    assert made.soon_w["b"] > 0.0
    assert made.value_g_per_kwh["b"] > made.value_g_per_kwh["a"]


def test_heat_that_the_backup_would_give_now_is_worth_what_the_backup_costs():
    # Given an empty store with more demand than machines can give
    made = draw_up(world_of(boiler("a", 5000.0, backup_g=230.0), work=much_work(99)).view(), Outline())
    assert made.value_g_per_kwh["a"] == pytest.approx(230.0)
    assert made.power_w["a"] == pytest.approx(4 * W)


def test_work_costs_no_more_than_a_rack_that_takes_work():
    rack = UnitRow("rack", site="dc", heats=False, slots=(1, 1), max_w=400.0)
    unwanted = boiler("a", 0.0)
    # Given no heat demand, more work than the horizon holds and a rack of 400 W at 50 g/kWh
    closed = dataclasses.replace(rack, accepts=False)
    must = much_work(99, FLEX)
    with_rack = draw_up(world_of(unwanted, rack, work=must).view(), Outline())
    assert with_rack.price_g_per_node_h == pytest.approx(0.4 * 50.0)
    # and given that it takes none, then work costs what the boiler's electricity does
    without = draw_up(world_of(unwanted, closed, work=must).view(), Outline())
    assert without.price_g_per_node_h > 0.45 * 50.0 * 0.99


def test_harvest_waits_for_heat_rather_than_run_for_none():
    # Given the same, but work that nobody waits for
    unwanted = boiler("a", 0.0, capacity_j=0.0)
    made = draw_up(world_of(unwanted, work=much_work(99)).view(), Outline())
    # Then it is worth no more than what it costs at the speed that needs least: 50 W idle and 0.3 of 400 W, at 0.67
    assert made.price_g_per_node_h == pytest.approx(0.17 / 0.67 * 50.0)
    assert made.soon_w["a"] == pytest.approx(0.0, abs=1.0)


def test_a_slot_is_only_part_of_a_node():
    # Given the same fleet and work, once with nodes of one slot, once with nodes of two
    whole = draw_up(world_of(boiler("a", 300.0), work=much_work(6)).view(), Outline())
    halves = draw_up(world_of(boiler("a", 300.0, slots=(2, 2, 2, 2)), work=much_work(12)).view(), Outline())
    # Then twice as many instances are the same work
    assert halves.soon_w["a"] == pytest.approx(whole.soon_w["a"], rel=1e-6)
    held = [WorkRow(f"r{n}", HARVEST, Phase.RUNNING, f"a-n{n // 2}", expected_s=HOUR_S) for n in range(8)]
    both = draw_up(world_of(boiler("a", 300.0, slots=(2, 2, 2, 2)), work=[*held, *much_work(4)]).view(), Outline())
    assert both.soon_w["a"] == pytest.approx(whole.soon_w["a"], rel=1e-6)


def test_work_that_is_expected_counts_as_work():
    view = world_of(boiler("a", 100.0, backup_g=20.0)).view()  # heat that is worth no electricity
    expected = np.zeros((len(ServiceClass), 6))
    expected[FLEX] = 4 * HOUR_S
    ahead = dataclasses.replace(view, ahead_work_s=expected)
    assert draw_up(view, Outline()).soon_w["a"] == pytest.approx(0.0, abs=1.0)
    assert draw_up(ahead, Outline()).soon_w["a"] == pytest.approx(4 * W, rel=0.05)


def test_patient_stores_are_eased_towards_a_new_plan_and_quick_ones_follow_at_once():
    # Given two stores in which heat is worth about its electricity, and one in which it is worth far more
    quick = boiler("b", 900.0, capacity_j=0.1 * EASED_FROM_S * 4 * W, backup_g=55.0)
    plain, dear = boiler("a", 900.0, backup_g=55.0), boiler("c", 900.0, backup_g=230.0)
    view = world_of(plain, quick, dear, work=much_work(40, FLEX)).view()
    new = draw_up(view, Outline())
    none = dict.fromkeys("abc", 0.0)
    before = Outline(issued_s=NOW_S - PLAN_S, power_w=none, soon_w=none)
    eased = draw_up(view, before)
    assert eased.soon_w["a"] == pytest.approx(EASE * new.soon_w["a"])
    assert eased.soon_w["b"] == pytest.approx(new.power_w["b"])
    assert eased.soon_w["c"] == pytest.approx(new.power_w["c"])
    assert min(new.soon_w["a"], new.power_w["c"]) > 0.0


@pytest.mark.parametrize("later_s", [0.0, PLAN_S - 1.0])
def test_a_plan_holds_for_a_quarter_of_an_hour(later_s):
    world = world_of(boiler("a"))
    made = draw_up(world.view(), Outline())
    world.now_s += later_s
    assert not due(world.view(), made)
    world.now_s = NOW_S + PLAN_S
    assert due(world.view(), made)


def test_a_plan_of_other_sinks_or_from_the_future_is_made_anew():
    view = world_of(boiler("a"), boiler("b")).view()
    assert due(view, Outline())
    for sinks, issued_s in ((["a", "c"], NOW_S), (["a"], NOW_S), (["a", "b"], NOW_S + 1.0)):
        assert due(view, Outline(issued_s=issued_s, power_w=dict.fromkeys(sinks, 0.0)))
    assert not due(view, Outline(issued_s=NOW_S, power_w={"b": 0.0, "a": 0.0}))


# Memory


def test_memory_goes_over_the_wire_and_decides_the_same():
    world = world_of(boiler("a", 700.0), boiler("b", 100.0), work=much_work())
    view = world.view()
    policy = Follow()
    _, memory = policy.decide(view, policy.fresh())
    assert memory.outline.power_w
    for wire in (msgspec.msgpack, msgspec.json):
        packed = wire.encode(memory, order="deterministic")
        read = wire.decode(packed, type=type(policy.fresh()))
        assert read == memory
        assert wire.encode(read, order="deterministic") == packed
        again = policy.decide(unpack_view(pack_view(view)), read)[0]
        assert pack_decision(again) == pack_decision(policy.decide(view, memory)[0])


def test_memory_of_before_there_were_plans_is_read():
    assert msgspec.msgpack.decode(msgspec.msgpack.encode({"unwanted_since_s": {"a": 1.5}}), type=FollowMemory) == (
        FollowMemory({"a": 1.5})
    )


# What is odd


ODD: dict[str, World] = {
    "no sink stores anything": world_of(boiler("a", capacity_j=0.0), boiler("b", 0.0, capacity_j=0.0)),
    "nobody asks for heat": world_of(boiler("a", 0.0)),
    "a demand below 0": world_of(boiler("a", -500.0)),
    "a quantile below the mean": world_of(boiler("a", 900.0, demand_high_w=100.0)),
    "nothing reaches the sink": world_of(boiler("a", capture=0.0)),
    "all is lost within a step": world_of(boiler("a", loss_per_s=2.0 / HOUR_S, store_j=1e6)),
    "more than all is lost": world_of(boiler("a", loss_per_s=5.0)),
    "a store beyond its capacity": world_of(boiler("a", store_j=2 * STORE_J)),
    "all nodes are closed": world_of(boiler("a", accepts=False)),
    "a sink without nodes": world_of(boiler("a"), boiler("b", slots=())),
    "electricity for nothing": world_of(boiler("a")),
    "a backup without carbon": world_of(boiler("a", backup_g=0.0)),
    "one step": world_of(boiler("a"), hours=1),
}
ODD["electricity for nothing"].grid = {"home": 0.0}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("work", [[], [*much_work(3), WorkRow("od", OD), WorkRow("fi", FILLER)]])
def test_odd_worlds_are_planned_without_nan(name, work):
    world = dataclasses.replace(ODD[name], work=work)
    view = world.view()
    assert plannable(view)
    decision, memory = Follow().decide(view, FollowMemory())
    made = memory.outline
    assert made.issued_s == NOW_S
    numbers = [*made.power_w.values(), *made.soon_w.values(), *made.value_g_per_kwh.values(), made.price_g_per_node_h]
    assert all(map(math.isfinite, numbers))
    assert all(0.0 <= power_w <= 4 * W + 1e-6 for power_w in made.soon_w.values())
    assert ("od" in started(decision)) is (bool(work) and name != "all nodes are closed")
    assert not any("nan" in action.reason for action in decision)


def test_a_demand_below_0_is_planned_as_none():
    assert demand_w(world_of(boiler("a", -500.0)).view(), PRUDENCE).max() == 0.0


def test_the_plan_goes_a_part_of_the_way_to_the_high_demand_and_never_below_the_mean():
    view = world_of(boiler("a", 900.0, demand_high_w=1300.0), boiler("b", 900.0, demand_high_w=100.0)).view()
    assert demand_w(view, 0.25)[:, 0].tolist() == [1000.0, 900.0]


def changed(view: View, **sinks) -> View:
    return dataclasses.replace(view, sinks=dataclasses.replace(view.sinks, **sinks))


def test_without_whole_forecasts_thermostats_decide():
    world = world_of(boiler("a", wanted_w=900.0), work=[WorkRow("h", HARVEST)])
    view = world.view()
    hole = view.sinks.demand_w.copy()
    hole[0, 2] = math.nan
    lacking = {
        "no horizon": dataclasses.replace(view, ahead_s=np.zeros(0)),
        "a horizon of no length": dataclasses.replace(view, ahead_s=np.zeros(6)),
        "a hole": changed(view, demand_w=hole),
        "no demand": changed(view, demand_w=np.zeros((0, 0))),
        "no level": changed(view, store_j=np.full(1, math.nan)),
        "no grid": dataclasses.replace(
            view,
            ahead_grid_g_per_kwh=np.full((1, 6), math.nan),
            sites=dataclasses.replace(view.sites, grid_g_per_kwh=np.full((1, 8), math.nan)),
        ),
    }
    for name, one in lacking.items():
        assert not plannable(one), name
        decision, memory = Follow().decide(one, FollowMemory())
        assert memory.outline == Outline(), name
        assert started(decision) == {"h": "a-n0"}, name


def test_steps_of_no_length_are_left_out():
    view = world_of(boiler("a", [900.0, 100.0]), hours=2, work=much_work()).view()
    gap = world_of(boiler("a", [900.0, 1e9, 100.0]), hours=3, work=much_work())
    gap.ahead_s = [HOUR_S, 0.0, HOUR_S]
    assert draw_up(gap.view(), Outline()) == draw_up(view, Outline())


def test_where_no_grid_is_forecast_that_of_now_goes_on():
    world = world_of(boiler("a"), boiler("b", site="far"), hours=3)
    world.grid, world.pue = {"home": 70.0, "far": 30.0}, {"home": 1.5}
    world.ahead_grid = {"home": [20.0, math.nan, 60.0]}
    assert electricity_g_per_kwh(world.view()).tolist() == [[30.0] * 3, [30.0, 105.0, 90.0]]
    view = dataclasses.replace(world.view(), ahead_grid_g_per_kwh=np.zeros((0, 0)))
    assert electricity_g_per_kwh(view).tolist() == [[30.0] * 3, [105.0] * 3]
