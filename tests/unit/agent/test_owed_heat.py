"""Promised kilowatt-hours: the backup makes up for compute, as late as it can, and says why."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.agent.orders import SiteOrders
from ondol.agent.owed_heat import DayMemory, Owed, needs_backup, owed_by_day, step_day
from ondol.agent.site_agent import SiteAgent
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import RequestId, SinkId
from ondol.model.schedule import constant
from unit.agent.desk import HEATER, HOME, NOW, ROOM, ZONE, Desk, backup_on, request

KWH = 3.6e6


def energy(kwh: float, hours: float, *, firm: bool = True) -> HeatRequest:
    by = NOW + dt.timedelta(hours=hours)
    return request(ROOM, kind="energy", energy_kwh=kwh, by=by, schedule=constant(0.0), firm=firm)


def reason(orders: SiteOrders, sink: SinkId) -> str:
    return next(order for order in orders.backups if order.sink_id == sink).reason


def lived(desk: Desk, ask: HeatRequest, minutes: int, share: float) -> list[tuple[bool, str]]:
    """The backup's orders, minute by minute, where compute gives a share of what it is asked for."""
    told = []
    for _ in range(minutes):
        orders = desk.step(requests={ROOM: ask})
        desk.power_w = share * orders.unit(HEATER).wanted_w / 4
        desk.heater["heat_j"] = desk.heater.get("heat_j", 0.0) + 4 * desk.power_w * 60.0
        told.append((backup_on(orders, ROOM), reason(orders, ROOM)))
    return told


def test_the_backup_gives_a_firm_amount_of_heat_that_compute_does_not_at_its_latest_start():
    """Given 3 kWh in 4 h, a backup of 1.5 kW and no work, when 2.3 h are left, then it runs until it came."""
    desk = Desk()
    desk.heater = {"heat_j": 0.0}
    told = lived(desk, energy(3.0, 4.0), 239, share=0.0)
    first = next(minute for minute, (on, _) in enumerate(told) if on)
    assert first == pytest.approx(240 - (1.1 * 120 + 5), abs=2)
    assert "compute cannot give it within" in told[first][1]
    assert "latest start is in" in told[0][1]
    ran = sum(on for on, _ in told)
    assert ran == pytest.approx(120, abs=3), "3 kWh at 1.5 kW are two hours"
    assert not told[-1][0]
    assert "has come" in told[-1][1]


def test_the_backup_rests_where_compute_gives_the_heat_in_time():
    desk = Desk()
    desk.heater = {"heat_j": 0.0}
    told = lived(desk, energy(1.5, 4.0), 239, share=1.0)
    assert not any(on for on, _ in told)
    assert desk.heater["heat_j"] >= 1.5 * KWH


def test_the_backup_gives_only_what_compute_lacks():
    """Given work for half of the heat, then both together give all of it, and no more than a start too much."""
    desk = Desk()
    desk.heater = {"heat_j": 0.0}
    told = lived(desk, energy(2.0, 4.0), 239, share=0.5)
    given_kwh = desk.heater["heat_j"] / KWH + sum(on for on, _ in told) * 1.5 / 60.0
    assert given_kwh == pytest.approx(2.0, abs=0.1)
    switched = sum(before != after for (before, _), (after, _) in itertools.pairwise(told))
    assert switched <= 4, "with hysteresis"


def test_what_did_not_come_in_time_is_not_made_up_for_afterwards():
    """Given 3 kWh in 1 h, of which 1.5 kW can give a half, when the hour is over, then the backup rests."""
    desk = Desk()
    desk.heater = {"heat_j": 0.0}
    told = lived(desk, energy(3.0, 1.0), 90, share=0.0)
    assert all(on for on, _ in told[:59])
    assert not any(on for on, _ in told[61:])


def test_heat_that_is_not_firm_calls_no_backup():
    desk = Desk()
    desk.heater = {"heat_j": 0.0}
    assert not any(on for on, _ in lived(desk, energy(3.0, 4.0, firm=False), 239, share=0.0))


def test_the_backup_keeps_a_guarantee_by_day_before_local_midnight():
    """Given 4 kWh a day guaranteed and a cold room without work, when the day ends in Paris, then 4 kWh came."""
    desk = Desk()
    desk.room_c, desk.heater = 17.0, {"heat_j": 0.0}
    ask = request(ROOM, 20.0, guaranteed_kwh_per_day=4.0, if_missed="backup")
    told = lived(desk, ask, 660, share=0.0)  # 12:00 to 23:00 UTC, midnight in Paris
    on = [minute for minute, (runs, _) in enumerate(told) if runs]
    assert len(on) * 1.5 / 60.0 == pytest.approx(4.0, abs=0.1)
    assert on[0] == pytest.approx(660 - (1.1 * 160 + 5), abs=2)
    assert "guaranteed 4 kWh a day" in told[on[0]][1]


@pytest.mark.parametrize(("changes", "temp_c"), [({"if_missed": "tell"}, 17.0), ({"if_missed": "backup"}, 24.0)])
def test_no_backup_where_none_was_agreed_or_the_room_is_warm(changes: dict[str, str], temp_c: float):
    desk = Desk()
    desk.room_c, desk.heater = temp_c, {"heat_j": 0.0}
    told = lived(desk, request(ROOM, 20.0, guaranteed_kwh_per_day=4.0, **changes), 660, share=0.0)
    assert not any(runs for runs, _ in told)


def test_what_was_not_asked_for_is_not_owed_and_a_new_day_begins_at_nothing():
    ask = request(ROOM, 20.0, guaranteed_kwh_per_day=4.0, if_missed="backup")
    memory = DayMemory()
    for minute in range(60):
        memory = step_day(
            memory,
            now=NOW + dt.timedelta(minutes=minute),
            timezone="Europe/Paris",
            dt_s=60.0,
            demand_w=500.0,
            meter_j=None,
            measured_w=200.0,
            backup_w=0.0,
        )
    owed = owed_by_day(ask, memory, now=NOW, timezone="Europe/Paris", compute_w=200.0, upper_c=math.inf)
    assert owed.lack_j == pytest.approx(0.3 * KWH)
    assert owed.left_s == 11 * 3600.0
    tomorrow = step_day(
        memory,
        now=NOW + dt.timedelta(hours=12),
        timezone="Europe/Paris",
        dt_s=60.0,
        demand_w=500.0,
        meter_j=None,
        measured_w=0.0,
        backup_w=0.0,
    )
    assert (tomorrow.asked_j, tomorrow.given_j) == (30_000.0, 0.0)


def test_a_step_over_midnight_counts_for_each_day_as_far_as_it_lies_in_it():
    """Given a backup that kept yesterday's promise to its end, then no minute of it is taken for today's."""
    told = {"timezone": "Europe/Paris", "dt_s": 60.0, "demand_w": 600.0, "measured_w": 0.0, "backup_w": 1500.0}
    before = dt.datetime(2026, 1, 5, 22, 59, 15, tzinfo=dt.UTC)
    memory = step_day(DayMemory(meter_j=0.0), now=before, meter_j=1000.0, **told)
    assert (memory.date, memory.asked_j, memory.backup_j) == ("2026-01-05", 36_000.0, 90_000.0)
    memory = step_day(memory, now=before + dt.timedelta(seconds=60), meter_j=5000.0, **told)
    assert memory.date == "2026-01-06"
    assert (memory.asked_j, memory.given_j, memory.backup_j) == (9_000.0, 1_000.0, 22_500.0)


def test_a_day_of_changing_clocks_ends_when_it_ends():
    ask = request(ROOM, 20.0, guaranteed_kwh_per_day=4.0, if_missed="backup")
    at = dt.datetime(2026, 3, 28, 23, 0, tzinfo=dt.UTC)  # 29 March, 00:00 in Paris: 23 hours
    owed = owed_by_day(ask, DayMemory(), now=at, timezone="Europe/Paris", compute_w=0.0, upper_c=math.inf)
    assert owed.left_s == 23 * 3600.0


@given(
    lack_j=st.floats(0.0, 1e9),
    left_s=st.floats(0.0, 1e6),
    compute_w=st.floats(0.0, 1e4),
    backup_w=st.floats(100.0, 1e5),
    runs=st.booleans(),
)
def test_a_backup_that_rests_is_never_too_late_and_one_that_runs_never_needless(
    lack_j: float, left_s: float, compute_w: float, backup_w: float, runs: bool
):
    owed = Owed(lack_j=lack_j, left_s=left_s, compute_w=compute_w, upper_c=math.inf, words="w")
    on, _ = needs_backup(owed, 20.0, backup_w, runs=runs)
    if not on:
        assert lack_j <= max(backup_w * left_s, compute_w * left_s)
    else:
        assert lack_j > 0.0
        assert compute_w * left_s < 1.2 * lack_j


def test_a_room_that_is_not_seen_is_not_heated_for_a_promise():
    owed = Owed(lack_j=KWH, left_s=600.0, compute_w=0.0, upper_c=21.0, words="w")
    assert needs_backup(owed, math.nan, ZONE.backup_power_w, runs=False)[0] is False


def test_a_request_that_another_one_took_the_place_of_goes_on_from_where_it_stood():
    """Given 2 kWh of which a half came, when another request counts for a while, then only the rest is asked for."""
    desk = Desk()
    desk.heater, desk.power_w = {"heat_j": 0.0}, 0.0

    def lacks_kwh(ask: HeatRequest, minutes: int) -> float:
        for _ in range(minutes):
            orders = desk.step(requests={ROOM: ask})
            desk.heater["heat_j"] += 600.0 * 60.0
        return float(orders.unit(HEATER).reason.split()[2])

    first, other = energy(2.0, 6.0), dataclasses.replace(energy(1.0, 3.0), id=RequestId("other"))
    assert lacks_kwh(first, 101) == pytest.approx(1.0, abs=0.02)
    assert lacks_kwh(other, 30) == pytest.approx(0.7, abs=0.02)
    kept = json.loads(json.dumps(desk.agent.snapshot()))
    desk.agent = SiteAgent(desk.fleet, HOME)
    desk.agent.restore(kept)
    assert lacks_kwh(first, 1) == pytest.approx(0.7, abs=0.02), "heat is heat, whichever request counted meanwhile"
    assert lacks_kwh(other, 1) == pytest.approx(0.7, abs=0.02)
