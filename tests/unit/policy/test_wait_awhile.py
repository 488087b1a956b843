"""Wait-awhile: work that may wait takes the cleanest power before its deadline, wherever a slot is free."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ondol.model.decision import Pause, Resume, SetPower, Stop, Wait
from ondol.model.view import Phase, ServiceClass
from ondol.policy.carbon import CarbonCurve, best_window_is_now, carbon_curve, now_is_among_lowest
from ondol.policy.wait_awhile import WaitAwhile
from unit.policy.views import NOW_S, STEP_S, UnitRow, WorkRow, World, of_kind, started

OD, FLEX, HARVEST, FILLER = ServiceClass
HOUR_S = 3600.0
DIRTY_THEN_CLEAN = [300.0, 300.0, 300.0, 300.0, 50.0, 50.0, 300.0, 300.0]  # quarters of an hour
ALWAYS = NOW_S + 24 * HOUR_S


def decide(world: World):
    return WaitAwhile().decide(world.view(), WaitAwhile().fresh())[0]


def one(work: WorkRow, grid: list[float]) -> World:
    return World([UnitRow("a")], [work], grid={"home": grid})


def test_non_interrupting_waits_for_the_cleanest_window_before_the_deadline():
    world = one(WorkRow("j", deadline_s=ALWAYS, expected_s=1800.0), DIRTY_THEN_CLEAN)
    decision = decide(world)
    assert started(decision) == {}
    assert "cleaner power is to come before they must start: 300 g/kWh now" in of_kind(decision, Wait)[0].reason
    world.now_s += 3600.0
    world.grid["home"] = DIRTY_THEN_CLEAN[4:]
    decision = decide(world)
    assert started(decision) == {"j": "a-n0"}
    assert "50 g/kWh now, and no start before 13 Jan" in decision[0].reason
    assert [p.power_w for p in of_kind(decision, SetPower)] == [450.0]


def test_a_deadline_before_the_clean_window_leaves_now():
    latest_s = (
        NOW_S + 2600.0
    )  # the last step in which it may start; its half hour from there ends before power is clean
    early = WorkRow("j", deadline_s=latest_s + 1.3 * 1800.0 + 600.0, expected_s=1800.0)
    assert started(decide(one(early, DIRTY_THEN_CLEAN))) == {"j": "a-n0"}
    early.deadline_s += 1000.0
    assert started(decide(one(early, DIRTY_THEN_CLEAN))) == {}


def test_a_long_run_counts_its_whole_window_not_its_first_step():
    """The dip is short: a run of two hours is cleaner if it begins now and has it in its middle."""
    grid = [100.0, 100.0, 100.0, 100.0, 90.0, 100.0, 100.0, 100.0]
    short = WorkRow("j", deadline_s=ALWAYS, expected_s=900.0)
    assert started(decide(one(short, grid))) == {}
    short.expected_s = 7200.0
    assert started(decide(one(short, grid))) == {"j": "a-n0"}


def test_interrupting_takes_the_lowest_steps_and_pauses_in_between():
    grid = [100.0, 300.0, 50.0, 300.0, 300.0, 300.0, 300.0, 300.0]
    work = WorkRow("j", deadline_s=ALWAYS, expected_s=1300.0, resumable=True)  # times 1.3: between one and two steps
    world = one(work, grid)
    assert started(decide(world)) == {"j": "a-n0"}
    work.phase, work.node = Phase.RUNNING, "a-n0"
    world.now_s += STEP_S
    world.grid["home"] = grid[1:]
    work.done_s = 900.0
    assert [p.instance_id for p in of_kind(decide(world), Pause)] == ["j"]
    work.phase = Phase.PAUSED
    assert of_kind(decide(world), Resume) == of_kind(decide(world), SetPower) == []
    world.now_s += STEP_S
    world.grid["home"] = grid[2:]
    decision = decide(world)
    assert [r.instance_id for r in of_kind(decision, Resume)] == ["j"]
    assert len(of_kind(decision, SetPower)) == 1


def test_non_resumable_flex_is_never_interrupted():
    running = WorkRow("j", FLEX, Phase.RUNNING, "a-n0", deadline_s=ALWAYS)
    assert of_kind(decide(one(running, DIRTY_THEN_CLEAN)), Pause) == []
    running.phase = Phase.PAUSED
    assert len(of_kind(decide(one(running, DIRTY_THEN_CLEAN)), Resume)) == 1


def test_flex_without_deadline_and_on_demand_start_at_once():
    world = World([UnitRow("a", slots=(3,))], [WorkRow("x"), WorkRow("o", OD)], grid={"home": DIRTY_THEN_CLEAN})
    assert started(decide(world)) == {"o": "a-n0", "x": "a-n0"}


@pytest.mark.parametrize("kind", [HARVEST, FILLER])
def test_harvest_runs_while_power_is_not_above_the_mean(kind):
    assert started(decide(one(WorkRow("h", kind), DIRTY_THEN_CLEAN))) == {}
    assert started(decide(one(WorkRow("h", kind), DIRTY_THEN_CLEAN[4:]))) == {"h": "a-n0"}
    assert started(decide(one(WorkRow("h", kind), [80.0] * 8))) == {"h": "a-n0"}
    running = WorkRow("h", kind, Phase.RUNNING, "a-n0")
    assert len(of_kind(decide(one(running, DIRTY_THEN_CLEAN)), Pause)) == 1


def exactly(world: World):
    return WaitAwhile(knows_run_times=True).decide(world.view(), WaitAwhile().fresh())[0]


def test_who_knows_run_times_waits_for_the_very_last_window_and_keeps_no_margin():
    clean_at_the_end = [300.0] * 6 + [50.0] * 2
    work = WorkRow("j", deadline_s=NOW_S + 8 * STEP_S, expected_s=2 * STEP_S)
    world = one(work, clean_at_the_end)
    assert started(exactly(world)) == {}
    world.now_s, world.grid["home"] = NOW_S + 4 * STEP_S, clean_at_the_end[4:]
    assert started(decide(world)) == {"j": "a-n0"}, "with margins it is pressing by now"
    assert started(exactly(world)) == {}
    world.now_s, world.grid["home"] = NOW_S + 6 * STEP_S, clean_at_the_end[6:]
    assert started(exactly(world)) == {"j": "a-n0"}


@pytest.mark.parametrize(("quarters_done", "goes_on"), [(7, True), (9, False)])
def test_who_knows_run_times_counts_what_is_left_to_the_end(quarters_done, goes_on):
    """Two quarters are cleaner than the present one: with three to go it is needed, with one it is not."""
    work = WorkRow("j", FLEX, Phase.RUNNING, "a-n0", deadline_s=ALWAYS, expected_s=10 * STEP_S, resumable=True)
    work.done_s = quarters_done * STEP_S
    world = one(work, [80.0, 50.0, 60.0, 300.0, 300.0, 300.0, 300.0, 300.0])
    assert (of_kind(exactly(world), Pause) == []) is goes_on


def test_paused_work_that_loses_nothing_gives_its_slot_to_work_whose_time_has_come():
    paused = WorkRow("p", FLEX, Phase.PAUSED, "a-n0", deadline_s=ALWAYS, resumable=True)
    world = World([UnitRow("a")], [paused, WorkRow("o", OD)], grid={"home": DIRTY_THEN_CLEAN})
    assert [s.instance_id for s in of_kind(decide(world), Stop)] == ["p"]
    world.work[1] = WorkRow("x", deadline_s=ALWAYS)  # waits too
    assert of_kind(decide(world), Stop) == []


def test_the_first_node_is_taken_whatever_its_heat():
    units = [UnitRow("a", temp_c=25.0), UnitRow("b", wanted_w=450.0, temp_c=15.0)]
    assert started(decide(World(units, [WorkRow("o", OD)]))) == {"o": "a-n0"}


def test_the_long_forecast_goes_before_the_sites_steps():
    world = one(WorkRow("j", deadline_s=ALWAYS), [50.0] * 8)
    world.ahead_s, world.ahead_grid = [300.0, 900.0], {"home": [80.0, 20.0]}
    curve = carbon_curve(world.view())
    assert (curve.edge_s.tolist(), curve.g_per_kwh.tolist()) == ([0.0, 300.0, 1200.0], [80.0, 20.0])
    assert curve.mean_g_per_kwh == 35.0
    assert started(decide(world)) == {}


def test_the_curve_weighs_sites_by_slots_and_passes_over_gaps():
    world = World([UnitRow("a", site="s"), UnitRow("b", site="t", slots=(3,))])
    world.grid = {"s": [100.0, 40.0, math.nan], "t": [20.0, math.nan, math.nan]}
    assert carbon_curve(world.view()).g_per_kwh.tolist() == [40.0, 40.0, 40.0]
    world.grid = {"s": [math.nan], "t": [math.nan]}
    assert carbon_curve(world.view()).g_per_kwh.tolist() == [0.0]


def test_no_forecast_at_all_makes_nothing_wait():
    world = one(WorkRow("j", deadline_s=ALWAYS), [math.nan] * 8)
    assert started(decide(world)) == {"j": "a-n0"}


def test_both_strategies_agree_with_trying_everything():
    """Given random curves and jobs of whole steps, when all windows and choices of steps are tried, then it is so."""
    draw = np.random.default_rng(7)
    for _ in range(200):
        grid = draw.integers(1, 9, 8).astype(float)
        curve = CarbonCurve(edge_s=np.arange(9) * STEP_S, g_per_kwh=grid)
        steps = int(draw.integers(1, 4))
        until = int(draw.integers(steps, 9))
        windows = [grid[s : s + steps].sum() for s in range(until - steps + 1)]
        run_s, latest_s = np.array([steps * STEP_S]), np.array([(until - steps) * STEP_S])
        assert best_window_is_now(curve, run_s, latest_s)[0] == (windows[0] <= min(windows))
        choices = list(itertools.combinations(range(until), steps))
        least = min(sum(grid[list(c)]) for c in choices)
        with_now = min(sum(grid[list(c)]) for c in choices if 0 in c)
        assert now_is_among_lowest(curve, run_s, np.array([until * STEP_S]))[0] == (with_now <= least)
