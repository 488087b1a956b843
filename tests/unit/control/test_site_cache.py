"""Given sites with disks of their own, when inputs are asked for, then each fetches one once, checks and keeps it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondol.control.input_object import InputObject, content_matches
from ondol.control.site_cache import SiteCache
from ondol.model.errors import NotFoundError, UnavailableError
from ondol.model.ids import SiteId
from ondol.storage.objects.folder import FolderObjectStore
from ondol.storage.objects.port import PART_SIZE, Tell, unheard

HERE, THERE = SiteId("here"), SiteId("there")
DAY_S = 86_400.0


class Counting(FolderObjectStore):
    """Counts what is fetched, and may be held up."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fetched: list[str] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def download(self, bucket: str, key: str, path: Path, tell: Tell = unheard) -> None:
        self.fetched.append(key)
        self.begun.set()
        assert self.go_on.wait(10)
        super().download(bucket, key, path, tell)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s = folder, time.time()
        self.objects = Counting(folder / "objects")
        self.objects.create_bucket("behind")
        self.cache = self.start()

    def start(self, most_bytes: int = 1000) -> SiteCache:
        return SiteCache(
            self.folder / "cache", self.objects, (HERE, THERE), most_bytes=most_bytes, now_s=lambda: self.now_s
        )

    def put(self, key: str, data: bytes) -> InputObject:
        self.objects.put_bytes("behind", key, data)
        return self.listed(key)

    def listed(self, key: str) -> InputObject:
        found = next(one for one in self.objects.list("behind", key) if one.key == key)
        return InputObject("behind", found.key, found.etag, found.size)

    def read(self, wanted: InputObject, site: SiteId = HERE, keep_s: float = DAY_S) -> bytes:
        self.now_s += 1.0
        with self.cache.lend(site, wanted, keep_s=keep_s) as lent:
            return lent.path.read_bytes()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_many_who_ask_at_once_share_one_fetch(bench: Bench) -> None:
    wanted = bench.put("a", b"content")
    bench.objects.go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(bench.read, wanted) for _ in range(8)]
        assert bench.objects.begun.wait(10)
        bench.objects.go_on.set()
        assert {reader.result(10) for reader in readers} == {b"content"}
    assert bench.objects.fetched == ["a"]


def test_each_site_fetches_for_itself(bench: Bench) -> None:
    wanted = bench.put("a", b"content")
    for site in (HERE, THERE, HERE):
        assert bench.read(wanted, site) == b"content"
    assert bench.objects.fetched == ["a", "a"]
    assert bench.cache.held_bytes(HERE, [wanted]) == bench.cache.held_bytes(THERE, [wanted]) == 7


def test_a_changed_object_is_another_one(bench: Bench) -> None:
    assert bench.read(bench.put("a", b"before")) == b"before"
    assert bench.read(bench.put("a", b"behind")) == b"behind"
    assert bench.objects.fetched == ["a", "a"]


def test_the_least_lately_used_goes_first_and_never_one_in_use(bench: Bench) -> None:
    old, used, new, last = (bench.put(key, key.encode() * 400) for key in "abcd")
    bench.read(old)
    bench.read(used)
    bench.read(old)
    with bench.cache.lend(HERE, old, keep_s=DAY_S) as lent:
        bench.read(new)
        assert [bench.cache.held_bytes(HERE, [one]) for one in (old, used, new)] == [400, 0, 400]
        bench.read(last)
        assert [bench.cache.held_bytes(HERE, [one]) for one in (old, new, last)] == [400, 0, 400]
        assert lent.path.read_bytes() == b"a" * 400
    assert bench.cache.used_bytes(HERE) == 800


def test_what_is_larger_than_the_cache_is_fetched_past_it(bench: Bench) -> None:
    small, large = bench.put("small", b"s"), bench.put("large", b"l" * 1001)
    bench.read(small)
    with bench.cache.lend(HERE, large, keep_s=DAY_S) as lent:
        assert lent.movable
        assert lent.path.stat().st_size == 1001
    assert not lent.path.exists()
    assert bench.cache.held_bytes(HERE, [small, large]) == 1


def test_what_is_not_to_be_kept_is_not(bench: Bench) -> None:
    never, hour = bench.put("never", b"n"), bench.put("hour", b"h")
    bench.read(never, keep_s=0)
    bench.read(hour, keep_s=3600)
    assert bench.cache.held_bytes(HERE, [never]) == 0
    bench.now_s += 3000
    bench.read(hour, keep_s=3600)
    bench.now_s += 3000
    bench.cache.drop_expired()
    assert bench.cache.held_bytes(HERE, [hour]) == 1, "its use began the hour anew"
    bench.now_s += 601
    bench.cache.drop_expired()
    assert bench.cache.held_bytes(HERE, [hour]) == 0
    assert not [path for path in (bench.folder / "cache" / HERE).iterdir() if path.is_file()]


def test_a_restart_finds_what_was_held_and_its_order(bench: Bench) -> None:
    first, second, third = (bench.put(key, key.encode() * 400) for key in "abc")
    bench.read(first)
    bench.read(second)
    bench.read(first)
    (bench.folder / "cache" / HERE / "passing" / "half").write_text("left by a crash")
    bench.cache = bench.start()
    assert not (bench.folder / "cache" / HERE / "passing" / "half").exists()
    assert bench.read(first) == b"a" * 400
    assert bench.objects.fetched == ["a", "b"]
    bench.cache = bench.start()
    bench.read(third)
    assert [bench.cache.held_bytes(HERE, [one]) for one in (first, second, third)] == [400, 0, 400]


def test_a_restart_drops_what_is_short_expired_too_much_or_of_no_site(bench: Bench) -> None:
    short, expired, kept = (bench.put(key, key.encode() * 300) for key in "abc")
    bench.read(short)
    bench.read(expired, keep_s=10)
    bench.read(kept)
    next((bench.folder / "cache" / HERE).glob(f"{short.digest}-*")).chmod(0o600)
    next((bench.folder / "cache" / HERE).glob(f"{short.digest}-*")).write_bytes(b"cut")
    (bench.folder / "cache" / "gone-site").mkdir()
    bench.now_s += 11
    bench.cache = bench.start()
    assert [bench.cache.held_bytes(HERE, [one]) for one in (short, expired, kept)] == [0, 0, 300]
    assert bench.read(short) == b"a" * 300
    assert not (bench.folder / "cache" / "gone-site").exists()
    assert bench.start(most_bytes=100).used_bytes(HERE) == 0


def test_a_file_that_somebody_removed_or_cut_is_fetched_again(bench: Bench) -> None:
    wanted = bench.put("a", b"content")
    bench.read(wanted)
    file = next((bench.folder / "cache" / HERE).glob(f"{wanted.digest}-*"))
    file.unlink()
    assert bench.read(wanted) == b"content"
    file.chmod(0o600)
    file.write_bytes(b"con")
    assert bench.read(wanted) == b"content"
    assert bench.cache.used_bytes(HERE) == 7
    assert len(bench.objects.fetched) == 3


def test_damaged_content_is_refused_and_not_kept(bench: Bench) -> None:
    wanted = bench.put("a", b"content")
    data = next(path for path in (bench.folder / "objects" / "behind").iterdir() if path.suffix != ".json")
    data.write_bytes(b"CONTENT")
    with pytest.raises(UnavailableError, match="another content"):
        bench.read(wanted)
    data.write_bytes(b"con")
    with pytest.raises(UnavailableError, match="3 bytes"):
        bench.read(wanted)
    assert bench.cache.used_bytes(HERE) == 0
    data.write_bytes(b"content")
    assert bench.read(wanted) == b"content", "nothing of the failures is left in the way"


def test_an_object_that_is_gone_fails_all_who_wait_alike(bench: Bench) -> None:
    wanted = bench.put("a", b"content")
    bench.objects.go_on.clear()
    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(bench.read, wanted) for _ in range(3)]
        assert bench.objects.begun.wait(10)
        bench.objects.delete("behind", "a")
        bench.objects.go_on.set()
        for reader in readers:
            with pytest.raises(NotFoundError):
                reader.result(10)


@pytest.mark.parametrize("size", [0, 1, PART_SIZE - 1, PART_SIZE, 2 * PART_SIZE + 1])
def test_etags_of_whole_objects_and_of_parts_are_checked(tmp_path: Path, size: int) -> None:
    objects = FolderObjectStore(tmp_path / "objects")
    objects.create_bucket("behind")
    file = tmp_path / "file"
    file.write_bytes(b"x" * size)
    objects.upload(file, "behind", "key")
    etag = next(objects.list("behind")).etag
    assert content_matches(file, etag) is True
    file.write_bytes(b"y" * (size or 1))
    assert content_matches(file, etag) is (None if size >= PART_SIZE else False)
    assert content_matches(file, '"not an MD5"') is None


def test_parts_of_another_size_are_trusted_where_the_object_is_still_the_same(bench: Bench) -> None:
    listed = bench.put("a", b"content")
    note = next((bench.folder / "objects" / "behind").glob("*.json"))
    note.write_text(note.read_text().replace(listed.etag.strip('"'), "0" * 32 + "-2"))
    parts = bench.listed("a")
    assert parts.etag.endswith('-2"')
    assert bench.read(parts) == b"content"
    bench.cache = bench.start(most_bytes=0)
    changed = InputObject("behind", "a", '"' + "1" * 32 + '-2"', 7)
    with pytest.raises(UnavailableError, match="another content"):
        bench.read(changed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 2 MiB; only root can mount one, and not in every container."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a disk to fill cannot be mounted here: that takes root")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a disk to fill cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_sheds_what_is_held_before_it_gives_up(bench: Bench, small_disk: Path) -> None:
    bench.cache = SiteCache(small_disk / "cache", bench.objects, (HERE, THERE), now_s=lambda: bench.now_s)
    many = [bench.put(str(number), bytes([number]) * 700_000) for number in range(3)]
    for wanted in many:
        assert len(bench.read(wanted)) == 700_000
    assert [bench.cache.held_bytes(HERE, [one]) for one in many] == [0, 700_000, 700_000]
    bench.read(many[0], THERE)
    assert bench.cache.used_bytes(HERE) == 700_000, "virtual sites share the disk, so all of them make room"
    with pytest.raises(UnavailableError, match="disk of site here is full"):
        bench.cache.with_room(HERE, 3_000_000, lambda: (small_disk / "job").write_bytes(bytes(3_000_000)))
