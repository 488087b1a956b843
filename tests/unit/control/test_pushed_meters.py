"""Given a host who pushes a site's meter, when it says what cannot be, then that is told and no row is wrong."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from zoneinfo import ZoneInfo

import pytest

from ondol.control.clock import LeapingClock
from ondol.control.meter_book import SiteMeters
from ondol.control.readings_in import PushedRow, ReadingsIn, Verdict
from ondol.model.connection import Connection
from ondol.model.ids import SiteId
from ondol.model.ledger import MeterRow
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes
from unit.control.test_site_meters import KWH, NOON, SITE, fleet

PARIS = ZoneInfo("Europe/Paris")


class House:
    """A site whose electricity meter, in Wh, is pushed by its host."""

    def __init__(self, now: dt.datetime = NOON + dt.timedelta(hours=6)) -> None:
        known = fleet()
        bound = dataclasses.replace(known.bindings[0], address="", scale=3600.0)
        pushed = Connection(id="c-s", site_id=SITE, driver="push")
        self.fleet = dataclasses.replace(known, connections=(pushed,), bindings=(bound,))
        self.store, self.clock = MemoryStore(), LeapingClock(now.timestamp())
        self.readings = ReadingsIn(self.fleet, self.store, self.clock.now)
        self.meters = SiteMeters(self.fleet, self.store)

    def push(self, *rows: tuple[dt.datetime | str | None, object]) -> list[Verdict]:
        """Time and Wh each."""
        given = [
            PushedRow(
                entity="s",
                point="electric_meter",
                value=value,
                time=at.isoformat() if isinstance(at, dt.datetime) else at,
            )
            for at, value in rows
        ]
        return self.readings.take(given, frozenset({SiteId("s")}))

    def ledger(self) -> list[MeterRow]:
        self.clock.leap(1800.0)
        self.store.commit(self.meters.book(Changes(), self.clock.now()))
        return list(self.store.meters())

    def kwh(self) -> float:
        return math.fsum(row.amount for row in self.ledger()) / KWH


def minute(number: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=number)


def test_a_meter_below_zero_is_kept_as_suspect_and_said_to_be() -> None:
    house = House()
    told = house.push(*((minute(n), -50.0 if n == 20 else 5000.0 + 10.0 * n) for n in range(46)))
    assert [number for number, one in enumerate(told) if one.doubt] == [20]
    assert told[20].field == "value"
    assert "-180000 J is none of 0 to 1e+18 J: kept as suspect, and counted nowhere" in told[20].doubt
    assert not any(one.reason for one in told)
    assert house.kwh() == pytest.approx(0.45)


@pytest.mark.parametrize("absurd", [1e9, 1e13, 0.0, 4990.0])
def test_one_absurd_value_adds_nothing(absurd: float) -> None:
    house = House()
    house.push(*((minute(n), absurd if n == 20 else 5000.0 + 10.0 * n) for n in range(46)))
    assert house.kwh() == pytest.approx(0.45)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "12", True, None])
def test_what_is_no_number_is_refused_in_words(value: object) -> None:
    house = House()
    (told,) = house.push((minute(0), value))
    assert told.field == "value"
    assert "number" in told.reason
    assert house.store.point_readings(SITE, house.meters.meters[0].binding.key) == ()


def test_sent_again_nothing_is_counted_twice_and_another_value_of_the_same_time_is_refused() -> None:
    house = House()
    rows = [(minute(n), 5000.0 + 10.0 * n) for n in range(46)]
    for _ in range(2):
        assert not any(one.reason for one in house.push(*rows))
    told = house.push((minute(46), 5460.0), (minute(46), 5470.0), (minute(46), 5460.0))
    assert [one.reason != "" for one in told] == [False, True, False]
    assert "the same as in the row before" in told[1].reason
    assert house.kwh() == pytest.approx(0.45)


def test_an_exchanged_meter_leaves_a_gap_between_its_last_and_the_new_ones_first_reading() -> None:
    house = House()
    before = [(minute(n), 5000.0 + 10.0 * n) for n in range(31)]
    after = [(minute(n), 3.0 + 10.0 * (n - 40)) for n in range(40, 91)]
    house.push(*before, *after)
    rows = house.ledger()
    assert not [row for row in rows if row.start < minute(40) and row.end > minute(30)]
    assert sum(row.amount for row in rows) / KWH == pytest.approx(
        sum((row.end - row.start) / dt.timedelta(minutes=1) for row in rows) * 0.01
    )


def test_a_clock_that_goes_back_counts_nothing_twice() -> None:
    """Given a logger whose clock was put back by an hour, then its readings of that hour are those of before, or set
    aside: of the hour that nobody can place there is no row."""
    house = House()
    house.push(*((minute(n), 5000.0 + 10.0 * n) for n in range(61)))
    house.ledger()
    house.push(*((minute(n + 0.5), 5610.0 + 10.0 * n) for n in range(60)))  # truly an hour later
    house.push(*((minute(n), 6210.0 + 10.0 * (n - 60)) for n in range(61, 121)))
    rows = house.ledger()
    for row in rows:
        assert row.amount / KWH == pytest.approx((row.end - row.start) / dt.timedelta(minutes=1) * 0.01, rel=0.05)
    assert all(one.end <= other.start for one, other in itertools.pairwise(rows))
    assert sum(row.amount for row in rows) / KWH > 1.1, "the hours beside it are counted"


@pytest.mark.parametrize("day", [dt.date(2026, 3, 29), dt.date(2025, 10, 26)])
def test_days_of_clock_changes_have_their_true_length(day: dt.date) -> None:
    """Given local times with their zone over a day of 23 or 25 hours, then each hour has its row, once."""
    first = dt.datetime.combine(day, dt.time(), PARIS)
    last = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), PARIS)
    quarters = round((last.timestamp() - first.timestamp()) / 900.0)
    house = House(last + dt.timedelta(hours=1))
    times = [dt.datetime.fromtimestamp(first.timestamp() + 900.0 * n, PARIS) for n in range(quarters + 1)]
    assert not any(one.reason for one in house.push(*((at, 5000.0 + 250.0 * n) for n, at in enumerate(times))))
    rows = house.ledger()
    assert len(rows) == quarters
    assert quarters in (92, 100)
    assert {round(row.amount / KWH, 9) for row in rows} == {0.25}


def test_of_tomorrow_nothing_is_taken() -> None:
    house = House()
    told = house.push((house.clock.now() + dt.timedelta(hours=1), 5000.0))
    assert told[0].field == "time"
    assert "after platform time" in told[0].reason
