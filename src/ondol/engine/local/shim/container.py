"""Starts a container: an overlay in a mount namespace of its own, and runc, which puts the job inside and leaves."""
# ruff: noqa: PTH116, PTH123
# Pathlib would double the start-up time

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import time

from ondol.engine.local.fence import Fence
from ondol.engine.local.procfs import read_bytes
from ondol.engine.local.shim.child import LaunchError, stay_with
from ondol.engine.local.shim.network import forward, start_network

_CLONE_NEWNS = 0x00020000  # linux/sched.h
_MS_NODEV, _MS_REC, _MS_PRIVATE = 4, 0x4000, 1 << 18  # linux/mount.h
_RUNC_S = 60.0  # runc takes 0.05 s; on a machine that swaps it may take long, for ever never
_NOT_EXECUTED = re.compile(r'exec: "(?P<program>.*)": (?P<reason>[^:]*(?:: no such file or directory)?)$')
_INIT_SAID = re.compile(rb"ERROR \(catatonit:\d+\): failed to exec pid1: (?P<reason>.*)\n")
_libc = ctypes.CDLL(None, use_errno=True)


class Container:
    """One container as its shim sees it.

    Parameters
    ----------
    plan : of the order: ``runc`` (its command without the verb), ``id``, ``bundle``, ``overlay`` (options of its
        mount), ``log`` and ``pid_file`` of runc, ``program`` for messages, ``init`` whether one stands before the job,
        ``network`` (command of slirp4netns without the pid) or None, ``forwards`` (fields of `ports.PortForward`)
    """

    def __init__(self, plan: dict[str, object]) -> None:
        self._plan = plan
        self._has_init = bool(plan["init"])
        self._pid = 0
        self._network_pid = 0

    @property
    def aside(self) -> set[int]:
        """Pids that `ask_to_end` cares for, not the caller: of the first process and of the network."""
        return {pid for pid in (self._pid, self._network_pid) if pid}

    @property
    def beside(self) -> int:
        """Processes that count to the container and are not the job's: its init and its network."""
        return int(self._has_init) + int(bool(self._network_pid))

    def start(self, fence: Fence, stdout_fd: int, stderr_fd: int) -> int:
        """Start the job and give the pid of the container's first process; raises LaunchError.

        runc leaves once the job runs: being a subreaper, the shim is then the parent of that process.
        """
        plan, command = self._plan, self._plan["network"]
        place = ["--pid-file", str(plan["pid_file"]), "--bundle", str(plan["bundle"])]
        self._runc([*(["create"] if command else ["run", "--detach"]), *place], stdout_fd, stderr_fd, mount=True)
        self._pid = int(read_bytes(str(plan["pid_file"])))
        if command:
            self._network_pid = start_network(_texts(command), self._pid, str(plan["bundle"]), fence)
            forward(plan["forwards"], str(plan["bundle"]))
            self._runc(["start"], stdout_fd, stderr_fd, mount=False)
        return self._pid

    def _runc(self, verb: list[str], stdout_fd: int, stderr_fd: int, *, mount: bool) -> None:
        plan, shim = self._plan, os.getpid()
        command = [*_texts(plan["runc"]), "--log", str(plan["log"]), "--log-format", "json", *verb, str(plan["id"])]
        pid = os.fork()
        if pid == 0:
            try:
                stay_with(shim)
                os.chdir("/")
                if mount:
                    self._mount()
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(stdout_fd, 1)
                os.dup2(stderr_fd, 2)
                os.execve(command[0], command, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})  # noqa: S606 - no shell
            except BaseException as error:  # noqa: BLE001 - in the child: nothing may return into the shim's loop
                with open(str(plan["log"]), "a", encoding="utf-8") as log:
                    log.write(json.dumps({"msg": str(error)}) + "\n")
            finally:
                os._exit(127)
        if _wait(pid, _RUNC_S) != 0:
            raise LaunchError(self._reason())

    def _mount(self) -> None:
        if _libc.unshare(_CLONE_NEWNS) or _libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
            raise OSError(ctypes.get_errno(), "mount namespace: " + os.strerror(ctypes.get_errno()))
        target = str(self._plan["bundle"]) + "/rootfs"
        if _libc.mount(b"overlay", target.encode(), b"overlay", _MS_NODEV, str(self._plan["overlay"]).encode()):
            raise OSError(ctypes.get_errno(), "overlay: " + os.strerror(ctypes.get_errno()))

    def _reason(self) -> str:
        """Why runc could not start it, from the last line of its log."""
        try:
            lines = read_bytes(str(self._plan["log"])).decode(errors="replace").strip().splitlines()
            said = str(json.loads(lines[-1])["msg"])
        except (OSError, ValueError, LookupError):
            return "The container could not be set up: runc gave no reason"
        found = _NOT_EXECUTED.search(said)
        if found is None:
            return f"The container could not be set up: {said}"
        return launch_words(found["program"], found["reason"])

    def init_failed(self, status: int, folder: str) -> str:
        """Say why the init could not execute the job; empty where it did.

        Parameters
        ----------
        folder : with what was printed: nothing but the init's own line where it did not
        """
        if not self._has_init or not os.WIFEXITED(status) or os.WEXITSTATUS(status) != 1:
            return ""
        found = _INIT_SAID.fullmatch(read_bytes(folder + "/stderr"))
        if found is None or os.stat(folder + "/stdout").st_size:
            return ""
        return launch_words(str(self._plan["program"]), found["reason"].decode(errors="replace"))

    def ask_to_end(self) -> None:
        """Do to the first process what SIGTERM does to others: it hears only what it has a handler for.

        An init ends by itself with the job; the job's own processes are signalled by the caller.
        """
        if not self._has_init:
            try:
                os.kill(self._pid, signal.SIGTERM if _catches(self._pid, signal.SIGTERM) else signal.SIGKILL)
            except OSError:
                return  # it has ended by itself


def launch_words(program: str, reason: str) -> str:
    """Say in our own words that a program could not be executed."""
    reason = reason.strip().lower()
    if "not found" in reason or "no such file" in reason:
        return f"Program not found: {program}"
    return f"Program cannot be executed ({reason}): {program}"


def _catches(pid: int, number: int) -> bool:
    for line in read_bytes(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def _wait(pid: int, timeout_s: float) -> int:
    """Exit code of a child; killed where it takes too long."""
    end_s = time.monotonic() + timeout_s
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end_s:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
