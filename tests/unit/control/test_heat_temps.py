"""Temperatures of a window are those at which heat was handed over in it, however many readings it has."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from ondol.control import heat_temps
from ondol.control.heat_temps import STATED_C, Handover, handover, surroundings
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.fleet import Fleet
from ondol.model.ids import CircuitId, NodeId, SinkId, SiteId, UnitId
from ondol.model.ledger import HeatRow, Tier
from ondol.model.points import PointKey, PointReading, Quality
from ondol.model.power import PowerCurve
from ondol.model.sink import Tank
from ondol.model.site import HeatCircuit, Node, Site, Unit, UnitKind
from ondol.storage.memory.store import MemoryStore
from ondol.storage.ports import Changes

START, HOUR = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.timedelta(hours=1)
SITE, SUPPLY, BACK = SiteId("s"), "supply_temperature", "return_temperature"
BOUND = tuple((entity, point) for entity in ("u", "v", "loop") for point in (SUPPLY, BACK))


def fleet(*bound: tuple[str, str], climate: str = "H1a") -> Fleet:
    """Two boilers on one circuit that heats a tank."""
    return Fleet(
        name="f",
        sites=(Site(id=SITE, name="S", climate=climate),),
        units=tuple(
            Unit(id=UnitId(key), site_id=SITE, kind=UnitKind.DIGITAL_BOILER, circuit_id=CircuitId("loop"))
            for key in ("u", "v")
        ),
        nodes=tuple(Node(id=NodeId(f"n{k}"), unit_id=UnitId(k), curve=PowerCurve(100.0, 1000.0)) for k in ("u", "v")),
        sinks=(Tank(id=SinkId("tank"), site_id=SITE, name="Tank"),),
        circuits=(HeatCircuit(id=CircuitId("loop"), site_id=SITE, kind="dhw", sink_id=SinkId("tank")),),
        connections=(Connection(id="c", site_id=SITE, driver="push"),),
        bindings=tuple(
            Binding(entity_id=entity, point=point, connection_id="c", address="x") for entity, point in bound
        ),
    )


def reading(point: str, hour: float, value: float, quality: Quality = Quality.GOOD, entity: str = "u") -> PointReading:
    return PointReading(key=PointKey(entity, point), value=value, measured_at=START + hour * HOUR, quality=quality)


def heat(hour: float, kwh: float, *, unit: str = "u", hours: float = 1.0, tier: Tier = Tier.T1_METER) -> HeatRow:
    return HeatRow(
        site_id=SITE, unit_id=UnitId(unit), sink_id=SinkId("tank"), start=START + hour * HOUR,
        end=START + (hour + hours) * HOUR, electric_j=kwh * 3.6e6, delivered_j=kwh * 3.6e6, demanded_j=kwh * 3.6e6,
        temp_c=50.0, setpoint_c=55.0, lower_c=50.0, upper_c=60.0, discomfort_kh=0.0, tier=tier,
    )  # fmt: skip


def found(
    readings: list[PointReading], rows: list[HeatRow], *bound: tuple[str, str], hours: float = 24.0
) -> Handover | None:
    home, store = fleet(*(bound or BOUND[:2])), MemoryStore()
    store.add_readings(SITE, readings)
    store.commit(Changes(ledger=tuple(rows)))
    return handover(home, store, home.sites[0], START, START + hours * HOUR)


def test_a_month_of_which_the_second_half_was_warmer_has_the_mean_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more readings than are looked at, when the month is asked for, then its end counts as its beginning."""
    monkeypatch.setattr(heat_temps, "_PARTS", 24)
    monkeypatch.setattr(heat_temps, "_MOST", 3)
    rows = [reading(SUPPLY, n / 10.0, 40.0 if n < 120 else 60.0) for n in range(240)]
    rows += [reading(BACK, n / 10.0, 30.0 if n < 120 else 40.0) for n in range(240)]
    rows += [reading(SUPPLY, 5.0 + n / 1000.0, 999.0, Quality.SUSPECT) for n in range(1, 50)]
    made = found(rows, [heat(n, 1.0) for n in range(24)])
    assert made is not None
    assert (made.supply_c, made.return_c, made.share) == pytest.approx((50.0, 35.0, 1.0), abs=0.5)


def test_hours_count_by_the_heat_that_was_handed_over_in_them() -> None:
    # given a pipe that is at 60 °C while 3 kWh flow, and at 20 °C while 1 kWh flows, and cold while nothing does
    readings = [reading(SUPPLY, n / 4, 60.0 if n < 40 else 20.0) for n in range(96)]
    readings += [reading(BACK, n / 4, 40.0 if n < 40 else 18.0) for n in range(96)]
    made = found(readings, [heat(2.0, 3.0), heat(12.0, 1.0)])
    assert made is not None
    assert made.supply_c == pytest.approx(0.75 * 60.0 + 0.25 * 20.0)
    assert made.return_c == pytest.approx(0.75 * 40.0 + 0.25 * 18.0)


def test_units_count_by_their_heat_and_heat_without_temperatures_is_told() -> None:
    own = [reading(SUPPLY, n / 4, 60.0) for n in range(96)] + [reading(BACK, n / 4, 50.0) for n in range(96)]
    other = [reading(SUPPLY, n / 4, 30.0, entity="v") for n in range(96)]
    other += [reading(BACK, n / 4, 20.0, entity="v") for n in range(96)]
    rows = [heat(2.0, 3.0), heat(2.0, 1.0, unit="v")]
    both = found([*own, *other], rows, *BOUND[:4])
    assert both == Handover(supply_c=pytest.approx(52.5), return_c=pytest.approx(42.5), share=pytest.approx(1.0))  # type: ignore[arg-type]
    one = found(own, rows)
    assert one is not None
    assert (one.supply_c, one.share) == pytest.approx((60.0, 0.75))
    # and the points of a circuit stand for the units on it that have none of their own
    loop = [dataclasses.replace(one, key=PointKey("loop", one.key.point)) for one in other]
    assert found([*own, *loop], rows, *BOUND[:2], *BOUND[4:]) == both


def test_without_heat_readings_or_with_a_pipe_turned_round_nothing_is_told() -> None:
    good = [reading(SUPPLY, 2.5, 60.0), reading(BACK, 2.5, 50.0)]
    assert found(good, [heat(2.0, 1.0)]) is not None
    assert found(good, []) is None
    assert found(good, [heat(2.0, 1.0, tier=Tier.T4_CURVE)]) is None  # estimated heat is in no view
    assert found([], [heat(2.0, 1.0)]) is None
    assert found(good, [heat(5.0, 1.0)]) is None  # read hours before any heat flowed
    assert found([reading(SUPPLY, 2.5, 50.0), reading(BACK, 2.5, 60.0)], [heat(2.0, 1.0)]) is None
    assert found(good, [heat(2.0, 1.0)], (BOUND[0])) is None  # only one of both is bound


def test_surroundings_are_measured_or_of_the_weather_or_stated_and_it_is_said_which() -> None:
    end = START + 24 * HOUR
    store, home = MemoryStore(), fleet(("s", "outdoor_temperature"))
    weather_c, said = surroundings(home, store, home.sites[0], START, end)
    assert said == "weather series H1a"
    assert -10.0 < weather_c < 15.0
    store.add_readings(SITE, [reading("outdoor_temperature", n, 3.0, entity="s") for n in range(24)])
    assert surroundings(home, store, home.sites[0], START, end) == (pytest.approx(3.0), "measured")
    far = fleet(climate="elsewhere")
    assert surroundings(far, MemoryStore(), far.sites[0], START, end)[0] == STATED_C
    assert "278.15 K" in surroundings(far, MemoryStore(), far.sites[0], START, end)[1]


def test_heat_that_flowed_while_sensors_were_dead_is_no_heat_of_known_temperature() -> None:
    # given a day of even heat, of which the sensors saw six hours and the last reading was held for one more
    rows = [heat(n, 1.0) for n in range(24)]
    readings = [reading(point, n / 4, level) for point, level in ((SUPPLY, 60.0), (BACK, 50.0)) for n in range(24)]
    made = found(readings, rows)
    assert made is not None
    assert made.share == pytest.approx(7 / 24, abs=0.01)
    # and the circuit's sensors stand for a unit whose own are silent
    loop = [dataclasses.replace(one, key=PointKey("loop", one.key.point)) for one in readings]
    assert found(loop, rows, *BOUND[:2], *BOUND[4:]) == made
