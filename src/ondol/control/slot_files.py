"""What a task in a compute pool finds in its folder: the pool's resources, and what the preparation made of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from ondol.control.job_files import copy, opened, place
from ondol.control.results import files_below
from ondol.model.errors import NotFoundError


def bring_from_slot(slot_dir: Path, job_dir: Path, incoming: Path, wanted: Callable[[], bool]) -> None:
    """Copy every file of a slot's folder, as it is now, into the folder of a job in it; its own change none of them.

    Blocks are shared where the file system can, so that a slot's data lie on the disk once.

    Parameters
    ----------
    incoming : a file on the job folder's file system that is written over
    wanted : asked before each file; the copying ends, unfinished, where it says no

    Raises NotFoundError where the slot is gone, ConflictError for a folder that cannot be read.
    """
    if not slot_dir.is_dir():
        raise NotFoundError("slot", slot_dir.parent.name)
    for path, status in files_below(slot_dir):
        if not wanted():
            return
        with opened(slot_dir, path) as source:
            if source is None:  # removed or replaced since it was listed
                continue
            copy(source, incoming)
            os.chmod(incoming, stat.S_IMODE(status.st_mode) & 0o777)  # noqa: PTH101  # programs stay programs
            place(incoming, job_dir, path)
    incoming.unlink(missing_ok=True)
