"""Given a site with an electricity meter of its own, when its readings come, then the ledger has what it counted."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import math

import msgspec
import pytest

from ondol.agent.wire import Have, Item, ReadingRow, Up, pack
from ondol.control.clock import LeapingClock
from ondol.control.heat_requests import HeatRequests
from ondol.control.meter_book import EVERY_S, KEY, MOST_AT_ONCE, PAGE, MeterStates, SiteMeters, meters_of
from ondol.control.remote_sites import RemoteSites
from ondol.control.site_books import SiteBooks
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import NodeId, SiteId, UnitId
from ondol.model.ledger import Metered, MeterRow, Tier
from ondol.model.points import PointKey, PointReading, Quality
from ondol.model.power import PowerCurve
from ondol.model.site import Node, Site, Unit, UnitKind
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

NOON = dt.datetime(2026, 1, 14, 12, tzinfo=dt.UTC)
SITE = SiteId("s")
METER = PointKey("s", "electric_meter")
KWH = 3.6e6
MINUTE = dt.timedelta(minutes=1)


def fleet(*points: str, sites: int = 1) -> Fleet:
    names = ["s", *(f"s{n}" for n in range(1, sites))]
    return Fleet(
        name="f",
        sites=tuple(Site(id=SiteId(name), name=name, pue=1.1) for name in names),
        units=tuple(Unit(id=UnitId(f"u-{name}"), site_id=SiteId(name), kind=UnitKind.SERVER_RACK) for name in names),
        nodes=tuple(
            Node(id=NodeId(f"n-{name}"), unit_id=UnitId(f"u-{name}"), curve=PowerCurve(100.0, 1000.0)) for name in names
        ),
        connections=tuple(
            Connection(id=f"c-{name}", site_id=SiteId(name), driver="modbus", host="127.0.0.1") for name in names
        ),
        bindings=tuple(
            Binding(entity_id=name, point=point, connection_id=f"c-{name}", address=f"holding:{n}:uint32")
            for name in names
            for n, point in enumerate(points or ("electric_meter",))
        ),
    )


class Ledger:
    """A platform that dies whenever it is asked to: of the one before, only what was written is known."""

    def __init__(self, of: Fleet | None = None) -> None:
        self.fleet, self.store = of or fleet(), MemoryStore()
        self.restart()

    def restart(self) -> None:
        data = self.store.document(KEY)
        kept = None if data is None else msgspec.json.decode(data, type=MeterStates)
        self.meters = SiteMeters(self.fleet, self.store, kept)

    def hear(self, minutes: float, kwh: float, quality: Quality = Quality.GOOD, key: PointKey = METER) -> None:
        at = NOON + dt.timedelta(minutes=minutes)
        self.store.add_readings(SITE, [PointReading(key=key, value=kwh * KWH, measured_at=at, quality=quality)])

    def book(self, minutes: float) -> list[MeterRow]:
        self.store.commit(self.meters.book(Changes(), NOON + dt.timedelta(minutes=minutes)))
        return list(self.store.meters())


def minutes(rows: list[MeterRow]) -> list[tuple[float, float]]:
    return [((row.start - NOON).total_seconds() / 60.0, (row.end - NOON).total_seconds() / 60.0) for row in rows]


def kwh(rows: list[MeterRow]) -> float:
    return math.fsum(row.amount for row in rows) / KWH


def test_quarters_of_an_hour_are_written_as_the_meter_counts() -> None:
    ledger = Ledger()
    for minute in range(46):
        ledger.hear(minute, 500.0 + minute / 60.0)
    rows = ledger.book(46)
    assert minutes(rows) == [(0.0, 15.0), (15.0, 30.0), (30.0, 45.0)]
    assert [row.amount / KWH for row in rows] == pytest.approx([0.25, 0.25, 0.25])
    assert {(row.kind, row.meter_id, row.tier) for row in rows} == {
        (Metered.ELECTRICITY_J, "s.electric_meter", Tier.T1_METER)
    }


def test_rows_carry_the_accuracy_class_of_their_meter() -> None:
    known = fleet()
    ledger = Ledger(dataclasses.replace(known, bindings=(dataclasses.replace(known.bindings[0], uncertainty=0.01),)))
    ledger.hear(0, 100.0)
    ledger.hear(30, 100.5)
    assert {row.uncertainty for row in ledger.book(31)} == {0.01}
    plain = Ledger()
    plain.hear(0, 100.0)
    plain.hear(30, 100.5)
    assert {row.uncertainty for row in plain.book(31)} == {None}


def test_nothing_is_lost_or_counted_twice_over_a_death() -> None:
    ledger = Ledger()
    for minute in range(20):
        ledger.hear(minute, 500.0 + minute / 60.0)
    ledger.book(20)
    ledger.restart()
    # When the platform is dead for a while and a site's own agent brings what it kept, then it is as if nothing was.
    for minute in range(20, 50):
        ledger.hear(minute, 500.0 + minute / 60.0)
    rows = ledger.book(60)
    assert minutes(rows) == [(0.0, 15.0), (15.0, 30.0), (30.0, 45.0)]
    assert kwh(rows) == pytest.approx(0.75)
    # When the very rows are drawn up again from the state before, then they are in the ledger once.
    assert ledger.book(60 + EVERY_S / 60.0) == rows


def test_a_death_between_reading_and_writing_costs_nothing() -> None:
    ledger = Ledger()
    for minute in range(31):
        ledger.hear(minute, 500.0 + minute / 60.0)
    ledger.meters.book(Changes(), NOON + dt.timedelta(minutes=31))  # and the platform dies before it is written
    assert list(ledger.store.meters()) == []
    ledger.restart()
    assert kwh(ledger.book(31)) == pytest.approx(0.5)


def test_a_silence_is_one_window_and_says_no_more_than_is_known() -> None:
    ledger = Ledger()
    ledger.hear(0, 500.0)
    ledger.hear(5, 500.1)
    ledger.hear(125, 502.1)
    assert minutes(ledger.book(126)) == [(0.0, 5.0), (5.0, 125.0)]


def test_a_register_that_rolls_over_goes_on() -> None:
    ledger = Ledger()
    end_kwh = 2**32 / 1000.0  # a 32-bit register of Wh
    for minute in range(31):
        ledger.hear(minute, (end_kwh - 0.2 + minute / 60.0) % end_kwh)
    assert kwh(ledger.book(31)) == pytest.approx(0.5, rel=1e-6)


def test_an_exchanged_meter_leaves_a_gap_and_no_false_amount(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger()
    for minute in range(10):
        ledger.hear(minute, 500.0 + minute / 60.0)
    # Given that the meter is exchanged for one that begins at 3 kWh, ten minutes later.
    for minute in range(20, 50):
        ledger.hear(minute, 3.0 + (minute - 20) / 60.0)
    with caplog.at_level(logging.WARNING):
        rows = ledger.book(50)
    # Then what was counted before and after stands, and of the time between there is no row.
    assert "began anew" in caplog.text
    spans = minutes(rows)
    assert spans[0] == (0.0, 9.0)
    assert spans[1][0] >= 20.0
    assert all(
        row.amount / KWH == pytest.approx((end - start) / 60.0) for row, (start, end) in zip(rows, spans, strict=True)
    )


def test_a_slip_of_the_display_leaves_no_gap() -> None:
    ledger = Ledger()
    for minute in range(46):
        ledger.hear(minute, 500.0 + minute / 60.0 - (0.02 if minute == 20 else 0.0))
    assert minutes(ledger.book(46)) == [(0.0, 15.0), (15.0, 30.0), (30.0, 45.0)]


@pytest.mark.parametrize("absurd", [-5.0, 1e6, 0.0])
def test_one_absurd_reading_changes_nothing(absurd: float) -> None:
    ledger = Ledger()
    for minute in range(46):
        ledger.hear(minute, absurd if minute == 20 else 500.0 + minute / 60.0)
    rows = ledger.book(46)
    assert [row.amount / KWH for row in rows] == pytest.approx([0.25, 0.25, 0.25])


def test_a_meter_that_runs_backwards_counts_nothing() -> None:
    ledger = Ledger()
    for minute in range(46):
        ledger.hear(minute, 500.0 - minute / 60.0)
    assert kwh(ledger.book(46)) == 0.0


def test_doubtful_readings_and_those_of_tomorrow_are_not_taken() -> None:
    ledger = Ledger()
    for minute in range(31):
        ledger.hear(minute, 500.0 + minute / 60.0)
        ledger.hear(minute + 0.5, 900.0, Quality.SUSPECT)
    ledger.hear(60 * 24, 700.0)  # a clock out there is a day ahead
    assert kwh(ledger.book(31)) == pytest.approx(0.5)
    for minute in range(31, 46):
        ledger.hear(minute, 500.0 + minute / 60.0)
    assert kwh(ledger.book(46)) == pytest.approx(0.75)


def test_fuel_own_electricity_and_water_have_rows_of_their_own() -> None:
    ledger = Ledger(fleet("fuel_meter", "renewable_meter", "water_meter"))
    for minute in range(16):
        ledger.hear(minute, 10.0 + minute / 60.0, key=PointKey("s", "fuel_meter"))
        ledger.hear(minute, 20.0 + minute / 30.0, key=PointKey("s", "renewable_meter"))
        ledger.hear(minute, (30.0 + minute / 1000.0) / KWH, key=PointKey("s", "water_meter"))  # m³
    found = {row.kind: row.amount for row in ledger.book(16)}
    assert found[Metered.BACKUP_FUEL_J] == pytest.approx(0.25 * KWH)
    assert found[Metered.RENEWABLE_J] == pytest.approx(0.5 * KWH)
    assert found[Metered.WATER_L] == pytest.approx(15.0)


def test_cooling_has_rows_of_what_it_takes_and_removes() -> None:
    ledger = Ledger(fleet("cooling_electric_meter", "cooling_heat_meter"))
    for minute in range(16):
        ledger.hear(minute, 10.0 + minute / 600.0, key=PointKey("s", "cooling_electric_meter"))
        ledger.hear(minute, 20.0 + minute / 60.0, key=PointKey("s", "cooling_heat_meter"))
    found = {row.kind: row.amount for row in ledger.book(16)}
    assert found[Metered.COOLING_ELECTRICITY_J] == pytest.approx(0.025 * KWH)
    assert found[Metered.COOLING_HEAT_J] == pytest.approx(0.25 * KWH)


def test_an_agent_of_its_own_brings_a_night_that_it_was_alone() -> None:
    # Given a site whose agent could not reach the platform for a night, and kept what its meter said.
    base = fleet()
    own = dataclasses.replace(base, sites=(dataclasses.replace(base.sites[0], agent="own"),))
    ledger = Ledger(own)
    clock = LeapingClock((NOON + dt.timedelta(hours=10)).timestamp())
    remote = RemoteSites(
        own,
        store=ledger.store,
        requests=HeatRequests(own, ledger.store, clock.now),
        books=SiteBooks(ledger.store),
        clock=clock,
    )
    rows = tuple(
        ReadingRow.of(PointReading(key=METER, value=(500.0 + n / 60.0) * KWH, measured_at=NOON + n * MINUTE))
        for n in range(600)
    )
    # When it brings that, and once more as if the answer had been lost, then every quarter has its row, once.
    for _ in range(2):
        up = Up(outbox="box", now=clock.now(), items=(Item(number=1, readings=rows),), have=Have())
        remote.exchange(SITE, pack(up))
        found = ledger.book(600.0)
    assert len(found) == 39
    assert kwh(found) == pytest.approx(9.75)
    assert minutes(found)[-1] == (570.0, 585.0)


def test_a_node_has_no_meter_row_and_an_unbound_site_none_either() -> None:
    made = fleet("electric_power")
    assert meters_of(made) == ()
    changes = Changes()
    assert SiteMeters(made, MemoryStore()).book(changes, NOON) is changes


def test_many_meters_and_long_histories_take_some_turns() -> None:
    ledger = Ledger(fleet(sites=MOST_AT_ONCE + 5))
    readings = [
        PointReading(key=METER, value=500.0 * KWH + 10.0 * n, measured_at=NOON + dt.timedelta(seconds=n))
        for n in range(PAGE + 10)
    ]
    ledger.store.add_readings(SITE, readings)
    late = NOON + dt.timedelta(seconds=PAGE + 10)
    asked = [0, 0]
    for turn in range(2):
        store = ledger.store
        before = store.point_readings
        store.point_readings = lambda *a, t=turn, b=before, **k: (asked.__setitem__(t, asked[t] + 1), b(*a, **k))[1]  # type: ignore[method-assign]
        store.commit(ledger.meters.book(Changes(), late))
        store.point_readings = before  # type: ignore[method-assign]
    assert asked == [MOST_AT_ONCE, 6]
    rows = list(ledger.store.meters())
    assert math.fsum(row.amount for row in rows) == pytest.approx(900.0 * 10.0 * ((PAGE + 9) // 900))


@pytest.mark.parametrize("known", [True, False])
def test_a_night_of_readings_that_nobody_trusts_does_not_hold_up_those_behind_it(known: bool) -> None:
    ledger = Ledger()
    if known:
        ledger.hear(0, 500.0)
        ledger.hear(15, 500.2)
        ledger.book(15)
    # Given more of them than are taken in one turn, when the instrument is mended, then the meter is read on.
    for number in range(PAGE + 10):
        ledger.hear(16.0 + number / 100.0, 9e9, Quality.SUSPECT)
    ledger.hear(75, 500.4)
    ledger.hear(90, 500.6)
    for turn in range(3):
        rows = ledger.book(91.0 + turn)
    assert kwh(rows) == pytest.approx(0.6 if known else 0.2)
