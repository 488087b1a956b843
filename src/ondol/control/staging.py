"""Files in and out: inputs from buckets into the job's folder, results from there into a bucket.

Both ways may be repeated after a crash: inputs are written anew, results land under the same keys.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ondol.control.command import environment_of
from ondol.control.input_manifest import InputManifest
from ondol.control.input_object import InputObject
from ondol.control.job_files import copy, inside, opened, place
from ondol.control.leftovers import checkpoint_name, remove_tree
from ondol.control.missing_inputs import MissingInputs
from ondol.control.progress import IN, OUT, ProgressBook
from ondol.control.results import MOST_BYTES, ResultLists, files_below, fingerprint, results
from ondol.control.site_cache import Lent, SiteCache
from ondol.control.slot_files import bring_from_slot
from ondol.model.compute import Attempt, ResourceBucket, Task
from ondol.model.conditions import OWN_SNAPSHOT, SnapshotConfig
from ondol.model.errors import NotFoundError
from ondol.model.ids import AccountId, InstanceId, NodeId, SiteId, instance_number
from ondol.storage.objects.port import ObjectStore

_INCOMING, _FROM_SLOT = "incoming", "from-slot"
_ONE_SITE = SiteId("here")
# What a key cannot hold: bytes that are no UTF-8, as Python holds them (PEP 383).
_NO_KEY = re.compile(r"[\udc80-\udcff]")


class Buckets(Protocol):
    """Turns an account's bucket name into the name behind the S3 front."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str | None: ...

    def register(self, account_id: AccountId, bucket: str) -> str: ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    object: InputObject
    keep_s: float


class Stager:
    """Brings inputs in and results out for attempts.

    Parameters
    ----------
    root : folder that holds one folder per attempt (`<attempt>/job`) and one per instance (`checkpoints/<instance>`)
    cache : holds the inputs of each site; None for one of its own in `root`, as if all nodes stood at one site
    site_of : where a node stands; only without `cache` may it be left out
    missing : is told what resources hold
    progress : where bytes are noted, by attempt
    most_bytes : sum of the sizes of one attempt's results
    room : keeps room for (account, backend bucket, key, bytes) while an object is written; raises where there is none
    """

    def __init__(
        self,
        root: Path,
        objects: ObjectStore,
        buckets: Buckets,
        *,
        cache: SiteCache | None = None,
        site_of: Callable[[NodeId], SiteId] = lambda _: _ONE_SITE,
        missing: MissingInputs | None = None,
        progress: ProgressBook | None = None,
        most_bytes: int = MOST_BYTES,
        room: Callable[[str, str, str, int], AbstractContextManager[None]] = lambda *_: nullcontext(),
    ) -> None:
        self._room = room
        self._root, self._objects, self._buckets = root, objects, buckets
        self._cache = cache or SiteCache(root / "cache", objects, (_ONE_SITE,))
        self._site_of = site_of
        self._missing = missing or MissingInputs(())
        self._progress = progress or ProgressBook()
        self._most_bytes = most_bytes
        self._locks: dict[InstanceId, threading.Lock] = {}

    def job_dir(self, attempt: Attempt) -> Path:
        """Folder that the job works in."""
        return self._root / "attempts" / attempt.id / "job"

    def _slot_dir(self, attempt: Attempt) -> Path:
        """Folder of the slot of a compute pool that an attempt runs in."""
        return self._root / "attempts" / attempt.held_by / "job"

    def checkpoint_dir(self, attempt: Attempt) -> Path:
        """Folder that a later attempt of the same instance finds again."""
        return self._root / "checkpoints" / checkpoint_name(attempt.instance_id)

    # -- in --

    def bring_in(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool] = lambda: True) -> None:
        """Put every input into a fresh job folder and note what was there before the job began.

        What the attempt's site holds is taken from there, the rest is fetched.

        Parameters
        ----------
        wanted : asked before each file; the staging ends, unfinished, where it says no

        Raises NotFoundError for a bucket that is not the account's, ConflictError for objects that cannot lie in one
        folder, UnavailableError where the store is down, a disk is full or an object changed meanwhile.
        """
        job_dir = self.job_dir(attempt)
        remove_tree(job_dir.parent)
        job_dir.mkdir(parents=True)
        self.checkpoint_dir(attempt).mkdir(parents=True, exist_ok=True)
        self._progress.begin(attempt.id, IN)
        if attempt.held_by:
            bring_from_slot(self._slot_dir(attempt), job_dir, job_dir.parent / _FROM_SLOT, wanted)
        inputs = self._listed(task)
        self._progress.expect(attempt.id, IN, sum(one.object.size for one in inputs.values()))
        for path, one in inputs.items():
            if not wanted():
                return
            place(self._brought(attempt, one), job_dir, path)
        InputManifest(
            {path: [fingerprint(status)] for path, status in files_below(job_dir)},
            {path: one.object.digest for path, one in inputs.items()},
        ).write(job_dir.parent)
        self._progress.end(attempt.id, IN)

    def refresh(self, task: Task, attempt: Attempt, *, wanted: Callable[[], bool] = lambda: True) -> int:
        """Put objects that are new or changed since into a running attempt's folder; gives how many it was.

        Files that the job made or changed stay as they are, objects that are gone leave their files. It waits for an
        upload of the same instance, and no upload takes what it brings for a result.

        Raises as `bring_in`, and NotFoundError where nothing of the attempt is left.
        """
        with self._lock_of(attempt):
            job_dir, brought = self.job_dir(attempt), 0
            manifest = self._manifest(attempt)
            for path, one in self._listed(task).items():
                if manifest.sources.get(path) == one.object.digest:
                    continue
                if not wanted():
                    break
                source = self._brought(attempt, one)
                known = manifest.files.get(path, [])
                manifest.files[path] = [*known, fingerprint(source.stat())]
                manifest.write(job_dir.parent)
                brought += place(source, job_dir, path, over=known)
                source.unlink(missing_ok=True)
                manifest.sources[path] = one.object.digest
            manifest.write(job_dir.parent)
            return brought

    def look(self, account_id: AccountId, resource: ResourceBucket) -> None:
        """List a resource, so that the policy knows its size before anything of it is fetched.

        Raises NotFoundError for a bucket that is not the account's, UnavailableError where the store is down.
        """
        self._found(account_id, resource)

    def _found(self, account_id: AccountId, resource: ResourceBucket) -> list[InputObject]:
        backend = self._buckets.backend_name(account_id, resource.bucket)
        if backend is None:
            raise NotFoundError("bucket", resource.bucket)
        listed = self._objects.list(backend, resource.prefix)
        found = [InputObject(backend, one.key, one.etag, one.size) for one in listed]
        self._missing.listed(account_id, resource, found)
        return found

    def _listed(self, task: Task) -> dict[str, _Wanted]:
        """Objects by path below the job's folder; of two for one path the later resource's."""
        inputs: dict[str, _Wanted] = {}
        for resource in task.resources:
            for one in self._found(task.account_id, resource):
                relative = one.key.removeprefix(resource.strip_prefix)
                if relative and not relative.endswith("/"):
                    inputs[str(inside(relative))] = _Wanted(one, resource.cache_ttl_s)
        return inputs

    def _brought(self, attempt: Attempt, one: _Wanted) -> Path:
        """A copy of an object beside the job's folder, to be put in there at once."""
        site_id, told = self._site_of(attempt.node_id), 0
        target = self.job_dir(attempt).parent / _INCOMING

        def tell(size: int) -> None:
            nonlocal told
            told += size
            self._progress.add(attempt.id, IN, size)

        with self._cache.lend(site_id, one.object, keep_s=one.keep_s, tell=tell) as lent:
            self._cache.with_room(site_id, one.object.size, lambda: _taken(lent, target))
        self._progress.add(attempt.id, IN, one.object.size - told)
        return target

    # -- out --

    def bring_out(
        self,
        task: Task,
        attempt: Attempt,
        *,
        wanted: Callable[[], bool] = lambda: True,
        config: SnapshotConfig = OWN_SNAPSHOT,
        key: str = "",
    ) -> tuple[str, ...]:
        """Upload new and changed files of the job's folder; gives their keys, sorted.

        One upload at a time for an instance, so that an earlier look never overwrites a later one.

        Parameters
        ----------
        wanted : asked before each file; the upload ends where it says no
        config : which files, and where to; what it leaves open is as the task says
        key : under which progress is noted as a part of what began before, "" for the attempt's own

        Raises NotFoundError where nothing of the attempt is left, InvalidFieldError where the results break a bound,
        UnavailableError where the store is down.
        """
        bucket = config.bucket or task.result_bucket
        if not bucket:
            return ()
        with self._lock_of(attempt):
            if not wanted():
                return ()
            if not key:
                self._progress.begin(attempt.id, OUT)
            keys = tuple(sorted(self._uploaded(task, attempt, wanted, config, key or attempt.id)))
            if not key:
                self._progress.end(attempt.id, OUT)
            return keys

    def _uploaded(
        self, task: Task, attempt: Attempt, wanted: Callable[[], bool], config: SnapshotConfig, noted: str
    ) -> Iterator[str]:
        job_dir = self.job_dir(attempt)
        backend = self._buckets.register(task.account_id, config.bucket or task.result_bucket)
        self._objects.create_bucket(backend)
        prefix = config.prefix or task.result_prefix
        keys = keys_of(self.results(task, attempt, config))
        self._progress.expect(noted, OUT, sum(_size(job_dir, path) for path in keys.values()))
        for name, path in keys.items():
            if not wanted():
                return
            with opened(job_dir, path) as file:
                if file is None:
                    continue
                with self._room(task.account_id, backend, prefix + name, file.stat().st_size):
                    self._objects.upload(
                        file, backend, prefix + name, lambda size: self._progress.add(noted, OUT, size)
                    )
                yield prefix + name

    def results(self, task: Task, attempt: Attempt, config: SnapshotConfig = OWN_SNAPSHOT) -> list[str]:
        """Paths of the files that the job made or changed and that the lists let through, sorted."""
        before = self._manifest(attempt).files
        environment = environment_of(task, instance_number(attempt.instance_id), "/job", "/checkpoint")
        lists = ResultLists(
            config.whitelist or task.results_whitelist, config.blacklist or task.results_blacklist, environment
        )
        return results(self.job_dir(attempt), before, lists, self._most_bytes)

    # -- both --

    def clear(self, attempt: Attempt, *, instance_over: bool) -> None:
        """Remove the attempt's folder, and the instance's checkpoint once nobody will go on from it."""
        remove_tree(self.job_dir(attempt).parent)
        self._progress.forget(attempt.id)
        self._cache.drop_expired()
        if instance_over:
            remove_tree(self.checkpoint_dir(attempt))
            self._locks.pop(attempt.instance_id, None)

    def _lock_of(self, attempt: Attempt) -> threading.Lock:
        return self._locks.setdefault(attempt.instance_id, threading.Lock())

    def _manifest(self, attempt: Attempt) -> InputManifest:
        try:
            return InputManifest.read(self.job_dir(attempt).parent)
        except FileNotFoundError as error:  # without it inputs would be taken for results
            raise NotFoundError("list of inputs of attempt", attempt.id) from error


def keys_of(paths: Iterable[str]) -> dict[str, str]:
    """Keys for paths, each once: bytes that a key cannot hold are written as %XX, and where that is taken as %25XX."""
    keys: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (_NO_KEY.search(path) is not None, path)):
        key = _NO_KEY.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", path)
        while key in keys:
            key = key.replace("%", "%25")
        keys[key] = path
    return dict(sorted(keys.items()))


def _size(job_dir: Path, path: str) -> int:
    try:
        return os.lstat(job_dir / path).st_size
    except OSError:  # the job removed it meanwhile
        return 0


def _taken(lent: Lent, target: Path) -> None:
    """Make a lent file one's own."""
    if lent.movable:
        try:
            lent.path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            target.chmod(0o644)
            return
    copy(lent.path, target)
