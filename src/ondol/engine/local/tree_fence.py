"""Holds an attempt together without cgroups: by its process tree, with stop and continue signals."""

from __future__ import annotations

import os
import resource
import signal

from ondol.engine.local.fence import Fence
from ondol.engine.local.procfs import ProcStat, descendants, pss_bytes

PERIOD_S = 0.1
_CREDIT_MIN_S = 0.01  # /proc counts CPU in ticks of 10 ms; a smaller ration could not be measured
_WAIT_MIN_S = 0.004
_WAIT_MAX_S = 0.5
_BACKSTOP_BYTES = 1 << 30


class TreeFence(Fence):
    """Everything below the calling process, which must be a child subreaper so that nothing can leave.

    CPU is limited by a duty cycle with feedback: the attempt earns `host_cores` CPU seconds per second, at most one
    period ahead; what it uses is measured, and it is stopped while it owes. So the mean follows the limit whatever
    the number of its threads. Memory and process counts are watched, not enforced by the kernel.

    Parameters
    ----------
    memory_limit_bytes, pids_limit : 0 for none; pids counts threads
    now_s : monotonic time
    """

    def __init__(self, memory_limit_bytes: int, pids_limit: int, now_s: float) -> None:
        self._root = os.getpid()
        self._memory_limit_bytes = memory_limit_bytes
        self._pids_limit = pids_limit
        self._cores = float(os.cpu_count() or 1)
        self._credit_s = _CREDIT_MIN_S
        self._now_s = now_s
        self._used_s = 0.0
        self._cpu_s = 0.0
        self._paused = False
        self._resting = False
        self._idle_wait_s = 0.0

    def join(self) -> None:
        if self._memory_limit_bytes:  # against what grows faster than we look
            limit = self._memory_limit_bytes + _BACKSTOP_BYTES
            _, hard = resource.getrlimit(resource.RLIMIT_AS)
            if hard == resource.RLIM_INFINITY or limit < hard:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def set_cores(self, host_cores: float) -> None:
        self._cores = host_cores
        self._credit_s = min(self._credit_s, self._credit_max_s)

    @property
    def _credit_max_s(self) -> float:
        return max(self._cores * PERIOD_S, _CREDIT_MIN_S)

    def tick(self, now_s: float) -> float:
        if self._paused:
            self._stop_all()
            self._now_s = now_s
            return _WAIT_MAX_S
        if self._cores >= (os.cpu_count() or 1) and not self._resting:
            self._now_s, self._used_s = now_s, self._cpu_s
            return _WAIT_MAX_S
        alive = descendants(self._root)
        used = self._count(alive)
        if self._resting or used > self._used_s or any(stat.state == "R" for stat in alive):
            self._idle_wait_s = 0.0
        else:  # look less and less often at who does nothing; what it then uses at once is paid back afterwards
            self._idle_wait_s = min(PERIOD_S, max(2.0 * self._idle_wait_s, _WAIT_MIN_S))
        earned = self._cores * (now_s - self._now_s)
        self._credit_s = min(self._credit_s + earned - (used - self._used_s), self._credit_max_s)
        self._now_s, self._used_s = now_s, used
        if self._resting and self._credit_s >= self._credit_max_s - 1e-9:
            self._resting = False
            self._continue_all()
        elif not self._resting and self._credit_s <= 0.0:
            self._resting = True
            self._stop_all()
        if self._resting:
            wait = (self._credit_max_s - self._credit_s) / self._cores
        else:
            wait = max(self._credit_s / (os.cpu_count() or 1), self._idle_wait_s)
        return min(max(wait, _WAIT_MIN_S), _WAIT_MAX_S)

    def cpu_s(self) -> float:
        return self._count(descendants(self._root))

    def memory_bytes(self) -> int:
        return sum(stat.rss_bytes for stat in descendants(self._root))

    def freeze(self) -> None:
        self._paused = True
        self._stop_all()

    def thaw(self) -> None:
        self._paused = self._resting = False
        self._credit_s = max(self._credit_s, _CREDIT_MIN_S)  # so that a job asked to end can hear it
        self._continue_all()

    def frozen(self) -> bool:
        return all(stat.stopped for stat in self._alive())

    def breach(self) -> str:
        alive = self._alive()
        if self._pids_limit and sum(stat.threads for stat in alive) > self._pids_limit:
            return "pids"
        limit = self._memory_limit_bytes
        if limit and sum(stat.rss_bytes for stat in alive) > limit:
            shares = [pss_bytes(stat.pid) for stat in alive]  # forked workers share pages: count them once
            if sum(stat.rss_bytes if pss is None else pss for stat, pss in zip(alive, shares, strict=True)) > limit:
                return "memory"
        return ""

    def kill(self) -> None:
        for stat in self._stop_all():
            _signal(stat.pid, signal.SIGKILL)

    def remove(self) -> None:
        """Nothing to take away."""

    def _count(self, below: list[ProcStat]) -> float:
        """CPU seconds of everybody, living and reaped; only we reap our children, so none is counted twice."""
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._cpu_s = max(self._cpu_s, sum(stat.cpu_s for stat in below) + reaped.ru_utime + reaped.ru_stime)
        return self._cpu_s

    def _alive(self) -> list[ProcStat]:
        return [stat for stat in descendants(self._root) if not stat.dead]

    def _stop_all(self) -> list[ProcStat]:
        """Stop everything; looks again until a look finds nobody new, because the running ones may fork."""
        held: set[int] = set()
        for _ in range(20):
            alive = self._alive()
            fresh = [stat for stat in alive if stat.pid not in held]
            if not fresh:
                break
            for stat in fresh:
                held.add(stat.pid)
                if not stat.stopped:
                    _signal(stat.pid, signal.SIGSTOP)
        return alive

    def _continue_all(self) -> None:
        for stat in self._alive():
            _signal(stat.pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    """Signal a descendant: its pid cannot be reused before we, or its parent whom we hold, reap it."""
    try:
        os.kill(pid, number)
    except OSError:
        return
