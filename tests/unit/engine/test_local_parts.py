"""The parts of the local engine that need no running attempt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.engine.local import record
from ondol.engine.local.cgroup_v1 import quota_us
from ondol.engine.local.cgroup_v2 import CgroupV2
from ondol.engine.local.order_checks import check_order
from ondol.engine.local.procfs import ProcStat, read_stat, signal_process
from ondol.engine.local.sandbox import bubblewrap_options, job_environment
from ondol.engine.local.shim.lease import Lease
from ondol.engine.local.shim.pump import Pump
from ondol.engine.ports import LaunchOrder
from ondol.model.errors import InvalidFieldError


@given(st.floats(0.001, 512.0))
def test_the_quota_keeps_to_the_bounds_of_the_kernel_and_to_the_share(cores: float) -> None:
    quota, period = quota_us(cores)
    assert quota >= 1000
    assert 1000 <= period <= 1_000_000
    assert quota / period == pytest.approx(cores, rel=0.001, abs=1e-5)


@given(st.text(max_size=1000), st.floats(allow_nan=False, allow_infinity=False))
def test_a_record_comes_back_whatever_its_message(
    tmp_path_factory: pytest.TempPathFactory, text: str, x: float
) -> None:
    path = tmp_path_factory.mktemp("record") / "status"
    fd = record.open_record(str(path), create=True)
    try:
        record.store(fd, {"state": "running", "cpu_s": x, "message": text}, durable=True)
        block, fields = record.load(fd)
    finally:
        os.close(fd)
    assert len(block) == record.SIZE_BYTES
    assert fields is not None
    assert fields["cpu_s"] == x
    assert text.startswith(str(fields["message"]))


@given(st.integers(0, record.SIZE_BYTES - 1))
def test_a_torn_record_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    """Given half of one record and half of the next, no fields are read."""
    path = tmp_path_factory.mktemp("record") / "status"
    fd = record.open_record(str(path), create=True)
    try:
        record.store(fd, {"cpu_s": 1.0})
        old, _ = record.load(fd)
        record.store(fd, {"cpu_s": 2.0})
        new, _ = record.load(fd)
    finally:
        os.close(fd)
    mixed = new[:at] + old[at:]
    assert record.decode(mixed) in ({"cpu_s": 1.0, "message": ""}, {"cpu_s": 2.0, "message": ""}, None)
    assert record.decode(mixed[:100]) is None
    assert record.decode(b"") is None


def test_a_process_name_with_brackets_and_blanks_is_read_right() -> None:
    line = b"S 7 1 1 0 -1 0 0 0 0 0 100 50 25 25 20 0 3 0 4711 0 10 " + b"0 " * 20
    stat = ProcStat(42, line.split())
    assert (stat.ppid, stat.threads, stat.start_ticks) == (7, 3, 4711)
    assert stat.cpu_s == pytest.approx(200 / os.sysconf("SC_CLK_TCK"))


def test_a_pid_with_another_start_time_is_never_signalled() -> None:
    me = read_stat(os.getpid())
    assert me is not None
    assert signal_process(os.getpid(), me.start_ticks, 0)
    assert not signal_process(os.getpid(), me.start_ticks + 1, 9)


def test_variables_come_through_a_file_and_the_state_folder_is_masked(tmp_path: Path) -> None:
    env = job_environment({"A": "1", "PATH": "/x"}, job_dir="/job", checkpoint_dir="", temp_dir="/tmp")
    assert env["PATH"].endswith(":/x")
    assert "ONDOL_CHECKPOINT_DIR" not in env
    options = bubblewrap_options(
        environment=env,
        job_dir=tmp_path,
        checkpoint_dir=None,
        network=False,
        read_only=(tmp_path,),
        hidden=(tmp_path / "state",),
    )
    assert "--share-net" not in options
    masked = options.index(str(tmp_path / "state"))
    assert options[masked - 1] == "--tmpfs"
    assert masked > options.index(str(tmp_path))


def test_the_lease_counts_from_the_last_touch_seen(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    path.touch()
    lease = Lease(str(path), 10.0, 100.0)
    assert not lease.over(105.0)
    assert not lease.over(115.0)
    assert lease.over(115.1)
    os.utime(path, (1, 1))  # the wall clock fell: still a sign of life
    assert not lease.over(116.0)
    path.unlink()
    assert lease.over(126.1)


def test_the_pump_keeps_the_limit_and_says_once_what_it_dropped(tmp_path: Path) -> None:
    pump = Pump(str(tmp_path / "out"), 5)
    for text in (b"abc", b"defg", b"h"):
        os.write(pump.write_fd, text)
        assert pump.carry()
    pump.close_write_end()
    assert not pump.carry()
    pump.finish()
    said = (tmp_path / "out").read_bytes()
    assert said.startswith(b"abcde\n[ondol] only the first 5 bytes")
    assert said.count(b"[ondol]") == 1


def test_version_two_groups_write_the_kernels_files(tmp_path: Path) -> None:
    """The file interface alone: this proves names and formats, not the kernel's answer."""
    folder = tmp_path / "g"
    folder.mkdir()
    for name in ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max", "cgroup.freeze"):
        (folder / name).touch()
    (folder / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (folder / "memory.current").write_text("1000\n")
    (folder / "memory.stat").write_text("anon 1\ninactive_file 400\n")
    (folder / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (folder / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    group = CgroupV2(str(folder))
    group.create(4096, 7)
    group.set_cores(0.25)
    group.freeze()
    assert (folder / "cpu.max").read_text() == "25000 100000"
    assert (folder / "memory.max").read_text() == "4096"
    assert (folder / "pids.max").read_text() == "7"
    assert (folder / "cgroup.freeze").read_text() == "1"
    assert (group.cpu_s(), group.memory_bytes(), group.breach(), group.frozen()) == (2.5, 600, "memory", True)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"attempt_id": "../x"}, "attempt_id"),
        ({"argv": ()}, "argv"),
        ({"argv": ("a\0b",)}, "NUL"),
        ({"environment": {"A=B": "c"}}, "environment"),
        ({"host_cores": 0.0}, "host_cores"),
        ({"job_dir": Path("/no/such/folder")}, "job_dir"),
    ],
)
def test_orders_that_cannot_be_run_are_refused(tmp_path: Path, fields: dict[str, object], word: str) -> None:
    good = {"attempt_id": "t.000001.001", "node_id": "n", "argv": ("true",), "job_dir": tmp_path}
    check_order(LaunchOrder(**good))
    with pytest.raises(InvalidFieldError, match=word):
        check_order(LaunchOrder(**{**good, **fields}))
