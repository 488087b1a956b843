"""The specification of one container, ``config.json`` (OCI runtime specification 1.0.2)."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ondol.engine.local.oci_user import User
from ondol.engine.local.seccomp import seccomp

INIT = "/dev/init"  # on the container's own /dev, so that nothing of it is seen in the image's tree
_HOSTNAME = "ondol"
# As Docker has them: what tells of the host or of other containers, or what can change the host.
_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
    "/sys/firmware",
)  # fmt: skip
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_CAPABILITY_SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")
_NAMESPACES = ("pid", "ipc", "uts", "mount", "cgroup", "network")
_OPEN_FILES = 65536


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host that is seen in the container."""

    source: Path
    target: str
    read_only: bool = False


def specification(
    *,
    argv: Sequence[str],
    environment: Mapping[str, str],
    user: User,
    work_dir: str,
    binds: Sequence[Bind],
    read_only: bool,
    cgroup: str,
    shared_memory_bytes: int,
) -> dict[str, object]:
    """Give the specification; no capability, no new rights, own namespaces, an empty network.

    Parameters
    ----------
    cgroup : path of the attempt's own group below the mounts of all controllers
    shared_memory_bytes : most that /dev/shm may hold; it counts to the memory of the job
    """
    linux: dict[str, object] = {
        "namespaces": [{"type": kind} for kind in _NAMESPACES],
        "cgroupsPath": cgroup,
        "resources": {
            "devices": [{"allow": False, "access": "rwm"}]
        },  # runc adds null, zero, random, tty and their like
        "maskedPaths": list(_MASKED),
        "readonlyPaths": list(_READ_ONLY),
    }
    files = _open_files()
    if (filtered := seccomp()) is not None:
        linux["seccomp"] = filtered
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.groups), "umask": 0o022},
            "args": list(argv),
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": work_dir,
            "capabilities": {kind: [] for kind in _CAPABILITY_SETS},
            "rlimits": [
                {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
                {"type": "RLIMIT_NOFILE", "soft": files, "hard": files},
            ],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": read_only},
        "hostname": _HOSTNAME,
        "mounts": [*_system_mounts(shared_memory_bytes), *(_mount(bind) for bind in binds)],
        "linux": linux,
    }


def _open_files() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)


def _system_mounts(shared_memory_bytes: int) -> list[dict[str, object]]:
    rows = (
        ("/proc", "proc", ["nosuid", "noexec", "nodev"]),
        ("/dev", "tmpfs", ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]),
        ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        ("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", f"size={shared_memory_bytes}"]),  # noqa: S108
        ("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        ("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    )
    return [{"destination": to, "type": kind, "source": kind, "options": options} for to, kind, options in rows]


def _mount(bind: Bind) -> dict[str, object]:
    options = ["rbind", "rprivate", "nosuid", "nodev", "ro" if bind.read_only else "rw"]
    return {"destination": bind.target, "type": "bind", "source": str(bind.source), "options": options}
