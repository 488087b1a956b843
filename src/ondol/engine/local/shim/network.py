"""The network of one container: slirp4netns(1), which carries its connections out like those of any program here."""
# ruff: noqa: PTH123
# Pathlib would double the start-up time

from __future__ import annotations

import json
import os
import select

from ondol.engine.local.fence import Fence
from ondol.engine.local.shim.child import LaunchError, stay_with

_READY_FD = 3
_READY_S = 10.0
_DEVICE = "tap0"
_SOCKET = "network.sock"


def start_network(command: list[str], container_pid: int, folder: str, fence: Fence) -> int:
    """Attach a network to a container that is made and not yet started; gives the pid of what carries it.

    It stands inside of the attempt's fence, so that it is held and ends with the attempt. Raises LaunchError.

    Parameters
    ----------
    folder : for its socket and its log
    """
    shim = os.getpid()
    ready_in, ready_out = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            stay_with(shim)
            fence.join()
            os.chdir(folder)
            log = os.open("network.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            null = os.open(os.devnull, os.O_RDONLY)
            high = os.dup(ready_out)
            for source, target in ((null, 0), (log, 1), (log, 2), (high, _READY_FD)):
                os.dup2(source, target)
            os.closerange(_READY_FD + 1, 256)
            os.execve(command[0], [*command, str(container_pid), _DEVICE], {"PATH": "/usr/bin:/bin"})  # noqa: S606
        finally:
            os._exit(127)
    os.close(ready_out)
    try:
        readable, _, _ = select.select([ready_in], [], [], _READY_S)
        if not readable or os.read(ready_in, 1) != b"1":
            raise LaunchError(f"The container's network could not be set up: {_last_line(folder + '/network.log')}")
    finally:
        os.close(ready_in)
    return pid


def forward(rules: object, folder: str) -> None:
    """Open ports of this machine that lead into the container; raises LaunchError where one cannot be had."""
    if not isinstance(rules, list) or not rules:
        return
    import socket  # only here: it takes longer to import than the rest of the shim

    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for rule in rules:
            arguments = {
                "proto": rule["protocol"],
                "host_addr": rule["host_address"],
                "host_port": rule["host_port"],
                "guest_port": rule["port"],
            }
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as api:
                api.settimeout(_READY_S)
                api.connect(f"/proc/self/fd/{at}/{_SOCKET}")  # a path of its own may be longer than a socket's can be
                api.sendall(json.dumps({"execute": "add_hostfwd", "arguments": arguments}).encode())
                api.shutdown(socket.SHUT_WR)
                answer = json.loads(api.recv(4096) or b"{}")
            if "return" not in answer:
                raise LaunchError(f"Port {rule['port']} of the container cannot be opened: {answer.get('error')}")
    except (OSError, ValueError) as error:
        raise LaunchError(f"The ports of the container cannot be opened: {error}") from error
    finally:
        os.close(at)


def _last_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "slirp4netns did not answer"
