"""Given promises that begin, change and end, when days are told, then each day is judged by what was promised on it."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.accounting.host_days import HostDay, host_days
from ondol.accounting.host_promises import Promise, distinct, in_force
from ondol.model.heat_request import HeatRequest
from ondol.model.ids import RequestId, SinkId, SiteId, UnitId
from ondol.model.ledger import HeatRow

ROOM = SinkId("room")
T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
KWH = 3.6e6


def days(count: int, *promises: Promise, temp_c: float = 17.0, delivered_kwh: float = 0.5) -> list[HostDay]:
    rows = [
        HeatRow(
            site_id=SiteId("home"), unit_id=UnitId("heater"), sink_id=ROOM, start=T0 + n * HOUR,
            end=T0 + (n + 1) * HOUR, electric_j=KWH, delivered_j=delivered_kwh * KWH, demanded_j=KWH, temp_c=temp_c,
            setpoint_c=20.0, lower_c=19.5, upper_c=20.5, discomfort_kh=0.0,
        )
        for n in range(24 * count)
    ]  # fmt: skip
    return list(host_days(ROOM, rows, start=T0, end=T0 + count * DAY, timezone="UTC", promises=promises))


def test_a_promise_binds_neither_before_it_was_made_nor_after_it_ended() -> None:
    warm = Promise(guaranteed_c=19.0, start=T0 + DAY, end=T0 + 3 * DAY)
    told = days(4, warm)
    assert [day.kept for day in told] == [None, False, False, None]
    assert [day.promise is not None for day in told] == [False, True, True, False]


def test_of_a_day_on_which_a_promised_temperature_begins_its_part_counts() -> None:
    assert days(1, Promise(guaranteed_c=19.0, start=T0 + 12 * HOUR))[0].below_s == 12 * 3600.0
    assert days(1, Promise(guaranteed_c=19.0, start=T0 + 12 * HOUR), temp_c=20.0)[0].kept is True
    assert days(1, Promise(guaranteed_c=19.0, end=T0 + dt.timedelta(minutes=10)))[0].kept is True, "within its grace"


def test_promised_heat_is_owed_for_days_that_are_promised_from_begin_to_end() -> None:
    heat = Promise(guaranteed_kwh_per_day=20.0, start=T0 + 12 * HOUR)
    told = days(2, heat)
    assert [(day.kept, day.missing_kwh) for day in told] == [(None, None), (False, pytest.approx(8.0))]
    assert told[0].promise is None


def test_a_schedule_that_replaces_another_does_not_break_its_promise() -> None:
    first = Promise(guaranteed_kwh_per_day=20.0, end=T0 + 6 * HOUR)
    second = Promise(guaranteed_kwh_per_day=20.0, start=T0 + 6 * HOUR)
    assert in_force((second, first), T0, T0 + DAY) == (Promise(guaranteed_kwh_per_day=20.0, start=T0, end=T0 + DAY),)
    assert days(1, second, first)[0].kept is False


def test_a_promise_that_changes_within_a_day_is_judged_by_each_in_its_time() -> None:
    low, high = Promise(guaranteed_c=16.0, end=T0 + 6 * HOUR), Promise(guaranteed_c=19.0, start=T0 + 6 * HOUR)
    (day,) = days(1, low, high)
    assert (day.below_s, day.kept) == (18 * 3600.0, False)
    assert [one.guaranteed_c for one in distinct(one.promise for one in days(3, low, high))] == [19.0]


def test_a_request_promises_from_when_it_was_made_until_it_was_over() -> None:
    ask = {"id": RequestId("r"), "site_id": SiteId("home"), "target_id": ROOM, "guaranteed_c": 17.0}
    later = HeatRequest(**ask, valid_from=T0 + DAY, valid_until=T0 + 3 * DAY)  # type: ignore[arg-type]
    promise = Promise.of(later, made_at=T0, ended_at=T0 + 2 * DAY)
    assert promise is not None
    assert (promise.start, promise.end) == (T0 + DAY, T0 + 2 * DAY)
    assert Promise.of(later, made_at=T0, ended_at=T0 + HOUR) is None, "cancelled before it began"


@given(st.lists(st.tuples(st.integers(0, 48), st.integers(1, 48), st.sampled_from([16.0, 17.0, math.nan])), max_size=6))
def test_at_any_time_one_promise_is_in_force_and_it_is_the_first(spans: list[tuple[int, int, float]]) -> None:
    given_ = [Promise(guaranteed_c=c, start=T0 + a * HOUR, end=T0 + (a + n) * HOUR) for a, n, c in spans]
    told = in_force(given_, T0, T0 + 2 * DAY)
    for n in range(48):
        at = T0 + n * HOUR + HOUR / 2
        first = next((one for one in given_ if one.within(at, at + HOUR / 4)), None)
        now = [one for one in told if one.within(at, at + HOUR / 4)]
        assert len(now) == (first is not None)
        if first is not None:
            assert repr(now[0].guaranteed_c) == repr(first.guaranteed_c)
