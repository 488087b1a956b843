"""What each site holds of the objects that tasks want: fetched once, checked, kept for the next, within a size.

Every site has a folder of its own, as real sites have disks of their own, also where virtual sites share a machine.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ondol.control.input_object import InputObject, content_matches
from ondol.control.leftovers import remove_tree
from ondol.control.site_shelf import Shelf
from ondol.model.errors import UnavailableError
from ondol.model.ids import SiteId
from ondol.storage.objects.port import ObjectStore

_log = logging.getLogger(__name__)
SITE_CACHE_BYTES = 10 * 2**30
_FULL = (errno.ENOSPC, errno.EDQUOT)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Lent:
    """A file that one may read, for as long as it is lent.

    Parameters
    ----------
    movable : whether it is nobody else's and may be taken away
    """

    path: Path
    movable: bool = False


class SiteCache:
    """Objects by site. Every method is thread-safe; those that fetch block.

    Parameters
    ----------
    root : holds one folder per site; folders of sites that are none (any more) are removed
    sites : every site
    most_bytes : for each site, unless `limits` says otherwise, ≥ 0
    heard : told (site, digest, size, whether it is held now) with every change, those at the start included
    now_s : wall time [s since the epoch]
    """

    def __init__(
        self,
        root: Path,
        objects: ObjectStore,
        sites: Iterable[SiteId],
        *,
        most_bytes: int = SITE_CACHE_BYTES,
        limits: Mapping[SiteId, int] | None = None,
        heard: Callable[[SiteId, str, int, bool], None] = lambda *_: None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._coming: dict[tuple[SiteId, str], Future[None]] = {}
        self._shelves: dict[SiteId, Shelf] = {}
        for site_id in sorted(set(sites)):
            limit = (limits or {}).get(site_id, most_bytes)

            def tell(digest: str, size: int, held: bool, site_id: SiteId = site_id) -> None:
                heard(site_id, digest, size, held)

            self._shelves[site_id] = Shelf(root / site_id, limit, now_s, tell)
        for folder in root.iterdir() if root.is_dir() else ():
            if folder.name not in self._shelves:
                remove_tree(folder)

    def held_bytes(self, site_id: SiteId, wanted: Iterable[InputObject]) -> int:
        """Bytes of some objects that a site holds now."""
        shelf = self._shelves[site_id]
        return sum(one.size for one in wanted if shelf.holds(one.digest))

    def used_bytes(self, site_id: SiteId) -> int:
        """Bytes of all that a site holds."""
        return self._shelves[site_id].used_bytes

    @contextlib.contextmanager
    def lend(
        self, site_id: SiteId, wanted: InputObject, *, keep_s: float, tell: Callable[[int], None] = lambda _: None
    ) -> Iterator[Lent]:
        """Lend a file with an object's content; it is fetched where the site does not hold it, once for all who ask.

        Parameters
        ----------
        keep_s : how long the site may keep it after this use, 0 for not at all [s, wall]
        tell : called with bytes as they come, from any thread

        Raises NotFoundError where the object is gone, UnavailableError where it changed meanwhile, the store cannot
        answer or the disk is full; all may be tried again with a new listing.
        """
        shelf = self._shelves[site_id]
        path = self._held(shelf, site_id, wanted, keep_s, tell)
        if path is not None:
            try:
                yield Lent(path)
            finally:
                shelf.give_back(wanted.digest)
            return
        passing = shelf.new_file()  # there is no room beside what is in use: this one is fetched for one user only
        try:
            self.with_room(site_id, wanted.size, lambda: self._fetch(wanted, passing, tell))
            yield Lent(passing, movable=True)
        finally:
            passing.unlink(missing_ok=True)

    def with_room(self, site_id: SiteId, size: int, work: Callable[[], _T]) -> _T:
        """Do what writes so many bytes; where the disk is full, remove what is held and do it again.

        Raises UnavailableError where that is not enough.
        """
        while True:
            try:
                return work()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                # This site's first: with virtual sites on one disk, the others' files help as well.
                shelves = [self._shelves[site_id], *self._shelves.values()]
                freed = next((freed for shelf in shelves if (freed := shelf.shed(max(size, 1)))), 0)
                if not freed:
                    raise UnavailableError(
                        f"The disk of site {site_id} is full: {size} bytes are wanted for inputs and no cached file is "
                        "left that could go; free some space there or place fewer jobs at once"
                    ) from error
                _log.warning("the disk of site %s is full: removed %d bytes of cached inputs", site_id, freed)

    def drop_expired(self) -> None:
        """Remove what no site may keep any more."""
        for shelf in self._shelves.values():
            shelf.drop_expired()

    def _held(
        self, shelf: Shelf, site_id: SiteId, wanted: InputObject, keep_s: float, tell: Callable[[int], None]
    ) -> Path | None:
        """Take the file, fetched where need be; None where there is no room for it."""
        key = (site_id, wanted.digest)
        while True:
            with self._lock:
                path = shelf.take(wanted.digest, keep_s)
                if path is not None:
                    return path
                coming = self._coming.get(key)
                if coming is None:
                    mine: Future[None] = Future()
                    self._coming[key] = mine
            if coming is not None:
                coming.result()  # raises what went wrong for the one who fetches
                continue
            try:
                path = self._fetched(shelf, site_id, wanted, keep_s, tell)
            except BaseException as error:
                self._over(key, mine, error)
                raise
            self._over(key, mine, None)
            return path

    def _over(self, key: tuple[SiteId, str], mine: Future[None], error: BaseException | None) -> None:
        with self._lock:
            del self._coming[key]
        if error is None:
            mine.set_result(None)
        else:
            mine.set_exception(error)

    def _fetched(
        self, shelf: Shelf, site_id: SiteId, wanted: InputObject, keep_s: float, tell: Callable[[int], None]
    ) -> Path | None:
        if not shelf.make_room(wanted.size):
            return None
        passing = shelf.new_file()
        try:
            self.with_room(site_id, wanted.size, lambda: self._fetch(wanted, passing, tell))
        except BaseException:
            shelf.call_off(wanted.size)
            passing.unlink(missing_ok=True)
            raise
        return shelf.put(wanted.digest, wanted.size, passing, keep_s)

    def _fetch(self, wanted: InputObject, path: Path, tell: Callable[[int], None]) -> None:
        told = 0

        def count(size: int) -> None:
            nonlocal told
            told += size
            tell(size)

        try:
            self._objects.download(wanted.bucket, wanted.key, path, count)
            self._check(wanted, path)
        except BaseException:
            tell(-told)
            raise

    def _check(self, wanted: InputObject, path: Path) -> None:
        """Refuse a file that is not the object that was listed: it changed since, or came damaged."""
        size = os.stat(path).st_size  # noqa: PTH116
        matches = content_matches(path, wanted.etag) if size == wanted.size else False
        if matches is None:  # sent in parts of a size that we do not know: at least it must still be the same object
            now = (one for one in self._objects.list(wanted.bucket, wanted.key) if one.key == wanted.key)
            matches = any((one.etag, one.size) == (wanted.etag, wanted.size) for one in now)
        if not matches:
            raise UnavailableError(
                f"Object {wanted.key} ({wanted.size} bytes, ETag {wanted.etag}) came as {size} bytes of another "
                "content: it was changed meanwhile or is damaged; upload it again if this goes on"
            )
