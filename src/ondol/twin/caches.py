"""Inputs at the sites: what each holds, what it has to fetch, and how long that takes."""

from __future__ import annotations

import numpy as np

from ondol.model.view import Floats, Ints
from ondol.twin.layout import Layout
from ondol.twin.workload.jobs import DataSets


class Caches:
    """One store of data sets a site, the least recently used go first; one link a site, transfers one after the other.

    `moved_bytes` is what all sites have fetched.
    """

    def __init__(self, layout: Layout, data: DataSets) -> None:
        self._layout, self._bytes = layout, data.bytes
        sites = len(layout.site_ids)
        self._used_s: list[dict[int, float]] = [{} for _ in range(sites)]
        self._full = np.zeros(sites)
        self._link_free_s = np.zeros(sites)
        self.moved_bytes = 0.0

    def columns(self, data: Ints, rows: Ints) -> tuple[Floats, Ints]:
        """Give `View.missing_bytes` for the data sets of some rows of instances, and the row of each."""
        sites = len(self._layout.site_ids)
        data = data[rows] if len(self._bytes) else data[:0]
        if not (data >= 0).any():
            return np.zeros((1, sites)), np.zeros(len(rows), dtype=np.int64)
        known, row = np.unique(data, return_inverse=True)
        missing = np.zeros((len(known) + 1, sites))
        for place, number in enumerate(known.tolist(), 1):
            if number >= 0:
                missing[place] = [0.0 if number in held else self._bytes[number] for held in self._used_s]
        return missing, np.where(data >= 0, row + 1, 0)

    def fetch(self, data: Ints, sites: Ints, now_s: float) -> Floats:
        """Bring data sets to sites; gives when each is there [s]."""
        ready = np.full(len(data), now_s)
        for place, (number, site) in enumerate(zip(data.tolist(), sites.tolist(), strict=True)):
            if number < 0:
                continue
            held = self._used_s[site]
            if number not in held:
                size = float(self._bytes[number])
                begin = max(now_s, float(self._link_free_s[site]))
                self._link_free_s[site] = begin + size / self._layout.site_link_bytes_per_s[site]
                self.moved_bytes += size
                ready[place] = self._link_free_s[site]
                if size > self._layout.site_cache_bytes[site]:
                    continue  # read once, and not kept
                self._make_room(site, size)
                self._full[site] += size
            else:
                ready[place] = max(now_s, held[number])
            held[number] = max(now_s, float(ready[place]))
        return ready

    def _make_room(self, site: int, size: float) -> None:
        held = self._used_s[site]
        while held and self._full[site] + size > self._layout.site_cache_bytes[site]:
            oldest = min(held, key=lambda number: (held[number], number))
            self._full[site] -= self._bytes[oldest]
            del held[oldest]
