"""RAPL counters from a tree of files laid out as powercap has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.drivers.power.rapl import RaplMeter, counter_delta_uj
from ondol.model.errors import UnavailableError

RANGE_UJ = 262_143_328_850


def zone(root: Path, name: str, kind: str, energy_uj: int) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(kind + "\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    return folder / "energy_uj"


def test_a_wrap_is_counted_as_the_reference_vector_has_it() -> None:
    """footprint.md V20."""
    assert counter_delta_uj(262_143_328_000, 150, RANGE_UJ) == 1000
    assert counter_delta_uj(100, 100, RANGE_UJ) == 0


def test_packages_and_memory_count_and_nothing_twice(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 500_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 0)
    core = zone(tmp_path, "intel-rapl:0:0", "core", 0)
    dram = zone(tmp_path, "intel-rapl:0:1", "dram", 7)
    psys = zone(tmp_path, "intel-rapl:2", "psys", 0)
    twin = zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    meter = RaplMeter(tmp_path)
    assert meter.read(0.0).package_j == 0.0
    first.write_text("1500000")
    second.write_text("3000000")
    dram.write_text("500007")
    for ignored in (core, psys, twin):
        ignored.write_text("9000000000")
    reading = meter.read(10.0)
    assert (reading.package_j, reading.dram_j, reading.complete) == (5.0, 0.5, True)


def test_a_gap_in_which_a_counter_may_wrap_twice_is_not_called_complete(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = RaplMeter(tmp_path, power_max_w=400.0)
    meter.read(0.0)
    assert meter.read(600.0).complete
    reading = meter.read(600.0 + 656.0)
    assert not reading.complete
    assert reading.dram_j is None


def test_a_machine_without_counters_says_what_happens_instead(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="power curve"):
        RaplMeter(tmp_path / "none")
    zone(tmp_path, "intel-rapl:0", "psys", 0)
    with pytest.raises(UnavailableError, match="No processor energy counters"):
        RaplMeter(tmp_path)
