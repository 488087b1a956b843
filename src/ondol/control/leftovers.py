"""Removing folders that jobs leave, however they leave them, and those that an earlier life forgot."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from pathlib import Path

from ondol.engine.local import removal
from ondol.model.ids import AttemptId, InstanceId, PoolId, TaskId, task_of
from ondol.storage.ports import Store

_log = logging.getLogger(__name__)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it; one that is not there is fine, what cannot be removed is logged.

    Jobs may leave folders that nobody may read, and folders nested deeper than a path or a stack can be.
    """
    try:
        removal.remove_tree(folder)
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
        if store.task(TaskId(folder.name)) is None and store.pool(PoolId(folder.name)) is None:
            remove_tree(folder)


def checkpoint_name(instance_id: InstanceId) -> str:
    """Name of the folder that the attempts of an instance hand on."""
    return instance_id.replace("/", ".")


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
