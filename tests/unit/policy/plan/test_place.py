"""Place under a plan made by hand: nodes of 450 W (50 W idle), electricity of 50 g/kWh, so gain = value - 50."""

from __future__ import annotations

import dataclasses
import math

import pytest

from ondol.model.decision import Resume, SetPower, Start, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from unit.policy.plan.outlines import placed
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, apply, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
W = 450.0  # a slot at full load
RACK = UnitRow("rack", site="dc", heats=False, slots=(4,), max_w=850.0)
SOON_S = NOW_S + 60.0


def running(key: str, node: str, service: ServiceClass = FLEX, **changes) -> WorkRow:
    return WorkRow(key, service, Phase.RUNNING, node, **({"expected_s": 9000.0} | changes))


def stops(decision) -> dict[str, str]:
    return {stop.instance_id: stop.reason for stop in of_kind(decision, Stop)}


def watts(decision) -> dict[str, float]:
    return {power.unit_id: power.power_w for power in of_kind(decision, SetPower)}


# What cannot wait


def test_on_demand_takes_the_free_slot_of_the_highest_gain_whatever_is_planned():
    # Given three sinks that are planned nothing, the second worth most
    world = World([UnitRow("a"), UnitRow("b"), UnitRow("c"), RACK], [WorkRow("j", OD)])
    # When one comes that cannot wait
    decision = placed(world, {"a": 0.0, "b": 0.0, "c": 0.0}, {"a": 60.0, "b": 200.0, "c": 100.0})
    # Then it goes there at full speed, and the reason has the numbers
    assert started(decision) == {"j": "b-n0"}
    assert watts(decision) == {"b": 450.0}
    assert of_kind(decision, Start)[0].reason == (
        "cannot wait; b: 0 W planned, 0 W drawn by work, a kWh of heat there saves 200 g"
    )


def test_racks_come_after_sinks_of_equal_gain_and_before_dearer_ones():
    world = World([UnitRow("a"), UnitRow("a2"), RACK], [WorkRow("j", OD)])
    assert started(placed(world, {"a": 0.0, "a2": 0.0})) == {"j": "a-n0"}
    world.grid = {"dc": 20.0}
    decision = placed(world, {"a": 0.0, "a2": 0.0})
    assert started(decision) == {"j": "rack-n0"}
    assert of_kind(decision, Start)[0].reason == "cannot wait; rack heats nobody; a kWh costs 20 g there"


@pytest.mark.parametrize(("deadline_s", "starts"), [(SOON_S + 1500.0, True), (NOW_S + 90_000.0, False)])
def test_flex_starts_unplanned_only_when_its_time_has_come(deadline_s, starts):
    # Given a summer: nothing planned anywhere
    world = World([UnitRow("a")], [WorkRow("j", deadline_s=deadline_s, expected_s=800.0)])
    decision = placed(world, {"a": 0.0})
    # Then flex waits for its deadline, and is told until when
    assert bool(started(decision)) is starts
    reason = (of_kind(decision, Start) or of_kind(decision, Wait))[0].reason
    assert ("had to start by" if starts else "the first must start by") in reason


def test_in_a_summer_nothing_patient_starts_and_everybody_is_told():
    kinds = [FLEX, HARVEST, FILLER]
    work = [WorkRow(f"{kind.name.lower()}", kind, deadline_s=NOW_S + 90_000.0) for kind in kinds]
    decision = placed(World([UnitRow("a", slots=(4,))], work), {"a": 0.0})
    assert started(decision) == {}
    told = {wait.instance_ids[0]: wait.reason for wait in of_kind(decision, Wait)}
    assert set(told) == {"flex", "harvest", "filler"}
    assert all("0 of 0 W planned" in reason for reason in told.values())


def test_who_cannot_wait_and_finds_no_slot_gets_that_of_filler_then_of_harvest_with_a_checkpoint():
    units = [UnitRow("a", slots=(1, 1, 1))]
    held = [
        running("filler", "a-n0", FILLER),
        running("keeps", "a-n1", HARVEST, resumable=True),
        running("loses", "a-n2", HARVEST),
    ]
    for count, expected in ((1, {"filler"}), (2, {"filler", "keeps"}), (5, {"filler", "keeps"})):
        world = World(units, [*held, *(WorkRow(f"j{n}", OD) for n in range(count))])
        decision = placed(world, {"a": 3 * W}, 200.0)
        assert set(stops(decision)) == expected
        assert "filler makes way for one of 1 that cannot wait" in stops(decision)["filler"]
        told = {key: wait.reason for wait in of_kind(decision, Wait) for key in wait.instance_ids}
        assert "a slot is being freed for it" in told.pop("j0")
        assert all("all 3 slots are taken" in reason for reason in told.values())


def test_a_slot_that_is_being_freed_is_not_freed_twice():
    # Given filler that was stopped for j and is leaving
    leaving = WorkRow("f0", FILLER, Phase.LEAVING, "a-n0")
    for service in (OD, FLEX, HARVEST):
        work = [leaving, running("f1", "a-n1", FILLER), WorkRow("j", service, deadline_s=NOW_S + 90_000.0)]
        # When j still waits, then the other filler stays
        decision = placed(World([UnitRow("a", slots=(1, 1))], work), {"a": 2 * W}, 200.0)
        assert stops(decision) == {}
        assert started(decision) == {}


def test_nobody_is_stopped_for_work_that_may_not_run_there():
    work = [running("f", "a-n0", FILLER), WorkRow("j", OD, only_on=("b",)), running("k", "b-n0", OD)]
    world = World([UnitRow("a"), UnitRow("b")], work)
    assert stops(placed(world, {"a": W, "b": W}, 200.0)) == {}
    work[1] = WorkRow("j", HARVEST, only_on=("b",))
    assert stops(placed(World(world.units, work), {"a": W, "b": W}, 200.0)) == {}


def test_work_that_cannot_wait_is_not_promised_a_slot_that_it_may_not_use():
    # Given filler where heat is worth much, but the sink is full, and a rack with room
    units = [UnitRow("a", slots=(1, 1, 1), room_j=0.0), RACK]
    work = [*(running(f"f{n}", f"a-n{n}", FILLER) for n in range(3)), WorkRow("j", OD)]
    decision = placed(World(units, work), {"a": 3 * W}, 200.0)
    # Then it starts on the rack, and no filler is stopped for nothing
    assert started(decision) == {"j": "rack-n0"}
    assert stops(decision) == {}


@pytest.mark.parametrize("since_s", [30.0, 3000.0])
def test_nobody_waits_for_anothers_upload_where_a_slot_is_free(since_s):
    leaving = WorkRow("h", HARVEST, Phase.LEAVING, "a-n0", since_s=NOW_S - since_s)
    decision = placed(World([UnitRow("a"), RACK], [leaving, WorkRow("j", OD)]), {"a": W}, 200.0)
    assert started(decision) == {"j": "rack-n0"}


def test_late_flex_goes_anywhere_where_the_only_rack_is_closed():
    units = [UnitRow("a", slots=(1, 1), room_j=0.0), dataclasses.replace(RACK, accepts=False)]
    late = WorkRow("j", deadline_s=NOW_S - 5000.0, expected_s=800.0)
    assert started(placed(World(units, [late]), {"a": 0.0})) == {"j": "a-n0"}


def test_one_slot_that_is_being_freed_is_promised_once():
    # Given a slot that filler is leaving, harvest that can make room, and two that cannot wait
    work = [
        WorkRow("f", FILLER, Phase.LEAVING, "a-n0"),
        running("h", "a-n1", HARVEST, resumable=True),
        WorkRow("j0", OD),
        WorkRow("j1", OD),
    ]
    decision = placed(World([UnitRow("a", slots=(1, 1))], work), {"a": 2 * W}, 200.0)
    # Then the first waits for that slot, and harvest makes room for the second
    assert set(stops(decision)) == {"h"}


def flex_due(key: str, count: int, latest_s: float, run_s: float) -> list[WorkRow]:
    deadline_s = NOW_S + latest_s + 1.3 * run_s + 600.0
    return [WorkRow(f"{key}{n:03d}", deadline_s=deadline_s, expected_s=run_s) for n in range(count)]


def test_flex_starts_before_its_latest_start_where_its_deadlines_come_in_a_crowd():
    # Given ten slots, no heat wanted, and forty hours of flex that is to start within two
    world = World([UnitRow("a", slots=(1,) * 10)], flex_due("j", 40, 7200.0, 3600.0))
    decision = placed(world, {"a": 0.0})
    # Then all slots are used now: forty hours in three take more than thirteen
    assert len(started(decision)) == 10
    # and with four of them none is: two slots are enough, so later is early enough
    world.work = flex_due("j", 4, 7200.0, 3600.0)
    assert started(placed(world, {"a": 0.0})) == {}


def test_long_work_that_runs_makes_no_crowd_of_a_short_job_that_is_due():
    # Given twenty of a hundred slots at long work that is not due for days, and flex for four days later
    slots = World([UnitRow("a", slots=(1,) * 100)], [])
    held = [
        WorkRow(f"h{n:02d}", FLEX, Phase.RUNNING, f"a-n{n}", deadline_s=NOW_S + 3 * 86_400.0, expected_s=36_000.0)
        for n in range(20)
    ]
    slots.work = [*held, *flex_due("later", 60, 4 * 86_400.0, 3600.0), *flex_due("short", 1, 120.0, 60.0)]
    # Then what can wait does
    assert started(placed(slots, {"a": 0.0})) == {}


# Patient work


def test_patient_work_starts_only_where_less_is_drawn_than_planned_the_most_urgent_first():
    # Given room for two slots in b, none in a, which is worth more
    work = [
        WorkRow("h", HARVEST),
        WorkRow("late", deadline_s=NOW_S + 50_000.0),
        WorkRow("soon", deadline_s=NOW_S + 20_000.0),
        running("r", "a-n0"),
    ]
    world = World([UnitRow("a", slots=(4,), max_w=4 * W), UnitRow("b", slots=(4,), max_w=4 * W)], work)
    decision = placed(world, {"a": W, "b": 2 * W}, {"a": 300.0, "b": 100.0})
    # Then the two most urgent flex start there, and harvest waits
    assert started(decision) == {"late": "b-n0", "soon": "b-n0"}
    assert of_kind(decision, Wait)[0].instance_ids == ("h",)
    assert "450 of 1350 W planned" in of_kind(decision, Wait)[0].reason


def test_work_that_cannot_wait_uses_up_the_plan_of_its_sink():
    work = [WorkRow("j", OD), WorkRow("k", HARVEST)]
    decision = placed(World([UnitRow("a", slots=(1, 1))], work), {"a": W}, 200.0)
    assert list(started(decision)) == ["j"]


@pytest.mark.parametrize(("planned_w", "number"), [(0.49 * W, 0), (0.5 * W, 1), (1.49 * W, 1), (1.5 * W, 2)])
def test_a_slot_is_given_where_half_of_it_fits(planned_w, number):
    world = World([UnitRow("a", slots=(1, 1, 1))], [WorkRow(f"h{n}", HARVEST) for n in range(3)])
    assert len(started(placed(world, {"a": planned_w}, 200.0))) == number


def test_equal_gains_are_told_apart_by_the_inputs_that_lie_there():
    units = [UnitRow("a", site="s1"), UnitRow("b", site="s2")]
    work = [WorkRow("h", HARVEST, missing={"s1": 8e6})]
    planned = {"a": W, "b": W}
    # Given two sinks worth the same within 5 g, then the one that holds the inputs is taken
    decision = placed(World(units, work), planned, {"a": 201.0, "b": 200.0})
    assert started(decision) == {"h": "b-n0"}
    assert "site s2 lacks fewest of its inputs (0 MB)" in of_kind(decision, Start)[0].reason
    # and given one worth more, that one
    assert started(placed(World(units, work), planned, {"a": 230.0, "b": 200.0})) == {"h": "a-n0"}


def test_inputs_of_unknown_size_are_the_last_choice_and_break_nothing():
    units = [UnitRow("a", site="s1"), UnitRow("b", site="s2")]
    world = World(units, [WorkRow("h", HARVEST, missing={"s1": math.nan, "s2": 9e9})])
    assert started(placed(world, {"a": W, "b": W}, 200.0)) == {"h": "b-n0"}


def test_units_are_filled_one_after_another_nodes_with_power_first():
    # Given a sink of three units: a off, b half full, c idle but on
    units = [
        UnitRow("a", sink="tank", slots=(2,), up=False),
        UnitRow("b", sink="tank", slots=(2,), up=True),
        UnitRow("c", sink="tank", slots=(2,), up=True),
    ]
    work = [running("r", "b-n0"), *(WorkRow(f"h{n}", HARVEST, submitted_s=NOW_S - 9.0 + n) for n in range(5))]
    # When five come one after the other, then b is filled, then c, and a is switched on last
    decision = placed(World(units, work), {"tank": 9 * W}, 200.0)
    assert started(decision) == {"h0": "b-n0", "h1": "c-n0", "h2": "c-n0", "h3": "a-n0", "h4": "a-n0"}


def test_work_waits_for_the_warm_slot_of_filler_before_a_node_is_switched_on():
    # Given filler on the node with power, and another node without
    units = [UnitRow("a", sink="tank", up=True), UnitRow("b", sink="tank", up=False)]
    world = World(units, [running("f", "a-n0", FILLER), WorkRow("h", HARVEST)])
    # When harvest comes, then filler makes way and nothing is switched on
    decision = placed(world, {"tank": W}, 200.0)
    assert started(decision) == {}
    assert "filler makes way for one of 1 that wait" in stops(decision)["f"]
    assert of_kind(decision, Wait)[0].reason.startswith("1 harvest in the queue: a slot is being freed for it")
    # and it starts in the slot when that is free
    apply(world, decision)
    assert started(placed(world, {"tank": W}, 200.0)) == {"h": "a-n0"}


def test_work_that_may_not_have_the_warm_slot_starts_on_the_cold_node_at_once():
    units = [UnitRow("a", sink="tank", up=True), UnitRow("b", sink="tank", up=False)]
    world = World(units, [running("f", "a-n0", FILLER), WorkRow("h", HARVEST, only_on=("b",))])
    decision = placed(world, {"tank": 2 * W}, 200.0)
    assert (started(decision), stops(decision)) == ({"h": "b-n0"}, {})


# Filler


@pytest.mark.parametrize(("value_g", "runs"), [(49.0, 0), (51.0, 2)])
def test_filler_starts_only_where_heat_is_worth_its_electricity_and_within_the_plan(value_g, runs):
    world = World([UnitRow("a", slots=(1, 1, 1)), RACK], [WorkRow(f"f{n}", FILLER) for n in range(6)])
    assert len(started(placed(world, {"a": 2 * W}, value_g))) == runs


def test_filler_ends_where_nothing_is_planned_any_more_and_heat_has_lost_its_worth():
    # Given filler in a sink whose eased plan still has power for it, and some that another policy left on a rack
    world = World([UnitRow("a"), RACK], [running("f", "a-n0", FILLER), running("g", "rack-n0", FILLER)])
    ends = {"a": 0.0}
    # Then it goes on while the plan of now has power, or heat is worth 0.8 of its electricity
    assert stops(placed(world, {"a": W}, 20.0)).keys() == {"g"}
    assert stops(placed(world, {"a": W}, 41.0, ends)).keys() == {"g"}
    assert stops(placed(world, {"a": W}, 20.0, ends))["f"] == (
        "filler ends: no power is planned, and heat is worth far less than its electricity (-30 g a kWh)"
    )


def test_filler_makes_way_for_work_that_waits_but_only_as_much_as_does():
    fillers = [running(f"f{n}", f"a-n{n}", FILLER) for n in range(4)]
    world = World([UnitRow("a", slots=(1, 1, 1, 1))], [*fillers, WorkRow("h0", HARVEST), WorkRow("h1", HARVEST)])
    assert len(stops(placed(world, {"a": 4 * W}, 200.0))) == 2
    # Given work that the plan leaves no power for, then it does not make way for that
    world.units.append(UnitRow("b", slots=(1, 1)))
    world.work += [running("r0", "b-n0"), running("r1", "b-n1")]
    assert len(stops(placed(world, {"a": 4 * W, "b": 0.0}, 200.0))) == 2


def test_filler_makes_way_where_the_plan_has_shrunk_by_more_than_half_a_slot():
    fillers = [running(f"f{n}", f"a-n{n}", FILLER) for n in range(3)]
    for planned_w, number in ((3 * W, 0), (2.5 * W, 0), (2.49 * W, 1), (2 * W, 1), (W, 2), (0.0, 3)):
        world = World([UnitRow("a", slots=(1, 1, 1))], fillers)
        told = stops(placed(world, {"a": planned_w}, 200.0))
        assert sorted(told) == [f"f{n}" for n in range(3 - number, 3)]
        assert set(told.values()) <= {f"filler draws 1350 W where the plan leaves it {planned_w:.0f} W"}


def test_no_filler_starts_where_filler_makes_way():
    units = [UnitRow("a", sink="tank", up=True), UnitRow("b", sink="tank", up=False)]
    work = [running("f0", "a-n0", FILLER), WorkRow("f1", FILLER), WorkRow("h", HARVEST)]
    decision = placed(World(units, work), {"tank": 2 * W}, 200.0)
    assert (started(decision), set(stops(decision))) == ({}, {"f0"})


# Moves


def overfull(**changes) -> World:
    work = [running("m", "a-n0", HARVEST, **({"resumable": True} | changes)), running("n", "a-n1", HARVEST)]
    return World([UnitRow("a", slots=(1, 1)), UnitRow("b")], work)


def test_work_with_a_checkpoint_leaves_an_overfull_unwanted_sink_for_one_that_wants_heat():
    decision = placed(overfull(), {"a": 0.0, "b": W}, {"a": 0.0, "b": 200.0})
    assert stops(decision) == {
        "m": "goes on from its checkpoint where heat is worth more than its electricity: "
        "a kWh is worth 150 g there, -50 g here"
    }


@pytest.mark.parametrize(
    ("changes", "planned", "value"),
    [
        ({}, {"a": 0.0, "b": 0.0}, {"b": 200.0}),  # no room elsewhere
        ({}, {"a": 0.0, "b": W}, {"b": 40.0}),  # heat is not wanted there either
        ({}, {"a": 2 * W, "b": W}, {"b": 200.0}),  # it is not overfull
        ({}, {"a": 0.0, "b": W}, {"a": 48.0, "b": 200.0}),  # heat is hardly less than wanted here
        ({"resumable": False}, {"a": 0.0, "b": W}, {"b": 200.0}),
        ({"done_s": 8000.0}, {"a": 0.0, "b": W}, {"b": 200.0}),  # it ends soon
        ({"only_on": ("a",)}, {"a": 0.0, "b": W}, {"b": 200.0}),
    ],
)
def test_work_stays_where_a_move_gains_nothing(changes, planned, value):
    assert stops(placed(overfull(**changes), planned, value)) == {}


def test_work_does_not_leave_for_a_sink_without_a_free_slot():
    world = overfull()
    world.work.append(running("r", "b-n0", OD))
    assert stops(placed(world, {"a": 0.0, "b": 3 * W}, {"b": 200.0})) == {}
    world.work.pop()
    world.units[1].accepts = False
    assert stops(placed(world, {"a": 0.0, "b": 3 * W}, {"b": 200.0})) == {}


def test_work_that_moves_takes_the_slot_of_filler():
    world = overfull()
    world.work.append(running("f", "b-n0", FILLER))
    decision = placed(world, {"a": 0.0, "b": W}, {"b": 200.0})
    assert set(stops(decision)) == {"m", "f"}
    apply(world, decision)
    assert started(placed(world, {"a": 0.0, "b": W}, {"b": 200.0})) == {"m": "b-n0"}


def test_the_slot_that_a_move_is_meant_for_is_kept_from_filler():
    world = overfull()
    world.work.append(WorkRow("f", FILLER))
    decision = placed(world, {"a": 0.0, "b": W}, {"b": 200.0})
    assert (started(decision), set(stops(decision))) == ({}, {"m"})


# Power


def test_patient_work_where_heat_is_unwanted_runs_at_thrift():
    # Given a node of two slots, 50 W idle and 400 W of range, with one at work
    world = World([UnitRow("a", slots=(2,))], [running("r", "a-n0")])
    decision = placed(world, {"a": 0.0}, 40.0)
    # Then it gets the whole idle power, and 0.3 of its slot's half of the range
    assert watts(decision) == {"a": pytest.approx(50.0 + 0.3 * 200.0)}
    assert of_kind(decision, SetPower)[0].reason == (
        "thrift, 110 W, for 1 running: heat is worth less than its electricity"
    )


def test_a_unit_runs_at_full_speed_where_one_cannot_wait_or_heat_is_wanted():
    work = [running("r", "a-n0"), running("od", "a-n0", OD), running("q", "b-n0"), WorkRow("p", phase=Phase.PLACED)]
    work[3].node = "c-n0"
    world = World([UnitRow(key, slots=(2,)) for key in "abc"], work)
    decision = placed(world, {"a": 0.0, "b": 0.0, "c": 0.0}, {"a": 0.0, "b": 50.0, "c": 0.0})
    assert watts(decision) == {"a": 450.0, "b": 450.0, "c": pytest.approx(110.0)}
    said = [power.reason for power in of_kind(decision, SetPower)]
    assert said[0] == "full speed, 450 W, for 2 running, 1 of which cannot wait"
    assert said[1] == "full speed, 450 W, for 1 running: heat is worth its electricity"


def test_idle_nodes_of_a_thrifty_unit_count_while_they_have_power():
    work = [running("r", "a-n0")]
    for up, power_w in ((None, 50.0 + 50.0 + 120.0), (True, 50.0 + 50.0 + 120.0), (False, 50.0 + 120.0)):
        world = World([UnitRow("a", slots=(1, 1), up=up)], work)
        assert watts(placed(world, {"a": 0.0}, 0.0)) == {"a": pytest.approx(power_w)}


def test_frozen_work_goes_on_and_gets_power():
    world = World([UnitRow("a")], [WorkRow("p", HARVEST, Phase.PAUSED, "a-n0")])
    decision = placed(world, {"a": 0.0}, 0.0)
    assert [resume.instance_id for resume in of_kind(decision, Resume)] == ["p"]
    assert watts(decision) == {"a": pytest.approx(170.0)}


def test_units_whose_work_is_stopped_or_leaves_are_not_named():
    work = [running("f", "a-n0", FILLER), WorkRow("l", FLEX, Phase.LEAVING, "b-n0")]
    assert watts(placed(World([UnitRow("a"), UnitRow("b")], work), {"a": 0.0, "b": 0.0}, 200.0)) == {}
