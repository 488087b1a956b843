"""The M-Bus driver against telegrams of real meters, served by a gateway on a free port."""

from __future__ import annotations

import logging
import os
import socket
import termios
import threading
import tty
from typing import Any

import pytest

from integration.drivers.mbus.meters import (
    ENGELMANN_SENSOSTAR,
    FIXED_STRUCTURE,
    KAMSTRUP_601,
    SENSUS_POLLUTHERM,
    Gateway,
    fitted,
    with_bytes,
    with_status,
)
from ondol.drivers.mbus.driver import MbusDriver
from ondol.model.points import Quality
from unit.drivers import contract
from unit.drivers.contract import Clock, a_binding, a_connection, a_fleet, until

METER = (
    a_binding("heat_meter", "energy"),
    a_binding("heat_power", "power"),
    a_binding("volume_meter", "volume"),
    a_binding("flow", "flow"),
    a_binding("supply_temperature", "supply"),
    a_binding("return_temperature", "return"),
    a_binding("fault", "error"),
)


def _driver(port: int, bindings: Any = METER, clock: Clock | None = None, **fields: Any) -> MbusDriver:
    connection = a_connection(
        "mbus", **({"host": "127.0.0.1", "port": port, "device": 17, "interval_s": 0.1, "timeout_s": 0.1} | fields)
    )
    return MbusDriver(connection, bindings, fleet=a_fleet(), now=clock or Clock())


def _values(driver: MbusDriver) -> dict[str, float]:
    return {one.key.point: one.value for one in driver.readings()}


def test_a_heat_meter_is_read_in_si() -> None:
    # given a Kamstrup MULTICAL 601 with address 17
    with Gateway({17: [KAMSTRUP_601]}) as gateway:
        driver = _driver(gateway.port)
        # when it is polled
        status = driver._poller.poll_once()
        # then its display's figures come in SI: 37,351 kWh, 561.08 m³, 34.7 kW, 543 l/h, 101.69 and 46.16 °C
        values = _values(driver)
        assert values["heat_meter"] == 37_351 * 3.6e6
        assert values["volume_meter"] == pytest.approx(561.08)
        assert values["heat_power"] == pytest.approx(34_700.0)
        assert values["flow"] == pytest.approx(0.543 * 988.0 / 3600.0)
        assert values["supply_temperature"] == pytest.approx(101.69)
        assert values["return_temperature"] == pytest.approx(46.16)
        assert values["fault"] == 0.0
        assert all(one.quality is Quality.GOOD for one in driver.readings())
        # and the status names the meter, so that an exchange shows
        assert status.detail == "KAM 06855817"
        # and the meter was reset and asked with the frame count bit set
        assert gateway.asked == [bytes.fromhex("1040115116"), bytes.fromhex("107B118C16")]
        driver.close()


@pytest.mark.parametrize(
    ("telegram", "device", "energy_j", "supply_c", "return_c"),
    [
        (SENSUS_POLLUTHERM[:-3] + b"\x00\x16", 8, 8_640 * 3.6e6, 75.5, 59.4),  # its mark "more follow" cut off
        (ENGELMANN_SENSOSTAR, 3, 0.8e6 * 3600.0, 95.0, 43.0),
    ],
)
def test_meters_of_other_makers(
    telegram: bytes, device: int, energy_j: float, supply_c: float, return_c: float
) -> None:
    changed = bytearray(telegram)
    changed[1] = changed[2] = len(changed) - 6
    changed[5] = device
    with Gateway({device: [fitted(changed)]}) as gateway:
        driver = _driver(gateway.port, (METER[0], METER[4], METER[5]), device=device)
        assert driver._poller.poll_once().connected
        assert _values(driver) == {
            "heat_meter": pytest.approx(energy_j),
            "supply_temperature": pytest.approx(supply_c),
            "return_temperature": pytest.approx(return_c),
        }
        driver.close()


def test_a_meter_with_several_telegrams_is_read_to_its_end() -> None:
    # given a meter whose first telegram has no more than the counters, and whose second one the error flags
    first = bytearray(SENSUS_POLLUTHERM)
    first[5] = 17
    second = with_bytes(ENGELMANN_SENSOSTAR, "01 FD 17 00", "01 FD 17 02")
    second = fitted(bytearray(second[:5] + b"\x11" + second[6:]))
    with Gateway({17: [fitted(first), second]}) as gateway:
        driver = _driver(gateway.port, (METER[0], METER[6]))
        assert driver._poller.poll_once().connected
        # then the energy is that of the first, the fault that of the second
        assert _values(driver) == {"heat_meter": 8_640 * 3.6e6, "fault": 1.0}
        # and the frame count bit was turned over in between
        assert [frame[1] for frame in gateway.asked] == [0x40, 0x7B, 0x5B]
        # and a second poll begins anew
        driver._poller.poll_once()
        assert _values(driver)["heat_meter"] == 8_640 * 3.6e6
        driver.close()


def test_damaged_and_short_answers_are_asked_for_again_with_the_same_bit() -> None:
    with Gateway({17: [KAMSTRUP_601]}) as gateway:
        gateway.damage, gateway.cut = 1, 1
        driver = _driver(gateway.port)
        assert driver._poller.poll_once().connected
        assert _values(driver)["heat_meter"] == 37_351 * 3.6e6
        assert [frame[1] for frame in gateway.asked] == [0x40, 0x7B, 0x7B, 0x7B]
        # when it stays damaged, nothing is read and the status says what may be wrong
        gateway.damage = 100
        status = driver._poller.poll_once()
        assert not status.connected
        assert "checksum" in status.detail
        assert "two meters with one address" in status.detail
        gateway.damage, gateway.cut = 0, 100
        assert "broke off after 20 bytes" in driver._poller.poll_once().detail
        driver.close()


def test_a_meter_with_a_fault_and_a_weak_battery_says_so() -> None:
    for status, fault in ((0x08, 1.0), (0x10, 1.0), (0x02, 1.0), (0x04, 0.0), (0x01, 0.0)):
        with Gateway({17: [with_status(KAMSTRUP_601, status)]}) as gateway:
            driver = _driver(gateway.port, (METER[6],))
            detail = driver._poller.poll_once().detail
            assert _values(driver) == {"fault": fault}
            assert ("battery is low" in detail) == (status == 0x04)
            driver.close()


def test_a_value_that_the_meter_does_not_have_keeps_its_old_time() -> None:
    # given a BCD meter that shows dashes for its flow temperature: digits that are none
    dashed = with_bytes(SENSUS_POLLUTHERM, "0A 5A 55 07", "0A 5A DD DD")
    clock = Clock()
    with Gateway({8: [SENSUS_POLLUTHERM[:-3] + b"\x00\x16"]}) as gateway:
        whole, broken = bytearray(SENSUS_POLLUTHERM), bytearray(dashed)
        del whole[-3], broken[-3]
        for frame in (whole, broken):
            frame[1] = frame[2] = len(frame) - 6
        gateway.meters[8] = [fitted(whole)]
        driver = _driver(gateway.port, (METER[4], METER[5]), clock, device=8)
        driver._poller.poll_once()
        gateway.meters[8] = [fitted(broken)]
        clock.leap(60.0)
        status = driver._poller.poll_once()
        held = {one.key.point: one for one in driver.readings()}
        assert held["supply_temperature"].measured_at == contract.START
        assert held["return_temperature"].measured_at == clock.at
        assert "no value for supply" in status.detail
        driver.close()


def test_records_by_number_and_what_the_meter_sends_where_they_do_not_fit() -> None:
    with Gateway({17: [KAMSTRUP_601]}) as gateway:
        driver = _driver(gateway.port, (a_binding("heat_power", "record:8"), a_binding("temperature", "record:1")))
        detail = driver._poller.poll_once().detail
        assert _values(driver) == {"heat_power": pytest.approx(44_800.0)}  # the month's highest
        assert "record:1 is no record in °C; the meter sends 1 energy, 2 volume, 4 supply" in detail
        driver.close()


def test_two_meters_share_a_gateway_that_takes_one_connection() -> None:
    other = bytearray(ENGELMANN_SENSOSTAR)
    with Gateway({17: [KAMSTRUP_601], 3: [bytes(other)]}, echo=True) as gateway:
        first = MbusDriver(
            a_connection("mbus", id="first", host="127.0.0.1", port=gateway.port, device=17, timeout_s=0.1),
            (a_binding("heat_meter", "energy", connection_id="first"),),
            fleet=a_fleet(),
            now=Clock(),
        )
        second = _driver(gateway.port, (METER[0],), device=3)
        for _ in range(2):
            assert first._poller.poll_once().connected
            assert second._poller.poll_once().connected
        assert _values(first) == {"heat_meter": 37_351 * 3.6e6}
        assert _values(second) == {"heat_meter": pytest.approx(2.88e9)}
        first.close()
        second.close()


def test_a_silent_meter_and_a_fixed_structure_are_told_with_what_to_do() -> None:
    with Gateway({17: [KAMSTRUP_601], 5: [FIXED_STRUCTURE]}) as gateway:
        nobody = _driver(gateway.port, device=99, timeout_s=0.05)
        assert "no answer from meter 99: is its primary address right" in nobody._poller.poll_once().detail
        nobody.close()
        fixed = _driver(gateway.port, device=5)
        assert "fixed structure" in fixed._poller.poll_once().detail
        fixed.close()


def test_a_gateway_that_goes_and_returns_is_read_again() -> None:
    gateway = Gateway({17: [KAMSTRUP_601]})
    driver = _driver(gateway.port)
    driver.open()
    until(lambda: driver.status().connected)
    gateway.close()
    until(lambda: not driver.status().connected)
    with Gateway({17: [with_bytes(KAMSTRUP_601, "04 06 E7 91 00 00", "04 06 E8 91 00 00")]}, port=gateway.port):
        until(lambda: _values(driver)["heat_meter"] == 37_352 * 3.6e6)
        driver.close()


def test_the_same_over_a_serial_line() -> None:
    # given a level converter: one end of a pair of pseudo-terminals
    master, slave = os.openpty()
    for end in (master, slave):
        tty.setraw(end, termios.TCSANOW)

    def serve() -> None:
        for answer in (b"\xe5", KAMSTRUP_601):
            asked = b""
            while len(asked) < 5:
                asked += os.read(master, 5 - len(asked))
            os.write(master, answer)

    meter = threading.Thread(target=serve, daemon=True)
    meter.start()
    connection = a_connection("mbus", serial=os.ttyname(slave), baud=2400, parity="N", device=17, timeout_s=1.0)
    driver = MbusDriver(connection, METER, fleet=a_fleet(), now=Clock())
    assert driver._poller.poll_once().connected
    assert _values(driver)["heat_meter"] == 37_351 * 3.6e6
    driver.close()
    meter.join(5.0)
    os.close(slave)
    os.close(master)


def test_it_keeps_the_contract_of_drivers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead_port = taken.getsockname()[1]
    contract.check_dead_peer(_driver(dead_port))
    contract.check_abilities(MbusDriver, a_connection("mbus", host="127.0.0.1"), Clock(), address="energy")
    handlers = list(logging.getLogger().handlers)
    with Gateway({17: [KAMSTRUP_601]}) as gateway:
        clock = Clock()
        driver = _driver(gateway.port, METER, clock)
        driver.open()
        until(lambda: driver.status().connected)
        contract.check_readings(driver, clock)
    assert logging.getLogger().handlers == handlers
