"""Readings are kept as long as the operator says, also where nobody pushes any."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ondol.control.clock import LeapingClock
from ondol.control.readings_in import ReadingsIn
from ondol.control.settings import Settings
from ondol.demo.fleet import demo_fleet
from ondol.model.errors import InvalidFieldError, UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.points import PointKey, PointReading
from ondol.model.site import Site
from ondol.storage.memory.store import MemoryStore

T0 = dt.datetime(2026, 1, 12, 8, 0, tzinfo=dt.UTC)
HOME, OUTDOOR = SiteId("home"), PointKey("home", "outdoor_temperature")
FLEET = Fleet(name="one", sites=(Site(id=HOME, name="Home"),), units=(), nodes=())


class Book:
    """A store with readings of an agent: none was pushed."""

    def __init__(self, store: MemoryStore, kept_days: float) -> None:
        self.store, self.clock = store, LeapingClock(T0.timestamp())
        self.readings = ReadingsIn(FLEET, store, self.clock.now, kept_days=kept_days)

    def given(self, *ages_days: float) -> None:
        times = [self.clock.now() - dt.timedelta(days=age) for age in ages_days]
        self.store.add_readings(HOME, [PointReading(key=OUTDOOR, value=5.0, measured_at=at) for at in times])

    def after_days(self, days: float) -> None:
        self.clock.leap(86_400.0 * days)
        self.readings.sweep()

    def ages(self) -> list[float]:
        now = self.clock.now()
        kept = self.store.point_readings(HOME, OUTDOOR)
        return sorted((now - one.measured_at) / dt.timedelta(days=1) for one in kept)


def test_old_readings_go_at_the_start_and_every_six_hours():
    book = Book(MemoryStore(), kept_days=30.0)
    book.given(31.0, 29.9)
    book.readings.sweep()
    assert book.ages() == pytest.approx([29.9])
    book.after_days(0.2)  # too old by now, but looked at four times a day only
    assert book.ages() == pytest.approx([30.1])
    book.after_days(0.05)
    assert book.ages() == []


def test_zero_days_keep_all():
    book = Book(MemoryStore(), kept_days=0.0)
    book.given(10_000.0)
    book.readings.sweep()
    assert len(book.ages()) == 1


def test_a_store_that_does_not_answer_is_asked_again_later():
    class Silent(MemoryStore):
        silent = True

        def forget_readings(self, before: dt.datetime) -> int:
            if self.silent:
                raise UnavailableError("no storage")
            return super().forget_readings(before)

    store = Silent()
    book = Book(store, kept_days=30.0)
    book.given(31.0)
    book.readings.sweep()
    store.silent = False
    book.after_days(0.25)
    assert book.ages() == []


@pytest.mark.parametrize("days", [-1.0, 40_000.0, float("nan")])
def test_a_number_of_days_that_cannot_be_is_refused(tmp_path: Path, days: float):
    with pytest.raises(InvalidFieldError, match="--keep-readings"):
        Settings(data=tmp_path, fleet=demo_fleet(), keep_readings_days=days)
