"""The usage book of an installation, put together from its bucket directory and its backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ondol.server.s3.ports import Backend, BucketDirectory
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.usage import NoLimits, StorageLimits, UsageBook


def usage_book(
    directory: BucketDirectory, backend: Backend, limits_of: Callable[[str], StorageLimits] = lambda _: NoLimits()
) -> UsageBook:
    """Make the book that the front and the rest of the platform share.

    Parameters
    ----------
    directory : accounts and their buckets
    backend : the S3 server behind; it need not answer yet
    limits_of : gives the limits of an account by its id; may block on a database
    """

    def buckets_of(account: str) -> Sequence[tuple[str, str]]:
        named = ((name, directory.backend_name(account, name)) for name, _ in directory.buckets(account))
        return [(name, behind) for name, behind in named if behind is not None]

    store = S3ObjectStore(backend.url, backend.access_key, backend.secret_key)
    return UsageBook(buckets_of, store.tally, limits_of)
