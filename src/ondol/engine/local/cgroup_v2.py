"""A control group of the unified version: one folder (kernel documentation, cgroup-v2)."""
# ruff: noqa: PTH103, PTH110, PTH112, PTH106
# Imported by the shim, which must start fast

from __future__ import annotations

import os
import signal

from ondol.engine.local.cgroup_v1 import quota_us, read_key, write_text
from ondol.engine.local.fence import Fence
from ondol.engine.local.procfs import read_bytes

CONTROLLERS = ("cpu", "memory", "pids")


class CgroupV2(Fence):
    """The group of one attempt.

    Parameters
    ----------
    folder : its folder, below one whose `cgroup.subtree_control` hands down cpu, memory and pids
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def create(self, memory_limit_bytes: int, pids_limit: int) -> None:
        """Make the folder and set the limits (0 for none); raises OSError where the kernel refuses."""
        os.makedirs(self._folder, exist_ok=True)
        if memory_limit_bytes:
            self._write("memory.max", str(memory_limit_bytes))
            for name, text in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
                if os.path.exists(f"{self._folder}/{name}"):
                    self._write(name, text)
        if pids_limit:
            self._write("pids.max", str(pids_limit))

    def join(self) -> None:
        self._write("cgroup.procs", "0")

    def adopt(self, pid: int) -> None:
        """Move another process inside; raises OSError."""
        self._write("cgroup.procs", str(pid))

    def set_cores(self, host_cores: float) -> None:
        quota, period = quota_us(host_cores)
        self._write("cpu.max", f"{quota} {period}")

    def tick(self, now_s: float) -> float:  # noqa: ARG002 - the kernel does the work
        return 3600.0

    def cpu_s(self) -> float:
        return read_key(f"{self._folder}/cpu.stat", b"usage_usec") / 1e6

    def memory_bytes(self) -> int:
        used = int(read_bytes(f"{self._folder}/memory.current"))
        return max(0, used - read_key(f"{self._folder}/memory.stat", b"inactive_file"))

    def freeze(self) -> None:
        self._write("cgroup.freeze", "1")

    def thaw(self) -> None:
        self._write("cgroup.freeze", "0")

    def frozen(self) -> bool:
        return read_key(f"{self._folder}/cgroup.events", b"frozen") == 1

    def breach(self) -> str:
        return "memory" if read_key(f"{self._folder}/memory.events", b"oom_kill") else ""

    def pids(self) -> list[int]:
        """Pids inside now."""
        return [int(pid) for pid in read_bytes(f"{self._folder}/cgroup.procs").split()]

    def kill(self) -> None:
        if os.path.exists(f"{self._folder}/cgroup.kill"):  # Linux 5.14 and later
            self._write("cgroup.kill", "1")
            return
        self.freeze()
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.thaw()

    def remove(self) -> None:
        if os.path.isdir(self._folder):
            os.rmdir(self._folder)

    def _write(self, name: str, text: str) -> None:
        write_text(f"{self._folder}/{name}", text)
