"""Given inputs in buckets, when they are staged and refreshed, then jobs get copies and keep what they made of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondol.control import job_files
from ondol.control.missing_inputs import MissingInputs
from ondol.control.progress import IN, OUT, ProgressBook
from ondol.control.site_cache import SiteCache
from ondol.control.staging import Stager, keys_of
from ondol.model.compute import Attempt, ResourceBucket, Task
from ondol.model.conditions import SnapshotConfig
from ondol.model.errors import ConflictError, InvalidFieldError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, SiteId, TaskId
from ondol.storage.objects.folder import FolderObjectStore

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)
TASK = Task(
    id=TaskId("t"), account_id=AccountId("a"), name="n", profile="process", result_bucket="made",
    resources=(ResourceBucket(bucket="data", prefix="in/", strip_prefix="in/"),),
    created_at=NOW, modified_at=NOW, state_since=NOW,
)  # fmt: skip
SITES = {NodeId("n1"): SiteId("s1"), NodeId("n2"): SiteId("s2")}


def attempt(number: int = 0, node: str = "n1") -> Attempt:
    return Attempt(
        id=AttemptId(f"t.{number:06d}.001"), instance_id=InstanceId(f"t/{number:06d}"), task_id=TASK.id,
        node_id=NodeId(node), number=1, created_at=NOW, since=NOW,
    )  # fmt: skip


class SameNames:
    """Buckets have behind the front the names that users know."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str:
        return f"behind-{bucket}"

    def register(self, account_id: AccountId, bucket: str) -> str:
        return f"behind-{bucket}"


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects = FolderObjectStore(folder / "objects")
        self.objects.create_bucket("behind-data")
        self.asked: list[tuple[AccountId, ResourceBucket]] = []
        self.book = ProgressBook()
        self.missing = MissingInputs(SITES.values(), lambda *source: self.asked.append(source))
        self.cache = SiteCache(folder / "cache", self.objects, SITES.values(), heard=self.missing.heard)
        self.stager = Stager(
            folder / "jobs", self.objects, SameNames(), cache=self.cache, site_of=SITES.__getitem__,
            missing=self.missing, progress=self.book,
        )  # fmt: skip

    def put(self, key: str, text: str) -> None:
        self.objects.put_bytes("behind-data", key, text.encode())

    def made(self, bucket: str = "made") -> dict[str, bytes]:
        behind = f"behind-{bucket}"
        return {one.key: self.objects.get_bytes(behind, one.key) for one in self.objects.list(behind)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.put("in/a", "first")
    bench.put("in/deep/b", "second")
    bench.put("out/of/it", "else")
    return bench


def test_a_job_cannot_change_what_the_next_one_gets(bench: Bench) -> None:
    bench.stager.bring_in(TASK, attempt(0))
    job = bench.stager.job_dir(attempt(0))
    with (job / "a").open("r+") as file:  # in place, as a hard link would show
        file.write("wrong")
    bench.stager.bring_in(TASK, attempt(1))
    assert (bench.stager.job_dir(attempt(1)) / "a").read_text() == "first"
    assert bench.stager.results(TASK, attempt(0)) == ["a"]
    assert bench.stager.results(TASK, attempt(1)) == []


def test_a_copy_that_the_kernel_does_not_make_is_made_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(job_files.os, "copy_file_range", refuse)
    bench.stager.bring_in(TASK, attempt())
    assert (bench.stager.job_dir(attempt()) / "deep" / "b").read_text() == "second"


def test_the_policy_learns_what_each_site_lacks(bench: Bench) -> None:
    for _ in range(2):
        assert all(map(math.isnan, bench.missing.missing_bytes(TASK).values()))
    assert bench.asked == [(TASK.account_id, TASK.resources[0])], "it is asked for once"
    bench.stager.look(*bench.asked[0])
    assert bench.missing.missing_bytes(TASK) == {"s1": 11.0, "s2": 11.0}
    bench.stager.bring_in(TASK, attempt())
    assert bench.missing.missing_bytes(TASK) == {"s1": 0.0, "s2": 11.0}
    bench.put("in/c", "more")
    bench.stager.bring_in(TASK, attempt(1, "n2"))
    assert bench.missing.missing_bytes(TASK) == {"s1": 4.0, "s2": 0.0}
    bare = dataclasses.replace(TASK, resources=())
    table, rows = bench.missing.columns([bare, TASK, TASK])
    assert table.tolist() == [[0.0, 0.0], [4.0, 0.0]]
    assert rows.tolist() == [0, 1, 1]
    assert bench.missing.wanted_bytes(TASK) == 15.0


def test_progress_counts_bytes_of_both_ways_whether_fetched_or_held(bench: Bench) -> None:
    for number in (0, 1):
        bench.stager.bring_in(TASK, attempt(number))
        assert bench.book.of(attempt(number).id) == (IN, 11, 11)
    (bench.stager.job_dir(attempt()) / "made").write_text("12345")
    bench.stager.bring_out(TASK, attempt())
    assert bench.book.of(attempt().id) == (OUT, 5, 5)
    bench.stager.clear(attempt(), instance_over=True)
    assert bench.book.of(attempt().id) is None


def test_a_staging_that_is_not_wanted_any_more_ends_after_the_file_at_hand(bench: Bench) -> None:
    answers = iter((True, False))
    bench.stager.bring_in(TASK, attempt(), wanted=lambda: next(answers))
    job = bench.stager.job_dir(attempt())
    assert [path.name for path in job.iterdir()] == ["a"]
    assert not (job.parent / "inputs.json").exists()


@pytest.mark.parametrize("pair", [("in/x", "in/x/y"), ("in/x/y", "in/x")])
def test_objects_that_cannot_lie_in_one_folder_are_told(bench: Bench, pair: tuple[str, str]) -> None:
    for key in pair:
        bench.put(key, "1")
    with pytest.raises(ConflictError, match="job's folder"):
        bench.stager.bring_in(TASK, attempt())


@pytest.mark.parametrize("key", ["in/../../etc", "in/."])
def test_keys_that_lead_out_are_refused(bench: Bench, key: str) -> None:
    bench.put(key, "1")
    with pytest.raises(InvalidFieldError, match="object key"):
        bench.stager.bring_in(TASK, attempt())


def test_a_refresh_brings_what_is_new_and_leaves_the_jobs_work(bench: Bench) -> None:
    bench.put("in/kept", "kept")
    bench.put("in/changed-by-job", "before")
    bench.put("in/eaten", "before")
    bench.stager.bring_in(TASK, attempt())
    job = bench.stager.job_dir(attempt())
    (job / "changed-by-job").write_text("the job's own")
    (job / "made-by-job").write_text("the job's own")
    (job / "eaten").unlink()
    (job / "kept").unlink()
    opened = (job / "a").open()
    for key, text in (("a", "second edition"), ("new/one", "new"), ("changed-by-job", "after"), ("eaten", "after"),
                      ("made-by-job", "after")):  # fmt: skip
        bench.put(f"in/{key}", text)
    bench.objects.delete("behind-data", "in/deep/b")
    assert bench.stager.refresh(TASK, attempt()) == 3
    assert (job / "a").read_text() == "second edition"
    assert opened.read() == "first", "who reads the old one reads it to its end"
    opened.close()
    assert (job / "new" / "one").read_text() == "new"
    assert (job / "eaten").read_text() == "after"
    assert not (job / "kept").exists(), "it is the same as before: the job removed it"
    assert (job / "deep" / "b").read_text() == "second"
    assert (job / "changed-by-job").read_text() == (job / "made-by-job").read_text() == "the job's own"
    assert bench.stager.results(TASK, attempt()) == ["changed-by-job", "made-by-job"]
    assert bench.stager.refresh(TASK, attempt()) == 0
    (job / "a").write_text("worked on")
    assert bench.stager.results(TASK, attempt()) == ["a", "changed-by-job", "made-by-job"]
    assert not (job.parent / "incoming").exists()


def test_a_refresh_follows_no_link_out_of_the_folder(bench: Bench, tmp_path: Path) -> None:
    bench.stager.bring_in(TASK, attempt())
    job, outside = bench.stager.job_dir(attempt()), tmp_path / "outside"
    outside.mkdir()
    (job / "trap").symlink_to(outside)
    (job / "point").symlink_to(outside / "file")
    bench.put("in/point", "x")
    assert bench.stager.refresh(TASK, attempt()) == 0
    bench.put("in/trap/file", "x")
    with pytest.raises(ConflictError):
        bench.stager.refresh(TASK, attempt())
    assert list(outside.iterdir()) == []


def test_no_snapshot_takes_what_a_refresh_is_bringing(bench: Bench) -> None:
    bench.stager.bring_in(TASK, attempt())
    (bench.stager.job_dir(attempt()) / "made").write_text("1")
    for number in range(60):
        bench.put(f"in/more/{number}", str(number))
    over = threading.Event()

    def snapshots() -> set[str]:
        keys: set[str] = set()
        while not over.is_set():
            keys.update(bench.stager.bring_out(TASK, attempt()))
        return keys

    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(snapshots)
        try:
            assert bench.stager.refresh(TASK, attempt()) == 60
        finally:
            over.set()
        taken.result(10)
    assert bench.stager.bring_out(TASK, attempt()) == ("made",)
    assert set(bench.made()) == {"made"}


def test_a_crash_amid_a_refresh_makes_no_input_a_result(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the new fingerprint written but the file not yet in its place, or in it, then both are still inputs."""
    bench.stager.bring_in(TASK, attempt())
    bench.put("in/a", "second edition")
    real = job_files.place
    for crash_after in (False, True):

        def crash(*args: object, crash_after: bool = crash_after, **more: object) -> bool:
            if crash_after:
                real(*args, **more)  # type: ignore[arg-type]
            raise KeyboardInterrupt

        monkeypatch.setattr("ondol.control.staging.place", crash)
        with pytest.raises(KeyboardInterrupt):
            bench.stager.refresh(TASK, attempt())
        assert bench.stager.results(TASK, attempt()) == []


def test_a_list_of_inputs_of_an_older_version_is_understood(bench: Bench) -> None:
    bench.stager.bring_in(TASK, attempt())
    note = bench.stager.job_dir(attempt()).parent / "inputs.json"
    said = json.loads(note.read_text())["files"]
    note.write_text(json.dumps({path: found[0] for path, found in said.items()}))
    assert bench.stager.results(TASK, attempt()) == []


def test_a_snapshot_has_lists_bucket_and_prefix_of_its_own(bench: Bench) -> None:
    task = dataclasses.replace(TASK, result_prefix="p/", results_whitelist="^r")
    bench.stager.bring_in(task, attempt())
    for name in ("r1", "r2.tmp", "s1"):
        (bench.stager.job_dir(attempt()) / name).write_text(name)
    assert bench.stager.bring_out(task, attempt()) == ("p/r1", "p/r2.tmp")
    other = SnapshotConfig(whitelist="^[rs]", blacklist="tmp$", bucket="elsewhere", prefix="q/")
    assert bench.stager.bring_out(task, attempt(), config=other) == ("q/r1", "q/s1")
    assert set(bench.made("elsewhere")) == {"q/r1", "q/s1"}


def test_every_path_has_a_key_of_its_own() -> None:
    paths = ["a%5Cb", "a\\b", "a%255Cb", os.fsdecode(b"\xe9"), "%E9", "plain%"]
    keys = keys_of(paths)
    assert sorted(keys.values()) == sorted(paths)
    assert {keys[name] for name in ("a%5Cb", "a%255Cb", "%E9", "plain%")} == {"a%5Cb", "a%255Cb", "%E9", "plain%"}
    assert keys["a\\b"] == "a\\b"
