"""What every driver keeps to, whatever it speaks; call these from the tests of a driver.

from unit.drivers import contract
contract.check_dead_peer(make())           # not opened yet, its peer does not exist
contract.check_readings(driver, clock)     # opened, and it has spoken
contract.check_unbound_write(driver)       # for drivers that write
contract.check_abilities(MyDriver, connection, now)
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest

from ondol.drivers.ports import Driver, LinkStatus, ReadsPoints, WritesPoints
from ondol.model.binding import Binding
from ondol.model.connection import Connection
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.fleet import Fleet
from ondol.model.ids import SiteId
from ondol.model.points import POINTS, Ability, PointKey
from ondol.model.site import Site

START = dt.datetime(2026, 1, 5, 6, 0, tzinfo=dt.UTC)

QUICK_S = 0.5
"""What counts as at once, on a machine that is busy [s]."""

CLOSED_S = 6.0
"""Longest time that closing may take [s]."""


class Clock:
    """Platform time that a test moves."""

    def __init__(self, at: dt.datetime = START) -> None:
        self.at = at

    def __call__(self) -> dt.datetime:
        return self.at

    def leap(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


def a_connection(driver: str, **fields: Any) -> Connection:
    """A connection `line` of the site `bath`."""
    return Connection(**({"id": "line", "site_id": SiteId("bath"), "driver": driver} | fields))


def a_binding(point: str, address: str = "", **fields: Any) -> Binding:
    """A binding of `boiler` through `line`."""
    return Binding(**({"entity_id": "boiler", "point": point, "connection_id": "line", "address": address} | fields))


def a_fleet() -> Fleet:
    """The smallest fleet: drivers that use more of it bring their own."""
    return Fleet(name="test", sites=(Site(id=SiteId("bath"), name="Bath"),), units=(), nodes=())


def until(happened: Callable[[], Any], within_s: float = 10.0) -> Any:
    """Wait for something, with a bound; gives what it gave."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        found = happened()
        if found:
            return found
        time.sleep(0.005)
    pytest.fail(f"this did not come within {within_s:g} s")


def check_dead_peer(driver: Driver) -> None:
    """Opening returns at once although nobody answers, nothing is read, and it closes; twice."""
    begin_s = time.monotonic()
    driver.open()
    assert time.monotonic() - begin_s < QUICK_S, "open() waited for its peer"
    status = driver.status()
    assert isinstance(status, LinkStatus)
    assert not status.connected
    assert status.since.tzinfo is not None
    if hasattr(driver, "readings"):
        assert driver.readings() == ()
    for _ in range(2):
        begin_s = time.monotonic()
        driver.close()
        assert time.monotonic() - begin_s < CLOSED_S, "close() waited for its peer"


def check_readings(driver: ReadsPoints, clock: Clock) -> None:
    """Readings are quick, in order, each with its time, which stays although the clock goes on. Closes the driver."""
    begin_s = time.monotonic()
    for _ in range(200):
        readings = driver.readings()
    assert time.monotonic() - begin_s < QUICK_S, "readings() does input or output"
    assert readings, "the driver has to have spoken before this check"
    keys = [one.key for one in readings]
    assert keys == sorted(set(keys))
    assert all(one.measured_at <= clock() for one in readings), "a value from the future"
    assert {one.source for one in readings} == {driver.connection_id}
    driver.close()
    before = driver.readings()
    clock.leap(3600.0)
    assert driver.readings() == before, "an old value was given a new time"


def check_unbound_write(driver: WritesPoints) -> None:
    """A point that is not bound is refused by name."""
    with pytest.raises(NotFoundError, match="nobody"):
        driver.write(PointKey("nobody", "power_cap"), 1000.0)


def check_abilities(kind: Any, connection: Connection, now: Callable[[], dt.datetime], address: str = "x") -> None:
    """What the driver cannot do is refused when it is made, and so is another connection's binding."""
    assert kind.abilities
    assert all(isinstance(one, Ability) for one in kind.abilities)
    for point, noun in POINTS.items():
        if noun.ability not in kind.abilities:
            bound = a_binding(point, address, connection_id=connection.id)
            with pytest.raises(InvalidFieldError, match="point"):
                kind(connection, (bound,), fleet=a_fleet(), now=now)
    served = next(point for point, noun in POINTS.items() if noun.ability in kind.abilities)
    with pytest.raises(InvalidFieldError, match="connection"):
        kind(connection, (a_binding(served, address, connection_id="other"),), fleet=a_fleet(), now=now)
