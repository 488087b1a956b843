"""Removing folders that jobs leave, however they leave them, and those that an earlier life forgot."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ondol.model.ids import AttemptId, InstanceId, TaskId, task_of
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it; one that is not there is fine, what cannot be removed is logged.

    Jobs may leave folders that nobody may read, and folders nested deeper than a path or a stack can be.
    """
    try:
        _remove(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("the folder %s cannot be removed: %s", folder, error)


def sweep(store: Store, jobs_dir: Path, outputs_dir: Path) -> None:
    """Remove what an earlier life left of attempts that are over and of tasks that are gone.

    To be called before the loop begins: nothing may be on its way into these folders.
    """

    @functools.cache
    def over(task_id: TaskId) -> dict[AttemptId, bool]:
        return {attempt.id: attempt.state.final for attempt in store.attempts(task_id)}

    @functools.cache
    def needed(task_id: TaskId) -> set[str]:
        return {checkpoint_name(one.id) for one in store.instances(task_id) if not one.state.final}

    for folder in _folders(jobs_dir / "attempts"):
        key = AttemptId(folder.name)
        if over(task_of(key)).get(key, True):
            remove_tree(folder)
    for folder in _folders(jobs_dir / "checkpoints"):
        if folder.name not in needed(task_of(AttemptId(folder.name))):
            remove_tree(folder)
    for folder in _folders(outputs_dir):
        if store.task(TaskId(folder.name)) is None:
            remove_tree(folder)


def checkpoint_name(instance_id: InstanceId) -> str:
    """Name of the folder that the attempts of an instance hand on."""
    return instance_id.replace("/", ".")


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _remove(folder: Path) -> None:
    """Lift inner folders to the top until there are none: neither depth nor the length of a path matters then."""
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
