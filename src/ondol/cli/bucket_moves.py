"""Copies files between folders and buckets, several at a time, with a progress bar where somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from ondol.cli.objects import Moved, Objects, file_etag, files_below, place_of
from ondol.cli.output import SHOWN, Out

AT_ONCE = 4  # files under way; a large one has as many connections of its own


@contextmanager
def progress(title: str, total: int, out: Out) -> Iterator[Moved]:
    """Give what is to be told of every byte moved.

    Parameters
    ----------
    total : bytes that will be moved
    """
    if not out.progress or total == 0:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr, highlight=False, no_color=None if out.color else True),
        transient=True,
    )
    row = bar.add_task(title, total=total)
    with bar:
        yield lambda count: bar.update(row, advance=count)


def send_files(objects: Objects, bucket: str, files: Sequence[tuple[str, Path]], out: Out = SHOWN) -> int:
    """Send (key, file) pairs; gives the bytes."""
    total = sum(path.stat().st_size for _, path in files)
    with progress(f"to {bucket}", total, out) as moved:
        _all_of([partial(objects.put, bucket, key, path, moved) for key, path in files])
    return total


def fetch_files(objects: Objects, bucket: str, wanted: Sequence[tuple[str, int, Path]], out: Out = SHOWN) -> int:
    """Fetch (key, size, file) triples; gives the bytes."""
    total = sum(size for _, size, _ in wanted)
    with progress(f"from {bucket}", total, out) as moved:
        _all_of([partial(objects.get, bucket, key, path, moved) for key, _, path in wanted])
    return total


def sync_to(
    objects: Objects, folder: Path, bucket: str, prefix: str, *, delete: bool, out: Out = SHOWN
) -> tuple[int, int, int]:
    """Make a bucket (below `prefix`) like a folder; gives files sent, removed and left as they were."""
    there = {one.key: one for one in objects.listing(bucket, prefix)}
    here = {prefix + name: path for name, path in files_below(folder)}
    changed = [
        (key, path)
        for key, path in here.items()
        if key not in there or there[key].size != path.stat().st_size or there[key].etag != file_etag(path)
    ]
    gone = [key for key in there if key not in here] if delete else []
    send_files(objects, bucket, changed, out)
    objects.remove(bucket, gone)
    return len(changed), len(gone), len(here) - len(changed)


def sync_from(
    objects: Objects, bucket: str, prefix: str, folder: Path, *, delete: bool, out: Out = SHOWN
) -> tuple[int, int, int]:
    """Make a folder like a bucket (below `prefix`); gives files fetched, removed and left as they were."""
    there = {one.key.removeprefix(prefix): one for one in objects.listing(bucket, prefix) if not one.key.endswith("/")}
    places = {name: place_of(folder, name) for name in there if name}
    changed = []
    for name, path in places.items():
        one = there[name]
        same = path.is_file() and path.stat().st_size == one.size and file_etag(path) == one.etag
        if not same:
            changed.append((one.key, one.size, path))
    folder.mkdir(parents=True, exist_ok=True)
    gone = [path for name, path in files_below(folder) if name not in places] if delete else []
    fetch_files(objects, bucket, changed, out)
    for path in gone:
        path.unlink()
    return len(changed), len(gone), len(places) - len(changed)


def _all_of(moves: Sequence[Callable[[], None]]) -> None:
    """Do them, several at a time; the first error ends it, after those under way."""
    if len(moves) < 2:
        for move in moves:
            move()
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(move) for move in moves]
        try:
            for one in waiting:
                one.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
