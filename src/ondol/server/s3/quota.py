"""Room for what is written: reserved before the first byte, booked when the backend has taken it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool

from ondol.server.s3.errors import S3Error
from ondol.storage.objects.usage import QuotaError, UsageBook, Write

_TURN_S = 10.0


class Quota:
    """Reservations of the front's requests in the usage book, and the order of conditional writes.

    Parameters
    ----------
    book : keeps the figures
    """

    def __init__(self, book: UsageBook) -> None:
        self.book = book
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def room(self, account: str, backend: str, key: str, more_bytes: int) -> AsyncIterator[Write]:
        """Hold room for one write while it goes on.

        Parameters
        ----------
        more_bytes : by how much the bucket will grow [bytes]; all that streams in is counted before, for a body has an
            announced length that it cannot exceed

        Raises S3Error QuotaExceeded.
        """
        try:
            write = await run_in_threadpool(self.book.begin, account, backend, key, more_bytes)
        except QuotaError as full:
            raise S3Error(
                "QuotaExceeded",
                str(full),
                more={
                    "RequestedBytes": str(full.wanted_bytes),
                    "RemainingBytes": str(full.left_bytes),
                    "QuotaBytes": str(full.quota_bytes),
                },
            ) from None
        try:
            yield write
        except S3Error as refused:
            if refused.status >= 500:
                self.book.doubt(backend)
            raise
        except BaseException:  # whether the backend took it is not known
            self.book.doubt(backend)
            raise
        finally:
            write.close()

    @asynccontextmanager
    async def turn(self, path: str, *, conditional: bool) -> AsyncIterator[None]:
        """Let conditional writes of one object follow one another, for each looks at what the one before left.

        Raises S3Error ConditionalRequestConflict when the one before takes too long.
        """
        if not conditional:
            yield
            return
        lock, users = self._turns.get(path, (asyncio.Lock(), 0))
        self._turns[path] = (lock, users + 1)
        try:
            try:
                async with asyncio.timeout(_TURN_S):
                    await lock.acquire()
            except TimeoutError:
                raise S3Error(
                    "ConditionalRequestConflict", "Another conditional write of this object is under way: try again"
                ) from None
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, users = self._turns[path]
            if users == 1:
                del self._turns[path]
            else:
                self._turns[path] = (lock, users - 1)


async def check_room_for_bucket(quota: Quota, account: str, count: Callable[[], Awaitable[int]]) -> None:
    """Refuse one bucket more than the account may have; S3Error TooManyBuckets."""
    most = (await run_in_threadpool(quota.book.limits_of, account)).max_buckets
    if most is not None and await count() >= most:
        raise S3Error("TooManyBuckets", f"You may have {most} buckets, and have them: delete one first")
