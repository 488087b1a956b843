"""Starts, measures and kills the platform under test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from ondol.control.layout import DataFolder
from ondol.model.ids import TaskId
from ondol.storage.sql.store import SqlStore

STOP_S = 40.0


class PlatformProcess:
    """A platform in a process of its own.

    Parameters
    ----------
    data : its folder
    database_url : "" for SQLite in the folder
    """

    def __init__(self, data: Path, database_url: str = "") -> None:
        self.data = data
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serve.py")), str(data), database_url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        if len(said) != 3:
            self._process.wait(STOP_S)
            raise RuntimeError(f"the platform does not start: see {DataFolder(data).log_file}")
        self.port, self.token, self.account = int(said[0]), said[1], said[2]
        self._measured = psutil.Process(self._process.pid)

    def cpu_s(self) -> float:
        """CPU time of the platform so far, all threads, without the object store [s]."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """End it in order."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        finally:
            self._close()

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait(STOP_S)
        self._close()

    def lost(self, accepted: list[str]) -> int:
        """How many of these tasks the database does not have; to be asked after `kill`."""
        store = SqlStore(DataFolder(self.data).database_url)
        try:
            return sum(store.task(TaskId(task_id)) is None for task_id in accepted)
        finally:
            store.close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
