"""How much each bucket holds: counted once from a listing, then kept by what is written, and counted again in doubt.

Nothing of it is stored: after a crash the first question counts anew, so no figure can be wrong for long. Sizes are
those of S3: of the objects as they are read, and of the parts of uploads that are not finished yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ondol.model.errors import ConflictError, NotFoundError

UNLIMITED = 2**63 - 1
RECOUNT_S = 10.0
"""A doubtful bucket rests this long at most before it is counted again [s], or 20 times what that took, if less."""
_REST = 20.0


class StorageLimits(Protocol):
    """What an account may store; None is no limit. `model.account.AccountLimits` has these fields among others."""

    @property
    def max_buckets(self) -> int | None: ...
    @property
    def quota_bytes(self) -> int | None: ...
    @property
    def quota_bytes_bucket(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class NoLimits:
    """Limits of an account that has none."""

    max_buckets: int | None = None
    quota_bytes: int | None = None
    quota_bytes_bucket: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a listing of one bucket found.

    Parameters
    ----------
    bytes : sum of the objects' sizes [bytes]
    objects : how many there are
    parts : sizes [bytes] of the parts of unfinished uploads, by upload id and part number
    """

    bytes: int
    objects: int
    parts: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BucketUsage:
    """What one bucket holds: bytes (with parts of unfinished uploads) and objects."""

    bytes: int
    objects: int


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """What an account stores: sums, and each bucket by the account's own name for it."""

    bytes: int
    objects: int
    buckets: int
    by_bucket: Mapping[str, BucketUsage]


class QuotaError(ConflictError):
    """What is to be written does not fit in what the account, or one bucket of it, may hold.

    Parameters
    ----------
    wanted_bytes, left_bytes, quota_bytes : of the write, of what is free, and the limit [bytes]
    """

    def __init__(self, message: str, *, wanted_bytes: int, left_bytes: int, quota_bytes: int) -> None:
        super().__init__(message)
        self.wanted_bytes, self.left_bytes, self.quota_bytes = wanted_bytes, left_bytes, quota_bytes


class _Count:
    """The figures of one bucket; its lock is held for no longer than a line, `counting` while it is listed."""

    def __init__(self) -> None:
        self.counting = threading.Lock()
        self.known = False
        self.doubtful = True
        self.counted_at = float("-inf")
        self.rest_s = 0.0
        self.changes = 0
        self.bytes = 0
        self.objects = 0
        self.reserved = 0
        self.parts: dict[str, dict[int, int]] = {}
        self.writing: dict[str, int] = {}

    @property
    def total(self) -> int:
        return self.bytes + sum(sum(each.values()) for each in self.parts.values())


class UsageBook:
    """Keeps the figures of all buckets; every method may be called from any thread, those that count block.

    Parameters
    ----------
    buckets_of : gives an account's buckets, (own name, backend name) each
    tally : lists a backend bucket and says what is in it; UnavailableError and NotFoundError pass through
    limits_of : gives an account's limits
    clock : monotonic seconds
    """

    def __init__(
        self,
        buckets_of: Callable[[str], Sequence[tuple[str, str]]],
        tally: Callable[[str], Tally],
        limits_of: Callable[[str], StorageLimits] = lambda _: NoLimits(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buckets_of, self._tally, self.limits_of, self._clock = buckets_of, tally, limits_of, clock
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def usage(self, account_id: str) -> StorageUsage:
        """Say what an account stores. Cheap but for the first time after a start, which lists its buckets."""
        by_bucket = {name: self.of_bucket(backend) for name, backend in self._buckets_of(account_id)}
        return StorageUsage(
            sum(each.bytes for each in by_bucket.values()),
            sum(each.objects for each in by_bucket.values()),
            len(by_bucket),
            by_bucket,
        )

    def of_bucket(self, backend: str) -> BucketUsage:
        """Say what one bucket holds; blocks where it must be counted first."""
        count = self._counted(backend)
        with self._lock:
            return BucketUsage(max(0, count.total), max(0, count.objects))

    def doubt(self, backend: str) -> None:
        """Have a bucket counted again before its figures are next told: something was written unseen."""
        with self._lock:
            count = self._counts.setdefault(backend, _Count())
            count.doubtful = True
            count.changes += 1

    def forget(self, backend: str) -> None:
        """Drop a bucket that is gone."""
        with self._lock:
            self._counts.pop(backend, None)

    def part_sizes(self, backend: str, upload_id: str) -> dict[int, int]:
        """Give the sizes [bytes] of an upload's parts, as far as they are known."""
        with self._lock:
            count = self._counts.get(backend)
            return dict(count.parts.get(upload_id, {})) if count else {}

    def begin(self, account_id: str, backend: str, key: str, more_bytes: int) -> Write:
        """Reserve room for a write; blocks where buckets must be counted first. End it with `Write.close`.

        Parameters
        ----------
        more_bytes : by how much the bucket will grow [bytes]; what is not above 0 always fits

        Raises QuotaError, which says how much is left.
        """
        limits = self.limits_of(account_id)
        bounded = limits.quota_bytes is not None or limits.quota_bytes_bucket is not None
        if bounded and more_bytes > 0:
            return self._reserved(account_id, backend, key, more_bytes, limits)
        return self._started(backend, key, 0)

    def _reserved(self, account_id: str, backend: str, key: str, more: int, limits: StorageLimits) -> Write:
        backends = [each for _, each in self._buckets_of(account_id)]
        for again in (False, True):  # before a refusal, count what is in doubt
            for each in {*backends, backend}:
                self._counted(each, at_once=again)
            with self._lock:
                wrong = self._too_much(backends, backend, more, limits)
                if wrong is None:
                    return self._start(backend, key, more)
            if again or not self._any_doubt(backends):
                raise wrong
        raise AssertionError("the second round returns or raises")

    def _any_doubt(self, backends: Sequence[str]) -> bool:
        with self._lock:
            return any(self._counts[each].doubtful for each in backends if each in self._counts)

    def _too_much(self, backends: Sequence[str], backend: str, more: int, limits: StorageLimits) -> QuotaError | None:
        used = {
            each: self._counts[each].total + self._counts[each].reserved for each in backends if each in self._counts
        }
        for quota, taken, what in (
            (limits.quota_bytes_bucket, used.get(backend, 0), "this bucket"),
            (limits.quota_bytes, sum(used.values()), "your buckets together"),
        ):
            if quota is not None and taken + more > quota:
                left = max(0, quota - taken)
                return QuotaError(
                    f"{more} bytes more do not fit: {what} may hold {quota} bytes, {left} are left. Delete objects or "
                    "unfinished uploads, or ask for a larger quota",
                    wanted_bytes=more,
                    left_bytes=left,
                    quota_bytes=quota,
                )
        return None

    def _started(self, backend: str, key: str, more: int) -> Write:
        with self._lock:
            return self._start(backend, key, more)

    def _start(self, backend: str, key: str, more: int) -> Write:
        count = self._counts.setdefault(backend, _Count())
        count.reserved += more
        alone = not count.writing.get(key)
        if not alone:  # which of two writes of one key comes last, and what it replaces, is not known here
            count.doubtful = True
        count.writing[key] = count.writing.get(key, 0) + 1
        return Write(self, backend, key, more)

    def close(self, write: Write) -> None:
        """Take in what a write did; called by `Write.close`."""
        with self._lock:
            count = self._counts.get(write.backend)
            if count is None:
                return
            count.reserved -= write.reserved
            count.writing[write.key] = count.writing.get(write.key, 1) - 1
            if count.writing[write.key] <= 0:
                del count.writing[write.key]
            if not write.done:
                return
            count.changes += 1
            count.bytes += write.bytes
            count.objects += write.objects
            if write.ended_upload:
                count.parts.pop(write.ended_upload, None)
            if write.part is not None:
                upload_id, number, size = write.part
                count.parts.setdefault(upload_id, {})[number] = size

    def _counted(self, backend: str, *, at_once: bool = False) -> _Count:
        """Give the figures of a bucket, counting where there are none or they are in doubt and old enough."""
        with self._lock:
            count = self._counts.setdefault(backend, _Count())
        if not self._due(count, at_once=at_once):
            return count
        with count.counting:
            if not self._due(count, at_once=at_once):  # another thread has just done it
                return count
            begun = self._clock()
            with self._lock:
                before = count.changes
            try:
                found = self._tally(backend)
            except NotFoundError:  # registered, and not made yet
                found = Tally(0, 0)
            with self._lock:
                count.bytes, count.objects = found.bytes, found.objects
                count.parts = {upload: dict(parts) for upload, parts in found.parts.items()}
                count.doubtful = count.changes != before or bool(count.writing)
                count.known, count.counted_at = True, self._clock()
                count.rest_s = min(RECOUNT_S, _REST * (count.counted_at - begun))
        return count

    def _due(self, count: _Count, *, at_once: bool) -> bool:
        if not count.known:
            return True
        return count.doubtful and (at_once or self._clock() - count.counted_at >= count.rest_s)


class Write:
    """One write under way: what it reserved, and then what it changed.

    Set `done` and the differences once the store has taken it; `close` in any case.
    """

    __slots__ = ("_book", "backend", "bytes", "done", "ended_upload", "key", "objects", "part", "reserved")

    def __init__(self, book: UsageBook, backend: str, key: str, reserved: int) -> None:
        self._book, self.backend, self.key, self.reserved = book, backend, key, reserved
        self.done = False
        self.bytes = 0
        self.objects = 0
        self.ended_upload = ""
        self.part: tuple[str, int, int] | None = None

    def replaced(self, old_bytes: int | None, new_bytes: int | None) -> None:
        """Note that an object of `old_bytes` (None: there was none) became one of `new_bytes` (None: is gone)."""
        self.done = True
        self.bytes += (new_bytes or 0) - (old_bytes or 0)
        self.objects += (new_bytes is not None) - (old_bytes is not None)

    def close(self) -> None:
        """End the reservation and book what was done."""
        self._book.close(self)
