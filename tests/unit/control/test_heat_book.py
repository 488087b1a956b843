"""Given units with and without heat meters, when windows are drawn up, then rows say how and when heat was got."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.accounting.bins import resolve
from ondol.agent.orders import SinkOrder, SiteOrders
from ondol.control.heat_book import HeatBook, HeatCounters
from ondol.drivers.ports import UnitReading
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.ledger import HeatRow, Tier
from ondol.model.power import PowerCurve
from ondol.model.sink import Tank, Zone
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind

T0 = dt.datetime(2026, 1, 12, tzinfo=dt.UTC)
SITE, HEATER, BOILER = SiteId("s"), UnitId("heater"), UnitId("boiler")
NODES = {NodeId("n1"): HEATER, NodeId("n2"): BOILER}


def fleet(*bound: tuple[str, str], connected: bool = True) -> Fleet:
    return Fleet(
        name="f",
        sites=(Site(id=SITE, name="S"),),
        units=(
            Unit(id=HEATER, site_id=SITE, kind=UnitKind.DIGITAL_HEATER, zone_id=SinkId("room"), capture_fraction=0.9),
            Unit(
                id=BOILER,
                site_id=SITE,
                kind=UnitKind.DIGITAL_BOILER,
                circuit_id=CircuitId("loop"),
                capture_fraction=0.8,
                case_ua_w_per_k=5.0,
                loop_temp_max_c=65.0,
            ),
        ),
        nodes=tuple(Node(id=node, unit_id=unit, curve=PowerCurve(50.0, 2000.0)) for node, unit in NODES.items()),
        sinks=(Zone(id=SinkId("room"), site_id=SITE, name="room"), Tank(id=SinkId("tank"), site_id=SITE, name="tank")),
        circuits=(HeatCircuit(id=CircuitId("loop"), site_id=SITE, kind="dhw", sink_id=SinkId("tank")),),
        connections=(Connection(id="c", site_id=SITE, driver="modbus", host="127.0.0.1"),) if connected else (),
        bindings=tuple(
            Binding(entity_id=entity, point=point, connection_id="c", address=f"holding:{n}:uint32")
            for n, (entity, point) in enumerate(bound)
        ),
    )


def orders() -> SiteOrders:
    sinks = tuple(
        SinkOrder(
            sink_id=SinkId(name),
            temp_c=20.0,
            heat_wanted_w=1000.0,
            comfort_lower_c=19.0,
            comfort_upper_c=21.0,
            discomfort_kh=0.0,
        )
        for name in ("room", "tank")
    )
    return SiteOrders(now=T0, dt_s=60.0, units=(), nodes=(), sinks=sinks)


def reading(unit: UnitId, heat_j: float = math.nan, loop_c: float = math.nan) -> UnitReading:
    return UnitReading(unit_id=unit, measured_at=T0, heat_j=heat_j, loop_temp_c=loop_c)


def minute(book: HeatBook, number: int, *units: UnitReading, heard: bool = True) -> dict[UnitId, HeatRow]:
    """A minute at 1500 W, and the rows that it ends with."""
    book.sample(60.0, [orders()] if heard else [], dict.fromkeys(NODES, 90_000.0), units)
    start = T0 + dt.timedelta(minutes=number)
    rows, counters = book.close(start, start + dt.timedelta(minutes=1), units)
    book.settle(rows, counters)
    return {row.unit_id: row for row in rows}


@pytest.mark.parametrize(
    ("bound", "connected", "heater", "boiler"),
    [
        ((), False, (Tier.T1_METER, True), (Tier.T1_METER, True)),
        ((("heater", "heat_meter"), ("loop", "heat_meter")), True, (Tier.T1_METER, False), (Tier.T1_METER, False)),
        (
            (
                ("heater", "heat_power"),
                ("loop", "flow"),
                ("loop", "supply_temperature"),
                ("loop", "return_temperature"),
            ),
            True,
            (Tier.T2_BMC, False),
            (Tier.T2_BMC, False),
        ),
        ((("loop", "flow"), ("loop", "supply_temperature")), True, (Tier.T4_CURVE, False), (Tier.T4_CURVE, False)),
    ],
)
def test_rows_say_how_their_heat_was_got(
    bound: tuple[tuple[str, str], ...], connected: bool, heater: tuple[Tier, bool], boiler: tuple[Tier, bool]
) -> None:
    book = HeatBook(fleet(*bound, connected=connected))
    metered = (reading(HEATER, 5.0), reading(BOILER, 5.0)) if heater[0] is not Tier.T4_CURVE else ()
    rows = minute(book, 0, *metered)
    assert [(rows[unit].tier, rows[unit].virtual) for unit in (HEATER, BOILER)] == [heater, boiler]


def test_heat_that_nothing_measures_is_estimated_and_claimed_by_nobody() -> None:
    book = HeatBook(fleet())
    rows = minute(book, 0, reading(BOILER, loop_c=50.0))
    # 90 kJ: 0.9 of it from the heater, whose case heats its room; 0.8 from the boiler less 5 W/K × (50 − 20) K × 60 s.
    assert rows[HEATER].delivered_j == pytest.approx(81_000.0)
    assert rows[BOILER].delivered_j == pytest.approx(72_000.0 - 9_000.0)
    resolved = resolve(rows.values())
    assert resolved.sinks == {}
    assert resolved.estimated_j == {SITE: pytest.approx(144_000.0)}
    # When nothing tells the loop's temperature, then it counts as hot as it may be; below nothing there is nothing.
    assert minute(book, 1)[BOILER].delivered_j == pytest.approx(72_000.0 - 5.0 * 45.0 * 60.0)
    rows, _ = book.close(T0 + dt.timedelta(minutes=2), T0 + dt.timedelta(minutes=3), ())
    assert rows == []


def test_a_meter_that_is_lost_gives_no_row_and_its_next_one_spans_the_gap() -> None:
    book = HeatBook(fleet(("heater", "heat_meter"), ("loop", "heat_meter")))
    minute(book, 0, reading(HEATER, 0.0), reading(BOILER, 0.0))
    assert HEATER not in minute(book, 1, reading(BOILER, 1.0))
    row = minute(book, 2, reading(HEATER, 170.0), reading(BOILER, 2.0))[HEATER]
    assert (row.start, row.end) == (T0 + dt.timedelta(minutes=1), T0 + dt.timedelta(minutes=3))
    assert (row.delivered_j, row.electric_j, row.demanded_j) == (170.0, 180_000.0, 120_000.0)


def test_after_a_dead_platform_the_first_row_spans_what_its_meter_counted() -> None:
    metered = fleet(("heater", "heat_meter"), ("loop", "heat_meter"))
    book = HeatBook(metered)
    book.sample(60.0, [orders()], dict.fromkeys(NODES, 90_000.0), [reading(HEATER, 0.0)])
    rows, counters = book.close(T0, T0 + dt.timedelta(minutes=1), [reading(HEATER, 50.0)])
    assert [row.delivered_j for row in rows] == [50.0]
    # Given that the platform dies for three hours, and comes back before its site is heard: no row of the first window.
    book = HeatBook(metered, counters)
    book.sample(180 * 60.0, [], {NodeId("n1"): 1e6}, ())
    rows, counters = book.close(T0 + dt.timedelta(minutes=1), T0 + dt.timedelta(minutes=181), ())
    assert (rows, counters.heat_j) == ([], {"heater": 50.0})
    # And that it dies once more before the site is heard.
    book = HeatBook(metered, msgspec.json.decode(msgspec.json.encode(counters), type=HeatCounters))
    # When the site is heard again, then its row spans the three hours that the meter counted over, not one minute.
    row = minute(book, 181, reading(HEATER, 900.0))[HEATER]
    assert (row.start, row.end) == (T0 + dt.timedelta(minutes=1), T0 + dt.timedelta(minutes=182))
    assert (row.delivered_j, row.electric_j) == (850.0, 1e6 + 90_000.0)
    # What is asked for while nobody was heard is not made up, nor what was felt: its end says nothing of three hours.
    assert row.demanded_j == 60_000.0
    assert math.isnan(row.temp_c)


def test_a_site_that_is_heard_at_the_first_moment_after_a_dead_night_asked_for_nothing_in_it() -> None:
    """Given a platform that was dead for eight hours, when its own site speaks at once, then only from now on."""
    metered = fleet(("heater", "heat_meter"), ("loop", "heat_meter"))
    book = HeatBook(metered)
    first = minute(book, 0, reading(HEATER, 0.0))[HEATER]
    assert first.temp_c == pytest.approx(20.0)
    _, counters = book.close(T0 + dt.timedelta(minutes=1), T0 + dt.timedelta(minutes=1), ())
    book = HeatBook(metered, counters)
    book.sample(480 * 60.0, [orders()], {NodeId("n1"): 1e6}, [reading(HEATER, 900.0)])
    book.sample(60.0, [orders()], {NodeId("n1"): 1e5}, [reading(HEATER, 950.0)])
    rows, _ = book.close(T0 + dt.timedelta(minutes=1), T0 + dt.timedelta(minutes=482), [reading(HEATER, 950.0)])
    (row,) = rows
    assert (row.electric_j, row.delivered_j) == (1.1e6, 950.0)
    assert row.demanded_j == 60_000.0
    assert math.isnan(row.temp_c)


def test_a_row_whose_meter_alone_was_silent_keeps_what_was_felt() -> None:
    book = HeatBook(fleet(("heater", "heat_meter"), ("loop", "heat_meter")))
    minute(book, 0, reading(HEATER, 0.0))
    minute(book, 1)
    assert minute(book, 2, reading(HEATER, 170.0))[HEATER].temp_c == pytest.approx(20.0)


def test_a_clock_that_was_set_back_does_not_turn_a_row_around() -> None:
    metered = fleet(("heater", "heat_meter"), ("loop", "heat_meter"))
    late = (T0 + dt.timedelta(days=1)).timestamp()
    book = HeatBook(metered, HeatCounters(heat_j={"heater": 5.0}, since_s={"heater": late}))
    row = minute(book, 0, reading(HEATER, 9.0))[HEATER]
    assert (row.start, row.delivered_j) == (T0, 4.0)


def test_counters_of_an_earlier_release_go_on() -> None:
    book = HeatBook(fleet(("heater", "heat_meter")), HeatCounters(heat_j={"heater": 5.0}))
    assert minute(book, 0, reading(HEATER, 9.0))[HEATER].start == T0


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.floats(0.0, 1e6)), max_size=12))
@settings(max_examples=100, deadline=None)
def test_whatever_is_lost_or_dies_no_joule_is(minutes: list[tuple[bool, bool, bool, float]]) -> None:
    """Of (site heard, meter speaks, platform dies after it, heat): rows follow each other and sum to all there was."""
    metered = fleet(("heater", "heat_meter"), ("loop", "heat_meter"))
    book, meter_j, counters = HeatBook(metered), 0.0, HeatCounters(heat_j={})
    rows: list[HeatRow] = []
    for number, (heard, speaks, dies, heat_j) in enumerate(
        [(True, True, False, 0.0), *minutes, (True, True, False, 1.0)]
    ):
        meter_j += heat_j
        told = [reading(HEATER, meter_j)] if speaks and heard else []
        book.sample(60.0, [orders()] if heard else [], {NodeId("n1"): 90_000.0}, told)
        start = T0 + dt.timedelta(minutes=number)
        made, counters = book.close(start, start + dt.timedelta(minutes=1), told)
        book.settle(made, counters)
        rows += [row for row in made if row.unit_id == HEATER]
        if dies:
            book = HeatBook(metered, counters)
    assert math.fsum(row.delivered_j for row in rows) == pytest.approx(meter_j)
    assert math.fsum(row.electric_j for row in rows) == 90_000.0 * (len(minutes) + 2)
    assert rows[0].start == T0
    assert all(row.start == before.end for before, row in itertools.pairwise(rows))
