"""A moment in a sentence: UTC, in one form everywhere, without what nobody reads."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from ondol.model.instant import said_utc


def test_a_moment_is_said_in_utc_to_the_minute_or_the_second() -> None:
    midnight = dt.datetime(2026, 1, 13, tzinfo=ZoneInfo("Europe/Paris"))
    assert said_utc(midnight) == "2026-01-12 23:00 UTC"
    assert said_utc(midnight.replace(second=7, microsecond=949_256)) == "2026-01-12 23:00:07 UTC"
    assert said_utc(midnight.replace(microsecond=3)) == "2026-01-12 23:00 UTC"
