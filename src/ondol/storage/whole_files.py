"""Files that are there whole or not at all, whenever the power goes and whoever reads meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"


@contextmanager
def replaced_by(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `path` where the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    yield partial
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once.

    Parameters
    ----------
    path : where; a link is followed and the rights of a file that is there are kept. Into what is no file (a pipe,
        /dev/stdout) is written directly
    content : all of it
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    place = path.resolve()
    with replaced_by(place) as partial:
        partial.write_bytes(content)
        if place.exists():
            shutil.copymode(place, partial)
