"""The lease: attempts end by themselves where the platform is gone, so that none runs on for ever unseen."""
# ruff: noqa: PTH116
# Pathlib would double the start-up time

from __future__ import annotations

import os


class Lease:
    """Watches a file that the platform touches.

    Time is counted by our own monotonic clock from the last change seen, so a leap of the wall clock or a suspended
    machine ends no job.

    Parameters
    ----------
    path : the file
    length_s : seconds without a touch after which the lease is over
    now_s : monotonic time
    """

    def __init__(self, path: str, length_s: float, now_s: float) -> None:
        self._path = path
        self._length_s = length_s
        self._seen_ns = 0
        self._seen_at_s = now_s

    def over(self, now_s: float) -> bool:
        """Whether the lease has run out at monotonic time `now_s`."""
        try:
            touched_ns = os.stat(self._path).st_mtime_ns
        except OSError:
            touched_ns = self._seen_ns
        if touched_ns != self._seen_ns:
            self._seen_ns, self._seen_at_s = touched_ns, now_s
        return now_s - self._seen_at_s > self._length_s
