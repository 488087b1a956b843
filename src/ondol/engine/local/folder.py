"""The engine's files of one attempt, and who stands over it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ondol.engine.local import record
from ondol.engine.local.group import open_group
from ondol.engine.local.procfs import kill_marked, signal_process
from ondol.engine.local.removal import remove_tree
from ondol.engine.local.shim.order import LOCK_FD, Control, Order, read_control
from ondol.engine.ports import PortForward

_SHIM = Path(__file__).parent / "shim"


def atomic_write(path: Path, text: str) -> None:
    """Put a file in place whole or not at all, readable by its owner only."""
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


class AttemptFolder:
    """One attempt on the disk: ``order.json control.json status stdout stderr lock shim.log tmp/``.

    Whether a shim stands over it is asked of the lock file, which the shim holds for its whole life (the engine takes
    the lock before it starts the shim and passes it on): no pid has to be trusted after a restart.

    Parameters
    ----------
    path : the folder, complete with its order
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.attempt_id = path.name
        header = json.loads((path / "order.json").read_text(encoding="utf-8"))
        self.node_id = str(header["node_id"])
        self.marker = str(header["marker"])
        self.order = Order(**header["shim"])
        self.forwards = _forwards(self.order)
        self._lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._record_fd = record.open_record(str(path / "status"), create=True)
        self._block = b""
        self._fields: dict[str, object] | None = None
        self._shim_pid: int | None = None
        self.swept = False
        self.lost_at_s: float | None = None  # when it was found that no shim stands over it and none wrote an end

    @staticmethod
    def make(
        path: Path,
        *,
        node_id: str,
        marker: str,
        order: Order,
        sandbox_options: list[str],
        write: Callable[[Path, Path], None] | None = None,
    ) -> AttemptFolder:
        """Make the folder of a new attempt; it appears complete or not at all.

        Parameters
        ----------
        write : adds files of a container; gets the folder to write into and the path that it will have
        """
        fresh = path.with_name(f".new-{path.name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        (fresh / "tmp").mkdir()
        if write is not None:
            write(fresh, path)
        header = {"node_id": node_id, "marker": marker, "shim": order.to_json()}
        atomic_write(fresh / "order.json", json.dumps(header))
        if sandbox_options:
            atomic_write(fresh / "sandbox.args", "".join(f"{option}\0" for option in sandbox_options))
        shutil.rmtree(path, ignore_errors=True)  # of an earlier try that a full disk cut short; nothing runs in it yet
        fresh.rename(path)
        return AttemptFolder(path)

    def start_shim(self) -> None:
        """Start the shim of a new attempt, holding its lock."""
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        high = fcntl.fcntl(self._lock_fd, fcntl.F_DUPFD_CLOEXEC, 10)
        log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            self._shim_pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", str(_SHIM), str(self.path / "order.json")],
                {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(self.path / "shim.log"), log, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                    (os.POSIX_SPAWN_DUP2, high, LOCK_FD),
                ],
                setsid=True,
            )
        finally:
            os.close(high)
            os.close(self._lock_fd)  # the shim's copy holds the lock now
            self._lock_fd = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)

    def has_shim(self) -> bool:
        """Whether a shim stands over the attempt."""
        self._reap_shim()
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
        return False

    def fields(self) -> dict[str, object] | None:
        """Newest whole status record, None where there never was one."""
        block = os.pread(self._record_fd, record.SIZE_BYTES, 0)
        if block != self._block:
            decoded = record.decode(block)
            if decoded is not None:
                self._block, self._fields = block, decoded
        return self._fields

    def record_is_whole(self) -> bool:
        """Whether the record as it stands now can be read; a torn one without a shim is never mended."""
        return record.decode(os.pread(self._record_fd, record.SIZE_BYTES, 0)) is not None

    def control(self) -> Control:
        """Give what was asked of the attempt last."""
        known = read_control(str(self.path / "control.json"))
        return known or Control(paused=False, host_cores=self.order.host_cores, stop_grace_s=None)

    def ask(self, control: Control) -> None:
        """Write the controls and wake the shim."""
        atomic_write(self.path / "control.json", json.dumps(control.to_json()))
        fields = self.fields()
        if fields is not None and self.has_shim():
            signal_process(int(str(fields["shim_pid"])), int(str(fields["shim_start"])), signal.SIGUSR1)

    def sweep(self) -> bool:
        """Kill what an attempt without a shim left behind and remove its group; tells whether nothing is left."""
        if self.order.group is None:
            return kill_marked(self.marker.encode()) == 0
        group = open_group(self.order.group)
        try:
            group.kill()
            group.remove()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Remove the folder and let go of it."""
        self.close()
        old = self.path.with_name(f".old-{self.path.name}")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(old)
        with contextlib.suppress(OSError):
            remove_tree(old)

    def close(self) -> None:
        """Close the descriptors."""
        self._reap_shim()
        for fd in (self._lock_fd, self._record_fd):
            with contextlib.suppress(OSError):
                os.close(fd)

    def _reap_shim(self) -> None:
        if self._shim_pid is None:
            return
        try:
            pid, _ = os.waitpid(self._shim_pid, os.WNOHANG)
        except ChildProcessError:
            pid = self._shim_pid
        if pid:
            self._shim_pid = None


def _forwards(order: Order) -> tuple[PortForward, ...]:
    rules = (order.container or {}).get("forwards")
    return tuple(PortForward(**rule) for rule in rules) if isinstance(rules, list) else ()
