"""The parts of the agent, one by one."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from ondol.agent.authority import Authority, Claim, resolve
from ondol.agent.comfort import comfort_band_c, discomfort_kh
from ondol.agent.orders import NodeStatus, SiteReadings
from ondol.agent.pi import PiGains, step_pi, tune
from ondol.agent.power_caps import SiteShare, share_site_limit, spread_caps
from ondol.agent.preheat import next_rise, plan_preheat
from ondol.agent.safety import SafetyMemory, guard_unit
from ondol.agent.sensor_loss import demand_without_sensor
from ondol.agent.sigma_delta import NodeSeat, SwitchMemory, SwitchRules, choose_hot
from ondol.agent.site_agent import SiteAgent
from ondol.agent.zone_model import ZoneModel
from ondol.drivers.ports import SinkReading
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant, daily
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from unit.agent.senses import senses

NOW = dt.datetime(2026, 1, 5, 3, 0, tzinfo=dt.UTC)
HEATER = Unit(id=UnitId("u"), site_id=SiteId("s"), kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("z"))
ROOM = Zone(id=SinkId("z"), site_id=SiteId("s"), name="Room")


def seat(k: int, *, busy: bool = True, urgency: int = 2) -> NodeSeat:
    return NodeSeat(node_id=NodeId(f"n{k}"), idle_w=10.0, max_w=110.0, reach_w=110.0, busy=busy, urgency=urgency)


def fleet() -> Fleet:
    return Fleet(
        name="f",
        sites=(Site(id=SiteId("s"), name="S"),),
        units=(HEATER,),
        nodes=tuple(Node(id=NodeId(f"n{k}"), unit_id=UnitId("u"), curve=PowerCurve(10.0, 110.0)) for k in range(3)),
        sinks=(ROOM,),
        requests=(HeatRequest(id=RequestId("r"), site_id=SiteId("s"), target_id=SinkId("z"), schedule=constant(20.0)),),
    )


def test_integral_stands_still_where_control_cannot_help():
    gains = PiGains(kp_w_per_k=100.0, ti_s=1000.0)
    common = {"integral_w": 0.0, "feed_forward_w": 0.0, "high_w": 50.0, "dt_s": 60.0}
    saturated = step_pi(gains, error_k=2.0, delivered_share=1.0, **common)
    assert saturated.wanted_w == 50.0
    assert saturated.demand_w == 200.0
    assert saturated.integral_w == 0.0
    no_work = step_pi(gains, error_k=0.2, delivered_share=0.1, **common)
    assert no_work.integral_w == 0.0
    works = step_pi(gains, error_k=0.2, delivered_share=1.0, **common)
    assert works.integral_w == pytest.approx(100.0 * 0.2 * 60.0 / 1000.0)


def test_tuning_follows_simc():
    gains = tune(5e5, 140.0, 950.0)
    assert gains.kp_w_per_k == pytest.approx(5e5 / 1900.0)
    assert gains.ti_s == pytest.approx(5e5 / 140.0)


def test_authorities_rank_from_grid_to_safety():
    claims = [
        Claim(authority=Authority.SAFETY, high_w=100.0, reason="hot"),
        Claim(authority=Authority.GRID, high_w=50.0, reason="peak"),
        Claim(authority=Authority.PLANNER, low_w=400.0, reason="urgent"),
    ]
    verdict = resolve(300.0, claims)
    assert (verdict.power_w, verdict.limited_by, verdict.reason) == (100.0, "safety", "hot")
    assert resolve(300.0, []).limited_by == ""


def test_discomfort_counts_outside_the_band_only():
    assert discomfort_kh(18.0, 19.5, 20.5, 3600.0) == pytest.approx(1.5)
    assert discomfort_kh(21.0, 19.5, 20.5, 1800.0) == pytest.approx(0.25)
    assert discomfort_kh(20.0, 19.5, 20.5, 3600.0) == 0.0
    assert discomfort_kh(math.nan, 19.5, 20.5, 3600.0) == 0.0


def test_a_set_back_is_no_wish_for_cold():
    night = daily(((0, 17.0), (6 * 60, 20.0), (22 * 60, 17.0)))
    assert comfort_band_c(night, NOW, 0.5) == (16.5, 20.5)


def test_next_rise_is_found_to_the_minute():
    schedule = daily(((0, 17.0), (5 * 60 + 40, 20.0), (22 * 60, 17.0)))  # 05:40 in Paris is 04:40 UTC
    assert next_rise(schedule, NOW, 7200.0) == (NOW + dt.timedelta(minutes=100), 20.0)
    assert next_rise(schedule, NOW, 3600.0) is None


def test_preheat_begins_earlier_with_less_power_and_in_the_cold():
    model = ZoneModel(ROOM, [HEATER])
    schedule = daily(((0, 17.0), (7 * 60, 20.0), (22 * 60, 17.0)))

    def lead(power_w, outdoor_c):
        return plan_preheat(
            model,
            np.array([17.0, 16.0, 17.0]),
            schedule=schedule,
            now=NOW + dt.timedelta(hours=1),
            power_w=power_w,
            outdoor_at=lambda _: outdoor_c,
        ).lead_s

    assert 0.0 < lead(2500.0, 5.0) < lead(1800.0, 5.0) < lead(1800.0, -5.0) <= 10_800.0


def test_urgent_and_busy_nodes_are_hot_first():
    seats = (seat(0, busy=False, urgency=9), seat(1), seat(2, urgency=0))
    hot, _ = choose_hot(0.0, 60.0, extra_w=90.0, forced_w=0.0, seats=seats, memory=SwitchMemory(), rules=SwitchRules())
    assert hot == {"n2"}
    caps = spread_caps(30.0 + 90.0, seats, hot)
    assert caps == {"n0": 10.0, "n1": 10.0, "n2": 100.0}


def test_idle_nodes_stand_ready_where_busy_ones_do_not_suffice():
    seats = (seat(0), seat(1, busy=False, urgency=9), seat(2, busy=False, urgency=9))
    hot, _ = choose_hot(0.0, 60.0, extra_w=150.0, forced_w=0.0, seats=seats, memory=SwitchMemory(), rules=SwitchRules())
    assert hot == {"n0", "n1"}


def test_held_node_rests_its_time_unless_work_cannot_wait():
    rules = SwitchRules(min_on_s=0.0)
    memory = SwitchMemory(held_since_s={NodeId("n0"): 1000.0})
    common = {"seats": (seat(0),), "memory": memory, "rules": rules, "extra_w": 100.0}
    waits, _ = choose_hot(1300.0, 60.0, forced_w=0.0, **common)
    forced, after = choose_hot(1300.0, 60.0, forced_w=50.0, **common)
    assert waits == frozenset()
    assert forced == {"n0"}
    assert after.restarts_s == (1300.0,)


def test_site_limit_serves_idle_then_urgent_then_priority():
    shares = [
        SiteShare(unit_id=UnitId("a"), idle_w=50.0, urgent_w=0.0, target_w=500.0, priority=10),
        SiteShare(unit_id=UnitId("b"), idle_w=50.0, urgent_w=0.0, target_w=500.0, priority=50),
        SiteShare(unit_id=UnitId("c"), idle_w=50.0, urgent_w=300.0, target_w=300.0, priority=0),
    ]
    assert share_site_limit(600.0, shares) == {"a": 50.0, "b": 250.0, "c": 300.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"hottest_c": 27.0},
        {"loop_c": 65.0},
        {"flow_lost": True},
        {"silent_s": 700.0},
    ],
)
def test_every_hard_limit_switches_off(changes):
    verdict, _ = guard_unit(senses(**changes), SafetyMemory(), 60.0)
    assert verdict.trip
    assert verdict.high_w == 0.0
    assert verdict.reason


def test_trip_is_kept_until_it_has_cooled():
    _, memory = guard_unit(senses(loop_c=66.0), SafetyMemory(), 60.0)
    still, memory = guard_unit(senses(loop_c=63.0), memory, 60.0)
    free, _ = guard_unit(senses(loop_c=61.9), memory, 60.0)
    assert still.trip
    assert not free.trip


def test_power_fades_towards_the_hard_limit():
    verdict, _ = guard_unit(senses(ahead_c=25.5), SafetyMemory(), 60.0)
    assert verdict.high_w == pytest.approx(500.0)


def test_heat_meter_that_stands_still_is_flow_loss():
    memory, seen = SafetyMemory(), []
    for _ in range(8):
        verdict, memory = guard_unit(senses(loop_c=50.0), memory, 60.0)
        seen.append(verdict.trip)
    assert seen[0] is False
    assert seen[-1] is True


def test_without_a_sensor_hold_then_weather_then_safe_minimum():
    common = {"last_w": 500.0, "safe_w": 200.0}
    assert demand_without_sensor(300.0, open_loop_w=350.0, **common).heat_w == 500.0
    assert demand_without_sensor(900.0, open_loop_w=350.0, **common).heat_w == 350.0
    assert demand_without_sensor(900.0, open_loop_w=None, **common).heat_w == 500.0
    last = demand_without_sensor(math.inf, open_loop_w=None, **common)
    assert (last.heat_w, last.floors) == (200.0, False)


def test_agent_refuses_time_that_goes_back_and_floors_that_are_no_power():
    with pytest.raises(NotFoundError):
        SiteAgent(fleet(), SiteId("elsewhere"))
    agent = SiteAgent(fleet(), SiteId("s"))
    silent = SiteReadings(sinks=(), units=())
    agent.step(NOW, readings=silent, nodes=())
    with pytest.raises(InvalidFieldError, match="last step"):
        agent.step(NOW - dt.timedelta(seconds=1), readings=silent, nodes=())
    with pytest.raises(InvalidFieldError, match="watts"):
        agent.step(NOW, readings=silent, nodes=(), floors={UnitId("u"): math.nan})
    with pytest.raises(InvalidFieldError, match="snapshot"):
        agent.restore({"stepped_s": "yesterday"})


def test_nonsense_readings_count_as_lost():
    agent = SiteAgent(fleet(), SiteId("s"))
    reading = SinkReading(sink_id=SinkId("z"), measured_at=NOW, temp_c=math.nan)
    orders = agent.step(NOW, readings=SiteReadings(sinks=(reading,), units=()), nodes=(), outdoor_temp_c=0.0)
    unit = orders.unit(UnitId("u"))
    assert math.isnan(unit.temp_c)
    assert unit.wanted_w > 0.0
    assert "weather" in unit.reason


def test_cold_room_wants_all_and_tells_what_it_would_take():
    agent = SiteAgent(fleet(), SiteId("s"))
    reading = SinkReading(sink_id=SinkId("z"), measured_at=NOW, temp_c=15.0)
    statuses = tuple(NodeStatus(node_id=NodeId(f"n{k}"), power_w=10.0) for k in range(3))
    orders = agent.step(NOW, readings=SiteReadings(sinks=(reading,), units=()), nodes=statuses, outdoor_temp_c=0.0)
    unit = orders.unit(UnitId("u"))
    assert unit.wanted_w == pytest.approx(330.0)
    assert unit.demand_w > unit.wanted_w
    assert unit.room_j > 0
    assert len(unit.wanted_ahead_w) == 8
    assert all(order.accepts and order.cap_w == 110.0 for order in orders.nodes)
