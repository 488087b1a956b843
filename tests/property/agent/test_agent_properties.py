"""What must hold for whatever an agent is told."""

from __future__ import annotations

import datetime as dt
import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.orders import NodeStatus, SiteReadings
from ondol.agent.power_caps import SiteShare, share_site_limit, spread_caps
from ondol.agent.sigma_delta import NodeSeat, SwitchMemory, SwitchRules, choose_hot
from ondol.agent.site_agent import SiteAgent
from ondol.drivers.ports import SinkReading, UnitReading
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import daily
from ondol.model.sink import Zone
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.model.view import ServiceClass

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
S, Z, U, R = SiteId("s"), SinkId("z"), UnitId("u"), UnitId("rack")
FLEET = Fleet(
    name="f",
    sites=(Site(id=S, name="S", electrical_limit_w=900.0),),
    units=(
        Unit(id=U, site_id=S, kind=UnitKind.DIGITAL_HEATER, zone_id=Z),
        Unit(id=R, site_id=S, kind=UnitKind.SERVER_RACK),
    ),
    nodes=(
        *(Node(id=NodeId(f"n{k}"), unit_id=U, curve=PowerCurve(20.0, 200.0)) for k in range(3)),
        *(Node(id=NodeId(f"r{k}"), unit_id=R, curve=PowerCurve(50.0, 300.0)) for k in range(2)),
    ),
    sinks=(Zone(id=Z, site_id=S, name="Z"),),
    requests=(
        HeatRequest(id=RequestId("q"), site_id=S, target_id=Z, schedule=daily(((0, 17.0), (360, 20.0), (1320, 17.0)))),
    ),
)

ticks = st.lists(
    st.fixed_dictionaries(
        {
            "dt_s": st.floats(0.0, 4000.0),
            "temp_c": st.one_of(st.none(), st.floats(-20.0, 45.0), st.just(math.nan)),
            "loop_c": st.one_of(st.none(), st.floats(-20.0, 100.0)),
            "outdoor_c": st.one_of(st.none(), st.floats(-30.0, 40.0)),
            "busy": st.lists(st.booleans(), min_size=5, max_size=5),
            "power": st.lists(st.floats(0.0, 300.0), min_size=5, max_size=5),
            "floor_w": st.floats(0.0, 2000.0),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(ticks)
def test_orders_are_sane_whatever_is_read(told):
    agent, now = SiteAgent(FLEET, S), NOW
    for tick in told:
        now += dt.timedelta(seconds=tick["dt_s"])
        sinks = () if tick["temp_c"] is None else (SinkReading(sink_id=Z, measured_at=now, temp_c=tick["temp_c"]),)
        units = ()
        if tick["loop_c"] is not None:
            units = (UnitReading(unit_id=U, measured_at=now, heat_j=0.0, loop_temp_c=tick["loop_c"]),)
        statuses = tuple(
            NodeStatus(
                node_id=node.id, power_w=power, busy_slots=int(busy), service=ServiceClass.HARVEST if busy else None
            )
            for node, power, busy in zip(FLEET.nodes, tick["power"], tick["busy"], strict=True)
        )
        # a second agent that was killed before this step must say the same
        twin = SiteAgent(FLEET, S)
        twin.restore(json.loads(json.dumps(agent.snapshot(), allow_nan=False)))
        told_now = {
            "readings": SiteReadings(sinks=sinks, units=units),
            "nodes": statuses,
            "floors": {U: tick["floor_w"], R: tick["floor_w"]},
            "outdoor_temp_c": tick["outdoor_c"],
        }
        orders = agent.step(now, **told_now)
        assert repr(orders) == repr(twin.step(now, **told_now))
        unit = orders.unit(U)
        assert 0.0 <= unit.wanted_w <= 600.0
        assert unit.demand_w >= unit.wanted_w - 1e-6
        assert all(math.isfinite(w) and 0.0 <= w <= 600.0 for w in unit.wanted_ahead_w)
        assert unit.room_j >= 0.0
        assert sum(order.target_w for order in orders.units) <= 900.0 + 1e-6
        too_hot = tick["temp_c"] is not None and tick["temp_c"] >= 27.0
        if too_hot or (tick["loop_c"] is not None and tick["loop_c"] >= 65.0):
            assert unit.safety
            assert all(orders.node(NodeId(f"n{k}")).cap_w == 0.0 for k in range(3))
        for order in orders.nodes:
            curve = FLEET.node(order.node_id).curve
            assert order.cap_w == 0.0 or curve.idle_w <= order.cap_w <= curve.max_w


seats_of = st.lists(
    st.tuples(st.floats(1.0, 50.0), st.floats(60.0, 300.0), st.booleans(), st.integers(0, 3)), min_size=1, max_size=8
).map(
    lambda rows: tuple(
        NodeSeat(node_id=NodeId(f"n{k}"), idle_w=low, max_w=high, reach_w=high, busy=busy, urgency=rank if busy else 9)
        for k, (low, high, busy, rank) in enumerate(rows)
    )
)


@given(seats_of, st.floats(0.0, 3000.0))
def test_caps_of_busy_nodes_never_pass_the_target(seats, target_w):
    idle_w = sum(seat.idle_w for seat in seats)
    hot, _ = choose_hot(
        0.0, 60.0, extra_w=target_w - idle_w, forced_w=0.0, seats=seats, memory=SwitchMemory(), rules=SwitchRules()
    )
    caps = spread_caps(target_w, seats, hot)
    drawn_w = sum(caps[seat.node_id] if seat.busy else seat.idle_w for seat in seats)
    assert drawn_w <= max(target_w, idle_w) + 1e-6


@given(seats_of, st.lists(st.tuples(st.floats(1.0, 120.0), st.floats(-100.0, 1500.0)), min_size=2, max_size=80))
def test_whole_nodes_keep_their_least_times_and_restarts(seats, asks):
    rules = SwitchRules(partial=False)
    now_s, memory, changed, restarts = 0.0, SwitchMemory(), {}, []
    before: frozenset[NodeId] = frozenset()
    for dt_s, extra_w in asks:
        now_s += dt_s
        hot, memory = choose_hot(now_s, dt_s, extra_w=extra_w, forced_w=0.0, seats=seats, memory=memory, rules=rules)
        for seat in seats:
            if seat.busy and (seat.node_id in hot) != (seat.node_id in before):
                if seat.node_id in changed:
                    assert now_s - changed[seat.node_id] >= 600.0 - 1e-6
                    if seat.node_id in hot:
                        restarts.append(now_s)
                changed[seat.node_id] = now_s
        before = hot
        assert sum(now_s - 3600.0 < at for at in restarts) <= 6


@given(
    st.floats(100.0, 5000.0),
    st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 500.0), st.floats(20.0, 900.0)), min_size=1, max_size=5),
)
def test_site_limit_is_never_passed(limit_w, rows):
    shares = [
        SiteShare(unit_id=UnitId(f"u{k}"), idle_w=idle, urgent_w=min(urgent, target), target_w=target, priority=k % 2)
        for k, (idle, urgent, target) in enumerate(rows)
    ]
    granted = share_site_limit(limit_w, shares)
    assert sum(granted.values()) <= limit_w + 1e-6
    assert all(granted[share.unit_id] <= max(share.target_w, share.idle_w) + 1e-6 for share in shares)
