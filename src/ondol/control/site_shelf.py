"""The files that one site keeps of objects: which ones, until when, and which goes first where room is wanted.

There is no index to be lost: a file's name is `<digest>-<size>`, its access time the last use, its modification time
the moment from which it is not to be kept any more. A file appears by being renamed, so whole or not at all.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"([0-9a-f]{64})-(\d+)")
_PASSING = "passing"
_LONGEST_S = 10 * 365 * 86_400.0  # no file is kept longer than this without being used [s]

Heard = Callable[[str, int, bool], None]


@dataclass(slots=True)
class _Kept:
    size: int
    until_s: float
    pins: int = 0


class Shelf:
    """One site's files, least lately used first. Every method is thread-safe.

    Parameters
    ----------
    folder : made where missing; what an earlier life left unfinished in it is removed
    most_bytes : sum of the sizes of all files, ≥ 0
    now_s : wall time [s since the epoch]
    heard : told (digest, size, whether it is held now) with every change, those of the first look included
    """

    def __init__(self, folder: Path, most_bytes: int, now_s: Callable[[], float], heard: Heard) -> None:
        self._folder, self._most, self._now_s, self._heard = folder, most_bytes, now_s, heard
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._used = self._coming = 0
        self._soonest_s = math.inf
        self.passing = folder / _PASSING
        self.passing.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._look()

    def holds(self, digest: str) -> bool:
        """Whether a file is here."""
        return digest in self._kept

    @property
    def used_bytes(self) -> int:
        """Sum of the sizes of all files that are held."""
        return self._used

    def take(self, digest: str, keep_s: float) -> Path | None:
        """Give a file and hold it fast until `give_back`, None where it is not here.

        Parameters
        ----------
        keep_s : how long it may be kept from now on; what others asked for before still counts [s]
        """
        with self._lock:
            self._drop_expired()
            kept = self._kept.get(digest)
            if kept is None:
                return None
            if not self._whole(digest, kept):  # somebody tidied up, or the disk is ill
                self._drop(digest)
                return None
            kept.pins += 1
            kept.until_s = max(kept.until_s, self._until(keep_s))
            self._kept.move_to_end(digest)
            return self._stamped(digest, kept)

    def give_back(self, digest: str) -> None:
        """A file that was taken, or put here, is no longer needed by one who took it."""
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None and kept.pins:
                kept.pins -= 1
            self._drop_expired()

    def make_room(self, size: int) -> bool:
        """Set room aside for a file that is to come; False where it is too large beside what is in use."""
        with self._lock:
            self._drop_expired()
            loose = sum(kept.size for kept in self._kept.values() if not kept.pins)
            if self._used - loose + self._coming + size > self._most:
                return False
            while self._used + self._coming + size > self._most:
                self._drop(next(digest for digest, kept in self._kept.items() if not kept.pins))
            self._coming += size
            return True

    def put(self, digest: str, size: int, source: Path, keep_s: float) -> Path:
        """Take in a file for which room was made; it is held fast as by `take`."""
        with self._lock:
            self._coming -= size
            kept = _Kept(size, self._until(keep_s), pins=1)
            source.chmod(0o400)
            target = self._path(digest, size)
            source.replace(target)
            self._kept[digest] = kept
            self._used += size
            self._stamped(digest, kept)
            self._heard(digest, size, True)
            return target

    def call_off(self, size: int) -> None:
        """The file for which room was made does not come."""
        with self._lock:
            self._coming -= size

    def shed(self, size: int) -> int:
        """Remove the least lately used files, of so many bytes at least where there are such; gives how many it was."""
        with self._lock:
            before = self._used
            for digest in [digest for digest, kept in self._kept.items() if not kept.pins]:
                if before - self._used >= size:
                    break
                self._drop(digest)
            return before - self._used

    def drop_expired(self) -> None:
        """Remove what is not to be kept any more."""
        with self._lock:
            self._drop_expired()

    def new_file(self) -> Path:
        """Name for a file that is on its way, on the same file system."""
        handle, name = tempfile.mkstemp(dir=self.passing)
        os.close(handle)
        return Path(name)

    def _whole(self, digest: str, kept: _Kept) -> bool:
        try:
            return self._path(digest, kept.size).stat().st_size == kept.size
        except FileNotFoundError:
            return False

    def _until(self, keep_s: float) -> float:
        return self._now_s() + min(max(keep_s, 0.0), _LONGEST_S)

    def _stamped(self, digest: str, kept: _Kept) -> Path:
        path = self._path(digest, kept.size)
        os.utime(path, (self._now_s(), kept.until_s))
        self._soonest_s = min(self._soonest_s, kept.until_s)
        return path

    def _drop_expired(self) -> None:
        now_s = self._now_s()
        if now_s < self._soonest_s:
            return
        for digest in [d for d, kept in self._kept.items() if kept.until_s <= now_s and not kept.pins]:
            self._drop(digest)
        self._soonest_s = min((kept.until_s for kept in self._kept.values()), default=math.inf)

    def _drop(self, digest: str) -> None:
        kept = self._kept.pop(digest)
        self._used -= kept.size
        self._path(digest, kept.size).unlink(missing_ok=True)
        self._heard(digest, kept.size, False)

    def _path(self, digest: str, size: int) -> Path:
        return self._folder / f"{digest}-{size}"

    def _look(self) -> None:
        """See what an earlier life left; a file that is shorter than its name says (after a power cut) is none."""
        for left in self.passing.iterdir():
            left.unlink()
        found = []
        for path in self._folder.iterdir():
            name, status = _NAME.fullmatch(path.name), path.lstat()
            if name is None:
                continue
            if int(name[2]) != status.st_size:
                path.unlink()
                continue
            found.append((status.st_atime, name[1], _Kept(status.st_size, status.st_mtime)))
        for _, digest, kept in sorted(found, key=lambda row: row[:2]):
            self._kept[digest] = kept
            self._used += kept.size
            self._soonest_s = min(self._soonest_s, kept.until_s)
            self._heard(digest, kept.size, True)
        self._drop_expired()
        with contextlib.suppress(StopIteration):
            while self._used > self._most:
                self._drop(next(iter(self._kept)))
