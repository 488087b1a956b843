"""Pages of a listing put together are the listing, whatever the delimiter and wherever the pages are cut."""

from __future__ import annotations

import anyio
from hypothesis import given
from hypothesis import strategies as st

from ondol.server.s3.listing import Entry, Page, page
from ondol.storage.objects.keycode import encode_key

LETTERS = st.text("ab/-.é", min_size=1, max_size=6)


class Shelf:
    """A backend's listing: names in byte order, by prefix, after a mark."""

    def __init__(self, keys: set[str]) -> None:
        self.asked = 0
        self._entries = sorted(
            (Entry(key, encode_key(key), len(key), "e", "t") for key in keys), key=lambda each: each.name.encode()
        )

    async def __call__(self, prefix: str, mark: str, count: int) -> tuple[list[Entry], bool]:
        assert 1 <= count <= 1000
        self.asked += 1
        found = [each for each in self._entries if each.name.startswith(prefix) and each.name.encode() > mark.encode()]
        return found[:count], len(found) > count


def expected(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    """What S3 would list, keys and common prefixes in one order."""
    told = set()
    for key in keys:
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key[len(prefix) :], "", "")
            told.add(prefix + head + found)
    return sorted(told, key=str.encode)


@given(
    st.sets(LETTERS, max_size=40), st.text("ab/", max_size=2), st.sampled_from(["", "/", "a", "/a"]), st.integers(1, 7)
)
def test_pages_join_to_the_whole(keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
    shelf = Shelf(keys)

    async def walk() -> list[Page]:
        pages: list[Page] = []
        after = ""
        while True:
            made = await page(shelf, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
            pages.append(made)
            if not made.truncated:
                return pages
            assert len(made) == limit
            after = made.last

    pages = anyio.run(walk)
    told = [sorted([*(each.key for each in one.entries), *one.prefixes], key=str.encode) for one in pages]
    assert [key for one in told for key in one] == expected(keys, prefix, delimiter)
    for one in pages:
        assert all(delimiter in each[len(prefix) :] for each in one.prefixes)


@given(st.sets(LETTERS, max_size=40), LETTERS, st.sampled_from(["", "/"]))
def test_a_mark_of_the_callers_own_skips_what_is_not_after_it(keys: set[str], after: str, delimiter: str) -> None:
    made = anyio.run(lambda: page(Shelf(keys), prefix="", delimiter=delimiter, after=after, limit=1000))
    assert [each.key for each in made.entries if each.key.encode() <= after.encode()] == []
    missing = {key for key in keys if key.encode() > after.encode() and not (delimiter and delimiter in key)}
    assert missing == {each.key for each in made.entries}


def test_a_large_group_is_skipped_not_read() -> None:
    shelf = Shelf({f"{group}/{number:05}" for group in ("a", "b", "c") for number in range(5000)} | {"d"})
    made = anyio.run(lambda: page(shelf, prefix="", delimiter="/", after="", limit=1000))
    assert (made.prefixes, [each.key for each in made.entries]) == (["a/", "b/", "c/"], ["d"])
    assert shelf.asked <= 5


def test_nothing_is_asked_for_no_keys() -> None:
    shelf = Shelf({"a"})
    assert len(anyio.run(lambda: page(shelf, prefix="", delimiter="", after="", limit=0))) == 0
    assert shelf.asked == 0
