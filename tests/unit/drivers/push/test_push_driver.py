"""Values that a host pushes: what is kept, what is refused, and when the host counts as silent."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.drivers.push.driver import PushDriver
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.points import PointKey, PointReading, Quality
from unit.drivers import contract
from unit.drivers.contract import START, Clock, a_binding, a_connection, a_fleet

TANK = PointKey("tank", "temperature")
POWER = PointKey("boiler", "heat_power")


def _driver(clock: Clock) -> PushDriver:
    bindings = (a_binding("temperature", entity_id="tank"), a_binding("heat_power", scale=1000.0))
    return PushDriver(a_connection("push", interval_s=10.0), bindings, fleet=a_fleet(), now=clock)


def _reading(key: PointKey, value: float, after_s: float = 0.0) -> PointReading:
    return PointReading(key=key, value=value, measured_at=START + dt.timedelta(seconds=after_s), source="host")


def test_what_is_pushed_is_read_in_si_with_its_time() -> None:
    clock = Clock()
    driver = _driver(clock)
    driver.open()
    clock.leap(30.0)
    # when 58 °C and 2.4 kW are pushed, measured a while ago
    assert driver.push([_reading(TANK, 58.0, 20.0), _reading(POWER, 2.4, 25.0)]) == 2
    # then both are there with their own times, from this connection
    assert [(str(one.key), one.value) for one in driver.readings()] == [
        ("boiler.heat_power", 2400.0),
        ("tank.temperature", 58.0),
    ]
    assert driver.readings()[1].measured_at == START + dt.timedelta(seconds=20)
    contract.check_readings(driver, clock)


def test_an_older_value_does_not_take_the_place_of_a_newer_one() -> None:
    clock = Clock()
    driver = _driver(clock)
    clock.leap(60.0)
    assert driver.push([_reading(TANK, 58.0, 50.0)]) == 1
    assert driver.push([_reading(TANK, 40.0, 30.0)]) == 0
    assert driver.readings()[0].value == 58.0


def test_all_is_refused_where_one_point_is_not_bound() -> None:
    driver = _driver(Clock())
    with pytest.raises(NotFoundError, match="stranger"):
        driver.push([_reading(TANK, 58.0), _reading(PointKey("stranger", "temperature"), 20.0)])
    assert driver.readings() == ()
    assert driver.status().errors == 1


def test_a_clock_that_runs_ahead_is_taken_for_now_or_refused() -> None:
    driver = _driver(Clock())
    assert driver.push([_reading(TANK, 58.0, 30.0)]) == 1
    assert driver.readings()[0].measured_at == START
    with pytest.raises(InvalidFieldError, match="measured_at"):
        driver.push([_reading(TANK, 58.0, 3600.0)])


def test_a_value_out_of_range_is_suspect_and_doubt_of_the_host_s_stays() -> None:
    driver = _driver(Clock())
    driver.push([_reading(TANK, 580.0)])
    assert driver.readings()[0].quality is Quality.SUSPECT
    told = PointReading(key=TANK, value=50.0, measured_at=START, quality=Quality.ESTIMATED)
    driver.push([told])
    assert driver.readings()[0].quality is Quality.ESTIMATED


def test_a_host_that_falls_silent_is_told_and_its_return_too() -> None:
    clock = Clock()
    driver = _driver(clock)
    assert not driver.status().connected
    driver.push([_reading(TANK, 58.0)])
    clock.leap(30.0)
    assert driver.status().connected
    clock.leap(1.0)
    status = driver.status()
    assert not status.connected
    assert status.since == START
    assert "31 s; every 10 s" in status.detail
    driver.push([_reading(TANK, 58.0, 31.0)])
    assert driver.status().connected
    assert driver.status().since == clock.at


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(-40, 120)), min_size=1, max_size=20))
def test_in_whatever_order_they_come_the_newest_is_kept(values: list[tuple[int, float]]) -> None:
    clock = Clock()
    driver = _driver(clock)
    clock.leap(200.0)
    for after_s, value in values:
        driver.push([_reading(TANK, value, after_s)])
    (kept,) = driver.readings()
    newest = max(after_s for after_s, _ in values)
    assert kept.measured_at == START + dt.timedelta(seconds=newest)
    assert kept.value == [value for after_s, value in values if after_s == newest][-1]


def test_it_keeps_the_contract_of_drivers() -> None:
    contract.check_dead_peer(_driver(Clock()))
    contract.check_abilities(PushDriver, a_connection("push"), Clock())
