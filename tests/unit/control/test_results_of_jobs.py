"""Given a job's folder, when its results are taken, then only its own regular files are, under names that are text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ondol.control import results
from ondol.control.results import compiled
from ondol.control.staging import Stager
from ondol.model.compute import Attempt, Task
from ondol.model.conditions import OWN_SNAPSHOT, SnapshotConfig
from ondol.model.errors import ConflictError, InvalidFieldError, NotFoundError
from ondol.model.ids import AccountId, AttemptId, InstanceId, NodeId, TaskId
from ondol.storage.objects.folder import FolderObjectStore

NOW = dt.datetime(2022, 1, 26, tzinfo=dt.UTC)
TASK = Task(
    id=TaskId("t"), account_id=AccountId("a"), name="n", profile="process", result_bucket="made", result_prefix="p/",
    created_at=NOW, modified_at=NOW, state_since=NOW,
)  # fmt: skip
ATTEMPT = Attempt(
    id=AttemptId("t.000000.001"), instance_id=InstanceId("t/000000"), task_id=TASK.id, node_id=NodeId("n"), number=1,
    created_at=NOW, since=NOW,
)  # fmt: skip


class OneBucket:
    """Every account's bucket has the same name behind the front."""

    def backend_name(self, account_id: AccountId, bucket: str) -> str:
        return "behind"

    def register(self, account_id: AccountId, bucket: str) -> str:
        return "behind"


class Swapping(Stager):
    """Lists the files as they were a moment ago, before the job put other things in their place."""

    seen: tuple[str, ...] = ()

    def results(self, task: Task, attempt: Attempt, config: SnapshotConfig = OWN_SNAPSHOT) -> list[str]:
        return list(self.seen)


@pytest.fixture
def stager(tmp_path: Path) -> Swapping:
    made = Swapping(tmp_path / "jobs", FolderObjectStore(tmp_path / "objects"), OneBucket())
    made.bring_in(TASK, ATTEMPT)
    return made


def test_what_took_a_files_place_is_not_read(stager: Swapping, tmp_path: Path) -> None:
    job = stager.job_dir(ATTEMPT)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text("hush")
    (job / "fine").write_text("mine")
    (job / "link").symlink_to(tmp_path / "secrets" / "key")
    (job / "folder").symlink_to(tmp_path / "secrets")
    os.mkfifo(job / "pipe")
    (job / "empty").mkdir()
    stager.seen = ("fine", "link", "folder/key", "pipe", "empty", "gone", "gone/too", "fine/not-a-folder")
    assert stager.bring_out(TASK, ATTEMPT) == ("p/fine",)


def test_bytes_that_are_no_text_are_written_out(stager: Swapping) -> None:
    job = stager.job_dir(ATTEMPT)
    Path(os.fsdecode(os.fsencode(job) + b"/caf\xe9")).write_text("1")
    stager.seen = tuple(Stager.results(stager, TASK, ATTEMPT))
    assert stager.bring_out(TASK, ATTEMPT) == ("p/caf%E9",)


def test_a_backslash_is_kept_apart_from_a_slash(stager: Swapping) -> None:
    job = stager.job_dir(ATTEMPT)
    (job / "a\\b").write_text("1")
    stager.seen = tuple(Stager.results(stager, TASK, ATTEMPT))
    assert stager.bring_out(TASK, ATTEMPT) == ("p/a\\b",)


def test_without_the_list_of_inputs_nothing_is_taken_for_a_result(stager: Swapping) -> None:
    (stager.job_dir(ATTEMPT) / "made").write_text("1")
    (stager.job_dir(ATTEMPT).parent / "inputs.json").unlink()
    with pytest.raises(NotFoundError, match="inputs"):
        Stager.results(stager, TASK, ATTEMPT)


@pytest.mark.parametrize("field", ["results_whitelist", "results_blacklist"])
def test_a_pattern_that_never_ends_is_stopped_and_others_go_on(stager: Swapping, field: str) -> None:
    job = stager.job_dir(ATTEMPT)
    (job / ("a" * 250)).write_text("1")
    hostile = dataclasses.replace(TASK, **{field: r"((a{0,100}){0,100}){0,100}$(?<=b)"})
    turns: list[float] = []
    over = threading.Event()

    def turn() -> None:
        while not over.wait(0.01):
            turns.append(time.monotonic())

    beside = threading.Thread(target=turn)
    beside.start()
    begun_s = time.monotonic()
    try:
        with pytest.raises(InvalidFieldError, match="results" + field[8:].capitalize()):
            Stager.results(stager, hostile, ATTEMPT)
    finally:
        over.set()
        beside.join(10)
    assert time.monotonic() - begun_s < 20.0
    assert len(turns) > 20, "other threads had their turns"


def test_lists_choose_and_constants_are_plain_text(stager: Swapping) -> None:
    job = stager.job_dir(ATTEMPT)
    for name in ("a.b", "axb", "a.b.tmp"):
        (job / name).write_text("1")
    chosen = dataclasses.replace(
        TASK, constants={"N": "a.b"}, results_whitelist="^${N}", results_blacklist=r"\.tmp$|${NONE}"
    )
    assert Stager.results(stager, chosen, ATTEMPT) == ["a.b"]


@pytest.mark.parametrize("text", ["(", "(" * 900 + ")" * 900, "(?P<a>(?&a))", "(?R)", "a{2,1}", "${BIG}" * 300])
def test_what_is_no_pattern_or_too_much_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldError, match="resultsWhitelist"):
        compiled("resultsWhitelist", text, {"BIG": "b" * 2048})


def test_results_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Stager(tmp_path / "jobs", FolderObjectStore(tmp_path / "objects"), OneBucket(), most_bytes=1000)
    small.bring_in(TASK, ATTEMPT)
    job = small.job_dir(ATTEMPT)
    with (job / "hole").open("wb") as file:
        file.truncate(1001)
    with pytest.raises(InvalidFieldError, match="at most 1000 in all"):
        small.bring_out(TASK, ATTEMPT)
    (job / "hole").unlink()
    monkeypatch.setattr(results, "MOST_FILES", 2)
    for number in range(3):
        (job / str(number)).touch()
    with pytest.raises(InvalidFieldError, match="at most 2"):
        small.bring_out(TASK, ATTEMPT)


def test_a_nest_too_deep_for_a_path_is_told(stager: Swapping) -> None:
    at = os.open(stager.job_dir(ATTEMPT), os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=at)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    with pytest.raises(ConflictError, match="shorter path"):
        Stager.results(stager, TASK, ATTEMPT)
    stager.clear(ATTEMPT, instance_over=True)
    assert not stager.job_dir(ATTEMPT).exists()


def test_the_final_upload_waits_for_one_that_runs(stager: Swapping) -> None:
    """Given an upload under way, when another of that instance begins, then it comes after the first."""
    job = stager.job_dir(ATTEMPT)
    for name in "ab":
        (job / name).write_text("early")
    stager.seen = ("a", "b")
    inside, go_on, answers = threading.Event(), threading.Event(), iter((True, True, False))

    def wanted() -> bool:
        answer = next(answers)
        inside.set()
        assert go_on.wait(10)
        return answer

    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(stager.bring_out, TASK, ATTEMPT, wanted=wanted)
        assert inside.wait(10)
        final = pool.submit(stager.bring_out, TASK, ATTEMPT)
        with pytest.raises(TimeoutError):
            final.result(0.1)
        go_on.set()
        assert early.result(10) == ("p/a",)
        assert final.result(10) == ("p/a", "p/b")
