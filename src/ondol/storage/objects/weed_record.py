"""The note a supervisor leaves about its SeaweedFS (``weed.json``), so that the next one can clear up after it."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import msgspec
import psutil

from ondol.model.errors import ConflictError, UnavailableError
from ondol.storage.objects.weed_command import WeedPorts

_SAME_START_S = 0.05  # kernel start times have a granularity of 10 ms


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    started: float
    owner_pid: int
    owner_started: float
    ports: WeedPorts


def write(folder: Path, pid: int, ports: WeedPorts) -> None:
    """Note which process runs on the folder and whose it is."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return
    record = _Record(
        pid=pid,
        started=started,
        owner_pid=os.getpid(),
        owner_started=psutil.Process().create_time(),
        ports=ports,
    )
    fresh = folder / "weed.json.new"
    fresh.write_bytes(msgspec.json.encode(record))
    fresh.replace(_path(folder))


def clear(folder: Path) -> None:
    """Forget the process, which has ended, and the sockets it left."""
    record = _read(folder)
    if record is not None:
        for each in record.ports.grpc_sockets():
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)
    _path(folder).unlink(missing_ok=True)


def end_stale(folder: Path, wait_s: float = 10.0) -> None:
    """End a SeaweedFS that an earlier platform left running on the folder.

    Parameters
    ----------
    folder : the supervisor's folder
    wait_s : longest wait for its end [s]

    Raises ConflictError when that platform still lives, UnavailableError when the process cannot be ended.
    """
    record = _read(folder)
    if record is None:
        return
    process = _same(record.pid, record.started)
    if process is not None:
        owner = _same(record.owner_pid, record.owner_started)
        if owner is not None and owner.pid != os.getpid():
            raise ConflictError(
                f"{folder} is in use by the platform with process id {owner.pid}: stop it, or give another data folder"
            )
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        try:
            process.wait(wait_s)
        except psutil.TimeoutExpired:
            raise UnavailableError(f"An old SeaweedFS (process {process.pid}) does not end: kill it by hand") from None
    clear(folder)


def _path(folder: Path) -> Path:
    return folder / "weed.json"


def _read(folder: Path) -> _Record | None:
    try:
        return msgspec.json.decode(_path(folder).read_bytes(), type=_Record)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _same(pid: int, started: float) -> psutil.Process | None:
    """Give the process only if it is the one that was noted, not a later one with the same number."""
    try:
        process = psutil.Process(pid)
        alive = abs(process.create_time() - started) < _SAME_START_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive else None
