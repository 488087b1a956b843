"""Removes folders that jobs leave: perhaps such as nobody may read, or nested deeper than a path or a stack can be."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it; raises OSError, FileNotFoundError where it is not there.

    Inner folders are lifted to the top until there are none: neither depth nor the length of a path matters then.
    """
    top = _entered(str(folder), None)
    names = (f"{secrets.token_hex(8)}.{number}" for number in itertools.count())
    try:
        while folders := _emptied_of_files(top):
            for name in folders:
                inner = _entered(name, top)
                try:
                    for child in _emptied_of_files(inner):
                        os.close(_entered(child, inner))  # only who may write in a folder may move it
                        os.rename(child, next(names), src_dir_fd=inner, dst_dir_fd=top)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def _emptied_of_files(folder: int) -> list[str]:
    """Remove all files of a folder; gives the names of the folders in it."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return inner


def _entered(name: str, parent: int | None) -> int:
    """Open a folder, made ours where its owner took the rights away; a link in its place is an error."""
    found = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        here = f"/proc/self/fd/{found}"
        with contextlib.suppress(PermissionError):
            os.chmod(here, 0o700)  # noqa: PTH101  # of what was opened, not of what has that name now
        return os.open(here, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        os.close(found)
