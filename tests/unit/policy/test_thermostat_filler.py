"""Thermostat-filler: thermostats get their watts at once, from whatever waits."""

from __future__ import annotations

from ondol.model.decision import Resume, SetPower, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.thermostat_filler import ThermostatFiller
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
RACK = UnitRow("rack", site="dc", heats=False, slots=(2,))


def decide(world: World):
    return ThermostatFiller().decide(world.view(), ThermostatFiller().fresh())[0]


def test_wanted_watts_are_filled_first_come_first_served_whatever_the_class():
    units = [UnitRow("a", wanted_w=200.0), UnitRow("b", wanted_w=450.0)]
    work = [
        WorkRow("x", FLEX, submitted_s=NOW_S - 10.0),
        WorkRow("h", HARVEST, submitted_s=NOW_S - 30.0),
        WorkRow("f", FILLER, submitted_s=NOW_S - 90.0),
    ]
    assert started(decide(World(units, work))) == {"h": "b-n0", "x": "a-n0"}


def test_filler_fills_the_rest_and_no_more_than_is_wanted():
    boiler = UnitRow("a", wanted_w=500.0, slots=(4,), max_w=850.0)
    work = [WorkRow("h", HARVEST), *(WorkRow(f"f{n}", FILLER) for n in range(9))]
    assert set(started(decide(World([boiler], work)))) == {"h", "f0", "f1"}  # 450 W open: two slots and a quarter
    boiler.wanted_w = 60.0
    assert started(decide(World([boiler], work))) == {}


def test_work_waits_where_no_thermostat_calls_and_what_cannot_wait_takes_a_rack():
    work = [WorkRow("x", FLEX), WorkRow("o", OD), WorkRow("y", FLEX, deadline_s=NOW_S + 60.0)]
    decision = decide(World([UnitRow("a", room_j=1e7), RACK], work))
    assert started(decision) == {"o": "rack-n0", "y": "rack-n0"}
    assert [p.unit_id for p in of_kind(decision, SetPower)] == ["rack"]
    assert "thermostats have all the heat that they want" in of_kind(decision, Wait)[0].reason


def test_without_a_rack_it_takes_the_roomiest_sink_at_full_speed():
    units = [UnitRow("a", room_j=1e5), UnitRow("b", room_j=1e7)]
    decision = decide(World(units, [WorkRow("o", OD)]))
    assert started(decision) == {"o": "b-n0"}
    assert [(p.unit_id, p.power_w) for p in of_kind(decision, SetPower)] == [("b", 450.0)]


def test_resumable_filler_gives_its_heat_to_work_that_waits():
    unit = UnitRow("a", wanted_w=450.0)
    filler = WorkRow("f", FILLER, Phase.RUNNING, "a-n0", resumable=True)
    assert [s.instance_id for s in of_kind(decide(World([unit], [filler, WorkRow("h", HARVEST)])), Stop)] == ["f"]
    filler.resumable = False
    assert of_kind(decide(World([unit], [filler, WorkRow("h", HARVEST)])), Stop) == []


def test_resumable_filler_makes_room_anywhere_for_what_cannot_wait_once():
    units = [UnitRow("a"), UnitRow("b")]
    work = [WorkRow(f"f{n}", FILLER, Phase.RUNNING, f"{n}-n0", resumable=True) for n in "ab"]
    assert of_kind(decide(World(units, [*work, WorkRow("h", HARVEST)])), Stop) == []
    assert [s.instance_id for s in of_kind(decide(World(units, [*work, WorkRow("o", OD)])), Stop)] == ["fa"]
    work[0].phase = Phase.LEAVING
    assert of_kind(decide(World(units, [*work, WorkRow("o", OD)])), Stop) == []


def test_what_stands_frozen_goes_on():
    world = World([UnitRow("a")], [WorkRow("h", HARVEST, Phase.PAUSED, "a-n0")])
    assert [r.instance_id for r in of_kind(decide(world), Resume)] == ["h"]


def test_work_goes_only_where_it_may():
    units = [UnitRow("a", wanted_w=450.0), UnitRow("b", wanted_w=300.0)]
    assert started(decide(World(units, [WorkRow("x", only_on=("b",)), WorkRow("y")]))) == {"x": "b-n0", "y": "a-n0"}
