"""What every driver keeps to, as far as it needs no broker; the rest is in the integration tests."""

from __future__ import annotations

import pytest

from ondol.drivers.mqtt.driver import MqttDriver
from ondol.drivers.mqtt.point_book import PointBook
from ondol.drivers.registry import make_driver
from ondol.model.binding import Binding
from ondol.model.errors import InvalidFieldError
from ondol.model.ids import UnitId
from ondol.model.points import PointKey, Quality
from ondol.model.site import Node, Unit
from unit.drivers.contract import (
    Clock,
    a_binding,
    a_connection,
    a_fleet,
    check_abilities,
    check_dead_peer,
    check_unbound_write,
)
from unit.drivers.mqtt.mqtt_house import a_line, fleet


def make(*bindings: Binding, **changes: object) -> MqttDriver:
    line = a_connection("mqtt", host="127.0.0.1", port=1, **changes)
    return MqttDriver(line, bindings, fleet=a_fleet(), now=Clock())


def test_a_broker_that_is_not_there_delays_nothing() -> None:
    check_dead_peer(make(a_binding("loop_temperature", "T")))


def test_points_that_are_not_bound_and_abilities() -> None:
    check_unbound_write(make())
    check_abilities(MqttDriver, a_connection("mqtt", host="127.0.0.1"), Clock())


def test_the_registry_knows_it() -> None:
    line = a_connection("mqtt", host="127.0.0.1")
    assert isinstance(make_driver(line, (), fleet=a_fleet(), now=Clock()), MqttDriver)


@pytest.mark.parametrize(
    ("binding", "says"),
    [
        (a_binding("power_cap"), "write_address"),
        (a_binding("power_cap", "cap", write_address="cap/+"), "write_address"),
        (a_binding("power_cap", "cap", write_address="cap#a.0"), "write_address"),
        (a_binding("power_cap", "cap", write_address="cap#a@t"), "write_address"),
        (a_binding("loop_temperature", "a/+"), "address"),
    ],
)
def test_addresses_that_are_none_are_told_when_the_driver_is_made(binding: Binding, says: str) -> None:
    with pytest.raises(InvalidFieldError, match=says):
        make(binding)


def test_a_unit_with_the_name_of_a_sink_is_refused() -> None:
    whole = fleet()
    unit = next(one for one in whole.units if one.id == "rack")
    node = next(one for one in whole.nodes if one.unit_id == "rack")
    twin = Unit(id=UnitId("hall"), site_id=unit.site_id, kind=unit.kind)
    both = fleet(
        units=(*whole.units, twin), nodes=(*whole.nodes, Node(id=node.id + "-b", unit_id=twin.id, curve=node.curve))
    )
    with pytest.raises(InvalidFieldError, match="hall"):
        MqttDriver(a_line(), (), fleet=both, now=Clock())


def test_an_event_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="event_type"):
        make().event({"event_type": "party"})


T = PointKey("boiler", "loop_temperature")


def book(address: str = "T", **fields: object) -> PointBook:
    return PointBook(a_connection("mqtt", host="h"), (a_binding("loop_temperature", address, **fields),))


def test_a_value_that_no_instrument_can_say_is_passed_on_as_suspect() -> None:
    points, clock = book(), Clock()
    assert points.take("T", b"500", clock(), retained=False) == ()
    (said,) = points.readings()
    assert (said.value, said.quality) == (500.0, Quality.SUSPECT)


def test_a_clock_that_is_a_little_ahead_is_forgiven_and_one_far_ahead_is_not() -> None:
    points, clock = book("T#v@t"), Clock()
    ahead = int(clock().timestamp()) + 120
    assert points.take("T", f'{{"v": 40, "t": {ahead}}}'.encode(), clock(), retained=False) == ()
    assert points.readings()[0].measured_at == clock()
    (reason,) = points.take("T", f'{{"v": 41, "t": {ahead + 999}}}'.encode(), clock(), retained=False)
    assert "ahead of ours" in reason
    assert points.readings()[0].value == 40.0


def test_a_kept_value_that_is_known_already_changes_nothing_and_a_new_one_is_stale() -> None:
    points, clock = book(stale_after_s=120.0), Clock()
    points.take("T", b"40", clock(), retained=False)
    live = points.readings()
    clock.leap(3600.0)
    points.take("T", b"40", clock(), retained=True)
    assert points.readings() == live
    points.take("T", b"45", clock(), retained=True)
    (kept,) = points.readings()
    assert (kept.value, kept.quality) == (45.0, Quality.STALE)
    assert (clock() - kept.measured_at).total_seconds() > 120.0
    assert kept.measured_at >= live[0].measured_at


def test_the_same_complaint_is_told_once_until_the_point_speaks_again() -> None:
    points, clock = book(), Clock()
    assert len(points.complaints()) == 1  # nothing heard yet
    assert len(points.take("T", b"x", clock(), retained=False)) == 1
    assert points.take("T", b"x", clock(), retained=False) == ()
    points.take("T", b"40", clock(), retained=False)
    assert points.complaints() == ()
    assert len(points.take("T", b"x", clock(), retained=False)) == 1
    assert (points.refused, points.messages) == (3, 4)
