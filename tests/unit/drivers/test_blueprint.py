"""The driver to copy works, and keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.drivers._blueprint import BlueprintDriver
from ondol.model.errors import InvalidFieldError
from ondol.model.points import PointKey, Quality
from unit.drivers import contract
from unit.drivers.contract import Clock, a_binding, a_connection, a_fleet, until

BOUND = (
    a_binding("supply_temperature", "supply"),
    a_binding("heat_meter", "energy_kwh", scale=3.6e6),
    a_binding("power_cap", "cap_kw", scale=1000.0),
)


def _driver(path: Path, clock: Clock | None = None) -> BlueprintDriver:
    connection = a_connection("push", profile=str(path), interval_s=0.1)
    return BlueprintDriver(connection, BOUND, fleet=a_fleet(), now=clock or Clock())


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "device.txt"
    path.write_text("supply 61.5\nenergy_kwh 1200\ncap_kw 3\n", encoding="utf-8")
    return path


def test_values_are_read_in_si_and_a_lost_one_keeps_its_time(device: Path) -> None:
    clock = Clock()
    driver = _driver(device, clock)
    assert driver._poller.poll_once().detail == ""
    device.write_text("supply ---\nenergy_kwh 1201\ncap_kw 3\n", encoding="utf-8")
    clock.leap(10.0)
    assert "has no supply" in driver._poller.poll_once().detail
    held = {one.key.point: one for one in driver.readings()}
    assert held["supply_temperature"].measured_at == contract.START
    assert held["heat_meter"].value == 1201 * 3.6e6
    assert held["heat_meter"].measured_at == clock.at


def test_an_impossible_value_is_told_as_suspect(device: Path) -> None:
    device.write_text("supply 850\n", encoding="utf-8")
    driver = _driver(device)
    driver._poller.poll_once()
    (reading,) = driver.readings()
    assert (reading.value, reading.quality) == (850.0, Quality.SUSPECT)


def test_a_write_is_read_back_and_a_device_that_is_gone_is_told(device: Path) -> None:
    driver = _driver(device)
    key = PointKey("boiler", "power_cap")
    assert driver.write(key, 2500.0).obeyed()
    assert "cap_kw 2.5\n" in device.read_text(encoding="utf-8")
    device.unlink()
    gone = driver.write(key, 2500.0)
    assert gone.accepted is None
    assert "cannot be read" in gone.reason


def test_it_keeps_the_contract_of_drivers(device: Path, tmp_path: Path) -> None:
    contract.check_dead_peer(_driver(tmp_path / "nowhere.txt"))
    contract.check_abilities(BlueprintDriver, a_connection("push"), Clock())
    clock = Clock()
    driver = _driver(device, clock)
    contract.check_unbound_write(driver)
    driver.open()
    until(lambda: driver.status().connected)
    contract.check_readings(driver, clock)


def test_a_mistake_is_told_when_the_driver_is_made() -> None:
    with pytest.raises(InvalidFieldError, match="without spaces"):
        BlueprintDriver(a_connection("push"), (a_binding("temperature", "a b"),), fleet=a_fleet(), now=Clock())
