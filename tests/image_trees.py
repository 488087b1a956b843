"""Trees and images for tests, made of what this machine has: a static busybox, and this Python with its libraries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ondol.engine.images.podman import Podman, Stored

APP = (1234, 1235)  # numbers of the user `app` that every tree has
PYTHON_PATH = "/python/bin:/bin"
_DEBIAN_TOOLS = ("bash", "cat", "cp", "echo", "env", "head", "id", "ls", "mkdir", "seq", "sleep", "sort", "tr", "wc")
_LEFT_OUT = (
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "ensurepip",
    "lib2to3",
    "config-*",
)


def busybox_tree(folder: Path) -> Path:
    """A tree with busybox in /bin and the users root and app; gives the folder."""
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("busybox is not installed")
    (folder / "bin").mkdir(parents=True)
    shutil.copy(program, folder / "bin" / "busybox")
    listed = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in listed:
        if applet != "busybox":
            (folder / "bin" / applet).symlink_to("busybox")
    _users(folder)
    return folder


def python_tree(folder: Path) -> Path:
    """A tree with this Python below /python, its standard library and shared libraries, and a busybox."""
    busybox_tree(folder)
    lib = Path(sysconfig.get_path("stdlib"))
    binary = Path(sys.executable).resolve()
    target = folder / "python"
    (target / "bin").mkdir(parents=True)
    shutil.copy(binary, target / "bin" / "python")
    shutil.copytree(lib, target / "lib" / lib.name, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)
    _copy_libraries(folder, [binary, *(target / "lib" / lib.name / "lib-dynload").glob("*.so")])
    return folder


def debian_tree(folder: Path, issue: str) -> Path:
    """A tree with this machine's bash and the usual tools beside it, and no busybox.

    Parameters
    ----------
    issue : what /etc/issue says
    """
    (folder / "bin").mkdir(parents=True)
    found = [Path(path) for path in map(shutil.which, _DEBIAN_TOOLS) if path is not None]
    for program in found:
        shutil.copy(program.resolve(), folder / "bin" / program.name)
    (folder / "bin" / "sh").symlink_to("bash")
    _copy_libraries(folder, found)
    _users(folder)
    (folder / "etc" / "issue").write_text(issue)
    return folder


def archive(tree: Path, target: Path) -> Path:
    """The tar of a tree; gives its path."""
    subprocess.run(["tar", "-C", str(tree), "-cf", str(target), "."], check=True)
    return target


def image(podman: Podman, tree: Path, name: str, *changes: str) -> Stored:
    """Import a tree into a store under a name."""
    packed = archive(tree, tree.with_name(f"{tree.name}-{os.getpid()}.tar"))
    try:
        return podman.load(packed, name, changes)
    finally:
        packed.unlink()


def forget_store(store: Path) -> None:
    """Remove a store of podman's: it leaves its folder mounted on itself."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{store}/")), reverse=True):
        subprocess.run(["umount", mount], check=False)
    shutil.rmtree(store, ignore_errors=True)


def _copy_libraries(folder: Path, programs: list[Path]) -> None:
    said = subprocess.run(["ldd", *map(str, programs)], check=False, capture_output=True, text=True).stdout
    for library in sorted(set(re.findall(r"(/\S+) \(0x", said))):
        copy = folder / library.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copy(Path(library).resolve(), copy)


def _users(folder: Path) -> None:
    (folder / "etc").mkdir()
    (folder / "etc" / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\napp:x:{APP[0]}:{APP[1]}::/home/app:/bin/sh\n")
    (folder / "etc" / "group").write_text(f"root:x:0:\napp:x:{APP[1]}:\nmore:x:77:app\n")
    for name in ("tmp", "root", "home/app"):
        (folder / name).mkdir(parents=True)
