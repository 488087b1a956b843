"""What the S3 front needs from the rest of the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ondol.storage.objects.usage import StorageUsage


@dataclass(frozen=True, slots=True)
class Backend:
    """The private S3 server behind the front.

    Parameters
    ----------
    url : endpoint, e.g. ``http://127.0.0.1:40321``
    access_key, secret_key : the credential that may do everything there
    """

    url: str
    access_key: str
    secret_key: str = field(repr=False)


class StorageMeter(Protocol):
    """What the rest of the house asks of the figures that the front keeps; `UsageBook` answers."""

    def usage(self, account_id: str) -> StorageUsage:
        """Say what an account stores.

        Cheap, but for the first time after a start, when its buckets are listed (about 3 s for 100,000 objects).
        Raises UnavailableError while the store is down and a bucket has yet to be counted.
        """


class BucketDirectory(Protocol):
    """Who may come in, and which backend bucket each of their bucket names means.

    The front calls these from worker threads, several at a time; they may block on a database.
    """

    def secret_of(self, email: str) -> str | None:
        """Give the S3 secret (the API token) of an e-mail, None when there is no such account."""

    def account_of(self, email: str) -> str | None:
        """Give the account of an e-mail, None when there is none."""

    def buckets(self, account: str) -> Sequence[tuple[str, datetime]]:
        """List the account's buckets by their own names, with when each was made (aware, UTC)."""

    def backend_name(self, account: str, bucket: str) -> str | None:
        """Give the backend bucket's name, None when the account has no such bucket."""

    def register(self, account: str, bucket: str) -> str:
        """Note a bucket of the account and give its backend name (3–63 of a–z, 0–9, -); the same when asked again."""

    def forget(self, account: str, bucket: str) -> None:
        """Drop a bucket of the account; one that is not there is fine."""
