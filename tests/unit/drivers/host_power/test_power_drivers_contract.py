"""Given each driver of server power, as the registry makes it, then it keeps to what all drivers do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ondol.drivers.host_power.rapl import RaplDriver
from ondol.drivers.ports import Driver
from ondol.drivers.registry import CLASSES, make_driver
from ondol.model.errors import NotFoundError
from ondol.model.points import Ability, PointKey
from unit.drivers import contract
from unit.drivers.host_power.power_site import CAP, Kernel, binding, connection, fleet, make_tree, now

KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "rapl": ("all", {}),
    "nvml": ("0", {}),
    "cpufreq": ("policy0", {}),
    "cgroup": ("ondol-test-there-is-no-such.slice", {}),
    "redfish": ("Chassis/1", {"url": "http://127.0.0.1:9", "timeout_s": 0.2}),
    "ipmi": ("", {"host": "127.0.0.1", "timeout_s": 0.2}),
}


def made(kind: str) -> Driver:
    address, fields = KINDS[kind]
    return make_driver(connection(kind, **fields), [binding("power_cap", address, index=99)], fleet=fleet(), now=now)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_peer_that_is_not_there_is_a_status(kind: str) -> None:
    assert Ability.LIMITS_POWER in made(kind).abilities
    contract.check_dead_peer(made(kind))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_point_that_is_not_bound_is_refused_by_name(kind: str) -> None:
    driver = made(kind)
    contract.check_unbound_write(driver)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        driver.span_w(CAP)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_it_cannot_do_is_refused_when_it_is_made(kind: str) -> None:
    module, _, name = CLASSES[kind].partition(":")
    address, fields = KINDS[kind]
    chosen = getattr(__import__(module, fromlist=[name]), name)
    contract.check_abilities(chosen, connection(kind, **fields), now, address)


def package(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "intel-rapl:0",
        {
            "name": "package-0",
            "energy_uj": 5,
            "max_energy_range_uj": 1 << 38,
            "constraint_0_power_limit_uw": 250_000_000,
            "constraint_0_max_power_uw": 250_000_000,
        },
    )


def test_readings_keep_their_times(tmp_path: Path) -> None:
    package(tmp_path)
    clock = contract.Clock()
    points = [binding(point, "all") for point in ("electric_power", "electric_meter", "power_cap")]
    line = connection("rapl", interval_s=0.1)
    driver = RaplDriver(line, points, fleet=fleet(), now=clock, root=tmp_path)
    driver.open()
    contract.until(lambda: len(driver.readings()) == 3)
    assert driver.status().connected
    contract.check_readings(driver, clock)


def test_writing_from_many_threads_ends_with_one_of_the_values_and_the_old_one_comes_back(tmp_path: Path) -> None:
    folder = package(tmp_path)
    line = connection("rapl", interval_s=0.1)
    driver = RaplDriver(line, [binding("power_cap", "all")], fleet=fleet(), now=now, root=tmp_path, files=Kernel())
    driver.open()
    bad: list[object] = []

    def write(cap_w: float) -> None:
        for _ in range(50):
            written = driver.write(CAP, cap_w)
            if not written.obeyed(1e-3):
                bad.append(written)

    threads = [threading.Thread(target=write, args=(150.0 + 10.0 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert bad == []
    driver.close()
    assert (folder / "constraint_0_power_limit_uw").read_text() == "250000000\n"


def test_after_the_end_nothing_is_limited_any_more(tmp_path: Path) -> None:
    folder = package(tmp_path)
    driver = RaplDriver(connection("rapl"), [binding("power_cap", "all")], fleet=fleet(), now=now, root=tmp_path)
    driver.write(CAP, 150.0)
    driver.close()
    written = driver.write(CAP, 150.0)
    assert (written.accepted, written.reason) == (None, "the connection is closed")
    assert (folder / "constraint_0_power_limit_uw").read_text() == "250000000\n"


def test_one_device_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    package(tmp_path)
    points = [binding("power_cap", "0"), binding("power_cap", "7", index=1)]
    driver = RaplDriver(connection("rapl"), points, fleet=fleet(), now=now, root=tmp_path, files=Kernel())
    assert "number 7" in driver.poll()
    assert [reading.key for reading in driver.readings()] == [CAP]
    assert driver.write(PointKey("n", "power_cap", 1), 200.0).accepted is None
    assert driver.write(CAP, 200.0).obeyed()
