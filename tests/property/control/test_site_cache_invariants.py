"""Whatever is fetched, evicted and restarted: no site holds more than it may, and what the policy is told is so."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.control.input_object import InputObject
from ondol.control.missing_inputs import MissingInputs
from ondol.control.site_cache import SiteCache
from ondol.model.compute import ResourceBucket
from ondol.model.ids import AccountId, SiteId
from ondol.storage.objects.folder import FolderObjectStore

SITES = (SiteId("one"), SiteId("two"))
ME = AccountId("me")
LIMIT = 100

step = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(SITES), st.integers(0, 5), st.sampled_from((0.0, 5.0, 1e6))),
    st.tuples(st.just("change"), st.integers(0, 5), st.integers(0, 120)),
    st.tuples(st.just("list"), st.sampled_from(("", "k1", "k3"))),
    st.tuples(st.just("wait"), st.integers(1, 10)),
    st.tuples(st.just("restart")),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(step, max_size=25))
def test_the_size_is_kept_and_what_is_missing_is_as_counted_anew(steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        World(Path(folder)).run(steps)


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s = folder, 1e9
        self.objects = FolderObjectStore(folder / "objects")
        self.objects.create_bucket("behind")
        for number in range(6):
            self.objects.put_bytes("behind", f"k{number}", bytes(20 * number))
        self.resources: dict[str, list[InputObject]] = {}
        self.start()

    def start(self) -> None:
        self.missing = MissingInputs(SITES)
        self.cache = SiteCache(
            self.folder / "cache",
            self.objects,
            SITES,
            most_bytes=LIMIT,
            heard=self.missing.heard,
            now_s=lambda: self.now_s,
        )
        self.resources.clear()

    def listed(self, prefix: str) -> list[InputObject]:
        return [InputObject("behind", o.key, o.etag, o.size) for o in self.objects.list("behind", prefix)]

    def run(self, steps: list[tuple[object, ...]]) -> None:
        for verb, *rest in steps:
            getattr(self, f"do_{verb}")(*rest)
            self.check()

    def do_read(self, site: SiteId, number: int, keep_s: float) -> None:
        wanted = self.listed(f"k{number}")[0]
        with self.cache.lend(site, wanted, keep_s=keep_s) as lent:
            assert lent.path.stat().st_size == wanted.size

    def do_change(self, number: int, size: int) -> None:
        self.objects.put_bytes("behind", f"k{number}", bytes([size]) * size)

    def do_list(self, prefix: str) -> None:
        self.resources[prefix] = self.listed(prefix)
        self.missing.listed(ME, ResourceBucket(bucket="b", prefix=prefix), self.resources[prefix])

    def do_wait(self, span_s: int) -> None:
        self.now_s += span_s

    def do_restart(self) -> None:
        self.start()

    def check(self) -> None:
        for site in SITES:
            files = [path for path in (self.folder / "cache" / site).iterdir() if path.is_file()]
            assert sum(path.stat().st_size for path in files) == self.cache.used_bytes(site) <= LIMIT
        for prefix in ("", "k1", "k3"):
            row = self.missing._row(ME, (ResourceBucket(bucket="b", prefix=prefix),)).tolist()
            found = self.resources.get(prefix)
            if found is None:
                assert all(math.isnan(figure) for figure in row)
                continue
            total = sum(one.size for one in found)
            assert row == [total - self.cache.held_bytes(site, found) for site in SITES]
