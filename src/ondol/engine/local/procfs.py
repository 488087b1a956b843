"""Processes as /proc shows them; a process is its pid together with its start time, never a bare pid."""
# ruff: noqa: PTH110, PTH208
# Read many times a second by every shim; pathlib would double its start-up time

from __future__ import annotations

import os
import signal
from collections.abc import Callable

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_HAS_CHILDREN_FILE = os.path.exists(f"/proc/self/task/{os.getpid()}/children")


class ProcStat:
    """One line of /proc/PID/stat (proc(5)).

    Parameters
    ----------
    pid, ppid : of the process and its parent, as this pid namespace sees them
    state : one letter; T and t are stopped, Z and X are dead
    cpu_s : CPU seconds of the process and of its children that it waited for
    threads : number of threads
    start_ticks : start time in clock ticks after boot (field 22); with the pid it identifies the process
    rss_bytes : resident memory
    """

    __slots__ = ("cpu_s", "pid", "ppid", "rss_bytes", "start_ticks", "state", "threads")

    def __init__(self, pid: int, fields: list[bytes]) -> None:
        self.pid = pid
        self.state = fields[0].decode()
        self.ppid = int(fields[1])
        self.cpu_s = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
        self.threads = int(fields[17])
        self.start_ticks = int(fields[19])
        self.rss_bytes = int(fields[21]) * _PAGE_BYTES

    @property
    def dead(self) -> bool:
        """Whether it is a zombie: it ended and waits for its parent."""
        return self.state in "ZX"

    @property
    def stopped(self) -> bool:
        """Whether it is held by a stop signal."""
        return self.state in "Tt"


def read_bytes(path: str) -> bytes:
    """Read a whole small file, as the pseudo file systems have them; raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def read_stat(pid: int) -> ProcStat | None:
    """Read one process, None where it is gone."""
    try:
        line = read_bytes(f"/proc/{pid}/stat")
    except OSError:
        return None
    return ProcStat(pid, line.rpartition(b")")[2].split())  # the name in brackets may hold anything


def start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks after boot, None where it is gone."""
    stat = read_stat(pid)
    return None if stat is None else stat.start_ticks


def signal_process(pid: int, start: int, number: int) -> bool:
    """Send a signal to the process that had this pid and start time; tells whether it was there."""
    if start_ticks(pid) != start:
        return False
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def children(pid: int) -> list[int]:
    """Pids of the children of all threads of a process."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            found += map(int, read_bytes(f"/proc/{pid}/task/{thread}/children").split())
        except OSError:
            continue
    return found


def descendants(root: int) -> list[ProcStat]:
    """Every process below `root`, parents before children; `root` itself is left out.

    Complete only where nothing forks or dies meanwhile, so callers that kill repeat until nothing is left.
    """
    below = children if _HAS_CHILDREN_FILE else _children_by_scan()
    found: dict[int, ProcStat] = {}
    queue = [root]
    while queue:
        for pid in below(queue.pop(0)):
            stat = None if pid in found else read_stat(pid)
            if stat is not None:
                found[pid] = stat
                queue.append(pid)
    return list(found.values())


def pss_bytes(pid: int) -> int | None:
    """Resident memory with shared pages divided among their users (proc(5), smaps_rollup); None where unknown."""
    try:
        for line in read_bytes(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def kill_marked(marker: bytes) -> int:
    """SIGKILL every process whose environment holds `marker` (``NAME=value``); gives their number.

    The last resort for what a killed shim left behind where there are no cgroups.
    """
    killed = 0
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            if marker in read_bytes(f"/proc/{name}/environ").split(b"\0"):
                os.kill(int(name), signal.SIGKILL)
                killed += 1
        except OSError:
            continue
    return killed


def _children_by_scan() -> Callable[[int], list[int]]:
    by_parent: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        stat = read_stat(int(name)) if name.isdigit() else None
        if stat is not None:
            by_parent.setdefault(stat.ppid, []).append(stat.pid)
    return lambda pid: by_parent.get(pid, [])
