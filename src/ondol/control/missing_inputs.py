"""How many bytes of a task's inputs each site lacks: kept up to date by what is listed, fetched and evicted."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ondol.control.input_object import InputObject
from ondol.model.compute import ResourceBucket, Task
from ondol.model.ids import AccountId, SiteId
from ondol.model.view import Floats, Ints

_MOST_OBJECTS = 1_000_000  # remembered over all listings; the longest unused are forgotten, their sizes unknown
_MOST_SOURCES = 20_000  # listings remembered, and askings: several times what one View looks at

_Source = tuple[AccountId, ResourceBucket]


@dataclass(slots=True)
class _Listing:
    sizes: dict[str, int]
    missing: Floats  # by site [bytes]


class MissingInputs:
    """Bytes by resource and site. Tasks with the same resources share one figure, so many tasks cost no more than one.

    A resource's objects are known from its first listing on; before, its bytes are nan. Every method is thread-safe;
    asking is a look into a dictionary per resource of the task.

    Parameters
    ----------
    sites : every site, in the order of the View's columns
    ask : called once for a resource that somebody asks for and that was never listed; it should see to that, later
    """

    def __init__(
        self, sites: Iterable[SiteId], ask: Callable[[AccountId, ResourceBucket], object] = lambda *_: None
    ) -> None:
        self.sites = tuple(sites)
        self._ask = ask
        self._asked: OrderedDict[_Source, None] = OrderedDict()
        self._column = {site_id: column for column, site_id in enumerate(self.sites)}
        self._lock = threading.Lock()
        self._held: dict[str, set[int]] = {}
        self._listings: OrderedDict[_Source, _Listing] = OrderedDict()
        self._wanting: dict[str, set[_Source]] = defaultdict(set)
        self._objects = 0

    def heard(self, site_id: SiteId, digest: str, size: int, held: bool) -> None:
        """A site got hold of an object, or let go of it (`SiteCache` tells)."""
        column = self._column[site_id]
        with self._lock:
            holders = self._held.setdefault(digest, set())
            if held == (column in holders):
                return
            if held:
                holders.add(column)
            else:
                holders.discard(column)
                if not holders:
                    del self._held[digest]
            for source in self._wanting.get(digest, ()):
                self._listings[source].missing[column] -= size if held else -size

    def listed(self, account_id: AccountId, resource: ResourceBucket, found: Iterable[InputObject]) -> None:
        """A resource was listed: these are its objects now."""
        source, sizes = (account_id, resource), {one.digest: one.size for one in found}
        with self._lock:
            before = self._listings.get(source)
            if before is not None and before.sizes == sizes:
                self._listings.move_to_end(source)
                return
            self._forget(source)
            missing = np.full(len(self.sites), float(sum(sizes.values())))
            for digest, size in sizes.items():
                self._wanting[digest].add(source)
                for column in self._held.get(digest, ()):
                    missing[column] -= size
            self._listings[source] = _Listing(sizes, missing)
            self._objects += len(sizes)
            while (self._objects > _MOST_OBJECTS and len(self._listings) > 1) or len(self._listings) > _MOST_SOURCES:
                self._forget(next(iter(self._listings)))

    def wanted_bytes(self, task: Task) -> float:
        """Size of all inputs of a task, nan where it is not known yet [bytes]."""
        with self._lock:
            found = [self._listings.get((task.account_id, resource)) for resource in task.resources]
        return float(sum(math.nan if one is None else sum(one.sizes.values()) for one in found))

    def missing_bytes(self, task: Task) -> dict[SiteId, float]:
        """Bytes of a task's inputs that each site lacks, nan where their sizes are not known yet."""
        return dict(zip(self.sites, self._row(task.account_id, task.resources).tolist(), strict=True))

    def columns(self, tasks: Sequence[Task]) -> tuple[Floats, Ints]:
        """For the View: `missing_bytes` (n, sites), row 0 without inputs, and the row of each task."""
        rows: dict[tuple[AccountId, tuple[ResourceBucket, ...]], int] = {}
        table = [np.zeros(len(self.sites))]
        numbers = np.zeros(len(tasks), dtype=np.int64)
        for number, task in enumerate(tasks):
            if not task.resources:
                continue
            key = (task.account_id, task.resources)
            row = rows.get(key)
            if row is None:
                row = rows[key] = len(table)
                table.append(self._row(*key))
            numbers[number] = row
        return np.stack(table), numbers

    def _row(self, account_id: AccountId, resources: tuple[ResourceBucket, ...]) -> Floats:
        total, unknown = np.zeros(len(self.sites)), []
        with self._lock:
            for resource in resources:
                source = (account_id, resource)
                listing = self._listings.get(source)
                if listing is not None:
                    self._listings.move_to_end(source)
                    total += listing.missing
                    continue
                total += math.nan
                if source not in self._asked:
                    unknown.append(resource)
                self._asked[source] = None
                self._asked.move_to_end(source)
                if len(self._asked) > _MOST_SOURCES:
                    self._asked.popitem(last=False)
        for resource in unknown:
            self._ask(account_id, resource)
        return total

    def _forget(self, source: _Source) -> None:
        listing = self._listings.pop(source, None)
        if listing is None:
            return
        self._objects -= len(listing.sizes)
        for digest in listing.sizes:
            self._wanting[digest].discard(source)
            if not self._wanting[digest]:
                del self._wanting[digest]
