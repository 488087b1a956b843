"""The latest value of a point is told as what it is by now: an instrument that fell silent is not good for ever."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.control.point_age import as_aged
from ondol.model.binding import Binding
from ondol.model.points import PointKey, PointReading, Quality

AT = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)


def quality(minutes: float, *, was: Quality = Quality.GOOD, interval_s: float = 10.0, stale_s: float = 0.0) -> Quality:
    """Quality of a reading that was measured so many minutes ago."""
    key = PointKey("room", "temperature")
    reading = PointReading(key=key, value=20.0, measured_at=AT, quality=was)
    bound = Binding(entity_id="room", point="temperature", connection_id="c", address="x", stale_after_s=stale_s)
    aged = as_aged(reading, AT + dt.timedelta(minutes=minutes), binding=bound, interval_s=interval_s)
    assert aged is not None
    assert (aged.value, aged.measured_at) == (20.0, AT)
    return aged.quality


def test_a_value_of_a_night_ago_is_stale_and_one_of_just_now_is_not() -> None:
    assert quality(9.0) is Quality.GOOD
    assert quality(11.0) is Quality.STALE
    assert quality(8 * 60.0) is Quality.STALE


@pytest.mark.parametrize(("interval_s", "stale_s"), [(3600.0, 0.0), (10.0, 3 * 3600.0)])
def test_a_meter_that_is_read_by_the_hour_may_be_older(interval_s: float, stale_s: float) -> None:
    assert quality(179.0, interval_s=interval_s, stale_s=stale_s) is Quality.GOOD
    assert quality(181.0, interval_s=interval_s, stale_s=stale_s) is Quality.STALE


def test_what_was_wrong_stays_wrong_and_what_is_told_every_ten_minutes_may_be_twenty_old() -> None:
    assert quality(600.0, was=Quality.SUSPECT) is Quality.SUSPECT
    assert quality(19.0, was=Quality.ESTIMATED) is Quality.ESTIMATED
    assert quality(21.0, was=Quality.ESTIMATED) is Quality.STALE
    assert as_aged(None, AT, binding=None, interval_s=0.0) is None
