"""Containers of the local engine: whether this machine can run them, and the files that one of them is made of."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ondol.engine.local.cgroups import GroupHome
from ondol.engine.local.group import open_group
from ondol.engine.local.oci_spec import INIT, Bind, specification
from ondol.engine.local.oci_user import User, resolve
from ondol.engine.local.sandbox import CHECKPOINT_DIR
from ondol.engine.ports import ContainerOrder, LaunchOrder
from ondol.model.errors import InvalidFieldError

_SHARED_MEMORY_BYTES = 1 << 30
_PROBE_S = 20.0
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64")
_RESOLVER = "10.0.2.3"  # of slirp4netns(1)
_TAKEN = ("/", "/dev", "/proc", "/sys")


@dataclasses.dataclass(frozen=True, slots=True)
class Containers:
    """The programs that containers need here.

    Parameters
    ----------
    home : where control groups are made; it has one path in all hierarchies
    runc : path of the runtime
    init : path of a static init that reaps and passes signals on, empty where there is none
    slirp : path of slirp4netns, empty where there is none: then no container has a network
    """

    home: GroupHome
    runc: str
    init: str
    slirp: str

    def plan(self, path: Path, order: LaunchOrder, container: ContainerOrder) -> dict[str, object]:
        """Say how the shim is to start a container whose files are in `path`; see `shim.container.Container`."""
        layers = (("lowerdir", container.rootfs), ("upperdir", path / "upper"), ("workdir", path / "work"))
        return {
            "runc": [self.runc, "--root", str(path / "runc")],
            "id": "job",
            "bundle": str(path / "bundle"),
            "overlay": ",".join(f"{name}={_escaped(folder)}" for name, folder in layers),
            "log": str(path / "runc.log"),
            "pid_file": str(path / "init.pid"),
            "program": order.argv[0],
            "init": bool(self.init),
            "network": self._network() if order.network else None,
            "forwards": [dataclasses.asdict(forward) for forward in container.forwards],
        }

    def _network(self) -> list[str]:
        return [
            self.slirp, "--configure", "--mtu=65520", "--disable-host-loopback", "--enable-sandbox",
            "--enable-seccomp", "--ready-fd=3", "--api-socket=network.sock",
        ]  # fmt: skip

    def write(self, order: LaunchOrder, container: ContainerOrder) -> Callable[[Path, Path], None]:
        """Give what makes the files of a container: called with the folder to write into and its later path.

        Raises InvalidFieldError where the image has no such user or where a folder would hide the system's own.
        """
        for target in (container.work_dir, *container.job_mounts):
            if not target.startswith("/") or ".." in Path(target).parts:
                raise InvalidFieldError("folder in the container", target, "an absolute path")
        for target in container.job_mounts:
            if str(Path(target)) in _TAKEN or str(Path(target)).startswith(("/dev/", "/proc/", "/sys/")):
                raise InvalidFieldError("folder of the job", target, "a path that is not the system's own")
        user = resolve(container.rootfs, container.user)
        environment = {"HOME": user.home, **order.environment}

        def write_files(fresh: Path, path: Path) -> None:
            _make_folders(fresh, container.rootfs)
            for folder in (order.job_dir, order.checkpoint_dir):
                if folder is not None and (user.uid or user.gid):
                    _give(folder, user)
            spec = specification(
                argv=[INIT, "--", *order.argv] if self.init else order.argv,
                environment=environment,
                user=user,
                work_dir=container.work_dir,
                binds=self._binds(path, order, container),
                read_only=container.read_only,
                cgroup=f"{self.home.path}/{order.attempt_id}",
                shared_memory_bytes=order.memory_limit_bytes or _SHARED_MEMORY_BYTES,
            )
            _write(fresh / "bundle" / "config.json", json.dumps(spec), 0o600)
            _write(fresh / "etc" / "hostname", "ondol\n", 0o644)
            _write(fresh / "etc" / "hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ondol\n", 0o644)
            _write(fresh / "etc" / "resolv.conf", f"nameserver {_RESOLVER}\n" if order.network else "", 0o644)

        return write_files

    def _binds(self, path: Path, order: LaunchOrder, container: ContainerOrder) -> list[Bind]:
        binds = [Bind(path / "tmp", "/tmp")]  # noqa: S108 - the container's own
        binds += [Bind(path / "etc" / name, f"/etc/{name}", True) for name in ("hostname", "hosts", "resolv.conf")]
        binds += [Bind(order.job_dir.resolve(), target) for target in container.job_mounts]
        if order.checkpoint_dir is not None:
            binds.append(Bind(order.checkpoint_dir.resolve(), CHECKPOINT_DIR))
        if self.init:
            binds.append(Bind(Path(self.init).resolve(), INIT, True))
        return binds


def find_containers(state_dir: Path, home: GroupHome | None) -> tuple[Containers | None, str]:
    """Find what containers need and prove with a real one that it works; None and the reason where not.

    Parameters
    ----------
    state_dir : where attempts will be: an overlay must be possible there
    """
    runc = shutil.which("runc")
    if os.geteuid() != 0:
        return None, "containers need a platform that runs as root"
    if runc is None:
        return None, "runc is not installed"
    if home is None or not home.path:
        return None, "containers need control groups that can be written"
    found = Containers(home, runc, _static_init(), shutil.which("slirp4netns") or "")
    why = _proof(found, state_dir)
    return (None, f"containers do not work here: {why}") if why else (found, "")


def _static_init() -> str:
    program = shutil.which("catatonit")
    return program or ""


def _proof(containers: Containers, state_dir: Path) -> str:
    """Run `true` of this host in a container on an overlay; empty where that works, else why not."""
    folder = Path(tempfile.mkdtemp(prefix=".probe-", dir=state_dir))
    name = f"probe-{os.getpid()}"
    group = open_group(containers.home.spec(name))
    try:
        rootfs = folder / "lower"
        rootfs.mkdir()
        binds = [Bind(Path("/usr"), "/usr", True)]
        for each in _SYSTEM:
            path = Path("/") / each
            if path.is_symlink():
                (rootfs / each).symlink_to(path.readlink())
            elif path.is_dir():
                binds.append(Bind(path, str(path), True))
        _make_folders(folder, rootfs)
        spec = specification(
            argv=["true"], environment={"PATH": "/usr/bin:/bin"}, user=User(0, 0), work_dir="/", binds=binds,
            read_only=False, cgroup=f"{containers.home.path}/{name}", shared_memory_bytes=1 << 20,
        )  # fmt: skip
        _write(folder / "bundle" / "config.json", json.dumps(spec), 0o600)
        group.create(0, 0)
        order = LaunchOrder(attempt_id=name, node_id="", argv=("true",), job_dir=folder)  # type: ignore[arg-type]
        plan = containers.plan(folder, order, ContainerOrder(image="", rootfs=rootfs))
        script = 'mount -t overlay overlay -o "$1" "$2/rootfs" && exec "$3" --root "$4" run --bundle "$2" "$5"'
        run = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh", str(plan["overlay"]),
             str(plan["bundle"]), containers.runc, str(folder / "runc"), name],
            check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PROBE_S,
        )  # fmt: skip
        said = run.stderr.decode(errors="replace").strip().splitlines()
        return "" if run.returncode == 0 else (said[-1] if said else f"exit code {run.returncode}")
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        try:
            group.kill()
            group.remove()
        except OSError:
            pass  # what is left is empty, and its name is this process's
        shutil.rmtree(folder, ignore_errors=True)


def _make_folders(path: Path, rootfs: Path) -> None:
    for name in ("bundle", "bundle/rootfs", "work", "etc", "runc"):
        (path / name).mkdir(exist_ok=True)
    lower = rootfs.stat()
    upper = path / "upper"
    upper.mkdir()
    upper.chmod(stat.S_IMODE(lower.st_mode))  # the root of an overlay looks like that of its upper layer
    os.chown(upper, lower.st_uid, lower.st_gid)
    (path / "tmp").mkdir(exist_ok=True)
    (path / "tmp").chmod(0o1777)


def _give(folder: Path, user: User) -> None:
    """Give a folder and all in it to a user; links are never followed, a job may have left some."""
    os.chown(folder, user.uid, user.gid, follow_symlinks=False)
    for _, folders, files, at in os.fwalk(folder):
        for name in (*folders, *files):
            os.chown(name, user.uid, user.gid, dir_fd=at, follow_symlinks=False)


def _write(path: Path, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)


def _escaped(path: Path) -> str:
    """A path as an option of overlay(5): commas and colons separate there."""
    return str(path).replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")
