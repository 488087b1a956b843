"""Reads what the end of the main process means."""

from __future__ import annotations

import json
import os

from ondol.engine.local.procfs import read_bytes


def exit_code(status: int) -> int:
    """Exit code of a wait status; 128 + signal where a signal ended it."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def sandbox_failed(status: int, status_fd: int) -> bool:
    """Whether bubblewrap ended without having executed the job: only then it reports no exit code.

    Parameters
    ----------
    status : wait status of bubblewrap
    status_fd : non-blocking end of the pipe given to it as --json-status-fd
    """
    if not os.WIFEXITED(status):
        return False
    try:
        said = os.read(status_fd, 65536)
    except BlockingIOError:
        said = b""
    return not any("exit-code" in json.loads(line) for line in said.splitlines() if line.strip())


def launch_message(path: str) -> str:
    """Say why bubblewrap could not execute the job, from the last line of its stderr file."""
    lines = read_bytes(path).decode(errors="replace").strip().splitlines()
    if not lines:
        return "The sandbox could not start it"
    program, found, reason = lines[-1].removeprefix("bwrap: execvp ").rpartition(": ")
    if not found or not lines[-1].startswith("bwrap: execvp "):
        return f"The sandbox could not be set up: {lines[-1]}"
    if reason == "No such file or directory":
        return f"Program not found: {program}"
    return f"Program cannot be executed ({reason.lower()}): {program}"
