"""What the acceptance tests ask of a platform again and again: work of one command, its end, other accounts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import psutil

from acceptance.platform import Up

Seen = TypeVar("Seen")
FINAL = ("Success", "Failure", "Cancelled")
PATIENCE_S = 90.0  # a machine that does other things beside, with two platforms at a time, takes long over a container


def until(look: Callable[[], Seen], what: str, timeout_s: float = PATIENCE_S) -> Seen:
    """Look until there is something to see; fails with `what` when the time is over."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline_s, f"{what} did not happen within {timeout_s:g} s"
        time.sleep(0.1)


def work(connection: Any, command: str, *, name: str = "work", instances: int | str = 1, service: str = "on_demand",
         profile: str = "process") -> Any:  # fmt: skip
    """A task of one command, not yet submitted."""
    task = connection.create_task(name, profile, instances)
    task.constants["CMD" if profile == "process" else "DOCKER_CMD"] = command
    task.labels = {"ondol.service": service}
    return task


def end_of(task: Any, timeout_s: float = PATIENCE_S) -> str:
    """Final state of a task."""

    def look() -> str:
        task.update(True)
        return task.state if task.state in FINAL else ""

    return until(look, f"the end of task {task.name}", timeout_s)


def says(task: Any, word: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until the task has said a word."""
    until(lambda: word in task.stdout(), f"{word!r} on the stdout of {task.name}; it is {task.state}", timeout_s)


def messages(task: Any) -> str:
    """All that the errors of a task tell."""
    return " ".join(f"{error.code} {error.message} {error.debug}" for error in task.errors)


def keys(bucket: Any) -> list[str]:
    """Keys of the objects of a bucket, sorted."""
    return sorted(entry.key for entry in bucket.list_files())


def ondol(*line: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command line of ours as a process."""
    command = [sys.executable, "-m", "ondol.cli.main", *line]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def connection_of(up: Up, email: str) -> Any:
    """The SDK's connection of a new account."""
    import qarnot

    made = ondol("user", "add", email, "--data", str(up.data), "--json")
    assert made.returncode == 0, made.stderr
    return qarnot.Connection(cluster_url=up.client["url"], client_token=json.loads(made.stdout)["token"], retry_count=1)


def abort_all(connection: Any) -> None:
    """End whatever a failed test left running."""
    for task in connection.all_tasks():
        if task.state not in FINAL:
            task.abort()
            end_of(task)


def processes_with(word: str) -> list[psutil.Process]:
    """Living processes of this machine whose command line holds a word."""
    return [process for process in _processes() if word in " ".join(_line(process))]


def _processes() -> Iterator[psutil.Process]:
    me = psutil.Process().pid
    return (process for process in psutil.process_iter() if process.pid != me)


def _line(process: psutil.Process) -> list[str]:
    try:
        return [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
