"""The Modbus driver against a real server: the normal day, and what goes wrong on one."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from integration.drivers.modbus.served import ServedDevice
from ondol.drivers.modbus.driver import ModbusDriver
from ondol.model.binding import Binding
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKey, Quality
from unit.drivers import contract
from unit.drivers.contract import Clock, a_binding, a_connection, a_fleet, until

CAP = PointKey("boiler", "power_cap")


@pytest.fixture
def served() -> Iterator[ServedDevice]:
    with ServedDevice() as device:
        yield device


def _driver(port: int, bindings: Sequence[Binding], clock: Clock | None = None, **fields: Any) -> ModbusDriver:
    connection = a_connection(
        "modbus", **({"host": "127.0.0.1", "port": port, "interval_s": 0.1, "timeout_s": 0.5} | fields)
    )
    return ModbusDriver(connection, bindings, fleet=a_fleet(), now=clock or Clock())


def _values(driver: ModbusDriver) -> dict[str, float]:
    return {one.key.point: one.value for one in driver.readings()}


METER = (
    a_binding("heat_meter", "energy"),
    a_binding("heat_power", "power"),
    a_binding("flow", "flow"),
    a_binding("supply_temperature", "supply"),
    a_binding("return_temperature", "return"),
    a_binding("fault", "info"),
)


def test_a_heat_meter_is_read_in_si_with_one_request(served: ServedDevice) -> None:
    # given a meter that has counted 12,345,678 Wh and passes 1.8 m³/h from 62.5 to 41.25 °C
    served.put("input", 0, "Q", 12_345_678)
    served.put("input", 8, "f", 44_100.0)
    served.put("input", 10, "f", 1.8)
    served.put("input", 12, "f", 62.5)
    served.put("input", 14, "f", 41.25)
    clock = Clock()
    driver = _driver(served.port, METER, clock, profile="generic-heat-meter")
    # when it is polled
    driver._poller.poll_once()
    # then all is in J, W, kg/s and °C
    values = _values(driver)
    assert values["heat_meter"] == 12_345_678 * 3600
    assert values["heat_power"] == 44_100.0
    assert values["flow"] == pytest.approx(1.8 * 988.0 / 3600.0, rel=1e-6)
    assert (values["supply_temperature"], values["return_temperature"], values["fault"]) == (62.5, 41.25, 0.0)
    assert all(one.quality is Quality.GOOD and one.measured_at == clock.at for one in driver.readings())
    # and it took one request: function 4, registers 0 to 16
    assert served.requests == [(4, 0, 17)]
    driver.close()


def test_a_sensor_that_is_lost_keeps_its_last_time_and_an_info_code_is_a_fault(served: ServedDevice) -> None:
    served.put("input", 12, "f", 62.5)
    clock = Clock()
    driver = _driver(served.port, METER, clock, profile="generic-heat-meter")
    driver._poller.poll_once()
    # when the meter says NaN and info 16
    served.put("input", 12, "f", math.nan)
    served.put("input", 16, "H", 16)
    clock.leap(10.0)
    driver._poller.poll_once()
    # then the old value stays with its old time, and the code is told as a fault
    held = {one.key.point: one for one in driver.readings()}
    assert held["supply_temperature"].measured_at == contract.START
    assert held["return_temperature"].measured_at == clock.at
    assert held["fault"].value == 1.0
    driver.close()


def test_the_wrong_word_order_shows_and_the_status_says_what_to_do(served: ServedDevice) -> None:
    # given a device that sends the low word first, and a binding that expects the high one
    served.put("holding", 16, "f", 62.5, swap=True)
    served.put("holding", 18, "f", 12_345.0, swap=True)
    supply = a_binding("supply_temperature", "holding:16:float32")
    power = a_binding("heat_power", "holding:18:float32")
    driver = _driver(served.port, (supply, power))
    status = driver._poller.poll_once()
    # then 62.5 °C reads as 2.4e-41 and 12,345 W as a number that no boiler has, which is marked, never clamped
    values = {one.key.point: one for one in driver.readings()}
    assert 0.0 < values["supply_temperature"].value < 1e-30
    assert abs(values["heat_power"].value) > 1e8
    assert values["heat_power"].quality is Quality.SUSPECT
    # and the status names both values and the cure
    assert status.connected
    assert "62.5 °C: write holding:16:float32:swap" in status.detail
    assert "12345 W" in status.detail
    driver.close()
    # when the cure is taken
    cured = _driver(
        served.port,
        (
            a_binding("supply_temperature", "holding:16:float32:swap"),
            a_binding("heat_power", "holding:18:float32:swap"),
        ),
    )
    # then both are right
    assert cured._poller.poll_once().detail == ""
    assert _values(cured) == {"supply_temperature": 62.5, "heat_power": 12_345.0}
    cured.close()


def test_a_server_that_dies_and_returns_is_noticed_and_read_again(served: ServedDevice) -> None:
    # given a driver that reads
    served.put("input", 12, "f", 62.5)
    clock = Clock()
    driver = _driver(served.port, METER, clock, profile="generic-heat-meter")
    driver.open()
    until(lambda: driver.status().connected)
    # when the server dies
    clock.leap(10.0)
    served.stop()
    # then the status says so, and the last reading keeps its time
    until(lambda: not driver.status().connected)
    detail = until(lambda: driver.status().detail)
    assert "127.0.0.1" in detail
    held = {one.key.point: one for one in driver.readings()}
    assert held["supply_temperature"].measured_at <= clock.at
    # and when it is back on the same port, with another value
    clock.leap(600.0)
    with ServedDevice(port=served.port) as again:
        again.put("input", 12, "f", 55.0)
        until(lambda: _values(driver)["supply_temperature"] == 55.0)
        assert driver.status().connected
        driver.close()


def test_a_write_is_read_back(served: ServedDevice) -> None:
    # given a boiler that takes steps of 10 W
    driver = _driver(
        served.port,
        (a_binding("power_cap", "power_setpoint"), a_binding("backup", "backup")),
        profile="generic-boiler",
    )
    # when 2,340 W and the backup are asked for
    written = driver.write(CAP, 2340.0)
    switched = driver.write(PointKey("boiler", "backup"), 1.0)
    # then the device holds both, and says so
    assert served.get("holding", 0) == 234
    assert written.accepted == 2340.0
    assert written.obeyed()
    assert served.get("coil", 1) == 1
    assert switched.obeyed()
    # and what lies between two steps is told as what is held, which is no disobedience
    between = driver.write(CAP, 2344.0)
    assert between.accepted == 2340.0
    assert between.reason == ""
    assert _values(driver)["power_cap"] == 2340.0
    driver.close()


def test_a_device_that_refuses_or_ignores_or_limits_a_write_is_told(served: ServedDevice) -> None:
    served.put("holding", 0, "H", 100)
    driver = _driver(served.port, (a_binding("power_cap", "power_setpoint"),), profile="generic-boiler")
    # given a device that refuses
    served.refuse_writes = ExcCodes.ILLEGAL_VALUE
    refused = driver.write(CAP, 2000.0)
    assert refused.accepted is None
    assert "exception 3" in refused.reason
    # given one that answers as if all were well and does nothing
    served.refuse_writes, served.ignore_writes = None, True
    ignored = driver.write(CAP, 2000.0)
    assert ignored.accepted == 1000.0
    assert not ignored.obeyed()
    assert "remote control" in ignored.reason
    # given one that limits
    served.ignore_writes, served.most_written = False, 150
    limited = driver.write(CAP, 2000.0)
    assert limited.accepted == 1500.0
    assert limited.reason
    driver.close()


def test_a_limit_is_read_back_where_the_controller_confirms_it(served: ServedDevice) -> None:
    # given a controller that shows what it accepted in another register, and has accepted 900 W
    served.put("input", 0, "H", 90)
    driver = _driver(
        served.port,
        (a_binding("power_cap", "power_accepted", write_address="power_setpoint"),),
        profile="generic-boiler",
    )
    written = driver.write(CAP, 2000.0)
    # then the request stands in one register and the truth in the other
    assert served.get("holding", 0) == 200
    assert written.accepted == 900.0
    assert not written.obeyed()
    driver.close()


def test_a_write_beyond_the_register_or_the_point_changes_nothing(served: ServedDevice) -> None:
    driver = _driver(
        served.port,
        (a_binding("power_cap", "power_setpoint"), a_binding("supply_temperature", "supply")),
        profile="generic-boiler",
    )
    with pytest.raises(InvalidFieldError, match="uint16"):
        driver.write(CAP, 700_000.0)
    with pytest.raises(InvalidFieldError, match="power_cap"):
        driver.write(CAP, -1.0)
    with pytest.raises(InvalidFieldError, match="read only"):
        driver.write(PointKey("boiler", "supply_temperature"), 50.0)
    contract.check_unbound_write(driver)
    assert served.requests == []
    driver.close()


def test_one_register_that_is_not_there_takes_no_other_with_it() -> None:
    # given a device without registers 3 to 5, and bindings on both sides and in the hole
    with ServedDevice(holes=((3, 5),)) as served:
        served.put("holding", 0, "H", 21)
        served.put("holding", 8, "H", 22)
        bindings = tuple(
            a_binding("temperature", f"holding:{number}", index=index) for index, number in enumerate((0, 4, 8))
        )
        driver = _driver(served.port, bindings)
        # when it is polled
        status = driver._poller.poll_once()
        # then the neighbours are read, and the missing one is named
        assert {one.key.index: one.value for one in driver.readings()} == {0: 21.0, 2: 22.0}
        assert status.connected
        assert "holding 4–4" in status.detail
        assert "illegal address" in status.detail
        # and the next poll no longer asks across the hole
        served.requests.clear()
        driver._poller.poll_once()
        assert (3, 0, 9) not in served.requests
        driver.close()


def test_a_meter_that_is_exchanged_is_told_as_it_counts(served: ServedDevice) -> None:
    # given a meter at 90 MWh
    served.put("input", 0, "Q", 90_000_000)
    driver = _driver(served.port, METER, profile="generic-heat-meter")
    driver._poller.poll_once()
    assert _values(driver)["heat_meter"] == 90_000_000 * 3600.0
    # when a new one at 12 Wh takes its place
    served.put("input", 0, "Q", 12)
    driver._poller.poll_once()
    # then the driver tells what the meter says: counting on is the agent's (`ondol.agent.counters`)
    assert _values(driver)["heat_meter"] == 12 * 3600.0
    driver.close()


def test_every_entity_of_the_simulated_site_has_its_block(served: ServedDevice) -> None:
    served.put("input", 300, "Q", 5_000)
    served.put("input", 540, "f", 61.0)
    served.put("input", 558, "f", 33.0)
    served.put("discrete", 300, "", 1)
    driver = _driver(
        served.port,
        (
            a_binding("heat_meter", "heat_energy/3"),
            a_binding("flow_switch", "flow_switch/3"),
            a_binding("power_cap", "power_cap/3"),
            a_binding("temperature", "layer_0/5", entity_id="tank"),
            a_binding("temperature", "layer_9/5", entity_id="tank", index=9),
        ),
        profile="ondol-sim",
    )
    driver._poller.poll_once()
    values = {str(one.key): one.value for one in driver.readings()}
    assert values == {
        "boiler.heat_meter": 18_000_000.0,
        "boiler.flow_switch": 1.0,
        "boiler.power_cap": 0.0,
        "tank.temperature": 61.0,
        "tank.temperature.9": 33.0,
    }
    assert driver.write(CAP, 1234.5).obeyed()
    driver.close()


def test_nobody_behind_a_gateway_is_told_with_what_to_check() -> None:
    # given a gateway that answers for every device number
    with ServedDevice(device=0) as gateway:
        gateway.refuse_with = ExcCodes.GATEWAY_NO_RESPONSE
        driver = _driver(gateway.port, METER, profile="generic-heat-meter", device=7)
        status = driver._poller.poll_once()
        assert not status.connected
        assert "of device 7 was refused with exception 11" in status.detail
        assert "wrong device number" in status.detail
        driver.close()


def test_a_silent_peer_is_told_with_what_to_check_and_a_write_gives_up_in_time() -> None:
    # given a port that takes connections and says nothing: a wrong device number behind many a gateway
    with socket.create_server(("127.0.0.1", 0)) as silent:
        driver = _driver(
            silent.getsockname()[1], (a_binding("power_cap", "holding:0"),), timeout_s=0.1, device=9, interval_s=60.0
        )
        status = driver._poller.poll_once()
        assert "no answer within 0.1 s from device 9: is the device number right" in status.detail
        written = driver.write(CAP, 100.0)
        assert written.accepted is None
        assert "device 9" in written.reason
        driver.close()


def test_it_keeps_the_contract_of_drivers(served: ServedDevice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead_port = taken.getsockname()[1]
    contract.check_dead_peer(_driver(dead_port, METER, profile="generic-heat-meter"))
    contract.check_abilities(ModbusDriver, a_connection("modbus", host="127.0.0.1"), Clock(), address="holding:1")
    clock = Clock()
    driver = _driver(served.port, METER, clock, profile="generic-heat-meter")
    driver.open()
    until(lambda: driver.status().connected)
    contract.check_readings(driver, clock)
