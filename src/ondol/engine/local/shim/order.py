"""What the engine tells a shim: the order once at the start, the controls whenever they change."""

from __future__ import annotations

import json

from ondol.engine.local.procfs import read_bytes

LOCK_FD = 3  # inherited, held until the shim ends: who can take this lock knows that no shim stands over the attempt


class Order:
    """One attempt as the shim needs it; the names are the keys of the order file.

    Parameters
    ----------
    folder : of the engine's files for this attempt (record, stdout, stderr, control)
    argv, environment, work_dir : what to execute, where; the sandbox's own command line where there is one
    sandbox_args : file with the options of bubblewrap, empty for a plain process
    group : where its control group is, None for the process tree
    host_cores, memory_limit_bytes, pids_limit, output_limit_bytes, time_limit_s : limits, 0 for none
    lease_file, lease_s : the attempt ends when that file was not touched for so long
    grace_s : between SIGTERM and SIGKILL where the shim itself ends the attempt
    container : plan of `shim.container.Container` where the attempt is one, else None; `argv` is then not used
    hold : whether it stays without a process once its program ended with 0, or has none (`argv` is empty)
    """

    __slots__ = (
        "argv",
        "container",
        "environment",
        "folder",
        "grace_s",
        "group",
        "hold",
        "host_cores",
        "lease_file",
        "lease_s",
        "memory_limit_bytes",
        "output_limit_bytes",
        "pids_limit",
        "sandbox_args",
        "time_limit_s",
        "work_dir",
    )

    folder: str
    argv: list[str]
    environment: dict[str, str]
    work_dir: str
    sandbox_args: str
    group: dict[str, object] | None
    host_cores: float
    memory_limit_bytes: int
    pids_limit: int
    output_limit_bytes: int
    time_limit_s: float
    lease_file: str
    lease_s: float
    grace_s: float
    container: dict[str, object] | None
    hold: bool

    def __init__(self, **fields: object) -> None:
        fields.setdefault("container", None)  # orders of an earlier version have neither
        fields.setdefault("hold", False)
        for name in self.__slots__:
            setattr(self, name, fields[name])

    def to_json(self) -> dict[str, object]:
        """Give the fields as the order file has them."""
        return {name: getattr(self, name) for name in self.__slots__}


class Control:
    """What the platform wants of a running attempt; the names are the keys of the control file.

    Parameters
    ----------
    paused : whether it shall be held
    host_cores : share of the host's cores
    stop_grace_s : seconds between SIGTERM and SIGKILL where it shall end, None where it shall run
    """

    __slots__ = ("host_cores", "paused", "stop_grace_s")

    def __init__(self, *, paused: bool, host_cores: float, stop_grace_s: float | None) -> None:
        self.paused = paused
        self.host_cores = host_cores
        self.stop_grace_s = stop_grace_s

    def to_json(self) -> dict[str, object]:
        """Give the fields as the control file has them."""
        return {name: getattr(self, name) for name in self.__slots__}


def read_order(path: str) -> Order:
    """Read an order file; raises OSError or ValueError."""
    return Order(**json.loads(read_bytes(path))["shim"])


def read_control(path: str) -> Control | None:
    """Read a control file, None where there is none."""
    try:
        return Control(**json.loads(read_bytes(path)))
    except FileNotFoundError:
        return None
