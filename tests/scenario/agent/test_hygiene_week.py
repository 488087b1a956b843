"""A stratified tank under its hygiene rule: compute runs the cycle, or the backup does, always in time."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise

import pytest

from ondol.agent.site_agent import SiteAgent
from ondol.model.fleet import Fleet
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import CircuitId, NodeId, RequestId, SinkId, SiteId, UnitId
from ondol.model.power import PowerCurve
from ondol.model.schedule import constant
from ondol.model.sink import Tank
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

START = dt.datetime(2026, 1, 5, 0, 0, tzinfo=dt.UTC)
HOME, TANK, BOILER = SiteId("home"), SinkId("tank"), UnitId("boiler")


def tank_fleet(*, loop_max_c: float, backup_w: float) -> Fleet:
    return Fleet(
        name="tank",
        sites=(Site(id=HOME, name="Home"),),
        units=(
            Unit(
                id=BOILER,
                site_id=HOME,
                kind=UnitKind.DIGITAL_BOILER,
                circuit_id=CircuitId("c"),
                capture_fraction=0.97,
                heat_capacity_j_per_k=6e4,
                loop_temp_max_c=loop_max_c,
            ),
        ),
        nodes=tuple(
            Node(id=NodeId(f"n{k}"), unit_id=BOILER, curve=PowerCurve(idle_w=30.0, max_w=750.0)) for k in range(8)
        ),
        sinks=(
            Tank(
                id=TANK,
                site_id=HOME,
                name="Tank",
                initial_temp_c=40.0,
                hygiene="fr-2005",
                backup_kind="electric" if backup_w else "none",
                backup_power_w=backup_w,
            ),
        ),
        circuits=(
            HeatCircuit(
                id=CircuitId("c"),
                site_id=HOME,
                kind="dhw",
                sink_id=TANK,
                exchanger_ua_w_per_k=3000.0,
                flow_kg_s=0.3,
            ),
        ),
        requests=(HeatRequest(id=RequestId("r"), site_id=HOME, target_id=TANK, schedule=constant(45.0), band_k=6.0),),
    )


def live(closed_loop, january, fleet: Fleet, hours: float, *, work: bool, restart_at_h: float = 0.0):
    """Days with 800 L of draws; the orders, and the plant's own coldest layer, once a minute."""
    loop = closed_loop(fleet, january(draw_l_per_day=800.0), START, noise_k=0.05)
    if not work:
        loop.busy = lambda _now, _node: None
    orders, coldest_c, crank = [], [], loop.crank

    def crank_with_backup():
        told = crank()
        on = {order.sink_id: loop.fleet.sink(order.sink_id).backup_power_w for order in told.backups if order.on}
        loop.plant.heat_sinks(on)
        orders.append(told)
        coldest_c.append(min(loop.plant.sinks()[0].layers_c))
        if restart_at_h and len(orders) == int(restart_at_h * 60):  # killed: a new one goes on from what was kept
            kept = json.loads(json.dumps(loop.agent.snapshot(), allow_nan=False))
            loop.agent = SiteAgent(fleet, HOME)
            loop.agent.restore(kept)
        return told

    loop.crank = crank_with_backup
    loop.run(hours)
    return orders, coldest_c


def kept_in_every_day(coldest_c: list[float]) -> bool:
    """Whether each 24 h from the start of the trace have 60 min at 60 °C, in truth."""
    hot = [temp_c >= 60.0 for temp_c in coldest_c]
    return all(sum(hot[k : k + 1440]) >= 60 for k in range(0, len(hot) - 1440 + 1, 15))


@pytest.mark.parametrize(
    ("loop_max_c", "backup_w", "work"), [(80.0, 0.0, True), (65.0, 6000.0, True), (80.0, 6000.0, False)]
)
def test_the_rule_is_kept_every_day_by_whoever_can(closed_loop, january, loop_max_c, backup_w, work):
    fleet = tank_fleet(loop_max_c=loop_max_c, backup_w=backup_w)
    orders, coldest_c = live(closed_loop, january, fleet, 60.0, work=work, restart_at_h=17.0)
    cycles = sum(a.hygiene[0].cycle == "planned" and b.hygiene[0].cycle == "running" for a, b in pairwise(orders))
    backup_h = sum(order.on for told in orders for order in told.backups) / 60
    print(f"loop {loop_max_c} backup {backup_w} work {work}: {cycles} cycles, backup {backup_h:.1f} h")
    assert all(told.hygiene[0].kept for told in orders)
    assert kept_in_every_day(coldest_c)
    assert cycles <= 4
    assert not any(note.code == "hygiene-missed" for told in orders for note in told.alarms)
    if not work:
        assert any(order.on for told in orders for order in told.backups)
        assert any(note.code == "hygiene-due" for told in orders for note in told.alarms)


def test_no_work_and_no_backup_is_told_as_danger(closed_loop, january):
    orders, _ = live(closed_loop, january, tank_fleet(loop_max_c=80.0, backup_w=0.0), 26.0, work=False)
    last = {note.code: note for note in orders[-1].alarms}
    assert not orders[-1].hygiene[0].kept
    assert last["hygiene-missed"].severity.name == "DANGER"
    assert any("hygiene-due" in {note.code for note in told.alarms} for told in orders)


def test_a_user_who_allows_nothing_does_not_stop_the_cycle(closed_loop, january):
    loop = closed_loop(tank_fleet(loop_max_c=80.0, backup_w=0.0), january(draw_l_per_day=800.0), START)
    step = loop.agent.step
    loop.agent.step = lambda now, **told: step(now, **told, unit_limits={BOILER: 300.0})
    trace = loop.run(24.0)
    running = [told.unit(BOILER) for told in trace.orders if told.hygiene[0].cycle == "running"]
    waiting = [told.unit(BOILER) for told in trace.orders if told.hygiene[0].cycle == "planned"]
    assert max(unit.target_w for unit in running) > 5000.0
    assert max(unit.target_w for unit in waiting) <= 300.0
