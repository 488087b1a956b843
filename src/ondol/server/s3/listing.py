"""A page of a listing: keys after a mark, those with a common prefix gathered, in byte order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ondol.storage.objects.keycode import encode_prefix

_LAST = "\U0010ffff"  # sorts after every other character of UTF-8
_FULL, _SMALL = 1000, 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One object in a listing.

    Parameters
    ----------
    key, name : its key, and the key's code, under which it is kept
    size : length [bytes]
    etag : without quotes
    modified : ISO 8601, as S3 writes it
    """

    key: str
    name: str
    size: int
    etag: str
    modified: str


@dataclass(slots=True)
class Page:
    """What one answer lists; ``last`` is the key or common prefix it ends with, ``truncated`` whether more follows."""

    entries: list[Entry] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: str = ""

    def __len__(self) -> int:
        return len(self.entries) + len(self.prefixes)


Fetch = Callable[[str, str, int], Awaitable[tuple[list[Entry], bool]]]
"""Gives objects by prefix, mark (both codes) and number, and whether there are more: `Behind.listed` of a bucket."""


def common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Give the common prefix that a key is gathered under, empty where it stands for itself."""
    if not delimiter:
        return ""
    at = key.find(delimiter, len(prefix))
    return "" if at < 0 else key[: at + len(delimiter)]


async def page(fetch: Fetch, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """List up to `limit` keys and common prefixes.

    Parameters
    ----------
    fetch : gives objects from the backend
    prefix : keys that begin with it
    delimiter : gathers keys by what stands between prefix and its first occurrence; empty for none
    after : the mark: what follows it, exclusive; where it is a common prefix, what follows all keys under it
    limit : 0 to 1,000

    A group of keys is skipped, not read through: the next question to the backend begins behind it.
    """
    made = Page()
    if limit == 0:
        return made
    code = encode_prefix(prefix)
    mark = _behind(after) if after and common_prefix(after, prefix, delimiter) == after else encode_prefix(after)
    size = min(_FULL, limit + 1)
    while True:
        entries, more = await fetch(code, mark, size)
        group = ""
        for each in entries:
            gathered = common_prefix(each.key, prefix, delimiter)
            if gathered and gathered == group:
                continue
            if len(made) == limit:
                made.truncated = True
                return made
            group = gathered
            if gathered:
                made.prefixes.append(gathered)
                made.last = gathered
            else:
                made.entries.append(each)
                made.last = each.key
        if not more or not entries:
            return made
        if group:
            mark, size = _behind(group), _SMALL
        else:
            mark, size = entries[-1].name, min(_FULL, size * 4)


def _behind(group: str) -> str:
    """Give a code that sorts after those of all keys that begin with `group`."""
    return encode_prefix(group) + _LAST
