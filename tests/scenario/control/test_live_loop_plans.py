"""Given the live loop with forecasts, then it plans: ahead of draws, past lost sensors, over restarts."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from ondol.control.demand_log import KEYS
from ondol.control.lessons import Lessons
from ondol.control.record import TickWriter, read_ticks, replay, unpack_view
from ondol.control.work_log import KEY as WORK
from ondol.demo.fleet import demo_fleet
from ondol.drivers.virtual.sensors import FaultySensors
from ondol.model.fleet import Fleet
from ondol.model.ids import SinkId
from ondol.model.view import ServiceClass, View
from ondol.policy.plan.forecasts import plannable
from ondol.policy.plan.outline import Outline
from ondol.thermal.forecast.spans import SPANS_S
from ondol.twin.rehearsal import Rehearsal
from scenario.twin.morning import BEGIN, arrival, morning

NOON = dt.datetime.fromisoformat("2022-01-26T12:00+01:00")


def part_of(fleet: Fleet, site: str, initial_temp_c: float) -> Fleet:
    """One site of a fleet, its sinks at a temperature."""
    units = tuple(unit for unit in fleet.units if unit.site_id == site)
    kept = {unit.id for unit in units}
    return Fleet(
        name=site,
        sites=tuple(one for one in fleet.sites if one.id == site),
        units=units,
        nodes=tuple(node for node in fleet.nodes if node.unit_id in kept),
        sinks=tuple(
            dataclasses.replace(sink, initial_temp_c=initial_temp_c) for sink in fleet.sinks if sink.site_id == site
        ),
        circuits=tuple(circuit for circuit in fleet.circuits if circuit.site_id == site),
        requests=tuple(request for request in fleet.requests if request.site_id == site),
    )


def residence(policy_plans: bool) -> Rehearsal:
    """The residence's tank at noon, with 60 frames that can wait."""
    work = arrival(1, ServiceClass.HARVEST, 60, 3.7, after_s=60)
    task = dataclasses.replace(work.task, created_at=NOON, modified_at=NOON, state_since=NOON)
    fleet = part_of(demo_fleet(), "residence", 42.0)
    rehearsal = Rehearsal(fleet, "follow", [dataclasses.replace(work, task=task)], begin=NOON, tick_s=30.0)
    if not policy_plans:
        rehearsal.loop._world._outlook = None
    return rehearsal


def outline(rehearsal: Rehearsal) -> Outline:
    made = rehearsal.loop.placing._memory.outline
    assert isinstance(made, Outline)
    return made


def view_of(rehearsal: Rehearsal) -> View:
    return rehearsal.loop._world.view(rehearsal.clock.now_s(), rehearsal._sites.orders, rehearsal.works, {})


def tank_c(rehearsal: Rehearsal) -> float:
    return float(np.mean(rehearsal._sites.sinks[SinkId("preheat")].layers_c))


def test_a_tank_is_charged_ahead_of_the_evening_beyond_what_its_thermostat_wants() -> None:
    """Given work and a quiet afternoon, when follow plans, then the tank is above its set-point before the draws."""
    planned, thermostat = residence(policy_plans=True), residence(policy_plans=False)
    for rehearsal in (planned, thermostat):
        rehearsal.run(3 * 3600)
    assert outline(planned).issued_s > 0
    assert outline(thermostat).issued_s == 0
    (unit,) = planned._sites.orders[0].units
    assert unit.wanted_w < 0.5 * unit.target_w, "its thermostat is nearly content, the plan is not"
    assert tank_c(thermostat) < 43.8
    assert tank_c(planned) > tank_c(thermostat) + 1.0
    assert tank_c(planned) < 47.0, "and it ends with the band"


def test_a_lost_sensor_takes_one_sink_out_of_the_plan_and_no_more() -> None:
    """Given the demonstration, when flat 1's thermometer falls silent, then it is planned by its thermostat's want."""
    rehearsal = Rehearsal(demo_fleet(), "follow", morning(), begin=BEGIN)
    sensors = FaultySensors(rehearsal.plant)
    rehearsal._sites._instruments = sensors
    rehearsal.run(1800)
    row = [sink.id for sink in demo_fleet().sinks].index(SinkId("flat-1"))
    assert view_of(rehearsal).sinks.capacity_j[row] > 0.0
    sensors.lost.add(SinkId("flat-1"))
    rehearsal.run(900)
    view = view_of(rehearsal)
    assert plannable(view)
    wanted = next(
        unit.wanted_w for site in rehearsal._sites.orders for unit in site.units if unit.unit_id == "heater-1"
    )
    assert (view.sinks.store_j[row], view.sinks.capacity_j[row]) == (0.0, 0.0)
    assert view.sinks.demand_w[row, 0] == pytest.approx(wanted, abs=1.0)
    others = np.arange(len(view.sinks.ids)) != row
    assert (view.sinks.capacity_j[others] > 0.0).all()
    assert outline(rehearsal).issued_s > rehearsal.clock.now_s() - 900.0
    sensors.lost.clear()
    rehearsal.run(300)
    assert view_of(rehearsal).sinks.capacity_j[row] > 0.0, "it is a store again at once"


def test_views_carry_whole_forecasts_and_replay_to_equal_decisions(tmp_path: Path) -> None:
    record = tmp_path / "ticks.gz"
    rehearsal = Rehearsal(demo_fleet(), "follow", morning(), begin=BEGIN, recorder=TickWriter(record))
    rehearsal.run(1800)
    views = [unpack_view(tick.view) for tick in read_ticks(record)]
    assert len(views) > 30
    for view in views:
        shape = (len(view.sinks.ids), len(SPANS_S))
        assert view.sinks.demand_w.shape == view.sinks.backup_g_per_kwh.shape == shape
        assert plannable(view)
        assert (view.sinks.demand_high_w >= view.sinks.demand_w).all()
        assert (view.sinks.store_j <= view.sinks.capacity_j).all()
        assert view.ahead_grid_g_per_kwh.shape == (len(view.sites.ids), len(SPANS_S))
        assert np.isfinite(view.ahead_work_s).all()
    assert replay(record).differing == ()


def test_what_was_measured_outlives_the_platform_and_what_was_drawn_up_is_drawn_up_anew() -> None:
    """Given three hours of life, when the platform dies and begins again, then it plans, and it knows these hours."""
    rehearsal = residence(policy_plans=True)
    rehearsal.run(3 * 3600 + 600)
    before = rehearsal.outlook._log.readings(rehearsal.clock.now_s())
    assert np.isfinite(before.demand_w).sum() == 3
    rehearsal.restart()
    assert rehearsal.store.document(WORK) is not None
    assert any(rehearsal.store.document(key) for key in KEYS)
    after = rehearsal.outlook._log.readings(rehearsal.clock.now_s())
    assert after.demand_w == pytest.approx(before.demand_w, nan_ok=True, rel=1e-6)
    made = outline(rehearsal).issued_s
    rehearsal.run(1200)
    assert rehearsal.outlook.lesson is not None
    assert outline(rehearsal).issued_s > made


def test_a_part_whose_state_cannot_be_packed_costs_no_row_of_the_ledger(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a policy whose memory cannot be packed, when windows end, then rows and all other states are written."""
    rehearsal = residence(policy_plans=True)

    def broken() -> dict[str, bytes]:
        raise TypeError("no such type")

    monkeypatch.setattr(rehearsal.loop.placing, "documents", broken)
    rehearsal.run(1200)
    rows = list(rehearsal.store.energy())
    begins, ends = {row.start for row in rows}, {row.end for row in rows}
    assert ends - begins == {rehearsal.clock.now()}, "windows follow each other up to now"
    assert begins - ends == {NOON}
    assert rehearsal.store.document(WORK) is not None
    assert rehearsal.store.document("policy.follow") is None
    said = [one.message for one in caplog.records if "could not be packed" in one.message]
    assert len(said) == 1, "it is said once"
    assert said[0].startswith("the policy's memory")


def test_a_fault_in_forecasts_leaves_heat_and_work_to_thermostats(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rehearsal = residence(policy_plans=True)

    def broken(*_: object) -> None:
        raise ValueError("no forecasts today")

    monkeypatch.setattr(Lessons, "draw_up", broken)
    rehearsal.run(1200)
    assert outline(rehearsal).issued_s == 0
    assert any(node.busy_slots for node in rehearsal.loop.node_status())
    assert sum("no new forecasts" in one.message for one in caplog.records) == 1, "it is said once an hour"
