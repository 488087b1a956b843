"""Where a platform's files are: the object store, what accounts store in it, the sites' caches, and the transfers."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ondol.control.directory import Directory
from ondol.control.layout import DataFolder
from ondol.control.missing_inputs import MissingInputs
from ondol.control.site_cache import SiteCache
from ondol.control.staging import Stager
from ondol.control.transfers import Transfers
from ondol.model.account import AccountLimits
from ondol.model.compute import ResourceBucket
from ondol.model.errors import UnavailableError
from ondol.model.fleet import Fleet
from ondol.model.ids import AccountId
from ondol.storage.objects.counted import CountedObjectStore, Room
from ondol.storage.objects.s3 import S3ObjectStore
from ondol.storage.objects.seaweed import SeaweedSupervisor
from ondol.storage.objects.usage import UsageBook


class Storehouse:
    """Object store, usage, caches, staging and transfers, put together; `start` brings the store up.

    Parameters
    ----------
    limits_of : what an account may store
    site_cache_bytes : most that each site keeps of inputs, >= 0 [bytes]
    results_bytes : most that one attempt may upload as results [bytes]
    """

    def __init__(
        self,
        folder: DataFolder,
        fleet: Fleet,
        directory: Directory,
        limits_of: Callable[[AccountId], AccountLimits],
        *,
        site_cache_bytes: int,
        results_bytes: int,
    ) -> None:
        self.seaweed = SeaweedSupervisor(folder.objects_dir)
        self.transfers = Transfers()
        self.missing_inputs = MissingInputs((site.id for site in fleet.sites), self._look)
        self._folder, self._fleet, self._directory, self._limits_of = folder, fleet, directory, limits_of
        self._cache_bytes, self._results_bytes = site_cache_bytes, results_bytes

    def start(self) -> None:
        """Start the object store, and what works on it; raises UnavailableError where it does not come up."""
        self.seaweed.start()
        behind = S3ObjectStore(self.seaweed.url, self.seaweed.access_key, self.seaweed.secret_key)
        self.usage = UsageBook(
            self._directory.backends, behind.tally, lambda account: self._limits_of(AccountId(account))
        )
        objects = CountedObjectStore(behind, self.usage)
        site_of_unit = {unit.id: unit.site_id for unit in self._fleet.units}
        self.stager = Stager(
            self._folder.jobs_dir,
            objects,
            self._directory,
            cache=SiteCache(
                self._folder.cache_dir,
                objects,
                self.missing_inputs.sites,
                most_bytes=self._cache_bytes,
                heard=self.missing_inputs.heard,
            ),
            site_of={node.id: site_of_unit[node.unit_id] for node in self._fleet.nodes}.__getitem__,
            missing=self.missing_inputs,
            progress=self.transfers.book,
            most_bytes=self._results_bytes,
            room=Room(self.usage, behind),
        )

    def stored_bytes(self, account_id: AccountId) -> dict[str, int]:
        """Bytes that an account stores, by bucket; none while the object store cannot be asked."""
        try:
            return {name: bucket.bytes for name, bucket in self.usage.usage(account_id).by_bucket.items()}
        except UnavailableError:
            return {}

    def close(self) -> None:
        """Stop the object store; transfers are closed before, by whoever uses them."""
        self.seaweed.stop()

    def _look(self, account_id: AccountId, resource: ResourceBucket) -> None:
        """Have a resource listed that the policy asks about, once nothing more urgent waits."""
        look = functools.partial(self.stager.look, account_id, resource)
        self.transfers.submit(account_id, lambda: self.transfers.persist(look), may_wait=True)
