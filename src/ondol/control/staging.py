"""Files in and out: inputs from buckets into the job's folder, results from there into a bucket.

Both ways may be repeated after a crash: inputs are written anew, results land under the same keys.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from ondol.control.command import environment_of
from ondol.control.leftovers import checkpoint_name, remove_tree
from ondol.control.results import MOST_BYTES, ResultLists, files_below, fingerprint, results
from ondol.model.compute import Attempt, ResourceBucket, Task
from ondol.model.errors import InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, InstanceId, instance_number
from ondol.storage.objects.port import ObjectStore

_MANIFEST = "inputs.json"
# What a key cannot hold: bytes that are no UTF-8, as Python holds them (PEP 383), and the backslash, which the object
# store takes for a slash (SeaweedFS, weed/s3api/s3_constants: NormalizeObjectKey).
_NO_KEY = re.compile(r"[\udc80-\udcff\\]")


class Buckets(Protocol):
    """Turns an account's bucket name into the name behind the S3 front."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str | None: ...

    def register(self, account_id: AccountId, bucket: str) -> str: ...


class Stager:
    """Brings inputs in and results out for attempts.

    Parameters
    ----------
    root : folder that holds one folder per attempt (`<attempt>/job`) and one per instance (`checkpoints/<instance>`)
    most_bytes : sum of the sizes of one attempt's results
    """

    def __init__(self, root: Path, objects: ObjectStore, buckets: Buckets, *, most_bytes: int = MOST_BYTES) -> None:
        self._root = root
        self._objects = objects
        self._buckets = buckets
        self._most_bytes = most_bytes
        self._uploading: dict[InstanceId, threading.Lock] = {}

    def job_dir(self, attempt: Attempt) -> Path:
        """Folder that the job works in."""
        return self._root / "attempts" / attempt.id / "job"

    def checkpoint_dir(self, attempt: Attempt) -> Path:
        """Folder that a later attempt of the same instance finds again."""
        return self._root / "checkpoints" / checkpoint_name(attempt.instance_id)

    def bring_in(self, task: Task, attempt: Attempt) -> None:
        """Fetch every input into a fresh job folder and note what was there before the job began.

        Raises NotFoundError for a bucket that is not the account's, UnavailableError where the store is down.
        """
        job_dir = self.job_dir(attempt)
        remove_tree(job_dir.parent)
        job_dir.mkdir(parents=True)
        self.checkpoint_dir(attempt).mkdir(parents=True, exist_ok=True)
        for resource in task.resources:
            self._fetch(task.account_id, resource, job_dir)
        manifest = {path: fingerprint(status) for path, status in files_below(job_dir)}
        partial = job_dir.parent / f"{_MANIFEST}.partial"
        partial.write_text(json.dumps(manifest))
        partial.replace(job_dir.parent / _MANIFEST)

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

    def bring_out(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool] = lambda: True) -> tuple[str, ...]:
        """Upload new and changed files of the job's folder; gives their keys, sorted.

        One upload at a time for an instance, so that an earlier look never overwrites a later one.

        Parameters
        ----------
        wanted : asked before each file; the upload ends where it says no

        Raises NotFoundError where nothing of the attempt is left, InvalidFieldError where the results break a bound,
        UnavailableError where the store is down.
        """
        if not task.result_bucket:
            return ()
        with self._uploading.setdefault(attempt.instance_id, threading.Lock()):
            return tuple(sorted(self._uploaded(task, attempt, wanted))) if wanted() else ()

    def _uploaded(self, task: Task, attempt: Attempt, wanted: Callable[[], bool]) -> Iterator[str]:
        job_dir = self.job_dir(attempt)
        backend = self._buckets.register(task.account_id, task.result_bucket)
        self._objects.create_bucket(backend)
        for path in self.results(task, attempt):
            if not wanted():
                return
            with _opened(job_dir, path) as file:
                if file is not None:
                    key = task.result_prefix + _as_text(path)
                    self._objects.upload(file, backend, key)
                    yield key

    def results(self, task: Task, attempt: Attempt) -> list[str]:
        """Paths of the files that the job made or changed and that its lists let through, sorted."""
        job_dir = self.job_dir(attempt)
        try:
            before = json.loads((job_dir.parent / _MANIFEST).read_text())
        except FileNotFoundError as error:  # without it inputs would be taken for results
            raise NotFoundError("list of inputs of attempt", attempt.id) from error
        environment = environment_of(task, instance_number(attempt.instance_id), "/job", "/checkpoint")
        lists = ResultLists(task.results_whitelist, task.results_blacklist, environment)
        return results(job_dir, before, lists, self._most_bytes)

    def clear(self, attempt: Attempt, *, instance_over: bool) -> None:
        """Remove the attempt's folder, and the instance's checkpoint once nobody will go on from it."""
        remove_tree(self.job_dir(attempt).parent)
        if instance_over:
            remove_tree(self.checkpoint_dir(attempt))
            self._uploading.pop(attempt.instance_id, None)


def inside(key: str) -> PurePosixPath:
    """Path of an object's key below the job's folder; refuses keys that would lead out of it."""
    path = PurePosixPath(key.lstrip("/"))
    if ".." in path.parts or "\0" in key:
        raise InvalidFieldError("object key", key, "a path that stays inside of the job's folder")
    return path


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
    """Path as a key may hold it: what it cannot hold is written as %XX."""
    return _NO_KEY.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", path)
