"""What a task in a compute pool finds in its folder: the pool's resources, and what the preparation made of them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from ondol.control.job_files import copy, opened, place
from ondol.model.errors import ConflictError, NotFoundError


def bring_from_slot(slot_dir: Path, job_dir: Path, incoming: Path, wanted: Callable[[], bool]) -> None:
    """Copy all of a slot's folder, as it is now, into the fresh folder of a job in it.

    Each job has files of its own; blocks are shared where the file system can, so that a slot's data lie on the disk
    once. Links are made again as they are, and never followed; pipes and the like stay behind.

    Parameters
    ----------
    incoming : a file on the job folder's file system that is written over
    wanted : asked before each file; the copying ends, unfinished, where it says no

    Raises NotFoundError where the slot is gone, ConflictError for a folder that cannot be read.
    """
    if not slot_dir.is_dir():
        raise NotFoundError("slot", slot_dir.parent.name)
    for top, folders, files in os.walk(slot_dir, onerror=_refuse):
        here = Path(top).relative_to(slot_dir)
        for name in (*folders, *files):
            path = here / name
            if not wanted():
                return
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                _bring(slot_dir, job_dir, path, incoming)
    incoming.unlink(missing_ok=True)


def _bring(slot_dir: Path, job_dir: Path, path: Path, incoming: Path) -> None:
    mode = (slot_dir / path).lstat().st_mode
    if stat.S_ISLNK(mode):
        (job_dir / path).symlink_to((slot_dir / path).readlink())
    elif stat.S_ISDIR(mode):
        (job_dir / path).mkdir(stat.S_IMODE(mode) | stat.S_IRWXU)
    elif stat.S_ISREG(mode):
        with opened(slot_dir, str(path)) as source:
            if source is not None:
                copy(source, incoming)
                incoming.chmod(stat.S_IMODE(mode) & 0o777)  # programs stay programs
                place(incoming, job_dir, str(path))


def _refuse(error: OSError) -> None:
    raise ConflictError(f"What the pool's preparation made cannot be read: {error}. Let it keep its folders readable.")
