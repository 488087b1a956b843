"""What addresses of Modbus bindings mean, and which mistakes are told when the driver is made."""

from __future__ import annotations

import pytest

from ondol.drivers.modbus.address import parse_register
from ondol.drivers.modbus.driver import ModbusDriver
from ondol.drivers.profiles import load_profile
from ondol.model.errors import InvalidFieldError
from unit.drivers.contract import Clock, a_binding, a_connection, a_fleet


@pytest.mark.parametrize(
    ("address", "table", "number", "kind", "order"),
    [
        ("holding:16:float32", "holding", 16, "float32", "big"),
        ("holding:16:float32:swap", "holding", 16, "float32", "little"),
        ("input:0", "input", 0, "uint16", "big"),
        ("coil:65535", "coil", 65535, "bool", "big"),
        ("discrete:3", "discrete", 3, "bool", "big"),
        ("input:7:int64", "input", 7, "int64", "big"),
    ],
)
def test_a_register_by_number(address: str, table: str, number: int, kind: str, order: str) -> None:
    one = parse_register("binding.address", address, None, "big")
    assert (one.table, one.number, one.type, one.word_order) == (table, number, kind, order)


def test_word_order_is_that_of_the_address_then_the_profile_then_the_connection() -> None:
    silent, big = load_profile("kamstrup-multical"), load_profile("generic-heat-meter")
    assert parse_register("f", "energy", silent, "little").word_order == "little"
    assert parse_register("f", "energy:swap", silent, "little").word_order == "big"
    assert parse_register("f", "energy", big, "little").word_order == "big"
    assert parse_register("f", "holding:0:float32", None, "little").word_order == "little"


def test_a_unit_that_the_meter_was_ordered_with_takes_the_place_of_the_profile_s() -> None:
    profile = load_profile("kamstrup-multical")
    assert parse_register("f", "energy", profile, "big").unit.factor == 3.6e6
    assert parse_register("f", "energy:MWh", profile, "big").unit.factor == 3.6e9
    assert parse_register("f", "flow:m3/h:swap", profile, "big").unit.si == "kg/s"
    with pytest.raises(InvalidFieldError, match="told in J"):
        parse_register("f", "energy:kW", profile, "big")


@pytest.mark.parametrize(
    "address",
    ["", "holding", "holding:", "holding:x", "holding:65536", "holding:65535:float32", "coil:1:float32", "register:4",
     "holding:4:float16", "holding:4:float32:swapped", "energy", "holding:-1"],
)  # fmt: skip
def test_an_address_that_means_nothing_is_refused_by_name(address: str) -> None:
    with pytest.raises(InvalidFieldError, match=r"binding\.address"):
        parse_register("binding.address", address, None, "big")


@pytest.mark.parametrize(
    ("profile", "point", "address", "says"),
    [
        ("", "power_cap", "input:3", "coil or register to write"),
        ("generic-boiler", "power_cap", "power", "coil or register to write"),
        ("generic-boiler", "temperature", "power", "told in °C"),
        ("generic-boiler", "temperature", "warmth", "enable, backup, pump"),
        ("generic-boiler", "temperature", "supply/2", "has one entity"),
        ("ondol-sim", "temperature", "layer_0/9999", "whole number from 0 to 654"),
        ("ondol-sim", "temperature", "layer_0/x", "whole number"),
        ("no-such-meter", "temperature", "supply", "kamstrup-multical"),
        ("", "temperature", "", "where the value stands"),
    ],
)
def test_mistakes_are_told_when_the_driver_is_made(profile: str, point: str, address: str, says: str) -> None:
    connection = a_connection("modbus", host="127.0.0.1", profile=profile)
    with pytest.raises(InvalidFieldError, match=says):
        ModbusDriver(connection, (a_binding(point, address),), fleet=a_fleet(), now=Clock())


def test_a_write_address_for_what_is_only_read_is_refused() -> None:
    connection = a_connection("modbus", host="127.0.0.1")
    bound = a_binding("temperature", "input:0", write_address="holding:0")
    with pytest.raises(InvalidFieldError, match="write_address"):
        ModbusDriver(connection, (bound,), fleet=a_fleet(), now=Clock())
