"""Greedy: all waiting work goes to the emptiest store that has room, now."""

from __future__ import annotations

import math

import pytest

from ondol.model.decision import Pause, Resume, SetPower, Start, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.greedy import FULL, THAWED, Greedy
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
RACK = UnitRow("rack", site="dc", heats=False, slots=(2,))
HALF_HOUR_S = 1800.0


def decide(world: World):
    return Greedy().decide(world.view(), Greedy().fresh())[0]


def boiler(name: str, empty: float, **more: object) -> UnitRow:
    """A store of 40 MJ with as much room as is empty."""
    return UnitRow(name, capacity_j=4e7, store_j=(1.0 - empty) * 4e7, room_j=empty * 4e7, **more)


def test_the_emptiest_store_is_filled_first_to_full_load():
    units = [boiler("a", 0.3, slots=(2,)), boiler("b", 0.8, slots=(2, 1)), boiler("c", 0.5)]
    decision = decide(World(units, [WorkRow(f"j{n}") for n in range(5)], stores=True))
    assert started(decision) == {"j0": "b-n0", "j1": "b-n0", "j2": "b-n1", "j3": "c-n0", "j4": "a-n0"}
    assert of_kind(decision, Start)[0].reason == "the store of b is 80 % empty"
    assert [(p.unit_id, p.power_w) for p in of_kind(decision, SetPower)] == [("a", 450.0), ("b", 900.0), ("c", 450.0)]


def test_where_no_store_is_known_the_band_is_taken():
    units = [UnitRow("a", temp_c=20.5, room_j=1e6), UnitRow("b", temp_c=18.0, room_j=1e6)]
    assert started(decide(World(units, [WorkRow("j")]))) == {"j": "b-n0"}


def test_on_demand_then_flex_then_harvest():
    units = [boiler("a", 0.9), boiler("b", 0.8), boiler("c", 0.7)]
    work = [WorkRow("h", HARVEST, submitted_s=NOW_S - 999.0), WorkRow("x", FLEX), WorkRow("o", OD)]
    assert started(decide(World(units, work, stores=True))) == {"o": "a-n0", "x": "b-n0", "h": "c-n0"}


@pytest.mark.parametrize(("room_w", "count"), [(399.0, 0), (400.0, 1), (799.0, 1), (800.0, 2)])
def test_a_slot_starts_as_soon_as_there_is_room_for_half_an_hour_of_it(room_w, count):
    unit = UnitRow("a", temp_c=18.5, room_j=room_w * HALF_HOUR_S, slots=(1, 1))
    decision = decide(World([unit], [WorkRow(f"j{n}") for n in range(3)]))
    assert len(started(decision)) == count
    assert f"{3 - count} flex in the queue: no heat store has room" in of_kind(decision, Wait)[0].reason


def test_what_runs_and_units_of_the_same_sink_share_its_room():
    room_j = 900.0 * HALF_HOUR_S
    one, two = (UnitRow(name, sink="tank", temp_c=18.5, room_j=room_j, slots=(1, 1)) for name in "ab")
    queued = [WorkRow(f"j{n}") for n in range(4)]
    assert started(decide(World([one, two], queued))) == {"j0": "a-n0", "j1": "a-n1"}
    running = WorkRow("r", phase=Phase.RUNNING, node="b-n0")
    assert started(decide(World([one, two], [*queued, running]))) == {"j0": "a-n0"}


def test_filler_only_below_half():
    def placed(empty: float) -> dict[str, str]:
        return started(decide(World([boiler("a", empty)], [WorkRow("f", FILLER)], stores=True)))

    assert placed(0.51) == {"f": "a-n0"}
    assert placed(0.5) == {}
    warm = UnitRow("a", temp_c=19.0, room_j=1e7)
    assert started(decide(World([warm], [WorkRow("f", FILLER)]))) == {}
    warm.temp_c = 18.9
    assert started(decide(World([warm], [WorkRow("f", FILLER)]))) == {"f": "a-n0"}


def test_what_cannot_wait_goes_to_a_rack_and_then_anywhere():
    full = boiler("a", 0.0)
    late = WorkRow("x", FLEX, deadline_s=NOW_S + 60.0)
    assert started(decide(World([full, RACK], [WorkRow("o", OD), late], stores=True))) == {
        "o": "rack-n0",
        "x": "rack-n0",
    }
    assert started(decide(World([full], [WorkRow("o", OD)], stores=True))) == {"o": "a-n0"}
    assert started(decide(World([full, RACK], [WorkRow("x", FLEX)], stores=True))) == {}


def test_harvest_freezes_where_the_store_is_full_and_thaws_later():
    def kinds(empty: float, phase: Phase) -> list[type]:
        world = World([boiler("a", empty)], [WorkRow("h", HARVEST, phase, "a-n0")], stores=True)
        return [type(action) for action in decide(world)]

    between = (FULL + THAWED) / 2.0
    assert kinds(FULL / 2.0, Phase.RUNNING) == [Pause]
    assert kinds(between, Phase.RUNNING) == [SetPower]
    assert kinds(between, Phase.PAUSED) == []
    assert kinds(2.0 * THAWED, Phase.PAUSED) == [Resume, SetPower]


def test_flex_is_neither_frozen_nor_stopped_in_a_full_store():
    work = [WorkRow("x", FLEX, Phase.RUNNING, "a-n0", resumable=True), WorkRow("o", OD)]
    decision = decide(World([boiler("a", 0.0)], work, stores=True))
    assert of_kind(decision, Pause) == of_kind(decision, Stop) == []
    assert len(of_kind(decision, SetPower)) == 1


def test_a_lost_sensor_starts_nothing_that_can_wait_and_freezes_nothing():
    lost = UnitRow("a", temp_c=math.nan, room_j=1e7, slots=(1, 1))
    work = [WorkRow("h", HARVEST, Phase.RUNNING, "a-n0"), WorkRow("x", FLEX)]
    decision = decide(World([lost], work))
    assert started(decision) == {}
    assert of_kind(decision, Pause) == []
    assert started(decide(World([lost], [WorkRow("o", OD)]))) == {"o": "a-n0"}


def test_work_goes_only_where_it_may():
    units = [boiler("a", 0.9), boiler("b", 0.4)]
    assert started(decide(World(units, [WorkRow("x", only_on=("b",))], stores=True))) == {"x": "b-n0"}
    decision = decide(World(units, [WorkRow("x", only_on=())], stores=True))
    assert "none on a node that its hardware constraints" in of_kind(decision, Wait)[0].reason
