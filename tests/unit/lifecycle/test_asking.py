"""Given requests and wishes, when a moment is asked for, then the right one counts for every sink, in any order."""

from __future__ import annotations

import datetime as dt
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.lifecycle.asking import effective
from ondol.model.errors import InvalidFieldError
from ondol.model.heat_request import PRESETS, HeatRequest, HostWish
from ondol.model.ids import RequestId, SinkId, SiteId
from ondol.model.schedule import Slot, WeeklySchedule, constant, daily

HOME, ROOM = SiteId("home"), SinkId("room")
NOW = dt.datetime(2026, 1, 14, 12, 0, tzinfo=dt.UTC)  # a Wednesday, 13:00 in Paris
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
WEEK = daily(((0, 16.0), (390, 20.0), (1320, 16.0)))  # 20 °C from 6:30 to 22:00


def request(key: str = "warm", **more: object) -> HeatRequest:
    return HeatRequest(id=RequestId(key), site_id=HOME, target_id=ROOM, **({"schedule": WEEK} | more))


def wish(kind: str, key: str = "w", **more: object) -> HostWish:
    return HostWish(id=key, site_id=HOME, sink_id=ROOM, kind=kind, **({"set_at": NOW} | more))


def at(requests: list[HeatRequest], wishes: list[HostWish], now: dt.datetime = NOW) -> HeatRequest | None:
    return effective(requests, wishes, now).get(ROOM)


def test_the_valid_request_with_the_highest_priority_counts_ties_by_id() -> None:
    low, late = request("a", priority=10), request("b", priority=90, valid_from=NOW + HOUR)
    over, tie_c, tie_d = request("z", priority=99, valid_until=NOW), request("c"), request("d")
    assert at([low, late, over, tie_d, tie_c], []) is tie_c
    assert at([low, late, over, tie_d, tie_c], [], NOW + HOUR) is late


def test_an_energy_request_counts_until_its_time() -> None:
    energy = request("e", kind="energy", energy_kwh=3.0, by=NOW + HOUR, priority=60)
    assert at([request(), energy], []) is energy
    assert at([request(), energy], [], NOW + HOUR) == request()


def test_a_set_point_stands_above_the_schedule_and_its_end_is_seen_ahead() -> None:
    counted = at([request()], [wish("setpoint", value=23.0, until=NOW + 3 * HOUR)])
    assert counted is not None
    assert [counted.schedule.at(NOW + n * HOUR) for n in (0, 2, 3, 9, 18)] == [23.0, 23.0, 20.0, 16.0, 20.0]
    assert counted.id == "warm"


def test_after_its_end_the_request_itself_counts_and_no_older_wish_comes_back() -> None:
    older = wish("setpoint", "old", value=25.0, set_at=NOW - HOUR)
    newer = wish("setpoint", "new", value=18.0, until=NOW + HOUR)
    base = request()
    assert at([base], [older, newer], NOW + HOUR) is base


def test_of_two_wishes_of_one_moment_the_higher_id_counts() -> None:
    first, second = wish("setpoint", "a", value=18.0), wish("setpoint", "b", value=22.0)
    counted = at([request()], [second, first])
    assert counted is not None
    assert counted.schedule.at(NOW) == 22.0


def test_a_wish_from_a_clock_that_runs_ahead_waits() -> None:
    base = request()
    assert at([base], [wish("off", set_at=NOW + HOUR)]) is base


def test_off_leaves_the_sink_out_until_its_end() -> None:
    assert at([request()], [wish("off")]) is None
    assert at([request()], [wish("off", until=NOW + HOUR)], NOW + HOUR) == request()


def test_back_to_the_schedule_ends_what_stood() -> None:
    base = request()
    stood = wish("setpoint", "a", value=25.0, set_at=NOW - HOUR)
    assert at([base], [stood, wish("schedule", "b")]) is base


def test_presets_go_from_comfort_and_eco_never_heats_above_the_schedule() -> None:
    evening = NOW + 10 * HOUR  # 23:00, the schedule says 16 °C
    for preset, by_day_c, by_night_c in (
        ("comfort", 20.0, 20.0), ("boost", 22.0, 22.0), ("eco", 17.0, 16.0), ("away", 13.0, 13.0)
    ):  # fmt: skip
        counted = at([request()], [wish("preset", preset=preset, until=NOW + DAY)])
        assert counted is not None
        assert (counted.schedule.at(NOW), counted.schedule.at(evening)) == (by_day_c, by_night_c), preset


def test_a_host_names_own_presets() -> None:
    counted = at([request(comfort_c=21.0, eco_k=-1.5)], [wish("preset", preset="eco")])
    assert counted is not None
    assert counted.schedule.at(NOW) == 19.5


def test_a_boost_without_an_end_ends_after_two_hours() -> None:
    boost, base = wish("preset", preset="boost"), request()
    counted = at([base], [boost])
    assert counted is not None
    assert [counted.schedule.at(NOW + n * HOUR) for n in (1, 2)] == [22.0, 20.0]
    assert at([base], [boost], NOW + 2 * HOUR) is base


def test_a_set_point_where_nothing_or_power_is_asked_asks_for_a_temperature() -> None:
    lonely = at([], [wish("setpoint", value=19.0)])
    assert lonely is not None
    assert (lonely.kind, lonely.schedule.at(NOW)) == ("temperature", 19.0)
    watts = request(kind="power", schedule=constant(500.0))
    counted = at([watts], [wish("setpoint", value=19.0)])
    assert counted is not None
    assert (counted.kind, counted.schedule.at(NOW)) == ("temperature", 19.0)
    assert at([watts], [wish("preset", preset="eco")]) is watts
    assert at([], [wish("preset", preset="eco")]) is None


def test_an_end_in_the_hour_that_comes_twice_is_seen() -> None:
    """Given clocks that are put back at 3:00, when a wish ends in the second 2:10, then it does not last a week."""
    now = dt.datetime(2026, 10, 25, 0, 50, tzinfo=dt.UTC)  # 2:50 summer time
    counted = at([request()], [wish("setpoint", value=24.0, set_at=now, until=now + dt.timedelta(minutes=20))], now)
    assert counted is not None
    assert counted.schedule.at(now) == 24.0
    assert counted.schedule.at(now + 3 * HOUR) == 16.0


WISHES = st.lists(
    st.builds(
        lambda n, sink, kind, value, preset, ago, until: HostWish(
            id=f"w{n}", site_id=HOME, sink_id=SinkId(sink), kind=kind, value=value, preset=preset,
            set_at=NOW - dt.timedelta(minutes=ago),
            until=None if until is None else NOW + dt.timedelta(minutes=until),
        ),
        st.integers(0, 50), st.sampled_from(["room", "tank"]),
        st.sampled_from(["setpoint", "preset", "off", "schedule"]),
        st.floats(5, 60), st.sampled_from(PRESETS), st.integers(-100, 5000),
        st.one_of(st.none(), st.integers(-300, 20_000)),
    ),
    max_size=8, unique_by=lambda one: one.id,
)  # fmt: skip
REQUESTS = st.lists(
    st.builds(
        lambda n, sink, priority, starts, until: HeatRequest(
            id=RequestId(f"r{n}"), site_id=HOME, target_id=SinkId(sink), priority=priority,
            schedule=WeeklySchedule(tuple(Slot(minute, 15.0 + minute % 7) for minute in sorted(starts))),
            valid_until=None if until is None else NOW + dt.timedelta(minutes=until),
        ),
        st.integers(0, 20), st.sampled_from(["room", "tank"]), st.integers(0, 3),
        st.sets(st.integers(0, 10_079), min_size=1, max_size=10), st.one_of(st.none(), st.integers(-50, 50)),
    ),
    max_size=6, unique_by=lambda one: one.id,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(REQUESTS, WISHES, st.randoms(use_true_random=False))
def test_in_which_order_they_come_does_not_matter(
    requests: list[HeatRequest], wishes: list[HostWish], dice: random.Random
) -> None:
    expected = effective(requests, wishes, NOW)
    dice.shuffle(requests)
    dice.shuffle(wishes)
    assert effective(requests, wishes, NOW) == expected
    assert list(expected) == sorted(expected)


@settings(max_examples=150, deadline=None)
@given(
    st.sets(st.integers(0, 10_079), min_size=1, max_size=12),
    st.integers(1, 7 * 1440 - 61),
    st.integers(0, 6 * 1440 + 23 * 60),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Paris", "UTC", "Asia/Kolkata", "Asia/Kathmandu"]),
)
def test_what_is_laid_over_the_week_is_what_was_wished(
    starts: set[int], lasts: int, ahead: int, begin: int, zone: str
) -> None:
    """Given any week and any end, then 6 days 23 hours ahead say the wish before it, the schedule after."""
    now = NOW + dt.timedelta(minutes=begin)
    week = WeeklySchedule(tuple(Slot(minute, 10.0 + number) for number, minute in enumerate(sorted(starts))), zone)
    until, when = now + dt.timedelta(minutes=lasts), now + dt.timedelta(minutes=ahead)
    counted = at([request(schedule=week)], [wish("setpoint", value=55.5, set_at=now, until=until)], now)
    assert counted is not None
    assert counted.schedule.at(when) == (55.5 if when < until else week.at(when))


def test_it_costs_less_than_50_us_for_each_sink() -> None:
    sinks = [SinkId(f"s{n}") for n in range(100)]
    requests = [HeatRequest(id=RequestId(f"r-{s}"), site_id=HOME, target_id=s, schedule=WEEK) for s in sinks]
    wishes = [
        HostWish(id=f"w-{s}", site_id=HOME, sink_id=s, kind="setpoint", value=22.0, set_at=NOW, until=NOW + HOUR)
        for s in sinks
    ]
    spent_s = []
    for _ in range(7):
        begun = time.thread_time()
        effective(requests, [], NOW)
        spent_s.append(time.thread_time() - begun)
    assert min(spent_s) / len(sinks) < 50e-6
    spent_s.clear()
    for second in range(7):
        begun = time.thread_time()
        effective(requests, wishes, NOW + dt.timedelta(seconds=second))
        spent_s.append(time.thread_time() - begun)
    assert min(spent_s) / len(sinks) < 50e-6


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "energy", "energy_kwh": 3.0}, "by"),
        ({"kind": "energy", "by": NOW}, "energy_kwh"),
        ({"energy_kwh": 3.0}, "energy_kwh"),
        ({"valid_from": NOW, "valid_until": NOW}, "valid_until"),
        ({"valid_from": dt.datetime(2026, 1, 1)}, "valid_from"),  # noqa: DTZ001  # what is to be refused
        ({"min_power_w": 500.0, "max_power_w": 400.0}, "max_power_w"),
        ({"guaranteed_c": 200.0}, "guaranteed_c"),
        ({"if_missed": "sorry"}, "if_missed"),
        ({"eco_k": 2.0}, "eco_k"),
    ],
)
def test_what_no_request_may_say_is_named(wrong: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        request(**wrong)
    assert refused.value.field == f"request.{field}"
