"""Files that are there whole or not at all, whenever the power goes and whoever else reads or writes meanwhile."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial"
# The folder is another's or read-only, or the file alone is mounted: it can be written, though not replaced.
_NOT_REPLACEABLE = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV))
_ANYBODYS, _OURS = 0o666, 0o600  # rights; of the first the umask takes away
_OUR_SAYING = (1, 2)  # descriptors of what this process says


@contextmanager
def replaced_by(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `path` where the block ends well, and is gone where it does not.

    It is a file of its own for every writer. Rights and owner are those of the file that is there; until they are set
    nobody else may read it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat() if path.exists() else None
    with _beside(path, _ANYBODYS if before is None else _OURS) as partial:
        yield partial
        _settle(partial, before)
        partial.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once.

    Parameters
    ----------
    path : where; a link is followed, rights and owner of a file that is there are kept. Into what is no file (a pipe),
        what this process speaks to (/dev/stdout) and what can be written but not replaced (in a folder of another user)
        is written directly
    content : all of it
    """
    place = path.resolve()
    if place.exists() and (not place.is_file() or _is_our_saying(place)):
        path.write_bytes(content)
        return
    try:
        with replaced_by(place) as partial:
            partial.write_bytes(content)
    except OSError as error:
        if error.errno not in _NOT_REPLACEABLE or not place.exists():
            raise
        place.write_bytes(content)


def create_whole(path: Path, content: bytes) -> bool:
    """Write a file at once where there is none; gives whether it was this one that wrote it.

    Of several that begin the same file at once one writes it and the others are told so.
    """
    place = path.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    with _beside(place, _ANYBODYS) as partial:
        partial.write_bytes(content)
        _settle(partial)
        try:
            os.link(partial, place)
        except FileExistsError:
            return False
    return True


def write_private(path: Path, content: bytes) -> None:
    """Write a file at once that only its owner may read, whatever was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _beside(path, _OURS) as partial:
        partial.write_bytes(content)
        _settle(partial)
        partial.replace(path)


@contextmanager
def _beside(path: Path, rights: int) -> Iterator[Path]:
    """Give an empty file of one's own in the same folder; what is left of it after the block goes."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, rights))
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _settle(partial: Path, before: os.stat_result | None = None) -> None:
    """Bring what was written to the disk, with the owner and the rights of a file that was there before."""
    with partial.open("rb") as file:
        if before is not None:
            made = os.fstat(file.fileno())
            if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
        os.fsync(file.fileno())


def _is_our_saying(place: Path) -> bool:
    for descriptor in _OUR_SAYING:
        with suppress(OSError):
            if os.path.samestat(place.stat(), os.fstat(descriptor)):
                return True
    return False
