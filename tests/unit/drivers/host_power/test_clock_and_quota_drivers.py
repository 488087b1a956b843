"""Given knobs that know no watts, when a power limit is set, then clock or quota keep it, by a map that learns."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ondol.drivers.host_power.cgroup import CgroupDriver
from ondol.drivers.host_power.cpufreq import CpufreqDriver
from ondol.drivers.host_power.sysfs import SysFiles
from ondol.model.errors import InvalidFieldError
from ondol.model.points import Quality
from ondol.model.power import PowerCurve
from unit.drivers.host_power.power_site import CAP, Kernel, binding, connection, fleet, make_tree, now


def clocks(root: Path, policies: int = 2) -> list[Path]:
    values: dict[str, object] = {
        "cpuinfo_min_freq": 800_000,
        "cpuinfo_max_freq": 4_000_000,
        "scaling_min_freq": 1_000_000,
        "scaling_max_freq": 4_000_000,
    }
    return [make_tree(root / f"policy{k}", values) for k in range(policies)]


def cpufreq(root: Path, kernel: Kernel, address: str = "") -> CpufreqDriver:
    return CpufreqDriver(
        connection("cpufreq"), [binding("power_cap", address)], fleet=fleet(), now=now, root=root, files=kernel
    )


def test_the_clock_keeps_a_limit_and_comes_back_at_the_end(tmp_path: Path) -> None:
    policies = clocks(tmp_path)
    made = cpufreq(tmp_path, Kernel())
    written = made.write(CAP, 250.0)  # idle 50 W, full 450 W: half the range, half the clock
    assert written.accepted == pytest.approx(250.0)
    assert [int((policy / "scaling_max_freq").read_text()) for policy in policies] == [2_000_000, 2_000_000]
    made.poll()
    assert [reading.quality for reading in made.readings()] == [Quality.ESTIMATED]
    made.close()
    assert [int((policy / "scaling_max_freq").read_text()) for policy in policies] == [4_000_000, 4_000_000]


def test_below_the_lowest_clock_the_reach_is_told(tmp_path: Path) -> None:
    (policy,) = clocks(tmp_path, 1)
    made = cpufreq(tmp_path, Kernel(), "policy0")
    written = made.write(CAP, 60.0)
    assert int((policy / "scaling_max_freq").read_text()) == 1_000_000
    assert written.accepted == pytest.approx(150.0)
    assert written.reason == "its clocks reach from 150 to 450 W"
    assert made.span_w(CAP) == pytest.approx((150.0, 450.0))


def test_a_real_processor_is_learnt_until_its_power_is_the_limit(tmp_path: Path) -> None:
    """A plant of P = 50 + 400·x³: the line is far on the safe side, measuring brings it up to the limit."""
    (policy,) = clocks(tmp_path, 1)
    made = cpufreq(tmp_path, Kernel())

    def drawn_w() -> float:
        return 50.0 + 400.0 * (int((policy / "scaling_max_freq").read_text()) / 4e6) ** 3

    made.write(CAP, 250.0)
    first_w = drawn_w()
    for _ in range(60):
        if made.learn(CAP, drawn_w()):
            made.write(CAP, 250.0)
            assert drawn_w() <= 1.05 * 250.0 + 5.0
    assert first_w == pytest.approx(100.0)
    assert drawn_w() == pytest.approx(250.0, rel=0.05)


def test_a_processor_that_draws_more_than_believed_is_held_down_at_once(tmp_path: Path) -> None:
    (policy,) = clocks(tmp_path, 1)
    made = cpufreq(tmp_path, Kernel())
    made.write(CAP, 250.0)
    assert made.learn(CAP, 330.0)
    made.write(CAP, 250.0)
    assert int((policy / "scaling_max_freq").read_text()) < 1_800_000


def test_an_idle_node_teaches_nothing(tmp_path: Path) -> None:
    clocks(tmp_path, 1)
    made = cpufreq(tmp_path, Kernel())
    made.write(CAP, 250.0)
    assert not made.learn(CAP, 55.0)
    assert made.span_w(CAP) == pytest.approx((150.0, 450.0))


def test_a_kernel_that_ignores_the_clock_is_found_out(tmp_path: Path) -> None:
    clocks(tmp_path, 1)
    kernel = Kernel()
    kernel.ignores.add("scaling_max_freq")
    written = cpufreq(tmp_path, kernel).write(CAP, 250.0)
    assert (written.accepted, written.reason) == (450.0, "the device holds 450 W")


def group(root: Path, kernel: SysFiles, address: str = "ondol.slice") -> CgroupDriver:
    return CgroupDriver(
        connection("cgroup"), [binding("power_cap", address)], fleet=fleet(), now=now, root=root, files=kernel
    )


@pytest.mark.parametrize("version", [1, 2])
def test_a_quota_keeps_a_limit_by_the_nodes_curve(tmp_path: Path, version: int) -> None:
    half_w = PowerCurve(50.0, 450.0).power_w(0.5)  # of 4 cores, so two
    if version == 2:
        file = make_tree(tmp_path / "ondol.slice", {"cpu.max": "max 100000"}) / "cpu.max"
    else:
        values: dict[str, object] = {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 100_000}
        file = make_tree(tmp_path / "cpu" / "ondol.slice", values) / "cpu.cfs_quota_us"
    made = group(tmp_path, Kernel())
    made.poll()
    assert made.readings() == ()  # no quota, no limit
    assert made.write(CAP, half_w).accepted == pytest.approx(half_w, abs=0.1)
    assert file.read_text().split()[0] == "200000"
    made.close()
    assert file.read_text().split()[0] in ("max", "-1")


def test_a_group_that_is_not_there_says_what_to_do_and_its_end_is_no_fault(tmp_path: Path) -> None:
    made = group(tmp_path, Kernel())
    assert "start its service" in made.write(CAP, 100.0).reason
    folder = make_tree(tmp_path / "ondol.slice", {"cpu.max": "max 100000"})
    assert made.write(CAP, 300.0).obeyed(1.0)
    (folder / "cpu.max").unlink()
    made.close()


@pytest.mark.parametrize("address", ["", "/ondol.slice", "../user.slice", "a/../../b"])
def test_a_group_outside_of_the_mount_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidFieldError, match="below the mount"):
        group(tmp_path, Kernel(), address)


def test_knobs_without_watts_of_their_own_are_not_read_as_meters(tmp_path: Path) -> None:
    for kind, driver in (("cpufreq", CpufreqDriver), ("cgroup", CgroupDriver)):
        with pytest.raises(InvalidFieldError, match="power_cap"):
            driver(connection(kind), [binding("electric_power", "all")], fleet=fleet(), now=now)


def _controller() -> Path | None:
    """Folder of this kernel's CPU controller, where we may make groups."""
    for root in (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/cpu,cpuacct")):
        if (root / "cpu.cfs_quota_us").exists() and os.access(root, os.W_OK):
            return root
    control = Path("/sys/fs/cgroup/cgroup.subtree_control")
    if control.exists() and "cpu" in control.read_text().split() and os.access(control.parent, os.W_OK):
        return control.parent
    return None


def test_a_real_kernel_holds_a_real_process_to_the_quota() -> None:
    root = _controller()
    if root is None:
        pytest.skip("needs a CPU controller in which groups may be made (root, cgroup v1 or v2)")
    name = f"ondol-test-{os.getpid()}"
    folder = root / name
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"this kernel lets us make no group: {error}")
    burner = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        made = group(Path("/sys/fs/cgroup"), SysFiles(), name)
        tenth_w = PowerCurve(50.0, 450.0).power_w(0.05)  # of 4 cores: a fifth of one
        assert made.write(CAP, tenth_w).accepted == pytest.approx(tenth_w, abs=0.5)
        (folder / "cgroup.procs").write_text(str(burner.pid))
        before_s, at_s = _cpu_s(burner.pid), time.monotonic()
        time.sleep(1.0)
        share = (_cpu_s(burner.pid) - before_s) / (time.monotonic() - at_s)
        made.close()
        assert share <= 0.2 + 0.1  # one period of 0.1 s may fall in besides
    finally:
        burner.kill()
        burner.wait()
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError:
                time.sleep(0.02)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", maxsplit=1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
