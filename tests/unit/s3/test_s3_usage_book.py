"""The usage book: counted once, kept by differences, counted again in doubt, and never over a quota."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.model.errors import NotFoundError
from ondol.storage.objects.usage import RECOUNT_S, BucketUsage, NoLimits, QuotaError, Tally, UsageBook

BUCKETS = [("in", "b-1"), ("out", "b-2")]


class Store:
    """What the backend holds, and how often it was listed."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, int]] = {"b-1": {}, "b-2": {}}
        self.parts: dict[str, dict[int, int]] = {}
        self.listed = 0
        self.now = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    def tally(self, backend: str) -> Tally:
        self.listed += 1
        self.now += 1.0  # a large bucket
        if backend not in self.objects:
            raise NotFoundError("bucket", backend)
        sizes = dict(self.objects[backend])
        self.meanwhile()
        return Tally(sum(sizes.values()), len(sizes), self.parts if backend == "b-1" else {})

    def book(self, limits: NoLimits | None = None) -> UsageBook:
        return UsageBook(lambda _: BUCKETS, self.tally, lambda _: limits or NoLimits(), lambda: self.now)

    def write(self, book: UsageBook, backend: str, key: str, size: int | None) -> None:
        """One write, as the front does it; None deletes."""
        old = self.objects[backend].get(key)
        write = book.begin("a", backend, key, (size or 0) - (old or 0))
        if size is None:
            self.objects[backend].pop(key, None)
        else:
            self.objects[backend][key] = size
        write.replaced(old, size)
        write.close()


WRITES = st.lists(
    st.tuples(st.sampled_from(["b-1", "b-2"]), st.sampled_from("klm"), st.none() | st.integers(0, 50)), max_size=30
)


@given(WRITES, WRITES)
def test_after_any_writes_the_figures_are_those_of_a_listing(
    before: list[tuple[str, str, int | None]], after: list[tuple[str, str, int | None]]
) -> None:
    store = Store()
    book = store.book()
    for each in before:
        store.write(book, *each)
    book.usage("a")
    for each in after:
        store.write(book, *each)
    usage = book.usage("a")
    assert store.listed == 2, "each bucket once"
    assert usage.by_bucket == {
        own: BucketUsage(sum(store.objects[backend].values()), len(store.objects[backend])) for own, backend in BUCKETS
    }
    assert (usage.buckets, usage.objects) == (2, sum(len(each) for each in store.objects.values()))


@given(st.lists(st.tuples(st.sampled_from(["b-1", "b-2"]), st.sampled_from("klmno"), st.integers(0, 60)), max_size=40))
def test_no_order_of_writes_gets_over_a_quota(writes: list[tuple[str, str, int]]) -> None:
    store = Store()
    book = store.book(NoLimits(quota_bytes=100, quota_bytes_bucket=70))
    left = [1]
    for backend, key, size in writes:
        try:
            store.write(book, backend, key, size)
        except QuotaError as full:
            left.append(full.wanted_bytes - full.left_bytes)
        totals = [sum(each.values()) for each in store.objects.values()]
        assert sum(totals) <= 100
        assert max(totals) <= 70
    assert min(left) > 0, "what fits is not refused"


def test_what_is_under_way_counts_and_what_failed_does_not() -> None:
    store = Store()
    book = store.book(NoLimits(quota_bytes=100))
    first = book.begin("a", "b-1", "k", 60)
    with pytest.raises(QuotaError, match="60 bytes more do not fit: your buckets together may hold 100 bytes, 40 are"):
        book.begin("a", "b-2", "l", 60)
    first.close()
    assert book.usage("a").bytes == 0
    book.begin("a", "b-2", "l", 60).close()


def test_parts_of_unfinished_uploads_count_until_they_become_the_object() -> None:
    store = Store()
    store.parts = {"u": {1: 30}}
    book = store.book(NoLimits(quota_bytes=100))
    assert book.usage("a").bytes == 30
    write = book.begin("a", "b-1", "u 2", 50)
    write.done, write.part = True, ("u", 2, 50)
    write.close()
    assert book.part_sizes("b-1", "u") == {1: 30, 2: 50}
    with pytest.raises(QuotaError):
        book.begin("a", "b-1", "u 3", 21)
    done = book.begin("a", "b-1", "k", 0)
    done.replaced(None, 80)
    done.ended_upload = "u"
    done.close()
    assert book.usage("a").by_bucket["in"] == BucketUsage(80, 1)


def test_doubt_is_counted_away_and_a_refusal_is_never_from_doubt() -> None:
    store = Store()
    book = store.book(NoLimits(quota_bytes=100))
    store.write(book, "b-1", "k", 90)
    assert book.usage("a").bytes == 90
    store.objects["b-1"].clear()  # by somebody else
    book.doubt("b-1")
    assert book.usage("a").bytes == 90, "not counted at each question"
    store.write(book, "b-2", "l", 50)
    assert book.usage("a").bytes == 50
    store.objects["b-2"]["m"] = 7
    book.doubt("b-2")
    store.now += RECOUNT_S
    assert book.usage("a").bytes == 57


def test_two_writes_of_one_key_at_once_leave_a_doubt() -> None:
    store = Store()
    book = store.book()
    book.usage("a")
    one, two = book.begin("a", "b-1", "k", 5), book.begin("a", "b-1", "k", 6)
    store.objects["b-1"]["k"] = 6
    for write, size in ((one, 5), (two, 6)):
        write.replaced(None, size)
        write.close()
    store.now += RECOUNT_S
    assert book.usage("a").by_bucket["in"] == BucketUsage(6, 1)


def test_a_write_while_it_is_counted_is_counted_once_in_the_end() -> None:
    store = Store()
    book = store.book()
    store.meanwhile = lambda: store.write(book, "b-1", "k", 5) if "k" not in store.objects["b-1"] else None
    book.usage("a")
    store.now += RECOUNT_S
    assert book.usage("a").by_bucket["in"] == BucketUsage(5, 1)


def test_many_threads_count_a_bucket_once() -> None:
    store = Store()
    gate = threading.Barrier(5)
    book = store.book()

    def ask() -> None:
        gate.wait(5)
        book.of_bucket("b-1")

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(5)
    assert store.listed == 1


def test_a_bucket_that_is_not_made_yet_or_gone_holds_nothing() -> None:
    store = Store()
    book = store.book()
    assert book.of_bucket("b-9") == BucketUsage(0, 0)
    store.write(book, "b-1", "k", 5)
    write = book.begin("a", "b-1", "l", 5)
    book.forget("b-1")
    write.close()
    assert book.of_bucket("b-1") == BucketUsage(5, 1), "counted anew"
