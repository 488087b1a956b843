"""Follow: work goes where heat is wanted, waits where it can, never where it cannot."""

from __future__ import annotations

import msgspec

from ondol.model.decision import Pause, Resume, SetPower, Start, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.follow import Follow, FollowMemory
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, apply, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
RACK = UnitRow("rack", site="dc", heats=False, slots=(4,), max_w=850.0)


def decide(world: World, memory: FollowMemory | None = None):
    return Follow().decide(world.view(), memory or FollowMemory())


def test_on_demand_goes_where_heat_is_wanted_most():
    world = World([UnitRow("a", wanted_w=200.0), UnitRow("b", wanted_w=400.0, temp_c=17.8), RACK], [WorkRow("j", OD)])
    decision, _ = decide(world)
    assert started(decision) == {"j": "b-n0"}
    assert of_kind(decision, Start)[0].reason == "cannot wait; b: 1.2 K below 19.0 °C, 400 W wanted, 0 W running"
    assert [(p.unit_id, p.power_w) for p in of_kind(decision, SetPower)] == [("b", 450.0)]


def test_on_demand_takes_room_before_a_rack_and_a_rack_before_none():
    roomy = UnitRow("a", room_j=2e6)
    assert started(decide(World([roomy, RACK], [WorkRow("j", OD)]))[0]) == {"j": "a-n0"}
    assert started(decide(World([UnitRow("a"), RACK], [WorkRow("j", OD)]))[0]) == {"j": "rack-n0"}
    assert started(decide(World([UnitRow("a")], [WorkRow("j", OD)]))[0]) == {"j": "a-n0"}


def test_flex_waits_for_heat_until_it_cannot():
    units = [UnitRow("a"), RACK]
    deadline_s = NOW_S + 7200.0
    world = World(units, [WorkRow("j", deadline_s=deadline_s)])
    decision, _ = decide(world)
    assert started(decision) == {}
    (waiting,) = of_kind(decision, Wait)
    assert waiting.instance_ids == ("j",)
    assert waiting.reason == (
        "1 flex in the queue: all wanted heat is given already; the first must start by 12 Jan 08:17 UTC"
    )
    world.now_s = deadline_s - 600.0 * 1.3 - 600.0
    decision, _ = decide(world)
    assert started(decision) == {"j": "rack-n0"}
    assert "had to start by" in of_kind(decision, Start)[0].reason
    assert of_kind(decision, SetPower)[0].power_w == 50.0 + 200.0


def test_flex_without_deadline_is_done_within_a_day():
    world = World([UnitRow("a")], [WorkRow("j")])
    assert started(decide(world)[0]) == {}
    world.now_s = NOW_S + 86_400.0
    assert started(decide(world)[0]) == {"j": "a-n0"}


def test_one_unit_is_filled_before_the_next():
    boiler = UnitRow("boiler", wanted_w=1000.0, slots=(2, 2), idle_w=50.0, max_w=450.0)
    flat = UnitRow("flat", wanted_w=300.0)
    world = World([flat, boiler], [WorkRow(f"j{n}") for n in range(6)])
    assert started(decide(world)[0]) == {
        "j0": "boiler-n0",
        "j1": "boiler-n0",
        "j2": "boiler-n1",
        "j3": "boiler-n1",
        "j4": "flat-n0",
    }


def test_no_more_than_what_is_wanted_is_started():
    boiler = UnitRow("boiler", wanted_w=500.0, slots=(4,), idle_w=50.0, max_w=850.0)
    decision, _ = decide(World([boiler], [WorkRow(f"j{n}") for n in range(4)]))
    assert len(started(decision)) == 3  # 450 W open: two slots of 200 W and a quarter of a third
    assert of_kind(decision, SetPower) == []


def test_running_work_counts_as_given():
    flat = UnitRow("flat", wanted_w=400.0, slots=(2,))
    running = [WorkRow(f"r{n}", phase=Phase.RUNNING, node="flat-n0") for n in range(1)]
    assert len(started(decide(World([flat], [*running, WorkRow("q1"), WorkRow("q2")]))[0])) == 1
    flat.wanted_w = 260.0
    assert started(decide(World([flat], [*running, WorkRow("q1")]))[0]) == {}


def test_what_is_wanted_soon_breaks_the_tie_of_what_is_wanted_now():
    units = [UnitRow("a", wanted_w=300.0, ahead_w=0.0), UnitRow("b", wanted_w=300.0, ahead_w=300.0)]
    assert started(decide(World(units, [WorkRow("j")]))[0]) == {"j": "b-n0"}


def test_clean_electricity_breaks_ties():
    units = [UnitRow("a", site="coal", wanted_w=300.0), UnitRow("b", site="wind", wanted_w=300.0)]
    world = World(units, [WorkRow("j")], grid={"coal": 800.0, "wind": 10.0})
    assert started(decide(world)[0]) == {"j": "b-n0"}


def test_flex_before_harvest_before_filler():
    units = [UnitRow("a", wanted_w=450.0), UnitRow("b", wanted_w=400.0)]
    world = World(units, [WorkRow("f", FILLER), WorkRow("h", HARVEST), WorkRow("x", FLEX)])
    assert started(decide(world)[0]) == {"x": "a-n0", "h": "b-n0"}
    units.append(UnitRow("c", wanted_w=100.0))
    assert started(decide(world)[0]) == {"x": "a-n0", "h": "b-n0", "f": "c-n0"}


def test_the_most_urgent_flex_goes_first():
    work = [WorkRow("a", deadline_s=NOW_S + 9e4), WorkRow("b", deadline_s=NOW_S + 9e3)]
    assert started(decide(World([UnitRow("u", wanted_w=450.0)], work))[0]) == {"b": "u-n0"}


def test_harvest_is_frozen_after_a_while_thawed_at_once_and_never_killed():
    unit = UnitRow("a", wanted_w=0.0, temp_c=19.6)
    world = World([unit], [WorkRow("h", HARVEST, Phase.RUNNING, "a-n0")])
    decision, memory = decide(world)
    assert of_kind(decision, Pause) == []
    world.now_s += 299.0
    decision, memory = decide(world, memory)
    assert of_kind(decision, Pause) == []
    world.now_s += 1.0
    decision, memory = decide(world, memory)
    assert [p.instance_id for p in of_kind(decision, Pause)] == ["h"]
    assert "no heat wanted for 5 min: a: 0.6 K above 19.0 °C, 0 W wanted" in decision[0].reason
    apply(world, decision)
    decision, memory = decide(world, memory)
    assert decision == ()
    unit.wanted_w, unit.temp_c = 300.0, 18.8
    decision, memory = decide(world, memory)
    assert [r.instance_id for r in of_kind(decision, Resume)] == ["h"]
    assert memory.unwanted_since_s == {}


def test_harvest_below_the_set_point_is_left_running():
    world = World([UnitRow("a", temp_c=18.0)], [WorkRow("h", HARVEST, Phase.RUNNING, "a-n0")])
    assert decide(world, FollowMemory({"a": NOW_S - 9999.0}))[0] == ()


def test_long_frozen_harvest_moves_if_it_loses_nothing():
    units = [UnitRow("a", temp_c=20.0), UnitRow("b", wanted_w=450.0)]
    frozen = WorkRow("h", HARVEST, Phase.PAUSED, "a-n0", since_s=NOW_S - 1300.0, resumable=True)
    assert [s.instance_id for s in of_kind(decide(World(units, [frozen]))[0], Stop)] == ["h"]
    assert of_kind(decide(World(units, [frozen, WorkRow("q")]))[0], Stop) == []
    frozen.resumable = False
    assert of_kind(decide(World(units, [frozen]))[0], Stop) == []
    frozen.resumable, frozen.since_s = True, NOW_S - 1100.0
    assert of_kind(decide(World(units, [frozen]))[0], Stop) == []


def test_flex_that_a_thermostat_holds_down_moves_if_it_loses_nothing():
    units = [UnitRow("a", temp_c=20.0), UnitRow("b", wanted_w=450.0)]
    world = World(units, [WorkRow("x", FLEX, Phase.RUNNING, "a-n0", resumable=True)])
    decision, memory = decide(world)
    assert decision == ()
    world.now_s += 1201.0
    decision, _ = decide(world, memory)
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["x"]
    assert "stuck in a, which has wanted no heat for over 20 min" in decision[0].reason
    world.work[0].deadline_s = world.now_s + 60.0
    assert of_kind(decide(world, memory)[0], Stop) == []


def test_room_is_made_for_what_cannot_wait_once():
    units = [UnitRow("a", wanted_w=450.0), UnitRow("b", wanted_w=450.0), UnitRow("c", wanted_w=450.0)]
    work = [
        WorkRow("f", FLEX, Phase.RUNNING, "a-n0", resumable=True),
        WorkRow("h1", HARVEST, Phase.RUNNING, "b-n0"),
        WorkRow("h2", HARVEST, Phase.RUNNING, "c-n0", resumable=True),
        WorkRow("q", OD),
    ]
    decision, _ = decide(World(units, work))
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["h2"]
    assert "cannot wait" in of_kind(decision, Stop)[0].reason
    work[2].phase = Phase.LEAVING
    assert of_kind(decide(World(units, work))[0], Stop) == []


def test_harvest_that_begins_anew_is_the_last_to_give_way_the_least_done_first():
    units = [UnitRow(name, wanted_w=450.0) for name in "abcd"]
    filler = WorkRow("f", FILLER, Phase.RUNNING, "d-n0")
    safe = WorkRow("r", HARVEST, Phase.RUNNING, "c-n0", resumable=True)
    far = WorkRow("h1", HARVEST, Phase.PAUSED, "a-n0", done_s=400.0)
    near = WorkRow("h2", HARVEST, Phase.RUNNING, "b-n0", done_s=30.0)
    gone = []
    for count in range(1, 5):
        queued = [WorkRow(f"q{n}", OD) for n in range(count)]
        decision, _ = decide(World(units, [filler, safe, far, near, *queued]))
        gone.append({s.instance_id for s in of_kind(decision, Stop)})
    assert gone == [{"f"}, {"f", "r"}, {"f", "r", "h2"}, {"f", "r", "h2", "h1"}]
    assert "no other heat-bound work" in next(s.reason for s in of_kind(decision, Stop) if s.instance_id == "h1")


def test_frozen_harvest_that_begins_anew_lets_on_demand_and_pressed_flex_in():
    late = WorkRow("x", FLEX, deadline_s=NOW_S + 300.0)
    for waiting in (WorkRow("q", OD), late):
        frozen = WorkRow("h", HARVEST, Phase.PAUSED, "a-n0", done_s=500.0)
        world = World([UnitRow("a", temp_c=20.0)], [frozen, waiting])
        decision, memory = decide(world)
        assert [s.instance_id for s in of_kind(decision, Stop)] == ["h"]
        apply(world, decision)
        assert started(decide(world, memory)[0]) == {waiting.id: "a-n0"}


def test_patient_flex_never_stops_harvest_that_begins_anew():
    frozen = WorkRow("h", HARVEST, Phase.PAUSED, "a-n0")
    world = World([UnitRow("a", temp_c=20.0)], [frozen, WorkRow("x", FLEX, deadline_s=NOW_S + 9e4)])
    assert of_kind(decide(world)[0], Stop) == []


def test_filler_gives_way_to_work_that_somebody_waits_for():
    world = World([UnitRow("a", wanted_w=450.0)], [WorkRow("f", FILLER, Phase.RUNNING, "a-n0", resumable=True)])
    assert decide(world)[0] == ()
    world.work.append(WorkRow("q"))
    decision, _ = decide(world)
    assert [s.instance_id for s in of_kind(decision, Stop)] == ["f"]
    apply(world, decision)
    assert started(decide(world)[0]) == {"q": "a-n0"}


def test_thermostats_are_left_alone_but_for_what_cannot_wait():
    unit = UnitRow("a", wanted_w=100.0, slots=(2,))
    world = World([unit], [WorkRow("x", FLEX, Phase.RUNNING, "a-n0", deadline_s=NOW_S + 9e4)])
    assert of_kind(decide(world)[0], SetPower) == []
    world.work[0].deadline_s = NOW_S + 900.0
    (power,) = of_kind(decide(world)[0], SetPower)
    assert power.power_w == 250.0
    unit.wanted_w = 300.0
    assert of_kind(decide(world)[0], SetPower) == []


def test_a_lost_sensor_is_no_lost_heater():
    world = World([UnitRow("a", wanted_w=200.0, temp_c=float("nan"))], [WorkRow("j")])
    decision, _ = decide(world)
    assert started(decision) == {"j": "a-n0"}
    assert "a: 200 W wanted" in decision[0].reason


def test_an_empty_world_asks_for_nothing():
    world = World()
    assert decide(world) == ((), FollowMemory(decided_s=world.now_s))


def test_memory_survives_the_wire():
    memory = FollowMemory({"a": 1.5})
    assert msgspec.json.decode(msgspec.json.encode(memory), type=FollowMemory) == memory


def test_of_equal_slots_the_one_whose_site_lacks_fewest_inputs_is_taken_and_the_reason_says_so() -> None:
    """Given two equal flats on two sites, when the inputs of work lie at the second, then it goes there."""
    units = [UnitRow("a", site="s1", wanted_w=450.0), UnitRow("b", site="s2", wanted_w=450.0)]
    decision, _ = decide(World(units, [WorkRow("j", missing={"s1": 3e9, "s2": 2e6})]))
    assert started(decision) == {"j": "b-n0"}
    (start,) = of_kind(decision, Start)
    assert "site s2 lacks fewest of its inputs (2 MB)" in start.reason
    unknown = WorkRow("j", missing={"s1": float("nan"), "s2": float("nan")})
    assert started(decide(World(units, [unknown]))[0]) == {"j": "a-n0"}


def test_inputs_never_outweigh_heat() -> None:
    units = [
        UnitRow(u, site=s, wanted_w=450.0, temp_c=t, room_j=1e6) for u, s, t in (("a", "s1", 17.0), ("b", "s2", 19.0))
    ]
    assert started(decide(World(units, [WorkRow("j", missing={"s1": 3e9})]))[0]) == {"j": "a-n0"}


def test_who_may_go_nowhere_that_is_free_lets_the_others_pass_and_is_told_why() -> None:
    """Given work bound to a taken node at the head of the line, when another may go anywhere, then that one starts."""
    units = [UnitRow("a", wanted_w=450.0), UnitRow("b", wanted_w=450.0)]
    work = [WorkRow("h", OD, Phase.RUNNING, "a-n0"), WorkRow("i", OD, only_on=("a",)), WorkRow("j", OD)]
    decision, _ = decide(World(units, work))
    assert started(decision) == {"j": "b-n0"}
    (told,) = of_kind(decision, Wait)
    assert told.instance_ids == ("i",)
    units.append(UnitRow("c"))
    (told,) = of_kind(decide(World(units, work))[0], Wait)
    assert "1 slots are free, none on a node that its hardware constraints and reservations allow" in told.reason


def test_room_is_made_only_on_a_node_that_will_do() -> None:
    units = [UnitRow("a"), UnitRow("b")]
    work = [
        WorkRow("f", FILLER, Phase.RUNNING, "a-n0"),
        WorkRow("g", FILLER, Phase.RUNNING, "b-n0"),
        WorkRow("q", OD, only_on=("b",)),
    ]
    assert [s.instance_id for s in of_kind(decide(World(units, work))[0], Stop)] == ["g"]
