"""What holds the processes of one attempt together: counts, limits, freezes and kills them as a whole."""

from __future__ import annotations


class Fence:
    """One attempt's processes as one thing. Subclasses: cgroup v1, cgroup v2, and the process tree.

    A base class and not a Protocol: `typing` is slow to import and shims start often.
    """

    def join(self) -> None:
        """Put the calling process inside; called in the child between fork and exec."""
        raise NotImplementedError

    def set_cores(self, host_cores: float) -> None:
        """Set the share of the host's cores, ≥ 0.001."""
        raise NotImplementedError

    def tick(self, now_s: float) -> float:
        """Do what is due at monotonic time `now_s`; gives the seconds until it wants to be called again."""
        raise NotImplementedError

    def cpu_s(self) -> float:
        """CPU seconds used inside so far."""
        raise NotImplementedError

    def memory_bytes(self) -> int:
        """Memory in use now, without file cache that the kernel can drop."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Hold every process; it may take some milliseconds until `frozen` says so."""
        raise NotImplementedError

    def thaw(self) -> None:
        """Let every process go on."""
        raise NotImplementedError

    def frozen(self) -> bool:
        """Whether all processes are held, as measured."""
        raise NotImplementedError

    def breach(self) -> str:
        """Give ``"memory"`` or ``"pids"`` where a limit was broken and the attempt must end, else an empty text."""
        raise NotImplementedError

    def kill(self) -> None:
        """Kill everything inside once; callers repeat until nothing is left."""
        raise NotImplementedError

    def remove(self) -> None:
        """Take the fence itself away; raises OSError while processes are inside."""
        raise NotImplementedError
