"""A control group of the first version: one folder per controller (kernel documentation, cgroup-v1)."""
# ruff: noqa: PTH103, PTH110, PTH112, PTH106
# Imported by the shim, which must start fast

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from ondol.engine.local.fence import Fence
from ondol.engine.local.procfs import read_bytes

CONTROLLERS = ("cpu", "cpuacct", "freezer", "memory", "pids")
QUOTA_MIN_US = 1000  # the kernel refuses less
PERIOD_MAX_US = 1_000_000


def quota_us(host_cores: float) -> tuple[int, int]:
    """CPU quota and period [µs] for a share of cores.

    The period is 100 ms, longer below 0.02 cores because the kernel takes no quota under 1 ms.
    """
    period = 100_000
    if host_cores * period < 2 * QUOTA_MIN_US:
        period = min(PERIOD_MAX_US, int(2 * QUOTA_MIN_US / host_cores))
    return max(QUOTA_MIN_US, round(host_cores * period)), period


def write_text(path: str, text: str) -> None:
    """Write to a control file; raises OSError where the kernel refuses."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read_key(path: str, key: bytes) -> int:
    """Value of `key` in a file of ``key value`` lines, 0 where there is none."""
    for line in read_bytes(path).splitlines():
        name, _, value = line.partition(b" ")
        if name == key:
            return int(value)
    return 0


class CgroupV1(Fence):
    """The groups of one attempt.

    Parameters
    ----------
    folders : controller → folder; several controllers may share one mount and so one folder
    others : folders that runc makes for a container in further hierarchies; only removed here
    """

    def __init__(self, folders: dict[str, str], others: Sequence[str] = ()) -> None:
        self._folders = folders
        self._distinct = sorted(set(folders.values()))
        self._others = others

    def create(self, memory_limit_bytes: int, pids_limit: int) -> None:
        """Make the folders and set the limits (0 for none); raises OSError where the kernel refuses."""
        for folder in self._distinct:
            os.makedirs(folder, exist_ok=True)
        if memory_limit_bytes:
            write_text(self._file("memory", "memory.limit_in_bytes"), str(memory_limit_bytes))
            swap = self._file("memory", "memory.memsw.limit_in_bytes")
            if os.path.exists(swap):
                write_text(swap, str(memory_limit_bytes))
        if pids_limit:
            write_text(self._file("pids", "pids.max"), str(pids_limit))

    def join(self) -> None:
        for folder in self._distinct:
            write_text(folder + "/cgroup.procs", "0")

    def adopt(self, pid: int) -> None:
        """Move another process inside; raises OSError."""
        for folder in self._distinct:
            write_text(folder + "/cgroup.procs", str(pid))

    def set_cores(self, host_cores: float) -> None:
        quota, period = quota_us(host_cores)
        write_text(self._file("cpu", "cpu.cfs_quota_us"), "-1")  # so that the new period fits any old quota
        write_text(self._file("cpu", "cpu.cfs_period_us"), str(period))
        write_text(self._file("cpu", "cpu.cfs_quota_us"), str(quota))

    def tick(self, now_s: float) -> float:  # noqa: ARG002 - the kernel does the work
        return 3600.0

    def cpu_s(self) -> float:
        return int(read_bytes(self._file("cpuacct", "cpuacct.usage"))) / 1e9

    def memory_bytes(self) -> int:
        used = int(read_bytes(self._file("memory", "memory.usage_in_bytes")))
        return max(0, used - read_key(self._file("memory", "memory.stat"), b"total_inactive_file"))

    def freeze(self) -> None:
        write_text(self._file("freezer", "freezer.state"), "FROZEN")

    def thaw(self) -> None:
        write_text(self._file("freezer", "freezer.state"), "THAWED")

    def frozen(self) -> bool:
        return read_bytes(self._file("freezer", "freezer.state")).strip() == b"FROZEN"

    def breach(self) -> str:
        return "memory" if read_key(self._file("memory", "memory.oom_control"), b"oom_kill") else ""

    def pids(self) -> list[int]:
        """Pids inside now."""
        return [int(pid) for pid in read_bytes(self._file("freezer", "cgroup.procs")).split()]

    def kill(self) -> None:
        inside = self.pids()
        if not inside:
            return
        self.freeze()  # nothing can fork between the list and the signal
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.thaw()  # a frozen process of this version dies only once thawed

    def remove(self) -> None:
        for folder in (*self._distinct, *self._others):
            if os.path.isdir(folder):
                os.rmdir(folder)

    def _file(self, controller: str, name: str) -> str:
        return f"{self._folders[controller]}/{name}"
