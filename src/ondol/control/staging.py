"""Files in and out: inputs from buckets into the job's folder, results from there into a bucket.

Both ways may be repeated after a crash: inputs are written anew, results land under the same keys.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from ondol.control.command import environment_of
from ondol.model.compute import Attempt, ResourceBucket, Task
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId
from ondol.storage.objects.port import ObjectStore

_MANIFEST = "inputs.json"
_NO_TEXT = re.compile("[\udc80-\udcff]")  # how Python holds bytes of a file name that are no UTF-8 (PEP 383)


class Buckets(Protocol):
    """Turns an account's bucket name into the name behind the S3 front."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str | None: ...

    def register(self, account_id: AccountId, bucket: str) -> str: ...


class Stager:
    """Brings inputs in and results out for attempts.

    Parameters
    ----------
    root : folder that holds one folder per attempt (`<attempt>/job`) and one per instance (`checkpoints/<instance>`)
    """

    def __init__(self, root: Path, objects: ObjectStore, buckets: Buckets) -> None:
        self._root = root
        self._objects = objects
        self._buckets = buckets

    def job_dir(self, attempt: Attempt) -> Path:
        """Folder that the job works in."""
        return self._root / "attempts" / attempt.id / "job"

    def checkpoint_dir(self, attempt: Attempt) -> Path:
        """Folder that a later attempt of the same instance finds again."""
        return self._root / "checkpoints" / attempt.instance_id.replace("/", ".")

    def bring_in(self, task: Task, attempt: Attempt) -> None:
        """Fetch every input into a fresh job folder and note what was there before the job began.

        Raises NotFoundError for a bucket that is not the account's, UnavailableError where the store is down.
        """
        job_dir = self.job_dir(attempt)
        shutil.rmtree(job_dir, ignore_errors=True)
        job_dir.mkdir(parents=True)
        self.checkpoint_dir(attempt).mkdir(parents=True, exist_ok=True)
        for resource in task.resources:
            self._fetch(task.account_id, resource, job_dir)
        manifest = {path: _fingerprint(job_dir / path) for path in _files(job_dir)}
        (job_dir.parent / _MANIFEST).write_text(json.dumps(manifest))

    def _fetch(self, account_id: AccountId, resource: ResourceBucket, job_dir: Path) -> None:
        backend = self._buckets.backend_name(account_id, resource.bucket)
        if backend is None:
            raise NotFoundError("bucket", resource.bucket)
        for found in self._objects.list(backend, resource.prefix):
            relative = found.key.removeprefix(resource.strip_prefix)
            if relative.endswith("/") or not relative:
                continue
            target = job_dir / inside(relative)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._objects.download(backend, found.key, target)

    def bring_out(self, task: Task, attempt: Attempt) -> tuple[str, ...]:
        """Upload new and changed files of the job's folder; gives their keys, sorted."""
        if not task.result_bucket:
            return ()
        job_dir = self.job_dir(attempt)
        backend = self._buckets.register(task.account_id, task.result_bucket)
        self._objects.create_bucket(backend)
        keys = []
        for path in self.results(task, attempt):
            with _opened(job_dir, path) as file:
                if file is not None:
                    key = task.result_prefix + _as_text(path)
                    self._objects.upload(file, backend, key)
                    keys.append(key)
        return tuple(sorted(keys))

    def results(self, task: Task, attempt: Attempt) -> list[str]:
        """Paths of the files that the job made or changed and that its lists let through."""
        job_dir = self.job_dir(attempt)
        manifest_path = job_dir.parent / _MANIFEST
        before = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
        environment = environment_of(task, int(attempt.instance_id.rpartition("/")[2]), "/job", "/checkpoint")
        white = _pattern("resultsWhitelist", task.results_whitelist, environment)
        black = _pattern("resultsBlacklist", task.results_blacklist, environment)
        return [
            path
            for path in _files(job_dir)
            if before.get(path) != _fingerprint(job_dir / path)
            and (white is None or white.search(path))
            and not (black is not None and black.search(path))
        ]

    def clear(self, attempt: Attempt, *, instance_over: bool) -> None:
        """Remove the attempt's folder, and the instance's checkpoint once nobody will go on from it."""
        shutil.rmtree(self.job_dir(attempt).parent, ignore_errors=True)
        if instance_over:
            shutil.rmtree(self.checkpoint_dir(attempt), ignore_errors=True)


def inside(key: str) -> PurePosixPath:
    """Path of an object's key below the job's folder; refuses keys that would lead out of it."""
    path = PurePosixPath(key.lstrip("/"))
    if ".." in path.parts or "\0" in key:
        raise InvalidFieldError("object key", key, "a path that stays inside of the job's folder")
    return path


def _files(folder: Path) -> Iterator[str]:
    # Links are never followed: a job must not have us read what it may not.
    for where, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(where) / name
            with contextlib.suppress(FileNotFoundError):  # a running job may remove what we just saw
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path.relative_to(folder).as_posix()


@contextlib.contextmanager
def _opened(folder: Path, path: str) -> Iterator[Path | None]:
    """Open a file below a folder without following any link on the way; gives a path that stays with this file.

    While a snapshot is taken the job runs, and could put a link or a pipe in the place of a file that was looked at.
    None where that happened.
    """
    *folders, name = PurePosixPath(path).parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        inner = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        os.close(at)
        at = inner
        regular = stat.S_ISREG(os.fstat(at).st_mode)
    except OSError as error:
        os.close(at)
        if error.errno not in (errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.ENXIO):
            raise
        yield None
        return
    try:
        yield Path(f"/proc/self/fd/{at}") if regular else None
    finally:
        os.close(at)


def _as_text(path: str) -> str:
    """Path as a key may hold it: bytes that are no UTF-8 are written as %XX."""
    return _NO_TEXT.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", path)


def _fingerprint(path: Path) -> list[int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _pattern(field: str, text: str, environment: dict[str, str]) -> re.Pattern[str] | None:
    if not text:
        return None
    for name, value in environment.items():
        text = text.replace("${" + name + "}", re.escape(value))
    try:
        return re.compile(text)
    except re.error as error:
        raise InvalidFieldError(field, text, f"a regular expression ({error})") from error
