"""Given a processor with RAPL, when its power is limited, then it holds the limit or the driver says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.drivers.host_power.rapl import RaplDriver
from ondol.model.errors import InvalidFieldError, NotFoundError, UnavailableError
from ondol.model.points import PointKey
from unit.drivers.host_power.power_site import CAP, METER, POWER, Kernel, binding, connection, fleet, make_tree, now

RANGE_UJ = 262_143_328_850
LIMIT = "constraint_0_power_limit_uw"


class Clock:
    s = 0.0

    def __call__(self) -> float:
        return self.s


def package(root: Path, number: int = 0, *, high_w: float = 250.0, **more: object) -> Path:
    return make_tree(
        root / f"intel-rapl:{number}",
        {
            "name": f"package-{number}",
            "max_energy_range_uj": RANGE_UJ,
            "energy_uj": 1_000_000,
            "enabled": 1,
            LIMIT: round(high_w * 1e6),
            "constraint_0_max_power_uw": round(high_w * 1e6),
            "constraint_0_time_window_us": 27_983_872,
            **more,
        },
    )


def driver(root: Path, kernel: Kernel, clock: Clock, offset: float = 0.0, address: str = "all") -> RaplDriver:
    points = [binding("electric_power", address), binding("electric_meter", address)]
    points.append(binding("power_cap", address, offset=offset))
    return RaplDriver(connection("rapl"), points, fleet=fleet(), now=now, root=root, files=kernel, clock_s=clock)


def test_a_limit_is_held_over_one_second_and_the_old_one_comes_back_at_the_end(tmp_path: Path) -> None:
    folder = package(tmp_path)
    made = driver(tmp_path, Kernel(), Clock())
    written = made.write(CAP, 180.0)
    assert (written.requested, written.accepted, written.reason) == (180.0, 180.0, "")
    assert (folder / LIMIT).read_text() == "180000000\n"
    assert (folder / "constraint_0_time_window_us").read_text() == "1000000\n"
    made.write(CAP, 150.0)
    made.close()
    assert (folder / LIMIT).read_text() == "250000000\n"
    assert (folder / "constraint_0_time_window_us").read_text() == "27983872\n"


def test_a_limit_that_was_switched_off_is_switched_on_and_off_again(tmp_path: Path) -> None:
    folder = package(tmp_path, enabled=0)
    made = driver(tmp_path, Kernel(), Clock())
    made.poll()
    assert CAP not in {reading.key for reading in made.readings()}  # no limit is in force
    assert made.write(CAP, 200.0).obeyed()
    assert (folder / "enabled").read_text() == "1\n"
    made.restore(CAP)
    assert (folder / "enabled").read_text() == "0\n"


def test_two_packages_share_a_limit_as_they_can_take_it(tmp_path: Path) -> None:
    first, second = package(tmp_path, 0, high_w=250.0), package(tmp_path, 1, high_w=150.0)
    make_tree(tmp_path / "intel-rapl:2", {"name": "psys", LIMIT: 1})
    made = driver(tmp_path, Kernel(), Clock(), offset=60.0)  # board, fans and disks draw 60 W besides
    assert made.write(CAP, 360.0).accepted == 360.0
    assert int((first / LIMIT).read_text()) + int((second / LIMIT).read_text()) == 300_000_000
    assert int((first / LIMIT).read_text()) == 187_500_000
    assert made.span_w(CAP) == (60.0 + 160.0, 60.0 + 400.0)
    assert (tmp_path / "intel-rapl:2" / LIMIT).read_text() == "1\n"


@pytest.mark.parametrize(("asked_w", "held_w"), [(20.0, 100.0), (900.0, 250.0)])
def test_outside_of_its_range_the_nearest_is_held_and_told(tmp_path: Path, asked_w: float, held_w: float) -> None:
    package(tmp_path)
    written = driver(tmp_path, Kernel(), Clock()).write(CAP, asked_w)
    assert written.accepted == held_w
    assert written.reason == "the processor takes 100 to 250 W"


def test_a_kernel_that_clamps_silently_is_found_out(tmp_path: Path) -> None:
    package(tmp_path)
    kernel = Kernel()
    kernel.clamps[LIMIT] = (160_000_000, 250_000_000)
    written = driver(tmp_path, kernel, Clock()).write(CAP, 120.0)
    assert (written.accepted, written.reason) == (160.0, "the device holds 160 W")
    assert not written.obeyed()


def test_a_kernel_that_ignores_the_limit_is_found_out(tmp_path: Path) -> None:
    package(tmp_path)
    kernel = Kernel()
    kernel.ignores.add(LIMIT)
    written = driver(tmp_path, kernel, Clock()).write(CAP, 120.0)
    assert (written.accepted, written.reason) == (250.0, "the device holds 250 W")


def test_without_rights_it_says_that_it_needs_root(tmp_path: Path) -> None:
    package(tmp_path)
    kernel = Kernel()
    kernel.refuses[LIMIT] = PermissionError
    written = driver(tmp_path, kernel, Clock()).write(CAP, 120.0)
    assert written.accepted is None
    assert "needs root" in written.reason


def test_a_window_that_cannot_be_set_does_not_stop_the_limit(tmp_path: Path) -> None:
    folder = package(tmp_path)
    kernel = Kernel()
    kernel.refuses["constraint_0_time_window_us"] = OSError
    made = driver(tmp_path, kernel, Clock())
    assert made.write(CAP, 120.0).obeyed()
    made.close()
    assert (folder / LIMIT).read_text() == "250000000\n"


def test_a_processor_that_only_counts_says_what_to_bind_in_its_place(tmp_path: Path) -> None:
    make_tree(tmp_path / "intel-rapl:0", {"name": "package-0", "energy_uj": 5_000_000, "max_energy_range_uj": RANGE_UJ})
    made = driver(tmp_path, Kernel(), Clock())
    assert "cpufreq" in made.write(CAP, 100.0).reason
    assert "cpufreq" in made.poll()  # the meter goes on
    assert [reading.key for reading in made.readings()] == [METER]


def test_energy_goes_on_over_a_wrap_and_power_is_its_mean(tmp_path: Path) -> None:
    folder, clock = package(tmp_path, energy_uj=RANGE_UJ - 500_000_000), Clock()
    made = driver(tmp_path, Kernel(), clock)
    made.poll()
    before_j = {reading.key: reading.value for reading in made.readings()}
    assert POWER not in before_j  # a mean needs two readings
    clock.s += 10.0
    (folder / "energy_uj").write_text("1500000000")
    made.poll()
    clock.s += 10.0
    (folder / "energy_uj").write_text("2500000000")
    made.poll()
    values = {reading.key: reading.value for reading in made.readings()}
    assert values[METER] - before_j[METER] == pytest.approx(3000.0)
    assert values[POWER] == pytest.approx(100.0)
    assert all(reading.measured_at == now() for reading in made.readings())


def test_a_machine_without_counters_is_a_status_not_an_error(tmp_path: Path) -> None:
    made = driver(tmp_path / "none", Kernel(), Clock())
    with pytest.raises(UnavailableError, match="virtual machines have none"):
        made.poll()
    assert made.readings() == ()
    made.close()
    made.close()


@pytest.mark.parametrize("address", ["package-0", "-1", "0:1", "../0"])
def test_a_wrong_address_is_refused_before_anything_is_opened(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidFieldError, match="package number"):
        driver(tmp_path, Kernel(), Clock(), address=address)


def test_points_that_are_not_bound_or_not_written_are_refused(tmp_path: Path) -> None:
    package(tmp_path)
    made = driver(tmp_path, Kernel(), Clock())
    with pytest.raises(NotFoundError):
        made.write(PointKey("n", "power_cap", 1), 100.0)
    with pytest.raises(InvalidFieldError, match="read only"):
        made.write(POWER, 100.0)
    for value in (float("nan"), -1.0, 1e9):
        with pytest.raises(InvalidFieldError):
            made.write(CAP, value)
    with pytest.raises(InvalidFieldError, match="electric_power"):
        RaplDriver(connection("rapl"), [binding("temperature")], fleet=fleet(), now=now, root=tmp_path)
