"""What must hold before a platform may start: a data folder of its own, a sane clock, a fleet that fits the work."""

from __future__ import annotations

import fcntl
import logging
import os
from collections import Counter
from typing import IO

from ondol.control.layout import DataFolder
from ondol.control.works import Works
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.fleet import Fleet
from ondol.storage.fleet_file import fleet_to_toml
from ondol.storage.whole_files import write_private

_log = logging.getLogger(__name__)
FASTEST_CLOCK = 600.0  # a sample may then be half as long again and still within the agents' longest step (900 s)


def check_rate(field: str, rate: float) -> None:
    """Refuse a platform clock that is too slow or too fast for the loops below it."""
    if not 0.01 <= rate <= FASTEST_CLOCK:
        raise InvalidFieldError(
            field,
            rate,
            f"0.01 to {FASTEST_CLOCK:g} platform seconds per wall second: on a faster clock the heat agents would step "
            "over minutes of discomfort without counting them",
        )


def lock_folder(folder: DataFolder) -> IO[str]:
    """Take the data folder for this process alone; the kernel gives it back however the process ends."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder.lock_file.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "another process"
        file.close()
        raise ConflictError(
            f"The data folder {folder.path} is in use by {owner}: stop that platform or choose another --data"
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()}")
    file.flush()
    _keep_private(folder)
    return file


def _keep_private(folder: DataFolder) -> None:
    """Close to other users of the machine what tenants brought, made and keep secret.

    The folder itself may have been there before, open to all, and hold more than ours: its mode is its owner's affair.
    """
    for inner in (
        folder.engine_dir,
        folder.jobs_dir,
        folder.outputs_dir,
        folder.cache_dir,
        folder.objects_dir,
        folder.images_dir,
    ):
        inner.mkdir(mode=0o700, exist_ok=True)
        inner.chmod(0o700)
    for open_file in (folder.database_file, folder.log_file, folder.ticks_file):
        for file in folder.path.glob(f"{open_file.name}*"):  # with SQLite's journals, and what was rotated
            file.chmod(0o600)


def choose_database(folder: DataFolder, given: str) -> str:
    """Give the URL of the database: the one that was named, else that of the last start, else a file in the folder.

    Raises ConflictError where the folder's data lies in its file already: it would silently be left behind.
    """
    if given and folder.database_file.is_file():
        raise ConflictError(
            f"The data of {folder.path} is in {folder.database_file.name} there: leave --database out, or start with "
            "another --data"
        )
    return given or folder.database_url


def keep_database(folder: DataFolder, given: str) -> None:
    """Note where the database is, for the next start and for the commands that look into it."""
    if given:
        write_private(folder.database_note, f"{given}\n".encode())


def keep_fleet(folder: DataFolder, fleet: Fleet) -> None:
    """Remember the fleet, so that anyone can see what this data belongs to."""
    text = fleet_to_toml(fleet)
    if folder.fleet_file.exists() and folder.fleet_file.read_text(encoding="utf-8") != text:
        _log.warning("the fleet has changed since the last start")
    write_private(folder.fleet_file, text.encode())


def refuse_lost_nodes(fleet: Fleet, works: Works) -> None:
    """Refuse a fleet that lacks nodes or slots on which work is under way."""
    slots = {node.id: node.slots for node in fleet.nodes}
    busy = Counter(attempt.node_id for _, _, attempt in works.under_way() if not attempt.held_by)
    lost = sorted(busy.keys() - slots.keys())
    if lost:
        raise ConflictError(
            f"Work is under way on nodes that the fleet file no longer has: {', '.join(lost)}. "
            "Put them back until it is done, or delete those tasks first"
        )
    shrunk = [f"{key} (slots = {slots[key]}, at work {busy[key]})" for key in sorted(busy) if busy[key] > slots[key]]
    if shrunk:
        raise ConflictError(
            f"More work is under way than the fleet file leaves slots for: {', '.join(shrunk)}. "
            "Give the slots back until it is done, or delete those tasks first"
        )
