"""Given parts of the check of the twin against the platform, then each holds what the comparison rests on."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.control.clock import LeapingClock
from ondol.engine.ports import EndCause, LaunchOrder, RunState
from ondol.model.decision import Pause, SetPower, Start, Stop, Wait
from ondol.model.errors import ConflictError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import AttemptId, InstanceId, NodeId, UnitId
from ondol.model.site import UnitKind
from ondol.model.view import ServiceClass
from ondol.twin.layout import lay_out
from ondol.twin.same.acts import Act, Diary, first_difference
from ondol.twin.same.fleet_of import fleet_of
from ondol.twin.same.levelled import GRAIN_S, level, level_work
from ondol.twin.same.machines_engine import MachinesEngine
from ondol.twin.same.platform_life import job_of, row_of, task_id
from ondol.twin.speed import speed_at
from unit.twin.small_fleets import fleet, jobs_of, pool, room, tank, unit, work


@given(st.integers(1, 60), st.integers(0, 10_000), st.floats(100.0, 1e5))
def test_levelled_work_lies_on_the_grain_and_loses_no_urgency(count: int, seed: int, span_s: float) -> None:
    trace = work(count, span_s, seed)
    levelled, notes = level_work(trace, span_s)
    jobs = levelled.jobs
    for column in (jobs.submitted_s, jobs.run_s, jobs.deadline_s[np.isfinite(jobs.deadline_s)]):
        assert np.array_equal(column % GRAIN_S, np.zeros(len(column)))
    assert (jobs.submitted_s < span_s).all()
    assert (jobs.run_s >= GRAIN_S).all()
    kept = np.ceil(trace.jobs.submitted_s / GRAIN_S) * GRAIN_S < span_s
    assert np.array_equal(jobs.service, trace.jobs.service[kept])
    assert np.array_equal(np.isfinite(jobs.deadline_s), np.isfinite(trace.jobs.deadline_s[kept]))
    again, more = level_work(levelled, span_s)
    assert np.array_equal(again.jobs.run_s, jobs.run_s)
    assert more == ()
    assert all(isinstance(words, str) for words in notes)


def test_a_levelled_scenario_says_what_was_changed_and_stays_as_it_is() -> None:
    scenario = fleet(room(), tank(), place_s=150.0)
    levelled, notes = level(scenario)
    assert "the policy is asked at every event" in notes
    assert "nodes are never switched off" in notes
    assert level(levelled) == (levelled, ())
    spec = levelled.site[0].sink[0].unit[0]
    assert (spec.boot_s, spec.off_after_s, spec.off_w) == (0.0, math.inf, spec.idle_w)


def test_the_platforms_fleet_has_the_rows_of_the_twins() -> None:
    scenario, _ = level(fleet(room(setback_c=17.0, unit=(unit(count=2),)), tank(), pool()))
    layout = lay_out(scenario)
    told = fleet_of(scenario, layout)
    assert tuple(node.id for node in told.nodes) == layout.node_ids
    assert tuple(one.id for one in told.units) == layout.unit_ids
    assert tuple(sink.id for sink in told.sinks) == layout.sink_ids
    assert [one.kind is UnitKind.SERVER_RACK for one in told.units] == [not heats for heats in layout.heats]
    for row, node in enumerate(told.nodes):
        assert (node.slots, node.curve.idle_w, node.curve.max_w) == (
            layout.node_slots[row],
            layout.node_idle_w[row],
            layout.node_max_w[row],
        )
    heaters = [one for one in told.units if one.zone_id is not None]
    spec = room()
    assert sum(one.shell_ua_w_per_k for one in heaters) == pytest.approx(spec.shell_ua_w_per_k)
    wish = next(request for request in told.requests if request.target_id.endswith("room"))
    assert {slot.value for slot in wish.schedule.slots} == {17.0, spec.setpoint_c}


@pytest.fixture
def one_room() -> Fleet:
    scenario, _ = level(fleet(room(unit=(unit(nodes=2, slots=2, idle_w=20.0, max_w=120.0),))))
    return fleet_of(scenario, lay_out(scenario))


def order(name: str, node: str, cores: float = 1.0) -> LaunchOrder:
    where = Path("/nonexistent")
    return LaunchOrder(attempt_id=AttemptId(name), node_id=NodeId(node), argv=("x",), job_dir=where, host_cores=cores)


def engine_of(fleet: Fleet, work_s: Callable[[LaunchOrder], float]) -> tuple[MachinesEngine, LeapingClock, str]:
    clock = LeapingClock(1000.0)
    return MachinesEngine(fleet, clock.now_s, work_s), clock, fleet.nodes_of(fleet.units[0].id)[0].id


def test_work_ends_at_its_moment_and_its_node_is_metered(one_room: Fleet) -> None:
    engine, clock, node = engine_of(one_room, lambda _: 300.0)
    engine.launch(order("a", node))
    assert engine.news
    assert engine.next_end_s == 1300.0
    clock.leap(400.0)
    (report,) = engine.poll()
    assert (report.state, report.cause, report.exit_code) == (RunState.ENDED, EndCause.EXITED, 0)
    assert (report.ended_at_s, report.cpu_s) == (1300.0, 300.0)
    drawn = {energy.node_id: energy.energy_j for energy in engine.sample(clock.now_s(), {})}
    assert drawn[NodeId(node)] == pytest.approx(400.0 * 20.0 + 300.0 * 50.0)
    assert sum(drawn.values()) > drawn[NodeId(node)], "idle nodes draw, too"
    assert engine.sample(clock.now_s(), {}) == ()
    engine.release(AttemptId("a"))
    with pytest.raises(NotFoundError):
        engine.pause(AttemptId("a"))


@given(st.floats(0.05, 1.0))
def test_under_a_cap_work_is_as_slow_as_in_the_twin(cores: float) -> None:
    scenario, _ = level(fleet(room(unit=(unit(nodes=1, slots=1, idle_w=20.0, max_w=120.0),))))
    engine, clock, node = engine_of(fleet_of(scenario, lay_out(scenario)), lambda _: math.inf)
    engine.launch(order("a", node))
    engine.limit_cpu(AttemptId("a"), cores)
    clock.leap(100.0)
    (report,) = engine.poll()
    drawn = next(iter(energy for energy in engine.sample(clock.now_s(), {}) if energy.node_id == node))
    share = (drawn.power_w - 20.0) / 100.0
    assert report.cpu_s == pytest.approx(100.0 * speed_at(share))
    assert drawn.load == pytest.approx(cores)
    assert engine.next_end_s == math.inf


def test_a_stop_takes_its_time_and_frozen_work_stands_still(one_room: Fleet) -> None:
    engine, clock, node = engine_of(one_room, lambda _: 1000.0)
    engine.launch(order("a", node))
    engine.launch(order("b", node))
    clock.leap(50.0)
    engine.pause(AttemptId("a"))
    engine.stop(AttemptId("b"), 5.0)
    assert engine.next_end_s == clock.now_s() + 10.0
    with pytest.raises(ConflictError, match="has not ended"):
        engine.release(AttemptId("b"))
    clock.leap(10.0)
    frozen, stopped = engine.poll()
    assert (frozen.state, frozen.cpu_s) == (RunState.PAUSED, 50.0)
    assert (stopped.state, stopped.cause, stopped.exit_code, stopped.cpu_s) == (
        RunState.ENDED,
        EndCause.STOPPED,
        None,
        50.0,
    )
    engine.resume(AttemptId("a"))
    assert engine.next_end_s == clock.now_s() + 950.0


def test_ids_say_the_order_of_the_work() -> None:
    ids = [task_id(row) for row in (0, 9, 10, 123_456)]
    assert ids == sorted(ids)
    assert [row_of(one) for one in ids] == [0, 9, 10, 123_456]
    assert job_of(f"{ids[2]}/000000") == 10


def test_a_diary_tells_where_two_lives_part() -> None:
    one, other = Diary(1000.0, int), Diary(1000.0, int)
    start = Start(InstanceId("3"), NodeId("n"), "why")
    floor = SetPower(UnitId("u"), 200.0, "why")
    one.note(1060.0, (start, floor, Wait((InstanceId("4"),), "no slot")))
    other.note(1060.0, (start,))
    other.note(1060.0000001, (floor,))
    assert first_difference(one.acts, other.acts) is None
    assert one.moments == other.moments == [60.0]
    assert first_difference(one.floors_at([60.0]), other.floors_at([60.0])) is None
    one.note(1090.0, (Stop(InstanceId("3"), "late"),))
    other.note(1090.0, (Pause(InstanceId("3"), "late"),))
    found = first_difference(one.acts, other.acts)
    assert found is not None
    assert (found.place, found.twin, found.platform) == (1, Act(90.0, "Stop", 3), Act(90.0, "Pause", 3))
    assert str(found) == "the twin: 90 s: stop of job 3; the platform: 90 s: pause of job 3 (1 are equal before)"
    assert [str(one) for one in one.floors_at([60.0, 90.0])] == ["60 s: at least 200 W in u", "90 s: at least 0 W in u"]


def test_jobs_of_several_instances_become_tasks_of_their_own() -> None:
    trace = jobs_of((0.0, 60.0), (0.0, 60.0), service=ServiceClass.HARVEST, task=np.array([0, 0]))
    levelled, notes = level_work(trace, 3600.0)
    assert levelled.jobs.task.tolist() == [0, 1]
    assert notes == ("each instance is a task of its own",)
