"""The published dispatch in detail: order of sites and levels, direct dispatch, filler, data first."""

from __future__ import annotations

import math

import pytest

from ondol.model.decision import SetPower, Start, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.greco import REGULATION_S, Greco, GrecoMemory
from ondol.policy.greco_locality import GrecoLocality
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, apply, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
COLD_C = 17.0  # 2 K below the set-point: good for filler, and for all else


def greco(world: World, memory: GrecoMemory | None = None):
    return Greco().decide(world.view(), memory or GrecoMemory())


def locality(world: World):
    return GrecoLocality().decide(world.view(), GrecoMemory())[0]


def test_the_site_with_the_fewest_free_slots_goes_first():
    large = [UnitRow(name, site="large", temp_c=15.0) for name in "ab"]
    small = UnitRow("z", site="small", temp_c=COLD_C)
    work = [WorkRow(f"j{n}", OD) for n in range(2)]
    assert started(greco(World([*large, small], work))[0]) == {"j0": "z-n0", "j1": "a-n0"}
    alike = [UnitRow("y", site="small", temp_c=COLD_C), small, *large]
    assert started(greco(World(alike, work))[0]) == {"j0": "a-n0", "j1": "b-n0"}, "of equals the first by id"


def test_a_level_that_filler_may_use_goes_before_the_others_and_large_before_small_there():
    cold = [UnitRow(name, site="large", temp_c=COLD_C) for name in "ab"]
    mild = UnitRow("z", site="small", temp_c=19.0)  # LOW's level
    work = [WorkRow(f"j{n}", OD) for n in range(3)]
    assert started(greco(World([*cold, mild], work))[0]) == {"j0": "a-n0", "j1": "b-n0", "j2": "z-n0"}


def test_a_site_asked_for_a_slot_of_low_gives_its_warmest():
    """The global scheduler counts slots by level; which unit it is, the site decides."""
    units = [UnitRow("a", temp_c=COLD_C), UnitRow("b", temp_c=19.5), UnitRow("c", site="t", temp_c=18.9)]
    assert started(greco(World(units, [WorkRow("l", FLEX)]))[0]) == {"l": "b-n0"}


def test_flex_before_harvest_then_fewest_running_of_the_task():
    units = [UnitRow("a", temp_c=19.0), UnitRow("b", temp_c=19.0)]
    work = [
        WorkRow("h", HARVEST, task=3, submitted_s=NOW_S - 900.0),
        WorkRow("r", FLEX, Phase.RUNNING, "a-n0", task=1),
        WorkRow("x", FLEX, task=1),
    ]
    assert started(greco(World(units, work))[0]) == {"x": "b-n0"}


def ending(service: ServiceClass, **more: object) -> tuple[World, GrecoMemory]:
    """One heater, on which instance t/000000 runs; two more of it wait behind an older task."""
    work = [
        WorkRow("t/000000", service, task=1),
        WorkRow("u/000000", service, task=2, submitted_s=NOW_S + 1.0),
        WorkRow("t/000001", service, task=1, submitted_s=NOW_S + 2.0),
        WorkRow("t/000002", service, task=1, submitted_s=NOW_S + 2.0),
    ]
    world = World([UnitRow("a", temp_c=COLD_C, **more)], work)
    decision, memory = greco(world)
    assert started(decision) == {"t/000000": "a-n0"}
    apply(world, decision)
    return world, memory


def test_direct_dispatch_gives_the_node_to_the_next_of_the_task():
    world, memory = ending(FLEX)
    assert started(greco(world, memory)[0]) == {}
    del world.work[0]
    decision, after = greco(world, memory)
    assert started(decision) == {"t/000001": "a-n0"}
    assert of_kind(decision, Start)[0].reason.startswith("direct dispatch")
    assert after.held == {"t/000001": "a-n0"}
    assert started(greco(world, GrecoMemory())[0]) == {"u/000000": "a-n0"}, "without it the older task is next"


def test_direct_dispatch_yields_to_a_higher_class_only():
    world, memory = ending(FLEX)
    world.work[0] = WorkRow("o", OD)
    assert started(greco(world, memory)[0]) == {"o": "a-n0"}
    world.work[0] = WorkRow("h", HARVEST)
    assert started(greco(world, memory)[0]) == {"t/000001": "a-n0"}


@pytest.mark.parametrize(("lack_k", "goes_on"), [(-2.9, True), (-3.1, False), (math.nan, False)])
def test_direct_dispatch_goes_on_until_the_class_would_be_killed(lack_k, goes_on):
    world, memory = ending(FLEX)
    del world.work[0]
    world.units[0].temp_c = 19.0 - lack_k
    assert bool(started(greco(world, memory)[0])) is goes_on


def test_direct_dispatch_is_not_for_what_was_stopped_or_may_not_run_there():
    world, memory = ending(FLEX)
    world.work[0].phase, world.work[0].node = Phase.QUEUED, ""
    assert "direct" not in of_kind(greco(world, memory)[0], Start)[0].reason
    world, memory = ending(FLEX)
    del world.work[0]
    world.work[1].only_on = ()
    assert started(greco(world, memory)[0]) == {"u/000000": "a-n0"}


def test_filler_starts_with_other_work_or_when_regulation_is_due():
    units = [UnitRow("a", temp_c=COLD_C), UnitRow("b", temp_c=COLD_C)]
    just_now = GrecoMemory(regulated_s=NOW_S - 10.0)
    world = World(units, [WorkRow("f", FILLER)])
    decision, _ = greco(world, just_now)
    assert started(decision) == {}
    assert "filler starts together with other work" in of_kind(decision, Wait)[0].reason
    world.work.append(WorkRow("l", FLEX))
    assert set(started(greco(world, just_now)[0])) == {"f", "l"}
    del world.work[1]
    assert set(started(greco(world, GrecoMemory(regulated_s=NOW_S - REGULATION_S))[0])) == {"f"}


def test_low_displaces_filler_on_the_warmest_that_is_allowed():
    units = [UnitRow("a", temp_c=15.0), UnitRow("b", temp_c=19.5), UnitRow("c", temp_c=20.5)]
    work = [WorkRow(f"f{u.id}", FILLER, Phase.PLACED, f"{u.id}-n0") for u in units]
    stops = of_kind(greco(World(units, [*work, WorkRow("l", FLEX)]))[0], Stop)
    assert [s.instance_id for s in stops if "makes room" in s.reason] == ["fb"]


def test_high_takes_the_coolest_heater_from_filler_though_a_milder_one_is_free():
    """A site asked for a slot of HIGH gives its coolest heater, whether filler runs there or nothing."""
    units = [UnitRow("a", temp_c=19.0), UnitRow("b", temp_c=COLD_C)]
    world = World(units, [WorkRow("f", FILLER, Phase.RUNNING, "b-n0"), WorkRow("h", OD)])
    decision, memory = greco(world)
    assert started(decision) == {}
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["f"]
    assert "its slot is being freed" in of_kind(decision, Wait)[0].reason
    apply(world, decision)
    assert started(greco(world, memory)[0]) == {"h": "b-n0"}


def test_low_takes_the_warmest_whether_free_or_filled():
    free, filled = UnitRow("a", temp_c=19.5), UnitRow("b", temp_c=18.5)
    work = [WorkRow("f", FILLER, Phase.RUNNING, "b-n0"), WorkRow("l", FLEX)]
    assert started(greco(World([free, filled], work))[0]) == {"l": "a-n0"}
    free.temp_c, filled.temp_c = 18.5, 19.5
    decision, _ = greco(World([free, filled], work))
    assert started(decision) == {}
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["f"]


def test_heaters_with_filler_count_as_slots_of_lows_level_when_sites_are_put_in_order():
    """The larger site has fewer free slots, but more in all."""
    large = [UnitRow(name, site="large", temp_c=19.2) for name in "ab"]
    small = UnitRow("z", site="small", temp_c=19.2)
    work = [WorkRow("f", FILLER, Phase.RUNNING, "a-n0"), WorkRow("l", FLEX)]
    assert started(greco(World([*large, small], work))[0]) == {"l": "z-n0"}


def test_a_slot_that_is_being_freed_is_waited_for_and_no_second_filler_stopped():
    units = [UnitRow("a", temp_c=COLD_C), UnitRow("b", temp_c=16.0)]
    leaving = WorkRow("e", FILLER, Phase.LEAVING, "a-n0")
    world = World(units, [leaving, WorkRow("f", FILLER, Phase.RUNNING, "b-n0"), WorkRow("h", OD)])
    assert of_kind(greco(world)[0], Stop) == []
    world.work.append(WorkRow("i", OD))
    assert [s.instance_id for s in of_kind(greco(world)[0], Stop)] == ["f"]


def test_filler_makes_room_before_the_overflow_is_used():
    rack = UnitRow("rack", site="dc", heats=False)
    work = [WorkRow("f", FILLER, Phase.RUNNING, "a-n0"), WorkRow("h", OD), WorkRow("i", OD)]
    decision, _ = greco(World([UnitRow("a", temp_c=COLD_C), rack], work))
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["f"]
    assert started(decision) == {"i": "rack-n0"}


def test_data_first_takes_a_site_that_holds_all_inputs_from_its_filler():
    units = [UnitRow("a", site="s", temp_c=15.0), UnitRow("z", site="t", temp_c=18.5)]
    work = [WorkRow("f", FILLER, Phase.RUNNING, "z-n0"), WorkRow("j", OD, missing={"s": 1.0})]
    decision = locality(World(units, work))
    assert started(decision) == {}
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["f"]


def test_a_node_without_work_is_given_no_power():
    world = World([UnitRow("a", temp_c=COLD_C), UnitRow("b", temp_c=COLD_C)], [WorkRow("l", FLEX)])
    assert [p.unit_id for p in of_kind(greco(world)[0], SetPower)] == ["a"]


def test_data_first_takes_a_site_that_holds_all_inputs():
    units = [UnitRow("a", site="s", temp_c=15.0), UnitRow("z", site="t", temp_c=18.5)]
    work = [WorkRow("j", OD, missing={"s": 1.0})]
    assert started(greco(World(units, work))[0]) == {"j": "a-n0"}
    decision = locality(World(units, work))
    assert started(decision) == {"j": "z-n0"}
    assert "site t holds all its inputs" in of_kind(decision, Start)[0].reason


@pytest.mark.parametrize("missing", [{"s": 2e9, "t": 1.0}, {"s": math.nan, "t": math.nan}, {}])
def test_where_no_site_or_every_site_holds_all_the_ordinary_pass_decides(missing):
    """Less missing is not enough: LocalityBased asks for all of it."""
    units = [UnitRow("a", site="s", temp_c=15.0), UnitRow("z", site="t", temp_c=18.5)]
    world = World(units, [WorkRow("j", OD, missing=missing)])
    assert started(locality(world)) == started(greco(world)[0]) == {"j": "a-n0"}


def test_what_finds_no_slot_with_its_inputs_takes_the_ordinary_pass():
    units = [UnitRow("a", site="s", temp_c=15.0), UnitRow("z", site="t", temp_c=18.5)]
    work = [WorkRow(f"j{n}", OD, missing={"s": 1.0}) for n in range(2)]
    assert started(locality(World(units, work))) == {"j0": "z-n0", "j1": "a-n0"}


def test_data_does_not_lift_thresholds():
    units = [UnitRow("a", site="s", temp_c=18.0), UnitRow("z", site="t", temp_c=22.5)]
    assert started(locality(World(units, [WorkRow("j", FLEX, missing={"s": 1.0})]))) == {"j": "a-n0"}
