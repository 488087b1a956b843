"""Files in a job's folder, touched while the job may run: no link that it puts in our way is ever followed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ondol.control.results import Fingerprint, fingerprint
from ondol.model.errors import ConflictError, InvalidFieldError

_NOT_THERE = (errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.ENXIO)
_NO_CLONE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF)
_PIECE = 2**30  # most that is copied by one system call [bytes]


def inside(key: str) -> PurePosixPath:
    """Path of an object's key below the job's folder; refuses keys that would lead out of it."""
    path = PurePosixPath(key.lstrip("/"))
    if ".." in path.parts or not path.parts or "\0" in key:
        raise InvalidFieldError("object key", key, "a path that stays inside of the job's folder")
    return path


def copy(source: Path, target: Path) -> None:
    """Copy a file so that a change of the one never shows in the other.

    The kernel shares the blocks where the file system can (reflink on XFS, btrfs …: see copy_file_range(2)) and copies
    them otherwise. A hard link would be cheaper but is one file with two names: a job could change what is cached.
    """
    with source.open("rb") as data, target.open("wb") as out:
        left = os.fstat(data.fileno()).st_size
        try:
            while left > 0:
                done = os.copy_file_range(data.fileno(), out.fileno(), min(left, _PIECE))
                if not done:
                    return
                left -= done
        except OSError as error:
            if error.errno not in _NO_CLONE:
                raise
            data.seek(0)
            out.seek(0)
            shutil.copyfileobj(data, out, 2**20)


def place(source: Path, job_dir: Path, path: str, *, over: list[Fingerprint] | None = None) -> bool:
    """Move a file into the job's folder, whole at once; False where something else lies there, which stays.

    Parameters
    ----------
    source : a file on the same file system
    path : below the job's folder
    over : fingerprints of a file there that may be replaced; None for no matter what

    Raises ConflictError where a file's name is the name of a folder on the way, or the other way round.
    """
    *folders, name = PurePosixPath(path).parts
    try:
        with _entered(job_dir, folders, make=True) as at:
            if over is None:
                os.replace(source, name, dst_dir_fd=at)  # below a folder that is open
                return True
            try:
                os.link(source, name, dst_dir_fd=at)
            except FileExistsError:
                # Between this look and the replacing lies a moment in which the job may still write; no call of the
                # kernel's replaces a file only where it is unchanged.
                with contextlib.suppress(FileNotFoundError):
                    if fingerprint(os.stat(name, dir_fd=at, follow_symlinks=False)) not in over:
                        return False
                os.replace(source, name, dst_dir_fd=at)
            return True
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST):
            raise
        raise ConflictError(
            f"{path} cannot be put into the job's folder: a part of its path is a file, or it is the path of a folder"
        ) from error


@contextlib.contextmanager
def opened(job_dir: Path, path: str) -> Iterator[Path | None]:
    """Open a file in the job's folder for reading; gives a path that stays with this file.

    While a snapshot is taken the job runs, and could put a link or a pipe in the place of a file that was looked at.
    None where that happened.
    """
    *folders, name = PurePosixPath(path).parts
    try:
        with _entered(job_dir, folders, make=False) as folder:
            at = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        yield None
        return
    try:
        yield Path(f"/proc/self/fd/{at}") if stat.S_ISREG(os.fstat(at).st_mode) else None
    finally:
        os.close(at)


@contextlib.contextmanager
def _entered(job_dir: Path, folders: Sequence[str], *, make: bool) -> Iterator[int]:
    """Open a folder below the job's, one part of the path after the other, as only that keeps links out."""
    at = os.open(job_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=at)  # below a folder that is open
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)
