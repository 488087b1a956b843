"""When a hygiene cycle begins: at sites that are too weak for their draws, and the cheapest start of all."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.agent.hygiene.cycle import TankState, cheapest_start_s
from ondol.agent.hygiene.guard import HygieneMemory, HygieneView, step_hygiene
from ondol.agent.hygiene.policy import POLICIES
from ondol.drivers.ports import SinkReading
from ondol.model.ids import SinkId, SiteId
from ondol.model.sink import Tank

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
WEAK = Tank(
    id=SinkId("t"),
    site_id=SiteId("s"),
    name="Tank",
    volume_l=1500.0,
    hygiene="fr-2005",
    backup_kind="electric",
    backup_power_w=4500.0,
)
DRAWN_H = 8  # the tank is filled over night; in the morning more is drawn than all heaters can make good


def live_a_day(night_c: float):
    """A weak site's tank as it is without a cycle; hours in which the backup was asked for, and the last verdict."""
    memory, hours = HygieneMemory(), set()
    for minute in range(0, 24 * 60, 2):
        now = NOW + dt.timedelta(minutes=minute)
        hour = minute / 60.0
        temp_c = night_c if hour < DRAWN_H else 40.0
        if memory.running and hour < DRAWN_H and memory.backup:
            temp_c = 61.0  # both heaters lift it within minutes by the little that lacks
        view = HygieneView(
            now=now,
            timezone="UTC",
            reading=SinkReading(sink_id=WEAK.id, measured_at=now, temp_c=temp_c, layers_c=(temp_c,) * 3),
            compute_w=4000.0,
            delivered_share=None,
            draw_w=(6700.0,) * 24,
            capacity_j_per_k=6.27e6,
            loss_w=370.0,
        )
        verdict, memory = step_hygiene(WEAK, POLICIES["fr-2005"], view, memory)
        if verdict.backup:
            hours.add(int(hour))
    return hours, verdict


def test_a_site_too_weak_for_its_draws_ends_the_cycle_while_its_tank_is_hot():
    """Given draws beyond all heaters, when the tank is nearly hot before the morning, then that chance is used."""
    hours, verdict = live_a_day(night_c=59.0)
    assert min(hours) == 6, "not in the first quarter of the window: cycles would follow each other"
    assert not verdict.missed
    assert verdict.status.due_at >= NOW + dt.timedelta(hours=30)


def test_a_cold_tank_of_a_weak_site_is_not_tried_before_half_of_the_window():
    hours, _ = live_a_day(night_c=40.0)
    assert min(hours) == 12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 9_000.0), min_size=24, max_size=24),
    st.floats(1.7e9, 1.8e9),
    st.floats(0.0, 90_000.0),
    st.floats(0.0, 86_400.0),
    st.floats(60.0, 50_000.0),
    st.booleans(),
)
def test_the_cheapest_start_is_that_of_all_starts_priced_one_by_one(draw_w, now_s, ahead_s, span_s, need_s, priced):
    state = TankState(layers_c=(40.0,), capacity_j_per_k=4e6, loss_w=0.0, draw_w=draw_w)

    def hour_at(at_s: float) -> float:
        return at_s / 3600.0 % 24.0

    price_at = (lambda at_s: math.sin(at_s / 7e3)) if priced else None
    latest_s = now_s + ahead_s
    found = cheapest_start_s(
        state, now_s=now_s, latest_s=latest_s, span_s=span_s, need_s=need_s, hour_at=hour_at, price_at=price_at
    )
    slots = [900.0 * j for j in range(max(int(need_s // 900.0), 1))]

    def cost(start_s: float) -> float:
        return sum(price_at(start_s + s) if price_at else draw_w[int(hour_at(start_s + s)) % 24] for s in slots)

    starts = [latest_s - 900.0 * k for k in range(int((latest_s - max(now_s, latest_s - span_s)) // 900.0) + 1)]
    assert found in starts
    assert cost(found) == pytest.approx(min(map(cost, starts)), rel=1e-6, abs=1e-6)
