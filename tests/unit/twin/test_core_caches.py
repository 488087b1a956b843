"""Inputs at sites: fetched once, one after the other, the least recently used thrown out first."""

from __future__ import annotations

import numpy as np

from ondol.twin.caches import Caches
from ondol.twin.layout import lay_out
from ondol.twin.workload.jobs import DataSets
from unit.twin.small_fleets import OverflowSpec, SiteSpec, fleet, room

HERE = np.zeros(1, dtype=np.int64)


def store(*sizes: float, cache_bytes: float = 1000.0) -> Caches:
    """One site with a link of 10 B/s."""
    home = SiteSpec(id="home", sink=(room(),), link_bytes_per_s=10.0, cache_bytes=cache_bytes)
    return Caches(lay_out(fleet(site=(home,), overflow=OverflowSpec(nodes=0))), DataSets(bytes=np.array(sizes)))


def fetch(caches: Caches, data: int, now_s: float) -> float:
    return float(caches.fetch(np.array([data]), HERE, now_s)[0])


def test_what_is_there_is_not_fetched_again() -> None:
    caches = store(500.0)
    assert fetch(caches, 0, 100.0) == 150.0
    # who asks while it comes waits for the same transfer
    assert fetch(caches, 0, 120.0) == 150.0
    assert fetch(caches, 0, 200.0) == 200.0
    assert caches.moved_bytes == 500.0


def test_transfers_take_turns() -> None:
    caches = store(100.0, 200.0)
    assert [fetch(caches, 0, 0.0), fetch(caches, 1, 0.0)] == [10.0, 30.0]


def test_work_without_inputs_waits_for_none() -> None:
    assert fetch(store(100.0), -1, 5.0) == 5.0


def test_the_least_recently_used_goes() -> None:
    # given room for two of three sets
    caches = store(400.0, 400.0, 400.0)
    fetch(caches, 0, 0.0)
    fetch(caches, 1, 100.0)
    fetch(caches, 0, 200.0)
    fetch(caches, 2, 300.0)
    # then the one that was used before the newest stays, and the other is fetched again
    before = caches.moved_bytes
    fetch(caches, 0, 400.0)
    assert caches.moved_bytes == before
    fetch(caches, 1, 500.0)
    assert caches.moved_bytes == before + 400.0


def test_what_is_larger_than_the_store_is_read_and_not_kept() -> None:
    caches = store(400.0, 5000.0)
    fetch(caches, 0, 0.0)
    fetch(caches, 1, 100.0)
    fetch(caches, 0, 1000.0)
    # then nothing was thrown out for it, and it has to be fetched each time
    assert caches.moved_bytes == 5400.0
    fetch(caches, 1, 1100.0)
    assert caches.moved_bytes == 10_400.0
