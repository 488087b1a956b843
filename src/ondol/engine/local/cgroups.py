"""Finds where this machine lets us make control groups, tries it, and opens the group of an attempt."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ondol.engine.local.cgroup_v1 import CONTROLLERS as V1_CONTROLLERS
from ondol.engine.local.cgroup_v1 import CgroupV1, write_text
from ondol.engine.local.cgroup_v2 import CONTROLLERS as V2_CONTROLLERS
from ondol.engine.local.cgroup_v2 import CgroupV2
from ondol.engine.local.group import GroupSpec, open_group


@dataclass(frozen=True, slots=True)
class GroupHome:
    """Where the engine's groups go.

    Parameters
    ----------
    version : 1 or 2
    folders : controller → the engine's own folder; the one key ``"unified"`` for version 2
    path : the folder below the mounts, empty where it differs from controller to controller; runc takes one for all
    others : the engine's own folders in hierarchies that it has no use for; runc uses them all
    """

    version: int
    folders: dict[str, str]
    path: str = ""
    others: tuple[str, ...] = ()

    def spec(self, name: str) -> GroupSpec:
        """Say where the group of one attempt is; it goes into the order and outlives the engine."""
        return {
            "version": self.version,
            "folders": {key: f"{path}/{name}" for key, path in self.folders.items()},
            "others": [f"{path}/{name}" for path in self.others],
        }

    def prepare(self) -> None:
        """Make the engine's own folders; raises OSError."""
        for folder in self.folders.values():
            Path(folder).mkdir(exist_ok=True)
        if self.version == 2:
            _hand_down(Path(self.folders["unified"]))

    def remove(self) -> None:
        """Remove the engine's own folders where they are empty."""
        for folder in (*self.folders.values(), *self.others):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def find_home(name: str, *, one_path: bool = False) -> GroupHome | None:
    """Find a place for the engine's groups and prove that it works; None where there is none.

    Groups are made below the platform's own group, so that a limit set on the platform also holds for its jobs; where
    the second version forbids that (a group with processes may not hand controllers down), beside it, else at the top.

    Parameters
    ----------
    name : of the engine's folder, unique per state folder
    one_path : prefer a place with the same path in every hierarchy, which containers need
    """
    homes = _candidates(name)
    if one_path:
        homes.sort(key=lambda home: not home.path)
    for home in homes:
        try:
            home.prepare()
            if _works(home):
                return home
        except OSError:
            pass
        home.remove()
    return None


def _candidates(name: str) -> list[GroupHome]:
    (mounts, all_mounts), own = _mounts(), _own_paths()
    homes = []
    if all(controller in mounts for controller in V1_CONTROLLERS):
        nested = {c: _below(mounts[c], own.get(c, "/")) for c in V1_CONTROLLERS}
        below = {str(path.relative_to(mounts[c])) for c, path in nested.items()}
        unused = [mount for mount in all_mounts if mount not in mounts.values() or mount == mounts.get("unified")]
        for parent in dict.fromkeys([*(below if len(below) == 1 else ()), "."]):
            folders = {c: str(mounts[c] / parent / name) for c in V1_CONTROLLERS}
            others = tuple(str(mount / parent / name) for mount in unused)
            homes.append(GroupHome(1, folders, str(Path("/") / parent / name), others))
        if len(below) > 1:
            homes.insert(0, GroupHome(1, {c: f"{path}/{name}" for c, path in nested.items()}))
    if "unified" in mounts:
        here = _below(mounts["unified"], own.get("unified", "/"))
        parents = dict.fromkeys([here, here.parent if here != mounts["unified"] else here, mounts["unified"]])
        for path in parents:
            below_mount = Path("/") / path.relative_to(mounts["unified"]) / name
            homes.append(GroupHome(2, {"unified": f"{path}/{name}"}, str(below_mount)))
    return homes


def _mounts() -> tuple[dict[str, Path], list[Path]]:
    """Controller → mount point, from /proc/self/mountinfo (proc(5)); ``"unified"`` for the second version.

    Second, every mount point of control groups, also of controllers that are not used here.
    """
    found: dict[str, Path] = {}
    everywhere: dict[Path, None] = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        where = Path(left.split(" ")[4])
        if kind in ("cgroup", "cgroup2"):
            everywhere[where] = None
        if kind == "cgroup2":
            found.setdefault("unified", where)
        elif kind == "cgroup":
            for option in options.split(","):
                if option in V1_CONTROLLERS:
                    found.setdefault(option, where)
    return found, list(everywhere)


def _own_paths() -> dict[str, str]:
    paths = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else ["unified"]:
            paths[controller] = path
    return paths


def _below(mount: Path, path: str) -> Path:
    """Give the folder of a group; the mount itself where the path belongs to another namespace."""
    folder = mount / path.lstrip("/")
    return folder if folder.is_dir() else mount


def _hand_down(folder: Path) -> None:
    """Switch the controllers on below the parent and below `folder`; raises OSError."""
    for group in (folder.parent, folder):
        on = set((group / "cgroup.subtree_control").read_text(encoding="ascii").split())
        wanted = [f"+{controller}" for controller in V2_CONTROLLERS if controller not in on]
        if wanted:
            write_text(str(group / "cgroup.subtree_control"), " ".join(wanted))


def _works(home: GroupHome) -> bool:
    """Try every verb on a real process; raises OSError where the kernel refuses one."""
    group = open_group(home.spec(f"probe-{os.getpid()}"))
    process = subprocess.Popen(["sleep", "20"], stdin=subprocess.DEVNULL)
    try:
        group.create(256 * 1024 * 1024, 16)
        group.set_cores(0.5)
        group.adopt(process.pid)
        group.freeze()
        frozen = _soon(group.frozen)
        group.thaw()
        group.cpu_s()
        group.memory_bytes()
        group.kill()
        return frozen and process.wait(timeout=2.0) != 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        process.kill()
        process.wait()
        _soon(lambda: _removed(group))


def _removed(group: CgroupV1 | CgroupV2) -> bool:
    try:
        group.remove()
    except OSError:
        return False
    return True


def _soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true within half a second."""
    for _ in range(100):
        if condition():
            return True
        time.sleep(0.005)
    return False
