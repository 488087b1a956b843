"""The embedded engine: real processes on this machine that survive the platform and are found again by it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from ondol.engine.local.cgroups import GroupHome, find_home
from ondol.engine.local.containers import find_containers
from ondol.engine.local.folder import AttemptFolder
from ondol.engine.local.order_checks import check_order
from ondol.engine.local.reports import report
from ondol.engine.local.sandbox import (
    CHECKPOINT_DIR,
    JOB_DIR,
    bubblewrap_options,
    find_bubblewrap,
    job_environment,
    python_paths,
)
from ondol.engine.local.shim.order import Control, Order
from ondol.engine.ports import AttemptReport, Capabilities, LaunchOrder, check_ended
from ondol.model.checks import check_choice, check_range
from ondol.model.errors import ConflictError, NotFoundError, UnavailableError
from ondol.model.ids import AttemptId

_MARKER = "ONDOL_ATTEMPT_TOKEN"  # by which leftovers of a killed shim are found where there are no cgroups
_GRACE_S = 5.0
_SANDBOX_PROCESSES = 2  # bubblewrap's own


class LocalEngine:
    """Runs attempts as processes of this machine, one shim each; see `ports.Engine` for the verbs.

    Raises ConflictError where another engine uses the same folder, UnavailableError where a sandbox or limits were
    demanded that this machine does not have.

    Parameters
    ----------
    state_dir : folder of the engine's own, made where it is missing; a later engine on it adopts what still runs
    sandbox : "auto" takes bubblewrap where it works; "bubblewrap" demands it; "none" runs plain processes
    limits : "auto" takes cgroups where they can be written; "cgroup" demands them; "duty-cycle" does without
    lease_s : attempts end by themselves where `keep_alive` was not called for so long, ≥ 0.5 [s]
    read_only : more folders that sandboxed jobs may read, at their own place
    hidden : folders that no sandboxed job may see, whatever else is shown to it
    containers : whether orders with a container are taken where this machine can run them
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        sandbox: str = "auto",
        limits: str = "auto",
        lease_s: float = 60.0,
        read_only: Sequence[Path] = (),
        hidden: Sequence[Path] = (),
        containers: bool = True,
    ) -> None:
        check_choice("sandbox", sandbox, ("auto", "bubblewrap", "none"))
        check_choice("limits", limits, ("auto", "cgroup", "duty-cycle"))
        check_range("lease_s", lease_s, 0.5, 86_400.0, "s")
        self._state_dir = state_dir.resolve()
        self._attempts_dir = self._state_dir / "attempts"
        self._attempts_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_fd = self._take_folder()
        try:
            self._lease_s = lease_s
            self._read_only = (*python_paths(), *(path.resolve() for path in read_only))
            self._hidden = (self._state_dir, *(path.resolve() for path in hidden))
            self._warnings: list[str] = []
            self._bubblewrap = self._choose_sandbox(sandbox)
            self._home = self._choose_limits(limits, one_path=containers)
            self._containers, self.no_containers = (
                find_containers(self._state_dir, self._home) if containers else (None, "they were switched off")
            )
        except BaseException:
            os.close(self._lock_fd)
            raise
        self.keep_alive()
        self._folders = self._adopt()

    def capabilities(self) -> Capabilities:
        limit = f"cgroup-v{self._home.version}" if self._home else ""
        return Capabilities(
            engine="local",
            sandbox="bubblewrap" if self._bubblewrap else "none",
            cpu_limit=limit or "duty-cycle",
            memory_limit=limit or "rlimit",
            containers=self._containers is not None,
            container_network=self._containers is not None and bool(self._containers.slirp),
            warnings=tuple(self._warnings),
        )

    def inside_paths(self, order: LaunchOrder) -> tuple[str, str]:
        """Give job folder and checkpoint folder as the job sees them; the second is empty where there is none."""
        if order.container is not None:
            return order.container.job_mounts[0], CHECKPOINT_DIR if order.checkpoint_dir else ""
        if self._bubblewrap:
            return JOB_DIR, CHECKPOINT_DIR if order.checkpoint_dir else ""
        return str(order.job_dir.resolve()), str(order.checkpoint_dir.resolve()) if order.checkpoint_dir else ""

    def launch(self, order: LaunchOrder) -> None:
        """Start an attempt; does nothing where that id is already known."""
        if order.attempt_id in self._folders:
            return
        check_order(order)
        path = self._attempts_dir / order.attempt_id
        contained = order.container is not None and bool(order.argv)  # what holds without a program needs none
        folder = self._container(path, order) if contained else self._process(path, order)
        self._folders[order.attempt_id] = folder
        folder.start_shim()

    def _container(self, path: Path, order: LaunchOrder) -> AttemptFolder:
        container, containers = order.container, self._containers
        if container is None or containers is None:
            raise UnavailableError(f"This machine runs no containers: {self.no_containers}")
        if order.network and not containers.slirp:
            raise UnavailableError("No network for containers: slirp4netns is not installed")
        write = containers.write(order, container)
        shim_order = self._shim_order(path, order, pids_limit=order.pids_limit)
        shim_order.container = containers.plan(path, order, container)
        return AttemptFolder.make(
            path, node_id=order.node_id, marker="", order=shim_order, sandbox_options=[], write=write
        )

    def _process(self, path: Path, order: LaunchOrder) -> AttemptFolder:
        job_dir, checkpoint_dir = self.inside_paths(order)
        token = secrets.token_hex(8)
        environment = job_environment(
            order.environment,
            job_dir=job_dir,
            checkpoint_dir=checkpoint_dir,
            temp_dir="/tmp" if self._bubblewrap else str(path / "tmp"),  # noqa: S108 - the sandbox's own /tmp
        )
        environment[_MARKER] = token
        options = self._sandbox_options(order, environment) if order.argv else []
        argv = list(order.argv)
        if options:
            argv = [self._bubblewrap, "--args", "4", "--json-status-fd", "5", "--", *argv]
        shim_order = self._shim_order(path, order, pids_limit=order.pids_limit + (_SANDBOX_PROCESSES if options else 0))
        shim_order.argv = argv
        shim_order.environment = environment if not options else {}
        shim_order.work_dir = "/" if options else job_dir
        shim_order.sandbox_args = str(path / "sandbox.args") if options else ""
        return AttemptFolder.make(
            path, node_id=order.node_id, marker=f"{_MARKER}={token}", order=shim_order, sandbox_options=options
        )

    def _shim_order(self, path: Path, order: LaunchOrder, *, pids_limit: int) -> Order:
        return Order(
            folder=str(path),
            argv=[],
            environment={},
            work_dir="/",
            sandbox_args="",
            group=self._home.spec(order.attempt_id) if self._home else None,
            host_cores=order.host_cores,
            memory_limit_bytes=order.memory_limit_bytes,
            pids_limit=pids_limit,
            output_limit_bytes=order.output_limit_bytes,
            time_limit_s=order.time_limit_s,
            lease_file=str(self._state_dir / "lease"),
            lease_s=self._lease_s,
            grace_s=_GRACE_S,
            hold=order.hold,
        )

    def pause(self, attempt_id: AttemptId) -> None:
        """Hold the attempt; its CPU is free at once, its memory stays."""
        self._ask(attempt_id, paused=True)

    def resume(self, attempt_id: AttemptId) -> None:
        """Let a held attempt go on."""
        self._ask(attempt_id, paused=False)

    def stop(self, attempt_id: AttemptId, grace_s: float) -> None:
        """SIGTERM to all its processes (thawed first), SIGKILL after `grace_s`; asked again, the earlier end holds."""
        check_range("grace_s", grace_s, 0.0, 86_400.0, "s")
        self._ask(attempt_id, stop_grace_s=grace_s)

    def limit_cpu(self, attempt_id: AttemptId, host_cores: float) -> None:
        """Change the share of the host's cores."""
        check_range("host_cores", host_cores, 0.001, 4096.0, "cores")
        self._ask(attempt_id, host_cores=host_cores)

    def poll(self) -> tuple[AttemptReport, ...]:
        """Report every attempt that was launched and not released, by id."""
        return tuple(report(self._folders[attempt_id]) for attempt_id in sorted(self._folders))

    def output(self, attempt_id: AttemptId, stream: str, offset: int = 0) -> bytes:
        """Bytes of "stdout" or "stderr" from `offset` on, empty where there are none yet."""
        check_choice("stream", stream, ("stdout", "stderr"))
        try:
            with (self._folder(attempt_id).path / stream).open("rb") as file:
                file.seek(offset if offset >= 0 else max(0, file.seek(0, os.SEEK_END) + offset))
                return file.read()
        except FileNotFoundError:
            return b""

    def release(self, attempt_id: AttemptId) -> None:
        """Forget an ended attempt and remove its folder and group; raises ConflictError while it runs."""
        folder = self._folders.get(attempt_id)
        if folder is None:
            return
        check_ended(attempt_id, report(folder).state)
        for _ in range(200):
            if not folder.has_shim() and folder.sweep():
                break
            time.sleep(0.005)  # the shim writes the end and then needs some milliseconds to leave
        folder.remove()
        del self._folders[attempt_id]

    def keep_alive(self) -> None:
        """Renew the lease of all attempts."""
        lease = self._state_dir / "lease"
        lease.touch()
        os.utime(lease)

    def close(self) -> None:
        """Let go of descriptors and of the folder's lock; running attempts go on until their lease ends."""
        for folder in self._folders.values():
            folder.close()
        self._folders.clear()
        if self._home is not None:
            self._home.remove()
            self._home = None
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _take_folder(self) -> int:
        fd = os.open(self._state_dir / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise ConflictError(
                f"Another engine uses {self._state_dir}: stop that platform or choose another data folder"
            ) from None
        return fd

    def _choose_sandbox(self, wanted: str) -> str:
        program, reason = ("", "it was switched off") if wanted == "none" else find_bubblewrap()
        if not program and wanted == "bubblewrap":
            raise UnavailableError(f"No sandbox: {reason}. Install bubblewrap, or run without a sandbox")
        if not program:
            self._warnings.append(
                f"Jobs run WITHOUT a sandbox ({reason}): they can read and change what this user can. "
                "Run only your own jobs; 'ondol doctor' says what to do"
            )
        return program

    def _choose_limits(self, wanted: str, *, one_path: bool) -> GroupHome | None:
        name = "ondol-" + hashlib.sha256(str(self._state_dir).encode()).hexdigest()[:12]
        home = None if wanted == "duty-cycle" else find_home(name, one_path=one_path)
        if home is None and wanted == "cgroup":
            raise UnavailableError("No control groups: this user may not create any here. Use limits = duty-cycle")
        if home is None:
            self._warnings.append(
                "Limits are kept without control groups: CPU shares by stop and continue signals (mean within 15 %), "
                "memory and process counts by looking five times a second. Give this user writable cgroups for more"
            )
        return home

    def _adopt(self) -> dict[AttemptId, AttemptFolder]:
        """Take over what an earlier engine on this folder left: running attempts, unreleased ends, half-made orders."""
        found: dict[AttemptId, AttemptFolder] = {}
        for path in sorted(self._attempts_dir.iterdir()):
            if path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)
            elif (path / "order.json").exists():
                found[AttemptId(path.name)] = AttemptFolder(path)
        return found

    def _sandbox_options(self, order: LaunchOrder, environment: dict[str, str]) -> list[str]:
        if not self._bubblewrap:
            return []
        return bubblewrap_options(
            environment=environment,
            job_dir=order.job_dir.resolve(),
            checkpoint_dir=order.checkpoint_dir.resolve() if order.checkpoint_dir else None,
            network=order.network,
            read_only=self._read_only,
            hidden=self._hidden,
        )

    def _folder(self, attempt_id: AttemptId) -> AttemptFolder:
        try:
            return self._folders[attempt_id]
        except KeyError:
            raise NotFoundError("attempt", attempt_id) from None

    def _ask(
        self,
        attempt_id: AttemptId,
        *,
        paused: bool | None = None,
        host_cores: float | None = None,
        stop_grace_s: float | None = None,
    ) -> None:
        folder = self._folder(attempt_id)
        now = folder.control()
        folder.ask(
            Control(
                paused=now.paused if paused is None else paused,
                host_cores=now.host_cores if host_cores is None else host_cores,
                stop_grace_s=now.stop_grace_s if stop_grace_s is None else stop_grace_s,
            )
        )
