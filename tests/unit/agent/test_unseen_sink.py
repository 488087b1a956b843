"""A sensor that is lost while work that cannot wait heats its sink: safety goes by how warm it may be by now."""

from __future__ import annotations

import json

import pytest

from ondol.agent.site_agent import SiteAgent
from ondol.twin.faults.life import live
from unit.agent.desk import HEATER, HOME, ROOM, ZONE, Desk, backup_on, request

LIMIT_C = ZONE.temp_max_c


def lost_at(room_c: float) -> Desk:
    desk = Desk()
    desk.room_c = room_c
    desk.step(floors={HEATER: 880.0})
    desk.room_c, desk.power_w = None, 220.0
    return desk


def test_work_that_cannot_wait_stays_bounded_when_the_sensor_of_a_room_near_its_limit_is_lost():
    seen = Desk()
    seen.room_c = LIMIT_C - 0.5
    before_w = seen.step(floors={HEATER: 880.0}).unit(HEATER).target_w
    desk = lost_at(LIMIT_C - 0.5)
    after = desk.step(240.0, floors={HEATER: 880.0}).unit(HEATER)
    assert before_w < 880.0
    assert after.target_w <= before_w
    assert after.limited_by == "safety"


def test_the_bound_tightens_with_the_heat_that_was_given_since():
    desk = lost_at(LIMIT_C - 2.5)
    targets = [desk.step(240.0, floors={HEATER: 880.0}).unit(HEATER).target_w for _ in range(7)]
    assert targets == sorted(targets, reverse=True)
    assert targets[-1] < targets[0]


def test_a_cool_room_is_heated_by_such_work_for_half_an_hour_as_before():
    desk = lost_at(18.0)
    assert desk.step(240.0, floors={HEATER: 880.0}).unit(HEATER).target_w == 880.0
    for _ in range(9):
        late = desk.step(240.0, floors={HEATER: 880.0}).unit(HEATER)
    assert late.target_w < 880.0
    assert "sensor lost" in late.reason


def test_after_half_an_hour_the_guess_no_longer_keeps_a_room_cold():
    """What is added up without a sensor errs upwards: in the end the weather decides, not the guess."""
    desk = lost_at(LIMIT_C - 0.2)
    for _ in range(15):
        orders = desk.step(240.0)
    assert orders.unit(HEATER).target_w > 0.0
    assert "weather" in orders.unit(HEATER).reason


def test_the_guess_outlives_the_agent():
    desk = lost_at(LIMIT_C - 0.5)
    desk.step(240.0, floors={HEATER: 880.0})
    kept = json.loads(json.dumps(desk.agent.snapshot()))
    desk.agent = SiteAgent(desk.fleet, HOME)
    desk.agent.restore(kept)
    after = desk.step(240.0, floors={HEATER: 880.0}).unit(HEATER)
    assert after.target_w < 880.0
    assert kept["sinks"][ROOM]["unseen_k"] > 0.0


@pytest.mark.parametrize("number", [79, 273])
def test_sequences_of_the_campaign_that_passed_a_rooms_limit_keep_it(number: int):
    assert live(61_123, number).violations == ()


def test_the_other_heater_counts_too():
    """Given a room that its other heater was warming when its sensor was lost, then that heat may be in it, too."""
    warmed = {}
    for on in (False, True):
        desk = Desk()
        desk.room_c = 15.0 if on else 21.0
        ask = request(ROOM, 20.0, guaranteed_c=19.0, if_missed="backup")
        for _ in range(3):
            orders = desk.step(requests={ROOM: ask})
        assert backup_on(orders, ROOM) is on
        desk.room_c = None
        desk.step(requests={ROOM: ask})
        warmed[on] = desk.agent.snapshot()["sinks"][ROOM]["unseen_k"]
    assert warmed[True] > warmed[False] >= 0.0
