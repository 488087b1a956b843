"""The two base lines, and finding policies by name."""

from __future__ import annotations

import msgspec
import pytest

from ondol.model.decision import Resume, SetPower, Stop, Wait
from ondol.model.errors import NotFoundError
from ondol.model.view import Phase, ServiceClass
from ondol.policy.fcfs import Fcfs
from ondol.policy.greco import REGULATION_S, STEPS, Greco, GrecoMemory
from ondol.policy.registry import load_policy, policy_names
from unit.policy.views import NOW_S, UnitRow, WorkRow, World, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
RACK = UnitRow("rack", site="dc", heats=False, slots=(2,))


def fcfs(world: World):
    return Fcfs().decide(world.view(), Fcfs().fresh())[0]


def greco(world: World, memory: GrecoMemory | None = None):
    return Greco().decide(world.view(), memory or GrecoMemory())


def test_fcfs_is_strict_about_order_and_blind_to_heat():
    units = [UnitRow("a", temp_c=25.0), UnitRow("b", wanted_w=450.0, temp_c=15.0)]
    work = [
        WorkRow("y", OD, submitted_s=NOW_S - 10.0),
        WorkRow("x", FLEX, submitted_s=NOW_S - 10.0),
        WorkRow("z", HARVEST, submitted_s=NOW_S - 20.0),
        WorkRow("f", FILLER, submitted_s=NOW_S - 90.0),
    ]
    decision = fcfs(World(units, work))
    assert started(decision) == {"z": "a-n0", "x": "b-n0"}
    assert [(p.unit_id, p.power_w) for p in of_kind(decision, SetPower)] == [("a", 450.0), ("b", 450.0)]
    assert [w.instance_ids for w in of_kind(decision, Wait)] == [("y",), ("f",)]


def test_fcfs_gives_filler_what_is_left_and_thaws():
    world = World([UnitRow("a"), UnitRow("b")], [WorkRow("f", FILLER), WorkRow("p", HARVEST, Phase.PAUSED, "a-n0")])
    decision = fcfs(world)
    assert started(decision) == {"f": "b-n0"}
    assert [r.instance_id for r in of_kind(decision, Resume)] == ["p"]
    assert len(of_kind(decision, SetPower)) == 2


@pytest.mark.parametrize(
    ("service", "starts_at", "not_at", "dies_at", "lives_at"),
    [(OD, -4.0, -4.1, -10.1, -10.0), (FLEX, -1.0, -1.1, -3.1, -3.0), (FILLER, 1.0, 0.9, -1.1, -1.0)],
)
def test_greco_thresholds(service, starts_at, not_at, dies_at, lives_at):
    def world(lack_k: float, phase: Phase) -> World:
        held = phase is not Phase.QUEUED
        unit = UnitRow("a", setpoint_c=0.0, temp_c=-lack_k)
        return World([unit], [WorkRow("j", service, phase, "a-n0" if held else "")])

    assert started(greco(world(starts_at, Phase.QUEUED))[0]) == {"j": "a-n0"}
    assert started(greco(world(not_at, Phase.QUEUED))[0]) == {}
    assert len(of_kind(greco(world(dies_at, Phase.RUNNING))[0], Stop)) == 1
    assert of_kind(greco(world(lives_at, Phase.RUNNING))[0], Stop) == []


def test_greco_coolest_for_high_warmest_allowed_for_low():
    units = [UnitRow("a", temp_c=18.0), UnitRow("b", temp_c=16.0), UnitRow("c", temp_c=19.5), UnitRow("d", temp_c=21.0)]
    assert started(greco(World(units, [WorkRow("h", OD), WorkRow("l", FLEX)]))[0]) == {"h": "b-n0", "l": "c-n0"}


def test_greco_uses_racks_for_high_only_and_last():
    units = [UnitRow("a", temp_c=18.0), RACK]
    decision, _ = greco(World(units, [WorkRow("h1", OD), WorkRow("h2", OD), WorkRow("l", FLEX)]))
    assert started(decision) == {"h1": "a-n0", "h2": "rack-n0"}


def test_greco_displaces_filler_then_low():
    units = [UnitRow("a", temp_c=18.0), UnitRow("b", temp_c=17.0)]
    work = [
        WorkRow("f", FILLER, Phase.RUNNING, "a-n0"),
        WorkRow("l", FLEX, Phase.RUNNING, "b-n0"),
        WorkRow("h", OD),
    ]
    assert [s.instance_id for s in of_kind(greco(World(units, work))[0], Stop)] == ["f"]
    work.append(WorkRow("i", OD))
    assert [s.instance_id for s in of_kind(greco(World(units, work))[0], Stop)] == ["f", "l"]
    work[2:] = [WorkRow("m", FLEX)]
    assert [s.instance_id for s in of_kind(greco(World(units, work))[0], Stop)] == ["f"]


def test_greco_fewest_running_instances_first():
    units = [UnitRow("a", temp_c=19.0), UnitRow("b", temp_c=19.0)]
    work = [
        WorkRow("r", FLEX, Phase.RUNNING, "a-n0", task=1),
        WorkRow("p", FLEX, task=1, submitted_s=NOW_S - 90.0),
        WorkRow("q", FLEX, task=2),
    ]
    assert started(greco(World(units, work))[0]) == {"q": "b-n0"}


def test_greco_regulates_one_step_at_a_time():
    unit = UnitRow("a", temp_c=20.5)
    world = World([unit], [WorkRow("r", OD, Phase.RUNNING, "a-n0")])
    decision, memory = greco(world)
    assert memory.steps == {"a": STEPS}
    assert of_kind(decision, SetPower)[0].power_w == 450.0
    world.now_s += REGULATION_S - 1.0
    assert greco(world, memory)[1].steps == {"a": STEPS}
    world.now_s += 1.0
    decision, memory = greco(world, memory)
    assert memory.steps == {"a": STEPS - 1}
    assert of_kind(decision, SetPower)[0].power_w == 410.0
    unit.temp_c = 17.0
    world.now_s += REGULATION_S
    assert greco(world, memory)[1].steps == {"a": STEPS}
    assert msgspec.json.decode(msgspec.json.encode(memory), type=GrecoMemory) == memory


def test_greco_starts_nothing_in_a_unit_of_unknown_temperature():
    world = World([UnitRow("a", temp_c=float("nan"))], [WorkRow("h", OD)])
    assert started(greco(world)[0]) == {}


def test_policies_are_found_by_name():
    assert {"fcfs", "follow", "greco"} <= set(policy_names())
    assert load_policy("greco").name == "greco"
    with pytest.raises(NotFoundError, match="fcfs, follow, greco"):
        load_policy("magic")


@pytest.mark.parametrize("policy", [Fcfs(), Greco()])
def test_an_empty_world_asks_for_nothing(policy):
    assert policy.decide(World().view(), policy.fresh())[0] == ()
