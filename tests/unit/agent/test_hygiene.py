"""Hygiene of tanks: what is counted, until when a rule holds, when its cycle runs, and who has to heat."""

from __future__ import annotations

import datetime as dt
import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.hygiene.cycle import TankState, cheapest_start_s, latest_start_s, needed_s
from ondol.agent.hygiene.guard import HygieneMemory, HygieneView, step_hygiene
from ondol.agent.hygiene.policy import POLICIES, policy_of
from ondol.agent.hygiene.tracker import TrackMemory, above_s, due_s, track
from ondol.drivers.ports import SinkReading
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
FRENCH = POLICIES["fr-2005"]
TANK = Tank(
    id=SinkId("t"),
    site_id=SiteId("s"),
    name="Tank",
    hygiene="fr-2005",
    backup_kind="electric",
    backup_power_w=6000.0,
)


def after(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def watched(rows: list[tuple[float, float | None]], memory: TrackMemory | None = None) -> TrackMemory:
    """Readings as (time [s], coldest sensor [°C], None for lost)."""
    memory = memory or TrackMemory()
    for at_s, temp_c in rows:
        memory, _ = track(
            FRENCH,
            memory,
            after(at_s),
            measured_at=None if temp_c is None else after(at_s),
            coldest_c=math.nan if temp_c is None else temp_c,
            outlet_c=math.nan if temp_c is None else temp_c,
        )
    return memory


def test_seconds_are_counted_above_each_temperature():
    memory = watched([(60.0 * k, 66.0) for k in range(11)])
    assert above_s(memory) == (600.0, 600.0, 0.0)
    assert FRENCH.met(above_s(memory))


@pytest.mark.parametrize(("temp_c", "need_s"), [(60.0, 3600), (65.0, 240), (70.0, 120)])
def test_each_alternative_of_the_decree_is_enough_and_a_minute_less_is_not(temp_c, need_s):
    minutes = need_s // 60
    enough = watched([(60.0 * k, temp_c) for k in range(minutes + 1)])
    short = watched([(60.0 * k, temp_c) for k in range(minutes)])
    assert FRENCH.met(above_s(enough))
    assert not FRENCH.met(above_s(short))


def test_a_gap_a_spike_and_a_repeated_value_add_nothing():
    gap = watched([(0.0, 66.0), (60.0, 66.0), (120.0, None), (180.0, 66.0), (500.0, 66.0)])
    assert above_s(gap)[0] == 60.0
    spike = watched([(0.0, 40.0), (60.0, 70.0), (120.0, 40.0)])
    assert above_s(spike) == (0.0, 0.0, 0.0)
    stuck = watched([(0.0, 66.0)])
    for k in range(1, 100):  # the bus repeats the value of time 0
        stuck, _ = track(FRENCH, stuck, after(60.0 * k), measured_at=NOW, coldest_c=66.0, outlet_c=66.0)
    assert above_s(stuck)[0] == 0.0


def test_a_clock_that_jumps_invents_no_time():
    forward = watched([(0.0, 66.0), (60.0, 66.0), (86_000.0, 66.0)])
    assert above_s(forward)[0] == 60.0
    back = watched([(7200.0 + 60.0 * k, 66.0) for k in range(6)] + [(0.0, 66.0)])
    assert above_s(back)[0] == 0.0, "what lies in the future of a clock that was wrong does not count"


def test_what_is_older_than_a_day_does_not_count():
    memory = watched([(60.0 * k, 66.0) for k in range(6)] + [(86_400.0 + 1000.0, 40.0)])
    assert above_s(memory) == (0.0, 0.0, 0.0)


def test_deadline_is_a_day_after_the_rise_and_new_tanks_have_a_day():
    new = watched([(0.0, 40.0)])
    assert due_s(FRENCH, new) == after(86_400.0).timestamp()
    memory = watched([(60.0 * k, 66.0) for k in range(60, 70)], new)
    due = dt.datetime.fromtimestamp(due_s(FRENCH, memory), dt.UTC)
    assert after(3600.0 + 86_400.0 - 900.0) <= due <= after(4200.0 + 86_400.0)


def test_an_outlet_that_stays_hot_needs_no_cycle_until_a_day_after_it_cooled():
    memory = watched([(120.0 * k, 57.0) for k in range(2 * 720)])
    assert above_s(memory) == (0.0, 0.0, 0.0)
    assert due_s(FRENCH, memory) == pytest.approx(after(2 * 86_400.0 + 86_400.0).timestamp(), abs=200.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.0, 4000.0), st.one_of(st.none(), st.floats(20.0, 90.0))), min_size=1, max_size=60),
    st.integers(0, 59),
)
def test_never_more_than_truth_and_the_same_over_a_restart(steps, restart):
    memory, at_s, truth_s = TrackMemory(), 0.0, 0.0
    for k, (dt_s, temp_c) in enumerate(steps):
        at_s += dt_s
        truth_s += dt_s
        if k == restart:
            memory = msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(memory), allow_nan=False)), TrackMemory)
        memory = watched([(at_s, temp_c)], memory)
        sums = above_s(memory)
        assert sums[0] >= sums[1] >= sums[2] >= 0.0
        assert sums[0] <= min(truth_s, 86_400.0) + 1e-6
        assert len(memory.buckets) <= 97


def test_memory_of_a_week_is_bounded():
    policy, memory = POLICIES["preheat-weekly"], TrackMemory()
    for k in range(9 * 96):
        for offset_s in (0.0, 100.0):
            at = after(900.0 * k + offset_s)
            memory, _ = track(policy, memory, at, measured_at=at, coldest_c=66.0, outlet_c=66.0)
    assert len(memory.buckets) <= 673


def test_unknown_rules_are_refused_and_every_rule_says_where_it_stands():
    assert policy_of("none") is None
    with pytest.raises(InvalidFieldError, match="fr-2005"):
        policy_of("de-w551")
    assert all(policy.source and policy.in_force for policy in POLICIES.values())


STATE = TankState(layers_c=(40.0,) * 10, capacity_j_per_k=4.13e6, loss_w=300.0, draw_w=(500.0,) * 24)


def test_latest_start_leaves_the_time_that_the_heat_needs():
    need_s = needed_s(STATE, 6000.0, 0.0)
    assert need_s == pytest.approx(21.5 * 4.13e6 / 5200.0 + 3600.0)
    latest = latest_start_s(STATE, 6000.0, due_s=1e6, hour_at=lambda at: at / 3600 % 24)
    assert latest < 1e6 - need_s
    assert latest_start_s(STATE, 700.0, due_s=1e6, hour_at=lambda at: at / 3600 % 24) == -math.inf


def test_cycle_begins_when_it_is_cheapest_else_when_least_is_drawn():
    def hour_at(at_s):
        return at_s / 3600.0 % 24.0

    common = {"now_s": 0.0, "latest_s": 18 * 3600.0, "span_s": 12 * 3600.0, "need_s": 7200.0, "hour_at": hour_at}
    priced = cheapest_start_s(STATE, price_at=lambda at: 1.0 if 9 <= hour_at(at) < 11 else 5.0, **common)
    assert hour_at(priced) == 9.0
    draws = tuple(100.0 if 12 <= h < 14 else 900.0 for h in range(24))
    calm = TankState(layers_c=(40.0,), capacity_j_per_k=4e6, loss_w=0.0, draw_w=draws)
    assert hour_at(cheapest_start_s(calm, price_at=None, **common)) == 12.0
    assert cheapest_start_s(STATE, price_at=None, **common) == 18 * 3600.0, "of equal ones the latest"


def view(at_s: float, temp_c: float | None, compute_w: float = 0.0) -> HygieneView:
    reading = None
    if temp_c is not None:
        reading = SinkReading(sink_id=TANK.id, measured_at=after(at_s), temp_c=temp_c, layers_c=(temp_c,) * 4)
    return HygieneView(
        now=after(at_s),
        timezone="Europe/Paris",
        reading=reading,
        compute_w=compute_w,
        delivered_share=None,
        draw_w=(300.0,) * 24,
        capacity_j_per_k=4.13e6,
        loss_w=300.0,
    )


def day_of(compute_w: float, heat_of) -> tuple[list, HygieneMemory]:
    """Let a mixed tank live a day; `heat_of(verdict)` is what heats it."""
    memory, temp_c, verdicts = HygieneMemory(), 40.0, []
    for k in range(1440):
        verdict, memory = step_hygiene(TANK, FRENCH, view(60.0 * k, temp_c, compute_w), memory)
        verdicts.append((verdict, temp_c))
        temp_c += (heat_of(verdict) - 600.0) * 60.0 / 4.13e6 if temp_c < 63.0 else -0.1
        temp_c = max(temp_c, 40.0)
    return verdicts, memory


def test_compute_that_can_reach_runs_the_cycle_alone():
    verdicts, _ = day_of(8000.0, lambda v: 8000.0 if v.heat else 0.0)
    assert any(v.heat for v, _ in verdicts)
    assert not any(v.backup or v.missed for v, _ in verdicts)


def test_backup_is_called_in_time_where_compute_has_no_work_or_cannot_reach():
    for promised_w in (8000.0, 0.0):  # it could, but nothing comes; it cannot
        verdicts, _ = day_of(promised_w, lambda v: 5400.0 if v.backup else 0.0)
        assert any(v.backup for v, _ in verdicts)
        assert not any(v.missed for v, _ in verdicts)
        late = next(k for k, (v, _) in enumerate(verdicts) if v.backup)
        assert verdicts[late][0].late, "the alarm says that the latest start has passed"


def test_a_missed_deadline_is_told_until_it_is_made_good():
    memory = HygieneMemory()
    for k in range(1500):
        verdict, memory = step_hygiene(TANK, FRENCH, view(60.0 * k, 40.0), memory)
    assert verdict.missed
    assert verdict.status.cycle == "running"
    for k in range(1500, 1500 + 62):
        verdict, memory = step_hygiene(TANK, FRENCH, view(60.0 * k, 61.0), memory)
    assert not verdict.missed
    assert verdict.status.cycle == "planned"
