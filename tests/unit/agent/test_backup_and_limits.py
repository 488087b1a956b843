"""Backups, frost, limits, quiet hours and what people at the site allow, through the agent itself."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace

import pytest

from ondol.agent.backup import BackupMemory, BackupView, level_of, step_backup
from ondol.agent.safety import SafetyMemory, guard_unit
from ondol.model.alarm import Severity
from ondol.model.errors import InvalidFieldError
from ondol.model.schedule import constant, daily
from unit.agent.desk import BOILER, HEATER, NOW, ROOM, TANK, WATER, ZONE, Desk, backup_on, codes, fleet, request
from unit.agent.senses import senses


def test_requests_of_the_moment_replace_those_of_the_fleet_and_give_them_back():
    desk = Desk()
    own = desk.step().unit(HEATER)
    warm = desk.step(requests={ROOM: request(ROOM, 23.0)}).unit(HEATER)
    off = desk.step(requests={}).unit(HEATER)
    again = desk.step().unit(HEATER)
    assert (own.setpoint_c, warm.setpoint_c, again.setpoint_c) == (20.0, 23.0, 20.0)
    assert warm.wanted_w > own.wanted_w
    assert off.wanted_w == 0.0
    with pytest.raises(InvalidFieldError, match="requests"):
        desk.step(requests={ROOM: request(TANK, 45.0)})


def test_a_room_that_is_off_is_kept_from_freezing_with_all_that_there_is():
    desk = Desk()
    desk.room_c = 4.5
    cold = desk.step(requests={})
    assert cold.unit(HEATER).wanted_w == pytest.approx(880.0)
    assert backup_on(cold, ROOM)
    assert (ROOM, "freeze") in codes(cold)
    desk.room_c = 6.0
    assert desk.step(requests={}).unit(HEATER).wanted_w == pytest.approx(880.0), "until 7 °C"
    desk.room_c = 7.5
    warm = desk.step(300.0, requests={})
    assert warm.unit(HEATER).wanted_w == 0.0
    assert not backup_on(warm, ROOM)
    assert not codes(warm)


def test_frost_stands_above_what_people_allow_and_above_quiet_hours():
    desk = Desk(fleet(unit={"quiet_from": "00:00", "quiet_to": "23:59", "quiet_power_w": 100.0}))
    desk.room_c = 4.0
    orders = desk.step(requests={}, unit_limits={HEATER: 50.0})
    assert orders.unit(HEATER).target_w == pytest.approx(880.0)
    assert orders.unit(HEATER).limited_by == "safety"


def test_a_loop_near_freezing_is_heated_whatever_its_tank_has():
    desk = Desk()
    desk.boiler = {"loop_temp_c": 2.5}
    orders = desk.step(requests={})
    assert orders.unit(BOILER).wanted_w > 0.0
    assert backup_on(orders, TANK)
    assert (TANK, "freeze") in codes(orders)


def test_an_unseen_room_that_is_off_gets_what_keeps_frost_out_by_the_weather():
    desk = Desk()
    desk.room_c = None
    assert desk.step(requests={}, outdoor_temp_c=12.0).unit(HEATER).wanted_w == 0.0
    cold = desk.step(requests={}, outdoor_temp_c=-10.0).unit(HEATER)
    assert 200.0 < cold.wanted_w < 700.0


def test_user_and_quiet_limits_hold_back_the_planner_and_say_who():
    desk = Desk(fleet(unit={"quiet_from": "22:00", "quiet_to": "07:00", "quiet_power_w": 200.0}))
    floors = {HEATER: 880.0}
    day = desk.step(floors=floors).unit(HEATER)
    user = desk.step(floors=floors, unit_limits={HEATER: 300.0}).unit(HEATER)
    desk.now = NOW.replace(hour=21, minute=30)  # 22:30 in Paris
    quiet = desk.step(floors=floors)
    desk.now = desk.now.replace(day=6, hour=5, minute=58)
    late = desk.step(floors=floors).unit(HEATER)
    morning = desk.step(120.0, floors=floors).unit(HEATER)
    assert day.target_w == 880.0
    assert (user.target_w, user.limited_by) == (300.0, "user")
    assert (quiet.unit(HEATER).target_w, quiet.unit(HEATER).limited_by) == (200.0, "schedule")
    assert sum(order.cap_w for order in quiet.nodes if order.node_id.startswith("heater")) <= 200.0 + 1e-6
    assert late.target_w == 200.0
    assert morning.target_w == 880.0
    with pytest.raises(InvalidFieldError, match="unit_limits"):
        desk.step(unit_limits={HEATER: -1.0})


def test_a_requests_own_power_bounds_hold():
    desk = Desk()
    desk.room_c = 15.0
    most = desk.step(requests={ROOM: request(ROOM, max_power_w=400.0)}).unit(HEATER)
    assert (most.target_w, most.limited_by) == (400.0, "user")
    least = desk.step(requests={ROOM: request(ROOM, 0.0, kind="power", min_power_w=300.0)}).unit(HEATER)
    some = desk.step(requests={ROOM: request(ROOM, 100.0, kind="power", min_power_w=300.0)}).unit(HEATER)
    assert least.target_w == 0.0, "nothing is asked for"
    assert some.target_w == 300.0


def test_energy_is_spread_evenly_until_its_time_and_ends_when_it_is_there():
    desk = Desk()
    ask = request(ROOM, kind="energy", energy_kwh=2.0, by=NOW + dt.timedelta(hours=4), schedule=constant(0.0))
    meter_j, asked = 0.0, []
    for _ in range(240):
        desk.heater = {"heat_j": meter_j}
        order = desk.step(requests={ROOM: ask}).unit(HEATER)
        asked.append(order.wanted_w)
        meter_j += order.wanted_w * 60.0
    assert asked[0] == pytest.approx(500.0, rel=0.02)
    assert max(asked[:200]) - min(asked[:200]) < 25.0
    assert meter_j / 3.6e6 == pytest.approx(2.0, rel=0.01)
    desk.heater = {"heat_j": meter_j}
    assert desk.step(requests={ROOM: ask}).unit(HEATER).wanted_w == 0.0


def test_heat_that_came_early_for_a_planner_counts():
    desk = Desk()
    ask = request(ROOM, kind="energy", energy_kwh=2.0, by=NOW + dt.timedelta(hours=4), schedule=constant(0.0))
    desk.heater = {"heat_j": 0.0}
    even = desk.step(requests={ROOM: ask}, floors={HEATER: 800.0}).unit(HEATER)
    assert even.target_w == 800.0
    desk.heater = {"heat_j": 1.0 * 3.6e6}
    rest = desk.step(requests={ROOM: ask}).unit(HEATER)
    assert rest.wanted_w == pytest.approx(even.wanted_w / 2, rel=0.02)


def test_backup_keeps_a_guarantee_where_compute_does_not_and_rests_where_it_does():
    view = BackupView(
        now_s=1e9, dt_s=60.0, temp_c=17.5, hottest_c=17.5, level_c=18.0, frost=False, hygiene=False, delivered_share=0.1
    )
    order, memory = step_backup(ZONE, view, BackupMemory())
    assert order is not None
    assert order.on
    assert "18.0" in order.reason
    carried = replace(view, delivered_share=1.0)
    waits, _ = step_backup(ZONE, carried, BackupMemory())
    assert waits is not None
    assert not waits.on
    helps, _ = step_backup(ZONE, carried, BackupMemory(below_s=900.0))
    assert helps is not None
    assert helps.on, "compute was given its time"
    on, _ = step_backup(ZONE, replace(view, now_s=1e9 + 600, temp_c=18.1), memory)
    off, _ = step_backup(ZONE, replace(view, now_s=1e9 + 600, temp_c=18.4), memory)
    assert on is not None
    assert off is not None
    assert (on.on, off.on) == (True, False), "with hysteresis"


def test_backup_keeps_its_least_times_but_not_against_a_limit():
    view = BackupView(
        now_s=1e9, dt_s=60.0, temp_c=40.0, hottest_c=40.0, level_c=42.0, frost=False, hygiene=False, delivered_share=0.0
    )
    _, memory = step_backup(WATER, view, BackupMemory())
    early, kept = step_backup(WATER, replace(view, now_s=1e9 + 60, temp_c=46.0), memory)
    assert early is not None
    assert early.on
    hot, _ = step_backup(WATER, replace(view, now_s=1e9 + 60, hottest_c=74.5), kept)
    assert hot is not None
    assert not hot.on


def test_what_a_backup_holds_is_what_was_promised():
    assert math.isnan(level_of(request(ROOM), 20.0))
    assert level_of(request(ROOM, guaranteed_c=18.0, if_missed="backup"), math.nan) == 18.0
    assert math.isnan(level_of(request(ROOM, guaranteed_c=18.0, if_missed="tell"), math.nan))
    assert level_of(request(ROOM, firm=True), 20.0) == 19.5


def test_a_guarantee_that_is_not_kept_is_told_after_a_quarter_of_an_hour():
    desk = Desk()
    desk.room_c = 17.0
    told = [
        (ROOM, "guarantee-missed") in codes(desk.step(requests={ROOM: request(ROOM, guaranteed_c=18.0)}))
        for _ in range(20)
    ]
    assert told.index(True) in range(14, 17)
    desk.room_c = 18.5
    assert not codes(desk.step(requests={ROOM: request(ROOM, guaranteed_c=18.0)}))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"surface_c": 60.5, "surface_max_c": 60.0}, "surface-hot"),
        ({"return_c": 45.5, "return_max_c": 45.0}, "return-hot"),
        ({"flow_kg_s": 0.01, "min_flow_kg_s": 0.05}, "flow-lost"),
        ({"flow_lost": True}, "flow-lost"),
    ],
)
def test_new_limits_switch_off_and_a_unit_without_the_sensor_is_left_alone(changes, code):
    verdict, _ = guard_unit(senses(**changes), SafetyMemory(), 60.0)
    assert (verdict.trip, verdict.high_w, verdict.code) == (True, 0.0, code)
    unseen = {key: math.nan if not isinstance(value, bool) else False for key, value in changes.items()}
    free, _ = guard_unit(
        senses(**(changes | {k: v for k, v in unseen.items() if "max" not in k})), SafetyMemory(), 60.0
    )
    assert not free.trip


def test_return_limit_fades_before_it_trips():
    verdict, _ = guard_unit(senses(return_c=43.5, return_max_c=45.0), SafetyMemory(), 60.0)
    assert verdict.high_w == pytest.approx(500.0)


def test_lost_flow_rests_ten_minutes_then_is_tried_again_so_that_starts_stay_few():
    memory, trips = SafetyMemory(), []
    for k in range(120):  # a flow switch that chatters every minute for an hour, then holds
        verdict, memory = guard_unit(senses(flow_lost=k % 2 == 0 and k < 60, meter_j=math.nan), memory, 60.0)
        trips.append(verdict.trip)
    assert all(trips[:60])
    assert trips[69:].count(True) <= 1
    assert not trips[-1]


def test_low_flow_without_power_is_no_fault():
    verdict, _ = guard_unit(senses(flow_kg_s=0.0, min_flow_kg_s=0.05, measured_w=0.0), SafetyMemory(), 600.0)
    assert not verdict.trip


def test_agent_reads_flow_surface_and_return_of_its_units_and_tells_alarms():
    desk = Desk(fleet(circuit={"min_flow_kg_s": 0.05, "return_temp_max_c": 50.0}, electrical_limit_w=600.0))
    desk.room_c, desk.tank_c = 15.0, 30.0
    assert ("s", "site-limit") in codes(desk.step())
    desk.boiler, desk.heater = {"flow_kg_s": 0.01}, {"surface_temp_c": 61.0}
    found = {(note.entity_id, note.code): note for note in desk.step().alarms}
    assert found[BOILER, "flow-lost"].severity is Severity.FAULT
    assert found[HEATER, "surface-hot"].severity is Severity.DANGER
    assert all(note.text for note in found.values())


def test_preheat_for_a_rise_that_was_called_off_ends():
    morning = daily(((0, 16.0), (13 * 60 + 30, 21.0), (22 * 60, 16.0)))
    desk = Desk()
    desk.room_c = 17.0
    for _ in range(10):
        order = desk.step(requests={ROOM: request(ROOM, schedule=morning)}).unit(HEATER)
    assert order.setpoint_c == 21.0, "it preheats"
    away = desk.step(requests={ROOM: request(ROOM, 12.0)}).unit(HEATER)
    assert away.setpoint_c == 12.0
    assert away.wanted_w == 0.0


def test_memory_is_json_and_a_killed_agent_goes_on_the_same():
    desk = Desk()
    desk.room_c = 4.5
    desk.step(requests={})
    kept = json.loads(json.dumps(desk.agent.snapshot(), allow_nan=False))
    other = Desk()
    other.agent.restore(kept)
    other.now, desk.room_c, other.room_c = desk.now, 6.0, 6.0
    assert repr(desk.step(requests={})) == repr(other.step(requests={}))
