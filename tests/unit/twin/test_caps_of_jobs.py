"""Given jobs with caps in the twin, when they run, then time and energy are those of their speed, and all adds up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.control.gentler import gentler
from ondol.model.errors import InvalidFieldError
from ondol.model.power import PowerCurve, dynamic_share
from ondol.model.view import ServiceClass, View
from ondol.policy.plan.thrift import THRIFTY_SHARE, THRIFTY_SPEED
from ondol.policy.registry import load_policy
from ondol.policy.urgency import MARGIN_S, STRETCH
from ondol.twin.advance import unit_shares
from ondol.twin.fleet_twin import FleetTwin
from ondol.twin.quotes.quoted_twin import QuotedTwin
from ondol.twin.quotes.study import _outcomes
from ondol.twin.speed import share_at, speed_at
from ondol.twin.workload.own_csv import read_csv, write_csv
from unit.control.test_queue_ahead import terms, view
from unit.twin.small_fleets import fleet, jobs_of, lived, room, series_of, unit, work

ON_DEMAND = ServiceClass.ON_DEMAND
HOUSE = room(unit=(unit(nodes=4, boot_s=0.0, off_after_s=np.inf),))


def one_job(cap: float) -> FleetTwin:
    trace = jobs_of((600.0, 3600.0), service=ON_DEMAND, speed_cap=np.array([cap]))
    return lived(fleet(HOUSE), trace)


def test_share_and_speed_are_inverse() -> None:
    for speed in np.linspace(0.0, 1.0, 41):
        assert speed_at(share_at(speed)) == pytest.approx(speed, abs=1e-12)
    assert share_at(THRIFTY_SPEED) == pytest.approx(THRIFTY_SHARE, abs=0.002)


def test_a_job_takes_as_much_longer_as_its_cap_says_and_draws_what_its_speed_draws() -> None:
    full, capped = one_job(1.0), one_job(0.5)
    took = [float(twin.attempts.end_s[0] - twin.attempts.first_start_s[0]) for twin in (full, capped)]
    assert took == pytest.approx([3600.0, 7200.0])
    node = int(full.attempts.last_node[0])
    slot_w = float(full.machines.dyn_w[node]) / int(full.layout.node_slots[node])
    assert full.attempts.energy_j[0] == pytest.approx(slot_w * 3600.0)
    assert capped.attempts.energy_j[0] == pytest.approx(slot_w * 0.5**3 * 7200.0)


def test_no_job_is_faster_than_its_cap_and_some_are_slower_where_heat_decides() -> None:
    """Given work that may run at four fifths of its speed, when heat allows less than that, then heat decides."""
    trace = work(30, 20_000.0, seed=3)
    jobs = dataclasses.replace(trace.jobs, speed_cap=np.full(30, 0.8), deadline_s=np.full(30, np.inf))
    april = fleet(HOUSE, begin=fleet().begin.replace(month=4))
    twin = lived(april, dataclasses.replace(trace, jobs=jobs), "greco")
    span_s = twin.attempts.end_s[:30] - twin.attempts.first_start_s[:30]
    over = ~np.isnan(span_s)
    least_s = jobs.run_s[over] / 0.8
    assert over.sum() > 10
    assert (span_s[over] >= least_s * (1.0 - 1e-9)).all()
    assert (span_s[over] < least_s * 1.001).any()
    assert (span_s[over] > least_s * 1.05).any()


def test_views_show_caps_only_where_there_are_some() -> None:
    seen: list[View] = []
    lived(fleet(HOUSE), jobs_of((0.0, 600.0)), "fcfs", lambda seen_, _memory, _decision: seen.append(seen_))
    assert all(len(one.instances.speed_cap) == len(one.instances.draw_cap) == 0 for one in seen)
    seen.clear()
    trace = jobs_of((0.0, 600.0), (0.0, 900.0), speed_cap=np.array([1.0, 0.4]))
    lived(fleet(HOUSE), trace, "fcfs", lambda seen_, _memory, _decision: seen.append(seen_))
    assert seen[0].instances.speed_cap.tolist() == [1.0, 0.4]
    assert seen[0].instances.draw_cap.tolist() == [1.0, share_at(0.4)]


def test_what_is_capped_starts_earlier_for_its_deadline() -> None:
    """Given an hour's work that waits for clean electricity, when it may take 0.3 of the speed, then it cannot wait."""
    due_s, starts = 5 * 3600.0, []
    for cap in (1.0, 0.3):
        columns = {"deadline_s": np.array([due_s]), "speed_cap": np.array([cap]), "resumable": np.array([False])}
        twin = lived(fleet(HOUSE, days=0.25), jobs_of((0.0, 3600.0), **columns), "wait-awhile")
        starts.append(float(twin.attempts.first_start_s[0]))
        assert twin.attempts.end_s[0] <= due_s
    assert starts[1] == due_s - STRETCH * 3600.0 / 0.3 - MARGIN_S < starts[0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0.05, 1.0)), min_size=1, max_size=8),
    st.floats(0.0, 700.0),
)
def test_what_a_unit_may_draw_is_shared_to_the_last_watt(placed: list[tuple[int, float]], target_w: float) -> None:
    """Whatever caps there are: work draws all of the target that it can take, and nobody more than his cap."""
    node = np.array([one for one, _ in placed])
    most = np.array([cap for _, cap in placed])
    count, dyn, idle = len(placed), np.array([300.0, 120.0]), np.array([20.0, 10.0])
    slots = np.array([8, 8])
    share, drawn = np.ones(1), np.zeros(1)
    unit_shares(
        np.arange(count), np.ones(count, dtype=np.int64), node, np.zeros(2, dtype=np.int64), slots, dyn, idle,
        np.ones(2, dtype=np.int64), np.array([target_w]), most, bool((most < 1.0).any()), share, drawn,
    )  # fmt: skip
    takes = dyn[node] / slots[node] * np.minimum(share[0], most)
    assert drawn[0] == pytest.approx(takes.sum(), abs=1e-9)
    able = float((dyn[node] / slots[node] * most).sum())
    assert drawn[0] == pytest.approx(min(max(target_w - idle.sum(), 0.0), able), abs=1e-6)


def test_caps_are_read_and_written_and_nonsense_is_refused(tmp_path: Path) -> None:
    trace = jobs_of((0.0, 600.0), (5.0, 900.0), speed_cap=np.array([1.0, 0.4]))
    write_csv(trace, tmp_path / "jobs.csv")
    assert read_csv(tmp_path / "jobs.csv").jobs.speed_cap.tolist() == [1.0, 0.4]
    write_csv(jobs_of((0.0, 600.0)), tmp_path / "plain.csv")
    assert len(read_csv(tmp_path / "plain.csv").jobs.speed_cap) == 0
    (tmp_path / "bad.csv").write_text("id,submitted_s,run_s,speed_cap\na,0,60,0.05\n", encoding="utf-8")
    with pytest.raises(InvalidFieldError, match=r"speed_cap.*0\.1 to 1"):
        read_csv(tmp_path / "bad.csv")
    with pytest.raises(InvalidFieldError, match="speed_cap"):
        jobs_of((0.0, 600.0), speed_cap=np.array([1.5]))
    with pytest.raises(InvalidFieldError, match="run_s / speed_cap"):
        jobs_of((0.0, 600.0), deadline_s=np.array([900.0]), speed_cap=np.array([0.5]))


def test_where_nodes_clock_down_a_thrifty_speed_is_offered_and_where_cores_are_rationed_half_of_it() -> None:
    """Given nodes of 30 W idle and 100 W full, when each curve is asked, then the words say what a slower run takes."""
    bare = view()
    count = len(bare.nodes.ids)
    nodes = dataclasses.replace(bare.nodes, idle_w=np.full(count, 30.0), max_w=np.full(count, 100.0))
    there = dataclasses.replace(bare, nodes=nodes)
    clocked = gentler(there, terms(share_at=share_at))
    # least of (30 + 70 s³)/s is at the cube root of 30/140
    assert clocked.speed == pytest.approx((30.0 / 140.0) ** (1.0 / 3.0), abs=0.026)
    assert clocked.energy < 0.8
    assert "less electricity" in clocked.words
    rationed = gentler(there, terms())
    assert rationed.speed == 0.5
    curve = PowerCurve(30.0, 100.0)
    assert rationed.power == pytest.approx(curve.power_w(0.5) / 100.0)
    assert rationed.energy == pytest.approx(curve.power_w(0.5) / 0.5 / 100.0)
    assert "more electricity" in rationed.words
    assert [dynamic_share(load) for load in (0.0, 1.0)] == [0.0, 1.0]
    own = gentler(there, terms(), most=0.8)
    assert own.energy == pytest.approx((curve.power_w(0.5) / 0.5) / (curve.power_w(0.8) / 0.8))


def capped_study(seed: int, tasks: int = 500, days: float = 3.0) -> QuotedTwin:
    """A twin of some days, a third of whose tasks take `slower` where their deadline lets them."""
    scenario = fleet(
        room(unit=(unit(nodes=16),)), days=days, place_s=600.0, filler=False, begin=fleet().begin.replace(month=3)
    )
    trace = work(tasks, days * 86_400.0 * 0.8, seed=seed, longest_s=2 * 3600.0)
    jobs, lots = trace.jobs, np.random.default_rng(seed)
    fits = jobs.deadline_s >= jobs.submitted_s + 1.3 * jobs.run_s / 0.5
    caps = np.where(fits & (lots.random(tasks) < 0.33), 0.5, 1.0)
    trace = dataclasses.replace(trace, jobs=dataclasses.replace(jobs, speed_cap=caps))
    said = np.where(lots.random(tasks) < 0.5, jobs.run_s * np.exp(0.3 * lots.standard_normal(tasks)), np.nan)
    twin = QuotedTwin(scenario, series_of(scenario), trace, load_policy("follow"), declared_s=said, kinds=("",) * tasks)
    twin.live(twin.series.steps)
    return twin


def test_quotes_of_slower_tasks_are_kept_as_often_as_others() -> None:
    """Given 180 quoted tasks, a third of them slower, when all are over, then about nine of ten stayed below p90."""
    twin = capped_study(seed=5, tasks=180, days=0.9)
    capped = twin.trace.jobs.speed_cap < 1.0
    told = [one for one in _outcomes(twin, 180) if not np.isnan(one.came["end"])]
    slow = [one for one in told if capped[one.task]]
    assert len(slow) > 25
    for figure in ("end", "energy", "co2e"):
        kept = np.mean([one.came[figure] <= one.p90[figure] + 1e-9 for one in slow])
        assert 0.8 <= kept <= 1.0, (figure, kept)
        assert np.mean([one.came[figure] <= one.p50[figure] for one in slow]) < 0.85
    plain = [one for one in told if not capped[one.task] and one.grounds == "class"]
    likewise = [one for one in slow if one.grounds == "class"]
    ends = [np.median([one.p50["end"] - one.p50["start"] for one in group]) for group in (plain, likewise)]
    assert ends[1] > 1.4 * ends[0], "quotes know that a capped run takes longer"
